// What a sender in JavaScript makes: every kind of span, link, event, log record and instrument, with values at their limits.
// It runs in Node and in a browser, so the API is given to it.

/** Attributes of every type that the API takes. */
const EVERY_TYPE = {
  "a.string": "plain",
  "a.string.empty": "",
  "a.string.unicode": "Grüße, 世界 — 🦀 ‮rtl‬",
  "a.string.control": 'quote " backslash \\ newline \n tab \t bell \u0007',
  "a.bool.true": true,
  "a.bool.false": false,
  "a.int": 42,
  "a.int.zero": 0,
  "a.int.negative": -17,
  "a.int.max": Number.MAX_SAFE_INTEGER,
  "a.int.min": Number.MIN_SAFE_INTEGER,
  "a.double": 0.1,
  "a.double.seventeen.digits": 0.028714279000000002,
  "a.double.tiny": 5e-324,
  "a.double.long": 1234567.890123,
  "a.strings": ["one", "", "дві"],
  "a.bools": [true, false],
  "a.ints": [1, -2, 3],
  "a.doubles": [0.5, -1.25],
  "a.empty.array": [],
};

/** Makes spans: a root, children of every kind, two traces that are linked, one child of a remote parent. */
export function makeSpans(api, tracer) {
  const { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = api;
  const root = tracer.startSpan("root ✓", { kind: SpanKind.SERVER, attributes: EVERY_TYPE }, ROOT_CONTEXT);
  const inside = trace.setSpan(ROOT_CONTEXT, root);
  root.addEvent("without attributes");
  root.addEvent("with all of them", EVERY_TYPE);
  root.addEvent("at a time of its own", { n: 1 }, [Math.floor(Date.now() / 1000) - 5, 123_456_789]);
  root.recordException(new TypeError("no such seat"));

  for (const [name, kind] of Object.entries(SpanKind).filter(([, kind]) => typeof kind === "number")) {
    const child = tracer.startSpan(`child ${name}`, { kind, attributes: { kind: name } }, inside);
    tracer.startSpan("grandchild", {}, trace.setSpan(ROOT_CONTEXT, child)).end();
    child.end();
  }
  const failed = tracer.startSpan("failed", {}, inside);
  failed.setStatus({ code: SpanStatusCode.ERROR, message: "card declined: ключ" });
  failed.end();
  const fine = tracer.startSpan("fine", {}, inside);
  fine.setStatus({ code: SpanStatusCode.OK });
  fine.end();

  const remote = {
    traceId: "0af7651916cd43dd8448eb211c80319c".replace(/^.{8}/, root.spanContext().traceId.slice(0, 8)),
    spanId: "b7ad6b7169203331",
    traceFlags: 1,
    isRemote: true,
    traceState: api.createTraceState("vendor=one,other@tenant=t61rcWkgMzE"),
  };
  const seconds = Math.floor(Date.now() / 1000);
  const consumer = tracer.startSpan(
    "of a remote parent",
    {
      kind: SpanKind.CONSUMER,
      links: [{ context: root.spanContext() }, { context: remote, attributes: EVERY_TYPE }],
      startTime: [seconds - 2, 1],
    },
    trace.setSpanContext(ROOT_CONTEXT, remote),
  );
  consumer.end([seconds - 1, 999_999_999]);
  root.end();
  return inside;
}

/** Makes log records: every severity, bodies of every kind, some in the span of `inside`. */
export function makeLogs(logger, inside) {
  const severities = [["TRACE", 1], ["DEBUG", 5], ["INFO", 9], ["WARN", 13], ["ERROR", 17], ["FATAL", 21], ["info4", 12]];
  for (const [severityText, severityNumber] of severities) {
    logger.emit({ severityText, severityNumber, body: `a record of ${severityText}`, context: inside });
  }
  const bodies = {
    string: "Bücher für 世界 🦀",
    empty: "",
    map: { user: "ada", n: 3, ratio: 0.25, ok: true, tags: ["a", "b"], deep: { er: { est: -1 } }, none: null },
    array: ["mixed", 1, 2.5, false, { in: "a map" }],
    int: 12,
    double: 1.5,
    bool: true,
    bytes: new Uint8Array([0, 1, 254, 255]),
  };
  for (const [kind, body] of Object.entries(bodies)) logger.emit({ body, attributes: { kind } });
  logger.emit({ severityNumber: 9, body: "all attributes", attributes: { ...EVERY_TYPE, "a.map": bodies.map, "a.bytes": bodies.bytes } });
  logger.emit({ eventName: "seat.taken", body: { seat: "A1" }, attributes: { row: 1 }, severityNumber: 10 });
  logger.emit({ body: "at a time of its own", timestamp: [Math.floor(Date.now() / 1000) - 7, 987_654_321] });
  logger.emit({ attributes: { "no.body": true } });
}

/** Makes instruments of `meter` whose names begin with `prefix`; gives what records one round of measurements. */
export function makeMetrics(meter, valueType, prefix) {
  const whole = { valueType: valueType.INT };
  const counter = meter.createCounter(`${prefix}.requests`, { ...whole, unit: "{request}", description: "Requests, größer" });
  const bytes = meter.createCounter(`${prefix}.bytes`, { unit: "By" });
  const queue = meter.createUpDownCounter(`${prefix}.queue`, whole);
  const gauge = meter.createGauge(`${prefix}.temperature`, { unit: "Cel" });
  const duration = meter.createHistogram(`${prefix}.duration`, { unit: "s", advice: { explicitBucketBoundaries: [0.1, 0.5, 1, 5] } });
  const size = meter.createHistogram(`${prefix}.exponential`, { unit: "By" });
  let observed = 0;
  meter.createObservableCounter(`${prefix}.observed`, whole).addCallback((result) => result.observe(++observed * 10, { from: "callback" }));
  meter.createObservableUpDownCounter(`${prefix}.balance`).addCallback((result) => result.observe(-1.5));
  meter.createObservableGauge(`${prefix}.load`).addCallback((result) => result.observe(0.75, { cpu: 0 }));
  return (round) => {
    counter.add(3 + round, { route: "/a", status: 200 });
    counter.add(1, { route: "/b", status: 500 });
    counter.add(Number.MAX_SAFE_INTEGER - 10, { route: "/large" });
    bytes.add(0.1 + round, EVERY_TYPE);
    queue.add(round === 0 ? 5 : -7);
    gauge.record(-12.5 + round, { room: "größte" });
    for (const seconds of [0, 0.05, 0.1, 0.3, 0.7, 2, 100]) duration.record(seconds + round, { route: "/a" });
    for (const value of [0, 1, 1.5, 2, 1e-3, 1e9, 3, 3, 3]) size.record(value, { route: "/a" });
    size.record(7, { route: "/one value" });
  };
}
