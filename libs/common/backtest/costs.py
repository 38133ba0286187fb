"""What a fill costs."""

from typing import NamedTuple


class CostRates(NamedTuple):
    """Shares of traded value: fees of a limit and of a market fill, and the price concession of a market fill."""

    maker_fee: float
    taker_fee: float
    concession: float
    """Half the spread plus slippage: a market buy pays ``price * (1 + concession)``."""


def cost_rates(maker_fee_bps: float, taker_fee_bps: float, spread_bps: float, slippage_bps: float) -> CostRates:
    """Basis points to shares."""
    return CostRates(maker_fee_bps / 1e4, taker_fee_bps / 1e4, (spread_bps / 2 + slippage_bps) / 1e4)
