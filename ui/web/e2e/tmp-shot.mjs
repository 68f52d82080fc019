import { launch } from "./browser.mjs";
const [base, ...paths] = process.argv.slice(2);
const browser = await launch();
for (const theme of ["light", "dark"]) for (const width of [1280, 400]) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: theme });
  const page = await context.newPage();
  for (const path of paths) {
    await page.goto(base + path, { waitUntil: "load" });
    await page.waitForTimeout(700);
    const over = await page.evaluate(() => ({ doc: document.documentElement.scrollWidth - innerWidth, inner: [...document.querySelectorAll(".scroll")].filter((it) => it.scrollWidth > it.clientWidth).map((it) => `${it.querySelector("th")?.textContent}:${it.scrollWidth - it.clientWidth}`) }));
    console.log(theme, width, path, JSON.stringify(over));
    await page.screenshot({ path: `/tmp/shots/${path.replace(/\W+/g, "_")}-${theme}-${width}.png`, fullPage: true });
  }
  await context.close();
}
await browser.close();
