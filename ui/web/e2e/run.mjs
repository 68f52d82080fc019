// Drives the main pages of a running box that holds data, as a reader would: run.mjs URL
// Ends with 0 when all is well, with 1 and a sentence for each failure when not.
import { launch, someTrace } from "./browser.mjs";
import { harness } from "./harness.mjs";
import { charts, names, sendAllNames } from "./hostile.mjs";
import { delivery, fromAlert, fromHome, fromLog, fromMap, fromObjective, overQueue, silence } from "./journeys.mjs";
import { compare, completion, differences, differencesByKeyboard, heatmap, modes, nothing } from "./search.mjs";
import { compareByKeyboard, leftOut, traceShapes, traceStates } from "./trace-shapes.mjs";

const base = process.argv[2]?.replace(/\/$/, "");
if (base === undefined) {
  console.error("usage: node e2e/run.mjs URL");
  process.exit(2);
}
const { check, step, accessible, open, end } = await harness(base);

const browser = await launch();
const finder = await browser.newPage();
const trace = await someTrace(finder, base);
await finder.close();

await step(browser, "home", async (page) => {
  await open(page, "/");
  check((await page.locator("h1").innerText()) === "Services", "home: the heading is not Services");
  check((await page.locator("[data-row-link]").count()) > 0, "home: no service is listed");
  check((await page.locator("svg.spark .line").count()) > 0, "home: no sparkline is drawn");
  await accessible(page, "home");
  await page.locator("[data-row-link]").first().click();
  await page.waitForURL(/\/services\//);
  check((await page.locator("[data-row-link]").count()) > 0, "home: the service has no operation");
  await accessible(page, "service");
});

for (const [path, heading] of [["/map", "Service map"], ["/traces", "Traces"], ["/logs", "Logs"], ["/metrics", "Metrics"], ["/slos", "Service level objectives"], ["/alerts", "Alerts"], ["/alerts/rules", "Rules"], ["/ingest", "Ingest"], ["/connect", "Connect"]]) {
  for (const theme of ["light", "dark"]) {
    await step(browser, `${path} ${theme}`, async (page) => {
      await open(page, path);
      check((await page.locator("h1").innerText()) === heading, `${path} ${theme}: the heading is not ${heading}`);
      await accessible(page, `${path} ${theme}`);
    }, { colorScheme: theme });
  }
}

await step(browser, "map", async (page) => {
  await open(page, "/map");
  check((await page.locator(".sg-node").count()) >= 2, "map: callers and called are not drawn");
  check((await page.locator("table tbody tr").count()) > 0, "map: no call is listed");
  await page.locator("svg.service-graph a").first().click();
  await page.waitForURL(/focus=/);
  await accessible(page, "map of a service");
  await page.locator("table [data-row-link]").first().click();
  await page.waitForURL(/\/traces\?/);
  check((await page.locator("[data-row-link]").count()) > 0, "map: the search behind a figure finds no trace");
});

await step(browser, "figures", async (page) => {
  await open(page, "/");
  for (const title of ["Traces with these requests", "Traces in which they failed", "Traces in which they took as long"]) {
    const link = page.locator(`a[title="${title}"]`).first();
    await open(page, await link.getAttribute("href"));
    check((await page.locator("[data-row-link]").count()) > 0, `figures: nothing is found by "${title}"`);
    await page.goBack();
  }
});

await step(browser, "trace", async (page) => {
  await open(page, trace);
  await page.waitForSelector("haechi-trace[data-ready]");
  const rows = page.locator(".wf-row:not([hidden])");
  check((await rows.count()) > 1, "trace: the waterfall has fewer than two rows");
  await rows.nth(1).click();
  await page.waitForSelector(".span-panel .kv dt");
  check(page.url().includes("span="), "trace: the selected span is not in the address");
  const whole = await rows.count();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowLeft");
  check((await rows.count()) < whole, "trace: the left arrow does not collapse the root");
  await page.keyboard.press("ArrowRight");
  check((await rows.count()) === whole, "trace: the right arrow does not expand the root");
  const drawn = () => page.locator(".wf-time-cell").evaluateAll((cells) => cells.filter((it) => getComputedStyle(it).backgroundImage.includes("gradient(to right, rgba(0, 0, 0, 0)")).length);
  check((await drawn()) > 0, "trace: no critical path is drawn");
  await page.keyboard.press("c");
  check((await drawn()) === 0, "trace: c does not hide the critical path");
  // The triangle of the root is drawn and no element.
  const name = await page.locator(".wf-row .wf-name-cell").first().boundingBox();
  await page.mouse.click(name.x + 15, name.y + name.height / 2);
  check((await rows.count()) === 1, "trace: a click on the triangle does not collapse the row");
  await page.mouse.click(name.x + 15, name.y + name.height / 2);
  check((await rows.count()) === whole, "trace: a click on the triangle does not expand the row");
  await accessible(page, "trace");
  await page.keyboard.press("Escape");
  check(await page.locator(".span-panel").isHidden(), "trace: Escape does not close the panel");
  await page.getByPlaceholder("Find in this trace").fill("zzzz");
  await page.waitForFunction(() => document.querySelector(".wf-count")?.textContent === "no span");
  await page.getByPlaceholder("Find in this trace").fill("duration >= 0ns");
  await page.waitForFunction(() => /\d+ of \d+/.test(document.querySelector(".wf-count")?.textContent ?? ""));
  check(page.url().includes("q=duration"), "trace: the search is not in the address");
  await page.getByPlaceholder("Find in this trace").fill("duration >=");
  await page.waitForSelector(".wf-count.error-text");
  await page.locator(".tabs a", { hasText: "Logs" }).click();
  await page.waitForURL(/view=logs/);
  await page.locator(".tabs a", { hasText: "Where time went" }).click();
  await page.waitForURL(/view=statistics/);
  check((await page.locator("table tbody tr").count()) > 0, "trace: the statistics are empty");
  await page.locator("[name=by]").fill("service");
  await page.keyboard.press("Enter");
  await page.waitForURL(/by=service/);
  check((await page.locator("table thead th").first().innerText()) === "Service", "trace: the statistics are not by service");
  await page.locator(".tabs a", { hasText: "Services" }).click();
  await page.waitForURL(/view=graph/);
  check((await page.locator(".sg-node").count()) > 0, "trace: no service is drawn");
  await accessible(page, "trace graph");
  await page.locator(".tabs a", { hasText: "Links" }).click();
  await page.waitForURL(/view=links/);
  await accessible(page, "trace links");
});

await step(browser, "trace by keyboard", async (page) => {
  await open(page, trace);
  await page.waitForSelector("haechi-trace[data-ready]");
  const rows = page.locator(".wf-row:not([hidden])");
  const focused = () => page.locator(".wf-row.is-focused").getAttribute("aria-rowindex");
  for (const name of ["aria-level", "aria-posinset", "aria-setsize", "aria-rowindex"]) {
    check((await rows.first().getAttribute(name)) === "1", `trace: the first row has no ${name} of 1`);
  }
  check((await rows.first().boundingBox()).height >= 24, "trace: a row is lower than 24 pixels");
  check(/starts at .* lasts .* % of the trace/.test(await page.locator(".wf-time-cell").first().getAttribute("aria-label")), "trace: a bar has no words");
  await page.keyboard.press("f");
  check((await focused()) === "2", "trace: f does not go to the next span");
  await page.keyboard.press("b");
  check((await focused()) === "1", "trace: b does not go back");
  const whole = await rows.count();
  await page.keyboard.press("p");
  check((await rows.count()) < whole, "trace: p collapses no level");
  await page.keyboard.press("o");
  check((await rows.count()) === whole, "trace: o does not expand the level");
  await page.keyboard.press("f");
  await page.keyboard.press("u");
  check((await focused()) === "1", "trace: u does not go to the parent");
  await page.keyboard.press("End");
  await page.keyboard.press("z");
  check(page.url().includes("win="), "trace: the zoom is not in the address");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".span-panel .kv dt");
  const before = { span: await page.locator(".span-head h2").innerText(), axis: await page.locator(".wf-axis").innerText() };
  await page.reload();
  await page.waitForSelector("haechi-trace[data-ready]");
  check((await page.locator(".span-head h2").innerText()) === before.span, "trace: the address does not bring the span back");
  check((await page.locator(".wf-axis").innerText()) === before.axis, "trace: the address does not bring the zoom back");
  await page.locator(".tabs a", { hasText: "Flame" }).click();
  await page.waitForSelector("haechi-trace[data-ready] canvas.fl-canvas");
  check(page.url().includes("win=") && page.url().includes("span="), "trace: the flame graph forgets zoom and span");
  await accessible(page, "trace flame");
});

