"""Drift is not skill: strategies without any, long or short, have a detrended t-statistic centred on zero."""

import numpy as np
import pytest

from common.backtest.costs import flat_costs
from common.backtest.measure import measure
from common.backtest.windows import Cut
from common.events.cohorts import EVIDENCE
from common.genome.layout import GENOME

BARS, CONDITIONS, MARKETS = 600, 40, 25
Z = EVIDENCE.index("detrended_z")


def drifting_market(market, seed: int, drift: float):
    draws = np.random.Generator(np.random.Philox(seed))
    overnight, intraday = draws.normal(drift / 2, 0.005, BARS), draws.normal(drift / 2, 0.008, BARS)
    close = 100 * np.exp(np.cumsum(overnight + intraday))
    open_ = close * np.exp(-intraday)
    reach = 1 + np.abs(draws.normal(0, 0.003, (2, BARS)))
    conditions = [draws.random(BARS) < 0.2 for _ in range(CONDITIONS)]
    return market(
        open_,
        high=np.maximum(open_, close) * reach[0],
        low=np.minimum(open_, close) / reach[1],
        close=close,
        conditions=conditions,
    )


@pytest.mark.parametrize("side", ["long", "short"])
@pytest.mark.parametrize(
    ("exits", "flattered"),
    [
        ({"exit.time_exit_bars": 1, "exit.stop_distance": 20.0}, False),
        ({"exit.time_exit_bars": 5, "exit.stop_distance": 20.0}, False),
        ({"exit.stop_distance": 1.0, "exit.target_kind": "percent", "exit.target_distance": 1.0}, True),
        ({"execution.schedule": "twap", "exit.time_exit_bars": 2, "exit.stop_distance": 20.0}, True),
        ({"entry.order_type": "limit", "execution.limit_offset_bps": 20.0, "exit.time_exit_bars": 2}, True),
    ],
    ids=["one bar", "five bars", "stop and target inside the bar", "worked over the bar", "limit inside the bar"],
)
def test_random_entries_in_a_drifting_market_show_no_skill(market, genome, arena_of, side, exits, flattered):
    population = np.array(
        [genome(**{f"{side}_entry": [k], "entry.direction": side, **exits}) for k in range(CONDITIONS)], GENOME
    )
    whole = Cut(((0, BARS),), (), (), (BARS, BARS))
    z = []
    for seed in range(MARKETS):
        arena = arena_of(drifting_market(market, seed, drift=0.002))
        found = measure(population, [arena], [whole], flat_costs(), 1, False)
        z.append(found.evidence[:, 0, Z].mean())
    # The conditions of one market share its prices: markets, not conditions, are the independent draws.
    mean, error = np.mean(z), np.std(z, ddof=1) / np.sqrt(MARKETS)
    assert mean < 3 * error
    if not flattered:
        assert mean > -3 * error
