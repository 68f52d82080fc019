// What senders may send and no page may be spoilt by: values of any size in charts, names of any length in tables.

/** Sends `body` as OTLP in JSON to `path`. */
function send(to, path, body) {
  return fetch(`${to}${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
}

const resource = (service) => ({ attributes: [{ key: "service.name", value: { stringValue: service } }] });
const SECOND = 1_000_000_000n;
const now = () => BigInt(Date.now()) * 1_000_000n;

/** A gauge with a line for each list of values, the last value now. */
function gauge(name, unit, lines) {
  const dataPoints = lines.flatMap((values, line) => values.map((value, i) => ({
    timeUnixNano: String(now() - BigInt(values.length - 1 - i) * 20n * SECOND), asDouble: value,
    attributes: [{ key: "line", value: { stringValue: String(line) } }],
  })));
  return { resourceMetrics: [{ resource: resource("extremes"), scopeMetrics: [{ metrics: [{ name, unit, gauge: { dataPoints } }] }] }] };
}

const constant = (value) => [Array(12).fill(value)];
const repeated = (values) => [Array(12 / values.length).fill(values).flat()];
/** Name, unit, lines, and what the ticks of the value axis say, from below. */
const CHARTS = [
  ["two_to_53", "", constant(2 ** 53), ["0", "2.00e15", "4.00e15", "6.00e15", "8.00e15"]],
  ["virtual_memory_max", "By", constant(2 ** 64), ["0 B", "4 EiB", "8 EiB", "12 EiB", "16 EiB"]],
  ["below_zero", "", constant(-9.2e18), ["-8.00e18", "-6.00e18", "-4.00e18", "-2.00e18", "0"]],
  ["googol", "", constant(1e100), null],
  ["near_the_largest", "", constant(1e300), null],
  ["largest", "", [[...Array(6).fill(Number.MAX_VALUE), ...Array(6).fill(-Number.MAX_VALUE)]], null],
  ["smallest", "", constant(5e-324), null],
  ["tiny", "s", constant(1e-40), null],
  ["mixture", "", [...constant(1e300), ...constant(1), ...constant(5e-324), ...constant(-1e300)], null],
  ["neighbours", "", repeated([2 ** 60, 2 ** 60 + 256, 2 ** 60, 2 ** 60 + 512]), null],
  ["close", "", repeated([1e6, 1e6 + 1, 1e6 + 2, 1e6 + 3]), null],
  ["zero", "", constant(0), ["0", "0.2", "0.4", "0.6", "0.8", "1"]],
  ["seconds", "s", constant(1e19), null],
  ["bytes_of_a_googol", "By", constant(1e100), null],
];

/** Each chart has a line, and ticks that are told apart by words that are short. */
export async function charts(page, { open, check, to }) {
  // Labels are drawn, so what is drawn is noted.
  await page.addInitScript(() => {
    window.drawn = [];
    const fillText = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
      if (this.textAlign === "right") window.drawn.push({ text, y });
      fillText.call(this, text, x, y);
    };
  });
  for (const [name, unit, lines] of CHARTS) {
    const answer = await send(to, "/v1/metrics", gauge(`extremes.${name}`, unit, lines));
    check(answer.ok, `charts: ${name} is refused`);
  }
  for (const [name, , , expected] of CHARTS) {
    // As the list links to it, which knows its unit.
    await open(page, "/metrics");
    await open(page, await page.locator(`.metric-item[href*="metric=extremes_${name}"]`).first().getAttribute("href"));
    await page.waitForSelector("haechi-chart canvas", { timeout: 5_000 });
    await page.waitForFunction(() => window.drawn.length > 0, undefined, { timeout: 5_000 }).catch(() => {});
    const drawn = await page.evaluate(() => window.drawn);
    const ticks = ticksOf(drawn);
    const said = `charts: the axis of ${name} says ${JSON.stringify(ticks)}`;
    check(ticks.length >= 2 && new Set(ticks).size === ticks.length && ticks.every((text) => text.length < 24 && !/NaN|Infinity/.test(text)), said);
    if (expected !== null) check(JSON.stringify(ticks) === JSON.stringify(expected), said);
    const coloured = await page.evaluate(() => {
      const canvas = document.querySelector("haechi-chart canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let n = 0;
      for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200 && Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]) > 60) n += 1;
      return n;
    });
    check(coloured > 50, `charts: no line of ${name} is drawn`);
    if (name !== "mixture") continue;
    // The axis is that of the lines that are left.
    await page.evaluate(() => { window.drawn = []; });
    await page.locator(".legend button").nth(1).click({ modifiers: ["Shift"] });
    const left = ticksOf(await page.evaluate(() => window.drawn));
    check(left.at(-1) === "1", `charts: the axis of 1 alone says ${JSON.stringify(left)}`);
  }
}

/** The words beside the ticks that were drawn, from below. */
function ticksOf(drawn) {
  return [...new Map(drawn.map(({ text, y }) => [y, text]))].sort((a, b) => b[0] - a[0]).map(([, text]) => text).filter((text) => text !== "");
}

const NAMES = ["a".repeat(300), "long-name-with-hyphens-".repeat(12), "\"><img src=x onerror=alert(1)>", "\u202eevil-rtl\u202c", "..", "日本語サービス", "   ", "nul\u0000esc\u001b[31m"];

/** A trace, a log record and a metric in which whatever can have a name has `name`. */
async function sendNames(to, name, check) {
  const attributes = [{ key: name, value: { stringValue: name } }];
  const sdk = { key: "telemetry.sdk.name", value: { stringValue: name } };
  const from = { attributes: [...resource(name).attributes, ...["service.version", "service.namespace", "telemetry.sdk.language"].map((key) => ({ key, value: { stringValue: name } })), sdk] };
  const traceId = crypto.randomUUID().replaceAll("-", "");
  const time = String(now());
  const span = { traceId, spanId: "00f067aa0ba902b7", name, kind: 2, startTimeUnixNano: time, endTimeUnixNano: time, attributes, status: { code: 2, message: name } };
  const record = { timeUnixNano: time, severityNumber: 17, severityText: name, body: { stringValue: name }, attributes, traceId, spanId: span.spanId };
  const metric = { name, unit: name, description: name, gauge: { dataPoints: [{ timeUnixNano: time, asDouble: 1, attributes }] } };
  const answers = await Promise.all([
    send(to, "/v1/traces", { resourceSpans: [{ resource: from, scopeSpans: [{ scope: { name }, spans: [span] }] }] }),
    send(to, "/v1/logs", { resourceLogs: [{ resource: from, scopeLogs: [{ scope: { name }, logRecords: [record] }] }] }),
    send(to, "/v1/metrics", { resourceMetrics: [{ resource: from, scopeMetrics: [{ metrics: [metric] }] }] }),
  ]);
  check(answers.every((it) => it.ok), `names: ${JSON.stringify(name).slice(0, 40)} is refused`);
  return traceId;
}

/** Sends the names and returns the pages that show them. */
export async function sendAllNames(to, check) {
  const pages = ["/", "/map", "/traces", "/logs", "/metrics", "/ingest", "/connect"];
  for (const name of NAMES) {
    const id = await sendNames(to, name, check);
    pages.push(`/traces/${id}`, `/traces/${id}?view=statistics`, `/traces/${id}?span=00f067aa0ba902b7`);
    if (name.length > 200) pages.push(`/services/${encodeURIComponent(name)}`, `/ingest?service=${encodeURIComponent(name)}`, `/metrics?q=${encodeURIComponent(`{"${name}"}`)}`);
  }
  return pages;
}

/** No page is wider than the window, and at 1280 pixels no table hides a column. */
export async function names(page, { open, check }, pages) {
  const wide = page.viewportSize().width >= 1280;
  for (const path of pages) {
    await open(page, path);
    if (path.startsWith("/traces/") && !path.includes("view=")) await page.waitForSelector("haechi-trace[data-ready]");
    const found = await page.evaluate(() => ({
      page: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      tables: [...document.querySelectorAll(".scroll")].map((it) => it.scrollWidth - it.clientWidth).filter((it) => it > 0),
      // What is cut off of the axis of a waterfall.
      axis: Math.max(0, ...[...document.querySelectorAll(".wf-tick:last-child")].map((it) => {
        const range = document.createRange();
        range.selectNodeContents(it);
        return range.getBoundingClientRect().right - it.parentElement.getBoundingClientRect().right;
      })),
      rows: Math.max(0, ...[...document.querySelectorAll(".list tbody tr")].map((it) => it.getBoundingClientRect().height)),
    }));
    const at = `names: ${path.slice(0, 50)} at ${page.viewportSize().width}`;
    check(found.page <= 0, `${at}: the page is ${found.page} px too wide`);
    check(found.axis <= 0, `${at}: ${found.axis} px of the axis are cut off`);
    check(!wide || found.tables.length === 0, `${at}: tables are ${found.tables} px too wide`);
    check(!wide || found.rows <= 110, `${at}: a row is ${found.rows} px high`);
  }
  await open(page, "/");
  const cut = page.locator(`.list .service bdi[title="${NAMES[0]}"]`);
  check((await cut.count()) === 1, "names: a service whose name is cut has no title with the whole");
  const turned = page.locator("a", { hasText: "\\u{202e}evil-rtl" });
  check((await turned.count()) === 1, "names: what turns text round is not written out");
  await page.locator("a[href*='name=..']").click();
  await page.waitForURL(/\/services\?/);
  check((await page.locator("h1").innerText()) === "..", "names: the service named .. has no page");
}
