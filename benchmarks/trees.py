"""Logic trees beside gplearn and DEAP: the same programs on 200 rows, and the same evolution from end to end."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.clock import interleaved, peer_version, scaled
from benchmarks.parity import deap_run, even_parity, run_ours
from common.backtest.market import Words
from common.backtest.signals import STACK_DEPTH, evaluate_tree
from common.genome.conditions import CONDITIONS
from common.genome.layout import TREE_TOKENS
from common.genome.slots import SLOTS
from common.genome.tree import AND, CONDITION_BASE, NOT, OR, XOR
from common.kernel import lean_kernel

ROWS, VARIABLES = 200, 10
PROGRAMS, ROUNDS = 2000, 20
POPULATION, GENERATIONS, SEEDS = 1000, 50, 20
PARITY_BITS = 4
"""Of five bits and more, neither side solves most of its runs within this budget."""
Trees = npt.NDArray[np.uint16]


@lean_kernel
def evaluate_all(trees: Trees, bank: Words, extra: Words, stack: Words, into: Words) -> None:
    """Each postfix tree, shape (n, TREE_TOKENS), evaluated over the bank into ``into`` (n, words)."""
    for row in range(len(trees)):
        evaluate_tree(trees[row], bank, extra, stack)
        for word in range(into.shape[1]):
            into[row, word] = stack[0, word]


def postfix(program: list[Any], tokens: dict[str, int]) -> list[int]:
    """The tokens of a gplearn program, which is a list in prefix order: functions, and numbers of variables."""
    at = 0

    def read() -> list[int]:
        nonlocal at
        node = program[at]
        at += 1
        if isinstance(node, int | np.integer):
            return [CONDITION_BASE + int(node)]
        return [token for _ in range(node.arity) for token in read()] + [tokens[node.name]]

    return read()


def gplearn_programs(count: int) -> tuple[list[Any], Trees]:
    """``count`` random programs of gplearn over and, or, xor, not, and the same as our trees.

    Those that are longer than TREE_TOKENS are left out on both sides.
    """
    from gplearn._program import _Program
    from gplearn.functions import make_function

    found = (("and", np.logical_and, 2, AND), ("or", np.logical_or, 2, OR), ("xor", np.logical_xor, 2, XOR))
    named = (*found, ("not", np.logical_not, 1, NOT))
    tokens = {name: token for name, _, _, token in named}
    functions = [
        make_function(function=function, name=name, arity=arity, wrap=False) for name, function, arity, _ in named
    ]
    arities = {arity: [each for each in functions if each.arity == arity] for arity in (1, 2)}
    state = np.random.RandomState(5)
    programs: list[Any] = []
    trees = np.zeros((count, TREE_TOKENS), np.uint16)
    while len(programs) < count:
        drawn = _Program(
            function_set=functions,
            arities=arities,
            init_depth=(2, 6),
            init_method="half and half",
            n_features=VARIABLES,
            const_range=None,
            metric=None,
            p_point_replace=0.05,
            parsimony_coefficient=0.0,
            random_state=state,
        )
        read = postfix(drawn.program, tokens)
        if len(read) <= TREE_TOKENS:
            trees[len(programs), : len(read)] = read
            programs.append(drawn)
    return programs, trees


def programs_beside_gplearn(repeats: int, scale: float) -> dict[str, Any]:
    """Programs a CPU-second on 200 rows, one after the other, results of both compared first."""
    version, absent = peer_version("gplearn")
    if version is None:
        return {"gplearn_version": None, "gplearn_absent": absent}
    programs, trees = gplearn_programs(scaled(PROGRAMS, scale, 50))
    bits = np.random.Generator(np.random.Philox(5)).random((ROWS, VARIABLES)) < 0.5
    table = np.asfortranarray(bits)  # a variable in one piece, which is what gplearn reads
    words = np.zeros((VARIABLES, -(-ROWS // 64) * 8), np.uint8)
    words[:, : ROWS // 8] = np.packbits(bits.T, axis=1, bitorder="little")
    bank = np.zeros((len(CONDITIONS), words.shape[1] // 8), np.uint64)
    bank[:VARIABLES] = words.view(np.uint64)
    stack, extra = np.empty((STACK_DEPTH, bank.shape[1]), np.uint64), np.zeros((SLOTS, bank.shape[1]), np.uint64)
    into = np.empty((len(trees), bank.shape[1]), np.uint64)

    def ours() -> None:
        for _ in range(ROUNDS):
            evaluate_all(trees, bank, extra, stack, into)

    def peer() -> list[Any]:
        return [program.execute(table) for program in programs]

    ours()
    answers = np.unpackbits(into.view(np.uint8), axis=1, bitorder="little")[:, :ROWS]
    if not np.array_equal(answers.astype(np.bool_), np.array(peer(), np.bool_)):
        raise AssertionError("our trees and gplearn's programs answer differently")
    works: dict[str, Callable[[], object]] = {"ours": ours, "gplearn": peer}
    seconds = interleaved(works, repeats)
    mine, theirs = ROUNDS * len(trees) / seconds["ours"], len(trees) / seconds["gplearn"]
    return {
        "rows": ROWS,
        "programs": len(trees),
        "mean_tokens": float(np.count_nonzero(trees, axis=1).mean()),
        "programs_per_s": mine,
        "gplearn_programs_per_s": theirs,
        "gplearn_version": version,
        "ratio_programs_to_gplearn": mine / theirs,
    }


def evolution_beside_deap(scale: float) -> dict[str, Any]:
    """Whole runs of even parity, CPU seconds a run over the seeds, and in how many it was solved."""
    problem = even_parity(PARITY_BITS)
    runs: dict[str, Callable[[int], int]] = {"ours": lambda seed: run_ours(problem, seed, POPULATION, GENERATIONS)}
    version, absent = peer_version("deap")
    if version:
        runs["deap"] = deap_run(problem, GENERATIONS, POPULATION)
    seeds = scaled(SEEDS, scale, 2)
    run_ours(problem, 0, 8, 1)
    cpu_s, solved = dict.fromkeys(runs, 0.0), dict.fromkeys(runs, 0)
    for seed in range(seeds):  # in turns, so that a noisy moment hits both
        for name, run in runs.items():
            start = time.process_time()
            solved[name] += run(seed) == 0
            cpu_s[name] += time.process_time() - start
    return {
        "problem": f"even parity of {PARITY_BITS} bits, population {POPULATION}, {GENERATIONS} generations",
        "runs": seeds,
        "evolution_s": cpu_s["ours"] / seeds,
        "deap_evolution_s": cpu_s["deap"] / seeds if version else None,
        "solved": solved["ours"],
        "deap_solved": solved.get("deap"),
        "deap_version": version,
        "deap_absent": absent,
        "ratio_evolution_to_deap": cpu_s["deap"] / cpu_s["ours"] if version else None,
    }


def bench_trees(repeats: int, scale: float) -> dict[str, Any]:
    """Programs on 200 rows beside gplearn, and evolution from end to end beside DEAP."""
    return programs_beside_gplearn(repeats, scale) | evolution_beside_deap(scale)
