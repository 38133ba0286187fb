"""Logs of a process on stderr: one JSON object a line for machines, plain text for people at a terminal."""

import logging
import sys
from datetime import UTC, datetime

import orjson

from common.events.trace import parse

TRACE = "traceparent"
"""Name of the extra field of a log record that says to which trace it belongs."""
_QUIET = ("aiokafka", "faust", "mode", "numba", "kafka")


class _Json(logging.Formatter):
    def __init__(self, service: str, run: str) -> None:
        super().__init__()
        self._always = {"service": service, "run": run}

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
            "level": record.levelname.lower(),
            **self._always,
            "logger": record.name,
            "message": record.getMessage(),
        }
        ids = parse(getattr(record, TRACE, ""))
        if ids is not None:
            line |= {"trace_id": f"{ids[0]:032x}", "span_id": f"{ids[1]:016x}"}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return orjson.dumps(line).decode()


def start_logs(service: str, run: str = "", *, plain: bool | None = None) -> None:
    """Everything from INFO up, of ours. ``plain`` None: on a terminal."""
    handler = logging.StreamHandler(sys.stderr)
    if sys.stderr.isatty() if plain is None else plain:
        handler.setFormatter(logging.Formatter(f"%(asctime)s {service} %(levelname)s %(message)s", "%H:%M:%S"))
    else:
        handler.setFormatter(_Json(service, run))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    quiet_libraries()


def quiet_libraries() -> None:
    """Client libraries say at length what is tried again anyway; our own errors say what matters."""
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)
