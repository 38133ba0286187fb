"""Stress scenarios: what an instrument's own history could have been, were it worse or other than it was."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from common.errors import DataError
from common.kernel import kernel
from common.market.bars import Bars
from common.market.garch import draw_path, estimate
from common.market.shapes import Shapes, continued, next_times, shapes_of
from common.random import Stream, below, new_stream, uniform

SCENARIO_BARS = 200
WARMUP_BARS = 6_000
"""Real bars before a scenario, as far as there are: 250 days of hours, as many as a rank of days looks back."""
HISTORY_BARS_MIN = 2
STRETCH_BARS = 40
CRASH_FACTOR = 1.5
CRASH_DEVIATIONS, CRASH_MIN, CRASH_MAX = 20.0, 0.05, 0.7
"""October 1987 was a fall of some 20 standard deviations of a day."""
GAPS = 6
GAP_DEVIATIONS, GAP_MIN, GAP_MAX = 10.0, 0.06, 0.25
TURBULENCE_FACTOR = 3.0
BLOCK_BARS = 20


@dataclass(frozen=True, slots=True)
class Scenario:
    """Real bars, and from ``first`` on those of the scenario.

    ``spread_factor`` multiplies spread and slippage during it. ``volatility_factor`` is what its log returns were
    multiplied by; the bars have it already.
    """

    name: str
    bars: Bars
    first: int
    spread_factor: float
    volatility_factor: float


def scenarios(bars: Bars) -> tuple[Scenario, ...]:
    """Five continuations, 200 bars each, of the last ``WARMUP_BARS`` of ``bars``, made of nothing but ``bars``.

    Give the bars up to the end of training: whatever is given is known to who is tested on it. σ is the standard
    deviation of one bar's log return over all of them. Spreads are those of the venue but where said.

    * crash: the worst 40 bars of history (the lowest sum of log returns) with 80 bars before and after; their log
      moves × 1.5, and the bar in their middle falls by 20 σ more, at least 5 %, at most half (0.05 and 0.7 in logs).
      Spread × 3.
    * gaps: the last 200 bars again, six of which open away from the close before by one to two times 10 σ, that being
      held to 0.06 to 0.25 in logs, three up and three down of the same sizes; after a night or weekend if one is
      within 15 bars. Spread × 2.
    * turbulence: the last 200 bars again, returns three times as far from their mean, which stays. Spread × 5.
    * bootstrap: blocks of bars, of geometric length 20 on average, from anywhere in history (D. N. Politis and J. P.
      Romano, "The stationary bootstrap", JASA 89, 1994).
    * synthetic: a GARCH(1,1) with Student's t, of parameters told from history; volumes are of random bars, in
      proportion to the deviation of the day.

    A history shorter than what is repeated is repeated more often. Draws are functions of the digest of ``bars`` and
    the name. Raises DataError with fewer than two bars.
    """
    if len(bars) < HISTORY_BARS_MIN:
        raise DataError(f"bars {bars.name}: {len(bars)} bars make no scenario; give at least {HISTORY_BARS_MIN}")
    history = shapes_of(bars)
    warmup = _last(bars, WARMUP_BARS)
    return tuple(
        Scenario(
            name, continued(warmup, make(warmup, history, _stream_of(bars, name)), name), len(warmup), spread, factor
        )
        for name, make, spread, factor in _RECIPES
    )


def _last(bars: Bars, n: int) -> Bars:
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    open_, high, low, close, volume = (column[-n:] for column in columns)
    return Bars(bars.name, bars.ts_us[-n:], open_, high, low, close, volume, bars.bar_us)


def _stream_of(bars: Bars, name: str) -> Stream:
    key = hashlib.blake2b(f"{bars.digest}:{name}".encode(), digest_size=8).digest()
    return new_stream(np.uint64(int.from_bytes(key, "little")), 0, 0, 0)


def _replay(history: Shapes) -> Shapes:
    """The last bars of history once more, in their order."""
    bars = len(history.gap)
    return history.pick((bars - SCENARIO_BARS + np.arange(SCENARIO_BARS)) % bars)


def _crash(_warmup: Bars, history: Shapes, _stream: Stream) -> Shapes:
    returns = history.returns
    stretch = min(STRETCH_BARS, len(returns))
    total = np.cumsum(np.append(0.0, returns))
    worst = int(np.argmin(total[stretch:] - total[:-stretch]))
    place = np.arange(SCENARIO_BARS) - (SCENARIO_BARS - STRETCH_BARS) // 2  # 0 is the first bar of the stretch
    inside = (place >= 0) & (place < stretch)
    moved = history.pick((worst + place) % len(returns)).scaled(np.where(inside, CRASH_FACTOR, 1.0))
    fall = min(max(CRASH_DEVIATIONS * float(returns.std()), CRASH_MIN), CRASH_MAX) * (place == stretch // 2)
    return Shapes(moved.gap, moved.high, moved.low - fall, moved.close - fall, moved.volume)


def _gaps(warmup: Bars, history: Shapes, stream: Stream) -> Shapes:
    found = _replay(history)
    least = min(max(GAP_DEVIATIONS * float(history.returns.std()), GAP_MIN), GAP_MAX)
    sizes = [least * (1 + uniform(stream)) for _ in range(GAPS // 2)]
    jumps = [*sizes, *(-size for size in sizes)]
    times = next_times(warmup, SCENARIO_BARS)
    after_break = np.flatnonzero(np.diff(times, prepend=warmup.ts_us[-1:]) > warmup.bar_us)
    apart = SCENARIO_BARS // GAPS
    for target in range(apart // 2, SCENARIO_BARS, apart):
        near = after_break[np.abs(after_break - target) < apart // 2]
        place = int(near[np.argmin(np.abs(near - target))]) if near.size else target
        found.gap[place] = jumps.pop(below(stream, len(jumps)))
    return found


def _turbulence(_warmup: Bars, history: Shapes, _stream: Stream) -> Shapes:
    replay = _replay(history)
    wide = replay.scaled(TURBULENCE_FACTOR)
    wide.gap[:] -= (TURBULENCE_FACTOR - 1) * replay.returns.mean()
    return wide


def _bootstrap(_warmup: Bars, history: Shapes, stream: Stream) -> Shapes:
    return history.pick(stationary_places(stream, len(history.gap), SCENARIO_BARS, BLOCK_BARS))


def _synthetic(_warmup: Bars, history: Shapes, stream: Stream) -> Shapes:
    model = estimate(history)
    gap, high, low, close, deviation = draw_path(stream, model, SCENARIO_BARS)
    places = stationary_places(stream, len(history.gap), SCENARIO_BARS, 1)
    usual = model.variance**0.5
    volume = history.volume[places] * (deviation / usual if usual > 0 else 1.0)
    return Shapes(gap, high, low, close, volume)


@kernel
def stationary_places(stream: Stream, bars: int, count: int, block_bars: int) -> npt.NDArray[np.int64]:
    """``count`` places among ``bars`` of a circle: each follows the one before, or with 1 / block_bars is any."""
    places = np.empty(count, np.int64)
    place = 0
    for i in range(count):
        place = below(stream, bars) if i == 0 or uniform(stream) * block_bars < 1.0 else (place + 1) % bars
        places[i] = place
    return places


_Recipe = Callable[[Bars, Shapes, Stream], Shapes]
_RECIPES: tuple[tuple[str, _Recipe, float, float], ...] = (
    ("crash", _crash, 3.0, CRASH_FACTOR),
    ("gaps", _gaps, 2.0, 1.0),
    ("turbulence", _turbulence, 5.0, TURBULENCE_FACTOR),
    ("bootstrap", _bootstrap, 1.0, 1.0),
    ("synthetic", _synthetic, 1.0, 1.0),
)
