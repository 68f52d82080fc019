// From page to page, as somebody follows a question: by keyboard alone.
import { MILLISECOND, newId, send, sendLog, span } from "./telemetry.mjs";

/** Presses Tab until the focus is on what `selector` names. */
async function tabTo(page, selector) {
  for (let presses = 0; presses < 250; presses += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector)) return;
  }
  throw new Error(`Tab does not lead to ${selector}`);
}

/** From a trace over a queue to the one that took the message, and back, by keyboard alone. */
export async function overQueue(page, { open, check, accessible, to }) {
  const [sender, receiver] = [newId(), newId()];
  const begin = BigInt(Date.now()) * MILLISECOND - 120_000n * MILLISECOND;
  await send(to, sender, begin, [span(1, 0, 0, 20n * MILLISECOND, "POST /orders", { kind: 2 }), span(2, 1, 5n * MILLISECOND, 5n * MILLISECOND, "orders publish", { kind: 4 })]);
  await send(to, receiver, begin + 2_500n * MILLISECOND, [span(3, 0, 0, 9n * MILLISECOND, "orders process", { kind: 5, links: [[sender, 2]] })]);
  await open(page, `/traces/${sender}`);
  await page.waitForSelector("haechi-trace[data-ready]");
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".span-panel .kv dt");
  await tabTo(page, ".span-panel a[href*='view=links']");
  await page.keyboard.press("Enter");
  await page.waitForURL(/view=links/);
  await tabTo(page, `main table a[href*='${receiver}']`);
  check((await page.locator("main table").last().innerText()).includes("2.5 s later"), "queue: it is not said how long the message waited");
  await page.keyboard.press("Enter");
  await page.waitForURL(new RegExp(receiver));
  await page.waitForSelector("haechi-trace[data-ready] .span-panel .kv dt");
  // Both in one waterfall, with the time in the queue, and back to one.
  await tabTo(page, ".span-panel a[href*='with=']");
  await page.keyboard.press("Enter");
  await page.waitForURL(/with=/);
  await page.waitForSelector("haechi-trace[data-ready]");
  const rows = (await page.locator(".wf-scroll").innerText()).replace(/\s+/g, " ");
  check(/orders process .*POST \/orders .*orders publish/.test(rows), `queue: the waterfall of both says ${rows}`);
  check((await page.locator(".wf-queue").count()) === 1, "queue: the time in the queue is not drawn");
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".span-panel .kv dt");
  check((await page.locator(".span-head h2").innerText()) === "orders publish", "queue: a span of the linked trace has no panel");
  await accessible(page, "queue, both traces");
  await page.reload();
  await page.waitForSelector("haechi-trace[data-ready] .wf-row[aria-selected=true]");
  await page.goBack();
  await page.waitForSelector("haechi-trace[data-ready] .span-panel .kv dt");
  await tabTo(page, `.span-panel a[href*='${sender}']`);
  await page.keyboard.press("Enter");
  await page.waitForURL(new RegExp(`/traces/${sender}`));
  await page.waitForSelector("haechi-trace[data-ready] .span-panel .kv dt");
  check((await page.locator(".span-head h2").innerText()) === "orders publish", "queue: the way back does not lead to the span that sent");
}

/** From a line of the log to its trace, to traces like it, and to the logs around a span, by keyboard alone. */
export async function fromLog(page, { open, check, to }) {
  const id = newId();
  const begin = BigInt(Date.now()) * MILLISECOND - 60_000n * MILLISECOND;
  const word = `journey${id.slice(0, 8)}`;
  await send(to, id, begin, [span(1, 0, 0, 20n * MILLISECOND, "GET /journey", { kind: 2 }), span(2, 1, 5n * MILLISECOND, 5n * MILLISECOND, "charge", { failed: "declined" })]);
  await sendLog(to, id, 2, begin + 6n * MILLISECOND, word, [{ key: "exception.type", value: { stringValue: "DeclinedError" } }, { key: "exception.message", value: { stringValue: "no money" } }]);
  await open(page, "/logs?from=now-1h");
  await page.keyboard.press("/");
  await page.keyboard.type(word);
  await page.keyboard.press("Enter");
  await page.waitForURL(new RegExp(`q=${word}`));
  await tabTo(page, `a[href*='/traces/${id}']`);
  await page.keyboard.press("Enter");
  await page.waitForURL(new RegExp(`/traces/${id}`));
  await page.waitForSelector("haechi-trace[data-ready]");
  check((await page.locator(".wf-exception").count()) === 1, "journey: the exception of the log is not on the bar of its span");
  await page.evaluate(() => document.activeElement instanceof HTMLElement && document.activeElement.blur());
  await page.keyboard.press("e");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".span-panel .moment.exception");
  await tabTo(page, ".span-panel a[href*='/logs']");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/logs\?/);
  check((await page.locator("main").innerText()).includes(word), "journey: the logs around the span lack its record");
  await page.goBack();
  await page.waitForSelector("haechi-trace[data-ready] .span-panel .kv dt");
  await tabTo(page, ".span-panel a[href*='operation=charge']");
  await page.keyboard.press("Enter");
  await page.waitForURL(/operation=charge/);
  check((await page.locator(`main a[href*='${id}']`).count()) > 0, "journey: traces like it do not include it");
}

