// Spans and log records made by hand, sent as a program would.

export const MILLISECOND = 1_000_000n;
export const newId = () => crypto.randomUUID().replaceAll("-", "");
const hex = (number, digits) => BigInt(number).toString(16).padStart(digits, "0");

/** A span by numbers, in nanoseconds after the start of its trace. An id of 0 is none. */
export function span(id, parent, start, length, name, more = {}) {
  return { id, parent, start: BigInt(start), length: BigInt(length), name, service: "shapes", kind: 1, ...more };
}

/** Sends `spans` as the trace `traceId` that starts at `begin`, in requests that a receiver takes. */
export async function send(to, traceId, begin, spans) {
  for (const service of new Set(spans.map((it) => it.service))) {
    const all = spans.filter((it) => it.service === service);
    for (let first = 0; first < all.length; first += 4_000) {
      const sent = all.slice(first, first + 4_000).map((it) => ({
        traceId, spanId: hex(it.id, 16), ...(it.parent === 0 ? {} : { parentSpanId: hex(it.parent, 16) }),
        name: it.name, kind: it.kind, startTimeUnixNano: String(begin + it.start), endTimeUnixNano: String(begin + it.start + it.length),
        attributes: Object.entries(it.attributes ?? {}).map(([key, value]) => ({ key, value: { stringValue: value } })),
        links: (it.links ?? []).map(([trace, to]) => ({ traceId: trace, spanId: hex(to, 16) })),
        status: it.failed === undefined ? {} : { code: 2, message: it.failed },
        events: (it.exceptions ?? []).map((at) => ({
          timeUnixNano: String(begin + at), name: "exception",
          attributes: [{ key: "exception.type", value: { stringValue: "TimeoutError" } }, { key: "exception.message", value: { stringValue: "no answer" } }],
        })),
      }));
      const resource = { attributes: [{ key: "service.name", value: { stringValue: service } }] };
      const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: sent }] }] });
      const answer = await fetch(`${to}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body });
      if (!answer.ok) throw new Error(`a shape is refused: ${await answer.text()}`);
    }
  }
}

export async function sendLog(to, traceId, spanId, time, body, attributes = []) {
  const record = { timeUnixNano: String(time), severityNumber: 17, severityText: "ERROR", body: { stringValue: body }, attributes, traceId, spanId: hex(spanId, 16) };
  const resource = { attributes: [{ key: "service.name", value: { stringValue: "shapes" } }] };
  const text = JSON.stringify({ resourceLogs: [{ resource, scopeLogs: [{ logRecords: [record] }] }] });
  const answer = await fetch(`${to}/v1/logs`, { method: "POST", headers: { "content-type": "application/json" }, body: text });
  if (!answer.ok) throw new Error(`a record is refused: ${await answer.text()}`);
}
