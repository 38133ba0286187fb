"""The chronicle and the family register: kept once, read back after a kill, pruned to who matters."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.events.cohorts import STATUS, EvaluatedHeader, GenomeEvaluated, ParentsSelected, SelectedHeader, Summary
from common.events.event import Event
from common.events.spec import DataSpec, RunSpec
from standalone import family, series
from standalone.chronicle import Chronicle
from standalone.family import Family
from standalone.overview import overview
from standalone.session_clock import SessionClock

RUN = RunSpec(data=(DataSpec(name="x", digest="0" * 32, bars=1000, bars_per_year=250.0),), islands=2)


def _ids(numbers: list[int]) -> Any:
    return np.frombuffer(b"".join(number.to_bytes(16, "big") for number in numbers), "V16")


def _selected(island: int, generation: int, members: dict[int, tuple[int, int]], evaluated: int = 10) -> Event:
    summary = Summary(
        evaluated=evaluated,
        refused=0,
        failed=0,
        best={"sharpe": 1.0 + island},
        median={"sharpe": 0.5} if island == 0 else {},
        front_size=3,
        archive_size=4,
        archive_cells=100,
        diversity=0.5,
        registered=1,
        champions=0,
        refusals={"vault_return": 1},
    )
    parents = np.stack([_ids(list(pair)) for pair in members.values()])
    cohort = ParentsSelected.build(
        SelectedHeader(island=island, generation=generation, summary=summary),
        genome_id=_ids(list(members)),
        parent_ids=parents,
        born_generation=np.full(len(members), generation, np.uint32),
    )
    return Event(cohort, str(island), RUN, f"{island}:{generation}", time_us=7)


def _evaluated(island: int, purpose: str, status: str) -> Event:
    header = EvaluatedHeader(island=island, generation=3, purpose=purpose, cohort=_name(9))
    cohort = GenomeEvaluated.build(header, genome_id=_ids([9]), status=np.array([STATUS.index(status)], np.uint8))
    return Event(cohort, str(island), RUN, f"{island}:{purpose}", time_us=7)


def _name(number: int) -> str:
    return number.to_bytes(16, "big").hex()


def test_repeated_events_are_kept_once_and_survive_in_the_files(tmp_path: Path) -> None:
    paths = tmp_path / "journal.jsonl", tmp_path / "family.bin"
    chronicle = Chronicle.open(*paths)
    event = _selected(0, 0, {1: (0, 0), 2: (0, 0)})
    assert chronicle.observe(event)
    assert not chronicle.observe(event)
    chronicle.observe(_selected(0, 1, {3: (1, 2)}))
    chronicle.flush()
    again = Chronicle.open(*paths)
    assert again.progress.rows() == chronicle.progress.rows()
    assert [row["generation"] for row in again.progress.rows()] == [0, 1]
    assert {birth.id for birth in again.family.ancestors(_name(3))} == {_name(1), _name(2), _name(3)}
    assert not again.observe(event)
    assert len(again.progress.rows()) == 2


def test_every_look_at_the_vault_is_kept_once_an_island_and_what_was_refused_is_none(tmp_path: Path) -> None:
    paths = tmp_path / "journal.jsonl", tmp_path / "family.bin"
    chronicle = Chronicle.open(*paths)
    for island, purpose, status in (
        (0, "promotion", "failed"),
        (1, "promotion", "failed"),
        (2, "promotion", "refused"),
    ):
        for _ in range(2):
            chronicle.observe(_evaluated(island, purpose, status))
    chronicle.observe(_evaluated(3, "seed", "failed"))
    chronicle.observe(_evaluated(4, "evolution", "failed"))
    chronicle.flush()
    for known in (chronicle, Chronicle.open(*paths)):
        assert known.of("look") == [{"island": island, "genome_id": _name(9)} for island in (0, 1)]
        assert [row["genome_id"] for row in known.of("candidate")] == [_name(9)]


def test_a_line_and_a_row_cut_short_by_a_kill_cost_nothing_else(tmp_path: Path) -> None:
    paths = tmp_path / "journal.jsonl", tmp_path / "family.bin"
    chronicle = Chronicle.open(*paths)
    chronicle.observe(_selected(0, 0, {1: (0, 0)}))
    chronicle.flush()
    for path in paths:
        with path.open("ab") as file:
            file.write(b'{"kind": "prog')
    resumed = Chronicle.open(*paths)
    resumed.observe(_selected(0, 1, {2: (1, 1)}))
    resumed.flush()
    last = Chronicle.open(*paths)
    assert [row["generation"] for row in last.progress.rows()] == [0, 1]
    assert [birth.id for birth in last.family.ancestors(_name(2))] == [_name(2), _name(1)]


def test_ancestors_come_nearest_first_each_once() -> None:
    register = Family()
    for generation, members in enumerate(({1: (0, 0), 2: (0, 0)}, {3: (1, 2)}, {4: (3, 1)})):
        register.add(_selected(0, generation, members).payload)  # type: ignore[arg-type]
    found = register.ancestors(_name(4))
    assert [birth.id for birth in found] == [_name(number) for number in (4, 3, 1, 2)]
    assert found[0].parents == (_name(3), _name(1))
    assert found[2].parents == ()
    assert len(register.ancestors(_name(4), limit=2)) == 2
    assert register.birth(_name(99)) is None


def test_a_large_register_forgets_who_has_no_descendant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(family, "PRUNE_ROWS", 10)
    register = Family(tmp_path / "family.bin")
    register.add(_selected(0, 0, dict.fromkeys(range(1, 30), (0, 0))).payload)  # type: ignore[arg-type]
    register.add(_selected(0, 1, {100: (1, 2)}).payload)  # type: ignore[arg-type]
    register.flush([bytes.fromhex(_name(100))])
    assert len(register) == 3
    assert len(Family(tmp_path / "family.bin")) == 3


def test_a_register_of_a_long_run_keeps_only_near_ancestors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(family, "PRUNE_ROWS", 100)
    register = Family(tmp_path / "family.bin")
    most = 0
    for generation in range(1000):
        last = 3 * generation
        members = dict.fromkeys(range(last + 1, last + 4), (last, max(last - 1, 0)))
        register.add(_selected(0, generation, members).payload)  # type: ignore[arg-type]
        register.flush([bytes.fromhex(_name(number)) for number in members])
        most = max(most, len(register))
    bound = 2 * 3 * family.DEPTH_MAX + 3
    assert most <= bound
    assert len(Family(tmp_path / "family.bin")) <= bound
    assert len(register.ancestors(_name(3000))) == 60


def test_progress_of_a_long_run_is_thinned_alike_and_read_back_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series, "POINTS_MAX", 20)
    paths = tmp_path / "journal.jsonl", tmp_path / "family.bin"
    chronicle = Chronicle.open(*paths)
    for generation in range(500):
        for island in (1, 0):
            chronicle.observe(_selected(island, generation, {1 + generation: (0, 0)}, evaluated=10 * generation))
    chronicle.flush()
    rows = chronicle.progress.rows()
    for island in (0, 1):
        generations = [row["generation"] for row in rows if row["island"] == island]
        assert 10 <= len(generations) <= 22
        assert generations == [*range(0, 500, chronicle.progress.step), 499]
    assert chronicle.progress.evaluated() == 2 * 4990
    assert Chronicle.open(*paths).progress.rows() == rows
    assert paths[0].read_text().count('"progress"') == 1000


def test_the_overview_sums_islands_and_counts_only_generations_that_all_have_closed() -> None:
    chronicle = Chronicle()
    chronicle.observe(_selected(0, 0, {1: (0, 0)}))
    assert overview(chronicle, RUN, "evolving", 1.0, 1.0).generation == 0
    chronicle.observe(_selected(1, 0, {2: (0, 0)}))
    chronicle.observe(_selected(1, 1, {3: (0, 0)}, evaluated=20))
    now = overview(chronicle, RUN, "evolving", 1.0, 60.0)
    assert now.generation == 1
    assert now.evaluated == 30
    assert now.strategies_per_hour == pytest.approx(30 * 60)
    assert now.best["sharpe"] == 2.0
    assert now.median["sharpe"] == 0.5
    assert now.refusals == {"vault_return": 2}
    assert "drawdown" not in now.best, "no island has a figure for it"


def test_time_counts_as_evolution_only_where_something_was_evaluated() -> None:
    chronicle = Chronicle()
    first = SessionClock(chronicle, began=0.0)
    first.start(10.0, evaluated=0)
    first.tick(40.0, evaluated=500)
    first.save(41.0)
    second = SessionClock(chronicle, began=100.0)
    second.start(103.0, evaluated=500)
    second.tick(104.0, evaluated=500)
    second.save(105.0)
    assert second.total("evolution_s") == 30.0
    assert second.total("setup_s") == 13.0
    assert second.total("wall_s") == 46.0
