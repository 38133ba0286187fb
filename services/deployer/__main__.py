"""`python -m deployer`: trades champions on paper, as a process of its own."""

import asyncio

from common.run.process import Process, Program, main
from common.run.stretches import histories
from deployer.service import service


async def work(process: Process) -> None:
    """Trade until told to stop."""
    bars = await asyncio.to_thread(process.folder.bars)
    await process.serve(service(histories(process.spec, bars)))


PROGRAM = Program(
    "deployer",
    "Deploys: checks champions against limits and trades them on paper over the bars that come after the vault. Its "
    "state is kept on the bus; a second one waits until the first is gone.",
    work,
    needs=("bus", "run"),
)

if __name__ == "__main__":
    main(PROGRAM)
