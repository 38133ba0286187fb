"""Every gene of the genome: its chromosome, its alleles or range, its default, and whether it is expressed yet.

This table is the single place that knows a gene. The record (``layout``), validation, JSON, the random initialiser
and every operator are derived from it. A gene with ``expressed=False`` is laid out but must keep its default.
"""

from dataclasses import dataclass

LEVERAGE_MAX = 3.0
"""No genome can express a strategy whose position exceeds this multiple of its equity."""
INSTRUMENT_SLOTS = 16
REGIMES: tuple[str, ...] = ("bull", "bear", "sideways", "high_volatility", "crisis")
WEEKDAYS: tuple[str, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS: tuple[str, ...] = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
SILENCEABLE: tuple[str, ...] = ("target", "trail", "time_exit", "signal_exit", "regime", "time", "network", "model")

Allele = str | int | float


@dataclass(frozen=True, slots=True)
class AlleleGene:
    """A discrete gene: an index into a finite table (one byte in the record)."""

    chromosome: str
    name: str
    alleles: tuple[Allele, ...]
    default: int = 0
    expressed: bool = True

    @property
    def path(self) -> str:
        """``chromosome.name``, as errors and JSON call it."""
        return f"{self.chromosome}.{self.name}"


@dataclass(frozen=True, slots=True)
class RealGene:
    """A real gene in ``[low, high]`` (float32 in the record)."""

    chromosome: str
    name: str
    low: float
    high: float
    default: float
    unit: str
    expressed: bool = True

    @property
    def path(self) -> str:
        """``chromosome.name``, as errors and JSON call it."""
        return f"{self.chromosome}.{self.name}"


@dataclass(frozen=True, slots=True)
class MaskGene:
    """A binary gene: a set of named bits, at least one of them on unless ``may_be_empty`` (uint32 in the record)."""

    chromosome: str
    name: str
    bits: tuple[str, ...]
    default: int
    expressed: bool = True
    may_be_empty: bool = False

    @property
    def path(self) -> str:
        """``chromosome.name``, as errors and JSON call it."""
        return f"{self.chromosome}.{self.name}"


def _all(bits: tuple[str, ...]) -> int:
    return (1 << len(bits)) - 1


_HOURS = tuple(str(hour) for hour in range(24))
_ENGINEERED = ("none", "zscore", "rank", "difference", "log", "lag", "product", "ratio", "principal_component")

ALLELE_GENES: tuple[AlleleGene, ...] = (
    AlleleGene("entry", "direction", ("long", "short", "both")),
    AlleleGene("entry", "confirm_bars", (1, 2, 3, 5)),
    AlleleGene("entry", "delay_bars", (0, 1, 2, 3)),
    AlleleGene("entry", "order_type", ("market", "limit", "stop")),
    AlleleGene("exit", "stop_kind", ("percent", "atr")),
    AlleleGene("exit", "target_kind", ("none", "percent", "atr", "stop_multiple")),
    AlleleGene("exit", "trail_kind", ("none", "percent", "atr")),
    AlleleGene("exit", "time_exit_bars", (0, 1, 2, 3, 5, 10, 20, 40, 60, 120, 250)),
    AlleleGene("risk", "sizing", ("fixed_fraction", "fixed_risk", "volatility_target", "fixed_units")),
    AlleleGene("risk", "recovery", ("none", "reduce_after_loss", "increase_after_loss")),
    AlleleGene("risk", "kelly", ("off", "half", "quarter")),
    AlleleGene("time", "blackout", ("none", "month_end", "option_expiry", "holidays")),
    AlleleGene("time", "hold_min_bars", (0, 3, 2, 5, 10)),  # 1 would say what 0 says: every position lasts a bar
    AlleleGene("portfolio", "instrument", tuple(range(INSTRUMENT_SLOTS))),
    AlleleGene("portfolio", "method", ("single", "weights", "risk_parity", "hrp")),
    AlleleGene("portfolio", "rebalance_bars", (0, 5, 21, 63)),
    AlleleGene("execution", "venue", ("default", "cheap", "expensive")),
    AlleleGene("execution", "preference", ("taker", "maker")),
    AlleleGene("execution", "schedule", ("single", "twap", "vwap")),
    AlleleGene("execution", "slices", (1, 2, 4, 8)),
    *(
        AlleleGene("features", f"slot{slot}_{part}", alleles)
        for slot in range(4)
        for part, alleles in (("transform", _ENGINEERED), ("window", (5, 10, 20, 60, 120)), ("lag", (0, 1, 2, 5)))
    ),
    *(AlleleGene("expression", f"in_{regime}", ("full", "half", "silent")) for regime in REGIMES),
    AlleleGene("model", "kind", ("none", "mlp", "tcn", "attention", "graph"), expressed=False),
    AlleleGene("model", "layers", (1, 2, 3, 4), expressed=False),
    AlleleGene("model", "width", (8, 16, 32, 64), expressed=False),
    AlleleGene("model", "activation", ("relu", "leaky_relu", "gelu", "sigmoid", "tanh", "learnable"), expressed=False),
    AlleleGene("model", "loss", ("mse", "huber", "cross_entropy", "sharpe"), expressed=False),
    AlleleGene("model", "optimiser", ("sgd", "adam", "rmsprop"), expressed=False),
    AlleleGene("model", "normalisation", ("none", "batch", "layer"), expressed=False),
)

REAL_GENES: tuple[RealGene, ...] = (
    RealGene("exit", "stop_distance", 0.5, 20.0, 3.0, "percent of price, or multiples of ATR(14)"),
    RealGene("exit", "target_distance", 0.5, 40.0, 6.0, "percent, ATR(14), or multiples of the stop distance"),
    RealGene("exit", "trail_distance", 0.5, 20.0, 5.0, "percent of price, or multiples of ATR(14)"),
    RealGene("risk", "fraction", 0.05, 1.0, 1.0, "share of equity put into a position (fixed_fraction, fixed_units)"),
    RealGene("risk", "risk_per_trade", 0.001, 0.03, 0.01, "share of equity lost at the stop (fixed_risk)"),
    RealGene("risk", "volatility_target", 0.05, 0.4, 0.15, "annual volatility of the position (volatility_target)"),
    RealGene("risk", "leverage_max", 0.25, LEVERAGE_MAX, 1.0, "position value as a multiple of equity"),
    RealGene("risk", "drawdown_brake", 0.05, 1.0, 1.0, "drawdown from which on size is halved"),
    RealGene("risk", "budget", 0.1, 1.0, 1.0, "share of the account that is this strategy's"),
    *(RealGene("portfolio", f"weight_{slot}", 0.0, 1.0, 0.0, "share of capital") for slot in range(8)),
    RealGene("portfolio", "correlation_max", 0.1, 1.0, 1.0, "correlation of two legs"),
    RealGene("execution", "limit_offset_bps", 0.0, 50.0, 0.0, "distance of limit and stop entries from the close"),
    RealGene("execution", "iceberg_fraction", 0.0, 1.0, 0.0, "hidden share of an order"),
    RealGene("execution", "latency_budget_ms", 0.0, 1000.0, 0.0, "entries later than this are cancelled; 0: none"),
    RealGene("ensemble", "weight_technical", 0.0, 1.0, 1.0, "weight of the logic trees", expressed=False),
    RealGene("ensemble", "weight_network", 0.0, 1.0, 0.0, "weight of the network", expressed=False),
    RealGene("ensemble", "weight_model", 0.0, 1.0, 0.0, "weight of the trained model", expressed=False),
    RealGene("model", "learning_rate_log10", -5.0, -1.0, -3.0, "log10 of the step", expressed=False),
    RealGene("model", "dropout", 0.0, 0.6, 0.0, "share of units dropped", expressed=False),
    RealGene("model", "weight_decay_log10", -6.0, -1.0, -6.0, "log10 of the decay", expressed=False),
)

MASK_GENES: tuple[MaskGene, ...] = (
    MaskGene("regime", "allowed", REGIMES, _all(REGIMES)),
    MaskGene("time", "hours", _HOURS, _all(_HOURS)),
    MaskGene("time", "weekdays", WEEKDAYS, _all(WEEKDAYS)),
    MaskGene("time", "months", MONTHS, _all(MONTHS)),
    MaskGene("expression", "silenced", SILENCEABLE, 0, may_be_empty=True),
)

ALLELE_SLOT: dict[str, int] = {gene.path: slot for slot, gene in enumerate(ALLELE_GENES)}
REAL_SLOT: dict[str, int] = {gene.path: slot for slot, gene in enumerate(REAL_GENES)}
MASK_SLOT: dict[str, int] = {gene.path: slot for slot, gene in enumerate(MASK_GENES)}
