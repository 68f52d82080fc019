"""Sends with the OpenTelemetry SDK for Python: send.py VARIANT PROTOCOL COMPRESSION ENDPOINT MANIFEST

PROTOCOL is grpc or http/protobuf; COMPRESSION is none, gzip or deflate."""

import importlib
import logging
import sys
import time

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import (
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    View,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.span import TraceState

from record import Manifest

EVERY_TYPE = {
    "a.string": "plain",
    "a.string.empty": "",
    "a.string.unicode": "Grüße, 世界 — 🦀 \u202ertl\u202c",
    "a.string.control": 'quote " backslash \\ newline \n tab \t bell \u0007',
    "a.bool.true": True,
    "a.bool.false": False,
    "a.int": 42,
    "a.int.zero": 0,
    "a.int.max": 2**63 - 1,
    "a.int.min": -(2**63),
    "a.double": 0.1,
    "a.double.seventeen.digits": 0.028714279000000002,
    "a.double.whole": 3.0,
    "a.double.zero": 0.0,
    "a.double.negative.zero": -0.0,
    "a.double.tiny": 5e-324,
    "a.double.max": 1.7976931348623157e308,
    "a.double.nan": float("nan"),
    "a.double.infinite": float("-inf"),
    "a.strings": ["one", "", "дві"],
    "a.bools": [True, False],
    "a.ints": [1, -(2**63), 2**63 - 1],
    "a.doubles": [0.5, -1.25, 2.0],
    "a.empty.array": [],
}
SCOPE = {"scope.attribute": "kept", "scope.number": 7}


def main(variant: str, protocol: str, compression: str, endpoint: str, path: str) -> None:
    manifest = Manifest(variant)
    exporter = exporters(manifest, protocol, compression, endpoint)
    resource = Resource(
        {
            "service.name": f"interop-{variant}",
            "service.version": "1.2.3-ü",
            "host.cpu": 4,
            "host.load": 0.25,
            "process.command_args": ["python", "send.py"],
        }
    )
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    tracers.add_span_processor(BatchSpanProcessor(exporter("trace")))
    loggers = LoggerProvider(resource=resource, shutdown_on_exit=False)
    loggers.add_log_record_processor(BatchLogRecordProcessor(exporter("log")))
    cumulative = meters(resource, exporter("metric"))
    delta_for = {kind: AggregationTemporality.DELTA for kind in (Counter, Histogram, ObservableCounter)}
    delta = meters(resource, exporter("metric", preferred_temporality=delta_for))

    tracer = tracers.get_tracer("interop.spans", "0.9.1", attributes=SCOPE)
    inside = make_spans(tracer)
    tracers.get_tracer("interop.other").start_span("of another scope").end()
    make_logs(loggers.get_logger("interop.logs", "0.9.2", attributes=SCOPE), loggers, inside)
    measure = [make_metrics(it.get_meter("interop.metrics", "0.9.3", attributes=SCOPE), name) for it, name in ((cumulative, "total"), (delta, "delta"))]
    for number in range(2):
        # In a span, so that measurements become exemplars.
        with tracer.start_as_current_span(f"round {number}"):
            for each in measure:
                each(number)
        cumulative.force_flush()
        delta.force_flush()
    for provider in (tracers, loggers, cumulative, delta):
        provider.shutdown()
    manifest.write(path)


def exporters(manifest: Manifest, protocol: str, compression: str, endpoint: str):
    """A function that makes the exporter of a signal."""
    package = f"opentelemetry.exporter.otlp.proto.{'grpc' if protocol == 'grpc' else 'http'}"
    if protocol == "grpc":
        import grpc

        named = {"none": grpc.Compression.NoCompression, "gzip": grpc.Compression.Gzip, "deflate": grpc.Compression.Deflate}
        common = {"endpoint": endpoint, "insecure": True, "compression": named[compression]}
    else:
        common = {"compression": importlib.import_module(package).Compression(compression)}
    classes = {
        "trace": ("trace_exporter", "OTLPSpanExporter", manifest.note_spans, "traces"),
        "log": ("_log_exporter", "OTLPLogExporter", manifest.note_logs, "logs"),
        "metric": ("metric_exporter", "OTLPMetricExporter", manifest.note_metrics, "metrics"),
    }
    found = {}
    for signal, (module, name, note, _) in classes.items():
        found[signal] = getattr(importlib.import_module(f"{package}.{module}"), name)
        manifest.record(found[signal], note)

    def make(signal: str, **more):
        url = {} if protocol == "grpc" else {"endpoint": f"{endpoint}/v1/{classes[signal][3]}"}
        return found[signal](**common, **url, **more)

    return make


def meters(resource: Resource, exporter) -> MeterProvider:
    views = [
        View(instrument_name="*.exponential", aggregation=ExponentialBucketHistogramAggregation()),
        View(instrument_name="*.duration", aggregation=ExplicitBucketHistogramAggregation([0.1, 0.5, 1, 5])),
        # What a view leaves out is in the exemplars.
        View(instrument_name="*.bytes", attribute_keys={"a.int.max", "a.string.unicode"}),
    ]
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=600_000)
    return MeterProvider(resource=resource, metric_readers=[reader], views=views, shutdown_on_exit=False)


