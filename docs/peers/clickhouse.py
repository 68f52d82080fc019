"""Loads what `haechi export` wrote into ClickHouse (chdb) and says what it takes there: of spans, log records and points those
that are in OUT.

    haechi export --table logs --out OUT/logs DIR
    haechi export --table spans --out OUT/spans DIR
    haechi export --table metrics --out OUT/metrics DIR
    python clickhouse.py OUT WORK

The tables are those of the OpenTelemetry Collector's ClickHouse exporter: maps of attributes, its codecs, keys and skipping
indexes. Sizes are of the parts after OPTIMIZE FINAL, as system.parts has them, data and indexes together.
"""

import glob
import resource
import sys
import time

from chdb import session

OUT, WORK = sys.argv[1:3]

# A map of an exporter has text for every value.
MAP = """CAST(arrayMap(it -> (it.1, if(startsWith(it.2, '"'), JSONExtractString(it.2), it.2)),
  JSONExtractKeysAndValuesRaw(assumeNotNull({}))), 'Map(LowCardinality(String), String)')"""

MAP_INDEXES = """
  INDEX idx_{0}_key mapKeys({1}) TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX idx_{0}_value mapValues({1}) TYPE bloom_filter(0.01) GRANULARITY 1,"""

LOGS = f"""CREATE TABLE otel_logs (
  Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)), TimestampTime DateTime DEFAULT toDateTime(Timestamp),
  TraceId String CODEC(ZSTD(1)), SpanId String CODEC(ZSTD(1)), TraceFlags UInt8,
  SeverityText LowCardinality(String) CODEC(ZSTD(1)), SeverityNumber UInt8, ServiceName LowCardinality(String) CODEC(ZSTD(1)),
  Body String CODEC(ZSTD(1)), ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  ScopeName String CODEC(ZSTD(1)), ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
  LogAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,{MAP_INDEXES.format("resource", "ResourceAttributes")}
  {MAP_INDEXES.format("log", "LogAttributes")}
  INDEX idx_body Body TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 8
) ENGINE = MergeTree PARTITION BY toDate(TimestampTime) PRIMARY KEY (ServiceName, TimestampTime)
  ORDER BY (ServiceName, TimestampTime, Timestamp)"""

LOG_ROWS = f"""INSERT INTO otel_logs SELECT time, toDateTime(time), trace_id, span_id, flags, severity_text, severity_number, service,
  body, {MAP.format("resource")}, scope_name, scope_version, {MAP.format("attributes")}"""

SPANS = f"""CREATE TABLE otel_traces (
  Timestamp DateTime64(9) CODEC(Delta, ZSTD(1)), TraceId String CODEC(ZSTD(1)), SpanId String CODEC(ZSTD(1)),
  ParentSpanId String CODEC(ZSTD(1)), TraceState String CODEC(ZSTD(1)), SpanName LowCardinality(String) CODEC(ZSTD(1)),
  SpanKind LowCardinality(String) CODEC(ZSTD(1)), ServiceName LowCardinality(String) CODEC(ZSTD(1)),
  ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)), ScopeName String CODEC(ZSTD(1)),
  ScopeVersion String CODEC(ZSTD(1)), SpanAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  Duration UInt64 CODEC(ZSTD(1)), StatusCode LowCardinality(String) CODEC(ZSTD(1)), StatusMessage String CODEC(ZSTD(1)),
  INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,{MAP_INDEXES.format("resource", "ResourceAttributes")}
  {MAP_INDEXES.format("span", "SpanAttributes")}
  INDEX idx_duration Duration TYPE minmax GRANULARITY 1
) ENGINE = MergeTree PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))"""

SPAN_ROWS = f"""INSERT INTO otel_traces SELECT start_time, trace_id, span_id, ifNull(parent_span_id, ''), trace_state, name, kind,
  service, {MAP.format("resource")}, scope_name, scope_version, {MAP.format("attributes")}, duration_ns, status, status_message"""

