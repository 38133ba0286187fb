"""Mines the knowledge base from the stores of runs: what success has in common, what fails, what is asked together.

Success is to be admitted and to have children that are: it is decided on training bars. With validation asked for, a
genome must have earned there too, and what is learnt so is closed to runs on the same bars. The vault is never read.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from common.backtest.phenotype import instrument_of
from common.errors import ConfigurationError
from common.events.knowledge import Knowledge
from common.events.spec import RunSpec
from common.genome.layout import Population
from generator.experts import experts
from generator.tables import INSTRUMENT
from recorder.knowledge import Admitted
from standalone.knowledge_patterns import PATTERNS, Counts, Lift, count, lift, pairs

WITNESS_MIN = 8
"""Successful genomes that an island must have to be a witness."""
ROWS = 40
_PER_MARKET = 10
_LESSONS = 256
_TOLD = 1.05
"""Factors nearer to 1 are no lesson."""


@dataclass(frozen=True, slots=True)
class Mined:
    """One run with what its store holds."""

    spec: RunSpec
    admitted: Admitted


@dataclass(frozen=True, slots=True)
class _Group:
    """An island: what it admitted at once, and what succeeded there."""

    first: Population
    lasting: Population


def mine(runs: Sequence[Mined], *, with_validation: bool) -> dict[str, Any]:
    """The knowledge base as JSON values. Raises ConfigurationError where fewer than two islands have succeeded."""
    groups = [group for run in runs for group in _groups(run, with_validation)]
    if len(groups) < 2:
        raise ConfigurationError(
            f"{len(groups)} islands with {WITNESS_MIN} or more successful genomes: one alone is no witness; "
            "mine longer runs, or more of them"
        )
    witnesses = [count(group.lasting) for group in groups]
    found = lift(witnesses)
    at_once = lift([count(group.first) for group in groups])
    judged = sorted({data.digest for run in runs for data in run.spec.data}) if with_validation else []
    return {
        "runs": [run.spec.run_id for run in runs],
        "markets": sorted({data.name for run in runs for data in run.spec.data}),
        "validation_read": with_validation,
        "genomes": sum(len(run.admitted.ids) for run in runs),
        "successful": sum(len(group.lasting) for group in groups),
        "witnesses": len(groups),
        "success": _rows(found, at_once, witnesses, better=True),
        "failure": _rows(found, at_once, witnesses, better=False),
        "pairs": [
            {"features": [one, other], "lift": ratio, "genomes": number}
            for one, other, ratio, number in pairs([group.lasting for group in groups])[:ROWS]
            if ratio > 1
        ],
        "by_market": _by_market(runs, with_validation),
        "experts": _experts(runs),
        "knowledge": _lessons(found, judged).model_dump(mode="json"),
    }


def _groups(run: Mined, with_validation: bool) -> list[_Group]:
    known = run.admitted
    succeeded = _succeeded(known, with_validation)
    drawn = np.array([operator == "random" for operator in known.operator]) & (known.generation == 0)
    found = []
    for island in np.unique(known.island):
        here = known.island == island
        lasting = known.population[here & succeeded]
        if len(lasting) >= WITNESS_MIN:
            found.append(_Group(known.population[here & drawn], lasting))
    return found


def _succeeded(known: Admitted, with_validation: bool) -> npt.NDArray[np.bool_]:
    succeeded = known.children > 0
    return succeeded & (known.validation > 0) if with_validation else succeeded


def _rows(found: Lift, at_once: Lift, witnesses: Sequence[Counts], *, better: bool) -> list[dict[str, Any]]:
    """The patterns that are believed, the strongest first."""
    sign = 1.0 if better else -1.0
    order = np.argsort(-sign * np.log(found.factor), kind="stable")
    chosen = [index for index in order if sign * np.log(found.factor[index]) > np.log(_TOLD)][:ROWS]
    seen = np.sum([each.seen for each in witnesses], axis=0)
    of = np.sum([each.of for each in witnesses], axis=0)
    return [
        {
            "pattern": _name(index),
            "kind": PATTERNS[index].kind,
            "share_drawn": PATTERNS[index].usual,
            "share_successful": float(seen[index] / of[index]) if of[index] else 0.0,
            "lift": float(found.lift[index]),
            "low": float(found.low[index]),
            "high": float(found.high[index]),
            "lift_at_once": float(at_once.lift[index]),
            "factor": float(found.factor[index]),
        }
        for index in chosen
    ]


def _name(index: int) -> str:
    pattern = PATTERNS[index]
    return f"{pattern.of} = {pattern.name}" if pattern.kind == "allele" else pattern.name


def _lessons(found: Lift, judged: Sequence[str]) -> Knowledge:
    """The strongest lessons as a run takes them."""
    strength = np.abs(np.log(found.factor))
    alleles: dict[str, dict[str, float]] = defaultdict(dict)
    others: dict[str, dict[str, float]] = {"feature": {}, "condition": {}}
    for index in np.argsort(-strength, kind="stable")[:_LESSONS]:
        pattern, factor = PATTERNS[index], round(float(found.factor[index]), 4)
        if strength[index] <= np.log(_TOLD):
            break
        chosen = alleles[pattern.of] if pattern.kind == "allele" else others[pattern.kind]
        chosen[pattern.name] = factor
    return Knowledge(
        alleles=dict(alleles), features=others["feature"], conditions=others["condition"], judged=tuple(judged)
    )


def _by_market(runs: Sequence[Mined], with_validation: bool) -> list[dict[str, Any]]:
    """Domain rules: what success on one market has more of than success anywhere."""
    by_market: dict[str, list[Population]] = defaultdict(list)
    for run in runs:
        lasting = run.admitted.population[_succeeded(run.admitted, with_validation)]
        places = instrument_of(lasting, len(run.spec.data))
        for place, data in enumerate(run.spec.data):
            by_market[data.name].append(lasting[places == place])
    counts = {name: count(np.concatenate(parts)) for name, parts in sorted(by_market.items())}
    seen = np.sum([each.seen for each in counts.values()], axis=0)
    of = np.maximum(np.sum([each.of for each in counts.values()], axis=0), 1.0)
    everywhere = seen / of
    rows = []
    for name, each in counts.items():
        ratio = lift([each], everywhere).lift
        told = [
            index
            for index in np.argsort(-ratio, kind="stable")
            if each.seen[index] >= WITNESS_MIN and ratio[index] > _TOLD
        ]
        rows.append(
            {
                "market": name,
                "genomes": sum(len(part) for part in by_market[name]),
                "more_than_elsewhere": [
                    {"pattern": _name(index), "lift": float(ratio[index])} for index in told[:_PER_MARKET]
                ],
            }
        )
    return rows


def _experts(runs: Sequence[Mined]) -> list[dict[str, Any]]:
    """Expert rules: the classical strategies by how many admitted genomes descend from them."""
    by_genes = {_without_place(expert.genome): expert for expert in experts()}
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for run in runs:
        children: dict[str, list[str]] = defaultdict(list)
        for child, parent in run.admitted.edges:
            children[parent].append(child)
        for genome_id, genome, operator in zip(
            run.admitted.ids, run.admitted.population, run.admitted.operator, strict=True
        ):
            expert = by_genes.get(_without_place(genome)) if operator == "expert" else None
            if expert is not None:
                found[expert.name][0] += 1
                found[expert.name][1] += len(_descendants(genome_id, children))
    told = {expert.name: expert.rationale for expert in experts()}
    rows = [
        {"expert": name, "rule": told[name], "admitted": admitted, "descendants": descendants}
        for name, (admitted, descendants) in found.items()
    ]
    return sorted(rows, key=lambda row: (-row["descendants"], row["expert"]))


def _without_place(genome: np.void) -> bytes:
    plain = genome.copy()
    plain["alleles"][INSTRUMENT] = 0
    return plain.tobytes()


def _descendants(start: str, children: dict[str, list[str]]) -> set[str]:
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        for child in children.get(ahead.pop(), ()):
            if child not in seen:
                seen.add(child)
                ahead.append(child)
    return seen
