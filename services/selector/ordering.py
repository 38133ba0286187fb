"""Total orders of rows by many columns: what NumPy sorted by value, with ties made to follow the position."""

import numpy as np
import numpy.typing as npt

from common.kernel import kernel, lean_kernel

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
_SHORT = 12


@kernel
def stable(ascending: Rows, values: Floats) -> None:
    """Put equal ``values`` (n,) in the order of their rows, where ``ascending`` (n,) sorts them in whatever order.

    NumPy's fastest sort leaves ties as its vector instructions like; so the order is the same on every machine.
    """
    start, n = 0, len(ascending)
    while start < n:
        stop = start + 1
        while stop < n and values[ascending[stop]] == values[ascending[start]]:
            stop += 1
        if stop - start > 1:
            ascending[start:stop].sort()
        start = stop


@kernel
def sort_run(run: Rows, columns: Floats, first: int) -> None:
    """Sort the rows in ``run``, which ascend, by ``columns`` from ``first`` on, all descending, then by position."""
    if len(run) <= _SHORT:
        _insert(run, columns, first)
        return
    for column in range(len(columns) - 1, first - 1, -1):
        run[:] = run[np.argsort(-columns[column][run], kind="mergesort")]


@lean_kernel
def _insert(run: Rows, columns: Floats, first: int) -> None:
    for index in range(1, len(run)):
        row, place = run[index], index
        while place > 0 and _before(row, run[place - 1], columns, first):
            run[place] = run[place - 1]
            place -= 1
        run[place] = row


@lean_kernel
def _before(one: int, other: int, columns: Floats, first: int) -> bool:
    for column in range(first, len(columns)):
        if columns[column, one] != columns[column, other]:
            return columns[column, one] > columns[column, other]
    return False


@lean_kernel
def alike(one: int, other: int, columns: Floats) -> bool:
    """Do two rows agree in every column?"""
    same = True
    for column in range(len(columns)):
        same &= columns[column, one] == columns[column, other]
    return same


@kernel
def lexicographic(rows: Rows, values: Floats, columns: Floats, first: int) -> npt.NDArray[np.bool_]:
    """Sort ``rows`` (k,), in the order of ``values`` (n,) already, by the ``columns`` (m, n) from ``first`` on.

    Returns which of the sorted rows agree with the one before in ``values`` and in every column, (k,).
    """
    repeated = np.zeros(len(rows), np.bool_)
    start, count = 0, len(rows)
    while start < count:
        stop = start + 1
        while stop < count and values[rows[stop]] == values[rows[start]]:
            stop += 1
        if stop - start > 1:
            run = rows[start:stop]
            run.sort()
            sort_run(run, columns, first)
            for index in range(start + 1, stop):
                repeated[index] = alike(rows[index], rows[index - 1], columns)
        start = stop
    return repeated
