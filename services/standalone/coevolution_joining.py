"""Two genomes become one strategy: the host's, with one part of its genes taken from a guest."""

import numpy as np
import numpy.typing as npt

from common.genome.genes import ALLELE_GENES, MASK_GENES, REAL_GENES
from common.genome.layout import TREES, Population
from common.kernel import kernel
from common.random import new_stream, open_stream
from generator.crossover import inherit
from generator.initialise import repair
from generator.slots import adopt
from generator.tables import ALLELE, LOCI, MASK, REAL, SLOT, TREE, Genes, pack, unpack

Places = npt.NDArray[np.int64]
EXITS = ("long_exit", "short_exit", "exit.", "time.hold_min_bars")
"""How a strategy gets out: exit trees, stops, targets, trails and times."""
CONDUCT = ("regime.", "time.", "expression.", "risk.")
"""When a strategy keeps quiet, and how much it puts at risk."""
FIRST_SLOT = 1 << 41
"""Random streams of repairs begin here: offspring and specialised islands use the slots below."""
_GENES = {ALLELE: ALLELE_GENES, REAL: REAL_GENES, MASK: MASK_GENES}


def part(names: tuple[str, ...]) -> Places:
    """Places of ``LOCI`` whose tree is named, or whose gene's path begins so. Engineered features follow the trees."""
    found = []
    for place, (block, slot) in enumerate(LOCI.tolist()):
        if block != SLOT:
            name = TREES[slot] if block == TREE else _GENES[block][slot].path
            if name.startswith(names):
                found.append(place)
    return np.array(found, np.int64)


@kernel
def _join(genes: Genes, hosts: Genes, guests: Genes, places: Places, key: np.uint64, island: int, time: int) -> None:
    stream = new_stream(key, island, time, 0)
    for row in range(len(genes.alleles)):
        for place in places:
            inherit(genes, row, guests, row, place)
        adopt(genes, row, hosts, row)
        adopt(genes, row, guests, row)
        open_stream(stream, key, island, time, FIRST_SLOT + row)
        repair(stream, genes, row)


def joined(hosts: Population, guests: Population, places: Places, name: tuple[int, int, int]) -> Population:
    """One strategy for each row of both (n,); what fits no more is repaired. ``name``: key, island, time."""
    genes = unpack(hosts)
    _join(genes, unpack(hosts), unpack(guests), places, np.uint64(name[0]), name[1], name[2])
    return pack(genes)
