"""CMA-ME's improvement emitter: a normal distribution over real genes that moves to where the archive grows.

Fontaine, Togelius, Nikolaidis, Hoover 2020, "Covariance Matrix Adaptation for the Rapid Illumination of Behavior
Space"; the updates are those of Hansen 2016, "The CMA Evolution Strategy: A Tutorial". Only operations that IEEE 754
fixes are used, eigenvectors by Jacobi's rotations included, so the state is the same on every machine.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from common.kernel import kernel
from common.random import exponential, logarithm

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

STEP, TOLD, DECOMPOSED, FADED, CONDITION, LARGEST, RESTARTS = range(7)
"""Places of ``Emitter.figures``: step size; solutions told since the start, and when the axes were last found; what is
left of the first step path; ratio of the outer eigenvalues, and the largest; restarts so far."""
_FIGURES = 7
_SWEEPS_MAX = 30
_CONDITION_MAX, _EXTENT_MIN, _FLAT = 1e14, 1e-11, 1e-12


class Emitter(NamedTuple):
    """Views of one record of ``emitter_dtype``; the kernels write to them."""

    mean: Floats
    covariance: Floats
    axes: Floats
    """Eigenvectors as columns, each by the root of its eigenvalue; a sample is mean + step * axes @ normals."""
    inverse_root: Floats
    path: Floats
    step_path: Floats
    figures: Floats


def emitter_dtype(genes: int) -> np.dtype[Any]:
    """The record that holds an emitter over ``genes`` numbers: all that its next update follows from."""
    vector, matrix = (genes,), (genes, genes)
    return np.dtype(
        [
            ("mean", "<f8", vector),
            ("covariance", "<f8", matrix),
            ("axes", "<f8", matrix),
            ("inverse_root", "<f8", matrix),
            ("path", "<f8", vector),
            ("step_path", "<f8", vector),
            ("figures", "<f8", (_FIGURES,)),
        ]
    )


def emitter(records: npt.NDArray[np.void], row: int = 0) -> Emitter:
    """The emitter in one row of an array of ``emitter_dtype``."""
    return Emitter(*(records[name][row] for name in Emitter._fields))


def new_emitters(count: int, mean: Floats, step: float) -> npt.NDArray[np.void]:
    """``count`` records that start at ``mean`` (genes,) with ``step``, the deviation in every direction."""
    records = np.zeros(count, emitter_dtype(len(mean)))
    for row in range(count):
        restart(emitter(records, row), mean, step)
    records["figures"][:, RESTARTS] = 0.0
    return records


@kernel
def restart(state: Emitter, mean: Floats, step: float) -> None:
    """Begin anew around ``mean`` (genes,), alike in every direction."""
    state.mean[:] = mean
    for matrix in (state.covariance, state.axes, state.inverse_root):
        matrix[:, :] = 0.0
        for gene in range(len(mean)):
            matrix[gene, gene] = 1.0
    state.path[:] = 0.0
    state.step_path[:] = 0.0
    restarts = state.figures[RESTARTS] + 1.0
    state.figures[:] = 0.0
    state.figures[STEP], state.figures[RESTARTS] = step, restarts
    state.figures[FADED] = state.figures[CONDITION] = state.figures[LARGEST] = 1.0


@kernel
def improvement_order(status: npt.NDArray[np.uint8], gain: Floats) -> Indices:
    """Rows (n,), best first: those that found a cell, then those that improved one, each by ``gain``; ties by row."""
    order = np.argsort(-gain, kind="mergesort")
    return order[np.argsort(2 - status[order].astype(np.int64), kind="mergesort")]


@kernel
def improve(state: Emitter, solutions: Floats, status: npt.NDArray[np.uint8], gain: Floats) -> bool:
    """Move toward the ``solutions`` (n, genes) that the archive took; True where the caller must ``restart``.

    ``status`` (n,) and ``gain`` (n,) as of ``archive.judge``. An emitter ends when the archive took nothing, when it
    has shrunk to a point or a line, or when all gained alike.
    """
    order = improvement_order(status, gain)
    taken = (status > 0).sum()
    state.figures[TOLD] += len(status)
    if taken == 0:
        return True
    _update(state, solutions[order[:taken]], len(status))
    first, last = order[0], order[-1]
    flat = len(order) > 1 and status[first] == status[last] and abs(gain[first] - gain[last]) < _FLAT
    extent = state.figures[STEP] * math.sqrt(state.figures[LARGEST])
    return flat or extent < _EXTENT_MIN or state.figures[CONDITION] > _CONDITION_MAX


@kernel
def _weights(count: int) -> tuple[Floats, float]:
    """Weights (count,), falling with the logarithm of the place, and how many equal parents they are worth."""
    weights = np.empty(count)
    for place in range(count):
        weights[place] = logarithm(count + 0.5) - logarithm(place + 1.0)
    weights /= weights.sum()
    return weights, 1.0 / (weights * weights).sum()


@kernel
def _update(state: Emitter, parents: Floats, batch: int) -> None:
    """The tutorial's update of mean, paths, covariance and step by ``parents`` (mu, genes), the best first."""
    genes, figures = len(state.mean), state.figures
    weights, worth = _weights(len(parents))
    path_rate = (4.0 + worth / genes) / (genes + 4.0 + 2.0 * worth / genes)
    step_rate = (worth + 2.0) / (genes + worth + 5.0)
    one_rate = 2.0 / ((genes + 1.3) ** 2 + worth)
    many_rate = min(1.0 - one_rate, 2.0 * (worth - 2.0 + 1.0 / worth) / ((genes + 2.0) ** 2 + worth))
    damping = 1.0 + 2.0 * max(0.0, math.sqrt(max(worth - 1.0, 0.0) / (genes + 1.0)) - 1.0) + step_rate
    step = figures[STEP]
    moves = (parents - state.mean) / step
    move = np.zeros(genes)
    for row in range(len(parents)):
        move += weights[row] * moves[row]
    state.mean[:] += step * move
    state.step_path[:] *= 1.0 - step_rate
    state.step_path[:] += math.sqrt(step_rate * (2.0 - step_rate) * worth) * _product(state.inverse_root, move)
    length = (state.step_path * state.step_path).sum() / genes
    figures[FADED] *= (1.0 - step_rate) ** 2
    steady = length / (1.0 - figures[FADED]) < 2.0 + 4.0 / (genes + 1.0)
    state.path[:] *= 1.0 - path_rate
    if steady:
        state.path[:] += math.sqrt(path_rate * (2.0 - path_rate) * worth) * move
    missing = 0.0 if steady else one_rate * path_rate * (2.0 - path_rate)
    state.covariance[:, :] *= 1.0 - one_rate - many_rate + missing
    for a in range(genes):
        for b in range(genes):
            state.covariance[a, b] += one_rate * state.path[a] * state.path[b]
            for row in range(len(parents)):
                state.covariance[a, b] += many_rate * weights[row] * moves[row, a] * moves[row, b]
    figures[STEP] = step * exponential(min(1.0, step_rate / damping * (length - 1.0) / 2.0))
    # Finding axes is of the third order, so it waits until they can have turned by much.
    if figures[TOLD] > figures[DECOMPOSED] + 0.5 * batch / (one_rate + many_rate) / genes:
        _find_axes(state)


