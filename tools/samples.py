"""Samples: messages kept in ``schemas/samples`` for ever, which every later reader must still parse."""

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson

from common.events import cohorts, public
from common.events.codec import encode
from common.events.cohorts import Cohort
from common.events.event import Event, Payload, event_id
from common.events.message import Message
from common.events.spec import OBJECTIVES, DataSpec, RunSpec
from common.events.trace import pack
from common.genome.codec import from_json, genome_ids, to_json
from common.genome.conditions import CONDITIONS

RUN = RunSpec(data=(DataSpec(name="SP500", digest="0123456789abcdef" * 2, bars=5031, bars_per_year=251.6),))
TIME_US = 1_767_225_600_123_456
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def sample_events() -> Iterator[Event]:
    """One event of each type, always the same."""
    payloads: list[tuple[Payload, str]] = [*_public(), *_cohorts()]
    for payload, key in payloads:
        yield Event(payload, key, RUN, event_id(RUN, payload, ("sample",)), TIME_US, TRACE)


def to_sample(message: Message) -> bytes:
    """The message as one JSON document: the value as a document too, or in base64 when it is Arrow."""
    text: dict[str, Any] = {"topic": message.topic, "key": message.key.decode()}
    text["headers"] = {name: data.decode() for name, data in message.headers}
    if "json" in text["headers"]["content-type"]:
        text["json"] = orjson.loads(message.value)
    else:
        text["base64"] = base64.b64encode(message.value).decode()
    return orjson.dumps(text, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def from_sample(data: bytes) -> Message:
    """The inverse of ``to_sample``."""
    text = orjson.loads(data)
    value = orjson.dumps(text["json"]) if "json" in text else base64.b64decode(text["base64"])
    headers = tuple((name, content.encode()) for name, content in text["headers"].items())
    return Message(text["topic"], text["key"].encode(), headers, value)


def encoded_samples() -> dict[str, bytes]:
    """Topic to the sample that the present writer makes."""
    return {message.topic: to_sample(message) for message in map(encode, sample_events())}


def _genome() -> Any:
    tree = ["and", CONDITIONS[0].text, ["not", CONDITIONS[1].text]]
    return from_json({"version": 2, "logic": {"long_entry": tree, "short_entry": CONDITIONS[2].text}})


def _champion(genome: dict[str, Any], genome_id: str) -> public.ChampionPromoted:
    evidence = public.Evidence(
        bars=2000,
        trades=44,
        total_return=0.31,
        sharpe_annual=1.1,
        drawdown_max=0.12,
        skewness=-0.2,
        kurtosis=5.5,
    )
    return public.ChampionPromoted(
        genome_id=genome_id,
        genome=genome,
        niche="3-1-2",
        island=2,
        generation=19,
        born_generation=17,
        born_us=TIME_US - 9_000_000,
        parent_ids=["00ff" * 8],
        operator="crossover",
        trials=163_840,
        training=evidence,
        validation=evidence,
        vault=evidence,
        verdicts=[public.Verdict(gate="vault", value=0.004, bound=0.00625, passed=True)],
    )


def _public() -> Iterator[tuple[Payload, str]]:
    genome = to_json(_genome())
    genome_id = genome_ids(np.array([_genome()]))[0].tobytes().hex()
    yield public.GenomeSeeded(genome=genome, publisher="ada", note="a sample"), "run"
    yield _champion(genome, genome_id), f"{RUN.run_id}:3-1-2"
    deployment = public.DeploymentChanged(
        deployment="d1",
        genome_id=genome_id,
        state="paper",
        previous="validated",
        reason="limits hold",
        instrument="SP500",
        born_us=TIME_US - 9_000_000,
        bar_ts_us=1_500_000_000_000_000,
    )
    yield deployment, "d1"
    performance = public.PerformanceObserved(
        deployment="d1",
        genome_id=genome_id,
        bar_ts_us=1_500_000_000_000_000,
        bars=30,
        trades=2,
        position=-0.5,
        equity=1.013,
        drawdown_max=0.02,
    )
    yield performance, "d1"
    yield public.ControlIssued(action="start"), "run"
    yield public.AlertRaised(kind="resource", severity="warning", message="the disk is nearly full"), "resource"
    yield (
        public.BarClosed(
            instrument="SP500",
            ts_us=[1_500_000_000_000_000, 1_500_086_400_000_000],
            open=[2459.3, 2462.0],
            high=[2463.5, 2465.1],
            low=[2450.2, 2458.0],
            close=[2461.9, 2459.1],
            volume=[3.1e9, 2.9e9],
        ),
        "SP500",
    )


def _cohorts() -> Iterator[tuple[Payload, str]]:
    population = np.array([_genome(), _genome()])
    population["reals"][1, 0] = np.nextafter(population["reals"][1, 0], np.float32(np.inf))
    size = len(population)
    figures = np.arange(size * 27, dtype=np.float64).reshape(size, 3, 9) / 8
    columns: dict[str, Any] = {
        "genome": population,
        "genome_id": genome_ids(population),
        "operator": np.array([3, 4], np.uint8),
        "objectives": figures[:, 0, : len(OBJECTIVES)].copy(),
        "descriptor": np.full((size, 3), 0.5, np.float32),
        "evidence": figures,
        "status": np.array([0, 2], np.uint8),
        "born_generation": np.array([4, 5], np.uint32),
        "born_us": np.full(size, TIME_US, np.int64),
        "trace": np.frombuffer(pack(TRACE) * size, "V24"),
        "rank": np.array([0, 1], np.int32),
        "crowding": np.array([np.inf, 0.25]),
    }

    def build(kind: type[Cohort], header: cohorts.Header) -> Cohort:
        return kind.build(header, **{name: columns[name] for name in kind.columns if name in columns})

    summary = cohorts.Summary(
        evaluated=12_288,
        refused=3,
        failed=1,
        best={"sharpe": 1.5},
        median={"sharpe": 0.1},
        front_size=40,
        archive_size=80,
        archive_cells=125,
        diversity=0.4,
        registered=2,
        champions=1,
        refusals={"vault": 1},
        diversities={
            "genetic": 0.4,
            "structural": 0.7,
            "phenotypic": 0.3,
            "behavioural": 0.6,
            "fitness": 0.2,
            "vendi": 9.5,
        },
        verdict=["plateau"],
        species=4,
    )
    yield build(cohorts.GenomeProposed, cohorts.ProposedHeader(island=1, generation=5)), "1:5:evolution"
    yield build(cohorts.GenomeEvaluated, cohorts.EvaluatedHeader(island=1, generation=5, proposed_us=TIME_US)), "1"
    yield build(cohorts.ParentsSelected, cohorts.SelectedHeader(island=1, generation=5, summary=summary)), "1"
    yield build(cohorts.MigrantSent, cohorts.MigrantHeader(island=2, generation=5, source=1)), "2"
