"""The deployer's state: bytes and back, a log in which each transition follows, a fingerprint free of clocks."""

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import framing
from common.errors import ConfigurationError
from deployer.limits import Limits
from deployer.service import service
from deployer.state import PaperState, dump, fingerprint, fold, load, on_paper
from tests.unit.deployer.paper_world import BARS, HISTORIES, champion_event, feed, promoted, strategies


@cache
def busy() -> PaperState:
    """Three on paper, one retired, two refused, bars of both instruments."""
    champions = [promoted(strategies()[k], f"niche {k % 4}", sharpe) for k, sharpe in enumerate((1, 2, 3, 1.5, 1, 1))]
    champions[5] = promoted(strategies()[5], "niche 9", genome={"version": 1})
    deployer = service(HISTORIES, Limits(deployments_max=3))
    events = [*map(champion_event, champions), *feed(BARS[0], [60]), *feed(BARS[1], [])]
    return deployer.step(deployer.initial_state(), events)[0]


def test_a_state_survives_the_way_through_bytes():
    for state in (PaperState(), busy()):
        back = load(dump(state))
        assert dump(back) == dump(state)
        assert fingerprint(back) == fingerprint(state)
        assert (back.run, back.log, dict(back.champions)) == (state.run, state.log, dict(state.champions))


def test_the_state_of_a_deployment_is_the_fold_of_the_log():
    states = [entry.change.state for entry in fold(busy().log).values()]
    assert sorted(states) == ["paper", "paper", "paper", "refused", "refused", "retired"]
    assert len(on_paper(busy())) == 3
    assert sum(len(on_paper(busy(), bars.name)) for bars in BARS) == 3


def test_a_transition_that_does_not_follow_is_seen():
    log = busy().log
    for wrong in ([*log, log[-1]], log[1:], [entry for entry in log if entry.change.state != "validated"]):
        with pytest.raises(ValueError, match="is no transition"):
            fold(wrong)
        with pytest.raises(ConfigurationError, match="start a new run"):
            load(dump(replace(busy(), log=tuple(wrong))))


@given(cut=st.integers(0, 400), junk=st.binary(min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_damaged_bytes_are_refused_with_a_remedy(cut, junk):
    whole = dump(busy())
    for damaged in (whole[:cut], whole + junk, whole[:-1], b"galapagos-paper-9\n" + whole[18:]):
        with pytest.raises(ConfigurationError, match="start a new run"):
            load(damaged)


def test_a_state_of_another_genome_version_is_refused_with_a_remedy(monkeypatch):
    whole = dump(busy())
    monkeypatch.setattr(framing, "GENOME_VERSION", 1)
    with pytest.raises(ConfigurationError, match="genomes are of version 2"):
        load(whole)


def test_the_fingerprint_knows_deployments_and_bars_but_no_clock():
    state = busy()
    later = [replace(entry, trace="", change=entry.change.model_copy(update={"born_us": 5})) for entry in state.log]
    assert fingerprint(replace(state, log=tuple(later))) == fingerprint(state)
    assert fingerprint(replace(state, bars={**state.bars, "days": state.bars["days"][:-1]})) != fingerprint(state)
    first_retires = next(k for k, entry in enumerate(state.log) if entry.change.state == "retired")
    assert fingerprint(replace(state, log=state.log[:first_retires])) != fingerprint(state)
    assert fingerprint(replace(state, run=None)) != fingerprint(state)
