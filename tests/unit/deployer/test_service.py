"""The deployer's step: timing and repeats change nothing, bad champions are refused, a restart loses nothing."""

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import ConfigurationError, ContractError
from common.events.codec import decode, encode
from common.events.event import Event
from common.events.public import DeploymentChanged
from common.events.spec import RunSpec
from common.genome.genes import REAL_SLOT
from deployer.limits import Limits
from deployer.service import service
from deployer.state import PaperState, dump, fingerprint, load
from tests.unit.deployer.paper_world import (
    BARS,
    HISTORIES,
    HISTORY_BARS,
    RUN,
    bars_event,
    champion_event,
    feed,
    latest_performance,
    promoted,
    strategies,
    with_gene,
)

LIMITS = Limits(leverage_max=2.0, deployments_max=4)
DEPLOYER = service(HISTORIES, LIMITS)


@cache
def champions() -> tuple[Event, ...]:
    """Rivals for niches and places, one by two islands, one above the leverage limit, one whose genome is none."""
    ranked = [(0, "a", 1.0), (1, "a", 2.0), (2, "b", 1.0), (3, "c", 0.5), (4, "d", 0.7), (5, "e", 0.1), (6, "b", 0.9)]
    found = [promoted(strategies()[k], niche, sharpe) for k, niche, sharpe in ranked]
    found.append(promoted(strategies()[1], "a", 2.0, island=3))
    found.append(promoted(with_gene(strategies()[7], "reals", REAL_SLOT["risk.leverage_max"], 2.5), "f"))
    found.append(promoted(strategies()[8], "g", genome={"version": 2, "logic": {}}))
    return tuple(map(champion_event, found))


def states_of(events: list[Event]) -> list[tuple[str, str]]:
    return [(e.payload.previous, e.payload.state) for e in events if isinstance(e.payload, DeploymentChanged)]


def run_through(events: list[Event], steps: list[int] = ()) -> tuple[PaperState, list[Event]]:
    """Feed events in steps of these sizes, then all that is left."""
    state, out, start = DEPLOYER.initial_state(), [], 0
    for size in [*steps, len(events)]:
        state, news = DEPLOYER.step(state, events[start : start + size])
        out, start = out + news, start + size
    return state, out


@cache
def reference() -> tuple[PaperState, list[Event]]:
    return run_through([*champions(), *feed(BARS[0], [50, 100]), *feed(BARS[1], [75])])


@st.composite
def histories_of_delivery(draw: st.DrawFn) -> list[Event]:
    """Champions in any order and the bars of each instrument in theirs, mixed, and some of it repeated later."""
    queues = [[event] for event in champions()] + [feed(BARS[0], [50, 100]), feed(BARS[1], [75])]
    labels = draw(st.permutations([index for index, queue in enumerate(queues) for _ in queue]))
    taken = [iter(queue) for queue in queues]
    order = [next(taken[label]) for label in labels]
    for position in draw(st.lists(st.integers(0, len(order) - 1), max_size=6)):
        order.insert(draw(st.integers(position + 1, len(order))), order[position])
    return order


@given(order=histories_of_delivery(), steps=st.lists(st.integers(1, 5), max_size=5))
@settings(max_examples=30, deadline=None)
def test_order_repeats_and_batches_change_nothing(order, steps):
    state, out = run_through(order, steps)
    expected, expected_out = reference()
    assert fingerprint(state) == fingerprint(expected)
    live = {entry.change.deployment for entry in state.log if entry.change.state == "paper"}
    live -= {entry.change.deployment for entry in state.log if entry.change.state == "retired"}
    observed, wanted = latest_performance(out), latest_performance(expected_out)
    assert len(live) == LIMITS.deployments_max
    assert [observed[name] for name in sorted(live)] == [wanted[name] for name in sorted(live)]


