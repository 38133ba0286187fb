"""The foundry on Kafka, Redis and ClickHouse: strategies an hour, where the time goes, from birth to deployment."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.processes import cpu_seconds
from common.market.export_files import write_bars
from common.market.synthetic import planted
from common.run.open import open_store
from standalone.results import percentile
from tools.servers import temporary

MINUTES = 1.0
"""Of breeding, for each row of a table."""
PLANTED = 0.25
"""Share of a day's return that the next takes back: strong, for it is promotion that is timed here, not discovery."""
IN_FLIGHT = ((1, 1024), (8, 1024), (8, 8192), (122, 8192))
"""Islands and offspring: a thousand genomes in flight, eight, sixty-five and a thousand thousand."""


@dataclass(frozen=True, slots=True)
class Urls:
    """Where the foundry runs, and the pids of what runs there, by name; none of servers that are not ours."""

    bus: str
    cache: str
    store: str
    pids: Mapping[str, int | None]

    def namespace(self, name: str) -> "Urls":
        """The same servers, apart from what else has run there."""
        return Urls(f"{self.bus.rstrip('/')}/{name}", self.cache, f"{self.store.rsplit('/', 1)[0]}/{name}", self.pids)


@contextmanager
def servers() -> Iterator[Urls]:
    """Those that GALAPAGOS_BUS, _CACHE and _STORE name, or else a set of our own."""
    named = [os.environ.get(f"GALAPAGOS_{name}", "") for name in ("BUS", "CACHE", "STORE")]
    if all(named):
        bus, cache, store = named
        yield Urls(bus, cache, store, {})
        return
    with temporary() as own:
        own.start()
        yield Urls(own.urls["kafka"], own.urls["redis"], own.urls["clickhouse"], own.pids)


@dataclass(frozen=True, slots=True)
class Shape:
    """What is run: its specification, and how many evaluate."""

    config: dict[str, Any]
    evaluators: int = 2
    data: Path | None = None
    generations: int | None = None
    minutes: float = MINUTES


@dataclass(frozen=True, slots=True)
class Trip:
    """What a run told: its ``run.json``, the closes of generations, and CPU seconds by program between them."""

    run: dict[str, Any]
    closes: list[dict[str, Any]]
    cpu_s: dict[str, float]

    @property
    def span_s(self) -> float:
        """From the moment when every island had closed a generation to the last close."""
        return (self.closes[-1]["time_us"] - self._first_us()) / 1e6

    def genomes(self) -> int:
        """Measured within that span."""
        return sum(close["genomes"] for close in self.closes if close["time_us"] > self._first_us())

    def _first_us(self) -> int:
        seen: dict[int, int] = {}
        for close in self.closes:
            seen.setdefault(close["island"], close["time_us"])
        return max(seen.values())


