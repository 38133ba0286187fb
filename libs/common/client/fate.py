"""What became of a seed: refused with a reason, measured, promoted; read from the events that say so."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from common.errors import ContractError
from common.events.arrow import header_of
from common.events.catalogue import BY_PAYLOAD
from common.events.codec import content_id, decode
from common.events.cohorts import EVIDENCE, STATUS, WINDOWS, GenomeEvaluated
from common.events.event import Event
from common.events.public import ChampionPromoted, GenomeSeeded
from common.events.trace import parse
from common.ports import Record
from common.run.dead_letter import SUFFIX

Stage = Literal["refused", "failed", "measured", "promoted"]
_EVALUATED, _PROMOTED = BY_PAYLOAD[GenomeEvaluated].name, BY_PAYLOAD[ChampionPromoted].name
_DEAD = BY_PAYLOAD[GenomeSeeded].name + SUFFIX
TOPICS = (_DEAD, _EVALUATED, _PROMOTED)


@dataclass(frozen=True, slots=True)
class Fate:
    """One step of a seed. ``refused`` and ``failed`` are the last ones; ``reason`` says why, where the log does.

    ``figures``: per window ("training", "validation") what was measured, as in ``ChampionPromoted``.
    """

    stage: Stage
    genome_id: str = ""
    reason: str = ""
    trace_id: str = ""
    figures: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def is_last(self) -> bool:
        """Nothing comes after it."""
        return self.stage in ("refused", "failed", "promoted")


class Tracker:
    """Follows one seed by the id of its event: its cohort carries it, and its dead letter has it too."""

    def __init__(self, seed_id: str) -> None:
        self._seed_id = seed_id
        self._genome_id = ""
        self._champions: dict[str, Fate] = {}

    def take(self, record: Record) -> Iterator[Fate]:
        """The steps that a record shows, in their order; topics may come in any order."""
        if record.topic == _DEAD:
            yield from self._refused(record)
        elif record.topic == _EVALUATED and self._is_mine(record.value):
            event = decode(record.topic, record.key, record.headers, record.value)
            measured = _measured(event)
            self._genome_id = measured.genome_id
            yield measured
            if measured.genome_id in self._champions:
                yield self._champions[measured.genome_id]
        elif record.topic == _PROMOTED:
            yield from self._promoted(record)

    def _refused(self, record: Record) -> Iterator[Fate]:
        headers = dict(record.headers)
        own = headers.get("ce_id", b"").decode("ascii", "replace")
        if (own or content_id(_DEAD.removesuffix(SUFFIX), record.key, record.value)) == self._seed_id:
            yield Fate("refused", reason=headers.get("dead_reason", b"").decode(errors="replace"))

    def _is_mine(self, value: bytes) -> bool:
        """By the header alone: cohorts are megabytes, and nearly all of them are other people's."""
        header = header_of(value)
        return header.get("purpose") == "seed" and header.get("cohort") == self._seed_id

    def _promoted(self, record: Record) -> Iterator[Fate]:
        try:
            event = decode(record.topic, record.key, record.headers, record.value)
        except ContractError:  # its own readers say so
            return
        assert isinstance(event.payload, ChampionPromoted)
        fate = Fate("promoted", event.payload.genome_id, trace_id=trace_id(event.trace))
        if fate.genome_id == self._genome_id:
            yield fate
        self._champions[fate.genome_id] = fate


def trace_id(traceparent: str) -> str:
    """The 32 hexadecimal digits of a W3C traceparent, empty without one."""
    found = parse(traceparent)
    return "" if found is None else f"{found[0]:032x}"


def _measured(event: Event) -> Fate:
    cohort = event.payload
    assert isinstance(cohort, GenomeEvaluated)
    stage = STATUS[int(cohort["status"][0])]
    figures = {
        window: dict(zip(EVIDENCE, map(float, cohort["evidence"][0, index]), strict=True))
        for index, window in enumerate(WINDOWS[:2])
    }
    genome_id, trace = cohort["genome_id"][0].tobytes().hex(), trace_id(event.trace)
    if stage == "measured":
        return Fate("measured", genome_id, trace_id=trace, figures=figures)
    return Fate("refused" if stage == "refused" else "failed", genome_id, "by the evaluator", trace)