await step(browser, "trace search", async (page) => {
  await open(page, "/traces?from=now-6h");
  await page.locator("[name=service]").fill("no-such-service");
  await page.getByRole("button", { name: "Search", exact: true }).click();
  await page.waitForURL(/service=no-such-service/);
  check(await page.getByText("No trace matches").isVisible(), "trace search: a service that is not there has traces");
  check(!page.url().includes("min="), "trace search: empty fields are in the address");
});

await step(browser, "compare", (page) => compare(page, { open, check }));

await step(browser, "completion", (page) => completion(page, { open, check }));

await step(browser, "heatmap", (page) => heatmap(page, { open, check }));

await step(browser, "differences by keyboard", (page) => differencesByKeyboard(page, { open, check }));

for (const colorScheme of ["light", "dark"]) {
  const tools = { open, check, accessible: (page, name) => accessible(page, `${name} ${colorScheme}`) };
  await step(browser, `differences ${colorScheme}`, (page) => differences(page, tools), { colorScheme });
  await step(browser, `modes ${colorScheme}`, (page) => modes(page, tools), { colorScheme });
  await step(browser, `nothing ${colorScheme}`, (page) => nothing(page, tools), { colorScheme });
}

await step(browser, "log search", async (page) => {
  await open(page, "/logs?from=now-6h");
  const first = page.locator("details.log").first();
  await first.locator("summary").click();
  check(await first.locator(".log-detail").isVisible(), "log search: a record does not unfold");
  const word = (await first.locator(".log-body").innerText()).match(/\p{L}{4,}/u)?.[0] ?? "the";
  await page.locator("[name=q].query").fill(word);
  await page.keyboard.press("Enter");
  await page.waitForURL(/q=/);
  check((await page.locator("details.log").count()) > 0, `log search: nothing holds ${word}, which a record has`);
  check((await page.locator("svg.histogram a").count()) > 10, "log search: no histogram is drawn");
  const link = page.locator(".log-trace").first();
  if ((await link.count()) > 0) {
    await link.click();
    await page.waitForURL(/\/traces\/[0-9a-f]{32}/);
    await page.waitForSelector("haechi-trace[data-ready]");
  }
});

