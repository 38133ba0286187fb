"""The deployer: checks champions against limits and trades them on paper, over bars that nobody has looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from common.backtest.costs import cost_table
from common.errors import ConfigurationError, ContractError
from common.events.event import Event, event_id
from common.events.public import BarClosed, ChampionPromoted, DeploymentChanged, PerformanceObserved
from common.events.spec import RunSpec
from common.market.bars import Bars
from common.service import Service
from deployer.admission import decode, judge
from deployer.feed import PRICES, extend, joined, none_yet
from deployer.limits import Limits
from deployer.paper import Account, account, follow
from deployer.state import PaperState, Transition, dump, load, on_paper

_ACCOUNT = "paper"


def service(histories: Sequence[Bars], limits: Limits | None = None) -> Service[PaperState]:
    """A deployer for the instruments whose bars up to the paper stretch are ``histories``, as ``run.data`` names them.

    Raises ConfigurationError when two of them share a name or one is empty.
    """
    by_name = {bars.name: bars for bars in histories}
    if len(by_name) < len(histories) or not all(map(len, histories)):
        raise ConfigurationError("histories: give every instrument a name of its own and at least one bar")
    desk = _Desk(by_name, limits or Limits())
    return Service(
        name="deployer",
        consumes=(ChampionPromoted, BarClosed),
        produces=(DeploymentChanged, PerformanceObserved),
        step=desk.step,
        initial_state=PaperState,
        dump=dump,
        load=load,
        state_key=lambda _: _ACCOUNT,
        recover=desk.recover,
    )


@dataclass(frozen=True, slots=True)
class _Desk:
    histories: Mapping[str, Bars]
    limits: Limits

    def step(self, state: PaperState, events: Sequence[Event]) -> tuple[PaperState, list[Event]]:
        """Take champions and bars; answer with transitions, and with performance where bars or deployments were added.

        What was seen before changes nothing. Raises ContractError for an event of another run, and for bars of an
        unknown instrument, bars that are not credible, or bars older than what has been traded on.
        """
        out: list[Event] = []
        for event in events:
            if state.run is None:
                state = replace(state, run=event.run)
            elif state.run.run_id != event.run.run_id:
                raise ContractError(f"run {event.run.run_id}: the deployer works for {state.run.run_id}; start another")
            react = self._receive if isinstance(event.payload, BarClosed) else self._judge
            state, news = react(state, event)
            out += news
        return state, out

    def recover(self, state: PaperState) -> list[Event]:
        """Every transition and the latest performance: who has seen them knows their ids.

        Nothing else is needed: the selector sends its champions again and the feed its bars.
        """
        if state.run is None:
            return []
        run = state.run
        observed = [event for name in self.histories for event in self._observe(state, run, on_paper(state, name))]
        return [*(_changed(run, entry) for entry in state.log), *observed]

    def _receive(self, state: PaperState, event: Event) -> tuple[PaperState, list[Event]]:
        bars = event.payload
        assert isinstance(bars, BarClosed)
        if bars.instrument not in self.histories:
            raise ContractError(f"instrument {bars.instrument[:80]!r}: there is only {', '.join(self.histories)}")
        before = state.bars.get(bars.instrument, none_yet())
        columns = {name: getattr(bars, name) for name in PRICES}
        after = extend(self.histories[bars.instrument], before, bars.ts_us, columns)
        if len(after) == len(before):
            return state, []
        state = replace(state, bars={**state.bars, bars.instrument: after})
        return state, self._observe(state, event.run, on_paper(state, bars.instrument))

    def _judge(self, state: PaperState, event: Event) -> tuple[PaperState, list[Event]]:
        before, state = state, judge(state, event, self.histories, self.limits)
        changes = state.log[len(before.log) :]
        admitted = [entry for entry in changes if entry.change.state == "paper"]
        return state, [*(_changed(event.run, entry) for entry in changes), *self._observe(state, event.run, admitted)]

    def _observe(self, state: PaperState, run: RunSpec, deployments: Sequence[Transition]) -> list[Event]:
        """How deployments of one instrument stand on all bars received."""
        name = deployments[0].change.instrument if deployments else ""
        if name not in state.bars:
            return []
        history, received = self.histories[name], state.bars[name]
        per_year = next(data.bars_per_year for data in run.data if data.name == name)
        genomes = [decode(state.champions[entry.change.deployment]) for entry in deployments]
        costs = cost_table(run.costs.account, run.costs.venues())
        courses = follow(genomes, joined(history, received), len(history), costs, per_year)
        bar_ts_us = int(received["ts_us"][-1])
        return [
            _event(run, _observed(entry, account(course), bar_ts_us), str(bar_ts_us), entry.trace)
            for entry, course in zip(deployments, courses, strict=True)
        ]


def _observed(entry: Transition, now: Account, bar_ts_us: int) -> PerformanceObserved:
    change = entry.change
    return PerformanceObserved(
        deployment=change.deployment, genome_id=change.genome_id, bar_ts_us=bar_ts_us, **asdict(now)
    )


def _changed(run: RunSpec, entry: Transition) -> Event:
    return _event(run, entry.change, entry.change.state, entry.trace)


def _event(run: RunSpec, payload: DeploymentChanged | PerformanceObserved, cause: str, trace: str) -> Event:
    """The cause is what is reported, not the delivery that set it off: what is recovered or repeated keeps its id."""
    return Event(payload, payload.deployment, run, event_id(run, payload, (payload.deployment, cause)), trace=trace)
