"""Importance: what a strategy's Sharpe ratio loses without one of its conditions, or without one block of its genes.

A condition is replaced by permutations of its own bitmap in time, which keep how often it holds and take away when
(L. Breiman, "Random forests", Machine Learning 45, 2001; A. Fisher, C. Rudin and F. Dominici, "All models are wrong,
but many are useful", JMLR 20, 2019). A block of genes is knocked out: set to what leaves it without effect. Either way
the truth engine trades training and validation again, and only these: no bar of the vault is read, whatever the cut
holds.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.backtest.arena import Arena
from common.backtest.costs import Floats
from common.backtest.engine import make_path, simulate
from common.backtest.market import Words
from common.backtest.metrics import sharpe
from common.backtest.phenotype import LONG, SHORT, Phenotype, express
from common.backtest.signals import STACK_DEPTH, decide
from common.backtest.windows import Cut
from common.genome.genes import ALLELE_GENES, ALLELE_SLOT, MASK_GENES, MASK_SLOT, REAL_GENES, REAL_SLOT, REGIMES
from common.genome.layout import TREES
from common.genome.tree import CONDITION_BASE, END, TOKEN_LIMIT, tree_to_json
from common.random import Stream, below, new_stream

PERMUTATIONS = 20
"""The spread of a mean over so many is a fifth of that of one."""
BLOCKS_MIN = 10

BLOCKS: dict[str, tuple[str, ...]] = {
    "confirmation": ("entry.confirm_bars",),
    "delay": ("entry.delay_bars",),
    "order type": ("entry.order_type", "execution.preference"),
    "target": ("exit.target_kind",),
    "trailing stop": ("exit.trail_kind",),
    "time exit": ("exit.time_exit_bars",),
    "shortest holding": ("time.hold_min_bars",),
    "regime mask": ("regime.allowed",),
    "regime weights": tuple(f"expression.in_{regime}" for regime in REGIMES),
    "hours": ("time.hours",),
    "weekdays": ("time.weekdays",),
    "months": ("time.months",),
    "calendar": ("time.blackout",),
    "sizing": ("risk.sizing", "risk.fraction", "risk.leverage_max", "risk.budget"),
    "drawdown brake": ("risk.drawdown_brake",),
    "size after losses": ("risk.recovery",),
    "Kelly cap": ("risk.kelly",),
    "venue": ("execution.venue",),
    "schedule": ("execution.schedule",),
    "hidden share": ("execution.iceberg_fraction",),
    "latency budget": ("execution.latency_budget_ms",),
}
"""Genes that make sense together, by what people call them. Their defaults are neutral."""
SIGNAL_EXIT = "signal exit"

Bits = npt.NDArray[np.uint8]
Tokens = npt.NDArray[np.uint16]


class Loss(NamedTuple):
    """Yearly Sharpe ratio with the part less that without: mean, and standard deviation over the permutations."""

    drop: float
    spread: float


class Part(NamedTuple):
    """One part. ``tree`` is the name of its logic tree, empty for a block of genes; ``name`` the condition or block.

    ``both``: training and validation as one window. ``trades_changed``: of all trades with or without the part, the
    share that only one of the two has, by side and bars; mean over the permutations. ``trials``: how many these are.
    """

    tree: str
    name: str
    both: Loss
    training: Loss
    validation: Loss
    trades_changed: float
    trials: int


@dataclass(frozen=True, slots=True)
class Importance:
    """Yearly Sharpe ratios of the whole strategy; its ``parts``, the most important first; the ``seed`` of draws."""

    both: float
    training: float
    validation: float
    parts: tuple[Part, ...]
    seed: int


class _Outcome(NamedTuple):
    """``sharpes`` (3,): both, training, validation. ``trades``: side, entry bar, exit bar."""

    sharpes: Floats
    trades: frozenset[tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where everything is traded: ``windows`` are the spans of training and of validation."""

    arena: Arena
    windows: tuple[tuple[tuple[int, int], ...], ...]
    costs: Floats

    def trade(self, trees: Tokens, phenotype: Phenotype, extra: Words) -> _Outcome:
        """Trade every span; trees (4, TREE_TOKENS) may ask for the bitmaps ``extra`` by tokens from TOKEN_LIMIT on."""
        bank, annual = self.arena.arrays.bank, math.sqrt(self.arena.bars_per_year)
        stack, into = np.empty((STACK_DEPTH, bank.shape[1]), np.uint64), np.empty((4, bank.shape[1]), np.uint64)
        logic = decide(trees, phenotype, bank, extra, stack, into)
        sums, trades = np.zeros((len(self.windows) + 1, 3)), set()
        for window, spans in enumerate(self.windows, 1):
            for start, stop in spans:
                path = make_path(stop - start)
                _, count, _ = simulate(self.arena.arrays, logic, phenotype, self.costs, start, stop, 0.0, 0.0, path)
                sums[window] += (stop - start, path.returns.sum(), path.returns @ path.returns)
                trades |= set(map(tuple, path.trades[:count, :3].tolist()))
        sums[0] = sums[1:].sum(axis=0)
        return _Outcome(np.array([sharpe(n, s1, s2, annual) for n, s1, s2 in sums]), frozenset(trades))


