"""`python -m selector`: closes generations, as a process of its own; islands are shared among those that run."""

from common.run.process import Process, Program, main
from selector.service import SERVICE


async def work(process: Process) -> None:
    """Select until told to stop."""
    await process.serve(SERVICE)


PROGRAM = Program(
    "selector",
    "Selects: keeps the populations of the islands, closes their generations, registers candidates and promotes "
    "champions. Its state is kept on the bus; islands are shared among the selectors that run.",
    work,
)

if __name__ == "__main__":
    main(PROGRAM)
