"""Species: members that resemble a representative; each has places as its members are good on average.

K. O. Stanley and R. Miikkulainen, "Evolving neural networks through augmenting topologies", 2002: explicit fitness
sharing, so that no species takes over by its number, and extinction of those that do not get better. Two differences: a
member belongs to the nearest representative, not to the first that is near enough; and the threshold follows the wanted
number: while there are too few a smaller one founds more, while there are too many a larger one joins them.
"""

import numpy as np
import numpy.typing as npt

from common.events.spec import RunSpec
from selector.distance import Genotypes, distances, genotypes
from selector.learned import BOUNDARY, SPECIES, Learned
from selector.places import run_objectives, standing_in
from selector.state import Members

THRESHOLD_FIRST, THRESHOLD_MIN, THRESHOLD_MAX, THRESHOLD_STEP = 0.3, 0.01, 0.9, 1.1
"""Distance from its representative beyond which a member founds a species."""
SPARE = 2
"""There are at most so many times the wanted number of species."""
_NUMBERS = 65_535

Rows = npt.NDArray[np.int64]


def has_species(run: RunSpec) -> bool:
    """Whether the islands of a run have species."""
    return run.evolution.species.wanted > 0


def species_of(learned: Learned, members: Members, run: RunSpec) -> npt.NDArray[np.uint16]:
    """The number of the species of each member (n,), that of the nearest representative; 0 where there are none."""
    known = learned["species"]
    if not has_species(run) or not len(known) or not len(members):
        return np.zeros(len(members), np.uint16)
    nearest = distances(genotypes(members["genome"]), genotypes(known["genome"])).argmin(axis=1)
    return np.asarray(known["number"][nearest], np.uint16)


def crowded(crowding: npt.NDArray[np.float64], species: npt.NDArray[np.uint16]) -> npt.NDArray[np.float64]:
    """Crowding distance (n,) shared by the members (n,) of a species: divided by how many they are."""
    _, which, sizes = np.unique(species, return_inverse=True, return_counts=True)
    return np.asarray(crowding / sizes[which], np.float64)


def places_by_species(learned: Learned, members: Members, run: RunSpec, size: int) -> tuple[Rows, Learned]:
    """Rows, ascending, of at most ``size`` of the ``members`` (n,) that stay, and the species after that.

    A species has places in proportion to its shared fitness, the mean over its members of 1 for the best of all down to
    0, and gives them to its best; places that it cannot fill go to the best of the others. A species that has not
    improved for ``stagnation`` generations dies out, unless it has the best member of all.
    """
    n = len(members)
    rank, crowding = standing_in(learned, members, run)
    best_first = np.lexsort((-crowding, rank))
    position = np.empty(n, np.int64)
    position[best_first] = np.arange(n)
    found = genotypes(members["genome"])
    known, which = _assigned(learned, members, found, best_first, run)
    if not n:
        return np.empty(0, np.int64), learned
    alive = np.array([row["stagnant"] < run.evolution.species.stagnation for row in known])
    alive[which[best_first[0]]] = True
    quota = _quotas(position, which, alive, size)
    stays = np.zeros(n, np.bool_)
    spare = size
    for species, places in enumerate(quota):
        own = best_first[which[best_first] == species][:places]
        stays[own] = True
        spare -= len(own)
    others = best_first[~stays[best_first] & alive[which[best_first]]]
    stays[others[:spare]] = True
    kept = np.flatnonzero(stays)
    return kept, learned | _carried(learned, known, members[kept], which[kept], run)


def _assigned(
    learned: Learned, members: Members, found: Genotypes, best_first: Rows, run: RunSpec
) -> tuple[npt.NDArray[np.void], Rows]:
    """The species, with those founded now behind the others, and which each member (n,) belongs to.

    The best found first: a member too far from every representative becomes one. There is room for ``SPARE`` times the
    wanted number; whoever comes later belongs to the nearest.
    """
    threshold, founded = _boundary(learned)["threshold"][0], int(_boundary(learned)["founded"][0])
    known = _apart(learned["species"], threshold)
    nearest = np.full(len(members), np.inf)
    which = np.full(len(members), -1)
    for species in range(len(known)):
        _claim(found, genotypes(known["genome"][species : species + 1]), species, nearest, which)
    while len(known) < SPARE * run.evolution.species.wanted:
        far = best_first[nearest[best_first] > threshold]
        if not len(far):
            break
        founder = np.zeros(1, SPECIES)
        founder["number"] = founded % _NUMBERS + 1
        founder["genome"] = members["genome"][far[0]]
        founder["best"] = -np.inf
        _claim(found, genotypes(founder["genome"]), len(known), nearest, which)
        known, founded = np.concatenate([known, founder]), founded + 1
    return known, which


def _apart(known: npt.NDArray[np.void], threshold: float) -> npt.NDArray[np.void]:
    """The species without those whose representative the threshold has given to an older one: they become one."""
    stays: list[int] = []
    representatives = genotypes(known["genome"])
    apart = distances(representatives, representatives)
    for species in range(len(known)):
        if not stays or apart[species, stays].min() > threshold:
            stays.append(species)
    return known[stays]


def _claim(
    found: Genotypes, representative: Genotypes, species: int, nearest: npt.NDArray[np.float64], which: Rows
) -> None:
    """Give a species the members that its representative is nearest to; of equals the older species has them."""
    apart = distances(found, representative)[:, 0]
    closer = apart < nearest
    nearest[closer], which[closer] = apart[closer], species


def _quotas(position: Rows, which: Rows, alive: npt.NDArray[np.bool_], size: int) -> Rows:
    """Places of each species (k,): its share by mean fitness, rounded down; none for one that dies out."""
    counts = np.bincount(which, minlength=len(alive))
    fitness = np.bincount(which, 1.0 - position / len(position), minlength=len(alive))
    shared = np.where(alive & (counts > 0), fitness / np.maximum(counts, 1), 0.0)
    return np.floor(size * shared / shared.sum()).astype(np.int64)


def _carried(
    learned: Learned, known: npt.NDArray[np.void], members: Members, which: Rows, run: RunSpec
) -> dict[str, npt.NDArray[np.void]]:
    """The species of the next generation: those with members, each led by the member nearest to who led it."""
    rows = known.copy()
    best = run_objectives(members, run)[:, 0]
    for species, row in enumerate(rows):
        own = np.flatnonzero(which == species)
        row["size"] = len(own)
        if not len(own):
            continue
        apart = distances(genotypes(members["genome"][own]), genotypes(known["genome"][species : species + 1]))[:, 0]
        row["genome"] = members["genome"][own[int(np.argmin(apart))]]
        row["age"] += 1
        row["stagnant"] = 0 if best[own].max() > row["best"] else row["stagnant"] + 1
        row["best"] = max(row["best"], best[own].max())
    living = rows[rows["size"] > 0]
    boundary = _boundary(learned).copy()
    new = int((known["size"] == 0).sum())
    boundary["founded"] += new
    boundary["extinct"] += len(learned["species"]) + new - len(living)
    wanted = run.evolution.species.wanted
    step = THRESHOLD_STEP if len(living) > wanted else 1 / THRESHOLD_STEP if len(living) < wanted else 1.0
    boundary["threshold"] = np.clip(boundary["threshold"] * step, THRESHOLD_MIN, THRESHOLD_MAX)
    return {"species": living, "boundary": boundary}


def _boundary(learned: Learned) -> npt.NDArray[np.void]:
    known = learned["boundary"]
    return known if len(known) else np.array([(THRESHOLD_FIRST, 0, 0)], BOUNDARY)
