"""The evaluator: answers every proposed cohort exactly once, row by row, failures included."""

from collections.abc import Sequence

import numpy as np

from common.backtest.arena import Arena
from common.backtest.costs import cost_rates
from common.backtest.measure import measure
from common.backtest.windows import Cut, cut
from common.errors import ContractError
from common.events.cohorts import STATUS, EvaluatedHeader, GenomeEvaluated, GenomeProposed
from common.events.event import Event
from common.events.spec import RunSpec
from common.genome.codec import valid
from common.service import Service

MEASURED, REFUSED = STATUS.index("measured"), STATUS.index("refused")


def cuts_of(run: RunSpec) -> list[Cut]:
    """The windows of every instrument of a run; raises DataError where there is too little history."""
    return [cut(data.bars, **run.windows.model_dump()) for data in run.data]


def evaluate(event: Event, arenas: Sequence[Arena]) -> GenomeEvaluated:
    """Measure one cohort. Only a promotion reads the vault; genomes that may not exist are refused, not measured."""
    cohort = event.payload
    assert isinstance(cohort, GenomeProposed)
    run = event.run
    digests = [arena.bars.digest for arena in arenas]
    if [data.digest for data in run.data] != digests:
        raise ContractError(
            f"run.data: digests {[data.digest[:8] for data in run.data]} are not those of this evaluator's bars, "
            f"{[digest[:8] for digest in digests]}; start it on the data of run {run.run_id[:8]}"
        )
    good = valid(cohort.population)
    costs = cost_rates(**run.costs.model_dump())
    promotion = cohort.header.purpose == "promotion"
    found = measure(cohort.population[good], arenas, cuts_of(run), costs, run.evolution.trades_min, promotion)
    blank = GenomeEvaluated.build(
        EvaluatedHeader(**cohort.header.model_dump(), proposed_us=event.time_us),
        **cohort.data,
        status=np.where(good, MEASURED, REFUSED).astype(np.uint8),
    )
    for column in ("objectives", "violation", "descriptor", "evidence"):
        blank[column][good] = getattr(found, column)
    return blank


def service(arenas: Sequence[Arena]) -> Service[None]:
    """An evaluator of runs on ``arenas``, in the order of ``run.data``."""

    def step(state: None, events: Sequence[Event]) -> tuple[None, list[Event]]:
        answers = []
        for event in events:
            payload = evaluate(event, arenas)
            answers.append(event.answer(payload, str(payload.header.island)))
        return None, answers

    return Service("evaluator", (GenomeProposed,), (GenomeEvaluated,), step)
