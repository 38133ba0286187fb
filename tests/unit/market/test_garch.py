"""GARCH parameters and paths, against the package arch in both directions."""

import numpy as np
import pytest
from arch import arch_model
from arch.univariate import GARCH, ConstantMean, StudentsT
from statsmodels.stats.diagnostic import acorr_ljungbox

from common.market.garch import FREEDOM_MAX, Garch, draw_path, estimate
from common.market.shapes import Shapes, shapes_of
from common.random import new_stream
from tests.unit.market.samples import constant

MODEL = Garch(0.0002, 1e-4, 0.1, 0.96, 8, 0.2)


def shapes(returns: np.ndarray) -> Shapes:
    still = np.zeros(len(returns))
    return Shapes(still, np.maximum(returns, 0), np.minimum(returns, 0), returns, still)


def path(model: Garch, bars: int, seed: int = 1) -> np.ndarray:
    return draw_path(new_stream(np.uint64(seed), 0, 0, 0), model, bars)


@pytest.mark.parametrize(("alpha", "persistence"), [(0.04, 0.98), (0.1, 0.94)])
def test_parameters_of_a_path_of_arch_are_found(alpha: float, persistence: float) -> None:
    model = ConstantMean(volatility=GARCH(), distribution=StudentsT(seed=5))
    truth = [0.05, 1 - persistence, alpha, persistence - alpha, 10.0]  # in percent, of variance one
    found = estimate(shapes(model.simulate(truth, 20_000)["data"].to_numpy() / 100))
    assert found.mean == pytest.approx(0.0005, abs=4 * 0.01 / 20_000**0.5)
    assert found.variance == pytest.approx(1e-4, rel=0.25)
    assert found.alpha == pytest.approx(alpha, abs=0.021)
    assert found.persistence == pytest.approx(persistence, abs=0.021)
    assert 6 <= found.freedom <= 16


def test_arch_finds_the_parameters_of_our_path() -> None:
    gap, _, _, close, _ = path(MODEL, 20_000)
    fitted = arch_model(100 * (gap + close), dist="t", rescale=False).fit(disp="off").params
    assert fitted["mu"] == pytest.approx(0.02, abs=0.03)
    assert fitted["alpha[1]"] == pytest.approx(0.1, abs=0.02)
    assert fitted["alpha[1]"] + fitted["beta[1]"] == pytest.approx(0.96, abs=0.015)
    assert fitted["nu"] == pytest.approx(8, abs=1.5)


def test_volatility_comes_in_clusters_and_only_where_the_model_has_them() -> None:
    def ljung_box(model: Garch) -> float:
        gap, _, _, close, _ = path(model, 5_000)
        return float(acorr_ljungbox((gap + close) ** 2, lags=[10])["lb_pvalue"].iloc[0])

    assert ljung_box(MODEL) < 1e-10
    assert ljung_box(MODEL._replace(alpha=0.0, persistence=0.0)) > 1e-3


def test_night_and_day_share_the_variance_and_the_range_is_that_of_brownian_motion() -> None:
    still = Garch(0.0, 1e-4, 0.0, 0.0, 200, 0.3)
    gap, high, low, close, deviation = path(still, 20_000)
    np.testing.assert_allclose(deviation, 0.01)
    assert gap.var() == pytest.approx(0.3e-4, rel=0.05)
    assert close.var() == pytest.approx(0.7e-4, rel=0.05)
    assert abs(np.corrcoef(gap, close)[0, 1]) < 0.03
    # Parkinson (1980); extremes drawn apart add a bit.
    assert (high - low).mean() == pytest.approx((8 / np.pi) ** 0.5 * 0.01 * 0.7**0.5, rel=0.1)
    assert (high >= np.maximum(close, 0)).all()
    assert (low <= np.minimum(close, 0)).all()


def test_a_price_that_stands_still_has_a_path_that_does() -> None:
    found = estimate(shapes_of(constant(50)))
    assert found == Garch(0.0, 0.0, 0.0, 0.0, FREEDOM_MAX, 0.0)
    assert not path(found, 20).any()


def test_steady_growth_is_no_volatility() -> None:
    assert estimate(shapes(np.full(100, 0.0123456789))).variance == 0.0
