"""Engineered features are what their words say, known at their bar, cached by what matters, equal when recomputed."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.genome.codec import from_json
from common.genome.features import FEATURES
from common.genome.layout import GENOME, Population, default_population
from common.genome.slots import (
    OPERANDS,
    PREDICATES,
    SLOT_BASE,
    SLOT_TEXTS,
    SOURCE_BY_TEXT,
    SOURCE_TEXTS,
    SOURCES,
    TRANSFORM_GENES,
    TRANSFORMS,
)
from common.genome.tree import TOKEN_LIMIT
from common.market import engineered
from common.market.bars import HOUR_US, Bars
from common.market.engineered import GENOMES_MAX, EngineeredBank, keys_of
from common.market.engineered_component import principal_component
from common.market.engineered_series import log_above_low, rolling_rank, rolling_zscore, transformed
from common.market.indicators import feature_series
from common.market.quantile import quantile_rank
from common.market.timeframes import coarser
from tests.unit.market.samples import walk

ONE, OTHER = "rsi(14)", "close/sma(20) @higher"
DRAWN = [name for name in TRANSFORMS if name not in ("none", "principal_component")]


def genome(transform: str, question: str, window: int = 20, lag: int = 0, sources: tuple[str, ...] = ()) -> np.void:
    read = int(OPERANDS[TRANSFORMS.index(transform)])
    slot = {
        "slot0_transform": transform,
        "slot0_window": window,
        "slot0_lag": lag,
        "slot0_sources": list((sources or (ONE, OTHER))[:read]),
    }
    return from_json({"version": 2, "logic": {"long_entry": f"slot0 {question}"}, "features": slot})


def random_slots(size: int, seed: int, transforms: list[str] = DRAWN) -> Population:
    """Genomes that ask one question each; not valid otherwise."""
    draw = np.random.default_rng(seed)
    population = default_population(size)
    for slot, place in enumerate(TRANSFORM_GENES):
        transform = draw.choice([TRANSFORMS.index(name) for name in transforms], size)
        population["alleles"][:, place] = transform
        population["alleles"][:, place + 1] = draw.integers(0, 5, size)
        population["alleles"][:, place + 2] = draw.integers(0, 4, size)
        read = np.arange(2) < OPERANDS[transform][:, None]
        population["feature_sources"][:, slot] = draw.integers(0, SOURCES, (size, 2)) * read
    population["trees"][:, 0, 0] = SLOT_BASE + draw.integers(0, 4 * PREDICATES, size)
    return population


def answers(bank: EngineeredBank, population: Population) -> npt.NDArray[np.uint64]:
    """The bitmap of each genome's first token (n, words)."""
    extra, trees = bank.rows(population)
    return extra[trees[:, 0, 0].astype(np.int64) - TOKEN_LIMIT]


def bits(words: npt.NDArray[np.uint64], bars: int) -> npt.NDArray[np.bool_]:
    return np.unpackbits(words.astype("<u8").view(np.uint8), count=bars, bitorder="little").astype(np.bool_)


def by_hand(bars: Bars, text: str) -> npt.NDArray[np.float64]:
    """A source over the base bars, through pandas."""
    feature, _, timeframe = text.partition(" @")
    view = {"": None, "higher": 0, "highest": 1}[timeframe]
    of = next(each for each in FEATURES if each.text == feature)
    if view is None:
        return feature_series(of, bars)
    coarse = coarser(bars)[view]
    values = feature_series(of, coarse.bars)
    return np.array([values[known] if known >= 0 else np.nan for known in coarse.known])


def reference(transform: str, a: pd.Series, b: pd.Series, window: int) -> pd.Series:
    """The transforms as pandas computes them."""
    rolling = a.rolling(window)
    match transform:
        case "zscore":
            return (a - rolling.mean()) / rolling.std(ddof=0)
        case "rank":
            return (a.rolling(window + 1).rank() - 1) / window
        case "difference":
            return a.diff(window)
        case "log":
            return pd.Series(np.log1p(a - rolling.min()))
        case "product":
            return a * b
        case "ratio":
            return (a / b).replace([np.inf, -np.inf], np.nan)
        case _:
            return a


@given(
    st.sampled_from(DRAWN),
    st.integers(0, 400),
    st.sampled_from([5, 10, 20, 60, 120]),
    st.integers(0, 2**32 - 1),
    st.floats(0, 0.05),
)
@settings(max_examples=80, deadline=None)
def test_every_transform_is_that_of_pandas(transform: str, bars: int, window: int, seed: int, unknown: float) -> None:
    draw = np.random.default_rng(seed)
    a, b = draw.normal(3.0, 2.0, (2, bars))
    a[draw.random(bars) < unknown] = np.nan
    b[draw.random(bars) < 0.1] = 0.0
    expected = reference(transform, pd.Series(a), pd.Series(b), window)
    np.testing.assert_allclose(transformed(transform, a, b, window), expected, rtol=1e-9, atol=1e-9)


