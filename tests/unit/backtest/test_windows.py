"""Windows are in order, do not touch, and leave nothing of the vault to anybody else."""

from contextlib import suppress
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import TimeSeriesSplit

from common.backtest.walk_forward import walk_forward
from common.backtest.windows import FOLD_BARS_MIN, Cut, check_sealed, cut
from common.errors import DataError
from common.market.bars import DAY_US, HOUR_US, Bars

BARS, WARMUP, GAP = st.integers(3000, 50_000), st.integers(0, 300), st.integers(0, 30)
STEPS = st.integers(1, 8)
WALKS = st.sampled_from(["rolling", "anchored"])


def series_of(name: str, times: np.ndarray) -> Bars:
    """Bars of one price at these times."""
    price = np.ones(len(times))
    return Bars.make(name, times, price, price, price, price, price)


@given(BARS, WARMUP, st.integers(1, 6), st.integers(1, 3), GAP, GAP)
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


@given(BARS, WARMUP, STEPS, GAP, GAP, WALKS)
def test_a_walk_forward_takes_turns_with_a_gap_before_and_an_embargo_after_each_test(
    bars, warmup, steps, purge, embargo, scheme
):
    found = cut(bars, warmup, 0.5, 0.2, 0.2, steps, 2, purge, embargo, scheme)
    assert len(found.training) == len(found.validation) == steps
    assert found.training[0][0] == warmup
    for train, test in zip(found.training, found.validation, strict=True):
        assert test[0] - train[1] == purge + embargo
    for test, train in zip(found.validation, found.training[1:], strict=False):
        assert train[0] - test[1] == embargo
    assert len({stop - start for start, stop in found.training}) == 1
    assert len({stop - start for start, stop in found.validation}) == 1
    assert found.vault[0][0] - found.validation[-1][1] == purge + embargo
    assert found.paper[0] - found.vault[0][1] == purge + embargo
    assert found.paper[1] == bars


@given(BARS, WARMUP, STEPS, GAP, GAP, WALKS)
def test_windows_have_the_shares_they_were_given_in_every_scheme(bars, warmup, steps, purge, embargo, scheme):
    found = cut(bars, warmup, 0.5, 0.2, 0.2, steps, 2, purge, embargo, scheme)
    usable = bars - warmup - (steps + 2) * (purge + embargo) - (steps - 1) * embargo
    for spans, share in ((found.training, 0.5), (found.validation, 0.2), (found.vault, 0.2)):
        assert 0 <= usable * share - sum(stop - start for start, stop in spans) < steps + 1


@given(BARS, WARMUP, GAP, GAP, WALKS)
def test_a_walk_of_one_step_is_the_blocks_of_one_fold(bars, warmup, purge, embargo, scheme):
    walk = cut(bars, warmup, 0.5, 0.2, 0.2, 1, 1, purge, embargo, scheme)
    blocks = cut(bars, warmup, 0.5, 0.2, 0.2, 1, 1, purge, embargo)
    assert (walk.training, walk.validation, walk.vault, walk.paper) == (
        blocks.training,
        blocks.validation,
        blocks.vault,
        blocks.paper,
    )


@given(BARS, WARMUP, st.integers(2, 8), GAP, GAP)
@settings(max_examples=40)
def test_rolling_steps_are_those_of_scikit_learn(bars, warmup, steps, purge, embargo):
    """Its splits lie edge to edge, ours leave an embargo: the last split of each history up to a step is compared."""
    found = cut(bars, warmup, 0.5, 0.2, 0.2, steps, 2, purge, embargo, "rolling")
    length, test_size = (spans[0][1] - spans[0][0] for spans in (found.training, found.validation))
    for step in walk_forward(found):
        oracle = TimeSeriesSplit(2, max_train_size=length, test_size=test_size, gap=purge + embargo)
        *_, (train, test) = oracle.split(np.zeros(step.test[1]))
        assert [(int(part[0]), int(part[-1]) + 1) for part in (train, test)] == [*step.train, step.test]


@given(BARS, WARMUP, st.integers(2, 8), GAP, GAP)
@settings(max_examples=40)
def test_anchored_steps_are_those_of_scikit_learn_without_what_was_tested_before(bars, warmup, steps, purge, embargo):
    found = cut(bars, warmup, 0.5, 0.2, 0.2, steps, 2, purge, embargo, "anchored")
    test_size = found.validation[0][1] - found.validation[0][0]
    for number, step in enumerate(walk_forward(found)):
        *_, (train, test) = TimeSeriesSplit(2, test_size=test_size, gap=purge + embargo).split(np.zeros(step.test[1]))
        kept = set(train.tolist()) - set(range(warmup))
        for start, stop in found.validation[:number]:
            kept -= set(range(start - purge - embargo, stop + embargo))
        assert kept == {bar for span in step.train for bar in range(*span)}
        assert (int(test[0]), int(test[-1]) + 1) == step.test


