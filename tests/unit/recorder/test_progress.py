"""Health by progress: standing still while records wait is the one thing that is wrong."""

from recorder.progress import Progress
from recorder.writer import Tally, Waiting


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def states(*steps: object) -> list[tuple[int, str]]:
    """What is told after each step: seconds that pass, a lag, None for a silent bus, or how many records were done."""
    clock, waiting = Clock(), Waiting()
    progress = Progress(clock, waiting, Tally(), stall_s=30.0)
    found = []
    for step in steps:
        match step:
            case float():
                clock.now_s += step
            case ("done", int(records)):
                progress.done(records)
            case ("lag", lag):
                progress.measured(lag)  # type: ignore[arg-type]
            case "down":
                progress.is_writing, waiting.since_s = True, clock.now_s
            case "up":
                progress.is_writing, waiting.since_s = False, None
            case "writes":
                progress.is_writing = True
        status, told = progress.report()
        found.append((status, told["state"]))
    return found


def test_idle_is_no_stall() -> None:
    assert states(("lag", 0), 3600.0, ("lag", 0), 1.0)[-1] == (200, "running")


def test_records_that_wait_and_nothing_moves_are_one() -> None:
    assert states(("lag", 5), 31.0)[-1] == (503, "stalled")
    assert states(("lag", 5), 29.0, ("done", 1), 29.0)[-1] == (200, "running")


def test_waiting_for_the_store_is_none_nor_is_the_time_after_it() -> None:
    assert states(("lag", 5), "down", 600.0, ("lag", 9))[-1] == (200, "waiting for the store")
    assert states(("lag", 5), "down", 600.0, "up", 29.0)[-1] == (200, "running")
    assert states(("lag", 5), "down", 600.0, "up", 31.0)[-1] == (503, "stalled")


def test_a_batch_that_takes_its_time_is_none() -> None:
    assert states(("lag", 5), "writes", 600.0)[-1] == (200, "running")


def test_a_silent_bus_is_waited_for() -> None:
    assert states(("lag", 5), 20.0, ("lag", None), 600.0, ("lag", None))[-1] == (200, "waiting for the bus")
    assert states(("lag", None), 600.0, ("lag", None), ("lag", 7), 10.0)[-1] == (200, "running")
