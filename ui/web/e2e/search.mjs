// The search for traces: two of a list compared, suggestions, the heatmap.

export async function compare(page, { open, check }) {
  await open(page, "/traces?from=now-6h");
  await page.locator("td.tick input").nth(0).check();
  await page.locator("td.tick input").nth(5).check();
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  await page.waitForURL(/\/traces\/compare\?t=/);
  check(await page.getByText(/B takes .* than A/).isVisible(), "compare: nothing is said of the two");
  check((await page.locator("section[aria-label='Path by path'] tbody tr").count()) === 2, "compare: the paths are not two");
  const before = await page.locator("[aria-label='Trace A'] a").getAttribute("href");
  await page.keyboard.press("s");
  await page.waitForURL(/a=.*b=/);
  check((await page.locator("[aria-label='Trace B'] a").getAttribute("href")) === before, "compare: they are not swapped");
}

export async function completion(page, { open, check }) {
  await open(page, "/traces?from=now-6h");
  const box = page.locator("input.query");
  await box.pressSequentially("serv");
  const options = page.locator(".suggestions li");
  await options.first().waitFor();
  check((await options.first().innerText()).startsWith("service"), `completion: the first suggestion is ${await options.first().innerText()}`);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  check((await box.inputValue()) === "service=", `completion: the field became ${await box.inputValue()}`);
  await page.waitForFunction(() => [...document.querySelectorAll(".suggestions li")].some((it) => it.textContent.startsWith("payment")));
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Tab");
  check(/^service=(shop|payment|ledger) $/.test(await box.inputValue()), `completion: the value became ${await box.inputValue()}`);
  await box.fill("name=");
  await box.pressSequentially("POST");
  await options.filter({ hasText: "POST /orders" }).click();
  check((await box.inputValue()) === 'name="POST /orders" ', `completion: the name became ${await box.inputValue()}`);
  await page.keyboard.press("Enter");
  await page.waitForURL(/q=name/);
  check((await page.locator("[aria-label='Traces found'] tbody tr").count()) === 20, "completion: the completed query does not find the traces");
}

export async function heatmap(page, { open, check }) {
  await open(page, "/traces?from=now-6h");
  const spans = (text) => Number(/([\d,]+) matching span/.exec(text)?.[1].replaceAll(",", ""));
  const before = spans(await page.locator("[aria-label='Matching spans'] h2").innerText());
  check(before > 0, "heatmap: no span is counted");
  // Dragging over all of the time and the upper half of the durations.
  const box = await page.locator("svg.heatmap").boundingBox();
  await page.mouse.move(box.x + 1, box.y + 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width - 1, box.y + box.height / 2, { steps: 4 });
  await page.mouse.up();
  await page.waitForURL(/box=/);
  const [from, to, min, max] = new URL(page.url()).searchParams.get("box").split(",");
  check(from !== "" && to > from && min !== "" && max === "", `heatmap: the drag leads to ${page.url()}`);
  const after = spans(await page.locator("[aria-label='Matching spans'] h2").innerText());
  check(after === before, `heatmap: with a box, ${after} of ${before} spans are drawn`);
  check(await page.locator("svg.heatmap rect.chosen").isVisible(), "heatmap: the box is not drawn");
  await page.getByRole("link", { name: "Search only these" }).click();
  await page.waitForURL(/min=/);
  const left = spans(await page.locator("[aria-label='Matching spans'] h2").innerText());
  check(left > 0 && left < before, `heatmap: ${left} of ${before} spans are left`);
  await open(page, "/traces?from=now-6h");
  await page.keyboard.press("b");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Shift+ArrowDown");
  check(await page.locator(".brush-mark").isVisible(), "heatmap: no rectangle is chosen by keyboard");
  await page.keyboard.press("Enter");
  await page.waitForURL(/box=/);
}

const ledger = "/traces?from=now-6h&service=ledger";
const culprit = (page) => page.locator("section.unlike tbody tr").filter({ hasText: "replica-3" });

/** Slow spans chosen by dragging, what is different about them, and the search narrowed by it. */
export async function differences(page, { open, check, accessible }) {
  await open(page, ledger);
  const box = await page.locator("svg.heatmap").boundingBox();
  await page.mouse.move(box.x + 1, box.y + 1);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width - 1, box.y + box.height * 0.25, { steps: 4 });
  await page.mouse.up();
  await page.waitForURL(/box=/);
  await culprit(page).first().waitFor();
  const row = await culprit(page).first().innerText();
  check(/100 %[^]*0 %/.test(row), `differences: the row of the culprit says ${row}`);
  const listed = await page.locator("[aria-label='Traces found'] tbody tr").count();
  check(listed === 15, `differences: ${listed} traces are in the box, not 15`);
  await accessible(page, "differences");
  await culprit(page).first().getByRole("link", { name: "Only these" }).click();
  await page.waitForURL(/q=/);
  check((await page.locator("input.query").inputValue()).includes("replica-3"), "differences: the query is not narrowed");
  await page.locator("section.unlike").getByText(/fewer than 5 traces/).waitFor();
  // The link without a script leads to a page of its own.
  await open(page, ledger.replace("/traces", "/traces/differences") + "&diff=errors");
  check(await culprit(page).first().isVisible(), "differences: the page by itself has no culprit");
  await accessible(page, "differences page");
  // … and to whoever asks for them, the numbers.
  const answer = await page.request.get(page.url(), { headers: { accept: "application/json" } });
  const { data } = await answer.json();
  const names = data.differences.flatMap((it) => [it.field.name, ...it.same.map((same) => same.field.name)]);
  check(data.selected.spans === 30 && names.includes("db.replica") && !names.includes("customer"), `differences: in JSON ${JSON.stringify(data.selected)} ${names}`);
}

