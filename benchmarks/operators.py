"""Offspring of a real-coded population a second: ours beside DEAP, pymoo and evosax.

Thirty real genes, parents chosen by binary tournament on rank and crowding, SBX (0.9, 15), polynomial mutation (1/30,
20). evosax has neither of the two: its simple genetic algorithm crosses uniformly and adds normal noise.
"""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.clock import interleaved, peer_version, scaled
from generator.offspring import Variation, offspring

GENES = 30
POPULATIONS = (1000, 100)
VARIATION = Variation(crossover_rate=0.9, crossover_eta=15.0, mutation_rate=1 / GENES, mutation_eta=20.0)
DRAWN = 100_000
Floats = npt.NDArray[np.float64]
Work = Callable[[], object]


def ours(parents: Floats, rounds: int) -> Work:
    """``rounds`` generations from these parents, all of one front and of random crowding."""
    n = len(parents)
    rank, crowding = np.zeros(n, np.int32), np.random.default_rng(2).random(n)
    low, high = np.zeros(GENES), np.ones(GENES)

    def work() -> None:
        for generation in range(rounds):
            offspring((np.uint64(1), 0, generation), parents, rank, crowding, low, high, VARIATION, n)

    return work


def deap(parents: Floats) -> tuple[Work, Work]:
    """DEAP's example of NSGA-II: choice, copies, both operators; and the two operators alone."""
    from deap import base, tools

    class Two(base.Fitness):  # type: ignore[misc]
        weights = (-1.0, -1.0)

    class Individual(list[float]):
        def __init__(self, genes: list[float]) -> None:
            super().__init__(genes)
            self.fitness = Two((genes[0], 1.0 - genes[0]))

    population = tools.selNSGA2([Individual(row) for row in parents.tolist()], len(parents))
    clone = base.Toolbox().clone

    def vary(children: list[Any]) -> None:
        for one, other in zip(children[::2], children[1::2], strict=True):
            if random.random() <= VARIATION.crossover_rate:
                tools.cxSimulatedBinaryBounded(one, other, VARIATION.crossover_eta, 0.0, 1.0)
            for child in (one, other):
                tools.mutPolynomialBounded(child, VARIATION.mutation_eta, 0.0, 1.0, VARIATION.mutation_rate)

    def whole() -> None:
        vary([clone(parent) for parent in tools.selTournamentDCD(population, len(population))])

    apart = [clone(parent) for parent in population]
    return whole, lambda: vary(apart)


def pymoo(parents: Floats) -> Work:
    """The infill of pymoo's NSGA-II, without its search for duplicates."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.problems import get_problem

    algorithm = NSGA2(pop_size=len(parents), sampling=parents, eliminate_duplicates=False)
    algorithm.setup(get_problem("zdt1", n_var=GENES), seed=1, termination=("n_gen", 1_000_000))
    algorithm.next()
    return algorithm.infill


def evosax(parents: Floats) -> Work:
    """A compiled `ask` of evosax's SimpleGA on the CPU."""
    import jax
    from evosax.algorithms import SimpleGA

    jax.config.update("jax_platforms", "cpu")  # type: ignore[no-untyped-call]
    key = jax.random.key(1)
    algorithm = SimpleGA(population_size=len(parents), solution=jax.numpy.zeros(GENES))
    settings = algorithm.default_params.replace(crossover_rate=0.5)
    state = algorithm.init(key, jax.numpy.asarray(parents), jax.numpy.asarray(parents[:, 0]), settings)

    def work() -> None:
        algorithm.ask(key, state, settings)[0].block_until_ready()

    return work


def measured(n: int, repeats: int, scale: float) -> dict[str, Any]:
    """Offspring a second of CPU time at population ``n``, and how many times that of each peer is ours."""
    parents = np.random.default_rng(1).random((n, GENES))
    rounds = scaled(DRAWN // n, scale, 1)
    works: dict[str, Work] = {"ours": ours(parents, rounds)}
    per_call = {"ours": n * rounds}
    for name, make in (("deap", deap), ("pymoo", pymoo), ("evosax", evosax)):
        if peer_version(name)[0]:
            made: Any = make(parents)
            works[name] = made[0] if name == "deap" else made
            if name == "deap":
                works["deap_operators_alone"] = made[1]
    seconds = interleaved(works, repeats)
    rates = {name: per_call.get(name, n) / taken for name, taken in seconds.items()}
    names = ("deap", "deap_operators_alone", "pymoo", "evosax")
    return {
        "population": n,
        "offspring_per_second": rates["ours"],
        **{f"{name}_per_second": rates.get(name) for name in names},
        **{f"ratio_to_{name}": rates["ours"] / rates[name] if name in rates else None for name in names},
    }


def bench_operators(repeats: int, scale: float) -> dict[str, Any]:
    """Rows for a population of 1,000 and of 100."""
    found: dict[str, Any] = {}
    for name in ("deap", "pymoo", "evosax"):
        found[f"{name}_version"], found[f"{name}_absent"] = peer_version(name)
    return {**found, "populations": [measured(n, repeats, scale) for n in POPULATIONS]}
