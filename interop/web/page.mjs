// The script of the page: the OpenTelemetry SDK for browsers sends to a box at another origin. run.mjs bundles it with the
// packages of `sdk2` or of `sdk3`; "sdk" is the file of that name there.
import * as api from "@opentelemetry/api";
import { AggregationTemporalityPreference } from "@opentelemetry/exporter-metrics-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { LoggerProvider } from "@opentelemetry/sdk-logs";
import { AggregationType, MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { EXPORTERS, TracerProvider, logProcessor, spanProcessor } from "sdk";
import { complaints, newManifest, recordExports } from "../js/record.mjs";
import { makeLogs, makeMetrics, makeSpans } from "../js/scenario.mjs";

/** Sends everything to `endpoint` and gives the manifest. */
window.send = async (variant, sdk, encoding, headers, endpoint) => {
  const manifest = newManifest(variant, sdk);
  api.diag.setLogger(complaints(manifest), { logLevel: api.DiagLogLevel.WARN, suppressOverrideMessage: true });
  const [Traces, Logs, Metrics] = EXPORTERS[encoding];
  const exporter = (Exporter, path, more) => {
    const made = new Exporter({ url: `${endpoint}/v1/${path}`, headers, ...more });
    recordExports(made, manifest);
    return made;
  };

  const resource = resourceFromAttributes({ "service.name": `interop-${variant}`, "browser.language": navigator.language, "screen.width": screen.width });
  const tracers = new TracerProvider({ resource, spanProcessors: [spanProcessor(exporter(Traces, "traces"))] });
  const loggers = new LoggerProvider({ resource, processors: [logProcessor(exporter(Logs, "logs"))] });
  const views = [{ instrumentName: "*.exponential", aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }];
  const meters = (temporalityPreference) => {
    const reader = new PeriodicExportingMetricReader({ exporter: exporter(Metrics, "metrics", { temporalityPreference }), exportIntervalMillis: 600_000 });
    return new MeterProvider({ resource, views, readers: [reader] });
  };
  const cumulative = meters(AggregationTemporalityPreference.CUMULATIVE);
  const delta = meters(AggregationTemporalityPreference.DELTA);

  const inside = makeSpans(api, tracers.getTracer("interop.spans", "0.9.1"));
  makeLogs(loggers.getLogger("interop.logs", "0.9.2"), inside);
  const measure = [makeMetrics(cumulative.getMeter("interop.metrics", "0.9.3"), api.ValueType, "total"), makeMetrics(delta.getMeter("interop.metrics", "0.9.3"), api.ValueType, "delta")];
  for (const round of [0, 1]) {
    measure.forEach((it) => it(round));
    await Promise.all([cumulative.forceFlush(), delta.forceFlush()]);
  }
  for (const provider of [tracers, loggers, cumulative, delta]) await provider.shutdown();
  return manifest;
};
