"""Notes everything that the OpenTelemetry SDK for Python hands to its OTLP exporters, in the form of a manifest: see
docs/interop.md. It reads the SDK's own objects, not what an exporter makes of them."""

import base64
import json
import logging
import math
from collections.abc import Mapping, Sequence
from importlib.metadata import version

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    ExponentialHistogram,
    Gauge,
    Histogram,
    Sum,
)

TEMPORALITIES = {AggregationTemporality.DELTA: "delta", AggregationTemporality.CUMULATIVE: "cumulative"}


class Manifest:
    """What was sent by one variant."""

    def __init__(self, variant: str):
        self.variant = variant
        self.spans, self.logs, self.points, self.exemplars, self.complaints = [], [], [], [], []
        logging.getLogger("opentelemetry").addHandler(Complaints(self.complaints))

    def record(self, exporter: type, note) -> None:
        """Lets the exporters of a class note each batch with `note`, and each failure."""
        send = exporter.export

        def export(this, batch, *args, **more):
            note(batch)
            result = send(this, batch, *args, **more)
            if result.name != "SUCCESS":
                self.complaints.append(f"{exporter.__name__} failed: {result.name}")
            return result

        exporter.export = export

    def expect(self, condition: bool, what: str) -> None:
        """Complains when what a sender must have made is not there."""
        if not condition:
            self.complaints.append(f"it is not so that {what}")

    def note_spans(self, batch) -> None:
        self.spans += [span(it) for it in batch]

    def note_logs(self, batch) -> None:
        self.logs += [log(it) for it in batch]

    def note_metrics(self, batch) -> None:
        for resource_metrics in batch.resource_metrics:
            for scope_metrics in resource_metrics.scope_metrics:
                owner = {"resource": values(resource_metrics.resource.attributes), "scope": scope(scope_metrics.scope)}
                for metric in scope_metrics.metrics:
                    for it in metric.data.data_points:
                        self.points.append(point(it, metric) | owner)
                        self.exemplars += [exemplar(each, it, metric) for each in it.exemplars or ()]

    def write(self, path: str) -> None:
        """Writes it to a file."""
        lists = ["spans", "logs", "points", "exemplars", "complaints"]
        head = {"variant": self.variant, "sdk": f"opentelemetry-sdk {version('opentelemetry-sdk')}"}
        with open(path, "w", encoding="utf-8") as file:
            json.dump(head | {name: getattr(self, name) for name in lists}, file)


class Complaints(logging.Handler):
    """Keeps warnings of the SDK: what it could not send, and what the receiver says."""

    def __init__(self, complaints: list):
        super().__init__(logging.WARNING)
        self.complaints = complaints

    def emit(self, record: logging.LogRecord) -> None:
        self.complaints.append(record.getMessage())


def span(it) -> dict:
    context = it.get_span_context()
    remote = it.parent is not None and it.parent.is_remote
    return {
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
        "parent_span_id": f"{it.parent.span_id:016x}" if it.parent else None,
        "trace_state": ",".join(f"{key}={text}" for key, text in context.trace_state.items()),
        # This SDK sends whether the parent is remote, and not the flags of W3C.
        "flags": 0x300 if remote else 0x100,
        "name": it.name,
        "kind": it.kind.name.lower(),
        "start": str(it.start_time),
        "end": str(it.end_time),
        "status": it.status.status_code.name.lower(),
        "status_message": it.status.description or "",
        "attributes": values(it.attributes),
        "events": [{"time": str(e.timestamp), "name": e.name, "attributes": values(e.attributes)} for e in it.events],
        # This SDK leaves out the trace state of links.
        "links": [
            {
                "trace_id": f"{link.context.trace_id:032x}",
                "span_id": f"{link.context.span_id:016x}",
                "trace_state": "",
                "attributes": values(link.attributes),
            }
            for link in it.links
        ],
        "dropped_attributes": it.dropped_attributes,
        "dropped_events": it.dropped_events,
        "dropped_links": it.dropped_links,
        "resource": values(it.resource.attributes),
        "scope": scope(it.instrumentation_scope),
    }


