"""The report of a run: the answer in plain words first, then what led to it, one HTML file that needs no network."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from common.backtest.windows import Span
from common.events.cohorts import ParentsSelected
from common.events.spec import RunSpec
from common.market.bars import Bars
from common.run.stretches import cut_of
from standalone import report_page as html
from standalone.cost_words import costs_lines
from standalone.curves import date_text
from standalone.family import Birth
from standalone.report_figures import Elites, archive, fronts, progress
from standalone.report_strategy import candidate_part, champion_section
from standalone.report_words import funnel, refusal_sentences, seal_sentence, verdict

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Findings:
    """What a report is made of. ``run``, ``champions``: the JSON files; ``refused``: candidates that failed."""

    spec: RunSpec
    bars: Sequence[Bars]
    run: Mapping[str, Any]
    champions: Rows
    refused: Rows
    progress: Rows
    deployments: Rows
    breeding: Mapping[int, ParentsSelected]
    elites: Elites
    families: Mapping[str, Sequence[Birth]]
    """The known ancestors of each champion, itself first."""


def build(found: Findings) -> str:
    """The whole page. The same findings give the same page."""
    parts = [_head(found), _verdict(found)]
    for champion in found.champions:
        own = [row for row in found.deployments if row["genome_id"] == champion["genome_id"]]
        births = found.families.get(champion["genome_id"], ())
        parts.append(champion_section(champion, own, births, found.spec, found.bars))
    if found.refused:
        folded = [candidate_part(candidate, found.spec, found.bars) for candidate in found.refused]
        note = "They looked good on everything the search could see. The vault, or a gate before it, said no."
        parts.append(html.section("Candidates that were refused", *folded, note=note))
    if found.progress:
        note = "Training history only: best and median of the feasible members. Every objective is better upwards."
        picture = html.figure(progress(found.progress, found.spec.evolution.objectives), "progress")
        parts.append(html.section("Progress by generation", picture, note=note))
    if found.breeding:
        note = "Large points form the fronts: no other strategy of their island is better in every objective at once."
        picture = html.figure(fronts(found.breeding, {row["genome_id"] for row in found.champions}), "fronts")
        parts.append(html.section("The final populations", picture, note=note))
    if len(found.elites.descriptor):
        note = (
            "The archive keeps the best strategy of each way to behave, so that the search stays different from itself."
        )
        parts.append(html.section("Map of behaviours", html.figure(archive(found.elites), "archive"), note=note))
    parts += [_windows(found), _settings(found)]
    return html.page(f"Galapagos run {found.spec.run_id[:8]}", "".join(parts))


def _head(found: Findings) -> str:
    names = ", ".join(data.name for data in found.spec.data)
    return (
        f"<header><b>Galapagos</b><span>run {found.spec.run_id[:8]} · {escape(names)} · seed {found.spec.seed} · "
        f"{escape(str(found.run['ended']))}</span></header>"
    )


def _verdict(found: Findings) -> str:
    told = verdict(found.run, found.spec)
    steps = funnel(found.run)
    largest = math.log1p(max(step.count for step in steps) or 1)
    bars = "".join(
        f"<div><span>{step.name}</span><b>{step.count:,}</b><span>"
        f'<i style="width:{100 * math.log1p(step.count) / largest:.1f}%"></i>'
        f"<small>{step.meaning}</small></span></div>"
        for step in steps
    )
    run = found.run
    seconds = run["birth_to_deployment_s_p50"]
    tiles = html.tiles(
        [
            ("strategies measured", f"{run['strategies_evaluated']:,}"),
            ("strategies an hour", f"{run['strategies_per_hour']:,.0f}"),
            ("generations", f"{run['generations']}"),
            ("from birth to paper, median", f"{seconds:.1f} s" if seconds is not None else "none went"),
            ("time in all", f"{run['wall_s']:.0f} s"),
        ]
    )
    return (
        f'<div class="verdict{" survived" if told.survived else ""}"><h1>{told.headline}</h1>'
        f'{"".join(map(html.paragraph, told.sentences))}<div class="funnel">{bars}</div>'
        f"{html.bullets(refusal_sentences(run['refusals'])) if run['refusals'] else ''}{tiles}</div>"
    )


def _windows(found: Findings) -> str:
    rows = []
    for bars in found.bars:
        cut = cut_of(len(bars), found.spec.windows)

        def span(first: Span, last: Span, bars: Bars = bars) -> str:
            if last[1] <= first[0]:
                return "none"
            days = [date_text(int(bars.ts_us[bar]), bars.bar_us) for bar in (first[0], last[1] - 1)]
            return " to ".join(days)

        steps = "" if cut.scheme == "blocks" else f"{len(cut.training)} blocks, "

        folds = ((cut.training[0], cut.training[-1]), (cut.validation[0], cut.validation[-1]))
        later = (span(cut.vault[0], cut.vault[0]), span(cut.paper, cut.paper))
        rows.append((bars.name, *(steps + span(*fold) for fold in folds), *later))
    note = (
        "Strategies are bred on training, admitted on validation, and judged once on the vault. Paper trading uses "
        "what comes after. Between two windows lie bars that belong to none, so nothing leaks over a border."
    )
    if found.spec.windows.scheme != "blocks":
        note += " Training and validation take turns: the dates of each block are in the walk-forward tables."
    return html.section(
        "Which history was used for what", html.table(("", "training", "validation", "vault", "paper"), rows), note=note
    )


def _settings(found: Findings) -> str:
    evolution, rules = found.spec.evolution, found.spec.promotion
    lines = (
        *costs_lines(found.spec.costs),
        f"Search: {found.spec.islands} islands of {evolution.population}, {evolution.offspring} children a generation "
        f"each, {evolution.migrants} migrants every {evolution.migration_interval} generations.",
        f"Promotion: at most {rules.vault_reads_max} sealed reads in the run; together they let noise through with a "
        f"chance of {rules.vault_alpha:.0%} at most.",
        seal_sentence(found.run),
        f"Digest of the final state: {found.run['digest']}. With a fixed number of generations, and no seed published "
        "meanwhile, the same specification gives the same digest.",
        "Versions: " + ", ".join(f"{name} {version}" for name, version in found.run["versions"].items()) + ".",
    )
    seeds = f"Seeds answered: {found.run['seeds']}; dead letters: {found.run['dead_letters']}."
    return html.section("How it was run", html.bullets((*lines, seeds))) + (
        "<footer>Made by Galapagos from <code>run.json</code>, <code>champions.json</code> and the run's states. "
        "Past results on paper say little about the future.</footer>"
    )
