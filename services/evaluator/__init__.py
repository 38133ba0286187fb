"""Measures genomes: every proposed cohort gets exactly one answer."""