def log(it) -> dict:
    record = it.log_record
    return {
        # The receiver gives a record without a time the one at which it was observed.
        "time": str(record.timestamp or record.observed_timestamp),
        "observed_time": str(record.observed_timestamp),
        "severity_number": record.severity_number.value if record.severity_number else 0,
        "severity_text": record.severity_text or "",
        "body": value(record.body),
        "event_name": record.event_name or "",
        "trace_id": f"{record.trace_id:032x}" if record.trace_id else None,
        "span_id": f"{record.span_id:016x}" if record.span_id else None,
        "flags": int(record.trace_flags or 0),
        "attributes": values(record.attributes),
        "dropped_attributes": it.dropped_attributes,
        "resource": values(it.resource.attributes),
        "scope": scope(it.instrumentation_scope),
    }


def point(it, metric) -> dict:
    kinds = {Gauge: "gauge", Sum: "sum", Histogram: "histogram", ExponentialHistogram: "exponential_histogram"}
    kind = kinds[type(metric.data)]
    start = None if kind == "gauge" else str(it.start_time_unix_nano)
    temporality = "" if kind == "gauge" else TEMPORALITIES[metric.data.aggregation_temporality]
    return {
        "name": metric.name,
        "unit": metric.unit or "",
        "description": metric.description or "",
        "kind": kind,
        "temporality": temporality,
        "monotonic": kind == "sum" and metric.data.is_monotonic,
        "attributes": values(it.attributes),
        "time": str(it.time_unix_nano),
        "start_time": start,
    } | measured(kind, it)


def measured(kind: str, it) -> dict:
    if kind in ("gauge", "sum"):
        return {"value": value(it.value)}
    totals = {"count": it.count, "sum": it.sum, "min": it.min, "max": it.max}
    if kind == "histogram":
        return totals | {"distribution": {"bounds": list(it.explicit_bounds), "counts": list(it.bucket_counts)}}
    distribution = {
        "scale": it.scale,
        "zero_count": it.zero_count,
        "zero_threshold": 0,
        "positive": buckets(it.positive),
        "negative": buckets(it.negative),
    }
    return totals | {"distribution": distribution}


def buckets(it) -> dict:
    """Buckets as they are sent: none at all have no offset."""
    counts = list(it.bucket_counts)
    return {"offset": it.offset if counts else 0, "counts": counts}


def exemplar(it, of, metric) -> dict:
    return {
        "name": metric.name,
        "time": str(it.time_unix_nano),
        "value": value(it.value),
        "trace_id": f"{it.trace_id:032x}" if it.trace_id else None,
        "span_id": f"{it.span_id:016x}" if it.span_id else None,
        "attributes": values(of.attributes),
        "filtered_attributes": values(it.filtered_attributes),
    }


def scope(it) -> dict:
    return {"name": it.name, "version": it.version or "", "attributes": values(it.attributes)}


def values(attributes: Mapping | None) -> dict:
    """Attributes as `{key: {type: value}}`."""
    return {key: value(it) for key, it in (attributes or {}).items()}


def value(it) -> dict:
    """A value with its type."""
    match it:
        case None:
            return {"empty": True}
        case bool():
            return {"bool": it}
        case str():
            return {"string": str(it)}
        case int():
            return {"int": str(int(it))}
        case float():
            return {"double": double(it)}
        case bytes():
            return {"bytes": base64.b64encode(it).decode()}
        case Mapping():
            return {"map": values(it)}
        case Sequence():
            return {"array": [value(each) for each in it]}
    raise TypeError(f"no attribute is a {type(it).__name__}")


def double(it: float) -> float | str:
    """JSON lacks some doubles, and readers of it take the sign of a zero."""
    if math.isnan(it):
        return "NaN"
    if math.isinf(it):
        return "Infinity" if it > 0 else "-Infinity"
    return "-0" if it == 0 and math.copysign(1, it) < 0 else it
