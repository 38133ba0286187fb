"""Command line: `python -m tools.chaos [--minutes 10] [--seed N] [--json]`; exit code 1 when anything does not hold."""

import argparse
import asyncio
import json
import logging
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tools.chaos.plan import Amount
from tools.chaos.table import summary, table
from tools.chaos.trial import Outcome, Setting, Trial, market, reference, specification
from tools.servers import Servers, ServersError, temporary

SEEDS = 60


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.chaos", description="Real faults on real processes")
    parser.add_argument("--minutes", type=float, default=10.0, help="no trial begins later; default 10")
    parser.add_argument("--seed", type=int, help="of the faults and of the runs; default: drawn, and printed")
    parser.add_argument("--generations", type=int, default=120, help="of each run; default 120")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args(words)


def one(servers: Servers, setting: Setting) -> Outcome:
    """One trial, with its undisturbed run first where the digests are to be compared."""
    with tempfile.TemporaryDirectory(prefix="galapagos-chaos-") as name:
        folder, bars = Path(name), market()
        expected = {}
        if not setting.seeds:
            expected = reference(folder / "alone", specification(bars, setting), bars, sys.stderr)
        return asyncio.run(Trial(servers, folder, setting).run(expected))


def main(words: Sequence[str] | None = None) -> int:
    """Trials until the time is up, every other one with seeds; 1 when one of them has anything against it."""
    given = arguments(words)
    seed = random.SystemRandom().randrange(1 << 31) if given.seed is None else given.seed
    print(f"seed {seed}", file=sys.stderr)
    logging.disable(logging.CRITICAL)  # clients tell of every broker that is gone, many times
    began, outcomes = time.monotonic(), list[Outcome]()
    try:
        with temporary() as servers:
            servers.start(3)
            while not outcomes or time.monotonic() - began < given.minutes * 60:
                number = len(outcomes)
                seeds = SEEDS if number % 2 else 0
                setting = Setting(number, seed + number, given.generations, Amount(), seeds)
                outcomes.append(one(servers, setting))
                for violation in outcomes[-1].violations:
                    print(f"trial {number}: {' '.join(violation)}", file=sys.stderr)
    except ServersError as error:
        print(f"chaos: {error}", file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps({"seed": seed, "trials": [asdict(each) for each in outcomes], **summary(outcomes)}))
    else:
        print(table(outcomes))
    return 1 if any(each.violations for each in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
