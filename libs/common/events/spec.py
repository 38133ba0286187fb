"""The run specification that rides in every event: what a run is, hashed into its id."""

import hashlib
from typing import Literal, Self

import orjson
from pydantic import Field, field_validator, model_validator

from common.events.frozen import Frozen
from common.events.knowledge import Knowledge
from common.events.search import Adaptation, Archive, Migration, Selection, Specialisation, Species, Survival, Weight
from common.genome.operators import CROSSOVERS, MUTATIONS

Objective = Literal["sharpe", "drawdown", "recovery", "consistency", "cvar", "turnover", "stress"]
OBJECTIVES: tuple[Objective, ...] = ("sharpe", "drawdown", "recovery", "consistency", "cvar", "turnover", "stress")
"""Measured for every genome, all to be maximised (drawdown, cvar and turnover are negated); ``stress`` is the return in
the scenario that hurts most."""


class DataSpec(Frozen):
    """One instrument of a run, identified by its content."""

    name: str
    digest: str = Field(description="BLAKE2b-128 of the bars, hex")
    bars: int = Field(gt=0)
    bars_per_year: float = Field(gt=0)


class Windows(Frozen):
    """How history is cut: training, validation, the vault, and the paper stretch after it.

    Shares are of all usable bars after ``warmup_bars``, in this order; before every validation, the vault and the paper
    stretch lie ``purge_bars`` plus ``embargo_bars`` bars that belong to none.
    """

    scheme: Literal["blocks", "rolling", "anchored"] = Field(
        default="blocks",
        description="blocks: training folds, then validation folds; rolling and anchored: a walk forward of "
        "training_folds steps, each a training block and, after the gap, a validation block, with embargo_bars between "
        "steps. A step is compared with its own training block (rolling) or all so far (anchored)",
    )
    warmup_bars: int = Field(default=250, ge=0)
    training: float = Field(default=0.55, gt=0, lt=1)
    validation: float = Field(default=0.15, gt=0, lt=1)
    vault: float = Field(default=0.22, gt=0, lt=1)
    training_folds: int = Field(default=4, ge=1, le=32, description="of a walk forward: its steps")
    validation_folds: int = Field(default=2, ge=1, le=32, description="of blocks; a walk forward has one a step")
    purge_bars: int = Field(default=10, ge=0)
    embargo_bars: int = Field(default=10, ge=0)


class Venue(Frozen):
    """What trading costs at one place; the defaults are those of a liquid instrument at an inexpensive broker."""

    maker_fee_bps: float = Field(
        default=0.5, ge=0, le=500, description="fee of a fill that waited in the book; a rebate counts as 0"
    )
    taker_fee_bps: float = Field(default=1.0, ge=0, le=500, description="fee of a fill that took what was there")
    spread_bps: float = Field(default=2.0, ge=0, le=500, description="full spread; a taker fill pays half of it")
    slippage_bps: float = Field(default=1.0, ge=0, le=500, description="fixed part, of a taker fill")
    slippage_volatility: float = Field(
        default=0.02, ge=0, le=1, description="slippage of a taker fill as a share of one bar's volatility"
    )
    impact: float = Field(
        default=1.0,
        ge=0,
        le=10,
        description="square-root law: impact x bar volatility x sqrt(order value / mean quote volume of 20 bars)",
    )
    latency_ms: float = Field(
        default=50.0, ge=0, le=60_000, description="mean of exponential draws; prices move against an order meanwhile"
    )
    participation_max: float = Field(
        default=0.1, gt=0, le=1, description="share of a bar's mean volume that one order takes; the rest is not filled"
    )
    funding_long_bps_day: float = Field(
        default=0.0,
        ge=-500,
        le=500,
        description="paid on the value of a long position per day; negative: received",
    )
    funding_short_bps_day: float = Field(
        default=0.0, ge=-500, le=500, description="the same for a short position: what borrowing costs, or funding"
    )


class Costs(Frozen):
    """What trading costs at each of the three venues that the gene ``execution.venue`` may choose.

    ``cheap`` and ``expensive`` are as ``default`` unless they are given, so the gene has no effect: a venue that costs
    less and lacks nothing would be a free lunch that every genome takes, and figures would flatter. Give them only what
    can really be had, with its price: lower fees with more latency, a thinner market, or funding.
    """

    account: float = Field(
        default=100_000.0,
        ge=0,
        le=1e12,
        description="money of one strategy, in the currency of the prices; 0: too small to move a market",
    )
    default: Venue = Venue()
    cheap: Venue | None = None
    expensive: Venue | None = None

    def venues(self) -> list[dict[str, float]]:
        """Fields of the venues in the order of the alleles of ``execution.venue``."""
        return [(venue or self.default).model_dump() for venue in (self.default, self.cheap, self.expensive)]


