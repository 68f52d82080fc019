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
  check(/^service=(shop|payment) $/.test(await box.inputValue()), `completion: the value became ${await box.inputValue()}`);
  await box.fill("name=");
  await box.pressSequentially("POST");
  await options.first().click();
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
  await page.waitForURL(/min=/);
  const url = new URL(page.url());
  check(url.searchParams.has("from") && url.searchParams.has("to") && !url.searchParams.has("max"), `heatmap: the drag leads to ${url.search}`);
  const after = spans(await page.locator("[aria-label='Matching spans'] h2").innerText());
  check(after > 0 && after < before, `heatmap: ${after} of ${before} spans are left`);
  await open(page, "/traces?from=now-6h");
  await page.keyboard.press("b");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Shift+ArrowDown");
  check(await page.locator(".brush-mark").isVisible(), "heatmap: no rectangle is chosen by keyboard");
  await page.keyboard.press("Enter");
  await page.waitForURL(/to=20/);
}
