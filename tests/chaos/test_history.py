"""The history checker passes a real history, and finds each fault that is planted in one."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from common.errors import ContractError
from common.events.catalogue import BY_PAYLOAD
from common.events.codec import decode, encode
from common.events.cohorts import Cohort, GenomeEvaluated, GenomeProposed, MigrantSent, ParentsSelected
from common.events.event import Event
from common.events.public import ChampionPromoted, DeploymentChanged, GenomeSeeded
from common.ports import Record
from common.run.dead_letter import SUFFIX, dead_letter
from tests.chaos.conftest import Told
from tests.client.foundry import SPEC
from tools.chaos.history import Violation, check

Records = list[Record]
Of = Callable[[Cohort], bool]
SOURCES = {GenomeProposed: "generator", GenomeEvaluated: "evaluator"}


def broken(records: Sequence[Record]) -> dict[str, list[Violation]]:
    """Violations by invariant."""
    found: dict[str, list[Violation]] = {}
    for each in check(SPEC, records):
        found.setdefault(each.invariant, []).append(each)
    return found


def event_of(record: Record) -> Event:
    return decode(record.topic, record.key, record.headers, record.value, run=SPEC)


def find(records: Records, kind: type, wanted: Callable[[Any], bool] = lambda _: True) -> int:
    """The place in the list of the first record of this kind."""
    topic = BY_PAYLOAD[kind].name
    return next(i for i, each in enumerate(records) if each.topic == topic and wanted(event_of(each).payload))


def altered(record: Record, change: Callable[[Any], Any], **fields: Any) -> Record:
    """The same place in the log with another payload."""
    event = event_of(record)
    source = dict(record.headers)["ce_source"].decode()
    message = encode(replace(event, payload=change(event.payload), **fields), source)
    return record._replace(key=message.key, headers=message.headers, value=message.value)


def rows(cohort: Any, picked: Any) -> Any:
    return type(cohort)(
        cohort.header, {name: np.ascontiguousarray(column[picked]) for name, column in cohort.data.items()}
    )


def headed(cohort: Any, **fields: Any) -> Any:
    return replace(cohort, header=cohort.header.model_copy(update=fields))


def bred(cohort: Any) -> bool:
    return cohort.header.purpose == "evolution" and cohort.header.generation == 2


def read(cohort: Any) -> bool:
    return cohort.header.purpose == "promotion"


@pytest.fixture
def records(told: Told) -> Records:
    """Of a run whose history is without fault; for the test to break."""
    return list(told.records)


def later(records: Records, record: Record) -> Record:
    """The record again, at the end of its partition."""
    end = max(each.offset for each in records if (each.topic, each.partition) == (record.topic, record.partition))
    return record._replace(offset=end + 1)


def test_a_run_in_one_process_has_nothing_against_it(told: Told) -> None:
    kinds = {each.topic for each in told.records}
    wanted = (GenomeProposed, GenomeEvaluated, ParentsSelected, MigrantSent, ChampionPromoted, DeploymentChanged)
    assert {BY_PAYLOAD[kind].name for kind in wanted} <= kinds
    assert sum(each.topic.endswith(SUFFIX) for each in told.records) == 3
    assert check(SPEC, told.records, lags=told.lags, tables=told.tables) == []


def test_repeats_and_a_log_in_another_order_of_partitions_are_no_fault(told: Told) -> None:
    events = [each for each in told.records if ("ce_specversion", b"1.0") in each.headers and "dead" not in each.topic]
    again = [later(told.records, each) for each in events]
    stamped = [altered(each, lambda payload: payload, time_us=7, trace="") for each in again]
    assert check(SPEC, [*told.records, *again][::-1]) == []
    assert check(SPEC, [*told.records, *stamped]) == []


def test_an_answer_that_is_missing_is_found(records: Records) -> None:
    gone = records.pop(find(records, GenomeEvaluated, bred))
    found = broken(records)["I1"][0]
    assert f"the evolution cohort of island {event_of(gone).payload.header.island}, generation 2" in found.text  # type: ignore[union-attr]
    assert found.record.startswith("evo.genome.proposed.v1/")


def test_an_answer_about_other_genomes_in_another_order_or_to_nobody_is_found(records: Records) -> None:
    at = find(records, GenomeEvaluated, bred)
    shuffled = [*records[:at], altered(records[at], lambda cohort: rows(cohort, slice(None, None, -1)))]
    assert "other genomes" in broken([*shuffled, *records[at + 1 :]])["I1"][0].text
    foreign = altered(records[at], lambda cohort: cohort, id="f" * 32)
    assert "nobody proposed" in broken([*records, later(records, foreign)])["I1"][0].text


def test_a_seed_without_answer_and_without_dead_letter_is_found(records: Records) -> None:
    at = find(records, GenomeProposed, lambda cohort: cohort.header.purpose == "seed")
    name = event_of(records[at]).payload.header.cohort  # type: ignore[union-attr]
    topics = GenomeProposed, GenomeEvaluated
    names = {BY_PAYLOAD[kind].name for kind in topics}
    silent = [each for each in records if each.topic not in names or name.encode() not in each.value]
    assert any(f"seed {name} was neither" in each.text for each in broken(silent)["I1"])
    unheard = [each for each in records if not each.topic.endswith(SUFFIX)]
    texts = [each.text for each in broken(unheard)["I1"]]
    assert sum("neither answered nor refused" in text for text in texts) == 1  # the same seed twice is one seed
    assert sum("no dead letter" in text for text in texts) == 1


def test_an_event_of_a_service_that_another_service_refuses_is_found(records: Records) -> None:
    refused = records[find(records, GenomeEvaluated, bred)]
    letter = dead_letter(refused, "selector", ContractError("its state was lost"))
    records.append(Record(letter.topic, 0, 0, letter.key, letter.headers, letter.value))
    assert "its state was lost" in broken(records)["I1"][0].text


def test_a_generation_that_is_missing_skipped_or_numbered_anew_is_found(records: Records) -> None:
    at = find(records, ParentsSelected, lambda cohort: cohort.header.generation == 1)
    island = event_of(records[at]).payload.header.island  # type: ignore[union-attr]
    found = broken(records[:at] + records[at + 1 :])
    assert f"island {island} never closed generation 1 of 4" in found["I1"][0].text
    assert f"island {island} closed generation 2 when 1 was due" in found["I2"][0].text
    records[at] = altered(records[at], lambda cohort: headed(cohort, generation=7), id="7" * 32)
    assert f"island {island} closed generation 7 when 1 was due" in broken(records)["I2"][0].text


def test_a_generation_that_is_bred_a_second_time_is_found(records: Records) -> None:
    at = find(records, GenomeProposed, bred)
    other = altered(later(records, records[at]), lambda cohort: rows(cohort, slice(None, None, -1)), id="2" * 32)
    assert "is another one than that at" in broken([*records, other])["I2"][0].text


def test_a_genome_admitted_twice_is_found(records: Records) -> None:
    at = find(records, ParentsSelected)
    records[at] = altered(records[at], lambda cohort: rows(cohort, np.r_[0, 0 : len(cohort)]))
    assert "a genome is twice in island" in broken(records)["I2"][0].text


def test_a_cohort_counted_twice_and_a_seed_forgotten_are_found(records: Records) -> None:
    at = find(records, ParentsSelected, lambda cohort: cohort.header.final)
    for difference in (128, -1):

        def change(cohort: Any, difference: int = difference) -> Any:
            summary = cohort.header.summary
            return headed(cohort, summary=summary.model_copy(update={"evaluated": summary.evaluated + difference}))

        counted = [*records[:at], altered(records[at], change), *records[at + 1 :]]
        assert "its cohorts in the log make" in broken(counted)["I2"][0].text


def test_a_genome_that_was_admitted_without_being_measured_is_found(records: Records) -> None:
    at = find(records, ParentsSelected)

    def change(cohort: Any) -> Any:
        ids = cohort["genome_id"].copy()
        ids[0] = np.void(b"\7" * 16)
        return replace(cohort, data={**cohort.data, "genome_id": ids})

    records[at] = altered(records[at], change)
    assert "07" * 16 in broken(records)["I2"][0].text


@pytest.mark.parametrize("kind", [GenomeEvaluated, ParentsSelected, MigrantSent])
@pytest.mark.parametrize("column", ["objectives", "violation", "descriptor", "evidence", "status"])
def test_one_bit_of_a_figure_is_found(records: Records, kind: type, column: str) -> None:
    at = find(records, kind, lambda cohort: kind is not GenomeEvaluated or read(cohort))

    def change(cohort: Any) -> Any:
        array = cohort[column].copy()
        array.reshape(-1).view(np.uint8)[0] ^= 1
        return replace(cohort, data={**cohort.data, column: array})

    records[at] = altered(records[at], change)
    assert "has other figures in" in broken(records)["I3"][0].text


def test_a_look_at_the_vault_that_is_no_sealed_read_is_found(records: Records) -> None:
    at = find(records, GenomeEvaluated, bred)

    def change(cohort: Any) -> Any:
        evidence = cohort["evidence"].copy()
        evidence[-1, 2, 0] = 250.0
        return replace(cohort, data={**cohort.data, "evidence": evidence})

    records[at] = altered(records[at], change)
    assert [each.text for each in broken(records)["I3"]][:1] == [
        f"figures of the vault in the evolution cohort of island "
        f"{event_of(records[at]).payload.header.island}, generation 2"  # type: ignore[union-attr]
    ]


def test_a_champion_twice_without_a_read_or_with_other_figures_is_found(records: Records) -> None:
    at = find(records, ChampionPromoted)
    name = event_of(records[at]).payload.genome_id  # type: ignore[union-attr]
    twice = altered(later(records, records[at]), lambda champion: champion, id="c" * 32)
    assert "came twice" in broken([*records, twice])["I4"][0].text
    unread = [each for each in records if not (each.topic.startswith("evo.genome.") and name.encode() in each.value)]
    assert any(f"champion {name} without an answered look" in each.text for each in broken(unread)["I4"])

    def change(champion: ChampionPromoted) -> ChampionPromoted:
        return champion.model_copy(update={"vault": champion.vault.model_copy(update={"trades": 999})})

    records[at] = altered(records[at], change)
    assert f"champion {name}: vault trades 999" in broken(records)["I4"][0].text


def test_a_transition_that_does_not_follow_and_a_champion_nobody_judged_are_found(records: Records) -> None:
    at = find(records, DeploymentChanged, lambda change: change.state == "validated")
    skipped = records[:at] + records[at + 1 :]
    assert "went from validated to paper and was candidate" in broken(skipped)["I4"][0].text
    topic = BY_PAYLOAD[DeploymentChanged].name
    idle = [each for each in records if each.topic != topic]
    assert all("was never judged" in each.text for each in broken(idle)["I1"])


def test_a_repeat_that_says_something_else_is_found(records: Records) -> None:
    at = find(records, ChampionPromoted)
    other = altered(later(records, records[at]), lambda champion: champion.model_copy(update={"trials": 1}))
    (found,) = broken([*records, other])["duplicates"]
    assert found.record == f"{other.topic}/{other.partition}/{other.offset}"
    at = find(records, ParentsSelected)
    other = altered(later(records, records[at]), lambda cohort: rows(cohort, slice(1, None)))
    assert "duplicates" in broken([*records, other])


def test_an_event_of_another_run_is_found(records: Records) -> None:
    at = find(records, GenomeSeeded)
    records[at] = altered(records[at], lambda seeded: seeded, run=SPEC.model_copy(update={"seed": 99}))
    assert "run" in broken(records)


def test_a_reader_that_is_behind_is_found(told: Told) -> None:
    behind = told.lags | {"selector": 3}
    assert check(SPEC, told.records, lags=behind) == [Violation("I9", "selector is 3 records behind")]


def test_a_row_that_is_missing_too_much_or_says_something_else_is_found(told: Told) -> None:
    def found(name: str, table: pa.Table) -> list[str]:
        return [each.text for each in check(SPEC, told.records, tables=told.tables | {name: table})]

    cohorts = told.tables["cohorts"]
    assert "table cohorts misses: 1 rows" in found("cohorts", cohorts.slice(1))[0]
    assert "of them different" in found("cohorts", pa.concat_tables([cohorts, cohorts.slice(0, 1)]))[0]
    column = cohorts.column_names.index("genomes")
    wrong = pa.array([0, *cohorts["genomes"].to_pylist()[1:]], cohorts["genomes"].type)
    assert "1 rows say something else" in found("cohorts", cohorts.set_column(column, "genomes", wrong))[0]
    champions = [each for each in told.records if each.topic != BY_PAYLOAD[ChampionPromoted].name]
    texts = [each.text for each in check(SPEC, champions, tables=told.tables)]
    assert any("table champions has too much" in text for text in texts)
