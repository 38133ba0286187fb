"""`python -m generator`: breeds, as a process of its own; any number of them may run."""

from common.run.process import Process, Program, main
from generator.service import SERVICE


async def work(process: Process) -> None:
    """Breed until told to stop."""
    await process.serve(SERVICE)


PROGRAM = Program(
    "generator",
    "Breeds: answers breeding sets with cohorts of children, and published seeds with cohorts of one. Keeps no state: "
    "start as many as you like, up to the number of partitions.",
    work,
    needs=("bus", "run"),
)

if __name__ == "__main__":
    main(PROGRAM)
