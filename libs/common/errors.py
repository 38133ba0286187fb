"""The error tree: the class of an error says how the run loop reacts to it."""

import reprlib

_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother = 3, 80, 80


def _shown(value: object) -> str:
    """At most 80 characters, whatever a stranger sent: nested a thousand deep, or an integer of a million digits."""
    try:
        text = _SHORT.repr(value)
    except ValueError:  # Python prints no integer of more than 4,300 digits
        return "a number with thousands of digits"
    return text if len(text) <= 80 else text[:77] + "..."


class GalapagosError(Exception):
    """The root. What is not below it is a bug: crash, restart, replay."""


class ContractError(GalapagosError):
    """The input breaks a contract and always will: dead-letter it, never retry."""


class GenomeError(ContractError):
    """A genome that may not exist; names the gene, the value and the remedy.

    >>> str(GenomeError("risk.leverage_max", 9.0, "between 0.25 and 3"))
    'gene risk.leverage_max: 9.0 is not allowed; use between 0.25 and 3'
    """

    def __init__(self, gene: str, value: object, remedy: str) -> None:
        super().__init__(f"gene {gene}: {_shown(value)} is not allowed; use {remedy}")
        self.gene = gene


class DataError(ContractError):
    """Market data that cannot be believed: refused with a count and a remedy."""


class TransientError(GalapagosError):
    """Something outside failed and may recover: retry, a bounded number of times."""


class ConfigurationError(GalapagosError):
    """A setting makes no sense: refuse to start, name the setting."""
