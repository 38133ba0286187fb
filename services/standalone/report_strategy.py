"""One strategy in the report: its explanation, its equity beside buy-and-hold, its gates, its family and its trades."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from common.backtest.phenotype import instrument_of
from common.events.spec import RunSpec
from common.genome.codec import from_json
from common.market.bars import Bars
from common.run.stretches import cut_of
from standalone import importance_words, walking
from standalone import report_page as html
from standalone.curves import Curve, arena_for, curves, example_trades, rates_of, trade_row
from standalone.explain import explain
from standalone.family import Birth
from standalone.report_family import family_tree
from standalone.report_figures import ACCENT, GRID, SECOND, importance, style
from standalone.report_words import verdict_row

POINTS_MAX = 1500
TRADES_SHOWN = 12


def equity(found: Sequence[Curve]) -> go.Figure:
    """Equity and buy-and-hold, a panel per window, each starting at 1."""
    titles = [curve.window for curve in found]
    widths = [max(len(curve.equity), 60) ** 0.5 for curve in found]
    picture = make_subplots(1, len(found), subplot_titles=titles, column_widths=widths, horizontal_spacing=0.05)
    for column, curve in enumerate(found, 1):
        rows = np.unique(np.linspace(0, len(curve.equity) - 1, min(len(curve.equity), POINTS_MAX)).astype(int))
        times = curve.ts_us[rows].astype("datetime64[us]").astype("datetime64[m]").astype(str).tolist()
        for values, name, colour in ((curve.hold, "buy and hold", SECOND), (curve.equity, "strategy", ACCENT)):
            line = {"color": colour, "width": 2 if name == "strategy" else 1.3}
            trace = go.Scatter(
                x=times,
                y=np.round(values[rows], 5).tolist(),
                name=name,
                legendgroup=name,
                showlegend=column == 1,
                line=line,
            )
            picture.add_trace(trace, 1, column)
        picture.add_hline(1.0, line={"color": GRID, "width": 1}, row=1, col=column)
    style(picture, 320).update_layout(legend_y=1.1).update_xaxes(nticks=5, tickangle=0)
    picture.update_xaxes(nticks=2, col=len(found))  # the paper stretch is narrow
    return picture


def measures(windows: Mapping[str, Mapping[str, float]]) -> str:
    """The figures of each window, by its name, as a table."""
    header = ("window", "bars", "trades", "return", "Sharpe, yearly", "worst drawdown")
    rows = [
        (
            name,
            f"{found['bars']:,.0f}",
            f"{found['trades']:.0f}",
            f"{found['total_return']:+.1%}",
            f"{found['sharpe_annual']:.2f}",
            f"{found['drawdown_max']:.1%}",
        )
        for name, found in windows.items()
    ]
    return html.table(header, rows, numeric=range(1, 6))


def walk(rows: Sequence[Mapping[str, Any]]) -> str:
    """The walk-forward table, folded."""
    table = html.table(walking.HEADER, [walking.cells(row) for row in rows], numeric=range(2, 7))
    return html.details("Walk-forward", html.paragraph(walking.NOTE), table)


def carried(found: Mapping[str, Any], name: str) -> str:
    """What each part is worth, drawn and as a folded table; ``name``: of the picture."""
    rows = found["parts"]
    table = html.table(importance_words.HEADER, [importance_words.cells(row) for row in rows], numeric=range(1, 5))
    note = html.paragraph(importance_words.NOTE, "note")
    return f"<h3>What carries it</h3>{note}{html.figure(importance(rows), name)}{html.details('As a table', table)}"


def gates(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """The gates as a table."""
    return html.table(
        ("gate", "figure", "asked", "answer"), [verdict_row(judged) for judged in verdicts], numeric=(1, 2)
    )


def trades(found: Sequence[Curve], bars: Bars) -> str:
    """Example trades of each window, the later windows first."""
    rows = []
    for curve in reversed(found):
        for trade in example_trades(curve.trades, TRADES_SHOWN // len(found)):
            row = trade_row(trade, bars)
            prices = (f"{row['at']:,.6g}", f"{row['at_exit']:,.6g}")
            times = (row["side"], row["entered"], prices[0], row["left"], prices[1], str(row["bars"]))
            rows.append((curve.window, *times, f"{row['profit']:+.2%}", row["because"]))
    header = ("window", "side", "entered", "at", "left", "at", "bars", "profit", "because")
    return html.table(header, rows, numeric=(3, 5, 6, 7))


def champion_section(
    champion: Mapping[str, Any],
    deployment: Sequence[Mapping[str, Any]],
    births: Sequence[Birth],
    spec: RunSpec,
    bars: Sequence[Bars],
) -> str:
    """Everything about one champion; ``champion`` is its entry in champions.json."""
    genome = from_json(champion["genome"])
    arena = arena_for(genome, bars)
    series = bars[int(instrument_of(genome, len(bars)))]
    cut, costs = cut_of(len(series), spec.windows), rates_of(spec.costs)
    found = curves(genome, arena, cut, costs, ("training", "validation", "vault", "paper"))
    told = explain(champion["genome"], [data.name for data in spec.data], series.bar_us, spec.costs)
    name = champion["genome_id"][:8]
    parts = [
        html.paragraph(
            f"{champion['genome_id']} · niche: {champion['niche']} · born in generation {champion['born_generation']} "
            f"on island {champion['island']}",
            "id",
        ),
        html.paragraph(told.summary, "lead"),
        html.figure(equity(found), f"equity-{name}"),
        measures({window: champion[window] for window in ("training", "validation", "vault")}),
        walk(walking.step_rows(genome, arena, cut, costs)),
        "<h3>The gates</h3>",
        gates(champion["verdicts"]),
        *(f"<h3>{heading}</h3>{html.bullets(lines)}" for heading, lines in told.sections),
        carried(importance_words.told(genome, arena, cut, costs), f"importance-{name}"),
    ]
    if deployment:
        steps = [f"{row['previous']} → {row['state']}: {row['reason']}" for row in deployment]
        parts += ["<h3>Deployment</h3>", html.bullets(steps)]
    if len(births) > 1:
        parts.append(html.details("Family tree", html.figure(family_tree(births), f"family-{name}"), is_open=True))
    parts.append(html.details("Example trades", trades(found, series)))
    return f'<section class="champion"><h2>Champion {name}</h2>{"".join(parts)}</section>'


def candidate_part(candidate: Mapping[str, Any], spec: RunSpec, bars: Sequence[Bars]) -> str:
    """A refused candidate, folded: what it was, its figures, and the gate it failed at."""
    genome = from_json(candidate["genome"])
    arena = arena_for(genome, bars)
    series = bars[int(instrument_of(genome, len(bars)))]
    found = curves(
        genome, arena, cut_of(len(series), spec.windows), rates_of(spec.costs), ("training", "validation", "vault")
    )
    told = explain(candidate["genome"], [data.name for data in spec.data], series.bar_us, spec.costs)
    return html.details(
        f"{candidate['genome_id'][:8]}: refused at {candidate['refused_at'].replace('_', ' ')}",
        html.paragraph(told.summary),
        html.figure(equity(found), f"equity-{candidate['genome_id'][:8]}"),
        measures({window: candidate[window] for window in ("training", "validation", "vault")}),
        gates(candidate["verdicts"]),
    )
