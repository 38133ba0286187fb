"""Windows: sums equal a count by brute force, whatever is repeated or late."""

from hypothesis import given
from hypothesis import strategies as st

from recorder.windows import AHEAD_S, Windows

KEEP_S = 120
START_S = 1_000_000
# (id, seconds before the moment of its delivery, genomes, seconds since the delivery before it)
DELIVERIES = st.lists(
    st.tuples(st.integers(0, 20), st.integers(-90, 200), st.integers(1, 9), st.integers(0, 20)), max_size=80
)


@given(DELIVERIES, st.integers(1, KEEP_S - 60))
def test_sums_are_those_of_the_first_delivery_of_each_event(
    deliveries: list[tuple[int, int, int, int]], length_s: int
) -> None:
    windows, counted, now_s = Windows(KEEP_S), {}, START_S
    for name, age_s, genomes, pause_s in deliveries:
        now_s += pause_s
        counted = {each: at for each, at in counted.items() if at[0] >= now_s - KEEP_S}
        second = now_s - age_s
        is_new = name not in counted and now_s - KEEP_S <= second <= now_s + AHEAD_S
        if is_new:
            counted[name] = (second, genomes)
        found = windows.add(str(name), second * 1_000_000 + 7, now_s * 1_000_000 + 9, genomes=genomes, cohorts=1)
        assert found is is_new

    def brute(begin: int, end: int) -> dict[str, int]:
        inside = [genomes for second, genomes in counted.values() if begin <= second < end]
        return {"genomes": sum(inside), "cohorts": len(inside)} if inside else {}

    now_us = now_s * 1_000_000 + 999_999
    assert windows.hopping(length_s, now_us) == brute(now_s - length_s, now_s)
    tumbling = windows.tumbling(length_s, 2, now_us)
    last = now_s // length_s * length_s
    begins = [last - length_s, last]
    kept = [(begin, brute(begin, begin + length_s)) for begin in begins]
    assert tumbling == kept
