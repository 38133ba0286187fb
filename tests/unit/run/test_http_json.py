"""The small HTTP server: JSON for those who ask properly, an answer for those who do not, nothing left behind."""

import asyncio

import pytest

from common.errors import ConfigurationError
from common.run.http_json import serve

ROUTES = {"/health/live": lambda: (503, {"state": "stalled"}), "/live/rates": lambda: (200, {"now_us": 1})}


async def ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), 10.0)
    writer.close()
    return answer


@pytest.mark.parametrize(
    ("request_line", "status", "body"),
    [
        (b"GET /live/rates HTTP/1.1", b"200 OK", b'{"now_us":1}'),
        (b"GET /live/rates/?x=1 HTTP/1.0", b"200 OK", b'{"now_us":1}'),
        (b"HEAD /live/rates HTTP/1.1", b"200 OK", b""),
        (b"GET /health/live HTTP/1.1", b"503 Service Unavailable", b'{"state":"stalled"}'),
        (b"GET /../etc HTTP/1.1", b"404 Not Found", b'{"error":"no such page; there are /health/live, /live/rates"}'),
        (b"POST /live/rates HTTP/1.1", b"405 Method Not Allowed", b'{"error":"use GET"}'),
        (b"\xff\xfe", b"405 Method Not Allowed", b'{"error":"use GET"}'),
    ],
)
async def test_answers(request_line: bytes, status: bytes, body: bytes) -> None:
    async with serve("127.0.0.1", 0, ROUTES) as port:
        head, _, found = (await ask(port, request_line + b"\r\nHost: x\r\n\r\n")).partition(b"\r\n\r\n")
    assert (head.split(b"\r\n")[0], found) == (b"HTTP/1.1 " + status, body)


async def test_a_head_without_end_is_cut_off() -> None:
    async with serve("127.0.0.1", 0, ROUTES) as port:
        assert await ask(port, b"GET /" + b"x" * 20_000) == b""


async def test_a_port_that_is_taken_is_told() -> None:
    async with serve("127.0.0.1", 0, ROUTES) as port:
        with pytest.raises(ConfigurationError, match=f"127.0.0.1:{port}"):
            async with serve("127.0.0.1", port, ROUTES):
                pass
