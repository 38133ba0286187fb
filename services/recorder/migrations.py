"""The schema in steps: each is applied once, in order, and told in ``schema_migrations``.

Every statement makes only what is missing, so a step that was cut off, or that two processes apply at once, is right
when it is applied again. A step that was published never changes: what comes later is another step.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from common.errors import ConfigurationError, ContractError
from common.ports import Store
from recorder.tables import FIRST_TABLES, SEARCH_TABLES, TABLES, Table
from recorder.views import VIEWS, VIEWS_AT_FIRST, View


@dataclass(frozen=True, slots=True)
class Migration:
    """One step; ``version`` counts from 1."""

    version: int
    name: str
    statements: tuple[str, ...]

    @property
    def digest(self) -> str:
        """BLAKE2b-64 of the statements, hex."""
        return hashlib.blake2b("\n".join(self.statements).encode(), digest_size=8).hexdigest()


def _made(views: Sequence[View]) -> tuple[str, ...]:
    return tuple(statement for view in views for statement in view.ddl)


_BIRTHS = VIEWS[VIEWS_AT_FIRST]
MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "tables", tuple(table.ddl for table in FIRST_TABLES)),
    Migration(2, "views", _made(VIEWS[:VIEWS_AT_FIRST])),
    Migration(
        3,
        "births",
        (*_made([_BIRTHS]), f"INSERT INTO {_BIRTHS.name} ({', '.join(_BIRTHS.columns)}) {_BIRTHS.select}"),
    ),
    Migration(4, "search", tuple(table.ddl for table in SEARCH_TABLES)),
)
_LEDGER = Table(
    "schema_migrations",
    {"version": "UInt32", "name": "String", "digest": "String", "time_us": "UInt64"},
    ("version",),
)


def applied(store: Store, place: str = "the store") -> dict[int, str]:
    """The digest of each step that the store has, by version; none in a new store."""
    if not _has_one(store, [_LEDGER.name]):
        if _has_one(store, [table.name for table in TABLES]):
            raise ConfigurationError(
                f"{place} has tables of other programs, or of before its schema had versions; name another database"
            )
        return {}
    rows = store.query(f"SELECT version, digest FROM {_LEDGER.name} FINAL").to_pylist()
    return {row["version"]: row["digest"] for row in rows}


def pending(store: Store, known: tuple[Migration, ...] = MIGRATIONS, place: str = "the store") -> list[Migration]:
    """What the store lacks; ``place`` is how messages call it.

    Raises ConfigurationError for a store with a newer schema, or with a step under a known version that is another.
    """
    found = applied(store, place)
    newest = known[-1].version
    if found and max(found) > newest:
        raise ConfigurationError(f"{place} has schema {max(found)}, this program knows {newest}; update the program")
    for step in known:
        if found.get(step.version, step.digest) != step.digest:
            raise ConfigurationError(
                f"{place} has a schema {step.version} ({step.name}) that is another one than this program's; "
                "use the version of the program that made it, or name another database"
            )
    return [step for step in known if step.version not in found]


def migrate(store: Store, known: tuple[Migration, ...] = MIGRATIONS, place: str = "the store") -> list[Migration]:
    """Apply what is pending, in order; gives what was applied. Raises as ``pending``, and where a step is refused."""
    steps = pending(store, known, place)
    for step in steps:
        told = (
            f"INSERT INTO {_LEDGER.name} SELECT toUInt32({step.version}), '{step.name}', '{step.digest}', "
            "toUInt64(toUnixTimestamp(now())) * 1000000"
        )
        try:
            store.execute(_LEDGER.ddl)  # first: a store with tables and no ledger is one of before
            for statement in (*step.statements, told):
                store.execute(statement)
        except ContractError as error:
            raise ConfigurationError(
                f"{place} does not take schema {step.version} ({step.name}): {error}; name another database"
            ) from error
    return steps


def require(store: Store) -> None:
    """Raises ConfigurationError unless the store has this program's schema."""
    if steps := pending(store):
        raise ConfigurationError(
            f"the store lacks schema {steps[0].version} ({steps[0].name}); "
            "make it with `galapagos store migrate`, or name the store of a run"
        )


def _has_one(store: Store, names: Sequence[str]) -> bool:
    named = ", ".join(f"'{name}'" for name in names)
    found = store.query(
        f"SELECT count() AS n FROM system.tables WHERE database = currentDatabase() AND name IN ({named})"
    )
    return bool(found["n"][0].as_py())
