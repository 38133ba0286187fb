"""What the report says and draws, from findings made by hand."""

import re
from html import unescape
from typing import Any

import numpy as np
import pytest

from common.events.spec import OBJECTIVES, DataSpec, RunSpec
from common.market.synthetic import noise
from common.run.stretches import BARS_PER_EVENT, cut_of, feed, histories
from selector.state import CANDIDATE, IslandState
from standalone import report_page as html
from standalone import results
from standalone.family import Birth
from standalone.live import duration, objective_text
from standalone.report_family import family_tree, place
from standalone.report_figures import Elites, archive, progress
from standalone.report_words import funnel, gate_words, refusal_sentences, seal_sentence, verdict, verdict_row
from standalone.results import percentile, seconds_to_paper

SPEC = RunSpec(data=(DataSpec(name="x", digest="0" * 32, bars=1000, bars_per_year=250.0),))


def _run(**counts: Any) -> dict[str, Any]:
    found = {"strategies_evaluated": 1000, "generations": 5, "registered": 3, "vault_reads": 3}
    return found | {"champions": 0, "deployments": 0, "on_paper": 0} | counts


@pytest.mark.parametrize(
    ("counts", "headline", "said"),
    [
        ({"champions": 1}, "1 champion survived", "1 passed every gate"),
        ({"champions": 2}, "2 champions survived", "2 passed every gate"),
        ({}, "Nothing survived", "3 candidates were shown"),
        ({"vault_reads": 1}, "Nothing survived", "1 candidate was shown"),
        ({"registered": 0, "vault_reads": 0}, "Nothing survived", "No strategy was good enough"),
        ({"strategies_evaluated": 0}, "Nothing was measured", "before the first generation"),
    ],
)
def test_the_verdict_is_said_in_plain_words(counts: dict[str, int], headline: str, said: str) -> None:
    told = verdict(_run(**counts), SPEC)
    assert told.headline == headline
    assert said in " ".join(told.sentences)
    assert told.survived == ("survived" in headline and "Nothing" not in headline)


@pytest.mark.parametrize(
    ("looks", "unregistered", "said"),
    [(3, 0, "each registered beforehand"), (5, 2, "2 of these had been registered")],
)
def test_both_counts_of_looks_at_the_vault_are_told(looks: int, unregistered: int, said: str) -> None:
    told = seal_sentence(_run(vault_looks=looks, vault_looks_unregistered=unregistered))
    assert told.startswith(f"Looks at the vault: 3 counted by the islands, {looks} answered by the evaluators")
    assert said in told
    assert ("do not believe" in told) == (unregistered > 0)


def test_a_look_that_no_island_registered_is_found_whatever_the_counts_say() -> None:
    ids = np.frombuffer(bytes(range(32)), "V16")
    islands = []
    for number in range(2):
        candidates = np.zeros(1, CANDIDATE)
        candidates["genome_id"] = ids[number]
        islands.append(IslandState(island=number, candidates=candidates))
    names = [name.tobytes().hex() for name in ids]
    seen = [{"island": number, "genome_id": name} for number, name in enumerate(names)]
    assert results.looks(seen, islands) == {"vault_looks": 2, "vault_looks_unregistered": 0}
    assert results.looks(seen[:1], islands) == {"vault_looks": 1, "vault_looks_unregistered": 0}
    elsewhere = {"island": 1, "genome_id": names[0]}
    assert results.looks([seen[0], elsewhere], islands) == {"vault_looks": 2, "vault_looks_unregistered": 1}


def test_the_funnel_goes_from_trials_to_paper() -> None:
    steps = funnel(_run(champions=2, deployments=2, on_paper=1))
    assert [(step.name, step.count) for step in steps] == [
        ("trials", 1000),
        ("candidates", 3),
        ("sealed reads", 3),
        ("champions", 2),
        ("on paper", 1),
    ]


def test_every_gate_of_the_selector_has_words() -> None:
    from selector.judgement import verdicts
    from selector.state import CANDIDATE

    candidate = np.zeros(1, CANDIDATE)
    candidate["trials"] = 100
    for judged in verdicts(candidate[0], SPEC):
        assert gate_words(judged.gate) != judged.gate.replace("_", " ")
        asked, _, _, answer = verdict_row(judged.model_dump())
        assert asked != judged.gate.replace("_", " ")
        assert answer == ("passed" if judged.passed else "failed")


