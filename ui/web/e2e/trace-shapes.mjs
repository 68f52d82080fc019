// Traces of shapes that senders get wrong, or that are more than a page was made for: each is sent as a sender would, and
// its pages are read as a person would.

import { MILLISECOND, newId, send, sendLog, span } from "./telemetry.mjs";

const HOUR = 3_600_000n * MILLISECOND;

const chain = (depth) => Array.from({ length: depth }, (_, i) => span(i + 1, i, i * 1_000, 20_000_000 - 2_000 * i, `level ${i + 1}`));

/** Name, spans, and what the rows say; all of it must be there once the page is ready. */
function shapes() {
  const query = { "db.system.name": "postgresql", "db.query.summary": "SELECT seats" };
  const calls = Array.from({ length: 10_000 }, (_, i) => span(i + 2, 1, i * 1_000_000, 800_000, "SELECT seats", { kind: 3, attributes: query, ...(i === 4_321 ? { failed: "locked" } : {}) }));
  const late = 2n * HOUR;
  return [
    { name: "fan-out", spans: [span(1, 0, 0, 10_000_000_000n, "import"), ...calls], says: ["9999 × SELECT seats", "N+1 × 9999", "SELECT seats"] },
    { name: "depth 500", spans: chain(500), says: ["level 1", "level 9"], last: "level 500" },
    { name: "depth 5,000", spans: chain(5_000), says: ["level 1", "level 9"], last: "level 5000" },
    {
      name: "gap",
      spans: [
        span(1, 0, 0, 40n * MILLISECOND, "POST /orders"), span(3, 1, 25n * MILLISECOND, 5n * MILLISECOND, "orders publish", { kind: 4 }),
        span(4, 3, late, 60n * MILLISECOND, "orders process", { kind: 5, service: "mailer", links: [] }),
      ],
      says: ["POST /orders", "orders process"], gap: true,
    },
    {
      name: "odd",
      spans: [
        span(1, 0, 0, 100n * MILLISECOND, "GET /odd"),
        span(2, 0xdead, 10n * MILLISECOND, 20n * MILLISECOND, "lost child"), span(3, 0xdead, 40n * MILLISECOND, 20n * MILLISECOND, "lost child too"),
        span(5, 1, 20n * MILLISECOND, 5n * MILLISECOND, "twin"), span(5, 1, 30n * MILLISECOND, 5n * MILLISECOND, "other twin"),
        span(6, 1, -7n * MILLISECOND, 30n * MILLISECOND, "early", { service: "pay" }),
        span(7, 8, 60n * MILLISECOND, MILLISECOND, "round"), span(8, 7, 61n * MILLISECOND, MILLISECOND, "and round"),
        span(9, 1, 70n * MILLISECOND, 0, "no length"), span(10, 1, 72n * MILLISECOND, -5n * MILLISECOND, "ends before it starts"),
        span(11, 1, 80n * MILLISECOND, 1_000, "one microsecond", { failed: "it failed", exceptions: [80n * MILLISECOND] }),
      ],
      says: ["has not arrived", "id twice", "−7 ms", "circle", "no length", "ends before it starts", "one microsecond"],
      notes: ["name a parent that has not arrived", "share an id", "starts before the parent", "circle"],
    },
  ];
}

const VIEWS = ["flame", "logs", "statistics", "graph", "links"];

/** The shapes with most kinds of marks, which are what a theme colours. */
const COLOURFUL = ["gap", "odd"];

/** Each shape in each view: what it says, that it is few elements, and that axe finds nothing. */
export async function traceShapes(page, { open, check, accessible, to, theme }) {
  const all = shapes().filter(({ name }) => theme === "light" || COLOURFUL.includes(name));
  for (const { name, spans, says, notes = [], last, gap } of all) {
    const id = newId();
    await send(to, id, BigInt(Date.now()) * MILLISECOND - 3n * HOUR, spans);
    const at = `shape ${name} ${theme}`;
    await open(page, `/traces/${id}`);
    await page.waitForSelector("haechi-trace[data-ready]");
    const rows = await page.locator(".wf-scroll").innerText();
    for (const words of says) check(rows.includes(words), `${at}: no row says ${words}`);
    for (const words of notes) check((await page.locator(".notice").allInnerTexts()).join(" ").includes(words), `${at}: it is not noted that spans ${words}`);
    const elements = await page.evaluate(() => document.querySelectorAll("*").length);
    check(elements <= 300, `${at}: the page has ${elements} elements`);
    check(gap === undefined || (await page.locator(".wf-break").count()) === 1, `${at}: the gap is not drawn`);
    await accessible(page, at);
    await page.keyboard.press("End");
    if (last !== undefined) check((await page.locator(".wf-row.is-focused").innerText()).includes(last), `${at}: the last row is not ${last}`);
    await page.keyboard.press("Enter");
    await page.waitForSelector(".span-panel .kv dt");
    await page.waitForSelector(".span-peers:not([hidden])");
    await accessible(page, `${at}, panel`);
    for (const view of VIEWS) {
      await open(page, `/traces/${id}?view=${view}`);
      if (view === "flame") await page.waitForSelector("haechi-trace[data-ready] canvas.fl-canvas");
      await accessible(page, `${at}, ${view}`);
    }
    await open(page, `/traces/compare?a=${id}&b=${id}`);
    check(await page.getByText("Both take the same time.").isVisible(), `${at}: it differs from itself`);
  }
}

