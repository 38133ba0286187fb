"""The generator as a service: one cohort for each cause, deterministic ids and keys, bad seeds refused."""

import numpy as np
import pytest

from common.bloom import known, no_words, put, to_text
from common.errors import ContractError, GenomeError
from common.events.cohorts import OPERATOR_NAMES, GenomeProposed, ParentsSelected, Pressure, SelectedHeader, Summary
from common.events.event import Event, event_id
from common.events.public import ControlIssued, GenomeSeeded
from common.events.spec import DataSpec, Evolution, RunSpec
from common.genome import codec
from generator.experts import expert_population
from generator.generation import settings_of, tabu_of
from generator.mixing import BIT
from generator.service import SERVICE
from generator.specialise import ALLOWED, VENUE
from generator.tables import DIRECTION, INSTRUMENT

DATA = tuple(DataSpec(name=name, digest="0" * 32, bars=5000, bars_per_year=252) for name in ("a", "b"))
RUN = RunSpec(data=DATA, islands=3, evolution=Evolution(offspring=200))
SUMMARY = Summary(
    evaluated=1,
    refused=0,
    failed=0,
    best={},
    median={},
    front_size=1,
    archive_size=0,
    archive_cells=1,
    diversity=0.0,
    registered=0,
    champions=0,
    refusals={},
)
START = Event(ControlIssued(action="start"), "run", RUN, "cause", trace="00-11-22-01")


def answers(*events: Event) -> list[Event]:
    state, out = SERVICE.step(None, events)
    assert state is None
    return out


def selected(cohort: GenomeProposed, final: bool = False) -> Event:
    size = len(cohort)
    header = SelectedHeader(
        island=cohort.header.island, generation=cohort.header.generation, final=final, summary=SUMMARY
    )
    columns = {name: cohort[name] for name in ("genome", "genome_id", "parent_ids", "operator")}
    parents = ParentsSelected.build(
        header, **columns, rank=np.zeros(size, np.int32), crowding=np.arange(size, dtype=float)
    )
    return Event(parents, str(header.island), RUN, f"selected {header.island} {header.generation} {final}")


def seeded(genome: dict[str, object]) -> Event:
    return Event(GenomeSeeded(genome=genome), RUN.run_id, RUN, "user's event", trace="00-33-44-01")


def test_a_start_gives_every_island_its_first_generation() -> None:
    born = answers(START)
    assert [event.key for event in born] == ["0:0:evolution", "1:0:evolution", "2:0:evolution"]
    assert [event.id for event in born] == [event_id(RUN, event.payload, ("cause",), i) for i, event in enumerate(born)]
    assert all(event.root and not event.trace and event.run is RUN for event in born)
    for island, event in enumerate(born):
        cohort = event.payload
        assert isinstance(cohort, GenomeProposed)
        assert (cohort.header.island, cohort.header.generation, cohort.header.purpose) == (island, 0, "evolution")
        assert len(cohort) == 200
        assert codec.valid(cohort.population).all()
        assert np.array_equal(cohort["genome_id"], codec.genome_ids(cohort.population))
    assert len({event.payload["genome_id"][-1].tobytes() for event in born}) == 3


def test_experts_come_first_on_all_instruments() -> None:
    cohort = answers(START)[1].payload
    experts = len(expert_population())
    names = [OPERATOR_NAMES[code] for code in cohort["operator"]]
    assert names == ["expert"] * experts + ["random"] * (200 - experts)
    assert cohort.population["alleles"][:4, INSTRUMENT].tolist() == [1, 0, 1, 0]
    assert not cohort["parent_ids"].view(np.uint8).any()


def test_a_small_cohort_holds_as_many_experts_as_fit() -> None:
    run = RunSpec(data=DATA, islands=1, evolution=Evolution(offspring=8))
    cohort = answers(Event(START.payload, "run", run, "cause"))[0].payload
    assert [OPERATOR_NAMES[code] for code in cohort["operator"]] == ["expert"] * 8


def test_parents_give_the_next_generation_with_the_ids_of_its_parents() -> None:
    first = answers(START)[2].payload
    event = answers(selected(first))[0]
    cohort = event.payload
    assert event.key == "2:1:evolution"
    assert event.id == event_id(RUN, cohort, ("selected 2 0 False",))
    assert event.root
    assert (cohort.header.island, cohort.header.generation) == (2, 1)
    assert len(cohort) == 200
    known = {identity.tobytes() for identity in first["genome_id"]} | {bytes(16)}
    assert {identity.tobytes() for identity in cohort["parent_ids"].reshape(-1)} <= known
    for code, (one, other) in zip(cohort["operator"], cohort["parent_ids"], strict=True):
        name = OPERATOR_NAMES[code]
        assert (one.tobytes() != bytes(16)) == (name != "random")
        assert (other.tobytes() != bytes(16)) == (name in {"crossover", "both"})