/** From the services to one of them, to an operation, to its slowest trace and to where its time went, by keyboard alone. */
export async function fromHome(page, { open, check }) {
  const press = async (...keys) => { for (const key of keys) await page.keyboard.press(key); };
  await open(page, "/?from=now-6h");
  for (let presses = 0; presses < 20; presses += 1) {
    await press("j");
    if (await page.evaluate(() => document.activeElement?.getAttribute("href")?.startsWith("/services/shop") ?? false)) break;
  }
  await press("Enter");
  await page.waitForURL(/\/services\/shop/);
  await press("j", "Enter");
  await page.waitForURL(/\/traces\?.*operation=/);
  check((await page.locator("main input[type=text][name=operation]").inputValue()) === "POST /orders", "from home: the search is not for the operation");
  await tabTo(page, "[name=order]");
  await page.keyboard.type("Slow");
  await tabTo(page, "main form button:not([type=button])");
  await press("Enter");
  await page.waitForURL(/order=slowest/);
  await page.evaluate(() => document.activeElement instanceof HTMLElement && document.activeElement.blur());
  await press("j", "Enter");
  await page.waitForURL(/\/traces\/[0-9a-f]{32}/);
  await page.waitForSelector("haechi-trace[data-ready]");
  check((await page.locator(".facts dd").nth(1).innerText()) === "1 s", "from home: the trace is not the slowest");
  await tabTo(page, ".tabs a[href*='view=statistics']");
  await press("Enter");
  await page.waitForURL(/view=statistics/);
  check(/shop\s+POST \/orders/.test(await page.locator("main table tbody tr").filter({ hasText: "POST /orders" }).innerText()), "from home: the operation is not among where time went");
  await tabTo(page, "main .page-head a[href*='compare']");
  await press("Enter");
  await page.waitForURL(/\/traces\/compare/);
  check((await page.locator("main").innerText()).includes("Median duration"), "from home: the trace is not compared with its group");
}

/** From a call on the map to the traces behind it, and to the statement of the slowest. */
export async function fromMap(page, { open, check, to }) {
  const begin = BigInt(Date.now()) * MILLISECOND - 60_000n * MILLISECOND;
  const statement = (length) => "SELECT seat FROM plan WHERE length = " + length;
  const query = (length) => ({ "db.system.name": "postgresql", "db.namespace": "plans", "db.query.text": statement(length) });
  for (const length of [20n, 900n, 40n]) {
    await send(to, newId(), begin, [
      span(1, 0, 0, (length + 10n) * MILLISECOND, "GET /plan", { kind: 2, service: "planner" }),
      span(2, 1, MILLISECOND, length * MILLISECOND, "SELECT plan", { kind: 3, service: "planner", attributes: query(length) }),
    ]);
  }
  await open(page, "/map?from=now-1h&to=now&focus=planner");
  await tabTo(page, "main table [data-row-link][href*='plans']");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/traces\?/);
  await tabTo(page, "[name=order]");
  await page.keyboard.type("Slow");
  await tabTo(page, "main form button:not([type=button])");
  await page.keyboard.press("Enter");
  await page.waitForURL(/order=slowest/);
  await page.evaluate(() => document.activeElement instanceof HTMLElement && document.activeElement.blur());
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/traces\/[0-9a-f]{32}/);
  await page.waitForSelector("haechi-trace[data-ready]");
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".span-panel .kv dt");
  check((await page.locator(".span-panel").innerText()).includes(statement(900n)), "from the map: the slowest statement is not in the panel");
}

