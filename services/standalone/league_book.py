"""The book of the league: ratings over all seasons, titles, and the hall of fame, in one file."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from common.errors import ConfigurationError
from common.genome.codec import from_json, to_json
from common.run.folder import write_atomically
from standalone.league_players import Player

_FORMAT = "league-1"
_MU, _SIGMA = 25.0, 25.0 / 3.0
FAME = 10


@dataclass(slots=True)
class Standing:
    """One player over all seasons; a rating is normal with mean ``mu`` and deviation ``sigma``."""

    genome_id: str
    name: str
    kind: str
    genome: dict[str, Any]
    mu: float = _MU
    sigma: float = _SIGMA
    matches: int = 0
    wins: int = 0
    seasons: int = 0
    titles: int = 0
    best: float = 0.0
    """The highest ordinal at the end of a season."""

    @property
    def ordinal(self) -> float:
        """What the rating is at least, with a chance of 99.9 %: three deviations below its mean."""
        return self.mu - 3 * self.sigma


@dataclass(slots=True)
class Book:
    """Standings by genome id; ``titles``: the winner of the cup of each season."""

    seasons: int = 0
    standings: dict[str, Standing] = field(default_factory=dict)
    titles: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> "Book":
        """The file, or an empty book where there is none. Raises ConfigurationError for what is no book."""
        if not path.exists():
            return cls()
        try:
            document = orjson.loads(path.read_bytes())
            if document["format"] != _FORMAT:
                raise ValueError(f"format {document['format']!r}")
            standings = {row["genome_id"]: Standing(**row) for row in document["standings"]}
            return cls(int(document["seasons"]), standings, list(document["titles"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(f"--book {path}: is no book of a league ({error}); name another file") from error

    def write(self, path: Path) -> None:
        """Whole or not at all."""
        rows = [asdict(self.standings[name]) for name in sorted(self.standings)]
        document = {"format": _FORMAT, "seasons": self.seasons, "titles": self.titles, "standings": rows}
        write_atomically(path, orjson.dumps(document, option=orjson.OPT_INDENT_2))

    def standing(self, player: Player) -> Standing:
        """That of a player, who is entered if new."""
        if player.genome_id not in self.standings:
            new = Standing(player.genome_id, player.name, player.kind, to_json(player.genome))
            self.standings[player.genome_id] = new
        return self.standings[player.genome_id]

    def close(self, season: int, winner: Standing) -> None:
        """End a season."""
        self.seasons = season
        self.titles.append({"season": season, "genome_id": winner.genome_id, "name": winner.name})

    def ranked(self) -> list[Standing]:
        """All players ever, by ordinal."""
        return sorted(self.standings.values(), key=lambda each: (-each.ordinal, each.genome_id))

    def hall_of_fame(self) -> list[Standing]:
        """The ten that have ended a season highest, whether they still play or not."""
        return sorted(self.standings.values(), key=lambda each: (-each.best, each.genome_id))[:FAME]

    def veterans(self) -> list[Player]:
        """Members of the hall of fame as players, whose run may be long gone."""
        return [
            Player(each.genome_id, each.name, each.kind, from_json(each.genome))
            for each in self.hall_of_fame()
            if each.seasons
        ]
