"""No gene that a strategy's trades depend on is without a market of its own."""

import importlib
from pathlib import Path

from common.genome.genes import ALLELE_GENES, MASK_GENES, REAL_GENES

ELSEWHERE = {"portfolio", "features"}
"""Chromosomes that need more than one hand-made market: ``test_portfolio_genes.py``, ``market/test_engineered.py``."""


def pinned() -> set[str]:
    """Genes named by ``pins`` above the tests of ``test_genes_*.py``."""
    files = [path for path in Path(__file__).parent.glob("test_genes_*.py") if path.name != Path(__file__).name]
    modules = [importlib.import_module(f"tests.unit.backtest.{path.stem}") for path in files]
    tests = [value for module in modules for name, value in vars(module).items() if name.startswith("test_")]
    assert all(hasattr(test, "pinned") for test in tests)
    return {path for test in tests for path in test.pinned}


def test_every_expressed_gene_has_a_market_in_which_it_changes_the_trades():
    genes = [gene for gene in (*ALLELE_GENES, *REAL_GENES, *MASK_GENES) if gene.expressed]
    wanted = {gene.path for gene in genes if gene.chromosome not in ELSEWHERE}
    assert sorted(wanted - pinned()) == []