def test_refusals_are_told_most_frequent_first() -> None:
    told = refusal_sentences({"vault_return": 1, "vault_p_value": 7})
    assert told[0].startswith("7 refused at vault p value: chance")


def test_texts_cannot_become_markup() -> None:
    evil = '<script>alert("x")</script>'
    for made in (
        html.paragraph(evil),
        html.bullets([evil]),
        html.table([evil], [[evil]]),
        html.section(evil, note=evil),
    ):
        assert "<script" not in made
        assert evil in unescape(made)


def test_progress_leaves_gaps_where_no_island_had_a_feasible_strategy() -> None:
    empty = {"generation": 0, "best": {}, "median": {}, "archive_size": 0, "diversity": 0.5}
    full = {"generation": 1, "best": {"sharpe": 2.0}, "median": {"sharpe": 1.0}, "archive_size": 3, "diversity": 0.4}
    rows = [row | {"island": island} for row in (empty, full) for island in (0, 1)]
    figure = progress([*rows[:3], rows[3] | {"best": {"sharpe": 3.0}}], ("sharpe",))
    assert list(figure.data[0].y) == [None, 3.0]
    assert list(figure.data[1].y) == [None, 1.0]
    assert list(figure.data[2].y) == [0.0, 6.0]


def test_the_map_shows_the_best_of_each_behaviour() -> None:
    descriptor = np.array([[1.0, 0.01, 1.0], [1.5, 0.02, 0.0], [300.0, 0.95, 1.0]], np.float32)
    objectives = np.zeros((3, len(OBJECTIVES)))
    objectives[:, 0] = (0.5, 1.5, 0.7)
    cells = [value for row in archive(Elites(descriptor, objectives)).data[0].z for value in row if value is not None]
    assert cells == [1.5, 0.7]


def test_a_family_is_placed_by_generation_and_every_line_ends_at_a_birth() -> None:
    births = [
        Birth("c" * 32, ("a" * 32, "b" * 32), "both", 3, 0),
        Birth("a" * 32, ("d" * 32,), "mutation", 2, 0),
        Birth("b" * 32, (), "expert", 0, 1),
    ]
    places = place(births)
    assert [places[birth.id][1] for birth in births] == [3.0, 2.0, 0.0]
    lines = family_tree(births).data[0]
    ends = set(zip([x for x in lines.x if x is not None], [y for y in lines.y if y is not None], strict=True))
    assert ends == set(places.values())


def test_a_deployment_whose_time_a_kill_took_has_no_birth_to_deployment() -> None:
    born = 1_000_000
    rows = [
        {"state": "paper", "born_us": born, "time_us": 3_500_000},
        {"state": "paper", "born_us": born, "time_us": 0},
        {"state": "validated", "born_us": born, "time_us": 2_000_000},
    ]
    assert seconds_to_paper(rows) == [2.5]


def test_percentiles_are_nearest_rank() -> None:
    values = [float(number) for number in range(1, 101)]
    assert percentile(values, 0.5) == 50.0
    assert percentile(values, 0.99) == 99.0
    assert percentile([4.0], 0.99) == percentile([4.0], 0.5) == 4.0
    assert percentile([], 0.5) is None


def test_the_feed_continues_every_history_without_a_gap() -> None:
    bars = noise(1, 2500)
    data = DataSpec(name=bars.name, digest=bars.digest, bars=len(bars), bars_per_year=bars.bars_per_year)
    spec = SPEC.model_copy(update={"data": (data,)})
    history = histories(spec, [bars])[0]
    events = list(feed(spec, [bars]))
    times = [ts_us for event in events for ts_us in event.ts_us]
    assert [*history.ts_us.tolist(), *times] == bars.ts_us.tolist()
    assert max(len(event.ts_us) for event in events) <= BARS_PER_EVENT
    assert len(history) == cut_of(len(bars), spec.windows).paper[0]


def test_objectives_are_shown_with_the_sign_that_people_use() -> None:
    assert objective_text("drawdown", -0.2) == "20.0 %"
    assert objective_text("turnover", -12.34) == "12.3x"
    assert objective_text("stress", -0.125) == "-12.5 %"
    assert objective_text("sharpe", -1.5) == "-1.50"
    assert duration(3599.9) == "59:59"
    assert not re.search("[a-z]", duration(1e5))
