"""Rows cut into shares whose bitmaps of engineered features fit a budget of memory, however many their genomes ask for.

A share's bitmaps lie in memory at once. Without a budget, those of seventeen hundred genomes that ask for all they can
would take more than everything else together; the usual population stays in one piece.
"""

import numpy as np
import numpy.typing as npt

from common.backtest.arena import Arena
from common.genome.layout import Population
from common.genome.slots import SLOT_BASE
from common.market.engineered import GENOMES_MAX, LEAVES_MAX, ROWS_MAX, TOKEN_BYTES

EXTRA_BYTES = 16 << 20
"""Of the bitmaps of one share, at most, unless a single genome asks for more."""
Rows = npt.NDArray[np.intp]
Counts = npt.NDArray[np.int64]


def tokens_of(population: Population) -> Counts:
    """How many of their tokens ask for an engineered bitmap, shape (n,)."""
    return np.count_nonzero(population["trees"] >= SLOT_BASE, axis=(1, 2)).astype(np.int64)


def token_bytes(arena: Arena) -> int:
    """What a token that asks for a bitmap takes at most: one, and a copy for devices; on the stage one more, uncut."""
    stage = arena.stress
    return 2 * arena.engineered.row_bytes + (3 * stage.engineered.row_bytes if stage else 0) + TOKEN_BYTES


def extra_bytes(arena: Arena) -> int:
    """What the bitmaps of a share take at most, and the series under them while one of them is computed."""
    banks = [arena.engineered] + ([arena.stress.engineered] if arena.stress else [])
    return max(EXTRA_BYTES, LEAVES_MAX * token_bytes(arena)) + max(bank.work_bytes for bank in banks)


def shares(rows: Rows, tokens: Counts, most: int, tokens_most: int) -> list[Rows]:
    """Cut ``rows``, in their order, into shares of at most ``most`` rows and ``tokens_most`` tokens.

    ``tokens`` (n,): of all genomes, by row. A genome that has more than ``tokens_most`` is a share of its own.
    """
    asked = np.concatenate([[0], np.cumsum(tokens[rows])])
    found, first = [], 0
    while first < len(rows):
        fitting = int(np.searchsorted(asked, asked[first] + tokens_most, "right")) - 1
        stop = min(first + most, max(fitting, first + 1))
        found.append(rows[first:stop])
        first = stop
    return found


def shares_on(arena: Arena, rows: Rows, tokens: Counts, parts: int) -> list[Rows]:
    """``rows`` in ``parts`` shares, or more where bitmaps of engineered features would not fit the budget."""
    most = min(-(-len(rows) // parts), GENOMES_MAX)
    return shares(rows, tokens, most, min(EXTRA_BYTES // token_bytes(arena), ROWS_MAX))
