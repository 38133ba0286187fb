"""What must hold in the log of every run, one function an invariant; the numbers are those of docs/reliability.md."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from common.events.catalogue import BY_PAYLOAD
from common.events.cohorts import (
    EVIDENCE,
    MEASURE_COLUMNS,
    STATUS,
    WINDOWS,
    Cohort,
    GenomeEvaluated,
    GenomeProposed,
    MigrantSent,
    ParentsSelected,
)
from common.events.event import event_id
from common.events.public import ChampionPromoted, DeploymentChanged, GenomeSeeded
from tools.chaos.log import History, Violation, place_of

Found = Iterator[Violation]
VAULT = WINDOWS.index("vault")
_USERS = BY_PAYLOAD[GenomeSeeded].name + "/"


def answered(log: History) -> Found:
    """I1: every proposed cohort has its one answer, row by row; no answer without its cohort."""
    answers = {seen.event.id: (seen, cohort) for seen, cohort in log.evaluated}
    for seen, cohort in log.proposed:
        name = event_id(log.run, _kind(GenomeEvaluated), (seen.event.id,))
        found = answers.pop(name, None)
        if found is None:
            yield Violation("I1", f"{_told(cohort)} has no answer", seen.place)
        elif found[1]["genome_id"].tobytes() != cohort["genome_id"].tobytes():
            yield Violation("I1", f"the answer to {_told(cohort)} is about other genomes", found[0].place)
    for seen, answer in answers.values():
        yield Violation("I1", f"an answer, {_told(answer)}, to a cohort that nobody proposed", seen.place)


def seeds_ended(log: History) -> Found:
    """I1: every published seed was answered, or a dead letter names it."""
    cohorts = {cohort.header.cohort for _, cohort in log.evaluated if cohort.header.purpose == "seed"}
    for seen, _ in log.of_type(GenomeSeeded):
        if seen.event.id not in cohorts and not log.is_dead(seen.event.id):
            yield Violation("I1", f"seed {seen.event.id} was neither answered nor refused", seen.place)


def refused_for_cause(log: History) -> Found:
    """I1: what is no event has a dead letter, and no event of the services' own has one."""
    places = {place_of(record) for record, _ in log.broken}
    for record, reason in log.broken:
        if place_of(record) not in log.dead:
            yield Violation("I1", f"a record that is no event ({reason}) has no dead letter", place_of(record))
    for source, letter in log.dead.items():
        if source not in places and not source.startswith(_USERS):
            reason = dict(letter.headers).get("dead_reason", b"").decode(errors="replace")
            yield Violation("I1", f"the event at {source} was refused: {reason}", place_of(letter))


def all_closed(log: History) -> Found:
    """I1: where the run has an end, every island has come to it."""
    closed = {(cohort.header.island, cohort.header.generation) for _, cohort in log.parents}
    for island in range(log.run.islands):
        missing = [each for each in range(log.run.generations) if (island, each) not in closed]
        if missing:
            yield Violation("I1", f"island {island} never closed generation {missing[0]} of {log.run.generations}")


def closed_once(log: History) -> Found:
    """I2: an island's generations grow by one, and one cohort is bred and one answered for each."""
    latest: dict[int, int] = {}
    for seen, parents in log.parents:
        island, generation = parents.header.island, parents.header.generation
        due = latest.get(island, -1) + 1
        if generation != due:
            yield Violation("I2", f"island {island} closed generation {generation} when {due} was due", seen.place)
        latest[island] = generation
    for cohorts in (log.proposed, log.evaluated):
        met: dict[tuple[int, int], str] = {}
        for seen, cohort in cohorts:
            place = cohort.header.island, cohort.header.generation
            if cohort.header.purpose == "evolution" and met.setdefault(place, seen.place) != seen.place:
                yield Violation("I2", f"{_told(cohort)} is another one than that at {met[place]}", seen.place)


def admitted_once(log: History) -> Found:
    """I2: no genome is twice in a breeding set, and what an island counts is what it merged, seeds included."""
    counts = _merged(log)
    for seen, parents in log.parents:
        header, ids = parents.header, parents["genome_id"]
        if len({each.tobytes() for each in ids}) != len(ids):
            text = f"a genome is twice in island {header.island}, generation {header.generation}"
            yield Violation("I2", text, seen.place)
        said = header.summary.evaluated, header.summary.refused, header.summary.failed
        due = counts.get((header.island, header.generation))
        if due != said:
            text = (
                f"island {header.island}, generation {header.generation} counts {said} genomes (evaluated, refused, "
                f"failed); its cohorts in the log make {due}"
            )
            yield Violation("I2", text, seen.place)


