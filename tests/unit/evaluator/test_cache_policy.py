"""The policy asks the cache where that saves time, bypasses it where it does not, and notices when that changes."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.cache_policy import PERIOD_COHORTS, PROBE_COHORTS, CachePolicy


@dataclass
class World:
    """What things cost in truth."""

    lookup_us: float
    evaluation_us: float
    hit_rate: float
    rows: int = 2000

    def cohort(self, policy: CachePolicy) -> tuple[CachePolicy, bool, float]:
        """After one cohort: the policy, whether the cache was asked, and the seconds it took."""
        asks, rows = policy.asks, self.rows
        known = int(rows * self.hit_rate) if asks else 0
        evaluation_s, lookup_s = (rows - known) * self.evaluation_us / 1e6, rows * self.lookup_us * asks / 1e6
        policy = policy.next().evaluated(rows - known, evaluation_s)
        return policy.asked(rows, known, lookup_s) if asks else policy, asks, evaluation_s + lookup_s

    def cohorts(self, policy: CachePolicy, count: int) -> tuple[CachePolicy, int, float]:
        """After so many: the policy, how often the cache was asked, and the seconds."""
        asked, seconds = 0, 0.0
        for _ in range(count):
            policy, asks, taken = self.cohort(policy)
            asked, seconds = asked + asks, seconds + taken
        return policy, asked, seconds


OFFSPRING = World(lookup_us=3.2, evaluation_us=35.0, hit_rate=0.001)
"""What the generator's own loop was measured to be."""
REPLAY = World(lookup_us=3.2, evaluation_us=35.0, hit_rate=1.0)


def test_the_generators_own_offspring_bypass_the_cache_after_the_first_probe():
    _, asked, _ = OFFSPRING.cohorts(CachePolicy(), PERIOD_COHORTS)
    assert asked == PROBE_COHORTS - 1


def test_a_run_that_is_repeated_asks_the_cache():
    _, asked, _ = REPLAY.cohorts(CachePolicy(), PERIOD_COHORTS)
    assert asked == PERIOD_COHORTS - 1


@pytest.mark.parametrize(("before", "after"), [(OFFSPRING, REPLAY), (REPLAY, OFFSPRING)])
def test_a_change_is_noticed_within_a_period(before, after):
    policy, _, _ = before.cohorts(CachePolicy(), PERIOD_COHORTS)
    policy, _, _ = after.cohorts(policy, PERIOD_COHORTS)
    assert policy.pays == (after is REPLAY)


@given(st.floats(0.1, 50), st.floats(0.1, 500), st.sampled_from([k / 100 for k in range(101)]))
def test_it_costs_at_most_the_probes_more_than_the_better_way(lookup_us, evaluation_us, hit_rate):
    world = World(lookup_us, evaluation_us, hit_rate)
    _, _, seconds = world.cohorts(CachePolicy(), PERIOD_COHORTS)
    asking = lookup_us + (1 - hit_rate) * evaluation_us
    best, worst = sorted((asking, evaluation_us))
    each_s = world.rows / 1e6
    assert seconds <= each_s * (PROBE_COHORTS * worst + (PERIOD_COHORTS - PROBE_COHORTS) * best) * (1 + 1e-9)


def test_a_handful_of_genomes_teaches_nothing():
    policy = CachePolicy().evaluated(3, 1.0).asked(3, 0, 1.0)
    assert policy == CachePolicy()
