// Notes everything that an OpenTelemetry SDK for JavaScript hands to its OTLP exporters, in the form of a manifest: see
// docs/interop.md. It reads the SDK's own objects, not what an exporter makes of them. No imports: it also runs in a browser.

const SPAN_KINDS = ["internal", "server", "client", "producer", "consumer"];
const STATUSES = ["unset", "ok", "error"];
const TEMPORALITIES = ["delta", "cumulative"];
const POINT_KINDS = ["histogram", "exponential_histogram", "gauge", "sum"];
const INTEGER = 0; // ValueType.INT of the API

export function newManifest(variant, sdk) {
  return { variant, sdk, spans: [], logs: [], points: [], exemplars: [], complaints: [] };
}

/** Lets an exporter, or all of a class by its prototype, note in `manifest` what is exported, and each export that fails. */
export function recordExports(exporter, manifest) {
  const { export: send } = exporter;
  exporter.export = function (items, done) {
    note(items, manifest);
    send.call(this, items, (result) => {
      if (result.code !== 0) manifest.complaints.push(`export failed: ${result.error?.message}`);
      done(result);
    });
  };
}

/** A logger for the API's `diag`: what is a warning or worse, a partial success too, is a complaint. */
export function complaints(manifest) {
  const complain = (...words) => manifest.complaints.push(words.map(String).join(" "));
  const ignore = () => {};
  return { error: complain, warn: complain, info: ignore, debug: ignore, verbose: ignore };
}

function note(items, manifest) {
  if (items.scopeMetrics !== undefined) {
    for (const { scope, metrics } of items.scopeMetrics) {
      const owner = { resource: values(items.resource.attributes), scope: scopeOf(scope) };
      for (const metric of metrics) manifest.points.push(...metric.dataPoints.map((it) => point(it, metric, owner)));
    }
    return;
  }
  for (const item of items) {
    if (item.hrTimeObserved !== undefined) manifest.logs.push(log(item));
    else manifest.spans.push(span(item));
  }
}

function span(it) {
  const { traceId, spanId, traceState, traceFlags } = it.spanContext();
  return {
    trace_id: traceId,
    span_id: spanId,
    parent_span_id: it.parentSpanContext?.spanId ?? null,
    trace_state: traceState?.serialize() ?? "",
    // As trace.proto has it: the flags of W3C, whether it is known that the parent is remote, and whether it is.
    flags: (traceFlags & 0xff) | 0x100 | (it.parentSpanContext?.isRemote ? 0x200 : 0),
    name: it.name,
    kind: SPAN_KINDS[it.kind],
    start: nanos(it.startTime),
    end: nanos(it.endTime),
    status: STATUSES[it.status.code],
    status_message: it.status.message ?? "",
    attributes: values(it.attributes),
    events: it.events.map(({ time, name, attributes }) => ({ time: nanos(time), name, attributes: values(attributes) })),
    links: it.links.map(({ context, attributes }) => ({
      trace_id: context.traceId,
      span_id: context.spanId,
      trace_state: context.traceState?.serialize() ?? "",
      attributes: values(attributes),
    })),
    dropped_attributes: it.droppedAttributesCount,
    dropped_events: it.droppedEventsCount,
    dropped_links: it.droppedLinksCount,
    resource: values(it.resource.attributes),
    scope: scopeOf(it.instrumentationScope),
  };
}

function log(it) {
  return {
    time: nanos(it.hrTime),
    observed_time: nanos(it.hrTimeObserved),
    severity_number: it.severityNumber ?? 0,
    severity_text: it.severityText ?? "",
    body: value(it.body),
    event_name: it.eventName ?? "",
    trace_id: it.spanContext?.traceId ?? null,
    span_id: it.spanContext?.spanId ?? null,
    flags: it.spanContext?.traceFlags ?? 0,
    attributes: values(it.attributes),
    dropped_attributes: it.droppedAttributesCount,
    resource: values(it.resource.attributes),
    scope: scopeOf(it.instrumentationScope),
  };
}

function point(it, metric, owner) {
  const { name, unit, description, valueType } = metric.descriptor;
  const kind = POINT_KINDS[metric.dataPointType];
  return {
    name,
    unit,
    description,
    kind,
    temporality: kind === "gauge" ? "" : TEMPORALITIES[metric.aggregationTemporality],
    monotonic: metric.isMonotonic ?? false,
    attributes: values(it.attributes),
    time: nanos(it.endTime),
    start_time: nanos(it.startTime),
    ...measured(kind, it.value, valueType),
    ...owner,
  };
}

function measured(kind, it, valueType) {
  if (kind === "sum" || kind === "gauge") return { value: valueType === INTEGER ? { int: String(it) } : double(it) };
  const totals = { count: it.count, sum: it.sum ?? null, min: it.min ?? null, max: it.max ?? null };
  // Copies: the SDK goes on counting in its arrays.
  if (kind === "histogram") return { ...totals, distribution: { bounds: [...it.buckets.boundaries], counts: [...it.buckets.counts] } };
  const buckets = ({ offset, bucketCounts }) => ({ offset, counts: [...bucketCounts] });
  const { scale, zeroCount, positive, negative } = it;
  const distribution = { scale, zero_count: zeroCount, zero_threshold: 0, positive: buckets(positive), negative: buckets(negative) };
  return { ...totals, distribution };
}

function scopeOf({ name, version, attributes }) {
  return { name, version: version ?? "", attributes: values(attributes) };
}

function nanos([seconds, rest]) {
  return String(BigInt(Math.trunc(seconds)) * 1_000_000_000n + BigInt(Math.trunc(rest)));
}

/** Attributes as `{key: {type: value}}`. */
function values(attributes) {
  return Object.fromEntries(Object.entries(attributes ?? {}).map(([key, it]) => [key, value(it)]));
}

/** A value with its type. A number without a fraction is an integer to this SDK. */
function value(it) {
  if (it === undefined || it === null) return { empty: true };
  if (typeof it === "string") return { string: it };
  if (typeof it === "boolean") return { bool: it };
  if (typeof it === "number") return Number.isInteger(it) ? { int: String(BigInt(it)) } : double(it);
  if (it instanceof Uint8Array) return { bytes: btoa(String.fromCharCode(...it)) };
  if (Array.isArray(it)) return { array: it.map(value) };
  return { map: values(it) };
}

/** JSON lacks some doubles, and takes the sign of a zero. */
function double(it) {
  return { double: Number.isFinite(it) && !Object.is(it, -0) ? it : Object.is(it, -0) ? "-0" : String(it) };
}
