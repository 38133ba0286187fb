"""The files of a run: champions.json while it goes on; run.json, champions.json and report.html at its end."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from common.events.spec import RunSpec
from common.market.bars import Bars
from common.run.folder import RunFolder, write_atomically
from deployer.state import PaperState, on_paper
from selector.state import IslandState
from standalone import results
from standalone.chronicle import Chronicle
from standalone.report import Findings, build

_log = logging.getLogger(__name__)
Row = dict[str, Any]


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n"


def publish_champions(folder: RunFolder, chronicle: Chronicle, spec: RunSpec, bars: Sequence[Bars]) -> None:
    """Write champions.json as far as it is known, when it has changed."""
    promoted = chronicle.of("champion")
    rows = results.champion_rows(promoted, chronicle.of("deployment"), chronicle.of("performance"), spec, bars)
    if rows != folder.champions() or not folder.champions_file.exists():
        write_atomically(folder.champions_file, _json(rows))


def conclude(
    folder: RunFolder,
    spec: RunSpec,
    bars: Sequence[Bars],
    chronicle: Chronicle,
    islands: Sequence[IslandState],
    paper: PaperState,
    timing: Mapping[str, Any],
    looks: Sequence[Row] | None,
) -> tuple[Row, list[Row]]:
    """Write the three files; returns the contents of run.json and champions.json. ``timing``: see ``Host.timing``.

    ``looks`` at the vault that evaluators answered; None: nobody has watched them.
    """
    promoted = [found.model_dump(mode="json") for found in results.champions(islands)]
    times = {(row["deployment"], row["state"]): row["time_us"] for row in chronicle.of("deployment")}
    log = [entry.change.model_dump(mode="json") for entry in paper.log]
    deployments = [row | {"time_us": times.get((row["deployment"], row["state"]), 0)} for row in log]
    champions = results.champion_rows(promoted, deployments, chronicle.of("performance"), spec, bars)
    run = _run(spec, islands, paper, deployments, timing) | results.looks(looks, islands)
    run["dead_letters"] = len(chronicle.of("dead"))
    if run["vault_looks_unregistered"]:
        _log.error(
            "run %s: %d looks at the vault were answered that no island had registered; its champions prove nothing",
            spec.run_id[:8],
            run["vault_looks_unregistered"],
        )
    findings = Findings(
        spec=spec,
        bars=bars,
        run=run,
        champions=champions,
        refused=results.refused(islands),
        progress=chronicle.progress.rows(),
        deployments=deployments,
        breeding=chronicle.breeding,
        elites=results.elites(islands),
        families={row["genome_id"]: chronicle.family.ancestors(row["genome_id"]) for row in champions},
    )
    write_atomically(folder.champions_file, _json(champions))
    write_atomically(folder.report, build(findings).encode())
    write_atomically(folder.run_file, _json(run))  # the last: whoever sees it finds the others
    return run, champions


def _run(
    spec: RunSpec,
    islands: Sequence[IslandState],
    paper: PaperState,
    deployments: Sequence[Row],
    timing: Mapping[str, Any],
) -> Row:
    found = results.counts(islands, spec)
    seconds = results.seconds_to_paper(deployments)
    evolution_s = timing["evolution_s"]
    return {
        "run_id": spec.run_id,
        "seed": spec.seed,
        "digest": results.digest(islands, paper),
        "ended": f"{datetime.now().astimezone():%Y-%m-%d %H:%M %Z}",
        **timing,
        **found,
        "strategies_per_hour": found["strategies_evaluated"] / evolution_s * 3600 if evolution_s > 0 else 0.0,
        "deployments": sum(row["state"] == "paper" for row in deployments),
        "on_paper": len(on_paper(paper)),
        "birth_to_deployment_s_p50": results.percentile(seconds, 0.5),
        "birth_to_deployment_s_p99": results.percentile(seconds, 0.99),
        "data": [data.model_dump(mode="json") for data in spec.data],
        "versions": results.versions(),
    }
