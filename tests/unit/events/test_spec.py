"""The run specification: what it means and what it refuses."""

import pytest
from pydantic import ValidationError

from common.events.spec import Costs, DataSpec, Evolution, RunSpec, Venue
from common.genome.genes import ALLELE_GENES
from common.genome.operators import CROSSOVERS, MUTATIONS

DATA = (DataSpec(name="x", digest="0" * 32, bars=1000, bars_per_year=250.0),)


def test_venues_come_in_the_order_of_the_alleles() -> None:
    alleles = next(gene.alleles for gene in ALLELE_GENES if (gene.chromosome, gene.name) == ("execution", "venue"))
    given = Costs(default=Venue(impact=1), cheap=Venue(impact=2), expensive=Venue(impact=3))
    assert [venue["impact"] for venue in given.venues()] == [getattr(given, str(name)).impact for name in alleles]


def test_without_configuration_no_venue_is_a_free_lunch() -> None:
    first, *others = Costs(default=Venue(taker_fee_bps=7)).venues()
    assert others == [first, first]
    assert first["taker_fee_bps"] == 7


@pytest.mark.parametrize(
    ("field", "value"),
    [("taker_fee_bps", -1), ("participation_max", 0), ("impact", 11), ("latency_ms", float("nan")), ("fee", 1)],
)
def test_a_venue_that_cannot_be_is_refused(field: str, value: float) -> None:
    with pytest.raises(ValidationError, match=field):
        Venue.model_validate({field: value})


def test_every_field_of_a_venue_tells_runs_apart() -> None:
    plain = RunSpec(data=DATA).run_id
    changed = {
        RunSpec(data=DATA, costs=Costs(cheap=Venue.model_validate({name: 0.75}))).run_id for name in Venue.model_fields
    }
    assert len(changed | {plain}) == len(Venue.model_fields) + 1


@pytest.mark.parametrize(("operators", "reason"), [({"sbxx": 1}, "sbxx is no operator"), ({"sbx": -1}, "sbx")])
def test_a_mix_of_operators_that_cannot_be_is_refused(operators: dict[str, float], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Evolution.model_validate({"operators": operators})


@pytest.mark.parametrize(
    ("evolution", "reason"),
    [
        ({"operators": {"sbxx": 1}}, "evolution.operators: sbxx is no operator; use one_point"),
        ({"operators": dict.fromkeys(MUTATIONS, 0)}, "evolution.operators: every mutation has a share of 0; give one"),
        (
            {"operators": dict.fromkeys(CROSSOVERS, 0)},
            "evolution.operators: every crossover has a share of 0; give",
        ),
        (
            {"objectives": ["sharpe", "cvar", "sharpe"]},
            "evolution.objectives: sharpe stands there twice; leave",
        ),
        (
            {"objectives": ["sharpe", "cvar"], "survival": {"weights": {"turnover": 3}}},
            "evolution.survival.weights: turnover is no objective of this run; use sharpe, cvar",
        ),
        (
            {"objectives": ["sharpe"], "survival": {"weights": {"sharpe": 0}}},
            "evolution.survival.weights: every objective of this run has 0; give one",
        ),
        ({"survival": {"limits": {"luck": 1}}}, "evolution.survival.limits: luck is no objective; use sharpe"),
        (
            {"survival": {"soft_limits": {"luck": 1}}},
            "evolution.survival.soft_limits: luck is no objective; use",
        ),
        ({"archive": {"iso_line": 0.8, "covariance": 0.4}}, "evolution.archive: iso_line 0.8 and covariance 0.4 are"),
    ],
)
def test_what_would_silently_do_nothing_is_refused_with_field_value_and_remedy(
    evolution: dict[str, object], reason: str
) -> None:
    with pytest.raises(ValidationError, match=reason):
        Evolution.model_validate(evolution)


def test_a_limit_may_be_of_what_is_measured_and_not_sought_and_shares_may_make_a_whole() -> None:
    survival = {"limits": {"drawdown": -0.3}, "soft_limits": {"turnover": -1}, "weights": {"sharpe": 2}}
    archive = {"iso_line": 0.9, "covariance": 0.1}
    found = Evolution.model_validate({"objectives": ["sharpe"], "survival": survival, "archive": archive})
    assert found.survival.limits == {"drawdown": -0.3}