def test_equal_values_have_no_score_and_one_outlier_spoils_no_later_window() -> None:
    assert np.isnan(rolling_zscore(np.full(50, 0.1), 20)).all()
    spiked = np.sin(np.arange(200.0))
    spiked[60] = 1e12
    np.testing.assert_allclose(rolling_zscore(spiked, 20)[81:], rolling_zscore(np.sin(np.arange(200.0)), 20)[81:])


def test_hand_written_ranks_and_logarithms() -> None:
    series = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 3.0, 9.0])
    assert rolling_rank(series, 5)[5:].tolist() == [0.5, 1.0]
    assert log_above_low(series, 5)[4:] == pytest.approx(np.log([5.0, 2.0, 7.0]))


def test_the_component_is_the_first_one_of_the_correlation_matrix_by_lapack() -> None:
    draw = np.random.default_rng(3)
    common = draw.normal(size=2600)
    mixed = np.stack([weight * common + draw.normal(size=2600) for weight in (2.0, 1.0, -1.5, 0.5, 0.0)])
    found = principal_component(mixed)
    assert np.isnan(found[:250]).all()
    before = None
    for start in range(250, 2600, 250):
        fit = mixed[:, max(0, start - 1000) : start]
        vector = np.linalg.eigh(np.corrcoef(fit))[1][:, -1]
        against = vector if before is None else vector * before
        vector = vector if against.sum() >= 0 else -vector
        before = vector
        score = (mixed[:, start : start + 250] - fit.mean(axis=1)[:, None]) / fit.std(axis=1)[:, None]
        np.testing.assert_allclose(found[start : start + 250], vector @ score, rtol=1e-7, atol=1e-7)


def test_a_feature_that_never_moves_or_is_unknown_has_no_part_in_the_component() -> None:
    draw = np.random.default_rng(4)
    moving = draw.normal(size=(3, 800))
    still = np.concatenate([moving, np.full((1, 800), 5.0), np.full((1, 800), np.nan)])
    np.testing.assert_array_equal(principal_component(still), principal_component(moving))
    assert np.isnan(principal_component(still[3:])).all()


@pytest.mark.parametrize("transform", [name for name in TRANSFORMS if name != "none"])
@pytest.mark.parametrize("lag", [0, 2])
def test_every_bit_is_the_question_in_words(transform: str, lag: int) -> None:
    bars = walk(1500, seed=5)
    if transform == "principal_component":
        members = [feature.text for feature in FEATURES if feature.indicator.group == "momentum"]
        series = pd.Series(principal_component(np.stack([by_hand(bars, text) for text in members])))
    else:
        series = reference(transform, pd.Series(by_hand(bars, ONE)), pd.Series(by_hand(bars, OTHER)), 20)
    values = series.shift(lag)
    rank, change = pd.Series(quantile_rank(values.to_numpy())), values.diff()
    exact = transform not in ("zscore", "log")  # of these pandas' last digits differ
    for question, truth in {
        "> q80": rank > 0.8,
        "< q20": rank < 0.2,
        "rising": change > 0,
        "falling": change < 0,
        "> 0": values > 0,
        "< 0": values < 0,
    }.items():
        population = np.array([genome(transform, question, lag=lag)], GENOME)
        found = bits(answers(EngineeredBank(bars), population)[0], len(bars))
        assert (found != truth.to_numpy()).mean() <= (0 if exact else 0.01), question


@given(st.integers(1, 1400), st.integers(0, 2**32 - 1))
@settings(max_examples=8, deadline=None)
def test_truncating_the_future_changes_no_bit_before_it(kept: int, seed: int) -> None:
    bars = walk(1400, seed, bar_us=HOUR_US)
    population = random_slots(60, seed, [name for name in TRANSFORMS if name != "none"])
    full, cut = answers(EngineeredBank(bars), population), answers(EngineeredBank(bars.until(kept)), population)
    for one, other in zip(full, cut, strict=True):
        assert np.array_equal(bits(one, kept), bits(other, kept))
    assert not (cut[:, -1] & ~np.uint64((1 << ((kept - 1) % 64 + 1)) - 1)).any()


