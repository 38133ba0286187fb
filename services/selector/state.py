"""The state of one island: what the selector remembers, as bytes, and its fingerprint."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from common.errors import ConfigurationError
from common.events.cohorts import GENOME_COLUMNS, MEASURE_COLUMNS, MEMBER_COLUMNS
from common.events.spec import RunSpec
from common.framing import Frame, pack
from selector.learned import DTYPES, Learned, nothing

_COLUMNS = GENOME_COLUMNS | MEASURE_COLUMNS | MEMBER_COLUMNS
MEMBER = np.dtype(list(_COLUMNS.items()))
"""One measured genome: the columns of the cohorts, as one record."""
CANDIDATE = np.dtype([*MEMBER.descr, ("registered_generation", "<u4"), ("trials", "<i8"), ("answered", "u1")])
"""A member registered for its sealed read: ``trials`` as counted then, the vault's evidence once ``answered``."""

MEMBER_FIELDS = tuple(_COLUMNS)

Members = npt.NDArray[np.void]
"""Records of dtype ``MEMBER``, shape (n,); never written to once they are in a state."""

_FORMAT = "island-4"


class Heard(NamedTuple):
    """An evaluated cohort that waits for its turn."""

    purpose: str
    cohort: str
    generation: int
    members: Members


def _none() -> Members:
    return np.empty(0, MEMBER)


@dataclass(frozen=True, slots=True)
class IslandState:
    """Everything the selector knows about an island; what can be derived from it is not stored.

    ``population`` stands in the order of ``places.in_order`` (rank and crowding follow from it), ``archive`` in the
    order of the cells (which follow from the descriptors). Champions and refusals follow from ``candidates``.
    """

    run: RunSpec | None = None
    island: int = -1
    generation: int = -1
    """The last one closed."""
    evaluated: int = 0
    refused: int = 0
    failed: int = 0
    population: Members = field(default_factory=_none)
    archive: Members = field(default_factory=_none)
    pending: Members | None = None
    """The cohort of ``generation + 1`` behind the seeds it found, waiting for the migrants that this one admits."""
    behind: tuple[Heard, ...] = ()
    """What came while ``pending`` waited, in the order of the log: so a replay, where migrants may come at any time,
    ends in the same state."""
    seeds: Members = field(default_factory=_none)
    """Answered seeds that wait for the next cohort; counted when it comes."""
    seed_cohorts: tuple[str, ...] = ()
    """Seed cohorts that have been answered, sorted."""
    arrived: tuple[tuple[int, int, Members], ...] = ()
    """Migrants by the generation that their source had closed, and the source; sorted, not admitted yet."""
    sent: tuple[tuple[int, Members], ...] = ()
    """Migrants sent, by the generation closed then: as many batches as another island can still wait for."""
    candidates: npt.NDArray[np.void] = field(default_factory=lambda: np.empty(0, CANDIDATE))
    learned: Learned = field(default_factory=nothing)
    outcomes: tuple[int, dict[str, int]] = (0, {})
    """Champions, and refusals by gate, as of the last close: what is said of it again is what was said then."""

    @property
    def waiting(self) -> int:
        """Evaluated genomes that no close has counted yet."""
        pending = 0 if self.pending is None else len(self.pending)
        return pending + len(self.seeds) + sum(len(heard.members) for heard in self.behind)


def join(*parts: Members) -> Members:
    """The records of all parts, in this order."""
    return np.concatenate(parts)


def distinct(members: Members) -> Members:
    """One record per genome id, the first of its kind, in the order of the ids."""
    # S16 pads with zero bytes and so compares all 16 of them, and unlike V16 it sorts fast.
    return members[np.unique(_contiguous_ids(members).view("S16"), return_index=True)[1]]


def known_ids(members: Members, among: Members) -> npt.NDArray[np.bool_]:
    """Which ``members`` (n,) have the id of one ``among`` others."""
    return np.isin(_contiguous_ids(members).view("S16"), _contiguous_ids(among).view("S16"))


