"""Crossover of whole genes: one point, n points, uniform, of many parents; and subtrees between logic trees."""

import numpy as np
import numpy.typing as npt

from common.genome.genes import ALLELE_GENES
from common.genome.layout import TREE_TOKENS
from common.genome.tree import END, subtree_start
from common.kernel import lean_kernel
from common.random import Stream, below, next_u64
from generator.slots import copy_slot
from generator.tables import ALLELE, DIRECTION, LOCI, MASK, REAL, TREE, Genes
from generator.trees import length, splice

LONG, BOTH = (ALLELE_GENES[DIRECTION].alleles.index(name) for name in ("long", "both"))
_ATTEMPTS = 4
CUTS_MIN, CUTS_MAX = 2, 4


@lean_kernel
def inherit(child: Genes, row: int, parents: Genes, parent: int, locus: int) -> None:
    """Copy from a parent what stands at one place of ``LOCI``: an allele, a number, a set, a tree or a slot."""
    block, slot = LOCI[locus, 0], LOCI[locus, 1]
    if block == ALLELE:
        child.alleles[row, slot] = parents.alleles[parent, slot]
    elif block == REAL:
        child.reals[row, slot] = parents.reals[parent, slot]
    elif block == MASK:
        child.masks[row, slot] = parents.masks[parent, slot]
    elif block == TREE:
        for position in range(TREE_TOKENS):
            child.trees[row, slot, position] = parents.trees[parent, slot, position]
    else:
        copy_slot(child, row, parents, parent, slot)


@lean_kernel
def one_point(stream: Stream, child: Genes, row: int, parents: Genes, other: int) -> None:
    """The child, a copy of one parent, takes all genes from a random locus on from the other one."""
    cut = 1 + below(stream, len(LOCI) - 1)
    for locus in range(cut, len(LOCI)):
        inherit(child, row, parents, other, locus)


@lean_kernel
def n_point(stream: Stream, child: Genes, row: int, parents: Genes, other: int) -> None:
    """The child, a copy of one parent, takes the genes behind every odd one of two to four cuts from the other."""
    cuts = CUTS_MIN + below(stream, CUTS_MAX - CUTS_MIN + 1)
    taking = False
    for locus in range(1, len(LOCI)):
        if cuts > 0 and below(stream, len(LOCI) - locus) < cuts:
            taking = not taking
            cuts -= 1
        if taking:
            inherit(child, row, parents, other, locus)


@lean_kernel
def multi_parent(stream: Stream, child: Genes, row: int, parents: Genes, family: npt.NDArray[np.int64]) -> None:
    """The child takes each gene from a random one of its ``family`` (k,) of parents.

    Gene pool recombination (H. Muehlenbein and H.-M. Voigt 1995) in a pool of few.
    """
    for locus in range(len(LOCI)):
        inherit(child, row, parents, family[below(stream, len(family))], locus)


@lean_kernel
def uniform_crossover(stream: Stream, child: Genes, row: int, parents: Genes, other: int) -> None:
    """The child, a copy of one parent, takes each gene from the other one with probability 1/2."""
    bits = np.uint64(0)
    for locus in range(len(LOCI)):
        if locus % 64 == 0:
            bits = next_u64(stream)
        if (bits >> np.uint64(locus % 64)) & np.uint64(1):
            inherit(child, row, parents, other, locus)


@lean_kernel
def draw_open_tree(stream: Stream, genes: Genes, row: int) -> int:
    """Number of a random tree of a side that the direction opens."""
    direction = genes.alleles[row, DIRECTION]
    if direction == BOTH:
        return below(stream, 4)
    return below(stream, 2) + (0 if direction == LONG else 2)


@lean_kernel
def subtree_crossover(stream: Stream, child: Genes, row: int, parents: Genes, other: int) -> bool:
    """A random subtree of the child gives way to a random subtree of the other parent, of a tree in the same role.

    The role is entry or exit: a long entry may learn from a short one when the other parent has no long side. After
    four results that are too long, the other parent's whole tree is taken. False when it has no tree in that role.
    """
    which = draw_open_tree(stream, child, row)
    tree, donor = child.trees[row, which], parents.trees[other, which]
    if donor[0] == END:
        donor = parents.trees[other, (which + 2) % 4]
    donor_length = length(donor)
    if donor_length == 0:
        return False
    for _ in range(_ATTEMPTS):
        donor_end = below(stream, donor_length)
        donor_start = subtree_start(donor, donor_end)
        own_length = length(tree)
        start, stop = 0, 0
        if own_length > 0:
            end = below(stream, own_length)
            start, stop = subtree_start(tree, end), end + 1
        if splice(tree, start, stop, donor, donor_start, donor_end + 1):
            return True
    for position in range(TREE_TOKENS):
        tree[position] = donor[position]
    return True
