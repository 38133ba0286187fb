"""The page around the report: one HTML file with its own style and plotly.js inside, readable without a network."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

_CONFIG = {"displayModeBar": False, "responsive": True}


def figure(picture: go.Figure, name: str) -> str:
    """A picture's markup; ``name`` is its element id, so that the same run gives the same page."""
    markup: str = picture.to_html(full_html=False, include_plotlyjs=False, config=_CONFIG, div_id=name)
    return f'<div class="figure">{markup}</div>'


def section(title: str, *parts: str, note: str = "") -> str:
    """A titled part of the page."""
    lead = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{lead}{''.join(parts)}</section>"


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph; ``kind`` is its class in the style sheet."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def bullets(lines: Iterable[str]) -> str:
    """Sentences as a list."""
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], numeric: Sequence[int] = ()) -> str:
    """A table of texts; ``numeric`` columns are set to the right."""

    def cells(tag: str, values: Sequence[str]) -> str:
        marks = [' class="number"' if index in numeric else "" for index in range(len(values))]
        return "".join(f"<{tag}{mark}>{escape(value)}</{tag}>" for mark, value in zip(marks, values, strict=True))

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table><thead><tr>{cells("th", header)}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def tiles(values: Iterable[tuple[str, str]]) -> str:
    """Figures with their names, side by side."""
    found = "".join(
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(name)}</span></div>' for name, value in values
    )
    return f'<div class="tiles">{found}</div>'


def details(summary: str, *parts: str, is_open: bool = False) -> str:
    """A part that unfolds on a click."""
    return f"<details{' open' if is_open else ''}><summary>{escape(summary)}</summary>{''.join(parts)}</details>"


def page(title: str, body: str) -> str:
    """The whole file."""
    style = files("standalone").joinpath("report.css").read_text(encoding="utf-8")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{style}</style><script>{get_plotlyjs()}</script></head><body><main>{body}</main></body></html>"
    )
