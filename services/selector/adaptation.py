"""Self-control: operators breed as often as their children stay, rates follow success and diversity.

All of it is a function of the closed generations, so every replay adapts alike.
"""

import numpy as np
import numpy.typing as npt

from common.events.cohorts import OPERATOR_NAMES, STATUS
from common.events.spec import RunSpec
from common.genome.operators import APPLIED, BITS, CROSSOVERS, MUTATIONS
from common.random import exponential
from selector.learned import OPERATOR, RATE, Learned
from selector.places import run_objectives
from selector.state import Members, row_of

OPERATORS, RATES = "operators", "rates"
LEARNING, PURSUIT, FORGETTING = 0.3, 0.2, 0.9
"""How fast the worth of an operator follows its children, its share its worth, and how slowly trials are forgotten."""
FLOOR = 0.25
"""Of an even share, that the worst operator keeps: what does not pay today may pay tomorrow."""
TRIALS_MIN = 8
"""Children below which a share of successes says nothing."""
SUCCESS = 0.2
STEP_FIRST, STEP_MIN, STEP_MAX, DAMPING = 0.1, 0.005, 0.5, 3.0
MUTATION_RANGE, CROSSOVER_RANGE, RATE_GAIN = (0.3, 0.99), (0.2, 0.95), 0.05
POPULATION_MIN, POPULATION_FIRST, GROWTH, SHRINKAGE = 0.25, 0.5, 1.25, 0.97
"""Of ``Evolution.population``."""

_MEASURED = STATUS.index("measured")
_KINDS = [[BITS[name] for name in kind] for kind in (CROSSOVERS, MUTATIONS)]
_CROSSOVER, _MUTATION, _BOTH = (OPERATOR_NAMES.index(name) for name in ("crossover", "mutation", "both"))
Flags = npt.NDArray[np.bool_]


def credited(learned: Learned, cohort: Members, stayed: Flags, run: RunSpec) -> Learned:
    """What is learned of operators when of a ``cohort`` (n,) these ``stayed`` (n,).

    Adaptive pursuit (D. Thierens, "An adaptive pursuit strategy for allocating operator probabilities", 2005): the
    reward is the share of an operator's children that stayed, over that of the best of its kind; the best by worth is
    pursued, the others keep at least the floor. A child that failed or was refused counts as one that did not stay.
    """
    if not run.evolution.adaptation.operators:
        return learned
    rows = learned[OPERATORS].copy() if len(learned[OPERATORS]) else _untried(run)
    made = (cohort["applied"][:, None] >> np.arange(len(APPLIED), dtype=np.uint32)) & 1
    tried, kept = made.sum(axis=0), made[stayed].sum(axis=0)
    rows["tried"] = FORGETTING * rows["tried"] + tried
    rows["failed"] = FORGETTING * rows["failed"] + made[cohort["status"] != _MEASURED].sum(axis=0)
    for kind in _KINDS:
        _pursue(
            rows, [operator for operator in kind if tried[operator] >= TRIALS_MIN], kind, kept / np.maximum(tried, 1)
        )
    return learned | {OPERATORS: rows}


def mix(learned: Learned, run: RunSpec) -> dict[str, float]:
    """Share of each operator among its kind.

    With rates that adapt and operators that do not, half of the Gaussian steps take the step that adapts.
    """
    asked = run.evolution.adaptation
    if asked.operators:
        rows = learned[OPERATORS] if len(learned[OPERATORS]) else _untried(run)
        return {APPLIED[operator]: float(rows["share"][operator]) for kind in _KINDS for operator in kind}
    if not asked.rates:
        return run.evolution.operators
    shares = usual(run)
    half = shares["gaussian"] / 2
    return shares | {"gaussian": half, "adaptive_step": shares["adaptive_step"] + half}


def usual(run: RunSpec) -> dict[str, float]:
    """The share of each operator among its kind as the run asks for it."""
    return CROSSOVERS | MUTATIONS | run.evolution.operators


def rated(learned: Learned, cohort: Members, stayed: Flags, parents: Members, run: RunSpec) -> Learned:
    """Rates after a ``cohort`` (n,) of which these ``stayed``; ``parents``: population and elites that bred it.

    The step follows the 1/5 rule (I. Rechenberg 1973; as in S. Kern and others 2004): it grows where more than a fifth
    of the children that it made are better than their parent. A rate grows where children of what it governs stay more
    often than the others.
    """
    if not run.evolution.adaptation.rates:
        return learned
    rates = learned[RATES].copy() if len(learned[RATES]) else first_rates(run)
    stepped = (cohort["applied"] >> np.uint32(BITS["adaptive_step"])) & 1 > 0
    better, judged = better_than_parent(cohort, parents, run)
    trials = int((judged & stepped).sum())
    if trials >= TRIALS_MIN:
        excess = (float((better & stepped).sum()) / trials - SUCCESS) / (1.0 - SUCCESS)
        rates["step"] = np.clip(rates["step"] * exponential(excess / DAMPING), STEP_MIN, STEP_MAX)
    code = cohort["operator"]
    for name, others, bounds in (
        ("mutation_rate", _CROSSOVER, MUTATION_RANGE),
        ("crossover_rate", _MUTATION, CROSSOVER_RANGE),
    ):
        gain = RATE_GAIN * _advantage(stayed, code == _BOTH, code == others)
        asked = getattr(run.evolution, name)  # what the run asks for is within the bounds, whatever it is
        rates[name] = np.clip(rates[name] + gain, min(bounds[0], asked), max(bounds[1], asked))
    return learned | {RATES: rates}


