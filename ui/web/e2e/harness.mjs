// What each script of steps is made of: steps that run on pages of their own, checks, and what was wrong in the end.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { watch } from "./browser.mjs";

export async function harness(base) {
  const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  const failures = [];

  function check(condition, sentence) {
    if (!condition) failures.push(sentence);
  }

  /** Runs one step on a page of its own; what it throws and what the page complains of are failures. */
  async function step(browser, name, act, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    const problems = watch(page);
    try {
      await act(page);
    } catch (error) {
      failures.push(`${name}: ${String(error.message).split("\n").slice(0, 3).join(" ")}`);
    }
    for (const problem of new Set(problems)) failures.push(`${name}: ${problem}`);
    await context.close();
    console.log(`${failures.some((it) => it.startsWith(name)) ? "FAILED" : "ok    "} ${name}`);
  }

  /** Serious violations of WCAG 2.2 AA that axe finds. The script runs outside the page's content security policy. */
  async function accessible(page, name) {
    await page.evaluate(axe);
    const found = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] }));
    for (const violation of found.violations) {
      failures.push(`${name}: axe ${violation.id}: ${violation.help}, for example ${violation.nodes[0]?.html.slice(0, 160)}`);
    }
  }

  async function open(page, path) {
    const response = await page.goto(new URL(path, base).href, { waitUntil: "load" });
    check(response?.ok(), `${path}: answered ${response?.status()}`);
  }

  /** Says what failed, and ends with 1 if anything did. */
  function end() {
    if (failures.length === 0) return;
    console.error(`\n${failures.length} failures:`);
    for (const failure of failures) console.error(`- ${failure}`);
    process.exit(1);
  }

  return { check, step, accessible, open, end };
}
