"""The run's pictures: progress per generation, the final fronts, the map of the archive, what carries a champion."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from common.events.cohorts import ParentsSelected
from common.events.spec import OBJECTIVES
from selector.archive import EXPOSURE_EDGES, HOLDING_EDGES

INK, MUTED, GRID = "#1f2a30", "#6b7a83", "#e6ebee"
ACCENT, SECOND, GOLD = "#1b7f5c", "#8a97a0", "#d98e04"
LABEL_MAX = 36
"""More would leave a narrow screen no room for the bars."""
ISLANDS = ("#1b7f5c", "#2f6db5", "#b5532f", "#7d4fb0", "#b08a1e", "#3f9aa3", "#a33f72", "#5a6b2f")
TITLES = {
    "sharpe": "Sharpe, yearly",
    "drawdown": "worst drawdown",
    "recovery": "profit / drawdown",
    "consistency": "consistency over folds",
    "cvar": "mean of the worst 5 % of trades",
    "turnover": "turnover a year",
    "stress": "return under the worst stress",
}


@dataclass(frozen=True, slots=True)
class Elites:
    """Members of the archives of all islands: ``descriptor`` (n, 3), ``objectives`` (n, objectives)."""

    descriptor: npt.NDArray[np.float32]
    objectives: npt.NDArray[np.float64]


def style(figure: go.Figure, height: int) -> go.Figure:
    """One look for every picture."""
    figure.update_layout(
        height=height,
        margin={"l": 55, "r": 20, "t": 40, "b": 45},
        paper_bgcolor="white",
        plot_bgcolor="white",
        font={"family": "system-ui, sans-serif", "size": 12, "color": INK},
        hoverlabel={"font": {"family": "system-ui, sans-serif", "size": 12}},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 1, "xanchor": "right"},
    )
    figure.update_xaxes(gridcolor=GRID, zerolinecolor=GRID, linecolor=GRID)
    figure.update_yaxes(gridcolor=GRID, zerolinecolor=GRID, linecolor=GRID)
    return figure


def progress(rows: Sequence[Mapping[str, Any]], objectives: Sequence[str]) -> go.Figure:
    """Best of all islands and mean of their medians, by generation and objective; archive and diversity beside."""
    by_generation: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        by_generation[row["generation"]].append(row)
    # Islands end at different generations: a sum over those that got there would fall at the end for no reason.
    islands = len({row["island"] for row in rows})
    generations = [number for number, found in sorted(by_generation.items()) if len(found) == islands]
    names = [*objectives, "archive", "diversity"]
    titles = [TITLES.get(name, name) for name in objectives] + ["archive cells filled", "diversity of alleles"]
    columns = 4
    rows_shown = -(-len(names) // columns)
    figure = make_subplots(rows_shown, columns, subplot_titles=titles, vertical_spacing=0.32 / rows_shown)

    def add(index: int, values: Sequence[float | None], name: str, colour: str, is_dashed: bool) -> None:
        line = {"color": colour, "width": 2, "dash": "dot" if is_dashed else "solid"}
        trace = go.Scatter(
            x=generations, y=values, name=name, legendgroup=name, showlegend=index == 0, line=line, mode="lines"
        )
        figure.add_trace(trace, index // columns + 1, index % columns + 1)

    for index, name in enumerate(objectives):
        best = {g: [row["best"][name] for row in by_generation[g] if name in row["best"]] for g in generations}
        median = {g: [row["median"][name] for row in by_generation[g] if name in row["median"]] for g in generations}
        add(index, [max(best[g], default=None) for g in generations], "best", ACCENT, False)
        add(index, [float(np.mean(median[g])) if median[g] else None for g in generations], "median", SECOND, True)
    sizes = [float(sum(row["archive_size"] for row in by_generation[g])) for g in generations]
    add(len(objectives), sizes, "all islands", ACCENT, False)
    mixed = [float(np.mean([row["diversity"] for row in by_generation[g]])) for g in generations]
    add(len(objectives) + 1, mixed, "all islands", ACCENT, False)
    style(figure, 235 * rows_shown)
    figure.update_annotations(font_size=12)
    figure.update_xaxes(title_text="generation", title_font_size=11, row=rows_shown)
    figure.update_layout(legend_y=1.09)
    return figure


def fronts(breeding: Mapping[int, ParentsSelected], champions: set[str]) -> go.Figure:
    """Final populations: Sharpe against worst drawdown, the first fronts drawn large, champions as stars."""
    figure = go.Figure()
    sharpe, drawdown = OBJECTIVES.index("sharpe"), OBJECTIVES.index("drawdown")
    for island, cohort in sorted(breeding.items()):
        survivors = np.flatnonzero((cohort["from_archive"] == 0) & (cohort["violation"] <= 0))
        values, rank = cohort["objectives"][survivors], cohort["rank"][survivors]
        identities = [bytes(cohort["genome_id"][row]).hex()[:8] for row in survivors]
        colour = ISLANDS[island % len(ISLANDS)]
        for is_front in (False, True):
            chosen = np.flatnonzero((rank == 0) == is_front)
            figure.add_trace(
                go.Scatter(
                    x=(-100 * values[chosen, drawdown]).tolist(),
                    y=values[chosen, sharpe].tolist(),
                    text=[identities[row] for row in chosen],
                    mode="markers",
                    name=f"island {island}",
                    legendgroup=f"island {island}",
                    showlegend=is_front,
                    marker={"color": colour, "size": 8 if is_front else 4, "opacity": 0.85 if is_front else 0.35},
                    hovertemplate="%{text}<br>drawdown %{x:.1f} %<br>Sharpe %{y:.2f}<extra>island "
                    + f"{island}</extra>",
                )
            )
        stars = [row for row in survivors if bytes(cohort["genome_id"][row]).hex() in champions]
        if stars:
            figure.add_trace(
                go.Scatter(
                    x=[-100 * float(cohort["objectives"][row, drawdown]) for row in stars],
                    y=[float(cohort["objectives"][row, sharpe]) for row in stars],
                    mode="markers",
                    name="champion",
                    marker={"symbol": "star", "size": 16, "color": GOLD, "line": {"color": INK, "width": 1}},
                )
            )
    figure.update_xaxes(title_text="worst drawdown in training, %")
    figure.update_yaxes(title_text="Sharpe in training, yearly")
    return style(figure, 440)


def archive(elites: Elites) -> go.Figure:
    """The best Sharpe of each behaviour found: how long it holds against how much of the time it is invested."""
    best = np.full((len(HOLDING_EDGES) + 1, len(EXPOSURE_EDGES) + 1), np.nan)
    held = np.searchsorted(HOLDING_EDGES, elites.descriptor[:, 0], side="right")
    exposed = np.searchsorted(EXPOSURE_EDGES, elites.descriptor[:, 1], side="right")
    for row, column, value in zip(held, exposed, elites.objectives[:, OBJECTIVES.index("sharpe")], strict=True):
        best[row, column] = np.nanmax([best[row, column], value])
    labels = _bins([f"{edge:g}" for edge in HOLDING_EDGES])
    shares = _bins([f"{100 * edge:.0f}" for edge in EXPOSURE_EDGES])
    cells = [[None if np.isnan(value) else round(float(value), 3) for value in row] for row in best]
    figure = go.Figure(
        go.Heatmap(
            z=cells,
            x=shares,
            y=labels,
            colorscale=[(0.0, "#f3e3dc"), (0.5, "#f4f4ef"), (1.0, ACCENT)],
            zmid=0.0,
            xgap=2,
            ygap=2,
            colorbar={"title": "best Sharpe", "thickness": 12},
            hovertemplate="holds %{y} bars<br>invested %{x} % of bars<br>best Sharpe %{z:.2f}<extra></extra>",
        )
    )
    figure.update_xaxes(title_text="share of bars invested, %", type="category")
    figure.update_yaxes(title_text="mean holding time, bars", type="category")
    return style(figure, 440)


def importance(rows: Sequence[Mapping[str, Any]]) -> go.Figure:
    """What the Sharpe ratio loses without each part, the most important at the top; whiskers are the spread.

    ``rows``: ``parts`` of ``importance_words.told``. Labels are as the genome writes them, words on hovering.
    """
    lost = [row["both"]["drop"] for row in rows]
    figure = go.Figure(
        go.Bar(
            x=[round(value, 4) for value in lost],
            y=list(range(len(rows))),
            orientation="h",
            marker_color=[ACCENT if value > 0 else SECOND for value in lost],
            error_x={"array": [round(row["both"]["spread"], 4) for row in rows], "color": MUTED, "thickness": 1},
            customdata=[[row["part"], round(100 * row["trades_changed"])] for row in rows],
            hovertemplate="%{customdata[0]}<br>Sharpe lost %{x:.2f}<br>"
            "trades changed %{customdata[1]} %<extra></extra>",
        )
    )
    texts = [f"{row['tree'].replace('_', ' ')}: {row['name']}" if row["tree"] else row["name"] for row in rows]
    short = [text if len(text) <= LABEL_MAX else f"{text[: LABEL_MAX - 1]}…" for text in texts]
    figure.update_yaxes(tickvals=list(range(len(rows))), ticktext=short, autorange="reversed", automargin=True)
    figure.update_xaxes(title_text="Sharpe lost without it, yearly")
    return style(figure, 90 + 26 * len(rows))


def _bins(edges: Sequence[str]) -> list[str]:
    between = [f"{low}–{high}" for low, high in pairwise(edges)]
    return [f"under {edges[0]}", *between, f"{edges[-1]} or more"]
