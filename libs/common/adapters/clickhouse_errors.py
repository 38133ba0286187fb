"""What a ClickHouse says, as an error of ours: the library and the server speak with the same numbers."""

from common.errors import ConfigurationError, ContractError, TransientError

# The statement does not fit the tables or is none: missing columns or a wrong number of them, unknown functions,
# identifiers, types or tables, values or columns of another type, syntax, no common type.
_WRONG = frozenset({8, 10, 16, 20, 27, 36, 42, 43, 44, 46, 47, 50, 53, 60, 62, 70, 81, 386})
# Unknown user, wrong or missing password, address or access not allowed, read only, authentication failed.
_REFUSED = frozenset({164, 192, 193, 194, 195, 291, 497, 516})

# Unknown or unexpected packets, and none in time: what an HTTP port answers too.
_NO_ANSWER = frozenset({100, 102, 209})


def translated(code: int | None, reason: str, place: str) -> ConfigurationError | ContractError | TransientError:
    """What is not known to be the statement's or the user's fault (a disk, memory, a broken part) may pass.

    ``place``: the store's URL without a password.
    """
    if code in _WRONG:
        return ContractError(f"store refuses the statement: {reason}")
    if code in _NO_ANSWER:
        reason = f"no answer in time, or none of a ClickHouse {reason}; is this its native port, and not that of HTTP?"
    if code in _REFUSED:
        return ConfigurationError(
            f"store {place} refuses its user: {reason}; check user, password, database and rights in --store "
            "(GALAPAGOS_STORE)"
        )
    return TransientError(f"store {place}: {reason}")
