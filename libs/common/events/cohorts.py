"""Bulk events: a cohort of genomes as NumPy columns in memory and one Arrow record batch on the wire."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from common.events.spec import OBJECTIVES
from common.genome.layout import GENOME

Purpose = Literal["evolution", "seed", "promotion"]
DESCRIPTOR: tuple[str, ...] = ("holding_bars", "exposure", "long_share")
"""Behaviour: mean bars in a position, share of bars in a position, share of those bars that were long."""
EVIDENCE: tuple[str, ...] = (
    "bars",
    "trades",
    "total_return",
    "mean",
    "deviation",
    "skewness",
    "kurtosis",
    "drawdown_max",
    "detrended_z",
)
"""Per window; ``detrended_z``: t-statistic of mean(position x (return - mean return)), costs deducted."""
WINDOWS: tuple[str, ...] = ("training", "validation", "vault")
STATUS: tuple[str, ...] = ("measured", "refused", "failed")
OPERATOR_NAMES: tuple[str, ...] = ("random", "expert", "published", "crossover", "mutation", "both", "migrant")

# ``applied``: one bit for each of ``common.genome.operators.APPLIED`` that made the child.
GENOME_COLUMNS: dict[str, np.dtype[Any]] = {
    "genome": np.dtype((np.void, GENOME.itemsize)),
    "genome_id": np.dtype("V16"),
    "parent_ids": np.dtype(("V16", (2,))),
    "operator": np.dtype("u1"),
    "applied": np.dtype("<u4"),
}
MEASURE_COLUMNS: dict[str, np.dtype[Any]] = {
    "status": np.dtype("u1"),
    "objectives": np.dtype(("<f8", (len(OBJECTIVES),))),
    "violation": np.dtype("<f8"),
    "descriptor": np.dtype(("<f4", (len(DESCRIPTOR),))),
    "evidence": np.dtype(("<f8", (len(WINDOWS), len(EVIDENCE)))),
}
# What an island remembers of a member's birth; ``trace`` is a traceparent's trace id and span id.
MEMBER_COLUMNS: dict[str, np.dtype[Any]] = {
    "born_generation": np.dtype("<u4"),
    "born_us": np.dtype("<i8"),
    "trace": np.dtype("V24"),
}


LATER_COLUMNS = frozenset({"applied", "species"})
"""Came after the first messages of their version: where they are missing they are zero."""


class Header(BaseModel):
    """The scalars of a cohort; they travel in the Arrow schema metadata."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    island: int
    generation: int


class ProposedHeader(Header):
    """``generation`` is the one these genomes belong to; of a promotion cohort, the one that registered it."""

    purpose: Purpose = "evolution"
    cohort: str = ""
    """Names a seed or promotion cohort, so that its one answer can be matched."""


class EvaluatedHeader(ProposedHeader):
    """Adds when the cohort was proposed, and the birth's trace."""

    proposed_us: int = 0


class Summary(BaseModel):
    """The health of an island at the close of a generation."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    evaluated: int
    """All genomes of this island so far, refused and failed ones included."""
    refused: int
    failed: int
    best: dict[str, float]
    median: dict[str, float]
    front_size: int
    archive_size: int
    archive_cells: int
    diversity: float
    """Mean normalised Hamming distance of the alleles of random pairs."""
    registered: int
    champions: int
    refusals: dict[str, int]
    """Candidates refused so far, by the first gate that failed."""
    diversities: dict[str, float] = Field(default_factory=dict)
    """How different the members are, by what is looked at (``selector.diversity``)."""
    species: int = 0
    """Living ones; 0: the island has none."""
    verdict: list[str] = Field(default_factory=list)
    """What ``selector.convergence`` says of the last generations; empty where the search moves, or nobody looks."""
    restarts: int = 0
    extinctions: int = 0
    innovations: int = 0
    """Discoveries that still pay."""
    breakthroughs: int = 0
    """Discoveries so far that a quarter of the population took over while they were new."""


class Pressure(BaseModel):
    """What an island asks of its next generation; the generator obeys."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    crossover_rate: float = Field(ge=0, le=1)
    mutation_rate: float = Field(ge=0, le=1)
    immigrant_rate: float = Field(ge=0, le=1)
    tournament: int = Field(ge=1)
    step: float = Field(default=0.1, gt=0, le=1)
    """Standard deviation of an adaptive step as a share of the gene's range."""
    mix: dict[str, float] = Field(default_factory=dict)
    """Share of each operator among its kind, by its name in ``common.genome.operators``; the usual one unless given."""
    tabu: str = ""
    """A ``common.bloom`` filter, as text, of genomes that shall not be bred again; empty: none."""