@given(BARS, WARMUP, STEPS, st.integers(1, 4), GAP, GAP, st.sampled_from(["blocks", "rolling", "anchored"]))
def test_no_step_is_tested_before_its_gap(bars, warmup, folds, guard_folds, purge, embargo, scheme):
    found = cut(bars, warmup, 0.5, 0.2, 0.2, folds, guard_folds, purge, embargo, scheme)
    steps = walk_forward(found)
    assert [step.test for step in steps] == list(found.validation)
    assert steps[-1].train == (found.training[-1:] if scheme == "rolling" else found.training)
    for step in steps:
        assert step.train
        assert step.test[0] - max(stop for _, stop in step.train) >= purge + embargo
    # Up to here nothing judges a strategy: scenarios made of these bars tell it nothing of a test.
    assert found.bred_stop <= found.validation[0][0] - purge - embargo
    assert scheme != "blocks" or found.bred_stop == found.training[-1][1]


@given(BARS, WARMUP, STEPS, GAP, GAP, st.sampled_from(["blocks", "rolling", "anchored"]))
def test_a_sealed_cut_names_no_bar_from_the_vault_on(bars, warmup, folds, purge, embargo, scheme):
    found = cut(bars, warmup, 0.5, 0.2, 0.2, folds, 2, purge, embargo, scheme)
    sealed = found.sealed()
    assert (sealed.training, sealed.validation, sealed.scheme) == (found.training, found.validation, scheme)
    assert sealed.vault == ()
    assert max(sealed.paper) == found.seen_stop <= found.vault[0][0] - purge - embargo


@given(st.integers(0, 3000), WALKS)
@settings(max_examples=40)
def test_the_seal_is_the_last_bar_of_the_last_step_against_the_first_of_any_vault(shift, scheme):
    one = cut(5000, 250, 0.5, 0.2, 0.2, 4, 2, 10, 10, scheme)
    clock = HOUR_US * np.arange(5000, dtype=np.int64)
    series = [series_of("early", clock), series_of("late", clock + HOUR_US * shift)]
    if shift + one.validation[-1][1] - 1 < one.vault[0][0]:
        check_sealed(series, [one, one])
    else:
        with pytest.raises(DataError, match=r"late is bred and validated until .* vault of early begins"):
            check_sealed(series, [one, one])


@pytest.mark.parametrize(("hours", "overlaps"), [(24, False), (23, True), (1, True)])
def test_a_seen_day_has_to_be_over_before_the_hours_of_another_vault_begin(hours, overlaps):
    last_seen = 49 * DAY_US
    days = series_of("days", DAY_US * np.arange(100, dtype=np.int64))
    other = series_of("hours", last_seen + HOUR_US * (np.arange(100, dtype=np.int64) - 60 + hours))
    one = Cut(((0, 40),), ((40, 50),), ((60, 80),), (80, 100))
    if overlaps:
        with pytest.raises(DataError, match="days is bred and validated until 1970-02-20T00:00, but the vault of hou"):
            check_sealed([days, other], [one, one])
    else:
        check_sealed([days, other], [one, one])


def test_months_that_follow_each_other_without_a_gap_are_no_overlap():
    months = np.arange(100).astype("datetime64[M]").astype("datetime64[us]").astype(np.int64)
    touching = Cut(((0, 25),), ((25, 50),), ((50, 80),), (80, 100))  # February 1974 is the last that is seen
    check_sealed([series_of("months", months)], [touching])


@given(st.integers(100, 1500), STEPS, GAP, WALKS)
def test_a_fold_is_never_shorter_than_the_least(bars, steps, gap, scheme):
    found = Cut((), (), (), (0, 0))
    with suppress(DataError):
        found = cut(bars, 50, 0.5, 0.2, 0.2, steps, 2, gap, gap, scheme)
    for start, stop in (*found.training, *found.validation, *found.vault):
        assert stop - start >= FOLD_BARS_MIN


def test_too_little_history_is_refused_with_the_remedy():
    with pytest.raises(DataError, match=r"300 bars .* give more history"):
        cut(300, 250, 0.55, 0.15, 0.22, 4, 2, 10, 10)


def test_windows_that_leave_no_paper_stretch_are_refused():
    with pytest.raises(DataError, match="less than 1"):
        cut(5000, 250, 0.6, 0.2, 0.2, 4, 2, 10, 10)
