"""The family tree of a champion, drawn by generation of birth."""

from collections import defaultdict
from collections.abc import Sequence

import plotly.graph_objects as go

from standalone.family import Birth
from standalone.report_figures import GOLD, INK, MUTED, style

COLOURS = {
    "random": "#8a97a0",
    "expert": "#7d4fb0",
    "published": "#d98e04",
    "crossover": "#2f6db5",
    "mutation": "#b5532f",
    "both": "#1b7f5c",
    "migrant": "#3f9aa3",
}
_WORDS = {
    "random": "random founder",
    "expert": "classical strategy",
    "published": "published by a user",
    "crossover": "crossover",
    "mutation": "mutation",
    "both": "crossover and mutation",
    "migrant": "migrant",
}


def place(births: Sequence[Birth]) -> dict[str, tuple[float, float]]:
    """Where each birth stands: y its generation; x spread evenly, ordered by where its children stand."""
    by_generation: dict[int, list[Birth]] = defaultdict(list)
    children: dict[str, list[str]] = defaultdict(list)
    for birth in births:
        by_generation[birth.generation].append(birth)
        for parent in birth.parents:
            children[parent].append(birth.id)
    places: dict[str, tuple[float, float]] = {}

    def wish(birth: Birth) -> float:
        known = [places[child][0] for child in children[birth.id] if child in places]
        return sum(known) / len(known) if known else 0.0

    for generation in sorted(by_generation, reverse=True):
        row = sorted(by_generation[generation], key=lambda birth: (wish(birth), birth.id))
        for index, birth in enumerate(row):
            places[birth.id] = (index - (len(row) - 1) / 2, float(generation))
    return places


def family_tree(births: Sequence[Birth]) -> go.Figure:
    """``births``: the champion first, then its ancestors."""
    places = place(births)
    lines_x: list[float | None] = []
    lines_y: list[float | None] = []
    for birth in births:
        for parent in birth.parents:
            if parent in places:
                lines_x += [places[birth.id][0], places[parent][0], None]
                lines_y += [places[birth.id][1], places[parent][1], None]
    figure = go.Figure(
        go.Scatter(
            x=lines_x,
            y=lines_y,
            mode="lines",
            line={"color": "#cfd8dc", "width": 1.5},
            hoverinfo="skip",
            showlegend=False,
        )
    )
    for operator, colour in COLOURS.items():
        chosen = [birth for birth in births[1:] if birth.operator == operator]
        if chosen:
            figure.add_trace(_nodes(chosen, places, _WORDS[operator], {"color": colour, "size": 11}))
    star = {"symbol": "star", "color": GOLD, "size": 18, "line": {"color": INK, "width": 1}}
    figure.add_trace(_nodes(births[:1], places, "the champion", star))
    figure.update_xaxes(visible=False)
    figure.update_yaxes(title_text="generation of birth", dtick=max(1, round(max(b.generation for b in births) / 8)))
    height = min(620, 240 + 26 * len({birth.generation for birth in births}))
    return style(figure, height).update_layout(font_color=MUTED)


def _nodes(
    births: Sequence[Birth], places: dict[str, tuple[float, float]], name: str, marker: dict[str, object]
) -> go.Scatter:
    return go.Scatter(
        x=[places[birth.id][0] for birth in births],
        y=[places[birth.id][1] for birth in births],
        text=[
            f"{birth.id[:8]}, {_WORDS[birth.operator]}<br>generation {birth.generation}, island {birth.island}"
            for birth in births
        ],
        mode="markers",
        name=name,
        marker=marker,
        hovertemplate="%{text}<extra></extra>",
    )
