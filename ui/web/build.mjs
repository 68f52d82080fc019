// Bundles the islands and the style sheet into the directory given as the first argument (default: dist), each file
// named by its content, with a gzip twin, and writes manifest.json: logical name -> file. `ui/build.rs` embeds them.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.resolve(process.argv[2] ?? path.join(here, "dist"));

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });

const result = await esbuild.build({
  absWorkingDir: here,
  entryPoints: {
    shell: "src/shell.ts",
    chart: "src/chart.ts",
    trace: "src/trace.ts",
    style: "styles/main.css",
    icon: "styles/icon.svg",
  },
  outdir: out,
  bundle: true,
  minify: true,
  splitting: true,
  format: "esm",
  target: ["chrome123", "firefox120", "safari17.5"],
  loader: { ".svg": "copy", ".woff2": "file" },
  entryNames: "[name]-[hash]",
  chunkNames: "chunk-[hash]",
  assetNames: "[name]-[hash]",
  charset: "utf8",
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
});

const types = { ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".woff2": "font/woff2" };
const assets = [];
for (const [file, output] of Object.entries(result.metafile.outputs)) {
  const name = path.basename(file);
  const extension = path.extname(name);
  const body = await readFile(path.join(here, file));
  const compressible = extension !== ".woff2";
  if (compressible) await writeFile(path.join(out, `${name}.gz`), gzipSync(body, { level: 9 }));
  // Entry points are asked for by their plain name; chunks and fonts only by their hashed one.
  const logical = output.entryPoint ? name.replace(/-[A-Z0-9]{8}(?=\.\w+$)/, "") : name;
  assets.push({ logical, file: name, type: types[extension], gzip: compressible });
}
// The licences of what is in the bundle go with it.
const parts = ["uplot", "@fontsource-variable/inter", "@fontsource-variable/jetbrains-mono"];
const texts = await Promise.all(parts.map(async (part) => `${part}\n\n${await readFile(path.join(here, "node_modules", part, "LICENSE"), "utf8")}`));
const licences = texts.join(`\n${"-".repeat(80)}\n\n`);
const licencesFile = `licences-${createHash("sha256").update(licences).digest("hex").slice(0, 8).toUpperCase()}.txt`;
await writeFile(path.join(out, licencesFile), licences);
await writeFile(path.join(out, `${licencesFile}.gz`), gzipSync(licences, { level: 9 }));
assets.push({ logical: "licences.txt", file: licencesFile, type: "text/plain; charset=utf-8", gzip: true });
assets.sort((a, b) => a.logical.localeCompare(b.logical));
// One asset a line, tab-separated, so that the build script needs no JSON parser.
const lines = assets.map(({ logical, file, type, gzip }) => [logical, file, type, gzip ? "gzip" : "plain"].join("\t"));
await writeFile(path.join(out, "manifest.tsv"), lines.join("\n") + "\n");
