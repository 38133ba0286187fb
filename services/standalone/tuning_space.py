"""What a tuning may change: settings of the engine at equal numbers of genomes, and from a trial to a specification."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from common.errors import ConfigurationError
from common.events.spec import RunSpec
from common.genome.operators import CROSSOVERS, MUTATIONS

BLOCKS = 4
"""A run is looked at after each quarter of its genomes."""
OFFSPRING_MIN, OFFSPRING_MAX, POPULATION_MIN = 8, 8192, 8
_COHORTS = (1, 2, 4, 8)
_ISLANDS = (1, 2, 4, 8)
_POPULATIONS = (0.125, 0.25, 0.5, 1.0)
GROUPS: dict[str, tuple[str, ...]] = {
    "genes": ("one_point", "uniform"),
    "subtrees": ("subtree",),
    "gathered": ("n_point", "multi_parent", "quantum"),
    "blends": ("arithmetic", "heuristic", "sbx", "differential", "swarm"),
    "logic": ("logic", "structural"),
    "alleles": ("point", "creep", "flip", "feature"),
    "steps": ("gaussian",),
    "further_steps": ("uniform_step", "polynomial", "adaptive_step", "jump"),
}
"""Operators that share a weight. Among them they keep their usual shares, or equal ones where they have none."""
_FLOORS = {"genes": 0.02, "logic": 0.02}
"""Least weights, or a trial might have no crossover or no mutation at all."""
_OPERATORS: dict[str, float] = {**CROSSOVERS, **MUTATIONS}
Values = Mapping[str, Any]
"""The settings of one trial by name."""


@dataclass(frozen=True, slots=True)
class Range:
    """One setting: one of ``choices``, or a number from ``low`` to ``high``; ``usual`` is what it is, or nearly so."""

    usual: Any
    low: float = 0.0
    high: float = 1.0
    kind: Literal["real", "whole", "choice"] = "real"
    choices: tuple[Any, ...] = ()


def _choice(usual: Any, *choices: Any) -> Range:
    return Range(usual, kind="choice", choices=choices)


def _range(usual: float, low: float = 0.0, high: float = 1.0, kind: Literal["real", "whole"] = "real") -> Range:
    return Range(min(max(usual, low), high), low, high, kind)


def space(base: RunSpec, genomes: int) -> dict[str, Range]:
    """Every setting with its range, for runs of ``genomes`` genomes.

    Raises ConfigurationError where the sizes of ``base`` leave fewer than ``BLOCKS`` generations.
    """
    cohorts = cohorts_of(base, genomes)
    islands = tuple(sorted({n for n in (*_ISLANDS, base.islands) if all(_fits(cohort, n) for cohort in cohorts)}))
    usual = base.evolution
    shares = _OPERATORS | usual.operators
    ratio = usual.population / usual.offspring
    survival = usual.survival.method
    return {
        "cohort": _choice(cohorts[-1], *cohorts),
        "islands": _choice(base.islands, *islands),
        "population": _choice(min(_POPULATIONS, key=lambda share: abs(share - ratio)), *_POPULATIONS),
        "archive_parents": _range(usual.archive_parents / usual.population),
        "crossover_rate": _range(usual.crossover_rate),
        "mutation_rate": _range(usual.mutation_rate),
        "immigrant_rate": _range(usual.immigrant_rate, high=0.3),
        "tournament": _range(usual.tournament, 2, 8, "whole"),
        "migrants": _range(usual.migrants, 0, 16, "whole"),
        "topology": _choice(usual.migration.topology, "ring", "full", "random"),
        "selection": _choice(usual.selection.method, "tournament", "roulette", "rank", "truncation", "lexicase"),
        "survival": _choice("auto" if survival == "reference_points" else survival, "auto", "crowding", "fitness"),
        "novelty": _range(usual.survival.novelty, high=0.4),
        "iso_line": _range(usual.archive.iso_line, high=0.4),
        "covariance": _range(usual.archive.covariance, high=0.4),
        **{
            f"mix_{name}": _range(sum(shares[each] for each in members), _FLOORS.get(name, 0.0))
            for name, members in GROUPS.items()
        },
    }


def cohorts_of(base: RunSpec, genomes: int) -> tuple[int, ...]:
    """Genomes of a generation, all islands together, that divide ``genomes``; the last is that of ``base``."""
    whole = base.islands * base.evolution.offspring
    if genomes < BLOCKS * whole or genomes % whole:
        raise ConfigurationError(
            f"--genomes {genomes}: {base.islands} islands of {base.evolution.offspring} offspring need a multiple of "
            f"{whole}, {BLOCKS} generations or more; use {whole * max(BLOCKS, genomes // whole)}, or smaller islands "
            "in --config"
        )
    smaller = (whole // part for part in _COHORTS if whole % part == 0)
    return tuple(sorted(cohort for cohort in smaller if _fits(cohort, base.islands)))


def _fits(cohort: int, islands: int) -> bool:
    return cohort % islands == 0 and OFFSPRING_MIN <= cohort // islands <= OFFSPRING_MAX


def generations_of(run: RunSpec, genomes: int) -> int:
    """Generations that make ``genomes`` genomes, with the sizes of this run."""
    return genomes // (run.islands * run.evolution.offspring)


def fields_of(values: Values) -> dict[str, Any]:
    """The fields of a run specification that the values of a trial stand for."""
    offspring = values["cohort"] // values["islands"]
    population = max(POPULATION_MIN, round(values["population"] * offspring))
    return {
        "islands": values["islands"],
        "evolution": {
            "offspring": offspring,
            "population": population,
            "archive_parents": round(values["archive_parents"] * population),
            **{name: values[name] for name in ("crossover_rate", "mutation_rate", "immigrant_rate", "tournament")},
            "migrants": min(values["migrants"], population // 2),
            "operators": operators_of(values),
            "selection": {"method": values["selection"]},
            "survival": {"method": values["survival"], "novelty": values["novelty"]},
            "archive": {"iso_line": values["iso_line"], "covariance": values["covariance"]},
            "migration": {"topology": values["topology"]},
        },
    }


def operators_of(values: Values) -> dict[str, float]:
    """The share of each operator, from the weights of the groups."""
    shares = {}
    for name, members in GROUPS.items():
        usual = [_OPERATORS[each] for each in members]
        inside = usual if sum(usual) else [1.0] * len(members)
        for each, share in zip(members, inside, strict=True):
            shares[each] = values[f"mix_{name}"] * share / sum(inside)
    return shares


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` upon ``base``, group by group.

    >>> merged({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 4}})
    {'a': 1, 'b': {'c': 2, 'd': 4}}
    """
    found = dict(base)
    for name, value in over.items():
        inside = found.get(name)
        nested = isinstance(value, Mapping) and isinstance(inside, Mapping) and name != "operators"
        found[name] = merged(inside, value) if nested and isinstance(inside, Mapping) else value
    return found
