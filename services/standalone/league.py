"""The league: seasons of matches, ratings after each, a cup, and breeding rights for those who are rated highest."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from openskill.models import PlackettLuce

from common.random import Stream, below, exponential, new_stream, uniform
from standalone.league_book import Book, Standing
from standalone.league_matches import Field, ranks
from standalone.league_players import Player

TABLE = 6
CUP_PLAYERS, CUP_MATCHES = 8, 5
_LEAGUE = np.uint64(0x6C656167)
_ROUNDS, _CUP, _RIGHTS = range(3)
_SPREAD = 25 / 6
"""Of the ordinal: so much more makes a right to breed e times as likely."""
_REACH = 15.0


class Season(NamedTuple):
    """What a season came to: its number, the blocks played, the cup's pairings round by round, and its winner."""

    number: int
    rounds: int
    cup: list[dict[str, Any]]
    champion: str


def play_season(book: Book, players: Sequence[Player], field: Field, rounds: int) -> Season:
    """Rounds of matches on blocks drawn at random, then the cup; ratings of the book are renewed.

    In every round players sit at tables of about ``TABLE``, next to those of like rating (the Swiss system); all play
    the same block, and ratings follow from the order at the table: R. C. Weng and C.-J. Lin, "A Bayesian approximation
    method for online ranking", JMLR 12, 2011, model of Plackett and Luce. Draws follow from the season's number.
    """
    number = book.seasons + 1
    model, stream = PlackettLuce(), new_stream(_LEAGUE, 0, number, _ROUNDS)
    standings = [book.standing(player) for player in players]
    for standing in standings:
        standing.seasons += 1
    for _ in range(rounds):
        block = below(stream, len(field.names))
        jitter = [uniform(stream) for _ in players]
        seats = sorted(range(len(players)), key=lambda p: (-standings[p].ordinal, jitter[p]))
        for table in np.array_split(np.array(seats), max(len(seats) // TABLE, 1)):
            _rate(model, [standings[p] for p in table], field.scores[block, table])
    cup, winner = _cup(standings, field, number)
    standings[winner].titles += 1
    for standing in standings:
        standing.best = max(standing.best, standing.ordinal)
    book.close(number, standings[winner])
    return Season(number, rounds, cup, standings[winner].genome_id)


def _rate(model: PlackettLuce, table: Sequence[Standing], scores: np.ndarray[Any, Any]) -> None:
    if len(table) < 2:
        return
    order = ranks(scores)
    teams = [[model.rating(mu=each.mu, sigma=each.sigma)] for each in table]
    for standing, rank, [rating] in zip(table, order, model.rate(teams, ranks=[float(r) for r in order]), strict=True):
        standing.mu, standing.sigma = float(rating.mu), float(rating.sigma)
        standing.matches += 1
        standing.wins += rank == 0 and order.count(0) == 1


def _cup(standings: Sequence[Standing], field: Field, number: int) -> tuple[list[dict[str, Any]], int]:
    """A knock-out of the best, the first against the last: more of ``CUP_MATCHES`` blocks, else the higher seed."""
    seeds = sorted(range(len(standings)), key=lambda p: (-standings[p].ordinal, standings[p].genome_id))
    left, told = seeds[: 1 << (min(len(seeds), CUP_PLAYERS).bit_length() - 1)], []
    stream = new_stream(_LEAGUE, 0, number, _CUP)
    while len(left) > 1:
        blocks = [below(stream, len(field.names)) for _ in range(CUP_MATCHES)]
        going_on = []
        for place in range(len(left) // 2):
            upper, lower = left[place], left[-1 - place]
            won = np.sign(field.scores[blocks, upper] - field.scores[blocks, lower])
            result = int((won > 0).sum()), int((won < 0).sum())
            going_on.append(upper if result[0] >= result[1] else lower)
            names = standings[upper].name, standings[lower].name
            told.append({"players": len(left), "first": names[0], "second": names[1], "result": list(result)})
        left = going_on
    return told, left[0]


def breeding_rights(book: Book, players: Sequence[Player], wanted: int, season: Season) -> list[Player]:
    """Who may breed: the winner of the cup, then others drawn without replacement, the likelier the higher rated.

    The chance of a player is in proportion to e to the power of its ordinal over ``_SPREAD`` (Plackett and Luce again).
    """
    stream = new_stream(_LEAGUE, 0, season.number, _RIGHTS)
    left = [player for player in players if player.genome_id != season.champion]
    found = [player for player in players if player.genome_id == season.champion][:wanted]
    while left and len(found) < wanted:
        found.append(left.pop(_drawn(stream, [book.standing(player).ordinal for player in left])))
    return found


def _drawn(stream: Stream, ordinals: Sequence[float]) -> int:
    top = max(ordinals)
    chances = [exponential(max((ordinal - top) / _SPREAD, -_REACH)) for ordinal in ordinals]
    mark, total = uniform(stream) * sum(chances), 0.0
    for place, chance in enumerate(chances):
        total += chance
        if mark < total:
            return place
    return len(chances) - 1