def _merged(log: History) -> dict[tuple[int, int], tuple[int, int, int]]:
    """By island and generation what the distinct cohorts up to it make: rows, refused, failed.

    A seed cohort belongs to the cohort of evolution that follows it in the log.
    """
    sums: dict[int, npt.NDArray[np.int64]] = {}
    found: dict[tuple[int, int], tuple[int, int, int]] = {}
    for _, cohort in log.evaluated:
        header = cohort.header
        if header.purpose == "promotion":
            continue
        counts = np.bincount(cohort["status"], minlength=len(STATUS))
        sums[header.island] = sums.get(header.island, np.zeros(len(STATUS), np.int64)) + counts
        if header.purpose == "evolution":
            now = sums[header.island]
            refused, failed = (int(now[STATUS.index(name)]) for name in ("refused", "failed"))
            found.setdefault((header.island, header.generation), (int(now.sum()), refused, failed))
    return found


def measured_alike(log: History) -> Found:
    """I3: whatever is said of a genome's figures, anywhere, is the same in every byte; the vault is for promotions."""
    known: dict[bytes, tuple[bytes, str]] = {}
    for kind in (GenomeEvaluated, ParentsSelected, MigrantSent):
        for seen, cohort in log.of_type(kind):
            is_read = isinstance(cohort, GenomeEvaluated) and cohort.header.purpose == "promotion"
            if not is_read and cohort["evidence"][:, VAULT].any():
                yield Violation("I3", f"figures of the vault in {_told(cohort)}", seen.place)
            for genome_id, figures in zip(cohort["genome_id"], _figures(cohort), strict=True):
                name, said = genome_id.tobytes(), figures.tobytes()
                if kind is not GenomeEvaluated and name not in known:
                    yield Violation("I2", f"genome {name.hex()} was admitted and never measured", seen.place)
                first, where = known.setdefault(name, (said, seen.place))
                if first != said:
                    text = f"genome {name.hex()} has other figures in {_told(cohort)} than at {where}"
                    yield Violation("I3", text, seen.place)


def _figures(cohort: Cohort) -> npt.NDArray[np.uint8]:
    """The measures of every row without those of the vault, as bytes, shape (n, bytes of a row)."""
    evidence = cohort["evidence"].copy()
    evidence[:, VAULT] = 0
    columns = [evidence if name == "evidence" else cohort[name] for name in MEASURE_COLUMNS]
    return np.concatenate([each.reshape(len(cohort), -1).view(np.uint8) for each in columns], axis=1)


def champions_read(log: History) -> Found:
    """I4: a champion is promoted once, after one look at the vault that was answered, with the figures of that look."""
    reads = {
        (cohort.header.island, cohort.header.cohort): cohort
        for _, cohort in log.evaluated
        if cohort.header.purpose == "promotion"
    }
    promoted: set[tuple[int, str]] = set()
    for seen, champion in log.of_type(ChampionPromoted):
        name = champion.island, champion.genome_id
        read = reads.get(name)
        if name in promoted:
            yield Violation("I4", f"champion {champion.genome_id} of island {champion.island} came twice", seen.place)
        promoted.add(name)
        if read is None:
            yield Violation("I4", f"champion {champion.genome_id} without an answered look at the vault", seen.place)
            continue
        vault = dict(zip(EVIDENCE, read["evidence"][0, VAULT].tolist(), strict=True))
        told = champion.vault.model_dump()
        unlike = [each for each in ("bars", "trades", "total_return", "drawdown_max") if told[each] != vault[each]]
        if unlike:
            text = f"champion {champion.genome_id}: vault {unlike[0]} {told[unlike[0]]}, its read {vault[unlike[0]]}"
            yield Violation("I4", text, seen.place)


def deployed_in_order(log: History) -> Found:
    """I4: each transition of a deployment follows from the one before, and every champion got as far as a judgement."""
    now: dict[str, tuple[str, str]] = {}
    for seen, change in log.of_type(DeploymentChanged):
        before = now.get(change.deployment, ("none", ""))[0]
        if change.previous != before:
            text = f"deployment {change.deployment} went from {change.previous} to {change.state} and was {before}"
            yield Violation("I4", text, seen.place)
        now[change.deployment] = change.state, change.genome_id
    judged = {genome_id for state, genome_id in now.values() if state in ("paper", "refused", "retired")}
    for seen, champion in log.of_type(ChampionPromoted):
        if champion.genome_id not in judged:
            yield Violation("I1", f"champion {champion.genome_id} was never judged by the deployer", seen.place)


def of_one_run(log: History) -> Found:
    """Every event belongs to the run."""
    for seen in log.seen:
        if seen.event.run.run_id != log.run.run_id:
            yield Violation("run", f"an event of run {seen.event.run.run_id[:8]}", seen.place)


def _kind(payload: type[GenomeEvaluated | GenomeProposed]) -> Cohort:
    """A cohort without rows: an id is made of the payload's type."""
    return object.__new__(payload)


def _told(cohort: Cohort) -> str:
    header = cohort.header
    purpose = getattr(header, "purpose", type(cohort).__name__)
    return f"the {purpose} cohort of island {header.island}, generation {header.generation}"


RULES = (
    of_one_run,
    answered,
    seeds_ended,
    refused_for_cause,
    all_closed,
    closed_once,
    admitted_once,
    measured_alike,
    champions_read,
    deployed_in_order,
)