await step(browser, "metrics", async (page) => {
  await open(page, "/metrics?from=now-6h");
  await page.getByPlaceholder(/Find among/).fill("duration");
  await page.locator(".metric-item:not([hidden])").first().click();
  await page.waitForURL(/metric=/);
  await page.waitForSelector("haechi-chart canvas");
  check((await page.locator("#promql").inputValue()).length > 0, "metrics: the query is empty");
  await page.locator("haechi-chart [role=img]").focus();
  await page.keyboard.press("ArrowRight");
  check((await page.locator(".readout").innerText()).length > 0, "metrics: the arrow keys read no value");
  const chart = await page.locator("haechi-chart .u-over").boundingBox();
  await page.mouse.move(chart.x + chart.width * 0.6, chart.y + 40);
  await page.mouse.down();
  await page.mouse.move(chart.x + chart.width * 0.9, chart.y + 40, { steps: 5 });
  await page.mouse.up();
  await page.waitForURL(/to=20/);
  await accessible(page, "metrics");
});

await step(browser, "slo", async (page) => {
  await open(page, "/slos");
  if ((await page.locator("[data-row-link]").count()) === 0) return;
  await page.locator("[data-row-link]").first().click();
  await page.waitForURL(/\/slos\/./);
  check(await page.locator("main").getByText(/budget/i).first().isVisible(), "slo: no budget is shown");
  check((await page.locator("svg.meter").count()) > 0, "slo: no budget bar is drawn");
  await accessible(page, "slo");
});

// The page knows where telemetry goes; the steps send from here, as a program would.
const otlp = async (page) => (await page.locator(".endpoints [data-copy]").nth(1).innerText()).trim();
const export1 = (base, path, service, id) => {
  const end = `${Date.now()}000000`;
  const spans = [{ traceId: id, spanId: "00f067aa0ba902b7", name: "hello", kind: 1, startTimeUnixNano: end, endTimeUnixNano: end }];
  const resource = { attributes: [{ key: "service.name", value: { stringValue: service } }] };
  const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] });
  return fetch(`${base}${path}`, { method: "POST", headers: { "content-type": "application/json" }, body });
};

