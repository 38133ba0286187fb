"""``make bench``: every benchmark, as a table for people and as JSON in benchmarks/out/ for machines."""

import argparse
import json
from pathlib import Path

from benchmarks.engine import bench_engine
from benchmarks.evolution import bench_evolution


def main() -> None:
    """Run what is asked for and print it."""
    parser = argparse.ArgumentParser(
        prog="make bench", description="Speed per CPU-second, beside peers in the same run."
    )
    parser.add_argument("--repeats", type=int, default=5, help="takes of each work; the best counts (default 5)")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/bench.json"))
    parser.add_argument("--json", action="store_true", help="print the JSON instead of the table")
    given = parser.parse_args()
    results = {"engine": bench_engine(given.repeats), "evolution": bench_evolution(given.repeats)}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(results, indent=2))
    if given.json:
        print(json.dumps(results))
        return
    for name, figures in results.items():
        print(f"\n{name}")
        for key, value in figures.items():
            print(f"  {key:<44} {value:,.4g}" if isinstance(value, float) else f"  {key:<44} {value}")


if __name__ == "__main__":
    main()