def test_genes_that_have_no_say_split_no_row_and_those_that_have_do() -> None:
    def row_count(*genomes: np.void) -> int:
        return len(EngineeredBank(BARS).rows(np.array(list(genomes), GENOME))[0])

    two = (ONE, OTHER)
    assert row_count(genome("product", "> 0", sources=two), genome("product", "> 0", 60, sources=two[::-1])) == 1
    assert row_count(genome("lag", "> q80", 5), genome("lag", "> q80", 60)) == 1
    cci = ("cci(20)",)
    assert row_count(genome("principal_component", "> 0", 5), genome("principal_component", "> 0", 60, 0, cci)) == 1
    assert row_count(genome("ratio", "> q80", sources=two), genome("ratio", "> q80", sources=two[::-1])) == 2
    assert row_count(genome("zscore", "> 0", 5), genome("zscore", "> 0", 60)) == 2
    assert row_count(genome("zscore", "> 0"), genome("zscore", "> 0", lag=1)) == 2
    assert row_count(genome("zscore", "> 0"), genome("zscore", "< 0")) == 2


def test_equal_questions_in_different_slots_share_a_row() -> None:
    population = np.array([genome("zscore", "> 0")] * 2, GENOME)
    zeroth, second = TRANSFORM_GENES[[0, 2]]
    population["alleles"][1, second : second + 3] = population["alleles"][1, zeroth : zeroth + 3]
    population["feature_sources"][1, 2] = population["feature_sources"][1, 0]
    population["trees"][1, 0, 0] = SLOT_BASE + SLOT_TEXTS.index("slot2 > 0")
    extra, trees = EngineeredBank(BARS).rows(population)
    assert len(extra) == 1
    assert trees[:, 0, 0].tolist() == [TOKEN_LIMIT, TOKEN_LIMIT]


def test_other_tokens_stay_and_the_population_is_not_written_to() -> None:
    population = np.array([genome("zscore", "> 0")], GENOME)
    population["trees"][0, 1, :3] = 64, 65, 1
    before = population.copy()
    extra, trees = EngineeredBank(BARS).rows(population)
    assert population.tobytes() == before.tobytes()
    assert trees[0, 1, :3].tolist() == [64, 65, 1]
    assert extra.shape == (1, -(-len(BARS) // 64))
    plain = default_population(3)
    assert EngineeredBank(BARS).rows(plain)[0].shape == (0, extra.shape[1])


@pytest.mark.parametrize("memory_bytes", [0, 30_000, 1 << 20])
def test_what_memory_dropped_is_computed_anew_and_equal(memory_bytes: int) -> None:
    population = random_slots(80, 7, TRANSFORMS_SMALL)
    roomy, tight = EngineeredBank(BARS), EngineeredBank(BARS, memory_bytes)
    expected = answers(roomy, population)
    for _ in range(2):
        assert np.array_equal(answers(tight, population), expected)
        assert tight.held_bytes <= memory_bytes
    assert np.array_equal(answers(roomy, population), expected)


def test_threads_get_the_same_bits() -> None:
    bank, population = EngineeredBank(BARS, 100_000), random_slots(120, 8)
    slices = [population[start : start + 10] for start in range(0, 120, 10)]
    with ThreadPoolExecutor(4) as pool:
        found = np.concatenate(list(pool.map(lambda part: answers(bank, part), slices)))
    assert np.array_equal(found, answers(EngineeredBank(BARS), population))


def test_so_many_genomes_as_promised_fit_and_more_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert TOKEN_LIMIT + GENOMES_MAX * 32 <= SLOT_BASE
    population = random_slots(40, 9)
    distinct = len(EngineeredBank(BARS).rows(population)[0])
    monkeypatch.setattr(engineered, "ROWS_MAX", distinct - 1)
    with pytest.raises(ValueError, match=f"{distinct} engineered bitmaps"):
        EngineeredBank(BARS).rows(population)


def test_a_key_names_every_source_and_allele() -> None:
    population = random_slots(3000, 10)
    keys = keys_of(population, np.arange(3000), np.zeros(3000, np.int64))
    place = TRANSFORM_GENES[0]
    rows = np.concatenate([population["alleles"][:, place : place + 3], population["feature_sources"][:, 0]], axis=1)
    assert len(np.unique(keys)) <= len(np.unique(rows, axis=0))
    zscores = rows[:, 0] == TRANSFORMS.index("zscore")
    assert len(np.unique(keys[zscores])) == len(np.unique(rows[zscores], axis=0))


def test_sources_are_positions_of_features_on_timeframes() -> None:
    assert len(SOURCE_TEXTS) == SOURCES == 3 * len(FEATURES)
    assert SOURCE_BY_TEXT["rsi(14) @higher"] == 3 * [feature.text for feature in FEATURES].index("rsi(14)") + 1


BARS = walk(700, seed=11)
TRANSFORMS_SMALL = [*DRAWN, "principal_component"]
