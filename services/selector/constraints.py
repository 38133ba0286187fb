"""What a member may not be, or pays for: hard constraints by domination, soft ones by a penalty on the objectives.

There is one constraint that measuring knows, enough trades in training, and one for each limit of the run. A hard one
makes a member infeasible: it stands behind the feasible (Deb 2000) and cannot be an elite or a candidate. A soft one
costs standard deviations of each objective. What no genome may be at all is repaired where genomes are bred.
"""

from collections.abc import Mapping

import numpy as np

from common.events.search import Survival
from common.events.spec import OBJECTIVES, RunSpec
from selector.state import Members
from selector.survival import Floats


def limited(members: Members, run: RunSpec) -> Members:
    """The records (n,) as the island judges them: what they fall short of the limits of the run adds to ``violation``.

    For what the evaluator sent, once: records of a population or of another island were judged when they came.
    """
    limits = run.evolution.survival.limits
    if not limits:
        return members
    judged = members.copy()
    judged["violation"] += shortfall(members["objectives"], limits)
    return judged


def shortfall(measured: Floats, limits: Mapping[str, float]) -> Floats:
    """How far each row of ``measured`` (n, all objectives) stays below the ``limits``, in sizes of a limit, added up.

    The size of a limit of 0 is 1 (K. Deb 2000, "An efficient constraint handling method for genetic algorithms").
    """
    total = np.zeros(len(measured))
    for name, limit in limits.items():
        total += np.maximum(limit - measured[:, OBJECTIVES.index(name)], 0.0) / (abs(limit) or 1.0)
    return total


def judged(objectives: Floats, members: Members, settings: Survival) -> tuple[Floats, Floats]:
    """The ``objectives`` (n, m) after penalties, and the violation (n,) that domination still sees.

    A violation of 1 costs ``penalty`` standard deviations of each objective among these members, whatever its unit.
    """
    paid = shortfall(members["objectives"], settings.soft_limits)
    violation = np.maximum(members["violation"], 0.0)
    if settings.constraints == "penalty":
        paid, violation = paid + violation, np.zeros(len(members))
    if not paid.any():
        return objectives, violation
    return objectives - settings.penalty * paid[:, None] * objectives.std(axis=0), violation