class Emission(BaseModel):
    """Where the children of an island's CMA-ME emitter shall lie: a normal distribution over expressed real genes."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    genome: str
    """Hex: the genome that they have all other genes of."""
    mean: list[float]
    """(genes,), in the order of their slots, as shares of their ranges."""
    axes: list[list[float]]
    """(genes, genes): columns as long as the deviation along them."""


class SelectedHeader(Header):
    """``generation`` is the one just closed."""

    final: bool = False
    summary: Summary
    pressure: Pressure | None = None
    """None: what the specification of the run says."""
    emission: Emission | None = None
    """None: the island has no emitter."""


class MigrantHeader(Header):
    """``island`` is the destination."""

    source: int


@dataclass(frozen=True, eq=False)
class Cohort:
    """Columns of equal length with a header; subclasses fix which."""

    columns: ClassVar[dict[str, np.dtype[Any]]] = {}
    header_type: ClassVar[type[Header]] = Header

    header: Any
    data: dict[str, npt.NDArray[Any]] = field(repr=False)

    def __getitem__(self, column: str) -> npt.NDArray[Any]:
        return self.data[column]

    def __len__(self) -> int:
        return len(self.data["genome_id"])

    @classmethod
    def build(cls, header: Header, **columns: npt.NDArray[Any]) -> Self:
        """A cohort from arrays; a column left out is zero. Raises TypeError for an unknown or ill-shaped column."""
        size = len(columns["genome_id"])
        if unknown := set(columns) - set(cls.columns):
            raise TypeError(f"{cls.__name__} has no column {sorted(unknown)[0]}")
        data = {}
        for name, dtype in cls.columns.items():
            array = np.ascontiguousarray(columns[name]) if name in columns else np.zeros(size, dtype)
            if dtype.base.kind == "V":
                array = array.view(dtype.base).reshape(size, *dtype.shape)
            if array.shape != (size, *dtype.shape) or array.dtype != dtype.base:
                raise TypeError(f"{cls.__name__}.{name}: {array.dtype}{array.shape}, wanted {dtype}")
            data[name] = array
        return cls(header, data)

    @property
    def population(self) -> npt.NDArray[np.void]:
        """The genome column as structured records, shape (n,), without copying."""
        return self.data["genome"].view(GENOME)


class GenomeProposed(Cohort):
    """Genomes to be measured (``evo.genome.proposed.v1``)."""

    columns = GENOME_COLUMNS
    header_type = ProposedHeader


class GenomeEvaluated(Cohort):
    """The one answer to a proposed cohort, failures included (``evo.genome.evaluated.v1``)."""

    columns = GENOME_COLUMNS | MEASURE_COLUMNS
    header_type = EvaluatedHeader


class ParentsSelected(Cohort):
    """The breeding set of an island: survivors, then archive elites (``evo.parents.selected.v1``).

    ``species`` counts from 1; 0: the island has none.
    """

    columns = (
        GENOME_COLUMNS
        | MEASURE_COLUMNS
        | MEMBER_COLUMNS
        | {"rank": np.dtype("<i4"), "crowding": np.dtype("<f8"), "from_archive": np.dtype("u1")}
        | {"species": np.dtype("<u2")}
    )
    header_type = SelectedHeader


class MigrantSent(Cohort):
    """Members that an island sends to another (``evo.migrant.sent.v1``)."""

    columns = GENOME_COLUMNS | MEASURE_COLUMNS | MEMBER_COLUMNS
    header_type = MigrantHeader
