"""What `galapagos league` prints."""

from typing import Any

from rich.console import Console
from rich.table import Table

from standalone.league import Season
from standalone.league_book import Book, Standing
from standalone.league_players import Player

Row = dict[str, Any]
_SHOWN = 20


def told(book: Book, season: Season, rights: list[Player]) -> Row:
    """A season and the book after it, as JSON values."""
    return {
        "season": season.number,
        "rounds": season.rounds,
        "standings": [_row(place, each) for place, each in enumerate(book.ranked(), 1)],
        "cup": season.cup,
        "champion": season.champion,
        "breeding_rights": [player.genome_id for player in rights],
        "hall_of_fame": [_row(place, each) | {"best": each.best} for place, each in enumerate(book.hall_of_fame(), 1)],
        "titles": book.titles,
    }


def _row(place: int, each: Standing) -> Row:
    names = ("genome_id", "name", "kind", "mu", "sigma", "ordinal", "matches", "wins", "seasons", "titles")
    return {"place": place, **{name: getattr(each, name) for name in names}}


def render(found: Row, console: Console) -> None:
    """For people."""
    title = f"Season {found['season']}, {found['rounds']} rounds; rating: mean less three deviations"
    table = Table("", "name", "kind", "rating", "matches", "won", "titles", box=None, title=title, title_justify="left")
    for row in found["standings"][:_SHOWN]:
        table.add_row(
            str(row["place"]), row["name"], row["kind"], f"{row['ordinal']:.1f}", str(row["matches"]),
            str(row["wins"]), str(row["titles"]),
        )  # fmt: skip
    console.print(table)
    for match in found["cup"]:
        ours, theirs = match["result"]
        console.print(f"cup, last {match['players']}: {match['first']} {ours}:{theirs} {match['second']}")
    names = {row["genome_id"]: row["name"] for row in found["standings"]}
    console.print(f"winner of the cup: {names[found['champion']]}")
    console.print("hall of fame: " + ", ".join(f"{row['name']} {row['best']:.1f}" for row in found["hall_of_fame"]))
    if found["breeding_rights"]:
        console.print("may breed: " + ", ".join(names[each] for each in found["breeding_rights"]))
