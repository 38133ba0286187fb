"""Real faults on real processes, and the one checker of what a run's log says; see `python -m tools.chaos -h`."""
