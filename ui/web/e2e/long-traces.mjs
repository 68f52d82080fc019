// Times the page of long traces, and of an empty answer to compare with: long-traces.mjs URL TRACE_ID… [-n RUNS]
// `cargo run --release -p ui --example fixture 127.0.0.1:4320 10000 100000` has two: 09…09 and 0a…0a.
// For each the medians of the loads: first bytes, first paint, until all rows can be used, the slowest frame but one in
// twenty while it is scrolled by a page in each frame; and the number of elements of the page, which must not be above 300.
import { launch } from "./browser.mjs";

const [base, ...rest] = process.argv.slice(2);
const at = rest.indexOf("-n");
const runs = at < 0 ? 5 : Number(rest.splice(at, 2)[1]);
if (base === undefined) {
  console.error("usage: node e2e/long-traces.mjs URL TRACE_ID… [-n RUNS]");
  process.exit(2);
}

const MAX_ELEMENTS = 300;
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
const browser = await launch();

async function load(path) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
  const page = await context.newPage();
  await page.addInitScript(() => {
    new MutationObserver((_, observer) => {
      if (document.querySelector("haechi-trace[data-ready]") === null) return;
      window.readyAt = performance.now();
      observer.disconnect();
    }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-ready"] });
  });
  await page.goto(new URL(path, base).href, { waitUntil: "load" });
  if (path.startsWith("/traces/")) await page.waitForFunction(() => window.readyAt !== undefined, null, { timeout: 60_000 });
  await page.waitForTimeout(400);
  const figures = await page.evaluate(async () => {
    const scrolled = document.querySelector(".wf-scroll") ?? document.documentElement;
    const frames = [];
    let last = performance.now();
    for (let i = 0; i < 60; i += 1) {
      scrolled.scrollTop += scrolled.clientHeight;
      await new Promise((done) => requestAnimationFrame(done));
      frames.push(performance.now() - last);
      last = performance.now();
    }
    frames.sort((a, b) => a - b);
    const data = performance.getEntriesByType("resource").find((it) => it.name.endsWith("/data"));
    return {
      "first byte": performance.getEntriesByType("navigation")[0].responseStart,
      "first paint": performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
      usable: window.readyAt,
      frame: frames[Math.floor(frames.length * 0.95)],
      elements: document.querySelectorAll("*").length,
      "KB sent": data === undefined ? undefined : data.transferSize / 1000,
    };
  });
  await context.close();
  return figures;
}

for (const path of ["/assets/none", ...rest.map((id) => `/traces/${id}`)]) {
  const loads = [];
  for (let run = 0; run < runs; run += 1) loads.push(await load(path));
  const words = Object.keys(loads[0]).filter((key) => loads[0][key] !== undefined);
  console.log(path, words.map((key) => `${key} ${Math.round(median(loads.map((it) => it[key])))}`).join(", "));
  const most = Math.max(...loads.map((it) => it.elements));
  if (most <= MAX_ELEMENTS) continue;
  console.error(`${path}: ${most} elements, more than ${MAX_ELEMENTS}`);
  process.exitCode = 1;
}
await browser.close();