@kernel
def _product(matrix: Floats, vector: Floats) -> Floats:
    """The product, summed in the order of the columns: that of BLAS depends on the machine."""
    result = np.zeros(len(vector))
    for row in range(len(vector)):
        for column in range(len(vector)):
            result[row] += matrix[row, column] * vector[column]
    return result


@kernel
def _find_axes(state: Emitter) -> None:
    genes, figures = len(state.mean), state.figures
    values, vectors = eigen(state.covariance)
    smallest, figures[LARGEST] = values.min(), values.max()
    figures[DECOMPOSED] = figures[TOLD]
    if smallest <= 0.0:
        figures[CONDITION] = np.inf
        return
    figures[CONDITION] = figures[LARGEST] / smallest
    state.inverse_root[:, :] = 0.0
    for column in range(genes):
        root = math.sqrt(values[column])
        for a in range(genes):
            state.axes[a, column] = vectors[a, column] * root
            for b in range(genes):
                state.inverse_root[a, b] += vectors[a, column] * vectors[b, column] / root


@kernel
def eigen(matrix: Floats) -> tuple[Floats, Floats]:
    """Eigenvalues (g,), not sorted, and eigenvectors as columns (g, g) of a symmetric ``matrix`` (g, g).

    Jacobi's cyclic rotations (Golub and Van Loan, Matrix Computations, section 8.5).
    """
    size = len(matrix)
    left, vectors = matrix.copy(), np.eye(size)
    for _ in range(_SWEEPS_MAX):
        aside, along = 0.0, 0.0
        for p in range(size):
            along += left[p, p] * left[p, p]
            for q in range(p + 1, size):
                aside += left[p, q] * left[p, q]
        if aside <= 1e-32 * along:
            break
        for p in range(size):
            for q in range(p + 1, size):
                _rotate(left, vectors, p, q)
    return np.diag(left).copy(), vectors


@kernel
def _rotate(left: Floats, vectors: Floats, p: int, q: int) -> None:
    """Turn the plane of ``p`` and ``q`` until they have nothing to do with each other."""
    if left[p, q] == 0.0:
        return
    half = (left[q, q] - left[p, p]) / (2.0 * left[p, q])
    tangent = (1.0 if half >= 0.0 else -1.0) / (abs(half) + math.sqrt(half * half + 1.0))
    cosine = 1.0 / math.sqrt(tangent * tangent + 1.0)
    sine = tangent * cosine
    for k in range(len(left)):
        a, b = left[p, k], left[q, k]
        left[p, k], left[q, k] = cosine * a - sine * b, sine * a + cosine * b
    for k in range(len(left)):
        a, b = left[k, p], left[k, q]
        left[k, p], left[k, q] = cosine * a - sine * b, sine * a + cosine * b
        a, b = vectors[k, p], vectors[k, q]
        vectors[k, p], vectors[k, q] = cosine * a - sine * b, sine * a + cosine * b
