"""A Flask application that knows nothing of telemetry but its own log, and requests to it. It is run by the
auto-instrumentation: opentelemetry-instrument python flask_app.py VARIANT MANIFEST

Which exporters are used is in the environment (OTEL_EXPORTER_OTLP_PROTOCOL, OTEL_EXPORTER_OTLP_ENDPOINT)."""

import importlib
import logging
import os
import sys
import threading
import urllib.error
import urllib.request

from flask import Flask, abort, jsonify
from opentelemetry import metrics, trace
from opentelemetry._logs import get_logger_provider
from werkzeug.serving import make_server

from record import Manifest

app = Flask(__name__)
log = logging.getLogger("box.office")
REMOTE_TRACE = "0af7651916cd43dd8448eb211c8031"


@app.get("/seats/<int:seat>")
def read_seat(seat: int):
    log.warning("seat %d was asked for", seat, extra={"seat": seat, "free": True})
    return jsonify(seat=seat)


@app.get("/missing")
def missing():
    abort(404)


@app.get("/broken")
def broken():
    raise RuntimeError("the printer is out of tickets")


def main(variant: str, path: str) -> None:
    manifest = Manifest(variant)
    package = f"opentelemetry.exporter.otlp.proto.{os.environ['OTEL_EXPORTER_OTLP_PROTOCOL'].split('/')[0]}"
    exporters = [
        ("trace_exporter", "OTLPSpanExporter", manifest.note_spans),
        ("_log_exporter", "OTLPLogExporter", manifest.note_logs),
        ("metric_exporter", "OTLPMetricExporter", manifest.note_metrics),
    ]
    for module, name, note in exporters:
        manifest.record(getattr(importlib.import_module(f"{package}.{module}"), name), note)

    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    requests = ["/seats/1", "/seats/2", "/missing", "/broken", "/seats/3?row=%C3%BC", "/nowhere"]
    for number, request in enumerate(requests):
        headers = {"traceparent": f"00-{REMOTE_TRACE}{number:02x}-b7ad6b7169203331-01", "tracestate": "vendor=one"}
        url = f"http://127.0.0.1:{server.server_port}{request}"
        try:
            urllib.request.urlopen(urllib.request.Request(url, headers=headers)).read()
        except urllib.error.HTTPError as error:
            error.close()
    server.shutdown()
    for provider in (trace.get_tracer_provider(), metrics.get_meter_provider(), get_logger_provider()):
        provider.force_flush()
        provider.shutdown()

    servers = [span for span in manifest.spans if span["kind"] == "server"]
    manifest.expect(len(servers) == len(requests), "each request has a server span")
    manifest.expect(any(span["status"] == "error" for span in servers), "the broken page has a span with an error")
    manifest.expect(any(point["name"].startswith("http.server.") for point in manifest.points), "http.server metrics are there")
    traced = [record for record in manifest.logs if record["trace_id"] in {span["trace_id"] for span in servers}]
    manifest.expect(len(traced) >= 3, "log records are in the traces of their requests")
    manifest.write(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
