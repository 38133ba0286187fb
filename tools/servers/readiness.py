"""Asks a server over its own protocol whether it serves."""

import importlib
import socket
import struct
from collections.abc import Callable
from typing import Any

from tools.servers.node import HOST

TIMEOUT_S = 2.0
METADATA, METADATA_VERSION = 3, 1


def answers(kind: str, port: int, number: int = 1) -> bool:
    """Whether the server on ``port`` serves; a broker when it finds ``number``, its own, among the brokers."""
    asks: dict[str, Callable[[], bool]] = {
        "kafka": lambda: number in brokers_known(port),
        "redis": lambda: _pongs(port),
        "clickhouse": lambda: _selects(port),
    }
    try:
        return asks[kind]()
    except (OSError, EOFError):
        return False


def brokers_known(port: int) -> set[int]:
    """The brokers that the broker on ``port`` knows, asked by a Metadata request (version 1, no topics).

    Raises:
        OSError: Nothing listens there, or it does not answer.
        EOFError: It closed the connection.
    """
    client = b"galapagos"
    request = struct.pack(f">hhih{len(client)}si", METADATA, METADATA_VERSION, 1, len(client), client, 0)
    with _connect(port) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        answer = _receive(connection, struct.unpack(">i", _receive(connection, 4))[0])
    brokers, at = set(), 8  # behind the correlation id and the count
    for _ in range(struct.unpack_from(">i", answer, 4)[0]):
        number, host_length = struct.unpack_from(">ih", answer, at)
        at += 6 + host_length + 4
        at += 2 + max(0, struct.unpack_from(">h", answer, at)[0])  # the rack; -1 says none
        brokers.add(number)
    return brokers


def _pongs(port: int) -> bool:
    with _connect(port) as connection:
        connection.sendall(b"PING\r\n")
        return _receive(connection, 7) == b"+PONG\r\n"


def _selects(port: int) -> bool:
    driver: Any = importlib.import_module("clickhouse_driver")  # slow to import, and it has no types
    client = driver.Client(HOST, port, connect_timeout=TIMEOUT_S, send_receive_timeout=TIMEOUT_S)
    try:
        return bool(client.execute("SELECT 1") == [(1,)])
    except driver.errors.Error:
        return False
    finally:
        client.disconnect()


def _connect(port: int) -> socket.socket:
    return socket.create_connection((HOST, port), timeout=TIMEOUT_S)


def _receive(connection: socket.socket, count: int) -> bytes:
    parts = b""
    while len(parts) < count:
        part = connection.recv(count - len(parts))
        if not part:
            raise EOFError("the server closed the connection")
        parts += part
    return parts