def row_of(ids: npt.NDArray[Any], among: Members) -> npt.NDArray[np.int64]:
    """The row of ``among`` that has each of the ``ids`` (n,), the first of several; -1 where none has."""
    if not len(among):
        return np.full(len(ids), -1)
    theirs = _contiguous_ids(among).view("S16")
    order = np.argsort(theirs, kind="stable")
    wanted = np.ascontiguousarray(ids).view("S16")
    place = np.minimum(np.searchsorted(theirs, wanted, sorter=order), len(among) - 1)
    return np.where(theirs[order[place]] == wanted, order[place], -1)


def _contiguous_ids(members: Members) -> npt.NDArray[Any]:
    return np.ascontiguousarray(members["genome_id"])


def dump(state: IslandState) -> bytes:
    """The state as bytes: the records behind a head with all else."""
    arrays = [state.population, state.archive, state.seeds, state.candidates]
    arrays += [members for *_, members in state.arrived] + [members for _, members in state.sent]
    arrays += [heard.members for heard in state.behind]
    if state.pending is not None:
        arrays.append(state.pending)
    arrays += [state.learned[name] for name in DTYPES]
    head = {
        "run": None if state.run is None else state.run.model_dump(mode="json"),
        "numbers": [state.island, state.generation, state.evaluated, state.refused, state.failed],
        "seed_cohorts": state.seed_cohorts,
        "arrived": [batch[:2] for batch in state.arrived],
        "sent": [generation for generation, _ in state.sent],
        "behind": [heard[:3] for heard in state.behind],
        "pending": state.pending is not None,
        "outcomes": state.outcomes,
    }
    return pack(_FORMAT, head, arrays)


def load(data: bytes) -> IslandState:
    """The inverse of ``dump``; raises ConfigurationError for bytes that this program did not write."""
    try:
        return _load(data)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise ConfigurationError(
            f"selector state of {len(data)} bytes cannot be read ({error}); it is damaged or of another version:"
            " start a new run"
        ) from error


def _load(data: bytes) -> IslandState:
    frame = Frame(_FORMAT, data)
    head = frame.head
    island, generation, evaluated, refused, failed = head["numbers"]
    population, archive, seeds = (frame.take(MEMBER) for _ in range(3))
    state = IslandState(
        run=None if head["run"] is None else RunSpec.model_validate(head["run"]),
        island=island,
        generation=generation,
        evaluated=evaluated,
        refused=refused,
        failed=failed,
        population=population,
        archive=archive,
        seeds=seeds,
        seed_cohorts=tuple(head["seed_cohorts"]),
        candidates=frame.take(CANDIDATE),
        arrived=tuple((generation, source, frame.take(MEMBER)) for generation, source in head["arrived"]),
        sent=tuple((generation, frame.take(MEMBER)) for generation in head["sent"]),
        behind=tuple(
            Heard(purpose, cohort, generation, frame.take(MEMBER)) for purpose, cohort, generation in head["behind"]
        ),
        pending=frame.take(MEMBER) if head["pending"] else None,
        learned={name: frame.take(dtype) for name, dtype in DTYPES.items()},
        outcomes=tuple(head["outcomes"]),
    )
    frame.end()
    return state


def fingerprint(state: IslandState) -> bytes:
    """BLAKE2b-128 of all that the run decides; births by the clock, traces and what was told when are left out."""
    return hashlib.blake2b(dump(_timeless(state)), digest_size=16).digest()


def _timeless(state: IslandState) -> IslandState:
    def scrub(members: Members) -> Members:
        copy = members.copy()
        copy["born_us"] = 0
        copy["trace"] = np.zeros(1, MEMBER["trace"])
        return copy

    return replace(
        state,
        outcomes=(0, {}),  # answers come when they come
        population=scrub(state.population),
        archive=scrub(state.archive),
        seeds=scrub(state.seeds),
        candidates=scrub(state.candidates),
        pending=None if state.pending is None else scrub(state.pending),
        behind=tuple(heard._replace(members=scrub(heard.members)) for heard in state.behind),
        arrived=tuple((*batch[:2], scrub(batch[-1])) for batch in state.arrived),
        sent=tuple((generation, scrub(members)) for generation, members in state.sent),
    )
