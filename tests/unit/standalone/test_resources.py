"""What an evaluator of a run may use follows from its workers, its islands and the settings."""

from pathlib import Path

import pytest

from common.errors import ConfigurationError
from evaluator.resources import BATCH_MAX, EvaluatorSettings, resources_of
from tests.unit.standalone.conftest import Galapagos


@pytest.mark.parametrize(
    ("workers", "islands", "threads"), [(4, 1, 4), (4, 2, 2), (4, 3, 1), (4, 4, 1), (4, 16, 1), (1, 1, 1), (1, 4, 1)]
)
def test_where_islands_are_fewer_than_workers_threads_share_a_cohort(workers, islands, threads):
    found = resources_of(EvaluatorSettings(), (), workers, islands)
    assert (found.threads, found.batch) == (threads, BATCH_MAX)


def test_what_is_set_is_taken():
    found = resources_of(EvaluatorSettings(threads=3, batch=500, cache=""), (), 4, 1)
    assert (found.threads, found.batch, found.cache) == (3, 500, None)


def test_an_unknown_cache_is_refused_by_its_url():
    with pytest.raises(ConfigurationError, match="cache 'disk://x' is not allowed"):
        resources_of(EvaluatorSettings(cache="disk://x"), (), 1, 1)


def test_a_run_with_a_setting_that_makes_no_sense_ends_with_2_before_it_has_a_folder(
    galapagos: Galapagos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GALAPAGOS_EVALUATOR_BATCH", "-1")
    code, out, err = galapagos("run", "--generations", "1")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "GALAPAGOS_EVALUATOR_BATCH '-1'" in err
    assert not (tmp_path / "runs").exists()
