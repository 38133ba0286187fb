"""Admission: a champion's way from candidate to paper, or to a refusal that names the limit."""

import hashlib
from collections.abc import Collection
from dataclasses import replace
from typing import Literal

import numpy as np

from common.backtest.phenotype import express, instrument_of
from common.errors import GenomeError
from common.events.event import Event
from common.events.public import ChampionPromoted, DeploymentChanged
from common.genome.codec import ID_BYTES, from_json, genome_ids
from common.genome.layout import GENOME
from deployer.limits import Limits, breach, crowded_out
from deployer.state import PaperState, Transition, fold, on_paper

NAME_DIGITS = 12
"""A deployment is called by the first hexadecimal digits of its genome's id."""


def judge(state: PaperState, event: Event, known: Collection[str], limits: Limits) -> PaperState:
    """The state after a ``ChampionPromoted``, its transitions in the log; the same state if it was judged before.

    ``known``: names of the instruments that can be traded.
    """
    champion = event.payload
    assert isinstance(champion, ChampionPromoted)
    name, instrument, reason = _examine(champion, event, known, limits)
    if name in fold(state.log):
        return state
    candidate = DeploymentChanged(
        deployment=name,
        genome_id=champion.genome_id[: 2 * ID_BYTES],
        state="candidate",
        previous="none",
        reason=f"champion of island {champion.island}, generation {champion.generation}",
        instrument=instrument,
        born_us=champion.born_us,
    )
    state = _logged(state, Transition(candidate, event.trace))
    loser = None
    if not reason:
        live = [state.champions[entry.change.deployment] for entry in on_paper(state)]
        loser, why = crowded_out(champion, live, limits)
        reason = why if loser is champion else ""
    if reason:
        return _moved(state, name, "refused", reason)
    state = _moved(state, name, "validated", "genome, leverage, stop and instrument are within the limits")
    if loser is not None:
        state = _moved(state, loser.genome_id[:NAME_DIGITS], "retired", f"{why}; {name} did better in validation")
    state = replace(state, champions={**state.champions, name: champion})
    return _moved(state, name, "paper", "takes paper positions on bars after the vault")


def decode(champion: ChampionPromoted) -> np.void:
    """The genome that a champion carries; raises GenomeError when it may not exist or has another id."""
    genome = from_json(champion.genome)
    genome_id = genome_ids(np.array([genome], GENOME))[0].tobytes().hex()
    if genome_id != champion.genome_id:
        raise GenomeError("genome_id", champion.genome_id, f"{genome_id}, the id of the genome it came with")
    return genome


def _examine(champion: ChampionPromoted, event: Event, known: Collection[str], limits: Limits) -> tuple[str, str, str]:
    """Name of the deployment, its instrument ("" when unknown), and why it may not be ("" when it may)."""
    try:
        genome = decode(champion)
    except GenomeError as error:
        # Named after the event: what only claims to be a champion must not take the name of the true one.
        return hashlib.blake2b(event.id.encode()).hexdigest()[:NAME_DIGITS], "", str(error)
    data = event.run.data
    instrument = data[int(instrument_of(genome, len(data)))].name
    phenotype = express(genome["alleles"], genome["reals"], genome["masks"])
    return champion.genome_id[:NAME_DIGITS], instrument, breach(phenotype, instrument, known, limits)


def _logged(state: PaperState, entry: Transition) -> PaperState:
    return replace(state, log=(*state.log, entry))


def _moved(
    state: PaperState, name: str, to: Literal["validated", "paper", "refused", "retired"], reason: str
) -> PaperState:
    latest = fold(state.log)[name]
    change = latest.change.model_copy(update={"previous": latest.change.state, "state": to, "reason": reason})
    return _logged(state, replace(latest, change=change))
