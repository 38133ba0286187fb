"""Command line: `python -m tools.servers start|status|stop|logs`."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tools.servers import KINDS, Servers, ServersError, ensure
from tools.servers.running import TAIL_LINES

FOLDER = Path(__file__).resolve().parents[2] / ".servers"


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.servers", description="Kafka, Redis and ClickHouse on this machine"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("start", help="start what does not run, and wait until it serves")
    start.add_argument("--brokers", type=int, choices=(1, 3), help="of Kafka, at the first start (default 1)")
    start.add_argument("--only", default=",".join(KINDS), help="of kafka,redis,clickhouse; default all")
    status = commands.add_parser("status", help="say what runs; exit code 1 unless all of it is ready")
    stop = commands.add_parser("stop", help="end what was started here; data stays")
    stop.add_argument("--wipe", action="store_true", help="drop the data too")
    logs = commands.add_parser("logs", help="the end of each log")
    logs.add_argument("name", nargs="?", help="kafka-1, redis, clickhouse; default all")
    logs.add_argument("--lines", type=int, default=TAIL_LINES)
    for command in (start, status, stop, logs):
        command.add_argument("--dir", type=Path, default=FOLDER, help="where everything lies; default .servers")
        command.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args(words)


def print_status(servers: Servers, as_json: bool) -> bool:
    """Print what runs; True when there is something and all of it is ready."""
    rows = servers.status()
    if as_json:
        print(json.dumps({"urls": servers.urls, "servers": [asdict(row) for row in rows], "took_s": servers.took_s}))
    else:
        for row in rows:
            ports = " ".join(f"{use}={port}" for use, port in row.ports.items())
            print(f"{row.name:11} {row.state:7} pid {row.pid or '-':<7} {row.rss_mb:4} MiB  {row.version:10} {ports}")
        for kind, url in servers.urls.items():
            print(f"{kind}: {url}")
        if not rows:
            print(f"nothing was started in {servers.folder}")
    return bool(rows) and all(row.state == "ready" for row in rows)


def run(given: argparse.Namespace) -> int:
    """Do one command; 0 when all is well, 1 when `status` finds something that is not."""
    if given.command == "start":
        kinds = given.only.split(",")
        if unknown := set(kinds) - set(KINDS):
            raise ServersError(f"--only {','.join(sorted(unknown))}: unknown; choose from {','.join(KINDS)}")
        began = time.monotonic()
        servers = ensure(given.dir, given.brokers, kinds, lambda said: print(said, file=sys.stderr))
        print_status(servers, given.json)
        if not given.json:
            print(f"ready in {time.monotonic() - began:.1f} s")
        return 0
    servers = Servers(given.dir)
    if given.command == "status":
        return 0 if print_status(servers, given.json) else 1
    if given.command == "stop":
        ended = servers.stop(given.wipe)
        print(json.dumps({"ended": ended}) if given.json else f"ended: {', '.join(ended) or 'nothing ran'}")
        return 0
    tails = {name: servers.log_tail(name, given.lines) for name in ([given.name] if given.name else servers.pids)}
    print(json.dumps(tails) if given.json else "\n".join(f"== {name}\n{tail}" for name, tail in tails.items()))
    return 0


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; 2 with one message when it cannot be done."""
    given = arguments(words)
    try:
        return run(given)
    except ServersError as error:
        print(f"servers: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