@pytest.mark.parametrize("kind", ["market", "side", "venue", "regime"])
def test_children_of_a_specialised_island_keep_to_its_part(kind: str) -> None:
    run = RUN.model_copy(update={"evolution": Evolution.model_validate({"offspring": 200, "specialisation": kind})})
    first = answers(Event(START.payload, "run", run, "cause"))
    for island, event in enumerate(first):
        strangers = first[(island + 1) % 3].payload  # as if all of them had come from another island
        event_of_strangers = selected(strangers)
        header = event_of_strangers.payload.header.model_copy(update={"island": island})
        parents = ParentsSelected(header, event_of_strangers.payload.data)
        later = answers(Event(parents, str(island), run, "selected"))[0]
        for population in (event.payload.population, later.payload.population):
            assert codec.valid(population).all()
            if kind == "regime":
                assert (population["masks"][:, ALLOWED] == 1 << island).all()
            else:
                gene = {"market": INSTRUMENT, "side": DIRECTION, "venue": VENUE}[kind]
                assert (population["alleles"][:, gene] == island % (2 if kind == "market" else 3)).all()


def test_what_is_tabu_is_bred_again_and_nothing_else_changes() -> None:
    parents = selected(answers(START)[0].payload)
    usual = answers(parents)[0].payload
    words = no_words(100, 64)
    put(words, usual["genome_id"][:100])
    pressure = Pressure(crossover_rate=0.7, mutation_rate=0.9, immigrant_rate=0.02, tournament=3, tabu=to_text(words))
    header = parents.payload.header.model_copy(update={"pressure": pressure})
    asked = Event(ParentsSelected(header, parents.payload.data), "0", RUN, parents.id)
    other = answers(asked)[0].payload
    told = known(words, usual["genome_id"])
    assert told[:100].all()
    assert not known(words, other["genome_id"]).any()
    assert codec.valid(other.population).all()
    for column in ("genome_id", "parent_ids", "operator", "applied"):
        assert other[column][~told].tobytes() == usual[column][~told].tobytes()
    assert answers(asked)[0].payload.population.tobytes() == other.population.tobytes()


def test_a_filter_that_is_none_is_refused_by_name() -> None:
    pressure = Pressure(crossover_rate=0.7, mutation_rate=0.9, immigrant_rate=0.02, tournament=3, tabu="???")
    with pytest.raises(ContractError, match=r"pressure\.tabu"):
        tabu_of(pressure)


def test_an_island_may_ask_for_its_mix_and_every_child_tells_its_operators() -> None:
    parents = selected(answers(START)[0].payload)
    pressure = Pressure(
        crossover_rate=1.0, mutation_rate=0.0, immigrant_rate=0.0, tournament=3, mix={"uniform": 1, "subtree": 0}
    )
    header = parents.payload.header.model_copy(update={"pressure": pressure})
    cohort = answers(Event(ParentsSelected(header, parents.payload.data), "0", RUN, parents.id))[0].payload
    assert (cohort["applied"] & BIT["uniform"] > 0).any()
    assert not (cohort["applied"] & BIT["subtree"]).any()
    assert (cohort["applied"] > 0).all()


def test_the_final_parents_have_no_children() -> None:
    assert answers(selected(answers(START)[0].payload, final=True)) == []


def test_steps_are_pure_and_batches_do_not_matter() -> None:
    events = [START, selected(answers(START)[0].payload), seeded(codec.to_json(expert_population()[0]))]
    together, apart = answers(*events), [born for event in events for born in answers(event)]
    assert [event.id for event in together] == [event.id for event in apart]
    assert len({event.id for event in together}) == len(together)
    for one, other in zip(together, apart, strict=True):
        assert all(np.array_equal(one.payload[name], other.payload[name]) for name in GenomeProposed.columns)


def test_a_published_genome_becomes_a_cohort_of_one_on_an_island_told_by_its_id() -> None:
    genome = expert_population()[3]
    event = answers(seeded(codec.to_json(genome)))[0]
    cohort = event.payload
    island = int.from_bytes(cohort["genome_id"][0].tobytes()[:4], "little") % 3
    assert cohort.population[0] == genome
    assert cohort.header.model_dump() == {
        "island": island,
        "generation": 0,
        "purpose": "seed",
        "cohort": "user's event",
    }
    assert event.key == f"{island}:seed:user's event"
    assert not event.root
    assert event.trace == "00-33-44-01"  # of whoever published it
    assert OPERATOR_NAMES[cohort["operator"][0]] == "published"


def test_a_bad_seed_is_refused_with_its_gene_named() -> None:
    with pytest.raises(GenomeError, match=r"risk\.leverage_max"):
        answers(seeded({"version": 2, "logic": {"long_entry": "rsi(2) < 10"}, "risk": {"leverage_max": 50}}))


def test_parents_that_are_no_genomes_are_refused_before_any_kernel_sees_them() -> None:
    event = selected(answers(START)[0].payload)
    event.payload.population["trees"][3, 0] = 1
    with pytest.raises(ContractError, match="island 0, generation 0"):
        answers(event)


def test_hours_mean_something_where_some_bars_are_shorter_than_a_day() -> None:
    assert not settings_of(RUN).hours
    hourly = DataSpec(name="c", digest="0" * 32, bars=5000, bars_per_year=8766)
    assert settings_of(RUN.model_copy(update={"data": (*DATA, hourly)})).hours
    assert settings_of(RUN).instruments == 2


def test_the_service_says_what_it_reads_and_writes() -> None:
    assert SERVICE.initial_state is None
    assert SERVICE.consumes == (ControlIssued, ParentsSelected, GenomeSeeded)
    assert SERVICE.produces == (GenomeProposed,)
