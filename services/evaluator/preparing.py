"""Before the first cohort: an arena for every instrument of a run, and every kernel compiled."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from common.backtest.arena import Arena, prepare
from common.backtest.stage import with_stage
from common.errors import ConfigurationError, ContractError
from common.events.cohorts import GenomeProposed, ProposedHeader
from common.events.event import Event
from common.events.spec import RunSpec
from common.genome.codec import from_json, genome_ids
from common.genome.layout import GENOME, GENOME_VERSION, Population
from common.market.bars import Bars
from common.run.stretches import cut_of
from common.service import Service

_LEVEL, _ENGINEERED = "rsi(14) > 50", "slot0 > 0"


def arena_of(spec: RunSpec, series: Bars, threads: int) -> Arena:
    """One instrument with its scenarios; its condition bank comes from the disk where it is there."""
    return with_stage(prepare(series, None, threads), cut_of(len(series), spec.windows), threads)


def arenas_of(spec: RunSpec, bars: Sequence[Bars], threads: int) -> list[Arena]:
    """An arena per instrument, in the order of ``spec.data``, made side by side by ``threads`` in all."""
    share = max(1, threads // len(bars))
    with ThreadPoolExecutor(max(1, threads // share)) as pool:
        return list(pool.map(lambda series: arena_of(spec, series, share), bars))


def warm_up(evaluator: Service[None], spec: RunSpec) -> None:
    """Let it measure one genome for each way through the engine, on every instrument: no cohort waits for a compiler.

    Raises ConfigurationError where it has not the instruments of this run.
    """
    population = _one_of_each_kind(len(spec.data))
    cohort = GenomeProposed.build(
        ProposedHeader(island=0, generation=0),
        genome=population,
        genome_id=genome_ids(population),
        operator=np.zeros(len(population), np.uint8),
    )
    try:
        evaluator.step(None, [Event(cohort, "0", spec, "warm-up")])
    except ContractError as error:
        raise ConfigurationError(str(error)) from error


def _one_of_each_kind(instruments: int) -> Population:
    plain = {"long_entry": _LEVEL, "long_exit": ["not", _LEVEL]}
    engineered = {"long_entry": ["and", _LEVEL, _ENGINEERED]}
    features = {"slot0_transform": "difference", "slot0_sources": ["rsi(14)"]}
    shared = {f"weight_{slot}": 1.0 for slot in range(instruments)}
    methods = ("weights", "risk_parity", "hrp") if instruments > 1 else ()
    found = []
    for place in range(instruments):
        alone = {"version": GENOME_VERSION, "portfolio": {"instrument": place}}
        found += [alone | {"logic": plain}, alone | {"logic": engineered, "features": features}]
        found += [
            alone | {"logic": plain, "portfolio": shared | {"instrument": place, "method": each}} for each in methods
        ]
    return np.array([from_json(document) for document in found], GENOME)
