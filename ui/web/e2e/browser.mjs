// Chromium as the tests start it, and a page that notes everything a healthy page does not do.
import { chromium } from "playwright-core";

const EXECUTABLE = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export function launch() {
  return chromium.launch({ executablePath: EXECUTABLE, args: FLAGS });
}

/** Collects console errors, violations of the content security policy, failed requests and uncaught errors of `page`. */
export function watch(page) {
  const problems = [];
  page.on("console", (message) => {
    if (message.type() === "error" || /content security policy/i.test(message.text())) problems.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`uncaught: ${error.message}`));
  page.on("requestfailed", (request) => {
    // A navigation away aborts what was still loading.
    if (request.failure()?.errorText !== "net::ERR_ABORTED") problems.push(`failed: ${request.url()} ${request.failure()?.errorText}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400 && response.request().resourceType() !== "document") problems.push(`${response.status()}: ${response.url()}`);
  });
  return problems;
}

/** The address of a trace with an error, or of any trace, from the search page. */
export async function someTrace(page, base) {
  for (const query of ["?errors=1&from=now-6h", "?from=now-6h"]) {
    await page.goto(`${base}/traces${query}`);
    const link = page.locator("[data-row-link]").first();
    if ((await link.count()) > 0) return new URL(await link.getAttribute("href"), base).href;
  }
  throw new Error("the box holds no trace of the last six hours");
}
