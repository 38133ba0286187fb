"""What the report says in plain words: the verdict, the way down from trials to champions, and what each gate asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.events.spec import RunSpec

# Gate names are the selector's; a name not listed here is shown as it is.
GATES: dict[str, str] = {
    "validation_return": "it made no money in the validation window, after costs",
    "validation_trades": "it traded too rarely in the validation window",
    "validation_z": "with the market's drift taken out it showed too little in validation",
    "walk_forward_efficiency": "too little of what it earned for its risk in training was left in validation",
    "deflated_sharpe": "its Sharpe ratio is no better than the luck expected of so many trials",
    "vault_trades": "it traded too rarely in the vault to be believed",
    "vault_return": "it made no money in the vault, after costs",
    "vault_p_value": "chance alone gives such a vault result too often, at the strictness that several reads demand",
}
_ASKS: dict[str, str] = {
    "validation_return": "profit in validation, after costs",
    "validation_trades": "trades in validation",
    "validation_z": "t-statistic in validation, drift taken out",
    "walk_forward_efficiency": "Sharpe ratio of validation over that of training",
    "deflated_sharpe": "probability that its Sharpe ratio beats the luck of all trials so far",
    "vault_trades": "trades in the vault",
    "vault_return": "profit in the vault, after costs",
    "vault_p_value": "probability of such a vault result by chance, drift taken out",
}


def gate_words(gate: str) -> str:
    """Why a candidate that fails this gate is refused."""
    return GATES.get(gate, gate.replace("_", " "))


def verdict_row(judged: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """One gate as the report shows it: what it asks, the figure, the bound, and whether it held."""
    gate, value, bound = judged["gate"], judged["value"], judged["bound"]
    if gate.endswith("_return"):
        shown, wanted = f"{value:+.1%}", "above 0"
    elif gate.endswith("_trades"):
        shown, wanted = f"{value:.0f}", f"at least {bound:.0f}"
    elif gate == "vault_p_value":
        shown, wanted = f"{value:.2g}", f"at most {bound:.4g}"
    else:
        shown, wanted = f"{value:.3f}", f"at least {bound:g}"
    return _ASKS.get(gate, gate.replace("_", " ")), shown, wanted, "passed" if judged["passed"] else "failed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """``headline`` is the answer, ``sentences`` the reasons."""

    headline: str
    sentences: tuple[str, ...]
    survived: bool


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """One stage: how many reached it and what it takes."""

    name: str
    count: int
    meaning: str


def verdict(run: Mapping[str, Any], spec: RunSpec) -> Verdict:
    """The run's answer; ``run`` is the content of run.json."""
    champions, reads = run["champions"], run["vault_reads"]
    trials = f"{run['strategies_evaluated']:,} strategies were bred and measured over {run['generations']} generations"
    if champions:
        headline = "1 champion survived" if champions == 1 else f"{champions} champions survived"
        sentences = (
            f"{trials}; {reads} of them were allowed one look each at a vault of history that nothing had seen, "
            f"and {champions} passed every gate.",
            f"If all of it were noise, a run like this would promote anything with a chance of at most "
            f"{spec.promotion.vault_alpha:.0%}. Repeated runs on the same history add up. "
            "That is evidence, not a promise: markets change.",
        )
        return Verdict(headline, sentences, True)
    if not run["strategies_evaluated"]:
        return Verdict("Nothing was measured", ("The run was stopped before the first generation closed.",), False)
    if not run["registered"]:
        why = (
            "No strategy was good enough in training and validation, after allowing for the luck of so many trials, "
            "to be worth one of the few looks at the vault."
        )
    else:
        were = "s were" if reads != 1 else " was"
        why = f"{reads} candidate{were} shown to the vault once, and none passed every gate."
    return Verdict(
        "Nothing survived",
        (
            f"{trials}. {why}",
            "Not enough evidence is a normal answer, and the honest one: the search is good at finding luck, "
            "so the vault asks for more than luck. More history or other markets may change it.",
        ),
        False,
    )


def seal_sentence(run: Mapping[str, Any]) -> str:
    """How the two counts of looks at the vault compare: the islands' own, and the evaluators' answers."""
    reads, looks, breaches = run["vault_reads"], run["vault_looks"], run["vault_looks_unregistered"]
    if looks is None:
        return f"Looks at the vault: {reads} counted by the islands; nobody has watched the evaluators' answers."
    counted = f"Looks at the vault: {reads} counted by the islands, {looks} answered by the evaluators"
    if breaches:
        return f"{counted}. {breaches} of these had been registered by no island: do not believe this run's champions."
    return f"{counted}, each registered beforehand."


def funnel(run: Mapping[str, Any]) -> tuple[FunnelStep, ...]:
    """The way down."""
    return (
        FunnelStep("trials", run["strategies_evaluated"], "strategies measured on training and validation history"),
        FunnelStep("candidates", run["registered"], "registered beforehand for a look at the vault"),
        FunnelStep("sealed reads", run["vault_reads"], "looks at the vault, one a candidate, all counted"),
        FunnelStep("champions", run["champions"], "passed every gate"),
        FunnelStep("on paper", run["on_paper"], "trading the stretch after the vault on paper"),
    )


def refusal_sentences(refusals: dict[str, int]) -> tuple[str, ...]:
    """One sentence a gate, the most frequent first."""
    ordered = sorted(refusals.items(), key=lambda item: (-item[1], item[0]))
    return tuple(f"{count} refused at {gate.replace('_', ' ')}: {gate_words(gate)}." for gate, count in ordered)
