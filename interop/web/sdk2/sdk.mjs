// What this version names in its own way.
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { BatchLogRecordProcessor } from "@opentelemetry/sdk-logs";
import { BatchSpanProcessor } from "@opentelemetry/sdk-trace-web";

export { WebTracerProvider as TracerProvider } from "@opentelemetry/sdk-trace-web";
export const spanProcessor = (exporter) => new BatchSpanProcessor(exporter);
export const logProcessor = (exporter) => new BatchLogRecordProcessor(exporter);
/** The exporters of traces, logs and metrics. */
export const EXPORTERS = { json: [OTLPTraceExporter, OTLPLogExporter, OTLPMetricExporter] };