/** States of the pages that are no trace, or not all of one. */
export async function traceStates(page, { check, accessible, base, to, theme }) {
  const at = (words) => `trace states ${theme}: ${words}`;
  const go = async (path, words, on = page) => {
    await on.goto(base + path, { waitUntil: "load" });
    check((await on.locator("main").innerText()).includes(words), at(`${path.slice(0, 60)} does not say ${words}`));
    await accessible(on, at(path.slice(0, 60)));
  };
  const [logged, fresh, other] = [newId(), newId(), newId()];
  const now = BigInt(Date.now()) * MILLISECOND;
  await sendLog(to, logged, 1, now, "no span was sampled");
  const request = (length) => [span(1, 0, 0, length * MILLISECOND, "GET /fresh", { kind: 2 }), span(2, 1, MILLISECOND, (length - 2n) * MILLISECOND, "work")];
  await send(to, fresh, now - 300n * MILLISECOND, request(10n));
  await send(to, other, now - 200n * MILLISECOND, request(100n));
  // On a page that nothing watches: what is not there is an error of its own.
  await go(`/traces/${newId()}`, "This trace is not stored", await page.context().newPage());
  await go(`/traces/${logged}`, "No spans");
  await go(`/traces/${fresh}`, "Spans may still be arriving");
  await go("/traces/compare", "Two traces, or groups of them");
  await go(`/traces/compare?a=${fresh}`, "B is missing");
  await go(`/traces/compare?a=${fresh}&b=status%3D`, "Query not understood");
  await go(`/traces/compare?a=${fresh}&b=${other}`, "B takes 90 ms longer than A.");
  await go(`/traces/compare?a=${fresh}&b=group`, "Median duration");
  await go(`/traces/compare?a=${fresh}&b=${encodeURIComponent('name="GET /fresh"')}&only=changed`, "All paths");
}

/** A span alone, a span left out, and clocks aligned; all of it in the address. */
export async function leftOut(page, { open, check, accessible, to }) {
  const id = newId();
  await send(to, id, BigInt(Date.now()) * MILLISECOND - 60_000n * MILLISECOND, [
    span(1, 0, 10n * MILLISECOND, 100n * MILLISECOND, "root"), span(2, 1, 20n * MILLISECOND, 50n * MILLISECOND, "first"),
    span(3, 2, 0, 10n * MILLISECOND, "too early", { service: "other" }), span(4, 2, 40n * MILLISECOND, 10n * MILLISECOND, "below"),
    span(5, 1, 90n * MILLISECOND, 10n * MILLISECOND, "second"),
  ]);
  await open(page, `/traces/${id}`);
  await page.waitForSelector("haechi-trace[data-ready]");
  const rows = async () => (await page.locator(".wf-row:not([hidden]) .wf-operation").allInnerTexts()).join(", ");
  const says = async (expected, when) => check((await rows()) === expected, `left out: ${when} the rows are ${await rows()}`);
  const whole = "root, first, too early, below, second";
  await says(whole, "at first");
  await page.keyboard.press("f");
  await page.keyboard.press("v");
  await says("first, too early, below", "after v");
  check(/only=/.test(page.url()) && /win=/.test(page.url()), "left out: what is shown alone is not in the address");
  await accessible(page, "left out, alone");
  await page.reload();
  await page.waitForSelector("haechi-trace[data-ready]");
  await says("first, too early, below", "after a reload");
  await page.keyboard.press("V");
  await says(whole, "after V");
  check(!/only=|win=/.test(page.url()), "left out: what is shown again is still in the address");
  await page.keyboard.press("x");
  await says("root, second", "after x");
  await page.keyboard.press("Home");
  await page.keyboard.press("x");
  await says("root, second", "after x on the root");
  await page.getByRole("button", { name: "Show all" }).click();
  await says(whole, "after Show all");
  // Sent 20 ms before its parent; within it there are 20 ms on either side.
  const early = page.locator(".wf-row", { hasText: "too early" });
  check((await early.innerText()).includes("−20 ms"), "left out: it is not said that a span is too early");
  await page.getByRole("button", { name: "Align clocks" }).click();
  check((await early.innerText()).includes("moved 40 ms") && await page.getByText("is a guess").isVisible(), "left out: clocks are not aligned, or it is not said that they are");
  check(/starts at 40 ms/.test(await early.locator(".wf-time-cell").getAttribute("aria-label")), "left out: the aligned span starts elsewhere");
  await accessible(page, "left out, aligned");
  await page.reload();
  await page.waitForSelector("haechi-trace[data-ready]");
  check((await early.innerText()).includes("moved 40 ms"), "left out: alignment is not in the address");
}

/** The compare page by keyboard: to the next difference, and swapped. */
export async function compareByKeyboard(page, { open, check, to }) {
  const [a, b] = [newId(), newId()];
  const begin = BigInt(Date.now()) * MILLISECOND - 60_000n * MILLISECOND;
  const trace = (charge) => [span(1, 0, 0, 200n * MILLISECOND, "GET /keys", { kind: 2 }), span(2, 1, MILLISECOND, 10n * MILLISECOND, "same"), span(3, 1, 20n * MILLISECOND, charge * MILLISECOND, "charge")];
  await send(to, a, begin, trace(20n));
  await send(to, b, begin, trace(150n));
  await open(page, `/traces/compare?a=${a}&b=${b}`);
  await page.keyboard.press("d");
  const row = () => page.evaluate(() => document.activeElement?.closest("tr")?.innerText ?? "");
  check(/charge\s+slower/.test(await row()), `compare by keyboard: d goes to ${JSON.stringify(await row())}`);
  await page.keyboard.press("Enter");
  await page.waitForURL(new RegExp(`/traces/${b}\\?`));
  await page.waitForSelector("haechi-trace[data-ready] .span-panel .kv dt");
  check((await page.locator(".span-head h2").innerText()) === "charge", "compare by keyboard: a difference does not lead to its span");
}
