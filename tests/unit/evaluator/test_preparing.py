"""What an evaluator does before its first cohort."""

import pytest

from common.errors import ConfigurationError
from common.events.event import Event
from common.events.spec import DataSpec, RunSpec
from common.market.synthetic import planted
from evaluator.preparing import arenas_of, warm_up
from evaluator.service import service

BARS = [planted(seed, 900, 0.5) for seed in (1, 2)]


def _spec() -> RunSpec:
    data = [
        DataSpec(name=f"{series.name}-{place}", digest=series.digest, bars=len(series), bars_per_year=252.0)
        for place, series in enumerate(BARS)
    ]
    return RunSpec(data=tuple(data), windows={"warmup_bars": 100})


def test_every_kind_of_genome_is_measured_once_and_none_of_them_fails():
    spec = _spec()
    evaluator = service(arenas_of(spec, BARS, 2))
    answers: list[Event] = []

    def step(state, events):
        state, news = evaluator.step(state, events)
        answers.extend(news)
        return state, news

    warm_up(type(evaluator)("evaluator", evaluator.consumes, evaluator.produces, step), spec)
    statuses = [status for event in answers for status in event.payload["status"]]
    assert len(statuses) == 10  # on each of two instruments: plain, engineered, and three kinds of portfolios
    assert set(statuses) == {0}


def test_bars_of_another_run_are_found_before_anything_is_read():
    spec = _spec()
    evaluator = service(arenas_of(spec, BARS, 1))
    other = spec.model_copy(update={"data": spec.data[::-1]})
    with pytest.raises(ConfigurationError, match=r"run\.data: digests"):
        warm_up(evaluator, other)
