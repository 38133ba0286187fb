"""Limits: each one refuses with its name, the value and the limit; places go to the better, whoever came first."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.backtest.phenotype import Phenotype, express
from common.genome.genes import LEVERAGE_MAX, REAL_SLOT
from deployer.limits import Limits, breach, crowded_out
from tests.unit.deployer.paper_world import promoted, strategies, with_gene

KNOWN = ("days", "hours")


def phenotype(leverage: float = 1.0) -> Phenotype:
    genome = with_gene(strategies()[0], "reals", REAL_SLOT["risk.leverage_max"], leverage)
    return express(genome["alleles"], genome["reals"], genome["masks"])


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"leverage_max": 2.5}, "leverage: 2.5 times equity is above the limit 2"),
        ({"leverage_max": np.nan}, "leverage: nan times equity is above the limit 2"),
        ({"stop_distance": 0.0}, "stop: a distance of 0 (kind "),
        ({"stop_distance": np.nan}, "stop: a distance of nan (kind "),
        ({"stop_kind": 0}, "(kind 0) is none"),
    ],
)
def test_a_breach_names_the_limit_and_the_value(changed, named):
    assert named in breach(phenotype()._replace(**changed), "days", KNOWN, Limits(leverage_max=2.0))


def test_an_unknown_instrument_is_a_breach():
    assert breach(phenotype(), "GOLD", KNOWN, Limits()) == "instrument: 'GOLD' is not one of days, hours"


@pytest.mark.parametrize("cap", [0.3, 0.7, 2.1, 3.0])
def test_a_gene_at_the_limit_is_not_above_it(cap):
    assert breach(phenotype(cap), "hours", KNOWN, Limits(leverage_max=cap)) == ""


def test_no_limit_lifts_the_cap_of_the_genome():
    above = phenotype()._replace(leverage_max=LEVERAGE_MAX + 0.01)
    assert breach(above, "days", KNOWN, Limits(leverage_max=100.0)).startswith("leverage: 3.01")


champions = st.builds(
    lambda genome, niche, sharpe: promoted(strategies()[genome], f"niche {niche}", sharpe),
    st.integers(0, 29),
    st.integers(0, 3),
    st.sampled_from([-1.0, 0.0, 1.0, 1.5]),
)


@given(arrivals=st.lists(champions, unique_by=lambda champion: champion.genome_id), room=st.integers(0, 3))
@settings(max_examples=200)
def test_the_best_of_each_niche_and_of_those_the_best_are_live_in_whatever_order_they_came(arrivals, room):
    live = []
    for newcomer in arrivals:
        loser, why = crowded_out(newcomer, live, Limits(deployments_max=room))
        assert (loser is None) == (why == "")
        live = [champion for champion in [*live, newcomer] if champion is not loser]
        assert len(live) <= room
    ranked = sorted(arrivals, key=lambda champion: (-champion.validation.sharpe_annual, champion.genome_id))
    best = {}
    for champion in ranked:
        best.setdefault(champion.niche, champion)
    expected = [champion.genome_id for champion in list(best.values())[:room]]
    assert sorted(champion.genome_id for champion in live) == sorted(expected)


def test_why_somebody_gives_way_is_said():
    first, better = promoted(strategies()[0], "calm"), promoted(strategies()[1], "calm", sharpe=2.0)
    loser, why = crowded_out(better, [first], Limits())
    assert loser is first
    assert why == "niche: 2 deployments in 'calm' are above the limit 1"
    loser, why = crowded_out(promoted(strategies()[2], "wild", sharpe=0.5), [first], Limits(deployments_max=1))
    assert loser is not first
    assert why == "deployments: 2 at once are above the limit 1"
