"""Public events: plain JSON, for people and for programs in any language."""

from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field


class Public(BaseModel):
    """Readers ignore unknown fields; non-finite numbers stop here."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


SeedKind = Literal["person", "expert", "random", "historical", "cross-domain", "innovation"]
SEED_KINDS: tuple[SeedKind, ...] = get_args(SeedKind)


class GenomeSeeded(Public):
    """A user proposes a genome (``evo.genome.seeded.v1``)."""

    genome: dict[str, Any] = Field(description="JSON form of a genome: `galapagos seed example` prints one")
    publisher: str = Field(default="anonymous", max_length=128)
    note: str = Field(default="", max_length=2000)
    kind: SeedKind = Field(default="person", description="where it comes from; `note` says it in words")


class Evidence(Public):
    """What one window showed, per bar unless said otherwise."""

    bars: int
    trades: int
    total_return: float = Field(description="after costs, 0.1 = 10 %")
    sharpe_annual: float
    drawdown_max: float = Field(description="0.1 = 10 %")
    skewness: float
    kurtosis: float = Field(description="not excess: 3 for a normal distribution")


class Verdict(Public):
    """One gate of the promotion: the figure, the bound, and whether it held."""

    gate: str
    value: float
    bound: float
    passed: bool


class ChampionPromoted(Public):
    """A candidate that survived its sealed read (``evo.champion.promoted.v1``)."""

    genome_id: str
    genome: dict[str, Any]
    niche: str = Field(description="cell of the behaviour archive")
    island: int
    generation: int = Field(description="when it was registered for its sealed read")
    born_generation: int
    born_us: int = Field(description="microseconds since 1970 when its cohort was proposed")
    parent_ids: list[str]
    operator: str
    trials: int = Field(description="genomes evaluated up to the registration, failures included")
    training: Evidence
    validation: Evidence
    vault: Evidence
    verdicts: list[Verdict]


class DeploymentChanged(Public):
    """One transition of a deployment (``evo.deployment.changed.v1``)."""

    deployment: str
    genome_id: str
    state: Literal["candidate", "validated", "paper", "refused", "retired"]
    previous: Literal["none", "candidate", "validated", "paper"]
    reason: str
    instrument: str
    born_us: int
    bar_ts_us: int | None = None
    """Bar at which the transition happened, when it happened at a bar."""


class PerformanceObserved(Public):
    """What a deployment earned on paper so far (``evo.performance.observed.v1``)."""

    deployment: str
    genome_id: str
    bar_ts_us: int
    bars: int
    trades: int
    position: float = Field(description="signed value of the position as a multiple of equity")
    equity: float = Field(description="1.0 at deployment")
    drawdown_max: float


class ControlIssued(Public):
    """An operator's order (``evo.control.issued.v1``)."""

    action: Literal["start"]
    scope: str = "run"
    issuer: str = "cli"


class AlertRaised(Public):
    """Something a person should look at (``evo.alert.raised.v1``)."""

    kind: Literal["performance", "risk", "anomaly", "resource", "evolution"]
    severity: Literal["info", "warning", "critical"]
    message: str


class BarClosed(Public):
    """Bars of one instrument that have closed, oldest first (``market.bar.closed.v1``)."""

    instrument: str
    ts_us: list[int] = Field(description="bar open, microseconds since 1970, UTC")
    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]
    volume: list[float]