@given(order=histories_of_delivery())
@settings(max_examples=15, deadline=None)
def test_at_no_moment_are_more_on_paper_than_the_limits_allow(order):
    niches = {event.payload.genome_id[:12]: event.payload.niche for event in champions()}
    live: dict[str, str] = {}
    most = 0
    for payload in (event.payload for event in run_through(order)[1]):
        if isinstance(payload, DeploymentChanged) and payload.state == "paper":
            live[payload.deployment] = niches[payload.deployment]
        elif isinstance(payload, DeploymentChanged) and payload.state == "retired":
            del live[payload.deployment]
        most = max(most, len(live))
        assert len(set(live.values())) == len(live)
    assert most == LIMITS.deployments_max


def test_a_champion_goes_on_paper_in_the_trace_of_its_birth():
    event = champions()[0]
    _, out = DEPLOYER.step(DEPLOYER.initial_state(), [event, bars_event(BARS[0], HISTORY_BARS, HISTORY_BARS + 9)])
    assert states_of(out) == [("none", "candidate"), ("candidate", "validated"), ("validated", "paper")]
    assert len(out) == 4
    for produced in out:
        assert produced.trace == event.trace
        assert produced.key == produced.payload.deployment == event.payload.genome_id[:12]
        assert type(produced.payload) in DEPLOYER.produces
    assert out[0].payload.born_us == event.payload.born_us
    assert out[0].payload.instrument == "days"
    assert DEPLOYER.state_key(event) == DEPLOYER.state_key(bars_event(BARS[1], 0, 1))


def test_a_repeated_champion_and_known_bars_say_nothing():
    state, _ = reference()
    again, out = DEPLOYER.step(state, [*champions(), *feed(BARS[0], [13]), *feed(BARS[1], [])])
    assert out == []
    assert dump(again) == dump(state)


def test_a_better_champion_takes_the_place_in_a_niche():
    first, better = champions()[:2]
    _, out = DEPLOYER.step(DEPLOYER.initial_state(), [first, better])
    assert states_of(out)[3:] == [
        ("none", "candidate"),
        ("candidate", "validated"),
        ("paper", "retired"),
        ("validated", "paper"),
    ]
    retired = out[5]
    assert retired.payload.genome_id == first.payload.genome_id
    assert retired.trace == first.trace
    assert better.payload.genome_id[:12] in retired.payload.reason


BAD_GENOMES = [
    ({"version": 2, "logic": {"long_entry": "rsi(2) < 10"}, "risk": {"leverage_max": 9}}, "risk.leverage_max"),
    ({"version": 2, "logic": {"long_entry": "rsi(2) < 10"}, "exit": {"stop_kind": "none"}}, "exit.stop_kind"),
    ({"version": 2, "logic": {"long_entry": ["not"] * 999}}, "logic.long_entry"),
    ({"version": 7}, "version"),
    ({}, "version"),
    ({"version": 2, "logic": [1, {"deep": None}]}, "logic"),
]


@pytest.mark.parametrize(("genome", "gene"), BAD_GENOMES)
def test_a_bad_genome_is_refused_with_the_gene_named(genome, gene):
    bad = champion_event(promoted(strategies()[0], "a", genome=genome))
    state, out = DEPLOYER.step(DEPLOYER.initial_state(), [bad, *feed(BARS[0], [])])
    assert states_of(out) == [("none", "candidate"), ("candidate", "refused")]
    assert f"gene {gene}" in out[1].payload.reason
    assert latest_performance(out) == {}
    # Whoever it claimed to be may still come, and the bad one again changes nothing.
    _, out = DEPLOYER.step(state, [bad, champions()[0]])
    assert states_of(out)[-1] == ("validated", "paper")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=12,
)


@given(genome=st.dictionaries(st.sampled_from(["version", "logic", "risk", "exit", "x"]), json_values))
@settings(max_examples=100, deadline=None)
def test_no_genome_crashes_the_deployer(genome):
    bad = champion_event(promoted(strategies()[0], "a", genome=genome))
    state, out = DEPLOYER.step(DEPLOYER.initial_state(), [bad])
    assert states_of(out) == [("none", "candidate"), ("candidate", "refused")]
    assert fingerprint(load(dump(state))) == fingerprint(state)


