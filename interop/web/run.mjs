// Serves a page and lets Chromium open it: run.mjs ENDPOINT FOLDER. Writes a manifest for each variant to FOLDER.
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";

const [endpoint, folder] = process.argv.slice(2);
const EXECUTABLE = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
/** How long a request may take, in milliseconds. */
const PATIENCE = 10_000;
/** A header that is not on the list of those that any page may send: the browser asks the box first. */
const HEADERS = { "x-tenant": "interop" };
// By what the browser sends: `navigator.sendBeacon` is a ping. The older version uses it when it has no headers of its own.
const VARIANTS = [
  { variant: "web-json", sdk: "sdk3", encoding: "json", headers: HEADERS, by: "fetch" },
  { variant: "web-protobuf", sdk: "sdk3", encoding: "protobuf", headers: HEADERS, by: "fetch" },
  { variant: "web-sdk2", sdk: "sdk2", encoding: "json", headers: HEADERS, by: "fetch" },
  { variant: "web-beacon", sdk: "sdk2", encoding: "json", headers: undefined, by: "ping" },
];

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The page's script with the packages of `sdk`. */
async function bundle(sdk) {
  const { outputFiles } = await build({
    entryPoints: [here("page.mjs")],
    nodePaths: [here(`${sdk}/node_modules`)],
    alias: { sdk: here(`${sdk}/sdk.mjs`) },
    bundle: true,
    write: false,
    format: "iife",
    platform: "browser",
    logLevel: "warning",
  });
  return outputFiles[0].text;
}

function version(sdk) {
  const name = "@opentelemetry/exporter-trace-otlp-http";
  return `${name} ${JSON.parse(readFileSync(here(`${sdk}/node_modules/${name}/package.json`), "utf8")).version}`;
}

const scripts = { "/sdk2.js": await bundle("sdk2"), "/sdk3.js": await bundle("sdk3") };
const server = createServer(({ url }, response) => {
  const script = scripts[url];
  const page = `<!doctype html><title>shop</title><script src=${url.slice(1)}.js></script>`;
  response.writeHead(200, { "content-type": `text/${script ? "javascript" : "html"}; charset=utf-8` }).end(script ?? page);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const browser = await chromium.launch({ executablePath: EXECUTABLE, args: FLAGS });
for (const { variant, sdk, encoding, headers, by } of VARIANTS) {
  const page = await browser.newPage();
  const sent = new Set();
  const done = new Set();
  const failed = [];
  const isOurs = (request) => request.url().startsWith(endpoint) && request.method() === "POST";
  page.on("request", (request) => isOurs(request) && sent.add(request));
  page.on("requestfinished", (request) => done.add(request));
  page.on("requestfailed", (request) => done.add(request) && isOurs(request) && failed.push(request.failure().errorText));
  // Of another host and another port than the box: another origin, and another site.
  await page.goto(`http://localhost:${server.address().port}/${sdk}`);
  const manifest = await page.evaluate((args) => window.send(...args), [variant, version(sdk), encoding, headers, endpoint]);
  // A beacon is still on its way when its exporter has done with it.
  const underWay = () => [...sent].filter((request) => !done.has(request)).length;
  for (const end = Date.now() + PATIENCE; underWay() > 0 && Date.now() < end; ) await page.waitForTimeout(20);
  if (underWay() > 0) manifest.complaints.push(`${underWay()} requests have no reply after ${PATIENCE} ms`);
  manifest.complaints.push(...failed.map((it) => `a request failed: ${it}`));
  const seen = new Set([...sent].map((request) => request.resourceType()));
  if (seen.size !== 1 || !seen.has(by)) manifest.complaints.push(`requests are sent by ${[...seen].join(" and ")}, not by ${by}`);
  writeFileSync(`${folder}/${variant}.json`, JSON.stringify(manifest));
  await page.close();
}
await browser.close();
server.close();
