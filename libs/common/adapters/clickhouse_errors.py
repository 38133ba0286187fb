"""What a ClickHouse says, as an error of ours: the library and the server speak with the same numbers."""

from common.errors import ContractError, TransientError

# The statement does not fit the tables or is none: missing columns or a wrong number of them, unknown functions,
# identifiers, types or tables, values or columns of another type, syntax, no common type.
_WRONG = frozenset({8, 10, 16, 20, 27, 36, 42, 43, 44, 46, 47, 50, 53, 60, 62, 70, 81, 386})


def translated(code: int | None, reason: str) -> ContractError | TransientError:
    """What is not known to be the statement's fault (a disk, memory, a broken part, a session gone) may pass."""
    if code in _WRONG:
        return ContractError(f"store refuses the statement: {reason}")
    return TransientError(f"store: {reason}")