def test_a_genome_under_another_id_is_refused():
    stolen = promoted(strategies()[0], "a", genome_id=champions()[1].payload.genome_id)
    _, out = DEPLOYER.step(DEPLOYER.initial_state(), [champion_event(stolen)])
    assert "gene genome_id" in out[-1].payload.reason


def test_a_champion_above_the_leverage_limit_is_refused_with_both_figures():
    _, out = DEPLOYER.step(DEPLOYER.initial_state(), [champions()[8]])
    assert states_of(out) == [("none", "candidate"), ("candidate", "refused")]
    assert out[-1].payload.reason == "leverage: 2.5 times equity is above the limit 2"


def test_a_champion_on_an_instrument_without_history_is_refused():
    deployer = service(HISTORIES[:1])
    _, out = deployer.step(deployer.initial_state(), [champions()[1]])
    assert out[-1].payload.reason == "instrument: 'hours' is not one of days"


def test_what_breaks_a_contract_is_refused_and_leaves_no_trace():
    other = RunSpec(seed=8, data=RUN.data)
    state, _ = reference()
    before = dump(state)
    for wrong, named in (
        (bars_event(replace(BARS[0], name="gold"), 0, 3), "instrument 'gold'"),
        (bars_event(BARS[0].until(9), 2, 2, other), f"run {other.run_id}"),
        (champion_event(champions()[0].payload, other), f"run {other.run_id}"),
        (
            bars_event(replace(BARS[0], ts_us=BARS[0].ts_us + 1), HISTORY_BARS, HISTORY_BARS + 2),
            "send bars oldest first",
        ),
    ):
        with pytest.raises(ContractError, match=named):
            DEPLOYER.step(state, [wrong])
    assert dump(state) == before


def test_after_a_restart_everything_is_said_again_under_the_same_ids_and_nothing_changes():
    state, out = reference()
    restored = load(dump(state))
    recovered = DEPLOYER.recover(restored)
    said = {event.id: event.payload for event in out}
    assert [event.payload for event in recovered] == [said[event.id] for event in recovered]
    assert {event.id for event in out if isinstance(event.payload, DeploymentChanged)} <= {e.id for e in recovered}
    assert len(latest_performance(recovered)) == LIMITS.deployments_max
    after, more = DEPLOYER.step(restored, [*champions(), *feed(BARS[0], [50]), *feed(BARS[1], [])])
    assert more == []
    assert fingerprint(after) == fingerprint(state)


@given(crash=st.integers(0, 12))
@settings(max_examples=8, deadline=None)
def test_a_crash_anywhere_leads_to_the_same_end(crash):
    events = [*champions()[:5], *feed(BARS[0], [50]), *champions()[5:], *feed(BARS[1], [])]
    early, _ = run_through(events[:crash])
    # The bus is lost: champions come again from the selector and bars from the feed, in another rhythm.
    late, _ = DEPLOYER.step(load(dump(early)), [*feed(BARS[1], [20]), *champions(), *feed(BARS[0], [30, 60])])
    assert fingerprint(late) == fingerprint(reference()[0])


def test_a_deployer_without_state_recovers_nothing():
    assert DEPLOYER.recover(DEPLOYER.initial_state()) == []


def test_all_it_says_can_travel():
    for event in reference()[1]:
        message = encode(event.at(1), DEPLOYER.name)
        assert decode(message.topic, message.key, message.headers, message.value).payload == event.payload


@pytest.mark.parametrize("histories", [(HISTORIES[0], HISTORIES[0]), (HISTORIES[0].until(0),)])
def test_histories_need_distinct_names_and_bars(histories):
    with pytest.raises(ConfigurationError, match="histories"):
        service(histories)