await step(browser, "ladder", async (page) => {
  await open(page, "/connect");
  const to = await otlp(page);
  const rung = (n) => page.locator(`.rung[data-step="${n}"]`);
  await page.waitForFunction(() => document.querySelector("[data-ladder-state]")?.textContent === "live");
  check((await export1(to, "/v1/trace", "ladder", "1")).status === 404, "ladder: a wrong path is not refused");
  await page.waitForSelector('.rung[data-step="2"][data-state="failed"]', { timeout: 2_000 });
  check((await rung(2).innerText()).includes("/v1/trace is not the path; it is /v1/traces"), "ladder: the mistake is not named");
  check(await page.locator(".rejected").getByText("it is /v1/traces").isVisible(), "ladder: the rejected attempt is not listed");
  await accessible(page, "ladder, failed");
  const id = crypto.randomUUID().replaceAll("-", "");
  const sent = Date.now();
  check((await export1(to, "/v1/traces", `ladder-${id.slice(0, 6)}`, id)).ok, "ladder: a right request is refused");
  await page.waitForSelector(`.rung[data-step="4"][data-state="done"] a[href="/traces/${id}"]`, { timeout: 5_000 });
  const took = Date.now() - sent;
  check(took <= 2_000, `ladder: the span was visible after ${took} ms, not within 2 s`);
  console.log(`       a span is on the ladder ${took} ms after it was sent`);
  check((await page.locator("ol.ladder").count()) === 1 && (await page.locator("[data-ladder-target][aria-live=polite]").count()) === 1, "ladder: it is no live ordered list");
  await accessible(page, "ladder, stored");
  await rung(4).locator("a").focus();
  await page.keyboard.press("Enter");
  await page.waitForURL(new RegExp(`/traces/${id}`));
  await page.waitForSelector("haechi-trace[data-ready]");
});

await step(browser, "ingest", async (page) => {
  await open(page, "/ingest");
  check((await page.locator("#senders [data-row-link]").count()) > 0, "ingest: nobody sends");
  check(await page.locator("#reasons").getByText("it is /v1/traces").first().isVisible(), "ingest: the refused request has no reason");
  await page.getByRole("link", { name: "Bytes" }).focus();
  await page.keyboard.press("Enter");
  await page.waitForURL(/sort=bytes/);
  check((await page.locator('th[aria-sort="descending"]').innerText()).includes("Bytes"), "ingest: the table is not in the order that was chosen");
  await page.getByRole("searchbox", { name: "Service" }).fill("no-such-service");
  await page.keyboard.press("Enter");
  await page.waitForURL(/service=no-such-service/);
  check(page.url().includes("sort=bytes"), "ingest: the filter loses the order");
  check(await page.getByText("No service of that name").isVisible(), "ingest: a service that is not there has sent");
  await accessible(page, "ingest, no match");
  const asked = page.waitForResponse((answer) => answer.url().includes("/ingest/now"));
  await page.evaluate(() => document.activeElement instanceof HTMLElement && document.activeElement.blur());
  check((await asked).ok(), "ingest: it does not refresh itself");
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  check(wide <= 0, `ingest: the page is ${wide} px too wide`);
});

await step(browser, "nothing is too wide", async (page) => {
  for (const path of ["/", "/map", "/ingest", "/connect"]) {
    await open(page, path);
    const wide = await page.evaluate(() => [...document.querySelectorAll(".scroll")].filter((it) => it.scrollWidth > it.clientWidth).map((it) => it.scrollWidth - it.clientWidth));
    check(wide.length === 0, `${path}: a table is ${wide} px too wide at 1280`);
  }
}, { viewport: { width: 1280, height: 900 } });

