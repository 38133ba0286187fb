"""Windows are in order, do not touch, and leave nothing of the vault to anybody else."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.backtest.windows import cut
from common.errors import DataError


@given(
    st.integers(1500, 50_000),
    st.integers(0, 300),
    st.integers(1, 6),
    st.integers(1, 3),
    st.integers(0, 30),
    st.integers(0, 30),
)
def test_windows_are_ordered_and_separated_by_purge_and_embargo(bars, warmup, folds, guard_folds, purge, embargo):
    found = cut(bars, warmup, 0.5, 0.2, 0.2, folds, guard_folds, purge, embargo)
    windows = [found.training, found.validation, found.vault, (found.paper,)]
    assert [len(window) for window in windows] == [folds, guard_folds, 1, 1]
    assert found.training[0][0] == warmup
    for window in windows:
        for (_, stop), (start, _) in pairwise(window):
            assert start == stop
    for before, after in pairwise(windows):
        assert after[0][0] - before[-1][1] == purge + embargo
    assert found.paper[1] == bars
    assert found.paper[0] < bars


def test_too_little_history_is_refused_with_the_remedy():
    with pytest.raises(DataError, match=r"300 bars .* give more history"):
        cut(300, 250, 0.55, 0.15, 0.22, 4, 2, 10, 10)


def test_windows_that_leave_no_paper_stretch_are_refused():
    with pytest.raises(DataError, match="less than 1"):
        cut(5000, 250, 0.6, 0.2, 0.2, 4, 2, 10, 10)
