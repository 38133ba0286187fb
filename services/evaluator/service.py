"""The evaluator: answers every proposed cohort exactly once, row by row, failures included, with the vault sealed."""

from collections.abc import Sequence

import numpy as np

from common.backtest.arena import Arena
from common.backtest.costs import cost_table
from common.backtest.measure import Measures, measure
from common.backtest.windows import Cut, check_sealed
from common.errors import ContractError
from common.events.cohorts import STATUS, EvaluatedHeader, GenomeEvaluated, GenomeProposed
from common.events.event import Event
from common.events.spec import RunSpec
from common.genome.codec import genome_ids, valid
from common.genome.layout import Population
from common.market.allocation import Allocation
from common.run.stretches import cut_of
from common.service import Service
from evaluator.resources import PLAIN, Resources, in_batches

MEASURED, REFUSED, FAILED = (STATUS.index(name) for name in ("measured", "refused", "failed"))


def cuts_of(run: RunSpec) -> list[Cut]:
    """The windows of every instrument of a run; raises DataError where there is too little history."""
    return [cut_of(data.bars, run.windows) for data in run.data]


def is_sealed_read(cohort: GenomeProposed) -> bool:
    """Whether this asks for one look at the vault as candidates are registered: one genome, named by its own id."""
    if cohort.header.purpose != "promotion" or len(cohort) != 1:
        return False
    return genome_ids(cohort.population)[0].tobytes().hex() == cohort.header.cohort


def evaluate(
    event: Event, arenas: Sequence[Arena], resources: Resources = PLAIN, allocation: Allocation | None = None
) -> GenomeEvaluated:
    """Measure one cohort. Only the sealed read of a candidate gets cuts that name the bars of the vault.

    Such a read is always a real one: the fitness cache is neither asked nor told.

    Genomes that may not exist are refused, not measured, and so are all of a promotion that is no sealed read; those
    with a figure that is not finite (prices near the end of what a float can hold) have failed. Raises ContractError
    when the run is not about these arenas.
    """
    cohort = event.payload
    assert isinstance(cohort, GenomeProposed)
    run = event.run
    digests = [arena.bars.digest for arena in arenas]
    if [data.digest for data in run.data] != digests:
        raise ContractError(
            f"run.data: digests {[data.digest[:8] for data in run.data]} are not those of this evaluator's bars, "
            f"{[digest[:8] for digest in digests]}; run {run.run_id[:8]} needs one of its own, and a bus"
        )
    cuts = cuts_of(run)
    check_sealed([arena.bars for arena in arenas], cuts)
    reads_vault = is_sealed_read(cohort)
    if not reads_vault:
        cuts = [each.sealed() for each in cuts]
    good = valid(cohort.population) & (reads_vault or cohort.header.purpose != "promotion")
    costs, trades_min = cost_table(run.costs.account, run.costs.venues()), run.evolution.trades_min

    def one_batch(rows: Population) -> Measures:
        if resources.devices is None or reads_vault:  # a single genome is nothing that a device is needed for
            return measure(rows, arenas, cuts, costs, trades_min, reads_vault, resources.threads, allocation=allocation)
        return resources.devices.measure(rows, cuts, costs, trades_min, allocation)

    def work(rows: Population) -> Measures:
        return in_batches(rows, resources.batch, one_batch)

    if resources.cache is None or reads_vault:
        found = work(cohort.population[good])
    else:
        context = resources.cache.context(cuts, costs, trades_min)
        found = resources.cache.measure(cohort.population[good], context, work)
    answer = GenomeEvaluated.build(
        EvaluatedHeader(**cohort.header.model_dump(), proposed_us=event.time_us),
        **cohort.data,
        status=np.where(good, MEASURED, REFUSED).astype(np.uint8),
    )
    figures = {name: getattr(found, name) for name in ("objectives", "violation", "descriptor", "evidence")}
    rows = np.flatnonzero(good)
    finite = np.all([np.isfinite(array).all(axis=tuple(range(1, array.ndim))) for array in figures.values()], axis=0)
    answer["status"][rows[~finite]] = FAILED
    for name, array in figures.items():
        answer[name][rows[finite]] = array[finite]
    return answer


def service(arenas: Sequence[Arena], resources: Resources = PLAIN) -> Service[None]:
    """An evaluator of runs on ``arenas``, in the order of ``run.data``; ``resources`` change no answer.

    CUDA devices alone round their own way.
    """
    allocation = Allocation([arena.bars for arena in arenas])

    def step(state: None, events: Sequence[Event]) -> tuple[None, list[Event]]:
        answers = []
        for event in events:
            payload = evaluate(event, arenas, resources, allocation)
            answers.append(event.answer(payload, str(payload.header.island)))
        return None, answers

    return Service("evaluator", (GenomeProposed,), (GenomeEvaluated,), step)
