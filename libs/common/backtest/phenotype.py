"""From genotype to phenotype: what the simulator needs to know of a genome, as plain numbers."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.genome.genes import ALLELE_GENES, ALLELE_SLOT, LEVERAGE_MAX, MASK_GENES, MASK_SLOT, REAL_SLOT, REGIMES
from common.genome.layout import Population
from common.kernel import lean_kernel

LONG, SHORT, BOTH = 0, 1, 2
PERCENT, ATR = 1, 2
STOP_MULTIPLE = 3
FIXED_FRACTION, FIXED_RISK, VOLATILITY_TARGET, FIXED_UNITS = 0, 1, 2, 3
MARKET, LIMIT, STOP = 0, 1, 2
SINGLE, TWAP, VWAP = 0, 1, 2

_DIRECTION = ALLELE_SLOT["entry.direction"]
_CONFIRM = ALLELE_SLOT["entry.confirm_bars"]
_DELAY = ALLELE_SLOT["entry.delay_bars"]
_ORDER = ALLELE_SLOT["entry.order_type"]
_STOP_KIND = ALLELE_SLOT["exit.stop_kind"]
_TARGET_KIND = ALLELE_SLOT["exit.target_kind"]
_TRAIL_KIND = ALLELE_SLOT["exit.trail_kind"]
_TIME_EXIT = ALLELE_SLOT["exit.time_exit_bars"]
_SIZING = ALLELE_SLOT["risk.sizing"]
_RECOVERY = ALLELE_SLOT["risk.recovery"]
_KELLY = ALLELE_SLOT["risk.kelly"]
_BLACKOUT = ALLELE_SLOT["time.blackout"]
_HOLD_MIN = ALLELE_SLOT["time.hold_min_bars"]
_METHOD = ALLELE_SLOT["portfolio.method"]
_VENUE = ALLELE_SLOT["execution.venue"]
_PREFERENCE = ALLELE_SLOT["execution.preference"]
_SCHEDULE = ALLELE_SLOT["execution.schedule"]
_SLICES = ALLELE_SLOT["execution.slices"]
_IN_REGIME = ALLELE_SLOT[f"expression.in_{REGIMES[0]}"]
_STOP = REAL_SLOT["exit.stop_distance"]
_TARGET = REAL_SLOT["exit.target_distance"]
_TRAIL = REAL_SLOT["exit.trail_distance"]
_FRACTION = REAL_SLOT["risk.fraction"]
_RISK = REAL_SLOT["risk.risk_per_trade"]
_VOLATILITY = REAL_SLOT["risk.volatility_target"]
_LEVERAGE = REAL_SLOT["risk.leverage_max"]
_BRAKE = REAL_SLOT["risk.drawdown_brake"]
_BUDGET = REAL_SLOT["risk.budget"]
_OFFSET = REAL_SLOT["execution.limit_offset_bps"]
_HIDDEN = REAL_SLOT["execution.iceberg_fraction"]
_LATENCY = REAL_SLOT["execution.latency_budget_ms"]
_REGIMES = MASK_SLOT["regime.allowed"]
_HOURS = MASK_SLOT["time.hours"]
_WEEKDAYS = MASK_SLOT["time.weekdays"]
_MONTHS = MASK_SLOT["time.months"]
_SILENCED = MASK_SLOT["expression.silenced"]


def _numbers(slot: int) -> npt.NDArray[np.int64]:
    return np.array(ALLELE_GENES[slot].alleles, np.int64)


def _factors(slot: int, **of: float) -> npt.NDArray[np.float64]:
    return np.array([of[str(allele)] for allele in ALLELE_GENES[slot].alleles])


def _all(slot: int) -> int:
    return (1 << len(MASK_GENES[slot].bits)) - 1


_CONFIRM_BARS, _DELAY_BARS, _TIME_EXIT_BARS = _numbers(_CONFIRM), _numbers(_DELAY), _numbers(_TIME_EXIT)
CONFIRM_BARS_MAX, DELAY_BARS_MAX = int(_CONFIRM_BARS.max()), int(_DELAY_BARS.max())
_HOLD_MIN_BARS, _SLICE_COUNT = _numbers(_HOLD_MIN), _numbers(_SLICES)
_KELLY_SHARE = _factors(_KELLY, off=0.0, half=0.5, quarter=0.25)
_RECOVERY_FACTOR = _factors(_RECOVERY, none=1.0, reduce_after_loss=0.5, increase_after_loss=1.5)
_REGIME_WEIGHT = _factors(_IN_REGIME, full=1.0, half=0.5, silent=0.0)
_BITS = {name: 1 << bit for bit, name in enumerate(MASK_GENES[_SILENCED].bits)}
_NO_TARGET, _NO_TRAIL, _NO_TIME_EXIT = _BITS["target"], _BITS["trail"], _BITS["time_exit"]
_NO_SIGNAL_EXIT, _NO_REGIME, _NO_TIME = _BITS["signal_exit"], _BITS["regime"], _BITS["time"]
_ALL_REGIMES, _ALL_HOURS, _ALL_WEEKDAYS, _ALL_MONTHS = map(_all, (_REGIMES, _HOURS, _WEEKDAYS, _MONTHS))

Integer = int | np.int64


class Phenotype(NamedTuple):
    """The executable strategy less its logic. Kinds: 0 none, 1 percent, 2 ATR, 3 multiple of the stop distance."""

    direction: Integer
    confirm_bars: Integer
    delay_bars: Integer
    order_type: Integer
    leaves: bool
    """Exit trees are heard."""
    stop_kind: Integer
    stop_distance: float
    target_kind: Integer
    target_distance: float
    trail_kind: Integer
    trail_distance: float
    time_exit_bars: Integer
    hold_min_bars: Integer
    sizing: Integer
    fraction: float
    risk_per_trade: float
    volatility_target: float
    leverage_max: float
    recovery: float
    """Factor on size for each loss in a row."""
    kelly: float
    """Share of the Kelly fraction that caps size; 0: no cap."""
    drawdown_brake: float
    budget: float
    regimes: Integer
    hours: Integer
    weekdays: Integer
    months: Integer
    blackout: Integer
    """0 none, else 1 + the bit of the calendar."""
    venue: Integer
    maker: bool
    schedule: Integer
    slices: float
    offset: float
    """Share of price."""
    hidden: float
    latency_budget_ms: float
    weight_bull: float
    weight_bear: float
    weight_sideways: float
    weight_high_volatility: float
    weight_crisis: float


def instrument_of(population: Population | np.void, instruments: int) -> npt.NDArray[np.int64]:
    """Which of the run's instruments each genome trades, shape (n,), or () for one genome: its slot, wrapped around."""
    slots = population["alleles"][..., ALLELE_SLOT["portfolio.instrument"]]
    return np.asarray(slots, np.int64) % instruments


