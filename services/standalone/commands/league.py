"""`galapagos league`: seasons, ratings, a cup, and the right to breed."""

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = (
    "Examples: [bold]galapagos league[/]  (a season of the latest run's champions and the classics)  ·  "
    "[bold]galapagos league --elites 32 --rights 8[/]  (eight winners breed in the run: it takes them in as seeds)"
)


def league(
    out: Annotated[Path | None, typer.Option(help="Folder of the run; the latest under runs/ by default.")] = None,
    elites: Annotated[int, typer.Option(min=0, max=256, help="Also the best elites of its archives.")] = 0,
    genome: Annotated[list[Path] | None, typer.Option(help="Also the genome of a file; repeat for several.")] = None,
    rounds: Annotated[int, typer.Option(min=1, max=10_000, help="Rounds of the season.")] = 60,
    rights: Annotated[int, typer.Option(min=0, max=64, help="Winners that are published to the run as seeds.")] = 0,
    book: Annotated[Path, typer.Option(help="File that keeps ratings and titles from season to season.")] = Path(
        "runs/league.json"
    ),
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Play a season: champions, elites, classics and the hall of fame on all markets of a run.

    Played on training and validation only: a winner may breed, so it is never shown the vault.
    """
    import orjson
    from rich.console import Console

    from common.run.folder import RunFolder
    from standalone import league_players
    from standalone.leaderboard_tracks import Ground
    from standalone.league import breeding_rights, play_season
    from standalone.league_book import Book
    from standalone.league_matches import play
    from standalone.league_page import render, told
    from standalone.seeds import accept

    folder, kept = RunFolder.open(out), Book.read(book)
    players = [*league_players.champions(folder), *league_players.files(genome or [])]
    players += [*league_players.elites(folder, elites), *league_players.classics(), *kept.veterans()]
    players = league_players.once(players)
    ground = Ground.of(folder.spec(), folder.bars(), [player.genome for player in players])
    season = play_season(kept, players, play(ground, players), rounds)
    winners = breeding_rights(kept, players, rights, season)
    for winner in winners:
        standing = kept.standing(winner)
        accept(folder, winner.genome, "league", f"season {season.number}, rating {standing.ordinal:.1f}")
    kept.write(book)
    found = told(kept, season, winners)
    if json:
        typer.echo(orjson.dumps(found))
    else:
        render(found, Console())
