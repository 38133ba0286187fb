"""Made-up markets hold what they promise: a known rule in one, nothing in the other."""

import numpy as np
import pytest

from common.errors import ConfigurationError
from common.market.synthetic import DAILY_VOLATILITY, noise, planted

BARS = 20_000


def returns(seed: int, strength: float) -> np.ndarray:
    return np.diff(np.log(planted(seed, BARS, strength).close))


@pytest.mark.parametrize("strength", [0.0, 0.2, 0.5])
def test_the_autocorrelation_is_the_strength_and_the_volatility_stays(strength: float) -> None:
    change = returns(11, strength)
    assert np.corrcoef(change[1:], change[:-1])[0, 1] == pytest.approx(-strength, abs=4 / BARS**0.5)
    assert change.std() == pytest.approx(DAILY_VOLATILITY, rel=0.03)


def test_buying_at_the_open_after_a_fall_earns_what_was_planted() -> None:
    bars = planted(4, BARS, 0.4)
    change = np.diff(np.log(bars.close))[:-2]
    earned = np.log(bars.open[3:] / bars.open[2:-1])
    fell = change < 0
    error = earned[fell].std() / fell.sum() ** 0.5
    assert earned[fell].mean() == pytest.approx(-0.4 * change[fell].mean(), abs=4 * error)
    assert earned[fell].mean() > 20 * error


def test_noise_pays_nobody_for_it() -> None:
    bars = noise(4, BARS)
    fell = np.diff(np.log(bars.close))[:-2] < 0
    earned = np.log(bars.open[3:] / bars.open[2:-1])[fell]
    assert abs(earned.mean()) < 4 * earned.std() / fell.sum() ** 0.5


def test_the_seed_decides_everything() -> None:
    assert planted(5, 300, 0.3).digest == planted(5, 300, 0.3).digest
    assert len({noise(5, 300).digest, noise(6, 300).digest, planted(5, 300, 0.3).digest}) == 3


def test_days_are_weekdays_and_ranges_are_wider_than_open_to_close() -> None:
    bars = noise(1, 1000)
    assert (np.is_busday(bars.ts_us.astype("datetime64[us]").astype("datetime64[D]"))).all()
    assert (bars.high > np.maximum(bars.open, bars.close)).mean() > 0.95
    # E[range] of Brownian motion is sqrt(8 / pi) of its deviation (Parkinson, 1980); extremes drawn apart add a bit.
    assert np.log(bars.high / bars.low).mean() == pytest.approx(
        (8 / np.pi) ** 0.5 * DAILY_VOLATILITY * 0.85**0.5, rel=0.1
    )


@pytest.mark.parametrize("strength", [-0.1, 0.95, float("nan")])
def test_a_strength_that_cannot_be_is_refused(strength: float) -> None:
    with pytest.raises(ConfigurationError, match="strength"):
        planted(1, 100, strength)
    with pytest.raises(ConfigurationError, match="bars"):
        noise(1, 1)
