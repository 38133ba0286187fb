"""How far apart the two engines are, figure by figure, in the figure's own scale."""

from collections.abc import Sequence

import numpy as np

from common.backtest.arena import Arena
from common.backtest.costs import Floats
from common.backtest.measure import Measures, measure
from common.backtest.windows import Cut
from common.events.cohorts import DESCRIPTOR, EVIDENCE, WINDOWS
from common.events.spec import OBJECTIVES
from common.genome.layout import Population

LEAST = 1e-6
MOMENTS = ("skewness", "kurtosis", "detrended_z")


def figures(found: Measures) -> dict[str, np.ndarray]:
    """Every figure by its name, shape (n,)."""
    rows = {
        "violation": found.violation,
        **{name: found.objectives[:, k] for k, name in enumerate(OBJECTIVES)},
        **{name: found.descriptor[:, k] for k, name in enumerate(DESCRIPTOR)},
    }
    for which, window in enumerate(WINDOWS):
        rows |= {f"{window}.{name}": found.evidence[:, which, k] for k, name in enumerate(EVIDENCE)}
    return rows


def scales(found: Measures, bars_per_year: float) -> dict[str, np.ndarray | float]:
    """What is 1 of each figure, where that is not 1.

    Ratios a year: that of one a bar. Mean and deviation: the root of the mean square return, of which both are made.
    Everything else is a share, a count, a ratio or a moment of its own unit: 1. An equity near 1 holds its changes to
    1e-16: where returns or drawdowns are smaller than a millionth, what is made of them alone is known that much worse.
    """
    of: dict[str, np.ndarray | float] = {}
    values = {name: np.abs(column) for name, column in figures(found).items()}
    for window in WINDOWS:
        root = np.hypot(values[f"{window}.mean"], values[f"{window}.deviation"])
        of |= dict.fromkeys((f"{window}.mean", f"{window}.deviation"), np.maximum(root, LEAST))
        of |= {name: _faint(root, values[name], 1.0) for name in (f"{window}.{each}" for each in MOMENTS)}
        if window == WINDOWS[0]:
            of |= {name: _faint(root, values[name], np.sqrt(bars_per_year)) for name in ("sharpe", "consistency")}
    return of | {"recovery": _faint(values["drawdown"], values["recovery"], 1.0)}


def _faint(size: np.ndarray, figure: np.ndarray, unit: float) -> np.ndarray:
    """Scale of a figure that is made of returns or drawdowns of this size."""
    return np.maximum(figure, unit) * np.maximum(LEAST / np.maximum(size, LEAST**3), 1.0)


def both(
    population: Population, arenas: Sequence[Arena], cuts: Sequence[Cut], costs: Floats, with_vault: bool
) -> tuple[Measures, Measures]:
    """What the truth engine finds, and what the event-skipping engine finds."""
    truth = measure(population, arenas, cuts, costs, 20, with_vault, engine="truth")
    return truth, measure(population, arenas, cuts, costs, 20, with_vault, engine="skipping")


def apart(truth: Measures, other: Measures, bars_per_year: float) -> dict[str, float]:
    """Largest distance of each figure: relative, or as a share of the figure's scale where the figure is smaller."""
    theirs, unit, found = figures(other), scales(truth, bars_per_year), {}
    for name, mine in figures(truth).items():
        size = np.maximum(np.abs(mine), unit.get(name, 1.0))
        distance = np.abs(mine - theirs[name])
        found[name] = float(np.max(distance / np.where(size > 0, size, 1.0), initial=0.0))
    return found


def check_agreement(
    population: Population, arenas: Sequence[Arena], cuts: Sequence[Cut], costs: Floats, with_vault: bool
) -> Measures:
    """Both engines trade alike and agree to 1e-9 in every figure; returns what the truth engine found."""
    truth, other = both(population, arenas, cuts, costs, with_vault)
    trades = EVIDENCE.index("trades")
    np.testing.assert_array_equal(truth.evidence[:, :, trades], other.evidence[:, :, trades])
    wide = {name: far for name, far in apart(truth, other, arenas[0].bars_per_year).items() if not far <= 1e-9}
    assert not wide, f"too far apart: {wide}"
    return truth
