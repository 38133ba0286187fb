"""Lines, traits, dynasties and heritability on both engines, against plain Python over the rows that were inserted."""

from collections import defaultdict
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from common.events.spec import OBJECTIVES
from common.genome.codec import genome_ids, to_json
from common.genome.layout import GENOME
from common.ports import Store
from generator.initialise import random_population
from generator.tables import Settings
from recorder.lineage import LATEST_SHARE
from recorder.migrations import migrate
from recorder.questions import ask
from recorder.tables import BY_NAME
from tests.adapters.stores import ENGINES, opener_of

Row = dict[str, Any]
RUN, OTHER_RUN = "ab" * 16, "cd" * 16
GENERATIONS, ADMITTED = 12, 10
OPERATORS = ("random", "mutation", "both")


def _family() -> list[Row]:
    """Members with parents of the two generations before, some of whom were never admitted, and correlated figures."""
    chance = Random(11)
    population = random_population(GENERATIONS * ADMITTED, Settings(instruments=4, hours=True), 3, 0, 0)
    ids = [bytes(each).hex() for each in genome_ids(population)]
    found: list[Row] = []
    for k, one in enumerate(ids):
        generation = k // ADMITTED
        older = found[max(0, (generation - 2) * ADMITTED) : generation * ADMITTED]
        some = chance.sample(older, chance.choice((0, 1, 2, 2)) if older else 0)
        names = [row["genome_id"] for row in some]
        if some and chance.random() < 0.1:
            names[-1] = f"{chance.getrandbits(128):032x}"  # a candidate that no island admitted
        mean = sum(row["sharpe"] for row in some) / max(len(some), 1)
        figures = {name: 0.5 * mean + chance.gauss(0, 1) for name in OBJECTIVES}
        born: Row = {"generation": generation, "island": k % 3, "operator": OPERATORS[len(names)]}
        kept: Row = {"run_id": RUN, "genome_id": one, "parent_ids": names, "genome": population[k].tobytes().hex()}
        found.append(born | kept | figures)
    return found


def _table(name: str, rows: list[Row]) -> pa.Table:
    columns = []
    for field in BY_NAME[name].schema:
        blank: Any = "" if pa.types.is_string(field.type) else [] if pa.types.is_list(field.type) else 0
        columns.append(pa.array([row.get(field.name, blank) for row in rows], field.type))
    return pa.table(columns, schema=BY_NAME[name].schema)


FAMILY = _family()
BY_ID = {row["genome_id"]: row for row in FAMILY}
CHAMPIONS = [FAMILY[-1], FAMILY[-7]]


@pytest.fixture(scope="module", params=ENGINES)
def answers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Row]]:
    """Of a store that got every row twice, and another run's rows."""
    folder: Path = tmp_path_factory.mktemp("store")
    with opener_of(request.param, request, folder) as opening:
        store: Store = opening()
        migrate(store)
        others = [row | {"run_id": OTHER_RUN, "parent_ids": [], "sharpe": 9.0} for row in FAMILY]
        for rows in (FAMILY, FAMILY, others):
            store.insert("members", _table("members", rows))
            store.insert("genomes", _table("genomes", rows))
        store.insert("champions", _table("champions", [*CHAMPIONS, others[0]]))
        start = _longest()[0]["genome_id"]
        names = {"line": start, "traits": start, "dynasties": "", "heritability": ""}
        found = {name: ask(store, name, RUN, genome).to_pylist() for name, genome in names.items()}
        store.close()
        return found


def _line(row: Row) -> list[Row]:
    found = [row]
    while found[-1]["parent_ids"] and found[-1]["parent_ids"][0] in BY_ID:
        found.append(BY_ID[found[-1]["parent_ids"][0]])
    return found


def _longest() -> list[Row]:
    return max(map(_line, FAMILY), key=len)


def test_a_line_is_first_parents_back_to_a_founder_with_what_each_gained(answers: dict[str, list[Row]]) -> None:
    line = _longest()
    assert len(line) > 3
    for name in ("genome_id", "operator", "island", "generation", "sharpe"):
        assert [row[name] for row in answers["line"]] == [row[name] for row in line]
    gains = [own["sharpe"] - parent["sharpe"] for own, parent in pairwise(line)]
    assert [row["gain"] for row in answers["line"][:-1]] == gains
    assert np.isnan(answers["line"][-1]["gain"])


def _leaves(value: Any, path: tuple[str, ...] = ()) -> dict[str, str]:
    if not isinstance(value, dict):
        return {".".join(path): str(value)}
    return {name: text for key, inner in value.items() for name, text in _leaves(inner, (*path, key)).items()}


def test_traits_are_what_the_line_has_kept_without_a_break(answers: dict[str, list[Row]]) -> None:
    line = _longest()
    documents = [_leaves(to_json(np.frombuffer(bytes.fromhex(row["genome"]), GENOME)[0])) for row in line]
    told = {row["trait"]: row for row in answers["traits"]}
    assert set(told) == set(documents[0])
    for trait, value in documents[0].items():
        same = [document.get(trait) == value for document in documents]
        links = [*same, False].index(False) - 1
        assert (told[trait]["value"], told[trait]["links"]) == (value, links)
        assert told[trait]["since_generation"] == line[links]["generation"]
        assert told[trait]["share_of_line"] == sum(same) / len(same)
    assert any(row["links"] for row in told.values())


def _shares(holders: list[Row]) -> dict[str, Fraction]:
    """What each founder holds of these: each genome is half of each parent, or all of the only one that is known."""
    found: dict[str, Fraction] = defaultdict(Fraction)

    def give(row: Row, part: Fraction) -> None:
        known = [BY_ID[name] for name in row["parent_ids"] if name in BY_ID]
        for parent in known:
            give(parent, part / len(known))
        if not known:
            found[row["genome_id"]] += part

    for row in holders:
        give(row, Fraction(1, len(holders)))
    return found


def test_dynasties_are_founders_by_their_part_in_the_latest_and_in_champions(answers: dict[str, list[Row]]) -> None:
    newest = max(row["generation"] for row in FAMILY)
    latest = _shares([row for row in FAMILY if row["generation"] >= newest - int(newest * LATEST_SHARE)])
    crowned = _shares(CHAMPIONS)
    told = answers["dynasties"]
    assert len(told) > 3
    for row in told:
        assert row["share_of_latest"] == pytest.approx(float(latest[row["founder"]]))
        assert row["share_of_champions"] == pytest.approx(float(crowned[row["founder"]]))
    assert told[0]["share_of_latest"] == pytest.approx(float(max(latest.values())))
    assert sorted((row["share_of_latest"] for row in told), reverse=True) == [row["share_of_latest"] for row in told]


def test_heritability_is_the_slope_of_children_on_the_mean_of_their_admitted_parents(
    answers: dict[str, list[Row]],
) -> None:
    told = {(row["operator"], row["objective"]): row for row in answers["heritability"]}
    assert set(told) == {(operator, objective) for operator in OPERATORS[1:] for objective in OBJECTIVES}
    for (operator, objective), row in told.items():
        pairs = []
        for child in FAMILY:
            known = [BY_ID[name][objective] for name in child["parent_ids"] if name in BY_ID]
            if known and child["operator"] == operator:
                pairs.append((sum(known) / len(known), child[objective]))
        middle, own = np.array(pairs).T
        assert row["families"] == len(pairs) > 10
        assert row["slope"] == pytest.approx(np.polyfit(middle, own, 1)[0])
        assert row["correlation"] == pytest.approx(np.corrcoef(middle, own)[0, 1])
        assert row["better"] == pytest.approx((own > middle).mean())
