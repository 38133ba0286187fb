"""Test problems with known fronts, ZDT and DTLZ, as kernels: what each asks, and the volume that is measured by.

E. Zitzler, K. Deb, L. Thiele, Evolutionary Computation 8(2), 2000; K. Deb and others, "Scalable test problems for
evolutionary multiobjective optimization", 2005. Costs, to be minimised.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.kernel import kernel, lean_kernel

Floats = npt.NDArray[np.float64]
ZDT1, ZDT2, ZDT3, ZDT4, ZDT6, DTLZ1, DTLZ2, DTLZ7 = range(8)


class Problem(NamedTuple):
    """A name that pymoo knows, the number of genes and objectives, bounds of genes but the first, reference point.

    ``reference`` is the nadir of the front and a tenth of the way from the ideal to the nadir.
    """

    code: int
    name: str
    genes: int
    objectives: int
    reference: tuple[float, ...]
    low: float = 0.0
    high: float = 1.0

    def bounds(self) -> tuple[Floats, Floats]:
        """The least and the greatest value (g,) of each gene."""
        low, high = np.full(self.genes, self.low), np.full(self.genes, self.high)
        low[0], high[0] = 0.0, 1.0
        return low, high


_FLAT = (1.1, 1.1)
PROBLEMS = (
    Problem(ZDT1, "zdt1", 30, 2, _FLAT),
    Problem(ZDT2, "zdt2", 30, 2, _FLAT),
    Problem(ZDT3, "zdt3", 30, 2, (0.93701, 1.17734)),
    Problem(ZDT4, "zdt4", 10, 2, _FLAT, -5.0, 5.0),
    Problem(ZDT6, "zdt6", 10, 2, (1.07192, 1.01328)),
    Problem(DTLZ1, "dtlz1", 7, 3, (0.55, 0.55, 0.55)),
    Problem(DTLZ2, "dtlz2", 10, 3, (1.1, 1.1, 1.1)),
    Problem(DTLZ7, "dtlz7", 10, 3, (0.94534, 0.94534, 6.33861)),
)


@kernel
def costs(code: int, genes: Floats, objectives: int) -> Floats:
    """Costs (n, m) of ``genes`` (n, g) in the problem of this ``code``."""
    found = np.empty((len(genes), objectives))
    for row in range(len(genes)):
        if code <= ZDT6:
            _zdt(code, genes[row], found[row])
        else:
            _dtlz(code, genes[row], found[row])
    return found


@lean_kernel
def _zdt(code: int, x: Floats, cost: Floats) -> None:
    n = len(x)
    first, g = x[0], 1.0
    if code == ZDT4:
        g += 10.0 * (n - 1)
        for gene in range(1, n):
            g += x[gene] * x[gene] - 10.0 * math.cos(4.0 * math.pi * x[gene])
    else:
        total = 0.0
        for gene in range(1, n):
            total += x[gene]
        mean = total / (n - 1)
        g += 9.0 * (math.sqrt(math.sqrt(mean)) if code == ZDT6 else mean)
    if code == ZDT6:
        first = 1.0 - math.exp(-4.0 * x[0]) * math.sin(6.0 * math.pi * x[0]) ** 6
    ratio = first / g
    shape = 1.0 - (ratio * ratio if code in (ZDT2, ZDT6) else math.sqrt(ratio))
    if code == ZDT3:
        shape -= ratio * math.sin(10.0 * math.pi * first)
    cost[0], cost[1] = first, g * shape


@lean_kernel
def _dtlz(code: int, x: Floats, cost: Floats) -> None:
    m = len(cost)
    k = len(x) - m + 1
    g = 100.0 * k if code == DTLZ1 else 0.0
    for gene in range(m - 1, len(x)):
        away = x[gene] - 0.5
        if code == DTLZ1:
            g += 100.0 * (away * away - math.cos(20.0 * math.pi * away))
        else:
            g += 9.0 / k * x[gene] if code == DTLZ7 else away * away
    if code == DTLZ7:
        h = float(m)
        for objective in range(m - 1):
            f = x[objective]
            cost[objective] = f
            h -= f / (2.0 + g) * (1.0 + math.sin(3.0 * math.pi * f))
        cost[m - 1] = (2.0 + g) * h
        return
    for objective in range(m):
        value = 0.5 * (1.0 + g) if code == DTLZ1 else 1.0 + g
        for gene in range(m - 1 - objective):
            value *= x[gene] if code == DTLZ1 else math.cos(0.5 * math.pi * x[gene])
        if objective:
            turn = x[m - 1 - objective]
            value *= 1.0 - turn if code == DTLZ1 else math.sin(0.5 * math.pi * turn)
        cost[objective] = value