await step(browser, "nothing is too wide on a phone", async (page) => {
  for (const path of ["/", "/services/shop", "/map", "/ingest", "/connect"]) {
    await open(page, path);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check(wide <= 0, `${path}: the page is ${wide} px too wide at 390`);
    const scrolled = await page.evaluate(() => [...document.querySelectorAll(".scroll")].filter((it) => it.scrollWidth > it.clientWidth).map((it) => it.scrollWidth - it.clientWidth));
    check(["/ingest", "/connect"].includes(path) || scrolled.length === 0, `${path}: a table is ${scrolled} px too wide at 390`);
    // A word of an advice may be longer than the line, such as an environment variable with its value.
    const cut = await page.evaluate(() => [...document.querySelectorAll(".fix")].filter((it) => it.scrollWidth > it.clientWidth).map((it) => it.textContent));
    check(cut.length === 0, `${path}: an advice does not fit: ${cut[0]}`);
  }
}, { viewport: { width: 390, height: 844 } });

await step(browser, "theme", async (page) => {
  await open(page, "/");
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.getByLabel("Theme and time zone").click();
  await page.locator("[data-theme-choice=dark]").click();
  const dark = await ground();
  await page.goto(`${base}/logs`);
  check((await ground()) === dark, "theme: the choice is not remembered");
  check((await page.locator("html").getAttribute("data-theme")) === "dark", "theme: the server does not write it into the page");
  await page.getByLabel("Theme and time zone").click();
  await page.locator("[data-theme-choice=light]").click();
  check((await ground()) !== dark, "theme: light looks like dark");
});

await step(browser, "keyboard", async (page) => {
  await open(page, "/traces?from=now-6h");
  await page.keyboard.press("Tab");
  check((await page.evaluate(() => document.activeElement?.className)) === "skip", "keyboard: the first stop is not the skip link");
  await page.keyboard.press("/");
  check((await page.evaluate(() => document.activeElement?.getAttribute("name"))) === "q", "keyboard: / does not focus the search");
  await page.keyboard.press("Escape");
  await page.locator("h1").click();
  await page.keyboard.press("?");
  check(await page.locator("#help").isVisible(), "keyboard: ? opens no help");
  await accessible(page, "help");
  await page.keyboard.press("Escape");
  await page.evaluate(() => document.activeElement instanceof HTMLElement && document.activeElement.blur());
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  check(await page.evaluate(() => document.activeElement?.matches("[data-row-link]") ?? false), "keyboard: j moves to no row");
  await page.keyboard.press("g");
  await page.keyboard.press("l");
  await page.waitForURL(/\/logs/);
  check(page.url().includes("from=now-6h"), "keyboard: going to another page loses the range");
});

await step(browser, "without javascript", async (page) => {
  await open(page, trace);
  check((await page.locator(".wf-table tr").count()) > 1, "without javascript: the trace shows no spans");
  await open(page, "/logs?from=now-6h");
  await page.locator("details.log > summary").first().click();
  check(await page.locator(".log-detail").first().isVisible(), "without javascript: a record does not unfold");
}, { javaScriptEnabled: false });

// Last, since what they send stays.
const finding = await browser.newPage();
await finding.goto(`${base}/connect`);
const receiver = await otlp(finding);
await finding.close();
for (const theme of ["light", "dark"]) {
  await step(browser, `trace shapes ${theme}`, (page) => traceShapes(page, { open, check, accessible, to: receiver, theme }), { colorScheme: theme });
  await step(browser, `trace states ${theme}`, (page) => traceStates(page, { check, accessible, base, to: receiver, theme }), { colorScheme: theme });
}
await step(browser, "left out", (page) => leftOut(page, { open, check, accessible, to: receiver }));
const journeys = { "over a queue": overQueue, "from home": fromHome, "from a log": fromLog, "from the map": fromMap, "from an objective": fromObjective, "from an alert": fromAlert, silence, delivery };
for (const theme of ["light", "dark"]) {
  for (const [name, journey] of Object.entries(journeys)) {
    const tools = { open, check, accessible: (page, at) => accessible(page, `${at} ${theme}`), to: receiver };
    await step(browser, `${name} ${theme}`, (page) => journey(page, tools), { colorScheme: theme });
  }
}
await step(browser, "compare by keyboard", (page) => compareByKeyboard(page, { open, check, to: receiver }));
await step(browser, "charts", (page) => charts(page, { open, check, to: receiver }));
const named = [...(await sendAllNames(receiver, check)), new URL(trace).pathname];
for (const width of [1280, 390]) {
  await step(browser, `names at ${width}`, (page) => names(page, { open, check }, named), { viewport: { width, height: 900 } });
}

await browser.close();
end();
