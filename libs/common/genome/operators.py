"""The operators that make children, by name, and how often each is used unless an island says otherwise.

A child carries one bit for each operator that made it, so an island can tell which of them pay.
"""

CROSSOVERS: dict[str, float] = {
    "one_point": 0.25,
    "n_point": 0.0,
    "uniform": 0.25,
    "subtree": 0.5,
    "arithmetic": 0.0,
    "heuristic": 0.0,
    "sbx": 0.0,
    "multi_parent": 0.0,
    "differential": 0.0,
    "swarm": 0.0,
    "quantum": 0.0,
}
"""What makes a child of several parents, with its share among them."""
MUTATIONS: dict[str, float] = {
    "logic": 0.25,
    "structural": 0.25,
    "point": 0.12,
    "gaussian": 0.18,
    "uniform_step": 0.0,
    "polynomial": 0.0,
    "adaptive_step": 0.0,
    "creep": 0.08,
    "jump": 0.0,
    "flip": 0.09,
    "feature": 0.03,
}
"""What changes a child, with its share among them."""
EMITTERS: tuple[str, ...] = ("iso_line", "covariance")
"""What makes a child from elites of the archive alone; ``Archive`` in the specification of a run says how often."""
APPLIED: tuple[str, ...] = (*CROSSOVERS, *MUTATIONS, *EMITTERS)
"""Bit k of the column ``applied`` stands for operator k; 32 at most."""
