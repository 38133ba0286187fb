"""Emitters of quality diversity: the iso-line step between two elites, and samples of a normal distribution."""

import math

import numpy as np
import numpy.typing as npt

from common.kernel import kernel
from common.random import Stream, below, new_stream, normal, open_stream, uniform
from generator.real import log

Floats = npt.NDArray[np.float64]
_ATTEMPTS = 16


@kernel
def fill_normals(stream: Stream, numbers: Floats) -> None:
    """Fill ``numbers`` (n,) with standard normals; ``normal`` with both numbers of each pair and a quick logarithm."""
    position = 0
    while position < len(numbers):
        x, y = 2.0 * uniform(stream) - 1.0, 2.0 * uniform(stream) - 1.0
        square = x * x + y * y
        if not 0.0 < square < 1.0:
            continue
        factor = math.sqrt(-2.0 * log(square) / square)
        numbers[position] = x * factor
        if position + 1 < len(numbers):
            numbers[position + 1] = y * factor
        position += 2


@kernel
def iso_line(
    stream: Stream, one: Floats, two: Floats, low: Floats, high: Floats, iso: Floats, line: float, child: Floats
) -> None:
    """``child`` = ``one`` + iso * normals + line * normal * (``two`` - ``one``), cut off at the bounds; all (genes,).

    Vassiliades and Mouret 2018, "Discovering the Elite Hypervolume by Leveraging Interspecies Correlation": elites lie
    close to a surface, and the line between two of them close to it too. ``iso`` is the deviation in each gene.
    """
    along = line * normal(stream)
    fill_normals(stream, child)
    for gene in range(len(child)):
        value = one[gene] + iso[gene] * child[gene] + along * (two[gene] - one[gene])
        child[gene] = min(max(value, low[gene]), high[gene])


@kernel
def draw_normal(stream: Stream, mean: Floats, axes: Floats, low: Floats, high: Floats, child: Floats) -> None:
    """A sample of ``mean`` (genes,) + ``axes`` (genes, genes) @ normals, drawn again while out of bounds, then cut off.

    ``axes``: columns as long as the deviation along them.
    """
    normals = np.empty(len(mean))
    for _ in range(_ATTEMPTS):
        fill_normals(stream, normals)
        inside = True
        for gene in range(len(mean)):
            value = mean[gene]
            for axis in range(len(mean)):
                value += axes[gene, axis] * normals[axis]
            inside = inside and low[gene] <= value <= high[gene]
            child[gene] = min(max(value, low[gene]), high[gene])
        if inside:
            return


@kernel
def emit_lines(
    name: tuple[np.uint64, int, int, int],
    solutions: Floats,
    rows: npt.NDArray[np.int64],
    bounds: tuple[Floats, Floats],
    iso: Floats,
    line: float,
    children: Floats,
) -> None:
    """Fill ``children`` (n, genes) by iso-line steps between two of the ``rows`` (m,) of ``solutions``, m >= 1.

    ``name``: (stream key, island, generation, first slot); each child has a stream of its own.
    """
    key, island, generation, first_slot = name
    stream = new_stream(key, island, generation, 0)
    for row in range(len(children)):
        open_stream(stream, key, island, generation, first_slot + row)
        one, two = rows[below(stream, len(rows))], rows[below(stream, len(rows))]
        iso_line(stream, solutions[one], solutions[two], bounds[0], bounds[1], iso, line, children[row])


@kernel
def emit_normals(
    name: tuple[np.uint64, int, int, int], mean: Floats, axes: Floats, bounds: tuple[Floats, Floats], children: Floats
) -> None:
    """Fill ``children`` (n, genes) with samples of a normal distribution; ``name`` as in ``emit_lines``."""
    key, island, generation, first_slot = name
    stream = new_stream(key, island, generation, 0)
    for row in range(len(children)):
        open_stream(stream, key, island, generation, first_slot + row)
        draw_normal(stream, mean, axes, bounds[0], bounds[1], children[row])
