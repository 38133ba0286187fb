"""The leaderboard: champions of all runs on one window, beside baselines, with tests that hold for all together."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from common.errors import ConfigurationError
from common.genome.codec import from_json
from common.run.folder import RUNS, RunFolder
from generator.experts import experts
from standalone.leaderboard_baselines import HOLD, RANDOM, classics, luck, rivals
from standalone.leaderboard_statistics import compare, holm
from standalone.leaderboard_tracks import Ground, figures, per_year

Row = dict[str, Any]
LEVEL = 0.05
DAYS_MIN = 20
_SHOWN = 12


class Entrant(NamedTuple):
    """A champion, and the run that it comes from."""

    genome_id: str
    genome: np.void
    run: str


def folders_of(paths: Sequence[Any]) -> list[RunFolder]:
    """The named runs, or else all below ``runs``, the latest first. Raises ConfigurationError for none."""
    if paths:
        return [RunFolder.open(path) for path in paths]
    found = sorted(RUNS.glob("*/spec.json"), key=lambda file: (file.stat().st_mtime_ns, file.parent.name), reverse=True)
    return [RunFolder.open(file.parent) for file in found] or [RunFolder.open(None)]


def entrants(folders: Sequence[RunFolder]) -> tuple[list[Entrant], list[str]]:
    """Champions of the runs that have bars, windows and costs of the first one, each once; and the runs left out."""
    first, found, others = folders[0].spec(), dict[str, Entrant](), []
    for folder in folders:
        spec = folder.spec()
        if (spec.data, spec.windows, spec.costs) != (first.data, first.windows, first.costs):
            others.append(folder.path.name)
            continue
        for row in folder.champions():
            entrant = Entrant(row["genome_id"], from_json(row["genome"]), folder.path.name)
            found.setdefault(entrant.genome_id, entrant)
    return [found[name] for name in sorted(found)], others


def board(folders: Sequence[RunFolder], window: str, draws: int) -> Row:
    """Standings and tests, as JSON values; raises ConfigurationError where the window is too short to say anything.

    Nothing here goes back into breeding: the paper stretch stays a measure. The vault is not read.
    """
    spec, (players, others) = folders[0].spec(), entrants(folders)
    genomes = [expert.genome for expert in experts()] + [player.genome for player in players]
    ground = Ground.of(spec, folders[0].bars(), genomes)
    axis = ground.axis(window)
    if len(axis) < DAYS_MIN:
        raise ConfigurationError(
            f"--window {window}: has {len(axis)} days, {DAYS_MIN} are needed; use another window, or runs on more bars"
        )
    known, annual, names = classics(ground, window), per_year(axis), [data.name for data in spec.data]
    standing, tests = [], []
    for player in players:
        track, place = ground.track(player.genome, window), ground.instrument(player.genome)
        key = int(player.genome_id[:16], 16)
        about = {"name": player.genome_id[:12], "kind": "champion", "run": player.run, "instrument": names[place]}
        standing.append(about | figures(track.daily, annual) | {"trades": track.trades})
        for number, (rival, daily) in enumerate(rivals(ground, window, place, known)):
            found = compare(track.daily, daily, annual, key, number, draws)
            tests.append({"champion": player.genome_id[:12], "against": rival, **found._asdict()})
        drawn = luck(ground, player.genome, window, key, draws)
        if len(drawn):
            tests.append({"champion": player.genome_id[:12], **_against_luck(standing[-1]["sharpe_annual"], drawn)})
    for place, name in enumerate(names):
        track = ground.hold(window, place)
        about = {"name": HOLD, "kind": "baseline", "run": "", "instrument": name}
        standing.append(about | figures(track.daily, annual) | {"trades": track.trades})
    for classic in known:
        about = {"name": classic.name, "kind": "classic", "run": "", "instrument": names[classic.place]}
        standing.append(about | figures(classic.daily, annual) | {"trades": classic.trades})
    _correct(tests)
    standing.sort(key=lambda row: (-row["sharpe_annual"], row["name"], row["instrument"]))
    ranked = [{"place": place, **row} for place, row in enumerate(standing, 1)]
    return {"window": window, "days": len(axis), "standing": ranked, "tests": tests, "left_out": others}


def _against_luck(sharpe: float, drawn: np.ndarray[Any, Any]) -> Row:
    """The rank of a Sharpe ratio among those of the same trades at random times: a permutation test of the timing."""
    spread = sharpe - np.quantile(drawn, [0.95, 0.05])
    return {
        "against": RANDOM,
        "difference": sharpe - float(drawn.mean()),
        "low": float(spread[0]),
        "high": float(spread[1]),
        "p_value": (1 + int((drawn >= sharpe).sum())) / (len(drawn) + 1),
    }


def _correct(tests: list[Row]) -> None:
    """Add what Holm's correction over all tests of the board makes of each p-value, and the answer."""
    adjusted = holm(np.array([row["p_value"] for row in tests]))
    for row, value in zip(tests, adjusted.tolist(), strict=True):
        row["p_holm"], row["better"] = value, value <= LEVEL


def render(found: Row, console: Console) -> None:
    """For people: every champion and baseline, the classics that are above them or near the top, and the tests."""
    columns = ("", "name", "kind", "instrument", "Sharpe, yearly", "return", "worst drawdown", "trades")
    table = Table(*columns, box=None, title=f"{found['window']}, {found['days']} days", title_justify="left")
    for row in found["standing"]:
        if row["kind"] != "classic" or row["place"] <= _SHOWN:
            table.add_row(
                str(row["place"]), row["name"], row["kind"], row["instrument"], f"{row['sharpe_annual']:.2f}",
                f"{row['total_return']:+.1%}", f"{row['drawdown_max']:.1%}", str(row["trades"]),
            )  # fmt: skip
    console.print(table)
    if not found["tests"]:
        console.print("no champion yet: nothing to test")
        return
    title = f"Sharpe ratio less that of a baseline; p corrected for all {len(found['tests'])} tests (Holm)"
    tests = Table("champion", "against", "difference", "90 %", "p", "corrected", "better", box=None, title=title,
                  title_justify="left")  # fmt: skip
    for row in found["tests"]:
        tests.add_row(
            row["champion"], row["against"], f"{row['difference']:+.2f}", f"{row['low']:+.2f} to {row['high']:+.2f}",
            f"{row['p_value']:.4f}", f"{row['p_holm']:.4f}", "yes" if row["better"] else "not shown",
        )  # fmt: skip
    console.print(tests)
    if found["left_out"]:
        console.print(f"left out, for other bars, windows or costs: {', '.join(found['left_out'])}")
