"""Even parity by evolved trees: the product's tree kernels, and DEAP's tree programming on the same terms.

Both sides: generations of children without elites, parents by tournament, subtree crossover, the five structural
mutations in the product's shares, trees of at most TREE_TOKENS tokens over the same operators (and, or, xor, not,
crossed, within, streak, read along the truth table), the whole table in one integer or a few words.
"""

import functools
import operator
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from common.backtest.signals import STACK_DEPTH, evaluate_tree
from common.genome.conditions import CONDITIONS
from common.genome.layout import TREE_TOKENS, default_population
from common.genome.slots import SLOTS
from common.genome.tree import STREAK_BARS, WITHIN_BARS
from common.kernel import kernel
from common.random import Stream, below, new_stream, open_stream, uniform
from generator.crossover import LONG, subtree_crossover
from generator.structure import mutate_tree
from generator.tables import DIRECTION, Genes, unpack
from generator.trees import draw_role

TOURNAMENT = 3
CROSSOVER_RATE, MUTATION_RATE = 0.5, 0.2
"""DEAP's own example takes 0.5 and 0.2."""
Words = npt.NDArray[np.uint64]


class Problem(NamedTuple):
    """Even parity of ``variables`` bits: its truth table as a bank of bitmaps, condition c being variable c modulo."""

    variables: int
    bank: Words
    target: Words
    valid: Words


def even_parity(variables: int) -> Problem:
    """The problem of so many variables, 2**variables rows."""
    rows = np.arange(2**variables)
    bits = (rows >> np.arange(variables)[:, None] & 1).astype(np.bool_)
    columns = _words(bits)
    return Problem(
        variables,
        np.ascontiguousarray(columns[np.arange(len(CONDITIONS)) % variables]),
        _words(bits.sum(axis=0, keepdims=True) % 2 == 0)[0],
        _words(np.ones((1, len(rows)), np.bool_))[0],
    )