@lean_kernel
def _allowed_regimes(alleles: npt.NDArray[np.uint8], masks: npt.NDArray[np.uint32]) -> Integer:
    regimes = np.int64(_ALL_REGIMES) if masks[_SILENCED] & _NO_REGIME else np.int64(masks[_REGIMES])
    for regime in range(len(REGIMES)):
        if _REGIME_WEIGHT[alleles[_IN_REGIME + regime]] == 0.0:
            regimes &= ~(np.int64(1) << regime)
    return regimes


@lean_kernel
def _allowed_times(masks: npt.NDArray[np.uint32]) -> tuple[Integer, Integer, Integer]:
    """Hours, weekdays, months."""
    if masks[_SILENCED] & _NO_TIME:
        return np.int64(_ALL_HOURS), np.int64(_ALL_WEEKDAYS), np.int64(_ALL_MONTHS)
    return np.int64(masks[_HOURS]), np.int64(masks[_WEEKDAYS]), np.int64(masks[_MONTHS])


@lean_kernel
def express(alleles: npt.NDArray[np.uint8], reals: npt.NDArray[np.float32], masks: npt.NDArray[np.uint32]) -> Phenotype:
    """Decode the gene vectors of one genome; total: a mandatory stop and the leverage cap hold whatever they say.

    A silenced chromosome is read as if it said nothing. A regime whose weight is 0 is not an allowed one.
    """
    silenced = np.int64(masks[_SILENCED])
    hours, weekdays, months = _allowed_times(masks)
    timed = silenced & _NO_TIME == 0
    # Numba takes no call with this many arguments and a condition among them: conditions first.
    target_kind = np.int64(0) if silenced & _NO_TARGET else np.int64(alleles[_TARGET_KIND])
    trail_kind = np.int64(0) if silenced & _NO_TRAIL else np.int64(alleles[_TRAIL_KIND])
    time_exit_bars = np.int64(0) if silenced & _NO_TIME_EXIT else _TIME_EXIT_BARS[alleles[_TIME_EXIT]]
    hold_min_bars = _HOLD_MIN_BARS[alleles[_HOLD_MIN]] if timed else np.int64(0)
    blackout = np.int64(alleles[_BLACKOUT]) if timed else np.int64(0)
    slices = np.float64(_SLICE_COUNT[alleles[_SLICES]]) if alleles[_SCHEDULE] != SINGLE else 1.0
    return Phenotype(
        np.int64(alleles[_DIRECTION]),
        _CONFIRM_BARS[alleles[_CONFIRM]],
        _DELAY_BARS[alleles[_DELAY]],
        np.int64(alleles[_ORDER]),
        silenced & _NO_SIGNAL_EXIT == 0,
        np.int64(alleles[_STOP_KIND]) + PERCENT,
        max(np.float64(reals[_STOP]), 0.01),
        target_kind,
        np.float64(reals[_TARGET]),
        trail_kind,
        np.float64(reals[_TRAIL]),
        time_exit_bars,
        hold_min_bars,
        np.int64(alleles[_SIZING]),
        np.float64(reals[_FRACTION]),
        np.float64(reals[_RISK]),
        np.float64(reals[_VOLATILITY]),
        min(np.float64(reals[_LEVERAGE]), LEVERAGE_MAX),
        _RECOVERY_FACTOR[alleles[_RECOVERY]],
        _KELLY_SHARE[alleles[_KELLY]],
        np.float64(reals[_BRAKE]),
        min(np.float64(reals[_BUDGET]), 1.0),
        _allowed_regimes(alleles, masks),
        hours,
        weekdays,
        months,
        blackout,
        np.int64(alleles[_VENUE]),
        alleles[_PREFERENCE] == 1,
        np.int64(alleles[_SCHEDULE]),
        slices,
        np.float64(reals[_OFFSET]) * 1e-4,
        np.float64(reals[_HIDDEN]),
        np.float64(reals[_LATENCY]),
        _REGIME_WEIGHT[alleles[_IN_REGIME]],
        _REGIME_WEIGHT[alleles[_IN_REGIME + 1]],
        _REGIME_WEIGHT[alleles[_IN_REGIME + 2]],
        _REGIME_WEIGHT[alleles[_IN_REGIME + 3]],
        _REGIME_WEIGHT[alleles[_IN_REGIME + 4]],
    )


@lean_kernel
def regime_weight(phenotype: Phenotype, regime: Integer) -> float:
    """How loudly the genome is expressed in a regime: factor on the size of an entry."""
    if regime == 0:
        return phenotype.weight_bull
    if regime == 1:
        return phenotype.weight_bear
    if regime == 2:
        return phenotype.weight_sideways
    return phenotype.weight_high_volatility if regime == 3 else phenotype.weight_crisis


@lean_kernel
def distance(kind: Integer, amount: float, price: float, atr: float, stop: float) -> float:
    """A distance in price units; 0 for kind 0 (none)."""
    if kind == PERCENT:
        return amount * 0.01 * price
    if kind == ATR:
        return amount * atr
    if kind == STOP_MULTIPLE:
        return amount * stop
    return 0.0
