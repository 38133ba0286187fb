"""The run specification: what it means and what it refuses."""

import pytest
from pydantic import ValidationError

from common.events.spec import Costs, DataSpec, Evolution, RunSpec, Venue
from common.genome.genes import ALLELE_GENES

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
