"""An explanation says what the engine does: every expressed gene that matters is in the words."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from common.backtest.phenotype import express
from common.events.spec import Costs, Windows
from common.genome.codec import from_json, to_json
from common.market.synthetic import noise
from common.run.folder import RunFolder
from common.run.stretches import cut_of
from generator.experts import experts
from standalone.chronicle import Chronicle
from standalone.explain import DAY_US, explain
from standalone.explained import Subject, explained, render, subject
from standalone.request import build_spec
from standalone.seeds import identity
from standalone.wording import tree_words
from tests.unit.standalone.conftest import Galapagos

EVERYTHING = to_json(
    from_json(
        {
            "version": 2,
            "logic": {"long_entry": "rsi(2) < 10", "short_entry": "rsi(2) > 90", "long_exit": "rsi(2) > 50"},
            "entry": {"direction": "both"},
            "exit": {
                "stop_kind": "atr",
                "stop_distance": 2.5,
                "target_kind": "stop_multiple",
                "target_distance": 3.5,
                "trail_kind": "percent",
                "trail_distance": 7.5,
                "time_exit_bars": 20,
            },
            "risk": {"sizing": "volatility_target", "volatility_target": 0.2, "leverage_max": 1.5},
            "regime": {"allowed": ["bull", "sideways"]},
            "time": {"weekdays": ["mon", "fri"], "months": ["jan"], "hours": ["3"]},
            "portfolio": {"instrument": 5},
        }
    )
)
UNMASKED = {name: genes for name, genes in EVERYTHING.items() if name not in ("time", "regime")}


def _text(document: dict[str, object], bar_us: int | None = DAY_US) -> str:
    told = explain(document, ["S&P 500", "NASDAQ"], bar_us, Costs())
    return told.summary + " ".join(line for _, lines in told.sections for line in lines)


def test_every_part_of_a_full_genome_is_told() -> None:
    text = _text(EVERYTHING)
    for part in (
        "NASDAQ",
        "Sells short",
        "When both sides ask at once it does nothing",
        "2.5 times the average range of a bar, ATR(14)",
        "3.5 times the distance of the stop",
        "7.5 % of the price",
        "after 20 days",
        "yearly volatility of 20 %",
        "1.5 times its equity",
        "bull, sideways",
        "mon, fri",
        "months: jan",
        "hours of the day (UTC): 3",
        "3 basis points",
    ):
        assert part in text


def test_what_a_genome_has_not_is_not_told() -> None:
    text = _text(to_json(from_json({"version": 2, "logic": {"long_entry": "rsi(2) < 10"}})))
    for part in ("short", "Target", "Trailing", "Time:", "Signal:", "Enters only"):
        assert part not in text


ORDERS = {
    "entry": {"confirm_bars": 3, "delay_bars": 1, "order_type": "limit"},
    "execution": {
        "preference": "maker",
        "schedule": "vwap",
        "slices": 4,
        "limit_offset_bps": 12.5,
        "iceberg_fraction": 0.25,
        "latency_budget_ms": 80.0,
    },
    "risk": {"budget": 0.5, "drawdown_brake": 0.2, "recovery": "reduce_after_loss", "kelly": "half"},
    "time": {"blackout": "month_end", "hold_min_bars": 5},
    "portfolio": {"method": "hrp", "weight_0": 0.4, "weight_1": 0.6, "rebalance_bars": 21, "correlation_max": 0.5},
    "expression": {"in_crisis": "silent", "in_bear": "half", "silenced": ["target"]},
}


def test_orders_size_blackout_portfolio_and_regulation_are_told() -> None:
    text = _text(to_json(from_json({"version": 2, "logic": {"long_entry": "rsi(2) < 10"}} | ORDERS)))
    for part in (
        "3 closes in a row",
        "another 1 day",
        "limit order 12.5 basis points better than the close",
        "never takes what others offer",
        "4 part(s) (VWAP)",
        "hides 25 %",
        "80 ms",
        "50 % of the account",
        "halved while equity is 20 %",
        "multiplied by 0.5",
        "half the Kelly fraction",
        "around the turn of the month",
        "first 5 days only the stop",
        "half its size in these market regimes: bear",
        "nothing in these market regimes: crisis",
        "silenced, so without effect: target",
        "between S&P 500, NASDAQ by hierarchical risk parity; rebalances every 21 days",
        "correlate above 0.5",
    ):
        assert part in text, part


def test_an_engineered_feature_is_told_where_it_is_asked() -> None:
    slot = {"slot2_transform": "zscore", "slot2_window": 60, "slot2_sources": ["rsi(14) @higher"]}
    logic = {"long_entry": "slot2 > q90"}
    text = _text(to_json(from_json({"version": 2, "logic": logic, "features": slot})))
    assert "the 60-bar z-score of RSI(14) on weekly bars is in the top 10 % of its last 250 values" in text
    assert "sees only complete ones" in text


def test_what_is_silenced_is_told_as_the_engine_hears_it() -> None:
    silenced = ["target", "trail", "time_exit", "signal_exit", "regime", "time"]
    text = _text(EVERYTHING | {"expression": EVERYTHING["expression"] | {"silenced": silenced}})
    for part in ("Target:", "Trailing stop:", "Time:", "Signal:", "Enters only", "exit signal"):
        assert part not in text
    assert "silenced, so without effect: target, trail, time exit, signal exit, regime, time" in text


@pytest.mark.parametrize("expert", experts(), ids=lambda expert: expert.name)
def test_experts_are_told_as_the_engine_executes_them(expert: object) -> None:
    genome = expert.genome  # type: ignore[attr-defined]
    document = to_json(genome)
    phenotype = express(genome["alleles"], genome["reals"], genome["masks"])
    text = _text(document)
    assert ("Target:" in text) == (phenotype.target_kind != 0)
    assert ("Trailing stop:" in text) == (phenotype.trail_kind != 0)
    assert ("Time:" in text) == (phenotype.time_exit_bars != 0)
    sides = {0: ("long",), 1: ("short",), 2: ("long", "short")}[int(phenotype.direction)]
    assert all(tree_words(document["logic"][f"{side}_entry"], DAY_US) in text for side in sides)


def test_example_trades_are_those_of_the_engine_with_dates_of_the_bars() -> None:
    bars = noise(3, 1500)
    found = explained(Subject(from_json(UNMASKED), [bars], Costs(), Windows(), sealed=False), 1000)
    days = set(bars.ts_us.astype("datetime64[us]").astype("datetime64[D]").astype(str))
    assert found["history"]["trades"] == len(found["trades"]) > 10
    assert all(trade["entered"] in days and trade["left"] in days for trade in found["trades"])
    assert {trade["side"] for trade in found["trades"]} == {"long", "short"}
    grown = np.prod([1 + trade["profit"] for trade in found["trades"]]) - 1
    assert found["history"]["total_return"] == pytest.approx(grown, rel=1e-9)


def test_what_the_run_has_not_read_on_the_vault_is_shown_up_to_the_end_of_validation(tmp_path: Path) -> None:
    bars, genome = noise(3, 1500), from_json(UNMASKED)
    end = str(bars.ts_us[cut_of(1500, Windows()).validation[-1][1] - 1].astype("datetime64[us]"))[:10]
    found = explained(Subject(genome, [bars], Costs(), Windows(), sealed=True), 1000)
    assert found["history"]["to"] == end
    assert max(trade["left"] for trade in found["trades"]) <= end
    assert found["history"]["sealed"]
    (tmp_path / "mine.json").write_text(json.dumps(UNMASKED))
    folder = RunFolder.create(tmp_path / "run", build_spec([bars], {}), [bars], datetime.now(UTC))
    assert subject(str(tmp_path / "mine.json"), folder.path, []).sealed
    chronicle = Chronicle.open(folder.journal, folder.family)
    chronicle.add("candidate", identity(genome), {"genome_id": identity(genome)})
    chronicle.flush()
    assert not subject(str(tmp_path / "mine.json"), folder.path, []).sealed


@pytest.mark.parametrize(("scheme", "steps"), [("blocks", 2), ("rolling", 4), ("anchored", 4)])
def test_the_walk_forward_is_told_step_by_step_and_ends_before_the_vault(scheme: str, steps: int) -> None:
    bars, windows = noise(3, 3000), Windows(scheme=scheme)
    cut = cut_of(3000, windows)
    found = explained(Subject(from_json(UNMASKED), [bars], Costs(), windows, sealed=False), 3)
    days = bars.ts_us.astype("datetime64[us]").astype("datetime64[D]").astype(str)
    rows = found["walk_forward"]
    assert [row["tested_on"] for row in rows] == [[days[start], days[stop - 1]] for start, stop in cut.validation]
    assert len(rows) == steps
    assert all(row["trained_on"][1] < row["tested_on"][0] < days[cut.vault[0][0]] for row in rows)
    assert [row["training_blocks"] for row in rows] == {"blocks": [4, 4], "rolling": [1] * 4, "anchored": [1, 2, 3, 4]}[
        scheme
    ]
    console = Console(record=True, width=200)
    render(found, console)
    text = console.export_text()
    for row in rows:
        assert f"{row['training']['trades']} / {row['test']['trades']}" in text
        assert f"{row['training']['sharpe_annual']:.2f} / {row['test']['sharpe_annual']:.2f}" in text


def test_a_file_is_explained_from_the_command_line(galapagos: Galapagos, tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(json.dumps(UNMASKED))
    code, out, err = galapagos("explain", "mine.json", "--trades", "3")
    assert code == 0, err
    assert "NASDAQ" in out
    assert "Example trades" in out
    assert "It ends where validation ends" in " ".join(out.split())
    code, out, _ = galapagos("explain", "mine.json", "--json", "--trades", "3")
    assert code == 0
    assert len(json.loads(out)["trades"]) == 3


def test_what_cannot_be_explained_is_said_in_one_line(galapagos: Galapagos, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('{"version": 2, "exit": {"stop_distance": 99}}')
    for arguments, named in (
        (("bad.json",), "exit.stop_distance"),
        (("none.json",), "none.json"),
        (("3fa2",), "no run found"),
    ):
        code, _, err = galapagos("explain", *arguments)
        assert code == 2
        assert named in err
        assert err.count("\n") == 1
