// Sends with the OpenTelemetry SDK for Node.js: send.mjs VARIANT PROTOCOL COMPRESSION ENDPOINT MANIFEST
// PROTOCOL is grpc, http/protobuf or http/json; COMPRESSION is none or gzip.
import { writeFileSync } from "node:fs";
import * as api from "@opentelemetry/api";
import { OTLPExporterBase } from "@opentelemetry/otlp-exporter-base";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { AggregationType, MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { AggregationTemporalityPreference } from "@opentelemetry/exporter-metrics-otlp-http";
import { complaints, newManifest, recordExports } from "../js/record.mjs";
import { makeLogs, makeMetrics, makeSpans } from "../js/scenario.mjs";
import { version } from "./version.mjs";

const [variant, protocol, compression, endpoint, file] = process.argv.slice(2);
const manifest = newManifest(variant, `@opentelemetry/otlp-exporter-base ${version("otlp-exporter-base")}`);
api.diag.setLogger(complaints(manifest), api.DiagLogLevel.WARN);
recordExports(OTLPExporterBase.prototype, manifest);

const suffix = { grpc: "grpc", "http/protobuf": "proto", "http/json": "http" }[protocol];
/** An exporter of `signal`, of the package of the protocol. */
async function exporter(signal, name, more = {}) {
  const { [name]: Exporter } = await import(`@opentelemetry/exporter-${signal}-otlp-${suffix}`);
  const url = protocol === "grpc" ? endpoint : `${endpoint}/v1/${signal === "trace" ? "traces" : signal}`;
  return new Exporter({ url, compression, ...more });
}

const resource = resourceFromAttributes({
  "service.name": `interop-${variant}`,
  "service.version": "1.2.3-ü",
  "host.cpu": 4,
  "process.command_args": ["node", "send.mjs"],
});
const tracers = new BasicTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(await exporter("trace", "OTLPTraceExporter"))] });
const loggers = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter: await exporter("logs", "OTLPLogExporter") })] });
const views = [{ instrumentName: "*.exponential", aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }];
async function meters(temporalityPreference) {
  const sending = await exporter("metrics", "OTLPMetricExporter", { temporalityPreference });
  return new MeterProvider({ resource, views, readers: [new PeriodicExportingMetricReader({ exporter: sending, exportIntervalMillis: 600_000 })] });
}
const cumulative = await meters(AggregationTemporalityPreference.CUMULATIVE);
const delta = await meters(AggregationTemporalityPreference.DELTA);

const inside = makeSpans(api, tracers.getTracer("interop.spans", "0.9.1"));
tracers.getTracer("interop.other").startSpan("of another scope", {}, api.ROOT_CONTEXT).end();
makeLogs(loggers.getLogger("interop.logs", "0.9.2"), inside);
const measure = [makeMetrics(cumulative.getMeter("interop.metrics", "0.9.3"), api.ValueType, "total"), makeMetrics(delta.getMeter("interop.metrics", "0.9.3"), api.ValueType, "delta")];
for (const round of [0, 1]) {
  measure.forEach((it) => it(round));
  await Promise.all([cumulative.forceFlush(), delta.forceFlush()]);
}
await Promise.all([tracers.shutdown(), loggers.shutdown(), cumulative.shutdown(), delta.shutdown()]);
writeFileSync(file, JSON.stringify(manifest));
