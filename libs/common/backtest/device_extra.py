"""Bitmaps of engineered features as devices keep them: a row once given stays until there is no more room."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.backtest.arena import Arena
from common.backtest.market import Words
from common.backtest.shares import shares_on, tokens_of
from common.genome.layout import Population
from common.genome.slots import PREDICATES, SLOT_BASE
from common.genome.tree import TOKEN_LIMIT
from common.market.engineered import keys_of

Integers = npt.NDArray[np.int64]
Fill = Callable[[int, Sequence[Words]], None]
"""Told the first of new rows, and what they hold on the history and, where there is one, on the stage."""


class Asked(NamedTuple):
    """Tokens of a population that ask for an engineered bitmap: where they stand, and what identifies the bitmap."""

    genome: npt.NDArray[np.intp]
    tree: npt.NDArray[np.intp]
    position: npt.NDArray[np.intp]
    identity: Integers

    def within(self, rows: npt.NDArray[np.intp]) -> "Asked":
        """Those of the genomes ``rows``."""
        mine = np.zeros(int(max(rows.max(initial=0), self.genome.max(initial=0))) + 1, bool)
        mine[rows] = True
        return Asked(*(column[mine[self.genome]] for column in self))


def asked_by(population: Population, trees: npt.NDArray[np.uint16]) -> Asked:
    """All of them, in genome order; ``trees``: the population's, in one piece."""
    flat = trees.reshape(-1)
    found = np.flatnonzero(flat >= SLOT_BASE)
    genome, tree, position = np.unravel_index(found, trees.shape)
    slot, predicate = np.divmod(flat[found].astype(np.int64) - SLOT_BASE, PREDICATES)
    return Asked(genome, tree, position, keys_of(population, genome, slot) * PREDICATES + predicate)


class ExtraRows:
    """Which row of an instrument's extra bitmaps holds what: at most ``rows_max`` rows, the same on each device."""

    def __init__(self, arena: Arena, rows_max: int, fill: Fill) -> None:
        self._arena, self._rows_max, self._fill = arena, rows_max, fill
        self.clear()

    def clear(self) -> None:
        """Forget every row. Nothing may be under way that reads them."""
        self._known, self._row = np.zeros(0, np.int64), np.zeros(0, np.int64)

    def has_room_for(self, asked: Asked) -> bool:
        """Can all these have rows at once with those that are there?"""
        return len(self._known) + len(np.unique(asked.identity[~self._is_known(asked.identity)])) <= self._rows_max

    def write_tokens(self, population: Population, asked: Asked, trees: npt.NDArray[np.uint16]) -> None:
        """Put the tokens of the rows into ``trees`` (n, 4, TREE_TOKENS); rows that are not there yet are made."""
        self._make(population, Asked(*(column[~self._is_known(asked.identity)] for column in asked)))
        row = self._row[np.searchsorted(self._known, asked.identity)]
        trees[asked.genome, asked.tree, asked.position] = TOKEN_LIMIT + row

    def _is_known(self, identity: Integers) -> npt.NDArray[np.bool_]:
        if not len(self._known):
            return np.zeros(len(identity), bool)
        place = np.minimum(np.searchsorted(self._known, identity), len(self._known) - 1)
        return self._known[place] == identity

    def _make(self, population: Population, asked: Asked) -> None:
        _, first = np.unique(asked.identity, return_index=True)
        new = Asked(*(column[np.sort(first)] for column in asked))
        genomes = np.unique(new.genome)
        for share in shares_on(self._arena, np.arange(len(genomes)), tokens_of(population[genomes]), 1):
            chosen = genomes[share]
            part, stage = new.within(chosen), self._arena.stress
            history, trees = self._arena.engineered.rows(population[chosen])
            rows = trees[np.searchsorted(chosen, part.genome), part.tree, part.position].astype(np.int64) - TOKEN_LIMIT
            words = [history[rows]] + ([stage.extra(population[chosen])[rows]] if stage else [])
            count = len(self._known)
            self._fill(count, words)
            known = np.concatenate([self._known, part.identity])
            row = np.concatenate([self._row, np.arange(count, len(known))])
            order = np.argsort(known)
            self._known, self._row = known[order], row[order]
