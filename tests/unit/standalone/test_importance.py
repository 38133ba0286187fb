"""Importance is high for what carries the edge, zero for what does nothing, and knows nothing of the vault."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rich.console import Console

from common.backtest.measure import measure
from common.backtest.windows import Cut
from common.events.spec import Costs, Windows
from common.genome.codec import from_json
from common.market.bars import Bars
from common.market.synthetic import noise, planted
from common.random import new_stream
from common.run.stretches import cut_of
from generator.experts import experts
from standalone.curves import arena_for, rates_of
from standalone.explained import Subject, explained, render
from standalone.importance import SIGNAL_EXIT, Importance, Part, importance, permuted
from standalone.importance_words import cells, told
from standalone.report_figures import importance as picture

EDGE, IDLE = "roc(1) < q35", "volume/sma(20) > 1"
ALWAYS = ["or", IDLE, ["not", IDLE]]
BARS = replace(planted(3, 4000, 0.6), volume=noise(8, 4000).volume)
"""The planted market takes back part of a day's fall on the next. The volume is another market's and knows nothing."""
COSTS, CUT = rates_of(Costs()), cut_of(4000, Windows())
DAY_TRADE = {"exit": {"time_exit_bars": 1, "stop_distance": 20.0}}


def of(entry: Any, bars: Bars = BARS, cut: Cut = CUT, seed: int = 0, **genes: Any) -> Importance:
    genome = from_json({"version": 2, "logic": {"long_entry": entry}} | DAY_TRADE | genes)
    return importance(genome, arena_for(genome, [bars]), cut, COSTS, seed=seed)


def part(found: Importance, name: str) -> Part:
    (one,) = (each for each in found.parts if each.name == name)
    return one


@pytest.mark.parametrize("slot", [False, True], ids=["condition", "engineered"])
def test_the_condition_that_carries_the_planted_edge_is_the_most_important(slot: bool) -> None:
    edge = "slot1 < q35" if slot else EDGE
    features = {"slot1_transform": "lag", "slot1_lag": 0, "slot1_sources": ["roc(1)"]}
    found = of(["and", edge, ["or", IDLE, "volume/sma(50) > 1"]], features=features if slot else {})
    first = found.parts[0]
    assert (first.tree, first.name, first.trials) == ("long_entry", edge, 20)
    assert first.both.drop > 0.9 * found.both > 1.0, "nothing is left of the edge"
    assert first.training.drop > 2 * first.training.spread > 0
    assert first.validation.drop > 2 * first.validation.spread > 0
    assert 0.5 < first.trades_changed <= 1.0
    for name in (IDLE, "volume/sma(50) > 1"):
        one = part(found, name)
        assert one.trades_changed > 0.1
        assert abs(one.both.drop) < 0.2 * first.both.drop, "luck: a Sharpe ratio of ten years has an error of 0.3"


def test_what_never_changes_the_outcome_is_worth_exactly_nothing() -> None:
    found = of(["and", EDGE, ALWAYS], time={"hours": ["0"]})  # daily bars open at midnight
    for name in (IDLE, "hours"):
        one = part(found, name)
        assert one.both == one.training == one.validation == (0.0, 0.0)
        assert one.trades_changed == 0.0
    assert part(of(["and", EDGE, "rsi(14) > 50"]), "rsi(14) > 50").trades_changed > 0


def test_what_is_not_heard_is_no_part() -> None:
    logic = {"long_entry": EDGE, "long_exit": "rsi(2) > 90", "short_entry": "rsi(2) < 10"}
    genes: dict[str, Any] = {"logic": logic, "regime": {"allowed": ["bull"]}}
    found = of(None, **genes, expression={"silenced": ["signal_exit", "regime"]})
    assert {one.name for one in found.parts} == {EDGE, "time exit"}
    names = {one.name for one in of(None, **genes).parts}
    assert names == {EDGE, "time exit", "rsi(2) > 90", SIGNAL_EXIT, "regime mask"}


@pytest.mark.parametrize(
    ("name", "genes", "neutral"),
    [
        ("regime mask", {"regime": {"allowed": ["bull"]}}, {}),
        ("months", {"time": {"months": ["jan", "may"]}}, {}),
        ("target", {"exit": {"target_kind": "percent", "target_distance": 1.0}}, {"exit": {}}),
        ("trailing stop", {"exit": {"trail_kind": "atr", "trail_distance": 1.0}}, {"exit": {}}),
        ("time exit", {"exit": {"time_exit_bars": 2}}, {"exit": {}}),
        ("sizing", {"risk": {"sizing": "volatility_target", "volatility_target": 0.1}}, {}),
        ("regime weights", {"expression": {"in_bull": "silent"}}, {}),
        (SIGNAL_EXIT, {"logic": {"long_entry": EDGE, "long_exit": "rsi(2) > 50"}}, {"logic": {"long_entry": EDGE}}),
    ],
)
def test_a_block_is_worth_the_sharpe_ratio_with_it_less_that_of_the_neutral_gene(
    name: str, genes: dict[str, Any], neutral: dict[str, Any]
) -> None:
    whole, without = of(EDGE, **genes), of(EDGE, **neutral)
    one = part(whole, name)
    assert one.both == (whole.both - without.both, 0.0)
    assert one.training == (whole.training - without.training, 0.0)
    assert one.validation == (whole.validation - without.validation, 0.0)
    assert (one.tree, one.trials) == ("", 1)
    assert one.both.drop != 0.0


def test_the_whole_is_what_the_evaluator_measures() -> None:
    for expert in experts():
        arena = arena_for(expert.genome, [BARS])
        found = importance(expert.genome, arena, CUT, COSTS, permutations=1)
        measured = measure(expert.genome.reshape(1), [arena], [CUT], COSTS, 10, with_vault=False).evidence[0]
        mean, deviation = measured[:2, 3], measured[:2, 4]
        sharpes = np.where(deviation > 0, mean / np.maximum(deviation, 1e-300), 0.0) * np.sqrt(arena.bars_per_year)
        assert [found.training, found.validation] == pytest.approx(sharpes, rel=1e-9)


def test_the_same_seed_gives_the_same_figures_and_another_one_others() -> None:
    entry = ["and", EDGE, "rsi(14) > 50"]
    assert of(entry) == of(entry)
    assert part(of(entry, seed=1), EDGE).both != part(of(entry), EDGE).both
    # What a part is worth does not depend on which other blocks of genes there are, if these do nothing.
    assert part(of(entry, time={"hours": ["0"]}), EDGE) == part(of(entry), EDGE)


@pytest.mark.parametrize("scheme", ["blocks", "rolling", "anchored"])
def test_no_bar_from_the_vault_on_has_a_say(scheme: str) -> None:
    cut = cut_of(4000, Windows(scheme=scheme))
    first = cut.seen_stop
    other, changed = noise(9, 4000), {}
    for name in ("open", "high", "low", "close", "volume"):
        values = getattr(BARS, name).copy()
        values[first:] = getattr(other, name)[first:]
        changed[name] = values
    entry = ["and", EDGE, ["within_3", "slot0 > q65"]]
    genes: dict[str, Any] = {"features": {"slot0_transform": "zscore", "slot0_sources": ["rsi(14)"]}}
    genes["regime"] = {"allowed": ["bull", "sideways"]}
    found = of(entry, replace(BARS, **changed), cut, **genes)
    assert found == of(entry, BARS, cut, **genes) == of(entry, BARS, cut.sealed(), **genes)
    assert len(found.parts) == 4


@given(
    bits=arrays(np.uint8, st.integers(60, 400), elements=st.integers(0, 1)),
    seed=st.integers(0, 1000),
    share=st.floats(0.1, 0.9),
)
@settings(max_examples=60, deadline=None)
def test_a_permutation_keeps_the_bits_of_every_span_and_all_others_where_they_are(
    bits: np.ndarray[Any, np.dtype[np.uint8]], seed: int, share: float
) -> None:
    middle = 20 + int(share * (len(bits) - 40))
    windows = (((5, middle),), ((middle, len(bits) - 10),))
    words = permuted(bits, windows, new_stream(np.uint64(seed), 0, 0, 0))
    moved = np.unpackbits(words.view(np.uint8), bitorder="little")
    assert len(words) == -(-len(bits) // 64)
    assert not moved[len(bits) :].any()
    for (start, stop), *_ in windows:
        assert moved[start:stop].sum() == bits[start:stop].sum()
    for kept in (slice(0, 5), slice(len(bits) - 10, len(bits))):
        assert np.array_equal(moved[kept], bits[kept])


def test_a_permutation_keeps_slow_conditions_slow_and_moves_them() -> None:
    bits = (np.arange(2000) // 100 % 2).astype(np.uint8)
    stream = new_stream(np.uint64(1), 0, 0, 0)
    runs, same = [], []
    for _ in range(50):
        moved = np.unpackbits(permuted(bits, (((0, 2000),),), stream).view(np.uint8), bitorder="little")[:2000]
        runs.append(1 + np.count_nonzero(np.diff(moved.astype(int))))
        same.append(float((moved == bits).mean()))
    assert max(runs) <= 2 * 20 + 1  # a block adds one border inside and one at its end at most
    assert 0.4 < np.mean(same) < 0.6


def test_words_table_and_picture_tell_the_same_in_the_same_order() -> None:
    features = {"slot0_transform": "zscore", "slot0_window": 60, "slot0_sources": ["rsi(14)"]}
    logic = {"long_entry": ["and", EDGE, "slot0 > 0"]}
    genome = from_json({"version": 2, "logic": logic, "features": features} | DAY_TRADE)
    rows = told(genome, arena_for(genome, [BARS]), CUT, COSTS)["parts"]
    names = [row["part"] for row in rows]
    assert names[0] == "long entry: the change over 1 bar(s), in percent, is in the bottom 35 % of its last 250 values"
    assert "long entry: the 60-bar z-score of RSI(14) is above 0" in names
    assert "time exit" in names
    drops = [row["both"]["drop"] for row in rows]
    assert drops == sorted(drops, reverse=True)
    assert cells(rows[0])[1] == f"{drops[0]:+.2f} ± {rows[0]['both']['spread']:.2f}"
    assert "±" not in cells(rows[names.index("time exit")])[1]
    drawn = picture(rows).data[0]
    assert list(drawn.x) == pytest.approx(drops, abs=1e-4)
    assert [entry[0] for entry in drawn.customdata] == names
    assert picture(rows).layout.yaxis.ticktext[0] == f"long entry: {EDGE}"
    assert cells(rows[0] | {"training": {"drop": -1e-9}})[2] == "+0.00"
    console = Console(record=True, width=250)
    render(explained(Subject(genome, [BARS], Costs(), Windows(), sealed=True), 1), console)
    text = console.export_text()
    assert all(name in text for name in names)
