"""How an island searches: who survives, who breeds and by which operators, and what it adapts by itself."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from common.events.frozen import Frozen

Weight = Annotated[float, Field(ge=0)]


class Selection(Frozen):
    """How parents are drawn from the survivors."""

    method: Literal["tournament", "roulette", "rank", "truncation", "lexicase"] = "tournament"
    rank_pressure: float = Field(
        default=1.7, ge=1, le=2, description="of linear ranking: offspring that the best expects (Baker 1985)"
    )
    truncation: float = Field(default=0.25, gt=0, le=1, description="share of the survivors that may breed")
    scaling: Literal["linear", "sigma"] = Field(
        default="sigma", description="of fitness before the roulette (Goldberg 1989)"
    )
    epsilon: float = Field(
        default=1.0, ge=0, description="of lexicase, in median absolute deviations (La Cava and others 2016)"
    )


class Survival(Frozen):
    """Who stays in the population."""

    method: Literal["auto", "crowding", "reference_points", "fitness"] = Field(
        default="auto",
        description="crowding: NSGA-II; reference_points: NSGA-III; fitness: the weighted sum of standardised "
        "objectives, the plain genetic algorithm; auto: reference points for three or more objectives",
    )
    weights: dict[str, Weight] = Field(
        default_factory=dict,
        description="of objectives in fitness and in the distance to reference points; 1 unless given",
    )
    constraints: Literal["domination", "penalty"] = Field(
        default="domination",
        description="trades_min and limits are hard (domination: infeasible behind feasible) or soft (penalty: "
        "objectives pay for it); an elite or a candidate keeps to them either way",
    )
    limits: dict[str, float] = Field(
        default_factory=dict, description="of an objective: the least that is feasible (drawdown: -0.3)"
    )
    soft_limits: dict[str, float] = Field(
        default_factory=dict, description="of an objective: what is less pays the penalty, and no more"
    )
    penalty: float = Field(default=1.0, gt=0, description="standard deviations of an objective for a violation of 1")
    novelty: float = Field(default=0.0, ge=0, le=1, description="share of the places that go to the most novel")
    novelty_of: Literal["behaviour", "structure", "performance"] = "behaviour"
    neighbours: int = Field(default=15, ge=1, le=256, description="of novelty: k nearest (Lehman and Stanley 2011)")


class Archive(Frozen):
    """The map of elites, and what is emitted from it."""

    shape: Literal["grid", "cvt"] = "grid"
    cells: int = Field(default=512, ge=2, le=65_536, description="of a CVT; the grid has its own")
    iso_line: float = Field(default=0.0, ge=0, le=1, description="share of offspring from iso-line steps of elites")
    covariance: float = Field(default=0.0, ge=0, le=1, description="share of offspring from a CMA-ME emitter")

    @model_validator(mode="after")
    def _shares_leave_room(self) -> Self:
        if self.iso_line + self.covariance > 1.0 + 1e-9:  # 0.1 + 0.2 is a little more than 0.3
            raise ValueError(
                f"evolution.archive: iso_line {self.iso_line:g} and covariance {self.covariance:g} are more than all "
                "offspring; lower them to 1 together"
            )
        return self


class Species(Frozen):
    """Speciation by genetic distance, with fitness shared inside a species."""

    wanted: int = Field(default=0, ge=0, le=64, description="0: no species; else the threshold follows this number")
    interbreeding: float = Field(default=0.05, ge=0, le=1, description="share of second parents of another species")
    stagnation: int = Field(default=30, ge=1, description="generations without improvement after which one dies out")


class Migration(Frozen):
    """Who goes where."""

    topology: Literal["ring", "full", "random"] = "ring"
    choice: Literal["best", "random", "diverse"] = "best"
    immigrants: float = Field(
        default=0.0, ge=0, le=1, description="diversity injection: newly drawn share of the offspring after a migration"
    )


Specialisation = Literal["none", "market", "side", "venue", "regime"]


class Adaptation(Frozen):
    """What an island changes by itself, from what it has seen."""

    operators: bool = Field(default=False, description="operators breed as often as their children survive")
    rates: bool = Field(default=False, description="mutation rate and step follow success and diversity")
    population: bool = Field(default=False, description="the population grows where it stagnates, up to its size")
    restart: bool = Field(default=False, description="an island at rest is sown anew around its elites")
    extinction: float = Field(default=0.0, ge=0, le=1, description="share that dies where diversity has collapsed")
    stagnation: int = Field(default=25, ge=1, description="generations without improvement that count as rest")
    tabu: bool = Field(default=False, description="what was bred and rejected of late is not measured again")
    innovation: float = Field(
        default=0.0, ge=0, description="bonus for a discovery while it pays, in crowding distance"
    )
