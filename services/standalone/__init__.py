"""Everything in one process: the shortest tour of the system, and the command line."""
