"""Receives OTLP over HTTP and writes spans to the analytical store: `python -m tools.otlp_receiver --store URL`.

For tests, and for people who want to ask ClickHouse about traces without running a collector. It answers like any
receiver of OTLP: ``POST /v1/traces`` and ``/v1/metrics``, protobuf, gzip or not. Metrics are counted, not kept.
"""

import argparse
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pyarrow as pa
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from common.errors import ConfigurationError, GalapagosError
from common.ports import Store
from common.run.open import open_store
from common.telemetry import names
from recorder.tables import Table, create

PORT = 4318
BODY_BYTES_MAX = 16 << 20
_TEXT = ("trace_id", "span_id", "parent_id", "name", "service", "instance", "run_id", "topic", "event_id", "purpose")
SPANS = Table(
    "spans",
    dict.fromkeys(_TEXT, "String")
    | {"kind": "UInt8", "time": "DateTime", "start_us": "UInt64", "duration_us": "UInt64"}
    | {"is_error": "UInt8", "message": "String", "links": "Array(String)"},
    ("trace_id", "span_id"),
)
"""Ids are hex texts; ``links`` are trace ids."""
DDL = create(SPANS.name, SPANS.columns, SPANS.order, "ReplacingMergeTree(start_us)", is_bulk=False)


def rows(request: ExportTraceServiceRequest) -> pa.Table:
    """One row for each span."""
    found = []
    for resource in request.resource_spans:
        process = _texts(resource.resource.attributes)
        for scope in resource.scope_spans:
            found += [_row(span, process) for span in scope.spans]
    return pa.Table.from_pylist(found, SPANS.schema)


def _row(span: Any, process: dict[str, str]) -> dict[str, Any]:
    own = _texts(span.attributes)
    return {
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent_id": span.parent_span_id.hex(),
        "name": span.name,
        "service": process.get(names.SERVICE_NAME, ""),
        "instance": process.get(names.INSTANCE, ""),
        "run_id": process.get(names.RUN, ""),
        "topic": own.get(names.TOPIC, ""),
        "event_id": own.get(names.EVENT_ID, ""),
        "purpose": own.get(names.PURPOSE, ""),
        "kind": span.kind,
        "time": span.start_time_unix_nano // 1_000_000_000,
        "start_us": span.start_time_unix_nano // 1000,
        "duration_us": (span.end_time_unix_nano - span.start_time_unix_nano) // 1000,
        "is_error": int(span.status.code == span.status.STATUS_CODE_ERROR),
        "message": span.status.message,
        "links": [link.trace_id.hex() for link in span.links],
    }


def _texts(attributes: Any) -> dict[str, str]:
    return {each.key: each.value.string_value for each in attributes}


class Receiver(ThreadingHTTPServer):
    """Listens on 127.0.0.1; port 0 takes a free one. What a store refuses is answered with 503: senders try again."""

    def __init__(self, store: Store, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.store, self.lock = store, threading.Lock()
        self.spans = self.metrics = 0
        self.metric_names: set[str] = set()
        store.execute(DDL)

    @property
    def url(self) -> str:
        """For OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"http://127.0.0.1:{self.server_port}"

    def take_spans(self, body: bytes) -> bytes:
        """Write the spans of a request; what to answer."""
        table = rows(ExportTraceServiceRequest.FromString(body))
        with self.lock:
            if table.num_rows:
                self.store.insert(SPANS.name, table)
            self.spans += table.num_rows
        return ExportTraceServiceResponse().SerializeToString()

    def take_metrics(self, body: bytes) -> bytes:
        """Count the metrics of a request and note their names; what to answer."""
        request = ExportMetricsServiceRequest.FromString(body)
        scopes = [scope for resource in request.resource_metrics for scope in resource.scope_metrics]
        with self.lock:
            for scope in scopes:
                self.metrics += len(scope.metrics)
                self.metric_names.update(metric.name for metric in scope.metrics)
        return ExportMetricsServiceResponse().SerializeToString()


class _Handler(BaseHTTPRequestHandler):
    server: Receiver
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_POST(self) -> None:
        """See ``Receiver``."""
        take = {"/v1/traces": self.server.take_spans, "/v1/metrics": self.server.take_metrics}.get(self.path)
        if take is None:
            return self._answer(404)
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > BODY_BYTES_MAX:
            self.close_connection = True
            return self._answer(413)
        try:
            self._answer(200, take(self._plain(self.rfile.read(int(length)))))
        except (DecodeError, EOFError, OSError, ValueError, zlib.error):
            self._answer(400)
        except GalapagosError:
            self._answer(503)

    def _plain(self, body: bytes) -> bytes:
        if self.headers.get("Content-Encoding") != "gzip":
            return body
        unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
        plain = unpacker.decompress(body, BODY_BYTES_MAX)
        if not unpacker.eof:
            raise ValueError("more than a request may hold, or cut off")
        return plain

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing: what was received stands in the table."""


@contextmanager
def receiving(store: Store, port: int = 0) -> Iterator[Receiver]:
    """A receiver in a thread of its own."""
    server = Receiver(store, port)
    thread = threading.Thread(target=server.serve_forever, name="otlp receiver")
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def main(arguments: list[str] | None = None) -> int:
    """Receive until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tools.otlp_receiver", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--store", required=True, help="chdb://folder or clickhouse://host:port/database")
    parser.add_argument("--port", type=int, default=PORT, help=f"on 127.0.0.1, {PORT} by default")
    chosen = parser.parse_args(arguments)
    try:
        with receiving(open_store(chosen.store), chosen.port) as server:
            print(f"listening: OTEL_EXPORTER_OTLP_ENDPOINT={server.url}", file=sys.stderr)
            threading.Event().wait()
    except KeyboardInterrupt:
        return 0
    except (ConfigurationError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