def travel(urls: Urls, shape: Shape, folder: Path, name: str) -> Trip:
    """One `galapagos up`, watched."""
    place = urls.namespace(name)
    config = folder / f"{name}.json"
    config.write_text(json.dumps(shape.config))
    out = folder / name
    options = ["--bus", place.bus, "--cache", place.cache, "--store", place.store, "--config", str(config)]
    options += ["--out", str(out), "--evaluators", str(shape.evaluators), "--json"]
    options += ["--data", str(shape.data)] if shape.data else []
    options += ["--generations", str(shape.generations)] if shape.generations else ["--minutes", str(shape.minutes)]
    print(f"{name}: galapagos up, {shape.evaluators} evaluators", file=sys.stderr, flush=True)
    command = [str(Path(sys.executable).with_name("galapagos")), "up", *options]
    samples: list[tuple[int, dict[str, float]]] = []
    done = threading.Event()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:

        def watch() -> None:
            while not done.wait(0.5):
                samples.append((time.time_ns() // 1000, cpu_seconds(process.pid, place.pids)))

        watcher = threading.Thread(target=watch)
        watcher.start()
        told, complaints = process.communicate()
        done.set()
        watcher.join()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{complaints[-2000:]}")
    closes = closes_of(place.store)
    trip = Trip(json.loads(told), closes, {})
    first_us, last_us = trip._first_us(), closes[-1]["time_us"]
    within = [sample for at_us, sample in samples if first_us <= at_us <= last_us]
    end = {name: spent for sample in within for name, spent in sample.items()}  # a program may end before the others
    return Trip(trip.run, closes, {name: end[name] - within[0].get(name, 0.0) for name in end})


def closes_of(store: str) -> list[dict[str, Any]]:
    """Every generation that was closed, in the order of time, and how many genomes that measured."""
    opened = open_store(store)
    try:
        sql = "SELECT island, generation, time_us, evaluated FROM generations FINAL ORDER BY time_us"
        rows: list[dict[str, Any]] = opened.query(sql).to_pylist()
    finally:
        opened.close()
    before: dict[int, int] = {}
    for row in rows:
        row["genomes"] = row["evaluated"] - before.get(row["island"], 0)
        before[row["island"]] = row["evaluated"]
    return rows


def throughput(trip: Trip) -> dict[str, Any]:
    """Strategies an hour by the wall, and CPU microseconds a genome by program."""
    genomes = trip.genomes()
    spent = {name: 1e6 * seconds / genomes for name, seconds in sorted(trip.cpu_s.items())}
    return {
        "strategies_per_hour": 3600 * genomes / trip.span_s,
        "genomes": genomes,
        "span_s": trip.span_s,
        "cpu_us_per_genome": spent | {"all": sum(spent.values())},
    }


def sizes(islands: int, offspring: int) -> dict[str, Any]:
    """A specification with default breeding otherwise."""
    return {"islands": islands, "evolution": {"offspring": offspring, "population": min(512, offspring // 2)}}


def promotions(urls: Urls, folder: Path, runs: int) -> dict[str, Any]:
    """Birth to deployment where there is something to find."""
    seconds: list[float] = []
    for seed in range(runs):
        data = folder / f"planted-{seed}.parquet"
        write_bars(planted(seed, 5000, PLANTED), data, {})
        config = sizes(4, 1024) | {"seed": seed, "promotion": {"vault_reads_max": 32}}
        travel(urls, Shape(config, data=data, generations=40), folder, f"promotions{seed}")
        seconds += latencies(urls.namespace(f"promotions{seed}").store)
    seconds.sort()
    return {
        "birth_to_deployment_s_p50": percentile(seconds, 0.5),
        "birth_to_deployment_s_p99": percentile(seconds, 0.99),
        "deployments": len(seconds),
    }


def latencies(store: str) -> list[float]:
    """Seconds from the birth of each champion that went on paper to its first bar there."""
    opened = open_store(store)
    try:
        sql = (
            "SELECT min(time_us) AS at, any(born_us) AS born FROM deployments WHERE state = 'paper' GROUP BY genome_id"
        )
        return [(row["at"] - row["born"]) / 1e6 for row in opened.query(sql).to_pylist()]
    finally:
        opened.close()


def bench_pipeline(repeats: int, scale: float) -> dict[str, Any]:
    """Every figure of the pipeline; ``scale`` shortens the runs, ``repeats`` says how many of them have promotions."""
    minutes = MINUTES * scale
    with servers() as urls, TemporaryDirectory() as name:
        folder = Path(name)
        whole = throughput(travel(urls, Shape(sizes(8, 8192), minutes=minutes), folder, "whole"))
        alone = throughput(travel(urls, Shape(sizes(8, 8192), 1, minutes=minutes), folder, "alone"))
        flights = []
        for islands, offspring in IN_FLIGHT:
            shape = Shape(sizes(islands, offspring), minutes=minutes)
            row = throughput(travel(urls, shape, folder, f"flight{islands}x{offspring}"))
            spent = row.pop("cpu_us_per_genome")
            flights.append({"in_flight": islands * offspring} | row | {"cpu_us_per_genome": spent["all"]})
        promoted = promotions(urls, folder, repeats)
    return {
        **promoted,
        "strategies_per_hour": whole["strategies_per_hour"],
        "cpu_us_per_genome": whole["cpu_us_per_genome"],
        "strategies_per_hour_1_evaluator": alone["strategies_per_hour"],
        "ratio_2_evaluators_to_1": whole["strategies_per_hour"] / alone["strategies_per_hour"],
        "by_genomes_in_flight": flights,
    }
