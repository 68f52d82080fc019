// Holds what a box answers to what SDKs sent it: check.mjs UI MANIFEST…
// Each sender wrote a manifest (docs/interop.md) and used a service name of its own. Everything in a manifest must come back
// with every value, and nothing else. Ends with 1 when something does not.
import { readFileSync } from "node:fs";
import { exemplarFailures, logFailures, number, pointFailures, spanFailures } from "./check/tables.mjs";

const [ui, ...files] = process.argv.slice(2);
const SHOWN_FAILURES = 12;
const manifests = files.map((file) => JSON.parse(readFileSync(file, "utf8")));
const serviceOf = (manifest) => manifest.spans[0]?.resource["service.name"].string ?? `interop-${manifest.variant}`;

async function ask(path, form) {
  const body = form && new URLSearchParams(form);
  const response = await fetch(`${ui}${path}`, body && { method: "POST", body });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} answers ${response.status}: ${text}`);
  return JSON.parse(text);
}

async function sql(statement) {
  const response = await fetch(`${ui}/api/v1/sql?limit=1000000`, { method: "POST", body: statement });
  const text = await response.text();
  if (!response.ok) throw new Error(`${statement} answers ${response.status}: ${text}`);
  const { rows, truncated, warnings } = JSON.parse(text);
  if (truncated || warnings.length > 0) throw new Error(`${statement} is not whole: ${warnings}`);
  return rows;
}

/** Every trace by its id, as Jaeger shows it: the same spans under the same parents, of whatever service they are. */
async function traceFailures(manifest) {
  const wanted = new Map();
  for (const { trace_id, span_id, parent_span_id } of manifests.flatMap((it) => it.spans)) {
    wanted.set(trace_id, [...(wanted.get(trace_id) ?? []), `${span_id} under ${parent_span_id}`]);
  }
  const failures = [];
  for (const trace of new Set(manifest.spans.map((it) => it.trace_id))) {
    const { data } = await ask(`/api/traces/${trace}`);
    const shown = data[0].spans.map(({ spanID, references }) => {
      const parent = references.find((it) => it.refType === "CHILD_OF" && it.traceID === trace);
      return `${spanID} under ${parent?.spanID ?? null}`;
    });
    const [sent, came] = [wanted.get(trace).sort().join(", "), shown.sort().join(", ")];
    if (sent !== came) failures.push(`trace ${trace}: sent ${sent}; shown ${came}`);
  }
  return failures;
}

/** The records by the API of logs: as many, each with its severity and in its trace. Their order is not looked at. */
async function searchFailures(manifest) {
  if (manifest.logs.length === 0) return [];
  const { logs } = await ask("/api/v1/logs", { query: `service.name="${serviceOf(manifest)}"`, limit: "5000" });
  const key = ({ severity_number, trace_id, span_id }) => `${severity_number} ${trace_id}/${span_id}`;
  const [sent, shown] = [manifest.logs, logs].map((records) => records.map(key).sort().join(", "));
  return sent === shown ? [] : [`log search: sent ${sent}; shown ${shown}`];
}

/** What PromQL makes of each metric: the last value of what is cumulative, the sum of what is delta. */
async function promqlFailures(manifest) {
  const failures = [];
  const byName = new Map();
  for (const point of manifest.points) byName.set(`${point.name} ${point.kind}`, [...(byName.get(`${point.name} ${point.kind}`) ?? []), point]);
  for (const points of byName.values()) {
    const { name, kind, temporality } = points[0];
    const selector = `{${JSON.stringify(name)}, job=${JSON.stringify(serviceOf(manifest))}}`;
    const all = temporality === "delta" ? `sum_over_time(${selector}[1h])` : `last_over_time(${selector}[1h])`;
    const measures = kind.endsWith("histogram") ? ["count", "sum"] : ["value"];
    for (const measure of measures) {
      const query = measure === "value" ? all : `histogram_${measure}(${all})`;
      const { data } = await ask("/api/v1/query", { query });
      const shown = data.result.map((it) => Number(it.value[1])).sort(ascending);
      const wanted = totals(points, measure).sort(ascending);
      const near = shown.length === wanted.length && shown.every((it, index) => isNear(it, wanted[index]));
      if (!near) failures.push(`${query}: ${wanted} is what was sent, not ${shown}`);
    }
  }
  return failures;
}

/** `measure` of each series of `points`. */
function totals(points, measure) {
  const series = new Map();
  for (const point of points) {
    const key = JSON.stringify([point.attributes, point.scope]);
    const value = measure === "value" ? number(point.value) : point[measure];
    series.set(key, point.temporality === "delta" ? (series.get(key) ?? 0) + value : value);
  }
  return [...series.values()];
}

const ascending = (a, b) => a - b;
/** Sums may be taken in another order. */
const isNear = (a, b) => a === b || Math.abs(a - b) <= 1e-12 * Math.max(Math.abs(a), Math.abs(b));

const TABLES = [
  ["spans", spanFailures],
  ["logs", logFailures],
  ["points", pointFailures, "metrics"],
  ["exemplars", exemplarFailures],
];

/** What is not in the manifest of a sender that makes everything: an SDK that was set up wrongly would prove nothing. */
function lacks({ variant, spans, logs, points, exemplars }) {
  // These look for themselves at what their instrumentation made.
  if (/flask|express/.test(variant)) return [];
  const there = new Set([
    ...points.map((it) => `${it.kind} ${it.temporality}`.trim()),
    ...spans.flatMap((it) => [`${it.kind} span`, `span with status ${it.status}`]),
    ...spans.flatMap((it) => [it.events.length > 2 && "events", it.links.length === 2 && "links", it.trace_state && "trace state"]),
    ...logs.flatMap((it) => [`body of type ${Object.keys(it.body)[0]}`, it.trace_id && "record in a span", it.event_name && "event name"]),
    ...exemplars.flatMap((it) => ["exemplar", it.trace_id && "exemplar in a span", Object.keys(it.filtered_attributes).length > 0 && "filtered attributes"]),
    ...Object.entries({ span: spans, "log record": logs, point: points }).flatMap(([kind, items]) =>
      items.map(({ scope }) => Object.keys(scope.attributes).length > 0 && `scope of a ${kind} with attributes`),
    ),
  ]);
  // Other SDKs send no exemplars, and in JavaScript no attributes of scopes.
  const rarely = [
    [/^python/, ["exemplar", "exemplar in a span", "filtered attributes"]],
    [/^(python|rust)/, ["span", "log record", "point"].map((kind) => `scope of a ${kind} with attributes`)],
  ];
  const wanted = [
    ...["gauge", "sum", "histogram", "exponential_histogram"].flatMap((it) => (it === "gauge" ? [it] : [`${it} cumulative`, `${it} delta`])),
    ...["internal", "server", "client", "producer", "consumer"].map((it) => `${it} span`),
    ...["unset", "ok", "error"].map((it) => `span with status ${it}`),
    ...["string", "map", "array", "int", "double", "bool", "bytes", "empty"].map((it) => `body of type ${it}`),
    ...["events", "links", "trace state", "record in a span", "event name"],
    ...rarely.flatMap(([pattern, things]) => (pattern.test(variant) ? things : [])),
  ];
  return wanted.filter((it) => !there.has(it)).map((it) => `the sender made no ${it}`);
}

async function failuresOf(manifest) {
  const failures = [...manifest.complaints.map((it) => `the SDK complains: ${it}`), ...lacks(manifest)];
  for (const [name, compare, table = name] of TABLES) {
    failures.push(...compare(manifest[name], await sql(`SELECT * FROM ${table} WHERE service = '${serviceOf(manifest)}'`)));
  }
  for (const check of [traceFailures, searchFailures, promqlFailures]) {
    failures.push(...(await check(manifest).catch((error) => [error.message])));
  }
  return failures;
}

/** What holds for all of them together: no row of a service that nobody is, nothing rejected, nothing refused. */
async function failuresOfAll() {
  const services = new Set(manifests.map(serviceOf));
  const failures = [];
  for (const table of ["spans", "logs", "metrics", "exemplars"]) {
    for (const { service, n } of await sql(`SELECT service, count(*) AS n FROM ${table} GROUP BY service`)) {
      if (!services.has(service)) failures.push(`${table}: ${n} rows of ${service || "no service"}, which nobody sent`);
    }
  }
  const metrics = await (await fetch(`${ui}/-/metrics`)).text();
  const counts = metrics.split("\n").filter((it) => /^haechi_(items_rejected|requests_refused|requests_duplicate)_total/.test(it));
  if (counts.length === 0) failures.push("the box counts neither rejections nor refusals");
  return [...failures, ...counts.filter((it) => !it.endsWith(" 0"))];
}

const count = (manifest, name) => manifest.spans.reduce((sum, span) => sum + span[name].length, 0);
const row = (cells) => console.log(`| ${cells.join(" | ")} |`);
let n_failed = 0;
row(["variant", "SDK", "spans", "events", "links", "logs", "points", "exemplars", "verdict"]);
row(Array(9).fill("---"));
const details = [];
for (const manifest of manifests) {
  const failures = await failuresOf(manifest);
  const { variant, sdk, spans, logs, points, exemplars } = manifest;
  const verdict = failures.length === 0 ? "complete" : `${failures.length} differences`;
  row([variant, sdk, spans.length, count(manifest, "events"), count(manifest, "links"), logs.length, points.length, exemplars.length, verdict]);
  if (failures.length > 0) n_failed++;
  details.push(...failures.slice(0, SHOWN_FAILURES).map((it) => `${variant}: ${it}`));
}
details.push(...(await failuresOfAll()));
for (const detail of details) console.log(detail);
process.exitCode = n_failed > 0 || details.length > 0 ? 1 : 0;