class Evolution(Frozen):
    """Sizes and rates of the search, per island."""

    population: int = Field(default=512, ge=8, le=65536)
    offspring: int = Field(default=2048, ge=8, le=8192)
    tournament: int = Field(default=3, ge=1, le=64)
    crossover_rate: float = Field(default=0.7, ge=0, le=1)
    mutation_rate: float = Field(default=0.9, ge=0, le=1)
    immigrant_rate: float = Field(default=0.02, ge=0, le=1, description="share of offspring newly drawn")
    archive_parents: int = Field(default=128, ge=0, description="elites of the archive that join the parents")
    migration_interval: int = Field(default=5, ge=1, description="generations")
    migrants: int = Field(default=8, ge=0)
    trades_min: int = Field(default=40, ge=1, description="trades in training below which a genome is infeasible")
    objectives: tuple[Objective, ...] = Field(default=OBJECTIVES, min_length=1)
    operators: dict[str, Weight] = Field(
        default_factory=dict,
        description="share of each operator among its kind, by name in common.genome.operators; the usual unless given",
    )
    selection: Selection = Selection()
    survival: Survival = Survival()
    archive: Archive = Archive()
    species: Species = Species()
    migration: Migration = Migration()
    specialisation: Specialisation = Field(
        default="none", description="what island i keeps to: an instrument, a side, a venue or a regime, dealt in turn"
    )
    adaptation: Adaptation = Adaptation()
    knowledge: Knowledge = Knowledge()

    @field_validator("operators")
    @classmethod
    def _operators_are_known(cls, shares: dict[str, float]) -> dict[str, float]:
        known = (*CROSSOVERS, *MUTATIONS)
        if unknown := set(shares) - {*known}:
            raise ValueError(f"evolution.operators: {sorted(unknown)[0]} is no operator; use {', '.join(known)}")
        for kind, usual in (("crossover", CROSSOVERS), ("mutation", MUTATIONS)):
            if not any(shares.get(name, share) for name, share in usual.items()):
                raise ValueError(
                    f"evolution.operators: every {kind} has a share of 0; give one more, or set the {kind}_rate to 0"
                )
        return shares

    @field_validator("objectives")
    @classmethod
    def _objectives_differ(cls, objectives: tuple[Objective, ...]) -> tuple[Objective, ...]:
        for place, name in enumerate(objectives):
            if name in objectives[:place]:
                raise ValueError(f"evolution.objectives: {name} stands there twice; leave one out")
        return objectives

    @model_validator(mode="after")
    def _objectives_are_known(self) -> Self:
        """A limit may be of an objective that the run does not seek: all are measured. A weight would do nothing."""
        weights = self.survival.weights
        for field, named, known, what in (
            ("weights", weights, self.objectives, "objective of this run"),
            ("limits", self.survival.limits, OBJECTIVES, "objective"),
            ("soft_limits", self.survival.soft_limits, OBJECTIVES, "objective"),
        ):
            if unknown := sorted({*named} - {*known}):
                raise ValueError(f"evolution.survival.{field}: {unknown[0]} is no {what}; use {', '.join(known)}")
        if not any(weights.get(name, 1.0) for name in self.objectives):
            raise ValueError("evolution.survival.weights: every objective of this run has 0; give one of them more")
        return self


class Promotion(Frozen):
    """What a candidate must show. The vault test is one-sided, on detrended returns, Bonferroni over all reads."""

    deflated_sharpe_min: float = Field(default=0.95, ge=0, le=1)
    vault_trades_min: int = Field(default=10, ge=1)
    validation_trades_min: int = Field(default=5, ge=1)
    validation_z_min: float = Field(default=1.0, description="t-statistic of detrended validation returns")
    walk_forward_efficiency_min: float = Field(
        default=0.25,
        ge=0,
        le=10,
        description="Sharpe ratio of validation over that of training: what is left out of sample of what was bred; a "
        "loss or nothing in either counts as 0",
    )
    vault_alpha: float = Field(default=0.05, gt=0, le=1, description="chance that noise promotes anything")
    vault_reads_max: int = Field(default=8, ge=1, description="sealed reads of a run, shared evenly by the islands")


class RunSpec(Frozen):
    """A run: the same spec gives the same champions on any machine, in any number of processes."""

    seed: int = Field(default=7, ge=0, lt=2**63)
    islands: int = Field(default=4, ge=1, le=256)
    generations: int = Field(default=0, ge=0, description="0: until stopped")
    data: tuple[DataSpec, ...] = Field(min_length=1, max_length=16)
    windows: Windows = Windows()
    costs: Costs = Costs()
    evolution: Evolution = Evolution()
    promotion: Promotion = Promotion()

    @model_validator(mode="after")
    def _unjudged(self) -> Self:
        """What was learnt from a market's validation would pass that validation again."""
        for data in self.data:
            if data.digest in self.evolution.knowledge.judged:
                raise ValueError(
                    f"evolution.knowledge: was mined from the validation of {data.name}; use one mined without, or "
                    "other bars"
                )
        return self

    @property
    def run_id(self) -> str:
        """128-bit hash of the spec, hex."""
        return hashlib.blake2b(self.canonical, digest_size=16).hexdigest()

    @property
    def canonical(self) -> bytes:
        """The spec as JSON with sorted keys."""
        return orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)

    @property
    def stream_key(self) -> int:
        """The 64-bit key of this run's random streams: the seed alone, so that data may change and draws stay."""
        return int.from_bytes(hashlib.blake2b(self.seed.to_bytes(8, "little"), digest_size=8).digest(), "little")