def _words(bits: npt.NDArray[np.bool_]) -> Words:
    """Rows of bits, shape (n, rows), as words of 64, shape (n, words)."""
    padded = np.zeros((len(bits), -(-bits.shape[1] // 64) * 64), np.bool_)
    padded[:, : bits.shape[1]] = bits
    return np.packbits(padded, axis=1, bitorder="little").view(np.uint64)


@kernel
def errors_of(tree: npt.NDArray[np.uint16], problem: Problem, extra: Words, stack: Words) -> int:
    """Rows of the truth table that a tree gets wrong."""
    evaluate_tree(tree, problem.bank, extra, stack)
    wrong = 0
    for word in range(len(problem.target)):
        left = (stack[0, word] ^ problem.target[word]) & problem.valid[word]
        while left != 0:
            left &= left - np.uint64(1)
            wrong += 1
    return wrong


@kernel
def fittest(stream: Stream, errors: npt.NDArray[np.int64]) -> int:
    """The best of TOURNAMENT individuals drawn with replacement, the first drawn among equals."""
    best = below(stream, len(errors))
    for _ in range(TOURNAMENT - 1):
        other = below(stream, len(errors))
        if errors[other] < errors[best]:
            best = other
    return best


@kernel
def breed(stream: Stream, parents: Genes, errors: npt.NDArray[np.int64], children: Genes, row: int) -> None:
    """One child in ``children[row]``: a copy, crossed and mutated at the two rates."""
    children.trees[row] = parents.trees[fittest(stream, errors)]
    if uniform(stream) < CROSSOVER_RATE:
        other = fittest(stream, errors)
        while not subtree_crossover(stream, children, row, parents, other):
            pass  # the draw fell on the exit tree, which nobody has here
    if uniform(stream) < MUTATION_RATE:
        mutate_tree(stream, children.trees[row, 0], 0, 0)


@kernel
def evolve(
    name: tuple[np.uint64, int], generations: int, old: Genes, new: Genes, problem: Problem
) -> npt.NDArray[np.int64]:
    """Fewest errors in each generation, shape (generations + 1,), of the run called (key, seed).

    ``old`` and ``new``: memory for a population each, whose long entry trees are evolved.
    """
    key, seed = name
    stream = new_stream(key, seed, 0, 0)
    size = len(old.trees)
    errors, best = np.empty(size, np.int64), np.empty(generations + 1, np.int64)
    stack = np.empty((STACK_DEPTH, len(problem.target)), np.uint64)
    extra = np.zeros((SLOTS, len(problem.target)), np.uint64)
    for row in range(size):
        open_stream(stream, key, seed, 0, row)
        draw_role(stream, old.trees[row, 0], 0, 0)
    for generation in range(generations + 1):
        for row in range(size):
            errors[row] = errors_of(old.trees[row, 0], problem, extra, stack)
        best[generation] = errors.min()
        if generation < generations:
            for row in range(size):
                open_stream(stream, key, seed, generation + 1, row)
                breed(stream, old, errors, new, row)
            old, new = new, old
    return best


def run_ours(problem: Problem, seed: int, size: int, generations: int) -> int:
    """Fewest errors that a run ever had."""
    old, new = unpack(default_population(size)), unpack(default_population(size))
    old.alleles[:, DIRECTION] = new.alleles[:, DIRECTION] = LONG  # the long entry tree alone speaks
    return int(evolve((np.uint64(5), seed), generations, old, new, problem).min())


def _within(bars: int, every: bool, valid: int, table: int) -> int:
    found = table
    for back in range(1, bars):
        before = table << back & valid
        found = found & before if every else found | before
    return found


def _primitives(variables: int) -> Any:
    """DEAP's primitive set: the operators of ``common.genome.tree`` on truth tables that are Python integers."""
    from deap import gp

    valid = (1 << 2**variables) - 1
    names = gp.PrimitiveSet("table", variables, "v")
    names.addPrimitive(operator.and_, 2, "and_")
    names.addPrimitive(operator.or_, 2, "or_")
    names.addPrimitive(operator.xor, 2, "xor")
    names.addPrimitive(functools.partial(operator.xor, valid), 1, "not_")
    names.addPrimitive(lambda table: table & ~(table << 1) & valid, 1, "crossed")
    for bars in WITHIN_BARS:
        names.addPrimitive(functools.partial(_within, bars, False, valid), 1, f"within_{bars}")
    for bars in STREAK_BARS:
        names.addPrimitive(functools.partial(_within, bars, True, valid), 1, f"streak_{bars}")
    return names


def deap_run(problem: Problem, generations: int, size: int) -> Callable[[int], int]:
    """The same evolution by DEAP: called with a seed, it returns the fewest errors that the run ever had.

    Raises ImportError where DEAP is not installed.
    """
    from deap import algorithms, base, creator, gp, tools

    names = _primitives(problem.variables)
    rows = np.arange(2**problem.variables)
    tables = [_as_integer(rows >> bit & 1 != 0) for bit in range(problem.variables)]
    target = int.from_bytes((problem.target & problem.valid).tobytes(), "little")
    if not hasattr(creator, "ParityErrors"):
        creator.create("ParityErrors", base.Fitness, weights=(-1.0,))
        creator.create("ParityTree", gp.PrimitiveTree, fitness=creator.ParityErrors)

    def evaluate(tree: Any) -> tuple[int]:
        return ((gp.compile(tree, names)(*tables) ^ target).bit_count(),)

    def mutate(tree: Any) -> tuple[Any]:
        drawn = random.random()
        if drawn < 0.5:
            return gp.mutNodeReplacement(tree, names)
        if drawn < 0.65 or 0.8 <= drawn < 0.95:
            return gp.mutInsert(tree, names)
        if drawn < 0.8:
            return gp.mutShrink(tree)
        return gp.mutUniform(tree, functools.partial(gp.genHalfAndHalf, min_=0, max_=2), names)

    box = base.Toolbox()
    box.register("individual", tools.initIterate, creator.ParityTree, lambda: gp.genHalfAndHalf(names, 1, 2))
    box.register("evaluate", evaluate)
    box.register("select", tools.selTournament, tournsize=TOURNAMENT)
    box.register("mate", gp.cxOnePoint)
    box.register("mutate", mutate)
    limit = gp.staticLimit(len, TREE_TOKENS)
    box.decorate("mate", limit)
    box.decorate("mutate", limit)

    def run(seed: int) -> int:
        random.seed(seed)
        hall = tools.HallOfFame(1)
        population = tools.initRepeat(list, box.individual, size)
        algorithms.eaSimple(population, box, CROSSOVER_RATE, MUTATION_RATE, generations, halloffame=hall, verbose=False)
        return int(hall[0].fitness.values[0])

    return run


def _as_integer(bits: npt.NDArray[np.bool_]) -> int:
    return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")
