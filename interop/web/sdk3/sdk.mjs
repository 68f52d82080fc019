// What this version names in its own way.
import { OTLPLogExporter as JsonLogs } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPLogExporter as ProtobufLogs } from "@opentelemetry/exporter-logs-otlp-proto";
import { OTLPMetricExporter as JsonMetrics } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as ProtobufMetrics } from "@opentelemetry/exporter-metrics-otlp-proto";
import { OTLPTraceExporter as JsonTraces } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufTraces } from "@opentelemetry/exporter-trace-otlp-proto";
import { BatchLogRecordProcessor } from "@opentelemetry/sdk-logs";
import { BatchSpanProcessor } from "@opentelemetry/sdk-trace";

export { TracerProvider } from "@opentelemetry/sdk-trace";
export const spanProcessor = (exporter) => new BatchSpanProcessor({ exporter });
export const logProcessor = (exporter) => new BatchLogRecordProcessor({ exporter });
/** The exporters of traces, logs and metrics. */
export const EXPORTERS = { json: [JsonTraces, JsonLogs, JsonMetrics], protobuf: [ProtobufTraces, ProtobufLogs, ProtobufMetrics] };