# Gauges and sums have a table each there; they differ in two columns of one value.
POINTS = f"""CREATE TABLE otel_metrics_sum (
  ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)), ScopeName String CODEC(ZSTD(1)),
  ScopeVersion String CODEC(ZSTD(1)), ServiceName LowCardinality(String) CODEC(ZSTD(1)), MetricName String CODEC(ZSTD(1)),
  MetricDescription String CODEC(ZSTD(1)), MetricUnit String CODEC(ZSTD(1)),
  Attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  StartTimeUnix DateTime64(9) CODEC(Delta, ZSTD(1)), TimeUnix DateTime64(9) CODEC(Delta, ZSTD(1)), Value Float64 CODEC(ZSTD(1)),
  Flags UInt32 CODEC(ZSTD(1)), AggregationTemporality Int32 CODEC(ZSTD(1)), IsMonotonic Boolean CODEC(Delta, ZSTD(1)),
  {MAP_INDEXES.format("resource", "ResourceAttributes")}
  {MAP_INDEXES.format("point", "Attributes").rstrip(",")}
) ENGINE = MergeTree PARTITION BY toDate(TimeUnix)
  ORDER BY (ServiceName, MetricName, Attributes, toUnixTimestamp64Nano(TimeUnix))"""

POINT_ROWS = f"""INSERT INTO otel_metrics_sum SELECT {MAP.format("resource")}, scope_name, scope_version, service, name, description,
  unit, {MAP.format("attributes")}, ifNull(start_time, 0), time, value, flags, temporality = 'cumulative' ? 2 : 1, ifNull(monotonic, false)"""

TABLES = [
    ("otel_logs", LOGS, LOG_ROWS, "logs"),
    ("otel_traces", SPANS, SPAN_ROWS, "spans"),
    ("otel_metrics_sum", POINTS, POINT_ROWS, "metrics"),
]

QUESTIONS = [
    ("trace by id", "SELECT * FROM otel_traces WHERE TraceId = '{trace}'"),
    ("count of an attribute's value", "SELECT count() FROM otel_traces WHERE SpanAttributes['http.route'] = '/api/checkout'"),
    ("newest 100 of a common word", "SELECT * FROM otel_logs WHERE hasToken(Body, 'order') ORDER BY Timestamp DESC LIMIT 100"),
    ("newest 100 of a rare word", "SELECT * FROM otel_logs WHERE hasToken(Body, 'quarantined') ORDER BY Timestamp DESC LIMIT 100"),
    ("count of a common word", "SELECT count() FROM otel_logs WHERE hasToken(Body, 'order')"),
]


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main():
    db = session.Session(WORK)
    db.query("CREATE DATABASE IF NOT EXISTS otel ENGINE = Atomic")
    db.query("USE otel")
    loaded = set()
    for table, create, insert, folder in TABLES:
        files = sorted(glob.glob(f"{OUT}/{folder}/**/*.parquet", recursive=True))
        if not files:
            continue
        loaded.add(table)
        db.query(create)
        before = cpu()
        for file in files:
            db.query(f"{insert} FROM file('{file}', Parquet)")
        db.query(f"OPTIMIZE TABLE {table} FINAL")
        took = cpu() - before
        row = db.query(
            f"SELECT sum(rows), sum(bytes_on_disk) FROM system.parts WHERE active AND table = '{table}' FORMAT CSV"
        )
        rows, size = map(int, str(row).strip().split(","))
        print(f"{table}: {rows} rows, {size / rows:.1f} bytes a row, {rows / took / 1e3:.0f} k rows per CPU second")
    trace = str(db.query("SELECT TraceId FROM otel_traces LIMIT 1 FORMAT TSV")).strip() if "otel_traces" in loaded else ""
    for name, text in QUESTIONS:
        if not any(f"FROM {table} " in text for table in loaded):
            continue
        times, before = [], cpu()
        for _ in range(5):
            started = time.time()
            db.query(text.format(trace=trace), "Null")
            times.append(time.time() - started)
        print(f"{name}: median {sorted(times)[2] * 1e3:.0f} ms, CPU {(cpu() - before) / 5 * 1e3:.0f} ms")


main()
