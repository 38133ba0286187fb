"""What docs/events.md tells people with nothing but kcat works, word for word, against a real broker and foundry."""

import asyncio
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.client import Client
from common.events.codec import content_id
from common.run.open import open_bus
from tests.client.foundry import SPEC, foundry
from tools import documents
from tools.documents import Fence
from tools.servers import CannotInstallError, install, temporary
from tools.tidy import ROOT

SEEDS = "evo.genome.seeded.v1"
NAMESPACE = "team-a"
TEXT = (ROOT / "docs/events.md").read_text(encoding="utf-8")


def section(title: str) -> list[Fence]:
    return documents.fences(TEXT.split(f"## {title}\n")[1].split("\n## ")[0])


PUBLISH, READ, READ_SAID, PUBLISH_BAD, DEAD, DEAD_SAID, JSON, JSON_SAID = section("With nothing but kcat")
PYTHON, PYTHON_SAID = section("From Python")


@pytest.fixture(scope="module")
def kcat() -> None:
    """In CI it is a failure that it cannot be installed, elsewhere a reason to skip."""
    try:
        if install.find("kcat") is None:
            install.install(["kcat"], lambda said: None)
    except CannotInstallError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def broker(kafka_url: str, kcat: None) -> Iterator[str]:
    """The host:port of a broker of this file's own."""
    assert kafka_url
    with temporary() as mine:
        mine.start(1, ["kafka"])
        yield mine.urls["kafka"].removeprefix("kafka://")


async def run(fence: Fence, folder: Path, broker: str) -> str:
    """What a block prints; it must end well and say nothing on the other stream."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "BROKER": broker,
        "NAMESPACE": NAMESPACE,
        "RUN": SPEC.run_id,
        "GALAPAGOS_BUS": f"kafka://{broker}/{NAMESPACE}?compression=gzip",
    }
    program = {"sh": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}[fence.language]
    process = await asyncio.create_subprocess_exec(
        *program,
        fence.body,
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert (process.returncode, err.decode()) == (0, "")
    return out.decode()


def assert_said(wanted: Fence, printed: str) -> None:
    """Every line of the page is a line that was printed; `…` stands for anything."""
    lines = printed.splitlines()
    for line in wanted.body.splitlines():
        pattern = ".*".join(map(re.escape, line.split("…")))
        assert any(re.fullmatch(pattern, found) for found in lines), (line, printed[:4000])


async def test_a_seed_is_published_and_champions_and_refusals_are_read_with_kcat(broker: str, tmp_path: Path) -> None:
    kept = tmp_path / "runs" / "mine" / "namespace"
    kept.parent.mkdir(parents=True)
    kept.write_text(f"{NAMESPACE}\n")
    bus = open_bus(f"kafka://{broker}/{NAMESPACE}?compression=gzip")
    try:
        async with asyncio.timeout(600), foundry(bus, tmp_path), Client(bus) as client:
            await run(PUBLISH, tmp_path, broker)
            mine = content_id(SEEDS, SPEC.run_id.encode(), (tmp_path / "seed.json").read_bytes())
            assert (await anext(client.outcome(mine))).stage == "measured"
            seen = await anext(client.champions())
            printed = await run(READ, tmp_path, broker)
            assert_said(READ_SAID, printed)
            assert seen.payload.genome_id in printed
            assert seen.trace_id in printed
            await run(PUBLISH_BAD, tmp_path, broker)
            bad = content_id(SEEDS, SPEC.run_id.encode(), (tmp_path / "bad.json").read_bytes())
            fate = await anext(client.outcome(bad))
            printed = await run(DEAD, tmp_path, broker)
            assert_said(DEAD_SAID, printed)
            assert fate.reason in printed
            assert_said(JSON_SAID, await run(JSON, tmp_path, broker))
            assert_said(PYTHON_SAID, await run(PYTHON, tmp_path, broker))
    finally:
        await bus.close()


def test_a_line_that_is_not_printed_is_seen() -> None:
    assert_said(Fence("text", "a … c\n", False), "x\na b c\n")
    with pytest.raises(AssertionError):
        assert_said(Fence("text", "a … c\n", False), "a b\nc\n")
