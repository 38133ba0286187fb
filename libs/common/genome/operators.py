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
BITS: dict[str, int] = {
    "one_point": 0,
    "n_point": 1,
    "uniform": 2,
    "subtree": 3,
    "arithmetic": 4,
    "heuristic": 5,
    "sbx": 6,
    "multi_parent": 7,
    "differential": 8,
    "swarm": 9,
    "quantum": 10,
    "logic": 11,
    "structural": 12,
    "point": 13,
    "gaussian": 14,
    "uniform_step": 15,
    "polynomial": 16,
    "adaptive_step": 17,
    "creep": 18,
    "jump": 19,
    "flip": 20,
    "feature": 21,
    "iso_line": 22,
    "covariance": 23,
}
"""The bit of each operator in the column ``applied``, 32 at most. Stored events have them, so a new operator takes the
next one and none is ever given to another."""
APPLIED: tuple[str, ...] = tuple(BITS)
"""The operators in the order of their bits."""
