// An Express application that knows nothing of telemetry, and requests to it. It is run by the auto-instrumentation:
// node --require @opentelemetry/auto-instrumentations-node/register express_app.cjs VARIANT MANIFEST
// Which exporters are used is in the environment (OTEL_EXPORTER_OTLP_PROTOCOL, OTEL_EXPORTER_OTLP_ENDPOINT).
const { writeFileSync } = require("node:fs");
const express = require("express");
const pino = require("pino");
const { diag, DiagLogLevel, metrics, trace } = require("@opentelemetry/api");
const { logs } = require("@opentelemetry/api-logs");
const { OTLPExporterBase } = require("@opentelemetry/otlp-exporter-base");

const REMOTE_TRACE = "0af7651916cd43dd8448eb211c8032";
const log = pino({ level: "info" }, pino.destination("/dev/null"));

const app = express();
app.get("/seats/:seat", (request, response) => {
  log.warn({ seat: Number(request.params.seat), free: true, row: { letter: "ü" } }, "a seat was asked for");
  response.json({ seat: request.params.seat });
});
app.get("/broken", () => {
  throw new Error("the printer is out of tickets");
});
app.use((error, request, response, next) => {
  log.error({ err: error }, "request failed");
  response.status(500).json({ error: error.message });
});

async function main(variant, file) {
  const { complaints, newManifest, recordExports } = await import("../js/record.mjs");
  const { version } = await import("./version.mjs");
  const manifest = newManifest(variant, `@opentelemetry/auto-instrumentations-node ${version("auto-instrumentations-node")}`);
  diag.setLogger(complaints(manifest), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  recordExports(OTLPExporterBase.prototype, manifest);

  const server = await new Promise((resolve) => {
    const listening = app.listen(0, "127.0.0.1", () => resolve(listening));
  });
  const requests = ["/seats/1", "/seats/2", "/broken", "/seats/3?row=%C3%BC", "/nowhere"];
  for (const [number, path] of requests.entries()) {
    const headers = { traceparent: `00-${REMOTE_TRACE}${String(number).padStart(2, "0")}-b7ad6b7169203331-01`, tracestate: "vendor=one" };
    await (await fetch(`http://127.0.0.1:${server.address().port}${path}`, { headers })).text();
  }
  await new Promise((resolve) => server.close(resolve));
  for (const provider of [trace.getTracerProvider().getDelegate(), metrics.getMeterProvider(), logs.getLoggerProvider()]) {
    await (provider.getDelegate?.() ?? provider._getDelegate?.() ?? provider).shutdown();
  }

  const expect = (condition, what) => condition || manifest.complaints.push(`it is not so that ${what}`);
  const servers = manifest.spans.filter((it) => it.kind === "server");
  const traces = new Set(servers.map((it) => it.trace_id));
  expect(servers.length === requests.length, "each request has a server span");
  expect(servers.some((it) => it.status === "error"), "the broken page has a span with an error");
  expect(manifest.spans.some((it) => it.name.startsWith("request handler") && it.parent_span_id !== null), "handlers have spans");
  expect(manifest.points.some((it) => it.name.startsWith("http.server.")), "http.server metrics are there");
  expect(manifest.logs.filter((it) => traces.has(it.trace_id)).length === 4, "log records are in the traces of their requests");
  writeFileSync(file, JSON.stringify(manifest));
  process.exit(0);
}

main(...process.argv.slice(2));
