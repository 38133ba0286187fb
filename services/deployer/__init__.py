"""Moves champions toward money and back: validation, limits, paper positions."""
