"""The state of the deployer: transitions, admitted champions and paper bars, as bytes, and its fingerprint."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson

from common.errors import ConfigurationError
from common.events.public import ChampionPromoted, DeploymentChanged
from common.events.spec import RunSpec
from common.framing import Frame, pack
from deployer.feed import BAR, Received

TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("none", "candidate"),
        ("candidate", "validated"),
        ("candidate", "refused"),
        ("validated", "paper"),
        ("paper", "retired"),
    }
)

_FORMAT = "paper-1"


@dataclass(frozen=True, slots=True)
class Transition:
    """An entry of the log; ``trace`` is that of the champion's birth."""

    change: DeploymentChanged
    trace: str


@dataclass(frozen=True, slots=True, eq=False)
class PaperState:
    """The log is the truth: what a deployment is now follows from it. Positions follow from champions and bars."""

    run: RunSpec | None = None
    log: tuple[Transition, ...] = ()
    champions: Mapping[str, ChampionPromoted] = field(default_factory=dict)
    """By deployment, of all that ever went on paper."""
    bars: Mapping[str, Received] = field(default_factory=dict)
    """By instrument, what came after its history."""


def fold(log: Iterable[Transition]) -> dict[str, Transition]:
    """The latest transition of each deployment; raises ValueError for one that does not follow from the one before."""
    latest: dict[str, Transition] = {}
    for entry in log:
        change = entry.change
        before = latest[change.deployment].change.state if change.deployment in latest else "none"
        if change.previous != before or (before, change.state) not in TRANSITIONS:
            raise ValueError(f"deployment {change.deployment}: {before} to {change.state} is no transition")
        latest[change.deployment] = entry
    return latest


def on_paper(state: PaperState, instrument: str | None = None) -> list[Transition]:
    """The live deployments, of one instrument or of all, by name: the order of arrival shows nowhere."""
    latest = sorted(fold(state.log).items())
    return [
        entry for _, entry in latest if entry.change.state == "paper" and instrument in (None, entry.change.instrument)
    ]


def dump(state: PaperState) -> bytes:
    """The state as bytes: the bars of each instrument behind a head with all else."""
    instruments = sorted(state.bars)
    head = {
        "run": None if state.run is None else state.run.model_dump(mode="json"),
        "log": [[entry.change.model_dump_json(), entry.trace] for entry in state.log],
        "champions": {name: champion.model_dump_json() for name, champion in state.champions.items()},
        "bars": instruments,
    }
    return pack(_FORMAT, head, [state.bars[name] for name in instruments])


def load(data: bytes) -> PaperState:
    """The inverse of ``dump``; raises ConfigurationError for bytes that this program did not write."""
    try:
        return _load(data)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise ConfigurationError(
            f"deployer state of {len(data)} bytes cannot be read ({error}); it is damaged or of another version:"
            " start a new run"
        ) from error


def _load(data: bytes) -> PaperState:
    frame = Frame(_FORMAT, data)
    head = frame.head
    bars = {name: frame.take(BAR) for name in head["bars"]}
    frame.end()
    log = tuple(Transition(DeploymentChanged.model_validate_json(change), trace) for change, trace in head["log"])
    fold(log)
    return PaperState(
        run=None if head["run"] is None else RunSpec.model_validate(head["run"]),
        log=log,
        champions={name: ChampionPromoted.model_validate_json(text) for name, text in head["champions"].items()},
        bars=bars,
    )


def fingerprint(state: PaperState) -> bytes:
    """BLAKE2b-128 of what the run decides: who is on paper, who is not, and on which bars.

    Left out is what tells only of timing: births by the clock, traces, and whether a better champion came before
    another (which was then refused) or after it (which was then retired).
    """
    content = {
        "run": None if state.run is None else state.run.run_id,
        "deployments": {
            name: [entry.change.genome_id, entry.change.instrument, entry.change.state == "paper"]
            for name, entry in fold(state.log).items()
        },
        "bars": {name: hashlib.blake2b(bars.tobytes()).hexdigest() for name, bars in state.bars.items()},
    }
    return hashlib.blake2b(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()