/** From an objective to a request that burned its budget, and to all such requests. */
export async function fromObjective(page, { open, check }) {
  await open(page, "/slos");
  await tabTo(page, "main [data-row-link][href*='shop']");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/slos\/./);
  await tabTo(page, "main a[data-row-link][href*='/traces/']");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/traces\/[0-9a-f]{32}/);
  await page.waitForSelector("haechi-trace[data-ready]");
  check((await page.locator(".wf-row.bad, .wf-row.is-error, .wf-row .error-text").count()) > 0, "from an objective: the trace of a bad request has no failed span");
  await page.goBack();
  await tabTo(page, "main a[href*='/traces?']");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/traces\?/);
  check((await page.locator("main [data-row-link]").count()) > 0, "from an objective: the search finds no bad request");
}

/** From an alert that fires to what the bad requests have in common, to one of them, and to the logs around it. */
export async function fromAlert(page, { open, check, accessible }) {
  await open(page, "/alerts");
  const firing = "main [data-row-link][href*='ledger']";
  for (let waited = 0; waited < 60 && (await page.locator(firing).count()) === 0; waited += 1) {
    await page.waitForTimeout(1000);
    await page.reload();
  }
  await tabTo(page, firing);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/slos\/./);
  check((await page.locator("main").innerText()).includes("firing"), "from an alert: its objective does not say that it fires");
  await tabTo(page, "main a[href*='diff=']");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/traces\?.*diff=/);
  const found = page.locator(".unlike table");
  await found.waitFor();
  const words = await found.innerText();
  check(words.includes("db.replica") && words.includes("replica-3"), `from an alert: the differences are ${words.slice(0, 200)}`);
  await accessible(page, "from an alert, differences");
  await tabTo(page, ".unlike a[href*='replica-3']");
  await page.keyboard.press("Enter");
  await page.waitForURL(/replica-3/);
  await page.locator("main [data-row-link]").first().waitFor();
  await tabTo(page, "main [data-row-link][href*='/traces/']");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/traces\/[0-9a-f]{32}/);
  await page.waitForSelector("haechi-trace[data-ready]");
  check((await page.locator(".wf-row.is-error").count()) > 0, "from an alert: the trace has no failed span");
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".span-panel .kv dt");
  await tabTo(page, ".span-panel a[href*='/logs']");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/logs\?/);
}

/** From an alert that fires to a silence of it and back, by keyboard alone. */
export async function silence(page, { open, check, accessible }) {
  await open(page, "/alerts");
  await tabTo(page, "main a.button[href*='/alerts/silence?'][href*='ledger']");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/alerts\/silence\?matchers=/);
  check((await page.locator("section[aria-label='Firing now'] tbody tr").count()) > 0, "silence: the preview does not have the alert that fires");
  await accessible(page, "silence");
  await tabTo(page, "[name=by]");
  await page.keyboard.type("journey");
  await tabTo(page, "[name=comment]");
  await page.keyboard.type("they know");
  // Enter in a field is a look at what it matches; what is entered stays.
  await page.keyboard.press("Enter");
  await page.waitForURL(/comment=they/);
  check((await page.locator("[name=by]").inputValue()) === "journey", "silence: the preview forgets what was entered");
  await tabTo(page, "form button.primary");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/alerts\/?(#silences)?$/);
  check((await page.locator("#silences tbody tr").first().innerText()).includes("they know"), "silence: it is not in the list");
  check((await page.locator("main .badge[title='journey: they know']").count()) > 0, "silence: the alert is not marked as silenced");
  await open(page, "/alerts");
  await tabTo(page, "#silences form[action*='/expire'] button");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/alerts\/?(#silences)?$/);
  await page.waitForFunction(() => document.querySelector("#silences tbody tr .badge")?.textContent === "expired");
  check((await page.locator("main .badge[title='journey: they know']").count()) === 0, "silence: the alert is still marked");
}

/** A test of a receiver and what went over the wire, by keyboard alone. */
export async function delivery(page, { open, check, accessible }) {
  await open(page, "/alerts");
  await tabTo(page, "#receivers form button");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/alerts\/deliveries\/\d+/);
  check((await page.locator("section[aria-label=Request] pre").innerText()).includes("TestNotification"), "delivery: the request is not shown");
  check((await page.locator("section[aria-label=Attempts] tbody tr").count()) === 1, "delivery: a test has more than one attempt");
  await accessible(page, "delivery");
  await open(page, "/alerts");
  await tabTo(page, "#receivers a[href*='/alerts/deliveries/']");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/alerts\/deliveries\/\d+/);
}
