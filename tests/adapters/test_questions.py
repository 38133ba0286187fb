"""The stock questions on both engines, about a real run: each answer against the rows themselves."""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from common.errors import ConfigurationError
from common.market.synthetic import planted
from common.ports import Store
from common.run.folder import RunFolder
from common.run.open import open_store
from recorder.migrations import MIGRATIONS, migrate
from recorder.questions import QUESTIONS, ask, latest_run
from recorder.tables import TABLES
from recorder.views import VIEWS
from standalone.host import HostSettings
from standalone.live import PlainView
from standalone.request import build_spec
from standalone.session import work
from tests.adapters.stores import ENGINES, opener_of
from tests.unit.standalone.conftest import Galapagos, galapagos

__all__ = ["galapagos"]
Rows = list[dict[str, Any]]
SMALL = {
    "islands": 2,
    "generations": 4,
    "evolution": {"population": 64, "offspring": 128, "migration_interval": 2},
    "windows": {"warmup_bars": 100},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that found something, with its store."""
    bars = [planted(1, 2500, 0.6)]
    made = RunFolder.create(tmp_path_factory.mktemp("run"), build_spec(bars, SMALL), bars, datetime.now(UTC))
    _, champions = work(made, HostSettings(1, True, "none", None, time.monotonic()), PlainView())
    assert champions, "the planted rule should be found"
    return made


@pytest.fixture(scope="module")
def recorded(folder: RunFolder) -> dict[str, pa.Table]:
    """All its rows by table."""
    store = open_store(f"chdb://{folder.store}")
    try:
        found = {}
        for table in TABLES:
            rows = store.query(f"SELECT {', '.join(table.columns)} FROM {table.name} FINAL")
            columns = [
                rows[field.name].cast(pa.int64() if field.name == "time" else field.type).cast(field.type)
                for field in table.schema
            ]
            found[table.name] = pa.table(columns, table.schema)
        return found
    finally:
        store.close()


@pytest.fixture(scope="module", params=ENGINES)
def answers(
    request: pytest.FixtureRequest, recorded: dict[str, pa.Table], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Rows]:
    """Every question asked of a store that got every row twice."""
    with opener_of(request.param, request, tmp_path_factory.mktemp("store")) as opening:
        store = opening()
        migrate(store)
        for _ in range(2):
            for name, table in recorded.items():
                store.insert(name, table)
        run = latest_run(store)
        heir = _heir(recorded["members"].to_pylist())
        founder = ask(store, "ancestors", run, heir[:16])["genome_id"][-1].as_py()
        genomes = dict.fromkeys(("ancestors", "line", "traits"), heir) | {"descendants": founder}
        found = {each.name: ask(store, each.name, run, genomes.get(each.name, "")).to_pylist() for each in QUESTIONS}
        _strange_ids_are_refused(store, run)
        store.close()
        return found


def _heir(members: Rows) -> str:
    """The last to be admitted whose grandparents were; a champion may be a founder."""
    parents = {row["genome_id"]: set(row["parent_ids"]) for row in members}
    known = {one for one, some in parents.items() if some & set(parents)}
    heirs = [(row["generation"], str(row["genome_id"])) for row in members if parents[row["genome_id"]] & known]
    return max(heirs)[1]


def _strange_ids_are_refused(store: Store, run: str) -> None:
    for name, genome, why in (
        ("ancestors", "", "is missing"),
        ("ancestors", "' OR 1 = 1 --", "is no id"),
        ("descendants", "f" * 32, "no genome"),
        ("nonsense", "", "is not known"),
    ):
        with pytest.raises(ConfigurationError, match=why):
            ask(store, name, run, genome)


def test_every_question_that_has_an_answer_in_this_run_gives_one(answers: dict[str, Rows]) -> None:
    quiet = {"alerts", "refusals", "candidates"}
    assert {name for name, rows in answers.items() if not rows} <= quiet


def test_ancestors_and_descendants_are_those_that_the_rows_tell_of(
    answers: dict[str, Rows], recorded: dict[str, pa.Table]
) -> None:
    parents = {row["genome_id"]: set(row["parent_ids"]) for row in recorded["members"].to_pylist()}
    children: dict[str, set[str]] = defaultdict(set)
    for child, some in parents.items():
        for parent in some:
            children[parent].add(child)
    for name, edges in (("ancestors", parents), ("descendants", children)):
        found = answers[name]
        start = found[0]["genome_id"]
        depth, ahead = {start: 0}, [start]
        for one in ahead:  # breadth first: it grows while it is read
            for other in sorted(edges.get(one, ())):
                if other not in depth:
                    depth[other] = depth[one] + 1
                    ahead.append(other)
        assert {row["genome_id"]: row["depth"] for row in found} == {one: depth[one] for one in ahead if one in parents}
        for row in found:
            assert set(row["parent_ids"]) == parents[row["genome_id"]]
    assert answers["ancestors"][0]["genome_id"] == _heir(recorded["members"].to_pylist())
    assert max(row["depth"] for row in answers["ancestors"]) > 1
    assert answers["ancestors"][0]["genome_id"] in {row["genome_id"] for row in answers["descendants"]}


def test_operator_success_is_admissions_by_offspring(answers: dict[str, Rows], recorded: dict[str, pa.Table]) -> None:
    tried: Counter[str] = Counter()
    for row in recorded["cohorts"].to_pylist():
        if row["purpose"] == "evolution":
            tried.update(dict(zip(row["operators"], row["operator_tried"], strict=True)))
    members = recorded["members"].to_pylist()
    for row in answers["operators"]:
        own = [member for member in members if member["operator"] == row["operator"]]
        assert row["tries"] == tried[row["operator"]]
        assert row["admissions"] == len(own)
        assert row["success"] == pytest.approx(len(own) / tried[row["operator"]])
        assert row["best_sharpe"] == max((member["sharpe"] for member in own), default=0)
    assert {row["operator"] for row in answers["operators"]} == set(tried)


def test_figures_by_generation_are_those_of_the_islands(
    answers: dict[str, Rows], recorded: dict[str, pa.Table]
) -> None:
    generations, selection = recorded["generations"].to_pylist(), recorded["selection"].to_pylist()
    for name in ("diversity", "best", "pressure"):
        assert [row["generation"] for row in answers[name]] == list(range(SMALL["generations"]))  # type: ignore[call-overload]
    for number in range(len(answers["best"])):
        of = [row for row in generations if row["generation"] == number]
        assert answers["diversity"][number]["mean_diversity"] == pytest.approx(sum(row["diversity"] for row in of) / 2)
        assert answers["best"][number]["best_sharpe"] == max(row["best_sharpe"] for row in of)
        pressed = [row for row in selection if row["generation"] == number]
        share = sum(row["admitted"] for row in pressed) / sum(row["members"] for row in pressed)
        assert answers["pressure"][number]["new_share"] == pytest.approx(share)


def test_counts_add_up_to_what_was_evaluated(answers: dict[str, Rows], recorded: dict[str, pa.Table]) -> None:
    cohorts = recorded["cohorts"].to_pylist()
    total = sum(row["genomes"] for row in cohorts)
    assert sum(row["answered"] for row in answers["throughput"]) == total
    assert sum(row["worked"] + row["declined"] + row["broken"] for row in answers["throughput"]) == total
    bred = sum(row["genomes"] for row in cohorts if row["purpose"] == "evolution")
    assert sum(row["evaluated"] for row in answers["islands"]) == bred
    slowest = max(row["time_us"] - row["proposed_us"] for row in cohorts)
    assert answers["slowest"][0]["took_s"] == pytest.approx(slowest / 1e6)
    sent: Counter[tuple[int, int]] = Counter()
    for row in recorded["migrations"].to_pylist():
        sent[row["source"], row["island"]] += row["members"]
    assert {(row["source"], row["destination"]): row["genomes"] for row in answers["migrations"]} == dict(sent)
    refused: Counter[str] = Counter()
    for island in range(2):
        last = max(
            (row for row in recorded["generations"].to_pylist() if row["island"] == island),
            key=lambda r: r["generation"],
        )
        refused.update(dict(zip(last["refusal_gates"], last["refusal_counts"], strict=True)))
    assert {row["gate"]: row["candidates"] for row in answers["refusals"]} == dict(refused)
    assert all(row["missing"] == 0 for row in answers["coverage"])
    lines = {row["name"]: row["lines"] for row in answers["space"]}
    for name, table in recorded.items():
        assert table.num_rows <= lines.get(name, 0) <= 2 * table.num_rows


def test_what_became_of_champions_is_told(
    answers: dict[str, Rows], recorded: dict[str, pa.Table], folder: RunFolder
) -> None:
    ids = {row["genome_id"] for row in folder.champions()}
    assert {row["genome_id"] for row in answers["champions"]} == ids
    looked = {row["genome_id"] for row in answers["candidates"] if row["purpose"] == "promotion"}
    assert ids <= looked
    deployed = {row["deployment"]: row["genome_id"] for row in recorded["deployments"].to_pylist()}
    assert {deployed[row["deployment"]] for row in answers["deployments"]} == ids
    assert len(answers["deployments"]) == recorded["deployments"].num_rows
    assert all(row["after_birth_s"] >= 0 for row in answers["deployments"])
    assert answers["audit"][0]["action"] == "start"
    children = Counter(parent for row in recorded["members"].to_pylist() for parent in set(row["parent_ids"]))
    assert [row["children"] for row in answers["parents"]] == sorted(children.values(), reverse=True)[:20]


def test_the_command_lists_and_answers_them(galapagos: Galapagos, folder: RunFolder) -> None:
    code, out, _ = galapagos("query", "--json")
    assert (code, [row["question"] for row in json.loads(out)]) == (0, [each.name for each in QUESTIONS])
    code, out, _ = galapagos("query")
    assert [line.split()[0] for line in out.splitlines()] == [each.name for each in QUESTIONS]
    place = ("--out", str(folder.path))
    code, out, _ = galapagos("query", "islands", *place, "--json")
    assert (code, [row["island"] for row in json.loads(out)]) == (0, [0, 1])
    champion = folder.champions()[0]["genome_id"]
    code, out, _ = galapagos("query", "ancestors", champion[:12], *place)
    assert code == 0
    assert champion in out
    run = folder.spec().run_id
    assert galapagos("query", "islands", *place, "--run", run[:8])[1] == galapagos("query", "islands", *place)[1]
    code, _, problem = galapagos("query", "islands", *place, "--run", "zz")
    assert (code, f"--run 'zz': no such run; the store has {run[:8]}" in problem) == (2, True)
    code, _, problem = galapagos("query", "nonsense", *place)
    assert (code, "is not known" in problem) == (2, True)
    code, _, problem = galapagos("query", "islands", "--store", f"chdb://{folder.path}/empty")
    assert (code, "galapagos store migrate" in problem) == (2, True)


def test_the_store_command_migrates_prints_and_retains(galapagos: Galapagos, tmp_path: Path) -> None:
    url = f"chdb://{tmp_path}/new"
    for applied in (len(MIGRATIONS), 0):
        code, out, _ = galapagos("store", "migrate", "--store", url)
        assert (code, len(out.splitlines()) - 1) == (0, applied)
    code, out, _ = galapagos("query", "islands", "--store", url)
    assert code == 2
    code, out, _ = galapagos("store", "schema")
    assert out.count("CREATE MATERIALIZED VIEW") == len(VIEWS)
    assert galapagos("store", "retain", "--months", "1", "--store", url)[0] == 0


@pytest.fixture(autouse=True, scope="module")
def _no_store_from_outside() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("GALAPAGOS_STORE", raising=False)
        yield