def resized(learned: Learned, run: RunSpec, *, resting: bool) -> Learned:
    """The population's size after a generation: it grows while the search is ``resting``, else it shrinks slowly."""
    if not run.evolution.adaptation.population:
        return learned
    rates = learned[RATES].copy() if len(learned[RATES]) else first_rates(run)
    most = run.evolution.population
    least = max(8.0, POPULATION_MIN * most)
    rates["population"] = np.clip(rates["population"] * (GROWTH if resting else SHRINKAGE), min(least, most), most)
    return learned | {RATES: rates}


def size_of(learned: Learned, run: RunSpec) -> int:
    """How many members the population has places for."""
    if not run.evolution.adaptation.population:
        return run.evolution.population
    rates = learned[RATES] if len(learned[RATES]) else first_rates(run)
    return round(float(rates["population"][0]))


def first_rates(run: RunSpec) -> npt.NDArray[np.void]:
    """Those an island begins with (1,)."""
    evolution = run.evolution
    size = max(min(8.0, evolution.population), POPULATION_FIRST * evolution.population)
    return np.array([(evolution.mutation_rate, evolution.crossover_rate, STEP_FIRST, size)], RATE)


def tournament_of(run: RunSpec, diversity_kept: float) -> int:
    """The size of a tournament: as the run says while ``diversity_kept``, the share of the first diversity, is half.

    Less presses less: selection takes diversity, and what is lost it cannot give back.
    """
    size = run.evolution.tournament
    return int(np.clip(round(size * 2.0 * diversity_kept), min(2, size), size + 1))


def better_than_parent(cohort: Members, parents: Members, run: RunSpec) -> tuple[Flags, Flags]:
    """Which children (n,) are better than their first parent, and which can be judged, for that parent is known.

    Less violation is better; of two feasible ones whoever is ahead in more objectives than behind.
    """
    rows = row_of(np.ascontiguousarray(cohort["parent_ids"][:, 0]), parents)
    judged = (rows >= 0) & (cohort["status"] == _MEASURED)
    if not judged.any():
        return np.zeros(len(cohort), np.bool_), judged
    children, parent = cohort[judged], parents[rows[judged]]
    ahead = np.sign(run_objectives(children, run) - run_objectives(parent, run)).sum(axis=1) > 0
    mine, theirs = (np.maximum(members["violation"], 0.0) for members in (children, parent))
    better = np.zeros(len(cohort), np.bool_)
    better[judged] = (mine < theirs) | ((mine == theirs) & (mine == 0) & ahead)
    return better, judged


def _untried(run: RunSpec) -> npt.NDArray[np.void]:
    """All operators (n,), with the shares of the run lifted to the floor; each is worth most until it was tried."""
    wanted = usual(run)
    rows = np.zeros(len(APPLIED), OPERATOR)
    rows["quality"] = 1.0
    for kind in _KINDS:
        shares = np.array([wanted[APPLIED[operator]] for operator in kind])
        total = shares.sum()
        even = np.full(len(kind), 1.0 / len(kind))
        rows["share"][kind] = FLOOR / len(kind) + (1.0 - FLOOR) * (shares / total if total > 0 else even)
    return rows


def _pursue(rows: npt.NDArray[np.void], seen: list[int], kind: list[int], kept: npt.NDArray[np.float64]) -> None:
    """Move worth and shares of a kind, in place, after the ``seen`` of it were tried."""
    if not seen or kept[seen].max() <= 0:
        return
    rows["quality"][seen] += LEARNING * (kept[seen] / kept[seen].max() - rows["quality"][seen])
    best = kind[int(np.argmax(rows["quality"][kind]))]
    least = FLOOR / len(kind)
    aim = np.full(len(kind), least)
    aim[kind.index(best)] = 1.0 - least * (len(kind) - 1)
    rows["share"][kind] += PURSUIT * (aim - rows["share"][kind])


def _advantage(stayed: Flags, with_it: Flags, without: Flags) -> float:
    """Of children with something over those without it, in [-1, 1]; 0 where there are too few of either."""
    if min(with_it.sum(), without.sum()) < TRIALS_MIN:
        return 0.0
    one, other = float(stayed[with_it].mean()), float(stayed[without].mean())
    return (one - other) / (one + other) if one + other > 0 else 0.0
