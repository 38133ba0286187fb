"""What trading costs is told as it was configured."""

import pytest

from common.events.spec import Costs, Venue
from standalone.cost_words import costs_lines, venue_lines

FUNDED = Costs(default=Venue(taker_fee_bps=5), expensive=Venue(funding_long_bps_day=3, funding_short_bps_day=-2))


def test_a_venue_that_was_not_given_is_said_to_be_as_the_default() -> None:
    first = venue_lines(FUNDED, "cheap")[0]
    assert "as the default" in first
    assert "pays 7 basis points of its value: fee 5, half the spread 1, slippage 1" in first
    assert "as the default" not in venue_lines(FUNDED, "expensive")[0]


def test_funding_says_who_pays_and_who_receives() -> None:
    assert "a long one pays 3 and a short one receives 2" in venue_lines(FUNDED, "expensive")[-1]
    assert not any("Per day held" in line for line in venue_lines(FUNDED, "default"))


@pytest.mark.parametrize(
    ("costs", "said"),
    [
        (Costs(account=0), False),
        (Costs(account=5e6), True),
    ],
)
def test_only_an_account_that_can_move_a_market_is_told_of_its_size(costs: Costs, said: bool) -> None:
    assert ("With an account of" in " ".join(venue_lines(costs, "default"))) == said


def test_what_costs_nothing_is_not_told() -> None:
    free = Venue(slippage_volatility=0, impact=0, latency_ms=0)
    text = " ".join(venue_lines(Costs(default=free), "default"))
    assert not any(word in text for word in ("volatility", "late", "Per day held"))


def test_a_report_lists_the_venues_that_differ() -> None:
    assert [line.split(":")[0] for line in costs_lines(FUNDED)] == [
        "Costs at the venue “default”",
        "Costs at the venue “expensive”",
        "Account of one strategy",
    ]
    assert "the same at every venue" in costs_lines(Costs())[0]
