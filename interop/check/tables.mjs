// The tables of SQL held to a manifest, column by column.
import { attributeDifferences, attributeTextDifferences, nanos, pairs, plainDifferences, valueDifferences } from "./compare.mjs";
import { parse } from "./json.mjs";

/** What is wrong with the spans, of `rows`. */
export function spanFailures(sent, rows) {
  return pairs({
    what: "span",
    sent,
    shown: rows,
    keyOfSent: (it) => `${it.trace_id}/${it.span_id}`,
    keyOfShown: (it) => `${it.trace_id}/${it.span_id}`,
    differences: (span, row) => [
      ...plain(span, row, ["parent_span_id", "trace_state", "flags", "name", "kind", "status", "status_message"]),
      ...plain(span, row, ["dropped_attributes", "dropped_events", "dropped_links"]),
      ...plainDifferences(span.start, nanos(row.start_time), "start"),
      ...plainDifferences(span.end, nanos(row.end_time), "end"),
      ...plainDifferences(String(BigInt(span.end) - BigInt(span.start)), String(row.duration_ns), "duration"),
      ...attributeTextDifferences(span.attributes, row.attributes, "attributes"),
      ...inOrder(span.events, parse(row.events), "events", (event, shown, path) => [
        ...plainDifferences(event.name, shown.get("name"), `${path}.name`),
        ...plainDifferences(event.time, nanos(shown.get("time")), `${path}.time`),
        ...attributeDifferences(event.attributes, shown.get("attributes"), `${path}.attributes`),
      ]),
      ...inOrder(span.links, parse(row.links), "links", (link, shown, path) => [
        ...plainDifferences(link.trace_id, shown.get("trace_id"), `${path}.trace_id`),
        ...plainDifferences(link.span_id, shown.get("span_id"), `${path}.span_id`),
        ...plainDifferences(link.trace_state, shown.get("trace_state"), `${path}.trace_state`),
        ...attributeDifferences(link.attributes, shown.get("attributes"), `${path}.attributes`),
      ]),
      ...owner(span, row),
    ],
  });
}

export function logFailures(sent, rows) {
  return pairs({
    what: "log record",
    sent,
    shown: rows,
    keyOfSent: (it) => it.time,
    keyOfShown: (it) => nanos(it.time),
    differences: (log, row) => [
      ...plain(log, row, ["severity_number", "severity_text", "event_name", "trace_id", "span_id", "flags", "dropped_attributes"]),
      ...plainDifferences(log.observed_time, nanos(row.observed_time), "observed_time"),
      ...bodyDifferences(log.body, row.body),
      ...attributeTextDifferences(log.attributes, row.attributes, "attributes"),
      ...owner(log, row),
    ],
  });
}

/** A body is shown as text: strings and bytes as they are, nothing as nothing, all else as JSON. */
function bodyDifferences(body, text) {
  if ("string" in body || "bytes" in body) return valueDifferences(body, text, "body");
  if ("empty" in body) return plainDifferences("", text, "body");
  return valueDifferences(body, parsedIfJson(text), "body");
}

/** The body of another record, which was compared for its time only, need not be JSON. */
function parsedIfJson(text) {
  try {
    return parse(text);
  } catch {
    return text;
  }
}

export function pointFailures(sent, rows) {
  return pairs({
    what: "point",
    sent,
    shown: rows,
    keyOfSent: (it) => `${it.name} ${it.time}`,
    keyOfShown: (it) => `${it.name} ${nanos(it.time)}`,
    differences: (point, row) => [
      ...plain(point, row, ["unit", "description", "kind", "temporality", "monotonic"]),
      ...plainDifferences(point.start_time, nanos(row.start_time), "start_time"),
      ...attributeTextDifferences(point.attributes, row.attributes, "attributes"),
      ...(point.value === undefined ? distribution(point, row) : plainDifferences(number(point.value), row.value, "value")),
      ...owner(point, row),
    ],
  });
}

function distribution(point, row) {
  // Bounds and counts are doubles and small integers here, which JSON keeps.
  const shown = JSON.parse(row.distribution);
  return [
    ...plain(point, row, ["count", "sum", "min", "max"]),
    ...plainDifferences(sorted(point.distribution), sorted(shown), "distribution"),
  ];
}

/** Bounds and buckets as text, with keys in order. */
function sorted(distribution) {
  const inOrder = (key, it) => (it?.constructor === Object ? Object.fromEntries(Object.entries(it).sort()) : it);
  return JSON.stringify(distribution, inOrder);
}

export function exemplarFailures(sent, rows) {
  return pairs({
    what: "exemplar",
    sent,
    shown: rows,
    keyOfSent: (it) => `${it.name} ${it.time}`,
    keyOfShown: (it) => `${it.name} ${nanos(it.time)}`,
    differences: (exemplar, row) => [
      ...plain(exemplar, row, ["trace_id", "span_id"]),
      ...plainDifferences(number(exemplar.value), row.value, "value"),
      ...attributeTextDifferences(exemplar.attributes, row.attributes, "attributes"),
      ...attributeTextDifferences(exemplar.filtered_attributes, row.filtered_attributes, "filtered_attributes"),
    ],
  });
}

/** The number of a point, which the box shows as a double. */
export function number(value) {
  return Number(value.int ?? value.double);
}

function owner(item, row) {
  return [
    ...attributeTextDifferences(item.resource, row.resource, "resource"),
    ...plainDifferences(item.scope.name, row.scope_name, "scope.name"),
    ...plainDifferences(item.scope.version, row.scope_version, "scope.version"),
    ...attributeTextDifferences(item.scope.attributes, row.scope_attributes, "scope.attributes"),
  ];
}

function plain(item, row, names) {
  return names.flatMap((name) => plainDifferences(item[name], row[name], name));
}

function inOrder(sent, shown, path, differences) {
  if (sent.length !== shown.length) return [`${path}: sent ${sent.length}, shown ${shown.length}`];
  return sent.flatMap((item, index) => differences(item, shown[index], `${path}[${index}]`));
}
