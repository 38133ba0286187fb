"""A run of two instruments with its paper stretch cut off, strategies of every kind, champions, and bar events."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np

from common.backtest.arena import prepare
from common.backtest.costs import cost_table
from common.backtest.replay import Replay, replay
from common.events.event import Event, event_id
from common.events.public import BarClosed, ChampionPromoted, Evidence, PerformanceObserved, Verdict
from common.events.spec import DataSpec, RunSpec
from common.genome.codec import genome_ids, to_json
from common.genome.genes import ALLELE_SLOT
from common.genome.layout import GENOME, Population
from common.market.bars import DAY_US, HOUR_US, Bars
from generator.experts import expert_population
from generator.initialise import random_population
from generator.tables import Settings
from tests.unit.market.samples import walk

HISTORY_BARS, PAPER_BARS = 700, 150
BARS = (
    replace(walk(HISTORY_BARS + PAPER_BARS, 1, bar_us=DAY_US), name="days"),
    replace(walk(HISTORY_BARS + PAPER_BARS, 2, bar_us=HOUR_US), name="hours"),
)
HISTORIES = tuple(bars.until(HISTORY_BARS) for bars in BARS)
RUN = RunSpec(
    data=tuple(
        DataSpec(name=bars.name, digest=bars.digest, bars=len(bars), bars_per_year=bars.bars_per_year) for bars in BARS
    )
)
COSTS = cost_table(RUN.costs.account, RUN.costs.venues())
INSTRUMENT = ALLELE_SLOT["portfolio.instrument"]


@cache
def strategies(randoms: int = 40) -> Population:
    """All experts, then random genomes, dealt to the two instruments in turn."""
    population = np.concatenate([expert_population(), random_population(randoms, Settings(instruments=2), 5, 0, 0)])
    population["alleles"][:, INSTRUMENT] = np.arange(len(population)) % 16
    return population


def backtest(genome: np.void) -> Replay:
    """The paper stretch as an evaluator would trade it: everything known, every condition prepared."""
    return replay(genome, _arenas()[genome["alleles"][INSTRUMENT] % 2], HISTORY_BARS, HISTORY_BARS + PAPER_BARS, COSTS)


@cache
def _arenas():
    return [prepare(bars) for bars in BARS]


def with_gene(genome: np.void, block: str, slot: int, value: float) -> np.void:
    changed = np.array([genome], GENOME)
    changed[block][0, slot] = value
    return changed[0]


def promoted(
    genome: np.void, niche: str, /, sharpe: float = 1.0, island: int = 0, **changes: object
) -> ChampionPromoted:
    """What a selector says of a champion."""
    shown = Evidence(
        bars=100, trades=20, total_return=0.2, sharpe_annual=sharpe, drawdown_max=0.1, skewness=0.0, kurtosis=3.0
    )
    champion = ChampionPromoted(
        genome_id=genome_ids(np.array([genome], GENOME))[0].tobytes().hex(),
        genome=to_json(genome),
        niche=niche,
        island=island,
        generation=9,
        born_generation=7,
        born_us=1_000 + island,
        parent_ids=[],
        operator="mutation",
        trials=4_000,
        training=shown,
        validation=shown,
        vault=shown,
        verdicts=[Verdict(gate="vault_return", value=0.2, bound=0.0, passed=True)],
    )
    return champion.model_copy(update=changes)


def champion_event(champion: ChampionPromoted, run: RunSpec = RUN) -> Event:
    cause = (champion.genome_id, str(champion.island))
    key = f"{run.run_id}:{champion.niche}"
    return Event(champion, key, run, event_id(run, champion, cause), trace=f"00-{champion.island:032x}-{'1' * 16}-01")


def bars_event(bars: Bars, start: int, stop: int, run: RunSpec = RUN) -> Event:
    """Bars ``[start, stop)`` as the feed sends them."""
    columns = {
        name: getattr(bars, name)[start:stop].tolist() for name in ("ts_us", "open", "high", "low", "close", "volume")
    }
    payload = BarClosed(instrument=bars.name, **columns)
    return Event(payload, bars.name, run, event_id(run, payload, (bars.name, str(start), str(stop))))


def feed(bars: Bars, borders: Sequence[int]) -> list[Event]:
    """The paper stretch in batches that end at these bars of it."""
    return [
        bars_event(bars, HISTORY_BARS + start, HISTORY_BARS + stop)
        for start, stop in pairwise([0, *borders, PAPER_BARS])
    ]


def latest_performance(events: Sequence[Event]) -> dict[str, PerformanceObserved]:
    """By deployment."""
    found = [event.payload for event in events if isinstance(event.payload, PerformanceObserved)]
    return {payload.deployment: payload for payload in found}
