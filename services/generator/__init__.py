"""Proposes genomes: from seeds, at random, and from selected parents."""
