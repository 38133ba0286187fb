"""Runs whose training and validation take turns, from end to end: what was planted is found, the vault is kept."""

import pytest

from common.market.synthetic import noise
from common.run.stretches import cut_of
from tests.flow.conftest import PLANTED, SMALL, Evolve

STEPS = 4


def windows(scheme: str) -> dict[str, object]:
    return {"windows": SMALL["windows"] | {"scheme": scheme, "training_folds": STEPS}}


@pytest.mark.parametrize("scheme", ["rolling", "anchored"])
def test_planted_alpha_walks_forward_to_paper_and_each_look_at_the_vault_is_counted(
    evolve: Evolve, scheme: str
) -> None:
    result = evolve(**windows(scheme))
    run, spec = result.run, result.folder.spec()
    assert spec.windows.scheme == scheme
    assert run["champions"] > 0
    assert run["registered"] == run["vault_reads"] == run["champions"] + sum(run["refusals"].values())
    assert (run["vault_looks"], run["vault_looks_unregistered"]) == (run["vault_reads"], 0)

    cut = cut_of(len(PLANTED), spec.windows)
    on_paper = [row for row in result.champions if row["state"] == "paper"]
    assert on_paper
    assert all(0 < row["performance"]["bars"] <= cut.paper[1] - cut.paper[0] for row in on_paper)

    page = result.folder.report.read_text()
    days = PLANTED.ts_us.astype("datetime64[us]").astype("datetime64[D]").astype(str)
    assert len(cut.validation) == STEPS
    for own, (start, stop) in zip(cut.training, cut.validation, strict=True):
        first = cut.training[0][0] if scheme == "anchored" else own[0]
        assert f"{days[first]} to {days[own[1] - 1]}" in page
        assert f"{days[start]} to {days[stop - 1]}" in page
    assert "Training and validation take turns" in page


def test_anchored_and_rolling_runs_differ_in_name_and_not_in_what_breeding_sees(evolve: Evolve) -> None:
    rolling, anchored = (evolve(generations=2, **windows(scheme)) for scheme in ("rolling", "anchored"))
    assert rolling.run["run_id"] != anchored.run["run_id"]
    assert rolling.run["strategies_evaluated"] == anchored.run["strategies_evaluated"] == 2 * 2 * 128
    many = evolve(generations=2, workers=3, **windows("anchored"))
    assert many.run["digest"] == anchored.run["digest"]


def test_noise_yields_nothing_in_a_walk_forward_either(evolve: Evolve) -> None:
    result = evolve([noise(1, 2500)], **windows("anchored"))
    assert (result.run["champions"], result.champions) == (0, [])
