"""The watchdog names the islands that wait for what never comes, and lets a run alone that moves."""

import pytest

from standalone.watchdog import STALLED_S, Watchdog


def test_stillness_on_an_empty_bus_is_an_error_that_names_the_islands_behind() -> None:
    dog = Watchdog(3, now=0.0)
    dog.see(1.0, 0, {0: 4, 1: 3})
    dog.check(1.0 + STALLED_S)
    with pytest.raises(RuntimeError, match="islands 2 wait for generation 0"):
        dog.check(2.0 + STALLED_S)
    dog.see(50.0, 0, {0: 4, 1: 3, 2: 3})
    dog.check(50.0 + STALLED_S)
    with pytest.raises(RuntimeError, match="islands 1, 2 wait for generation 4"):
        dog.check(51.0 + STALLED_S)


def test_a_full_bus_is_waited_for_but_known_to_be_still() -> None:
    dog = Watchdog(1, now=0.0)
    dog.see(1.0, 500, {0: 3})
    dog.check(1000.0)
    assert dog.is_still(1000.0)
    dog.see(1001.0, 400, {0: 3})
    assert not dog.is_still(1002.0)


def test_who_has_always_been_slow_is_given_more_time() -> None:
    dog = Watchdog(1, now=0.0)
    dog.see(100.0, 500, {0: 3})
    dog.see(200.0, 400, {0: 3})
    assert not dog.is_still(499.0)
    assert dog.is_still(501.0)
