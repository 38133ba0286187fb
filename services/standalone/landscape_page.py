"""The landscape as a page: what it means for a search in words, then the pictures."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from common.run.folder import write_atomically
from standalone import report_page as html
from standalone.report_figures import ACCENT, GOLD, INK, ISLANDS, MUTED, SECOND, style

Figures = Mapping[str, Any]
_EASY, _HARD = -0.15, 0.15
"""Fitness-distance correlations beyond these lead a climber to the best, or away from it (Jones and Forrest)."""


def sentences(found: Figures) -> list[str]:
    """What the figures mean for a search."""
    bred, optima = found["walks"][0], found["optima"]
    reach = bred["length"]
    related = found["fitness_distance"]["correlation"]
    told = [
        f"Neighbours are related over {'all' if reach is None else format(reach, '.1f')} steps of breeding's mutations "
        f"(correlation length; about 95 %: {_bound(bred['low'])} to {_bound(bred['high'])}).",
        f"{bred['upward']:.0%} of these steps lead upward, {bred['level']:.0%} change nothing.",
        f"{optima['climbs']} climbs and kicks end at {optima['optima']} local optima, "
        f"after {optima['steps_of_a_climb']:.1f} steps upward; {optima['kicks_that_return']:.0%} of the kicks come "
        f"back to where they began and {optima['kicks_that_improve']:.0%} end higher. "
        f"{optima['climbs_that_reach_the_best']} reach the best.",
    ]
    if related is not None:
        way = "leads to" if related < _EASY else ("leads away from" if related > _HARD else "says little about")
        told.append(f"Climbing {way} the best place known: fitness-distance correlation {related:+.2f}.")
    pairs = [
        value
        for row, values in enumerate(found["drift"]["rank_correlation"])
        for column, value in enumerate(values)
        if column > row and value is not None
    ]
    if pairs:
        told.append(
            f"From one training fold to another the ranks of the same strategies correlate by "
            f"{sum(pairs) / len(pairs):+.2f} on average: 1 would be a landscape that stands still, 0 one made anew."
        )
    return told


def write(found: Figures, path: Path) -> None:
    """Write the page as one HTML file that needs no network."""
    title = f"Fitness landscape: {', '.join(found['data'])}"
    body = "".join(
        [
            f'<section class="verdict"><h1>{escape(title)}</h1>{html.bullets(sentences(found))}</section>',
            html.section(
                "How far a place is known",
                html.figure(_walks(found), "walks"),
                note="Correlation of fitness along random walks, by the number of steps and the kind of mutation.",
            ),
            html.section(
                "Local optima",
                html.figure(_optima(found), "optima"),
                note="Each point is a local optimum: its fitness against its distance from the best; larger where more "
                "climbs ended. Lines are kicks that led from one to another.",
            ),
            html.section("Slopes along numbers", html.figure(_slopes(found), "slopes")) if found["slopes"] else "",
            html.section(
                "Drift",
                html.figure(_drift(found), "drift"),
                note="Rank correlation of the same strategies' fitness between training folds.",
            ),
            html.section("Kinds of steps", _kinds(found)),
        ]
    )
    write_atomically(path, html.page(title, body).encode())


def _bound(value: float | None) -> str:
    return "no end" if value is None else f"{value:.1f}"


def _walks(found: Figures) -> go.Figure:
    figure = go.Figure()
    for index, each in enumerate(found["walks"]):
        lags = list(range(len(each["autocorrelation"]) + 1))
        figure.add_trace(
            go.Scatter(
                x=lags,
                y=[1.0, *each["autocorrelation"]],
                name=each["move"],
                line={
                    "color": ISLANDS[index % len(ISLANDS)],
                    "width": 3 if index == 0 else 1.5,
                    "dash": "solid" if index < len(ISLANDS) else "dot",
                },
            )
        )
    figure.update_xaxes(title_text="steps apart")
    figure.update_yaxes(title_text="correlation of fitness")
    return style(figure, 420)


def _optima(found: Figures) -> go.Figure:
    nodes = found["optima"]["nodes"]
    figure = go.Figure()
    xs: list[float | None] = []
    ys: list[float | None] = []
    for start, end, _ in found["optima"]["edges"]:
        xs += [nodes[start]["distance_to_best"], nodes[end]["distance_to_best"], None]
        ys += [nodes[start]["fitness"], nodes[end]["fitness"], None]
    line = {"color": SECOND, "width": 0.6}
    figure.add_trace(go.Scatter(x=xs, y=ys, mode="lines", line=line, name="kicks", hoverinfo="skip"))
    figure.add_trace(
        go.Scatter(
            x=[node["distance_to_best"] for node in nodes],
            y=[node["fitness"] for node in nodes],
            mode="markers",
            name="local optima",
            text=[f"reached {node['reached']} times" for node in nodes],
            marker={
                "size": [6 + 3 * node["reached"] ** 0.5 for node in nodes],
                "color": [GOLD, *[ACCENT] * (len(nodes) - 1)],
                "line": {"color": INK, "width": 0.5},
            },
        )
    )
    figure.update_xaxes(title_text="distance from the best genome")
    figure.update_yaxes(title_text=found["objective"])
    return style(figure, 480)


def _slopes(found: Figures) -> go.Figure:
    rows = found["slopes"]
    figure = go.Figure(
        go.Bar(
            x=[row["median"] for row in rows],
            y=[row["gene"] for row in rows],
            orientation="h",
            marker_color=ACCENT,
            text=[f"flat {row['flat']:.0%}" for row in rows],
            textfont_color=MUTED,
        )
    )
    figure.update_xaxes(title_text=f"median slope, {found['objective']} a whole range of the gene")
    figure.update_yaxes(autorange="reversed")
    return style(figure, 120 + 24 * len(rows))


def _drift(found: Figures) -> go.Figure:
    folds, values = found["drift"]["folds"], found["drift"]["rank_correlation"]
    scale = [(0.0, "#f3e3dc"), (0.5, "#f4f4ef"), (1.0, ACCENT)]
    figure = go.Figure(
        go.Heatmap(z=values, x=folds, y=folds, zmin=-1, zmax=1, colorscale=scale, texttemplate="%{z:.2f}")
    )
    return style(figure, 380)


def _kinds(found: Figures) -> str:
    header = ("mutation", "correlation length, steps", "upward", "changes nothing", "distance of a step")
    rows = [
        (
            each["move"],
            _bound(each["length"]),
            f"{each['upward']:.0%}",
            f"{each['level']:.0%}",
            f"{each['distance_of_a_step']:.4f}",
        )
        for each in found["walks"]
    ]
    return html.table(header, rows, numeric=(1, 2, 3, 4))
