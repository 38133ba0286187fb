"""Writes ``schemas/`` from the event classes: ``python -m tools.schemas``; with ``--check`` it only says what is stale.

A sample is written for a topic that has none, and with ``--sample TOPIC`` when its writer has changed; old samples are
never touched, because every reader must go on parsing them.
"""

import argparse
import sys
from pathlib import Path

from common.events.catalogue import BY_NAME
from common.events.schemas import generate
from tools.samples import encoded_samples

SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"
SAMPLES = SCHEMAS / "samples"


def samples_of(topic: str) -> list[Path]:
    """The samples of a topic, oldest first."""
    return sorted(SAMPLES.glob(f"{topic}-*.json"))


def stale() -> list[str]:
    """Files below ``schemas/`` that are missing, differ, or belong to nothing, and topics without a sample."""
    wanted = generate()
    present = {path.name for path in SCHEMAS.iterdir() if path.is_file()}
    differing = [name for name, text in wanted.items() if name in present and (SCHEMAS / name).read_text() != text]
    missing = sorted(set(wanted) ^ present)
    return [*differing, *missing, *(f"samples/{topic}-001.json" for topic in BY_NAME if not samples_of(topic))]


def write(fresh_sample: str | None) -> None:
    """Bring ``schemas/`` up to date."""
    SAMPLES.mkdir(parents=True, exist_ok=True)
    wanted = generate()
    for path in SCHEMAS.iterdir():
        if path.is_file() and path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (SCHEMAS / name).write_text(text)
    for topic, data in encoded_samples().items():
        count = len(samples_of(topic))
        if count == 0 or topic == fresh_sample:
            (SAMPLES / f"{topic}-{count + 1:03}.json").write_bytes(data)


def main() -> int:
    """0 when everything is up to date or written, 1 when ``--check`` finds something stale."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail when something is stale")
    parser.add_argument("--sample", choices=list(BY_NAME), metavar="TOPIC", help="add a sample of this topic")
    given = parser.parse_args()
    if not given.check:
        write(given.sample)
        return 0
    found = stale()
    if found:
        sys.stderr.write(f"schemas/ is stale: {', '.join(found)}; run `make schemas` and commit the result\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
