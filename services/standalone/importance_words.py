"""The table of importance: which part of a strategy carries how much of it, in words and as JSON values."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from common.backtest.arena import Arena
from common.backtest.costs import Floats
from common.backtest.windows import Cut
from common.genome.codec import to_json
from standalone.importance import PERMUTATIONS, importance
from standalone.wording import tree_words

Row = dict[str, Any]
HEADER = ("without", "Sharpe lost, yearly", "in training", "in validation", "trades changed")
NOTE = (
    "What the yearly Sharpe ratio of training and validation loses without each part; the vault is not read. A "
    f"condition is replaced by {PERMUTATIONS} permutations of itself in time (± their standard deviation), other genes "
    "by what leaves them without effect. Below 0: it would have done better without. Two parts that say the same may "
    "both show little."
)


def told(genome: np.void, arena: Arena, cut: Cut, costs: Floats) -> Row:
    """Importance as JSON values: Sharpe ratios of the whole, and the parts, the most important first.

    ``tree`` of a part is null for a block of genes, ``permutations`` 0: it was knocked out once.
    """
    found, features = importance(genome, arena, cut, costs), to_json(genome)["features"]
    parts = []
    for part in found.parts:
        words = part.name
        if part.tree:
            words = f"{part.tree.replace('_', ' ')}: {tree_words(part.name, arena.bars.bar_us, features)}"
        parts.append(
            {
                "part": words,
                "tree": part.tree or None,
                "name": part.name,
                "both": part.both._asdict(),
                "training": part.training._asdict(),
                "validation": part.validation._asdict(),
                "trades_changed": part.trades_changed,
                "permutations": part.trials if part.tree else 0,
            }
        )
    whole = {"both": found.both, "training": found.training, "validation": found.validation}
    return {"sharpe_annual": whole, "seed": found.seed, "parts": parts}


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """A part as people read it, in the order of ``HEADER``."""
    both = _signed(row["both"]["drop"])
    if row["permutations"]:
        both += f" ± {row['both']['spread']:.2f}"
    windows = (_signed(row[window]["drop"]) for window in ("training", "validation"))
    return (row["part"], both, *windows, f"{row['trades_changed']:.0%}")


def _signed(value: float) -> str:
    return f"{round(value, 2) + 0.0:+.2f}"  # adding 0 makes a zero of -0.0
