// Versions of installed packages, for the report.
import { readFileSync } from "node:fs";

/** The version of `@opentelemetry/name`. */
export function version(name) {
  return JSON.parse(readFileSync(new URL(`node_modules/@opentelemetry/${name}/package.json`, import.meta.url), "utf8")).version;
}