/** The same with the keyboard alone, for failed spans. */
export async function differencesByKeyboard(page, { open, check }) {
  await open(page, ledger);
  const tabTo = async (name) => {
    for (let i = 0; i < 80; i += 1) {
      await page.keyboard.press("Tab");
      if ((await page.evaluate(() => document.activeElement?.textContent?.trim())) === name) return;
    }
    throw new Error(`Tab does not come to ${name}`);
  };
  await tabTo("What is different about failed ones?");
  await page.keyboard.press("Enter");
  await page.waitForURL(/diff=errors/);
  await culprit(page).first().waitFor();
  await tabTo("Only these");
  await page.keyboard.press("Enter");
  await page.waitForURL(/q=/);
  check((await page.locator("[aria-label='Traces found'] tbody tr").count()) === 15, "differences by keyboard: the traces are not those of the culprit");
  await page.evaluate(() => document.activeElement instanceof HTMLElement && document.activeElement.blur());
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/traces\/[0-9a-f]{32}/);
}

/** Spans, groups, a group's traces, and two of them compared. */
export async function modes(page, { open, check, accessible }) {
  await open(page, "/traces?from=now-6h&service=ledger");
  await page.getByRole("link", { name: "Spans", exact: true }).click();
  await page.waitForURL(/mode=spans/);
  check((await page.locator("[aria-label='Spans found'] h2").innerText()) === "50 of 120 spans", `modes: ${await page.locator("[aria-label='Spans found'] h2").innerText()}`);
  await accessible(page, "spans");
  await page.locator("[name=order]").selectOption("slowest");
  await page.getByRole("button", { name: "Search", exact: true }).click();
  await page.waitForURL(/order=slowest/);
  check(page.url().includes("mode=spans"), "modes: a new search forgets the mode");
  await page.locator("[data-row-link]").first().click();
  await page.waitForURL(/span=[0-9a-f]{16}/);
  await page.waitForSelector(".span-panel .kv dt");
  await open(page, "/traces?from=now-6h");
  await page.getByRole("link", { name: "Groups", exact: true }).click();
  await page.waitForURL(/mode=groups/);
  const group = page.locator("tbody tr").filter({ hasText: "POST /entries" });
  check((await group.count()) === 1 && (await group.innerText()).startsWith("60"), "modes: the traces of one structure are not one group");
  await accessible(page, "groups");
  const compare = await group.getByRole("link", { name: "compare" }).getAttribute("href");
  await group.locator("[data-row-link]").focus();
  await page.keyboard.press("Enter");
  await page.waitForURL(/group=[0-9a-f]{16}/);
  check((await page.locator("[aria-label='Traces found'] h2").innerText()) === "50 of 60 traces", "modes: the group does not lead to its traces");
  await open(page, compare);
  check(await page.getByText(/B takes .* than A/).isVisible(), "modes: the group's median and slowest are not compared");
}

/** Which filter is in the way, and that each state is accessible in both themes. */
export async function nothing(page, { open, check, accessible }) {
  await open(page, "/traces?from=now-6h&q=http.route%3Dnowhere+AND+status%3Derror&service=ledger");
  const chips = page.locator(".killers li");
  check((await chips.first().innerText()).includes("http.route=nowhere") && /30 spans without it/.test(await chips.first().innerText()), `nothing: the first is ${await chips.first().innerText()}`);
  check((await chips.count()) === 3 && /\b0 spans without it/.test(await chips.last().innerText()), "nothing: the others are not counted");
  await accessible(page, "no results");
  await chips.first().getByRole("link").click();
  await page.waitForURL((url) => url.searchParams.get("q") === "status=error");
  check((await page.locator("[aria-label='Traces found'] tbody tr").count()) === 15, "nothing: without it nothing is found");
  await open(page, "/traces?from=now-6h&q=service%3D");
  check(await page.getByText("Query not understood").isVisible(), "nothing: half a query is no error");
  await accessible(page, "error");
  await open(page, "/traces?from=now-6h");
  await page.locator("input.query").pressSequentially("serv");
  await page.locator(".suggestions li").first().waitFor();
  await page.keyboard.press("ArrowDown");
  await accessible(page, "suggestions");
}
