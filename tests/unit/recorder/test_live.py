"""Live figures: the same whatever is delivered again, late or out of order; bounded; as JSON."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st

from common.events.cohorts import Cohort, GenomeEvaluated, ParentsSelected, SelectedHeader
from common.events.event import Event
from common.events.public import ChampionPromoted
from common.events.spec import OBJECTIVES
from recorder.live import BEST, CHAMPIONS, Live
from tools.samples import sample_events

SAMPLES = {type(event.payload): event for event in sample_events()}
NOW_US = 1_767_225_600_000_000


def stamped(kind: type, name: str, ago_s: float = 5.0, payload: Any = None) -> Event:
    found = SAMPLES[kind]
    return replace(found, id=name, time_us=NOW_US - int(ago_s * 1e6), payload=payload or found.payload)


def generation(island: int, number: int, sharpes: Sequence[float], ago_s: float = 5.0) -> Event:
    """The parents of an island; every genome has an id of its island and place."""
    sample = SAMPLES[ParentsSelected].payload
    assert isinstance(sample, Cohort)
    count = len(sharpes)
    data = {name: np.repeat(array[:1], count, axis=0) for name, array in sample.data.items()}
    data["genome_id"] = np.array([(island * 1000 + place).to_bytes(16, "big") for place in range(count)], "V16")
    data["objectives"][:, 0] = sharpes
    data["violation"][:], data["status"][:], data["from_archive"][:] = 0.0, 0, 0
    header = SelectedHeader(island=island, generation=number, summary=sample.header.summary)
    return stamped(ParentsSelected, f"{island}-{number}", ago_s, ParentsSelected(header, data))


EVENTS = [
    *(stamped(GenomeEvaluated, f"e{index}", index * 3) for index in range(40)),
    *(generation(island, number, [island + number / 10, 0.5], 60 - number) for island in range(3) for number in (1, 2)),
    *(stamped(ChampionPromoted, f"c{index}", index * 100) for index in range(5)),
]


def told(live: Live) -> bytes:
    return orjson.dumps([live.rates(NOW_US), live.leaderboard(NOW_US), live.islands(NOW_US)])


def of(events: Sequence[Event]) -> Live:
    live = Live()
    live.observe(events, NOW_US)
    return live


@given(st.permutations(EVENTS), st.lists(st.integers(0, len(EVENTS) - 1), max_size=30))
def test_order_and_repetition_change_nothing(events: list[Event], again: list[int]) -> None:
    assert told(of([*events, *(EVENTS[index] for index in again)])) == told(of(EVENTS))


def test_rates_count_what_was_published_within_each_window() -> None:
    rates = of(EVENTS).rates(NOW_US)
    by_length = {window["window_s"]: window for window in rates["hopping"]}
    assert {length: window["cohorts"] for length, window in by_length.items()} == {10: 3, 60: 20, 600: 39, 3600: 39}
    assert by_length[10]["genomes_per_s"] == 2 * 3 / 10
    assert sum(minute["cohorts"] for minute in rates["minutes"]) == 40
    assert by_length[3600]["champions"] == 4  # the fifth is of this very second, which is not complete


def test_the_leaderboard_has_the_best_of_the_latest_generations() -> None:
    live = of([generation(0, 1, [9.0, 8.0]), generation(0, 2, [3.0, 2.0, np.nan]), generation(1, 1, [2.5] * 30)])
    best = live.leaderboard(NOW_US)["best"]
    assert [row["value"] for row in best["sharpe"]] == [3.0] + [2.5] * (BEST - 1)
    assert best["sharpe"][0]["genome_id"] == "00" * 16
    assert set(best) == set(OBJECTIVES)
    live.observe([generation(0, 1, [9.0])], NOW_US)  # late
    assert live.leaderboard(NOW_US)["best"] == best


def test_the_infeasible_lead_nothing() -> None:
    event = generation(0, 1, [5.0, 4.0, 3.0])
    assert isinstance(event.payload, ParentsSelected)
    event.payload["violation"][0], event.payload["status"][1] = 0.5, 1
    assert [row["value"] for row in of([event]).leaderboard(NOW_US)["best"]["sharpe"]] == [3.0]


def test_an_island_that_is_silent_grows_stale_and_leaves_the_leaderboard() -> None:
    live = of([generation(0, 1, [5.0], ago_s=10.0)])
    later_us = NOW_US + 3_600_000_000
    assert live.islands(NOW_US)["islands"][0]["stale_s"] == 10.0
    assert live.islands(later_us)["islands"][0]["stale_s"] == 3610.0
    assert live.leaderboard(later_us)["best"]["sharpe"] == []


def test_only_the_latest_champions_are_kept() -> None:
    live = of([stamped(ChampionPromoted, str(index), 1000 - index) for index in range(CHAMPIONS + 5)])
    champions = live.leaderboard(NOW_US)["champions"]
    assert [row["promoted_us"] for row in champions] == [
        NOW_US - (1000 - index) * 1_000_000 for index in range(CHAMPIONS + 4, 4, -1)
    ]
