"""Health over HTTP, as a container or a supervisor asks for it."""

from common.run.health import LIVE, READY, Health, ask
from common.run.http_json import serve
from common.run.pulse import Pulse


async def _asked(health: Health) -> tuple[int | None, int | None]:
    async with serve("127.0.0.1", 0, health.routes) as port:
        return await ask("127.0.0.1", port, LIVE), await ask("127.0.0.1", port, READY)


async def test_a_process_that_prepares_is_alive_and_not_ready() -> None:
    assert await _asked(Health(1.0)) == (200, 503)


async def test_ready_is_who_has_partitions_and_is_not_about_to_go() -> None:
    health = Health(60.0, Pulse())
    assert await _asked(health) == (200, 503)
    assert health.pulse is not None
    health.pulse.beat(5, 2)
    assert await _asked(health) == (200, 200)
    health.stopping = True
    assert await _asked(health) == (200, 503)


async def test_a_loop_that_has_not_turned_for_too_long_is_not_alive() -> None:
    now = 100.0
    health = Health(60.0, Pulse(last_s=now - 59.0), clock=lambda: now)
    assert (await _asked(health))[0] == 200
    now += 2.0
    assert (await _asked(health))[0] == 503
    assert health.live()[1]["still_s"] == 61.0


async def test_a_loop_with_work_in_hand_may_take_much_longer_for_its_turn() -> None:
    now = 0.0
    health = Health(60.0, Pulse(last_s=now), clock=lambda: now, step_s=600.0)
    assert health.pulse is not None
    health.pulse.beat(1, 8)
    health.pulse.last_s = 0.0
    now = 599.0
    assert (await _asked(health))[0] == 200
    now = 601.0
    assert (await _asked(health))[0] == 503
    health.pulse.beat(0, 8)
    health.pulse.last_s = 540.0
    assert (await _asked(health))[0] == 503


async def test_who_does_not_answer_has_no_status(free_port: int) -> None:
    assert await ask("127.0.0.1", free_port, LIVE) is None
