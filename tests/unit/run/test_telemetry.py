"""Where spans go, and what a receiver gets."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from common.errors import ConfigurationError
from common.events.trace import parse
from common.telemetry import consumer_span, header_of, producer_span, root_span, start_tracing, tracer_of

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_without_an_exporter_traces_still_travel() -> None:
    tracer = tracer_of(start_tracing("none"))
    consumed = consumer_span(tracer, "selector", "t", TRACE)
    produced = header_of(producer_span(tracer, "selector", "t", "id", consumed))
    ids, made = parse(TRACE), parse(produced)
    assert ids is not None
    assert made is not None
    assert made[0] == ids[0]
    assert made[1] != ids[1]


def test_a_birth_begins_a_trace() -> None:
    tracer = tracer_of(start_tracing("none"))
    assert header_of(root_span(tracer, "generator", "t", "id", TRACE))[:36] != TRACE[:36]


def test_the_console_exporter_leaves_stdout_alone(capsys: pytest.CaptureFixture[str]) -> None:
    provider = start_tracing("console")
    consumer_span(tracer_of(provider), "selector", "evo.x.y.v1", "").end()
    provider.shutdown()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "selector.consume evo.x.y.v1" in captured.err


def test_another_exporter_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="use one of none, console, otlp"):
        start_tracing("jaeger")


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[bytes]]]:
    """A receiver of OTLP over HTTP: its URL, and the bodies it got."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/traces", bodies
    server.shutdown()
    thread.join()
    server.server_close()


def test_otlp_reaches_a_receiver_with_names_and_ids(receiver: tuple[str, list[bytes]]) -> None:
    url, bodies = receiver
    provider = start_tracing("otlp", url)
    consumer_span(tracer_of(provider), "selector", "evo.x.y.v1", TRACE).end()
    provider.shutdown()
    spans = ExportTraceServiceRequest.FromString(bodies[0]).resource_spans[0].scope_spans[0].spans
    assert [span.name for span in spans] == ["selector.consume evo.x.y.v1"]
    assert spans[0].trace_id.hex() == TRACE[3:35]
    assert spans[0].parent_span_id.hex() == TRACE[36:52]
