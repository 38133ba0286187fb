"""From genotype to phenotype: what the simulator needs to know of a genome, as plain numbers."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.genome.genes import ALLELE_GENES, ALLELE_SLOT, LEVERAGE_MAX, MASK_SLOT, REAL_SLOT
from common.genome.layout import Population
from common.kernel import kernel

LONG, SHORT, BOTH = 0, 1, 2
PERCENT, ATR = 1, 2
STOP_MULTIPLE = 3
FIXED_FRACTION, FIXED_RISK, VOLATILITY_TARGET, FIXED_UNITS = 0, 1, 2, 3

_DIRECTION = ALLELE_SLOT["entry.direction"]
_STOP_KIND = ALLELE_SLOT["exit.stop_kind"]
_TARGET_KIND = ALLELE_SLOT["exit.target_kind"]
_TRAIL_KIND = ALLELE_SLOT["exit.trail_kind"]
_TIME_EXIT = ALLELE_SLOT["exit.time_exit_bars"]
_SIZING = ALLELE_SLOT["risk.sizing"]
_STOP = REAL_SLOT["exit.stop_distance"]
_TARGET = REAL_SLOT["exit.target_distance"]
_TRAIL = REAL_SLOT["exit.trail_distance"]
_FRACTION = REAL_SLOT["risk.fraction"]
_RISK = REAL_SLOT["risk.risk_per_trade"]
_VOLATILITY = REAL_SLOT["risk.volatility_target"]
_LEVERAGE = REAL_SLOT["risk.leverage_max"]
_REGIMES = MASK_SLOT["regime.allowed"]
_HOURS = MASK_SLOT["time.hours"]
_WEEKDAYS = MASK_SLOT["time.weekdays"]
_MONTHS = MASK_SLOT["time.months"]
_TIME_EXIT_BARS = np.array(ALLELE_GENES[_TIME_EXIT].alleles, np.int64)


Integer = int | np.int64


class Phenotype(NamedTuple):
    """The executable strategy less its logic. Kinds: 0 none, 1 percent, 2 ATR, 3 multiple of the stop distance."""

    direction: Integer
    stop_kind: Integer
    stop_distance: float
    target_kind: Integer
    target_distance: float
    trail_kind: Integer
    trail_distance: float
    time_exit_bars: Integer
    sizing: Integer
    fraction: float
    risk_per_trade: float
    volatility_target: float
    leverage_max: float
    regimes: Integer
    hours: Integer
    weekdays: Integer
    months: Integer


def instrument_of(population: Population | np.void, instruments: int) -> npt.NDArray[np.int64]:
    """Which of the run's instruments each genome trades, shape (n,), or () for one genome: its slot, wrapped around."""
    slots = population["alleles"][..., ALLELE_SLOT["portfolio.instrument"]]
    return np.asarray(slots, np.int64) % instruments


@kernel
def express(alleles: npt.NDArray[np.uint8], reals: npt.NDArray[np.float32], masks: npt.NDArray[np.uint32]) -> Phenotype:
    """Decode the gene vectors of one genome; total: a mandatory stop and the leverage cap hold whatever they say."""
    return Phenotype(
        np.int64(alleles[_DIRECTION]),
        np.int64(alleles[_STOP_KIND]) + PERCENT,
        max(np.float64(reals[_STOP]), 0.01),
        np.int64(alleles[_TARGET_KIND]),
        np.float64(reals[_TARGET]),
        np.int64(alleles[_TRAIL_KIND]),
        np.float64(reals[_TRAIL]),
        _TIME_EXIT_BARS[alleles[_TIME_EXIT]],
        np.int64(alleles[_SIZING]),
        np.float64(reals[_FRACTION]),
        np.float64(reals[_RISK]),
        np.float64(reals[_VOLATILITY]),
        min(np.float64(reals[_LEVERAGE]), LEVERAGE_MAX),
        np.int64(masks[_REGIMES]),
        np.int64(masks[_HOURS]),
        np.int64(masks[_WEEKDAYS]),
        np.int64(masks[_MONTHS]),
    )


@kernel
def distance(kind: Integer, amount: float, price: float, atr: float, stop: float) -> float:
    """A distance in price units; 0 for kind 0 (none)."""
    if kind == PERCENT:
        return amount * 0.01 * price
    if kind == ATR:
        return amount * atr
    if kind == STOP_MULTIPLE:
        return amount * stop
    return 0.0


@kernel
def position_value(phenotype: Phenotype, equity: float, stop_share: float, volatility: float, fixed: float) -> float:
    """Value to enter with, never above ``leverage_max`` times equity; 0 where the volatility it needs is unknown.

    ``stop_share``: stop distance over price; ``volatility``: annual, of the instrument; ``fixed``: value of the
    constant number of units.
    """
    limit = phenotype.leverage_max * equity
    if phenotype.sizing == FIXED_RISK:
        wanted = phenotype.risk_per_trade * equity / stop_share
    elif phenotype.sizing == VOLATILITY_TARGET:
        wanted = phenotype.volatility_target * equity / volatility if volatility > 0.0 else 0.0
    elif phenotype.sizing == FIXED_UNITS:
        wanted = fixed
    else:
        wanted = phenotype.fraction * equity
    return min(wanted, limit)
