"""Replays one hand-written genome over the built-in bars: no bus, no services, only the library."""

import json
from pathlib import Path

from common.backtest.arena import prepare
from common.backtest.costs import cost_table
from common.backtest.replay import replay
from common.events.spec import Costs
from common.genome.codec import from_json
from common.market.defaults import default_bars

genome = from_json(json.loads((Path(__file__).parent / "golden_cross.json").read_text()))
costs = Costs()
table = cost_table(costs.account, costs.venues())
for bars in default_bars():
    found = replay(genome, prepare(bars), 250, len(bars), table)
    print(f"{bars.name}: {len(found.trades)} trades, equity {found.equity[-1]:.2f} times the start")
    for trade in found.trades[-3:]:
        print(f"  {trade.entry_bar} to {trade.exit_bar}: {trade.profit:+.1%}, out by {trade.reason}")
