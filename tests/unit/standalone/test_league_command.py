"""`galapagos league`: ratings find who is better, the file keeps them, and winners breed the more the higher rated."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from generator.experts import experts
from standalone.leaderboard_tracks import SEEN, Ground
from standalone.league import breeding_rights, play_season
from standalone.league_book import Book
from standalone.league_matches import Field, play, ranks
from standalone.league_players import Player, classics, once
from tests.unit.standalone.conftest import Galapagos
from tests.unit.standalone.test_leaderboard_command import make_run


def crowd(count: int) -> list[Player]:
    genome = experts()[0].genome
    return [Player(f"{number:032x}", f"p{number}", "file", genome) for number in range(count)]


def field_of(skill: np.ndarray, blocks: int = 40) -> Field:
    luck = np.random.Generator(np.random.Philox(1)).standard_normal((blocks, len(skill)))
    return Field(tuple(map(str, range(blocks))), skill + luck)


def test_ratings_come_to_the_order_of_skill() -> None:
    players, book = crowd(12), Book()
    play_season(book, players, field_of(np.arange(12.0)), 150)
    order = [book.standing(player).mu for player in players]
    assert np.corrcoef(np.argsort(np.argsort(order)), np.arange(12))[0, 1] > 0.95
    assert all(book.standing(player).sigma < 4 for player in players)


def test_equal_scores_share_a_rank_and_nobody_wins_them() -> None:
    players, book = crowd(6), Book()
    play_season(book, players, Field(("a",), np.zeros((1, 6))), 20)
    assert ranks(np.zeros(3)) == [0, 0, 0]
    assert {book.standing(player).wins for player in players} == {0}
    assert np.ptp([book.standing(player).mu for player in players]) < 1e-9


def test_the_same_book_has_the_same_season_and_the_next_one_differs() -> None:
    players, field = crowd(7), field_of(np.arange(7.0))
    one, two = Book(), Book()
    first = play_season(one, players, field, 30), play_season(two, players, field, 30)
    assert first[0] == first[1]
    assert one == two
    before = [standing.mu for standing in one.ranked()]
    assert play_season(one, players, field, 30).number == 2
    assert [standing.mu for standing in one.ranked()] != before


def test_the_cup_is_won_by_who_wins_more_blocks() -> None:
    skill = np.zeros(9)
    skill[4] = 100.0
    players, book = crowd(9), Book()
    season = play_season(book, players, field_of(skill), 60)
    assert season.champion == players[4].genome_id
    assert [match["players"] for match in season.cup] == [8, 8, 8, 8, 4, 4, 2]
    assert book.titles == [{"season": 1, "genome_id": players[4].genome_id, "name": "p4"}]


def test_breeding_rights_go_to_the_winner_and_more_often_to_the_higher_rated() -> None:
    players, book = crowd(20), Book()
    season = play_season(book, players, field_of(np.arange(20.0)), 100)
    held = dict.fromkeys((player.genome_id for player in players), 0)
    for number in range(300):
        drawn = breeding_rights(book, players, 5, season._replace(number=number))
        assert drawn[0].genome_id == season.champion
        assert len({player.genome_id for player in drawn}) == 5
        for player in drawn:
            held[player.genome_id] += 1
    ordinals = [book.standing(player).ordinal for player in players]
    assert np.corrcoef(ordinals, list(held.values()))[0, 1] > 0.7
    assert all(held[player.genome_id] < 150 for player in sorted(players, key=lambda p: book.standing(p).ordinal)[:5])


def test_blocks_are_of_windows_that_breeding_has_seen_and_cover_them_once(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a", 1, ())
    players = classics()[:2]
    ground = Ground.of(folder.spec(), folder.bars(), [player.genome for player in players])
    field = play(ground, players)
    assert field.scores.shape == (len(field.names), 2)
    firsts = {int(name.split()[-1]) for name in field.names}
    assert max(firsts) < ground.cuts[0].seen_stop
    assert len(field.names) == sum(
        max((stop - start) // 60, 1) for place in range(2) for name in SEEN for start, stop in ground.spans(place, name)
    )


@pytest.fixture
def season(galapagos: Galapagos, tmp_path: Path) -> dict[str, Any]:
    make_run(tmp_path / "runs/a", 1, experts()[:2])
    code, out, err = galapagos("league", "--rounds", "10", "--rights", "3", "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_winners_are_published_to_the_run_and_the_book_goes_on(
    galapagos: Galapagos, season: dict[str, Any], tmp_path: Path
) -> None:
    published = {path.stem for path in (tmp_path / "runs/a/seeds").glob("*.json")}
    assert published == set(season["breeding_rights"])
    assert len(season["standings"]) == len(once(classics()))
    code, out, _ = galapagos("league", "--rounds", "5")
    assert (code, "Season 2" in out, "hall of fame" in out) == (0, True, True)
    assert Book.read(tmp_path / "runs/league.json").seasons == 2


def test_a_file_that_is_no_book_is_named_and_left_alone(galapagos: Galapagos, tmp_path: Path) -> None:
    make_run(tmp_path / "runs/a", 1, ())
    (tmp_path / "other.json").write_text("{}")
    code, _, err = galapagos("league", "--book", "other.json")
    assert (code, "--book other.json" in err) == (2, True)
    assert (tmp_path / "other.json").read_text() == "{}"
