"""A small HTTP server for figures and health: GET and HEAD, JSON out, one answer a connection."""

import asyncio
import contextlib
import http
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import orjson

from common.errors import ConfigurationError

Answer = tuple[int, Any]
"""Status and what is told, as JSON."""
Routes = Mapping[str, Callable[[], Answer]]
"""Per path what to answer; called on the event loop, so it has to be quick."""
_HEAD_BYTES_MAX = 8192
_PATIENCE_S = 5.0


@contextlib.asynccontextmanager
async def serve(host: str, port: int, routes: Routes) -> AsyncIterator[int]:
    """Answer while inside; gives the port, which is a free one where 0 was asked for.

    Raises ConfigurationError when the address cannot be bound to.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_PATIENCE_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_answer(head, routes))
                await writer.drain()
        writer.close()

    try:
        server = await asyncio.start_server(answer, host, port, limit=_HEAD_BYTES_MAX)
    except OSError as error:
        raise ConfigurationError(f"{host}:{port} cannot be bound to ({error}); use another port, or 0") from error
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def _answer(head: bytes, routes: Routes) -> bytes:
    method, _, rest = head.split(b"\r\n", 1)[0].partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0].decode("latin-1").rstrip("/")
    if method not in (b"GET", b"HEAD"):
        status, told = 405, {"error": "use GET"}
    elif path not in routes:
        status, told = 404, {"error": f"no such page; there are {', '.join(routes)}"}
    else:
        status, told = routes[path]()
    body = orjson.dumps(told)
    lines = (
        f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Connection: close",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if method == b"HEAD" else body)
