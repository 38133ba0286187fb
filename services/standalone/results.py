"""What a run came to, read from the states of its services: the candidates and their fate, the digest, the counts."""

import hashlib
import platform
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from common.backtest.phenotype import instrument_of
from common.events.cohorts import EVIDENCE, WINDOWS
from common.events.public import ChampionPromoted
from common.events.spec import OBJECTIVES, RunSpec
from common.genome.codec import to_json
from common.genome.layout import GENOME
from common.market.bars import Bars
from deployer import state as deployer
from deployer.state import PaperState
from selector.judgement import champion, verdicts
from selector.state import IslandState, fingerprint
from standalone.explain import explain
from standalone.report_figures import Elites

Row = dict[str, Any]
VERSIONS = ("galapagos", "numpy", "numba", "pyarrow", "ta-lib")


def elites(states: Sequence[IslandState]) -> Elites:
    """The archives of all islands."""
    parts = [state.archive for state in states if len(state.archive)]
    if not parts:
        return Elites(np.zeros((0, 3), np.float32), np.zeros((0, len(OBJECTIVES))))
    return Elites(
        np.concatenate([part["descriptor"] for part in parts]), np.concatenate([part["objectives"] for part in parts])
    )


def champions(states: Sequence[IslandState]) -> list[ChampionPromoted]:
    """All champions, island by island, in the order of their registration."""
    return [
        found for state, row in _answered(states) if (found := champion(row, state.island, _run(state))) is not None
    ]


def refused(states: Sequence[IslandState]) -> list[Row]:
    """All candidates whose read was answered and that failed a gate, with their figures."""
    found = []
    for state, row in _answered(states):
        spec = _run(state)
        judged = verdicts(row, spec)
        failed = [verdict.gate for verdict in judged if not verdict.passed]
        if failed:
            genome = row["genome"].reshape(1).view(GENOME)[0]
            annual = float(np.sqrt(spec.data[int(instrument_of(genome, len(spec.data)))].bars_per_year))
            windows = {name: _figures(row["evidence"][index], annual) for index, name in enumerate(WINDOWS)}
            found.append(
                {
                    "genome_id": row["genome_id"].tobytes().hex(),
                    "genome": to_json(genome),
                    "island": state.island,
                    "generation": int(row["registered_generation"]),
                    "refused_at": failed[0],
                    "verdicts": [verdict.model_dump(mode="json") for verdict in judged],
                    **windows,
                }
            )
    return found


def champion_rows(
    promoted: Iterable[Row], deployments: Iterable[Row], performance: Iterable[Row], spec: RunSpec, bars: Sequence[Bars]
) -> list[Row]:
    """Entries of champions.json: the event, what it does in one sentence, and how far it got on paper."""
    names = [data.name for data in spec.data]
    states = {row["genome_id"]: row for row in deployments}
    observed = {row["genome_id"]: row for row in sorted(performance, key=lambda row: row["bar_ts_us"])}
    rows = []
    for entry in promoted:
        instrument = entry["genome"]["portfolio"]["instrument"] % len(names)
        told = explain(entry["genome"], names, bars[instrument].bar_us, spec.costs)
        last = states.get(entry["genome_id"], {"state": "promoted", "reason": "not deployed yet"})
        rows.append(
            {
                **entry,
                "instrument": names[instrument],
                "summary": told.summary,
                "state": last["state"],
                "reason": last["reason"],
                "performance": observed.get(entry["genome_id"]),
            }
        )
    return rows


def digest(islands: Sequence[IslandState], paper: PaperState) -> str:
    """BLAKE2b-128, hex, over the islands' fingerprints in order and that of the deployer: clock times are left out."""
    state = hashlib.blake2b(digest_size=16)
    for island in sorted(islands, key=lambda each: each.island):
        state.update(fingerprint(island))
    state.update(deployer.fingerprint(paper))
    return state.hexdigest()


def seconds_to_paper(deployments: Iterable[Row]) -> list[float]:
    """From the birth of each champion that went on paper to its deployment, in seconds, ascending.

    ``time_us`` 0 is unknown: a kill came between the state and the journal. Such a row is left out.
    """
    on_paper = (row for row in deployments if row["state"] == "paper" and row["time_us"])
    return sorted((row["time_us"] - row["born_us"]) / 1e6 for row in on_paper)


def percentile(values: Sequence[float], share: float) -> float | None:
    """Nearest-rank percentile of ascending values; None for none."""
    return values[max(0, -int(-share * len(values) // 1) - 1)] if values else None


def counts(states: Sequence[IslandState], spec: RunSpec) -> Row:
    """How many of everything, from the states."""
    lost = refused(states)
    return {
        "generations": min((state.generation for state in states), default=-1) + 1
        if len(states) == spec.islands
        else 0,
        "islands": spec.islands,
        "strategies_evaluated": sum(state.evaluated + state.waiting for state in states),
        "genomes_refused": sum(state.refused for state in states),
        "genomes_failed": sum(state.failed for state in states),
        "registered": sum(len(state.candidates) for state in states),
        "vault_reads": sum(int(state.candidates["answered"].sum()) for state in states),
        "champions": len(champions(states)),
        "refusals": dict(sorted(Counter(row["refused_at"] for row in lost).items())),
        "seeds": sum(len(state.seed_cohorts) for state in states),
    }


def looks(seen: Iterable[Row] | None, states: Sequence[IslandState]) -> Row:
    """The count of sealed reads by the evaluators' answers, beside ``vault_reads``, which is by the islands' states.

    A kill may lose one that an island has counted. One that no island has registered is a breach of the seal.
    None for both where nobody has watched the answers.
    """
    if seen is None:
        return {"vault_looks": None, "vault_looks_unregistered": None}
    registered = {
        (state.island, candidate["genome_id"].tobytes().hex()) for state in states for candidate in state.candidates
    }
    found = {(row["island"], row["genome_id"]) for row in seen}
    return {"vault_looks": len(found), "vault_looks_unregistered": len(found - registered)}


def versions() -> dict[str, str]:
    """What the result may depend on."""
    found = {"python": platform.python_version()}
    for name in VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # run from a source tree that is not installed
            found[name] = "not installed"
    return found


def _answered(states: Sequence[IslandState]) -> list[tuple[IslandState, np.void]]:
    return [(state, row) for state in states for row in state.candidates if row["answered"]]


def _run(state: IslandState) -> RunSpec:
    assert state.run is not None
    return state.run


def _figures(row: Any, annual: float) -> dict[str, float]:
    found = dict(zip(EVIDENCE, map(float, row), strict=True))
    deviation = found["deviation"]
    return found | {"sharpe_annual": found["mean"] / deviation * annual if deviation > 0 else 0.0}
