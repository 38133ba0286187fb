"""What was found in a price file: faults, gaps and oddities, for people and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from common.market.bars import HOUR_US, Bars, Times

SHOWN = 5
EXTREME_MOVE = 0.5


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that may not become a bar; ``row`` counts from 1, without the header."""

    row: int
    reason: str
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class Gap:
    """A step longer than one bar: after which bar, how long, and how many bars would fit in."""

    after: str
    hours: float
    bars: int


@dataclass(frozen=True, slots=True)
class Gaps:
    """Every gap counted; the longest of them; how often each of the commonest lengths (hours) occurs."""

    count: int
    bars: int
    longest: tuple[Gap, ...]
    usual: dict[str, int]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """Faults of the rows by reason, and what the good rows amount to.

    ``times`` says how times were read: the zone that was assumed, or where it came from. ``columns`` maps a field to
    the column it was read from; ``unused`` columns were not needed. ``overlaps`` counts bars that open before the one
    before them is over, ``extremes`` those that moved more than half (real in a crash, so they stay).
    """

    path: str
    name: str
    rows: int
    bars: int
    first: str
    last: str
    bar_hours: float
    times: str
    newest_first: bool
    columns: dict[str, str]
    unused: tuple[str, ...]
    faults: dict[str, int]
    first_faults: tuple[Fault, ...]
    gaps: Gaps
    overlaps: int
    zero_volume: int
    extremes: int
    largest_move: str
    digest: str

    @property
    def faulty(self) -> int:
        """Rows with a fault."""
        return sum(self.faults.values())

    def as_json(self) -> dict[str, Any]:
        """Plain data for ``orjson``."""
        return asdict(self) | {"faulty": self.faulty}

    def refusal(self) -> str:
        """Why the file is refused, which rows, and what to do."""
        counts = "; ".join(f"{reason}: {count}" for reason, count in self.faults.items())
        rows = "\n".join(
            f"  row {fault.row}: {fault.reason} ({', '.join(f'{k}={v}' for k, v in fault.values.items())})"
            for fault in self.first_faults
        )
        return (
            f"{self.path}: {self.faulty} of {self.rows} rows are bad ({counts})\n{rows}\n"
            f"  Mend them, or leave them out: galapagos data import {self.path} --drop-bad --out GOOD.parquet "
            "(with the same --column, --timezone and --resample as now)"
        )

    def __str__(self) -> str:
        lines = [f"{label:<14}{value}" for label, value in self.lines()]
        return "\n".join([*lines, *([self.refusal()] if self.faults else [])])

    def lines(self) -> list[tuple[str, str]]:
        """What to show, as labels and values."""
        found = [
            ("file", self.path),
            (
                "bars",
                f"{self.bars} of {self.rows} rows, {self.bar_hours:g} h each" + ", newest first" * self.newest_first,
            ),
            ("from, to", f"{self.first} to {self.last}"),
            ("times", self.times),
            ("columns", ", ".join(f"{field}={column}" for field, column in self.columns.items())),
            ("gaps", f"{self.gaps.count} (closing hours too), {self.gaps.bars} bars in all"),
            *(("", f"{gap.hours:g} h after {gap.after} ({gap.bars} bars)") for gap in self.gaps.longest),
            *((f"{count} times", f"{hours} h") for hours, count in self.gaps.usual.items()),
            ("overlaps", str(self.overlaps)),
            ("no volume", f"{self.zero_volume} bars"),
            ("extremes", f"moves of more than half: {self.extremes}; largest {self.largest_move}"),
            ("digest", self.digest),
        ]
        return found + [("bad", f"{count} rows: {reason}") for reason, count in self.faults.items()]


def report(
    bars: Bars,
    path: str,
    rows: int,
    times: str,
    newest_first: bool,
    columns: Mapping[str, str],
    unused: Sequence[str],
    faults: Mapping[str, int],
    first_faults: Sequence[Fault],
) -> ImportReport:
    """Describe ``bars``, which the good ones of ``rows`` rows made."""
    moved, largest = extremes(bars)
    return ImportReport(
        path=path,
        name=bars.name,
        rows=rows,
        bars=len(bars),
        first=bars.at(0),
        last=bars.at(len(bars) - 1),
        bar_hours=bars.bar_us / HOUR_US,
        times=times,
        newest_first=newest_first,
        columns=dict(columns),
        unused=tuple(unused),
        faults=dict(faults),
        first_faults=tuple(first_faults),
        gaps=find_gaps(bars.ts_us, bars.bar_us),
        overlaps=int((np.diff(bars.ts_us) < bars.bar_us).sum()),
        zero_volume=int((bars.volume == 0).sum()),
        extremes=moved,
        largest_move=largest,
        digest=bars.digest,
    )


def find_gaps(ts_us: Times, bar_us: int) -> Gaps:
    """Steps between bars that are longer than one bar; weekends and nights are gaps too."""
    steps = np.diff(ts_us)
    places = np.flatnonzero(steps > bar_us)
    missing = -(-steps[places] // bar_us) - 1
    longest = places[np.argsort(-steps[places], kind="stable")[:SHOWN]]
    lengths, counts = np.unique(steps[places], return_counts=True)
    usual = np.argsort(-counts, kind="stable")[:3]
    return Gaps(
        int(places.size),
        int(missing.sum()),
        tuple(
            Gap(iso(int(ts_us[place])), float(steps[place] / HOUR_US), int(-(-steps[place] // bar_us) - 1))
            for place in longest
        ),
        {f"{lengths[place] / HOUR_US:g}": int(counts[place]) for place in usual if counts[place] > 1},
    )


def extremes(bars: Bars) -> tuple[int, str]:
    """How many bars moved more than half, inside or since the last close, and the largest move in words."""
    before = np.append(bars.open[:1], bars.close[:-1])
    low, high = np.minimum(bars.low, before), np.maximum(bars.high, before)
    moves = 1 - low / high
    place = int(moves.argmax())
    return int((moves > EXTREME_MOVE).sum()), f"{moves[place]:.1%} at {bars.at(place)}"


def iso(ts_us: int) -> str:
    """An instant for people, to the second."""
    return f"{np.datetime64(ts_us, 'us').astype('datetime64[s]')}Z"
