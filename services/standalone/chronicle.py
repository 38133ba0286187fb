"""What a run has shown so far: in memory for the live view and the report, in a file so that a kill loses nothing."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from common.events.cohorts import EVIDENCE, OPERATOR_NAMES, STATUS, WINDOWS, GenomeEvaluated, ParentsSelected
from common.events.event import Event
from common.events.public import ChampionPromoted, DeploymentChanged, PerformanceObserved
from common.events.spec import OBJECTIVES
from common.genome.codec import to_json
from standalone.family import Family
from standalone.series import Series

Row = dict[str, Any]

REFUSALS_MAX = 100
"""Kinds of refusals that are kept: their words come from strangers, who can think of any number of them."""
_REASON_MAX = 1000


def figures(cohort: GenomeEvaluated | ParentsSelected, row: int) -> Row:
    """One measured genome as JSON values: identity, objectives, and evidence by window."""
    return {
        "genome_id": bytes(cohort["genome_id"][row]).hex(),
        "status": STATUS[int(cohort["status"][row])],
        "operator": OPERATOR_NAMES[int(cohort["operator"][row])],
        "objectives": dict(zip(OBJECTIVES, map(float, cohort["objectives"][row]), strict=True)),
        "evidence": {
            window: dict(zip(EVIDENCE, map(float, cohort["evidence"][row, index]), strict=True))
            for index, window in enumerate(WINDOWS)
        },
    }


@dataclass
class Chronicle:
    """Every record has a kind and a key; a record seen twice (redelivery, resume) is kept once."""

    path: Path | None = None
    family: Family = field(default_factory=Family)
    records: dict[str, dict[str, Row]] = field(default_factory=dict)
    breeding: dict[int, ParentsSelected] = field(default_factory=dict)
    """The latest breeding set of each island."""
    progress: Series = field(default_factory=Series)
    """Closed generations, thinned: the journal has every one."""
    _pending: list[bytes] = field(default_factory=list)

    @classmethod
    def open(cls, journal: Path, family: Path) -> "Chronicle":
        """Read back what an earlier process wrote; a last line cut short by a kill is ignored."""
        chronicle = cls(journal, Family(family))
        if journal.exists():
            with journal.open("rb") as file:
                for line in file:
                    chronicle._read(line)
        return chronicle

    def _read(self, line: bytes) -> None:
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            return
        if record["kind"] == "progress":
            self.progress.add(record["row"])
        else:
            self.records.setdefault(record["kind"], {})[record["key"]] = record["row"]

    def of(self, kind: str) -> list[Row]:
        """Records of one kind in the order in which they were first seen."""
        return list(self.records.get(kind, {}).values())

    def add(self, kind: str, key: str, row: Row) -> bool:
        """Keep a record; False when it is known."""
        known = self.records.setdefault(kind, {})
        if known.get(key) == row:
            return False
        is_new = key not in known
        known[key] = row
        self._note(kind, key, row)
        return is_new

    def refused(self, topic: str, service: str, reason: str) -> bool | None:
        """Keep why a service refused an event; None: it is new, and there are too many of them already."""
        row = {"topic": topic, "service": service, "reason": reason[:_REASON_MAX]}
        key, known = ":".join(row.values()), self.records.setdefault("dead", {})
        if key not in known and len(known) >= REFUSALS_MAX:
            return None
        return self.add("dead", key, row)

    def _note(self, kind: str, key: str, row: Row) -> None:
        self._pending.append(orjson.dumps({"kind": kind, "key": key, "row": row}) + b"\n")

    def flush(self) -> None:
        """Hand what is new to the operating system: it then survives this process."""
        living = [bytes(known) for cohort in self.breeding.values() for known in cohort["genome_id"]]
        named = [row["genome_id"] for kind in ("candidate", "champion") for row in self.of(kind)]
        self.family.flush(living + [bytes.fromhex(each) for each in named])
        if self.path is not None and self._pending:
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                # The newline ends a line that a kill cut short.
                os.write(file, b"\n" + b"".join(self._pending))
            finally:
                os.close(file)
            self._pending = []

    def observe(self, event: Event) -> bool:
        """Take in one event; True when it told something new."""
        payload = event.payload
        if isinstance(payload, ParentsSelected):
            return self._selected(payload, event.time_us)
        if isinstance(payload, GenomeEvaluated):
            return self._evaluated(payload, event)
        if isinstance(payload, ChampionPromoted):
            row = payload.model_dump(mode="json") | {"promoted_us": event.time_us, "trace": event.trace}
            return payload.genome_id not in self.records.get("champion", {}) and self.add(
                "champion", payload.genome_id, row
            )
        if isinstance(payload, DeploymentChanged):
            key = f"{payload.deployment}:{payload.state}"
            row = payload.model_dump(mode="json") | {"time_us": event.time_us, "trace": event.trace}
            return key not in self.records.get("deployment", {}) and self.add("deployment", key, row)
        if isinstance(payload, PerformanceObserved):
            return self.add("performance", f"{payload.deployment}:{payload.bar_ts_us}", payload.model_dump(mode="json"))
        return False

    def _selected(self, cohort: ParentsSelected, time_us: int) -> bool:
        header = cohort.header
        known = self.breeding.get(header.island)
        if known is not None and known.header.generation >= header.generation:
            return False
        self.breeding[header.island] = cohort
        self.family.add(cohort)
        row = {"island": header.island, "generation": header.generation, "final": header.final, "time_us": time_us}
        row |= header.summary.model_dump(mode="json")
        if not self.progress.add(row):
            return False
        self._note("progress", f"{header.generation}:{header.island}", row)
        return True

    def _evaluated(self, cohort: GenomeEvaluated, event: Event) -> bool:
        header = cohort.header
        if header.purpose == "evolution":
            return False
        news = False
        for row in range(len(cohort)):
            found = figures(cohort, row)
            if header.purpose == "seed":
                news |= self.add("seed", found["genome_id"], found | {"island": header.island, "cohort": header.cohort})
            elif found["status"] != "refused":  # what was refused has not been shown the vault
                news |= self._looked(cohort, row, found)
        return news

    def _looked(self, cohort: GenomeEvaluated, row: int, found: Row) -> bool:
        """A look at the vault, told by the evaluator; that of a genome which no island registered is one too many."""
        island, name = cohort.header.island, found["genome_id"]
        self.add("look", f"{island}:{name}", {"island": island, "genome_id": name})
        if name in self.records.get("candidate", {}):
            return False
        found |= {
            "island": island,
            "generation": cohort.header.generation,
            "genome": to_json(cohort.population[row]) if found["status"] == "measured" else {},
            "parent_ids": [bytes(parent).hex() for parent in cohort["parent_ids"][row]],
        }
        return self.add("candidate", name, found)