def make_spans(tracer):
    """Makes a root, children of every kind, two traces that are linked, one child of a remote parent. Gives the root's context."""
    root = tracer.start_span("root ✓", context=trace.set_span_in_context(trace.INVALID_SPAN), kind=SpanKind.SERVER, attributes=EVERY_TYPE)
    inside = trace.set_span_in_context(root)
    root.add_event("without attributes")
    root.add_event("with all of them", EVERY_TYPE)
    root.add_event("at a time of its own", {"n": 1}, timestamp=time.time_ns() // 10**9 * 10**9 - 5 * 10**9 + 123_456_789)
    try:
        raise LookupError("no such seat")
    except LookupError as error:
        root.record_exception(error)
    for kind in SpanKind:
        child = tracer.start_span(f"child {kind.name}", context=inside, kind=kind, attributes={"kind": kind.name})
        tracer.start_span("grandchild", context=trace.set_span_in_context(child)).end()
        child.end()
    failed = tracer.start_span("failed", context=inside)
    failed.set_status(Status(StatusCode.ERROR, "card declined: ключ"))
    failed.end()
    fine = tracer.start_span("fine", context=inside)
    fine.set_status(StatusCode.OK)
    fine.end()
    remote = SpanContext(
        trace_id=root.get_span_context().trace_id ^ 0xFFFF,
        span_id=0xB7AD6B7169203331,
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
        trace_state=TraceState([("vendor", "one"), ("other@tenant", "t61rcWkgMzE")]),
    )
    now = time.time_ns()
    consumer = tracer.start_span(
        "of a remote parent",
        context=trace.set_span_in_context(trace.NonRecordingSpan(remote)),
        kind=SpanKind.CONSUMER,
        links=[Link(root.get_span_context()), Link(remote, EVERY_TYPE)],
        start_time=now - 2 * 10**9 + 1,
    )
    consumer.end(now - 10**9 + 999)
    root.end()
    return inside


def make_logs(logger, loggers: LoggerProvider, inside) -> None:
    """Makes records of every severity, bodies of every kind, some in the span of `inside`, some by Python's own logging."""
    for name, number in {"TRACE": 1, "DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17, "FATAL": 21, "info4": 12}.items():
        emit(logger, context=inside, severity_text=name, severity_number=SeverityNumber(number), body=f"a record of {name}")
    bodies = {
        "string": "Bücher für 世界 🦀",
        "empty": "",
        "map": {"user": "ada", "n": 2**63 - 1, "ratio": 0.25, "ok": True, "tags": ["a", "b"], "deep": {"er": {"est": -1}}, "none": None},
        "array": ["mixed", 1, 2.5, False, {"in": "a map"}],
        "int": -(2**63),
        "double": 1.5,
        "bool": True,
        "bytes": b"\x00\x01\xfe\xff",
        "none": None,
    }
    for kind, body in bodies.items():
        emit(logger, body=body, attributes={"kind": kind})
    emit(logger, body="all attributes", attributes=EVERY_TYPE | {"a.map": bodies["map"], "a.bytes": bodies["bytes"]})
    emit(logger, event_name="seat.taken", body={"seat": "A1"}, attributes={"row": 1}, severity_number=SeverityNumber.INFO2)
    emit(logger, body="at a time of its own", timestamp=time.time_ns() - 7 * 10**9)

    own = logging.getLogger("box.office")
    own.propagate = False
    own.addHandler(LoggingHandler(logger_provider=loggers))
    own.warning("seat %s of %d is taken", "A1", 40, extra={"row": 1, "vip": True})
    try:
        raise ValueError("no price")
    except ValueError:
        own.exception("cannot sell")


def emit(logger, **fields) -> None:
    now = time.time_ns()
    logger.emit(LogRecord(**({"timestamp": now, "observed_timestamp": now + 1} | fields)))


def make_metrics(meter, prefix: str):
    """Makes instruments whose names begin with `prefix`; gives what records one round of measurements."""
    counter = meter.create_counter(f"{prefix}.requests", "{request}", "Requests, größer")
    number_of_bytes = meter.create_counter(f"{prefix}.bytes", "By")
    queue = meter.create_up_down_counter(f"{prefix}.queue")
    gauge = meter.create_gauge(f"{prefix}.temperature", "Cel")
    duration = meter.create_histogram(f"{prefix}.duration", "s")
    size = meter.create_histogram(f"{prefix}.exponential", "By")
    observed = iter(range(1, 100))

    def observe(_: CallbackOptions):
        yield Observation(next(observed) * 10, {"from": "callback"})

    meter.create_observable_counter(f"{prefix}.observed", [observe])
    meter.create_observable_up_down_counter(f"{prefix}.balance", [lambda _: [Observation(-1.5)]])
    meter.create_observable_gauge(f"{prefix}.load", [lambda _: [Observation(0.75, {"cpu": 0})]])

    def measure(number: int) -> None:
        counter.add(3 + number, {"route": "/a", "status": 200})
        counter.add(1, {"route": "/b", "status": 500})
        counter.add(2**52, {"route": "/large"})
        number_of_bytes.add(0.1 + number, EVERY_TYPE)
        queue.add(-7 if number else 5)
        gauge.set(-12.5 + number, {"room": "größte"})
        for seconds in (0, 0.05, 0.1, 0.3, 0.7, 2, 100):
            duration.record(seconds + number, {"route": "/a"})
        for each in (0, 1, 1.5, 2, 1e-3, 1e9, 3, 3, 3):
            size.record(each, {"route": "/a"})
        size.record(7, {"route": "/one value"})

    return measure


if __name__ == "__main__":
    main(*sys.argv[1:])
