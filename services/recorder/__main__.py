"""`python -m recorder`: writes every event to the analytical store, as a process of its own."""

from common.run.health import READY
from common.run.open import open_store, shown
from common.run.process import Process, Program, main
from common.telemetry import names
from recorder.faust_app import FaustRecorder, open_stream


async def work(process: Process) -> None:
    """Record until told to stop."""
    await process.make_topics()
    store = open_store(process.settings.store)
    try:
        place = f"--store {shown(process.settings.store)} (GALAPAGOS_STORE)"
        recorder = FaustRecorder(process.bus, store, process.stop, place=place)
        await recorder.prepare()
        process.routes |= recorder.routes
        process.routes[READY] = lambda: (503 if recorder.progress.lag is None else 200, recorder.progress.report()[1])
        progress, told = recorder.progress, {names.SERVICE: "recorder"}
        process.metrics.observe(names.LAG, lambda: [(progress.lag, told)] if progress.lag is not None else [])
        process.metrics.observe(names.CONSUMED, lambda: [(progress.records, told)])
        process.begin()
        await recorder.run(open_stream(process.settings.bus))
    finally:
        store.close()


PROGRAM = Program(
    "recorder",
    "Records: writes the events of the bus to the analytical store as rows, and tells live figures over HTTP. Nothing "
    "of the search depends on it.",
    work,
    takes=("store",),
    needs=("bus", "store"),
)

if __name__ == "__main__":
    main(PROGRAM)