def importance(
    genome: np.void, arena: Arena, cut: Cut, costs: Floats, permutations: int = PERMUTATIONS, seed: int = 0
) -> Importance:
    """Every heard condition and every block of genes that is not neutral, by what the strategy loses without it.

    The strategy is traded on its own instrument alone. A permutation depends on the seed, the tree, the condition and
    its own number, so no part's figures depend on which others there are. A condition is taken tree by tree, at all of
    its places in the tree together.
    """
    desk = _Desk(arena, (cut.training, cut.validation), costs)
    extra, trees = arena.engineered.rows(genome.reshape(1))
    whole = _phenotype(genome)
    base = desk.trade(trees[0], whole, extra)
    parts = []
    for tree in _heard(genome, whole):
        for token in sorted({int(each) for each in genome["trees"][tree] if each >= CONDITION_BASE}):
            places = genome["trees"][tree] == token
            bits = _bits(arena, extra, int(trees[0, tree, places][0]))
            altered = trees[0].copy()
            altered[tree, places] = TOKEN_LIMIT + len(extra)
            found = [
                desk.trade(altered, whole, np.vstack([extra, permuted(bits, desk.windows, stream)]))
                for stream in _streams(seed, tree, token, permutations)
            ]
            parts.append(_part(TREES[tree], _text(token), base, found))
    for name, altered, phenotype in _knocked_out(genome, trees[0], whole):
        parts.append(_part("", name, base, [desk.trade(altered, phenotype, extra)]))
    parts.sort(key=lambda part: (-part.both.drop, -part.trades_changed, part.tree, part.name))
    both, training, validation = base.sharpes.tolist()
    return Importance(both, training, validation, tuple(parts), seed)


def permuted(bits: Bits, windows: tuple[tuple[tuple[int, int], ...], ...], stream: Stream) -> Words:
    """A bitmap (T,) of 0 and 1 as words, its bits permuted in each span of the windows; all others are as they were.

    The span is turned by a random number of bars and cut into blocks, which are shuffled (Fisher and Yates). A block
    has as many bars as the bitmap's runs have on average, so that what changes slowly goes on doing so; at least the
    cube root of the span (P. Hall, J. Horowitz and B.-Y. Jing, Biometrika 82, 1995), and at most a tenth of it.
    """
    moved = bits.copy()
    for start, stop in (span for spans in windows for span in spans):
        part, count = bits[start:stop], stop - start
        runs = 1 + np.count_nonzero(part[1:] != part[:-1])
        block = max(int(min(max(count ** (1 / 3), count / runs), count / BLOCKS_MIN)), 1)
        turned = np.roll(part, below(stream, count))
        blocks = [turned[first : first + block] for first in range(0, count, block)]
        for last in range(len(blocks) - 1, 0, -1):
            other = below(stream, last + 1)
            blocks[last], blocks[other] = blocks[other], blocks[last]
        moved[start:stop] = np.concatenate(blocks)
    padded = np.zeros(-(-len(bits) // 64) * 64, np.uint8)
    padded[: len(bits)] = moved
    return np.packbits(padded, bitorder="little").view("<u8")


def _streams(seed: int, tree: int, token: int, permutations: int) -> Iterator[Stream]:
    return (new_stream(np.uint64(seed), tree, token, number) for number in range(permutations))


def _bits(arena: Arena, extra: Words, token: int) -> Bits:
    row = extra[token - TOKEN_LIMIT] if token >= TOKEN_LIMIT else arena.arrays.bank[token - CONDITION_BASE]
    return np.unpackbits(row.astype("<u8").view(np.uint8), bitorder="little")[: len(arena.bars)]


def _text(token: int) -> str:
    """A condition or a question to a slot, as JSON writes it."""
    return str(tree_to_json(np.array([token, END], np.uint16)))


def _phenotype(genome: np.void) -> Phenotype:
    return express(genome["alleles"], genome["reals"], genome["masks"])


def _heard(genome: np.void, phenotype: Phenotype) -> list[int]:
    """The trees that are not empty and that the engine listens to."""
    closed = {SHORT: (0, 1), LONG: (2, 3)}.get(int(phenotype.direction), ())
    return [
        tree
        for tree in range(len(TREES))
        if tree not in closed and (tree % 2 == 0 or phenotype.leaves) and genome["trees"][tree, 0] != END
    ]


def _knocked_out(genome: np.void, trees: Tokens, whole: Phenotype) -> Iterator[tuple[str, Tokens, Phenotype]]:
    """Name, trees and phenotype without each block of genes that has something to say."""
    exits = [tree for tree in _heard(genome, whole) if tree % 2]
    if exits:
        silent = trees.copy()
        silent[exits] = END
        yield SIGNAL_EXIT, silent, whole
    for name, paths in BLOCKS.items():
        without = genome.copy()
        for path in paths:
            if path in ALLELE_SLOT:
                without["alleles"][ALLELE_SLOT[path]] = ALLELE_GENES[ALLELE_SLOT[path]].default
            elif path in REAL_SLOT:
                without["reals"][REAL_SLOT[path]] = REAL_GENES[REAL_SLOT[path]].default
            else:
                without["masks"][MASK_SLOT[path]] = MASK_GENES[MASK_SLOT[path]].default
        phenotype = _phenotype(without)
        if phenotype != whole:  # what is silenced, or never asked for, is no part of the strategy
            yield name, trees, phenotype


def _part(tree: str, name: str, base: _Outcome, found: list[_Outcome]) -> Part:
    drops = base.sharpes - np.array([each.sharpes for each in found])
    losses = [Loss(float(row.mean()), float(row.std(ddof=1)) if len(row) > 1 else 0.0) for row in drops.T]
    changed = [
        len(base.trades ^ each.trades) / len(base.trades | each.trades) if base.trades | each.trades else 0.0
        for each in found
    ]
    return Part(tree, name, losses[0], losses[1], losses[2], float(np.mean(changed)), len(found))
