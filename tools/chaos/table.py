"""What came of the trials, in figures and as a table."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from tools.chaos.trial import Outcome


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Counts and recovery seconds by kind of fault."""
    faults: dict[str, dict[str, Any]] = {}
    for each in (one for outcome in outcomes for one in outcome.injected):
        row = faults.setdefault(each.kind, {"count": 0, "in_idle_runs": 0, "recoveries_s": []})
        row["count"] += len(each.names)
        row["in_idle_runs"] += 0 if each.while_running else len(each.names)
        if each.while_running and each.recovery_s is not None:
            row["recoveries_s"].append(round(each.recovery_s, 2))
    return {
        "faults": faults,
        "violations": sum(len(outcome.violations) for outcome in outcomes),
        "records": sum(outcome.records for outcome in outcomes),
        "champions": sum(outcome.champions for outcome in outcomes),
        "ended_unasked": [words for outcome in outcomes for words in outcome.unasked],
    }


def table(outcomes: Sequence[Outcome]) -> str:
    """For people."""
    found = summary(outcomes)
    lines = [f"{'fault':16} {'count':>5} {'median s':>9} {'longest s':>10}   until every island has got on"]
    for kind, row in sorted(found["faults"].items()):
        times = row["recoveries_s"] or [float("nan")]
        idle = f"   {row['in_idle_runs']} of them when the run was over" if row["in_idle_runs"] else ""
        lines.append(f"{kind:16} {row['count']:5} {median(times):9.1f} {max(times):10.1f}{idle}")
    for number, outcome in enumerate(outcomes):
        seconds = ", ".join(f"{name} {value:.0f} s" for name, value in outcome.seconds.items())
        lines.append(
            f"trial {number}: {outcome.records} records, {outcome.champions} champions, "
            f"{len(outcome.violations)} violations ({seconds})"
        )
    lines += [f"ended unasked: {words}" for words in found["ended_unasked"]]
    return "\n".join(lines)
