// The pages of a box some of whose files are damaged: damaged.mjs URL
// Each says so, is accessible, and complains of nothing.
import { launch } from "./browser.mjs";
import { harness } from "./harness.mjs";

const base = process.argv[2]?.replace(/\/$/, "");
if (base === undefined) {
  console.error("usage: node e2e/damaged.mjs URL");
  process.exit(2);
}
const { check, step, accessible, open, end } = await harness(base);
const browser = await launch();
const range = "from=now-6h&to=now";
// What asks for rows that are lost says so in its own words; the others have a hint.
const pages = { "/": /damaged|could not be read/i, [`/map?${range}`]: null, [`/traces?${range}`]: /could not be read|checksum/i, [`/logs?${range}`]: /could not be read|checksum/i, [`/metrics?${range}`]: null, "/slos": null, "/alerts": null, "/ingest": /\.parquet/, "/connect": null };
for (const theme of ["light", "dark"]) {
  for (const [path, words] of Object.entries(pages)) {
    await step(browser, `damaged ${path} ${theme}`, async (page) => {
      await open(page, path);
      const text = await page.locator("body").innerText();
      check(words === null || words.test(text), `damaged ${path} ${theme}: nothing is said of the damage: ${text.slice(0, 300)}`);
      await accessible(page, `damaged ${path} ${theme}`);
    }, { colorScheme: theme });
  }
}
await browser.close();
end();
