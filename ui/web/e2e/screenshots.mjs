// Takes a picture of every page of a running box, light and dark, wide and narrow: screenshots.mjs URL DIRECTORY
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { launch, someTrace } from "./browser.mjs";

const [base, directory] = process.argv.slice(2);
if (base === undefined || directory === undefined) {
  console.error("usage: node e2e/screenshots.mjs URL DIRECTORY");
  process.exit(2);
}
const only = process.argv[4]?.split(",");

await mkdir(directory, { recursive: true });
const browser = await launch();
const finder = await browser.newPage();
const trace = await someTrace(finder, base);
await finder.goto(`${base}/slos`);
const slo = await finder.locator("[data-row-link]").first().getAttribute("href", { timeout: 500 }).catch(() => null);
await finder.goto(`${base}/`);
const service = await finder.locator("[data-row-link]").first().getAttribute("href", { timeout: 500 }).catch(() => null);
await finder.goto(`${base}/metrics`);
const histogram = await finder.locator('.metric-item:has-text("histogram")').first().getAttribute("href", { timeout: 500 }).catch(() => null);
await finder.close();

const pages = {
  home: "/",
  service,
  traces: "/traces",
  "traces-spans": "/traces?mode=spans&order=slowest",
  "traces-groups": "/traces?mode=groups",
  "traces-differences": "/traces?diff=errors",
  trace,
  "trace-span": trace,
  "trace-logs": `${trace}${trace.includes("?") ? "&" : "?"}view=logs`,
  "trace-time": `${trace}${trace.includes("?") ? "&" : "?"}view=statistics`,
  "trace-flame": `${trace}${trace.includes("?") ? "&" : "?"}view=flame`,
  "trace-services": `${trace}${trace.includes("?") ? "&" : "?"}view=graph`,
  compare: `/traces/compare?a=${new URL(trace).pathname.split("/").pop()}&b=group`,
  logs: "/logs",
  "log-open": "/logs?severity=warn",
  metrics: histogram,
  slos: "/slos",
  slo,
  alerts: "/alerts",
  rules: "/alerts/rules",
  sql: `/sql?q=${encodeURIComponent("SELECT service, count(*) AS spans,\n       approx_percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms) AS p95_ms\nFROM spans\nGROUP BY service\nORDER BY spans DESC")}`,
  ingest: "/ingest",
  connect: "/connect",
};

for (const theme of ["light", "dark"]) {
  for (const [size, viewport] of Object.entries({ wide: { width: 1440, height: 900 }, narrow: { width: 480, height: 900 } })) {
    const context = await browser.newContext({ viewport, colorScheme: theme, deviceScaleFactor: 1 });
    const page = await context.newPage();
    for (const [name, address] of Object.entries(pages)) {
      if (address === null || (only !== undefined && !only.includes(name))) continue;
      await page.goto(new URL(address, base).href, { waitUntil: "networkidle" });
      if (name === "traces-differences") await page.waitForSelector(".unlike .basis", { timeout: 10_000 }).catch(() => {});
      if (name.startsWith("trace")) await page.waitForSelector("haechi-trace[data-ready], .panel", { timeout: 5000 });
      if (name === "trace-span") {
        await page.waitForSelector("haechi-trace[data-ready]");
        await page.locator("haechi-trace .wf-scroll").focus();
        await page.keyboard.press("e");
        await page.keyboard.press("e");
        await page.keyboard.press("e");
        await page.keyboard.press("Enter");
        await page.waitForSelector(".span-panel .kv");
      }
      if (name === "log-open") await page.locator("details.log > summary").first().click();
      await page.evaluate(() => document.fonts.ready);
      await page.screenshot({ path: path.join(directory, `${name}-${theme}-${size}.png`) });
    }
    await context.close();
  }
}
await browser.close();
