"""Bars as a Parquet file that says where they came from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from common.market.bars import Bars

_PREFIX = b"galapagos."


def write_bars(bars: Bars, path: Path, source: Mapping[str, str]) -> None:
    """Write columns ts (UTC), open, high, low, close, volume; replace ``path`` only once all is on disk.

    ``source`` is kept in the file, for ``read_source``.
    """
    columns: list[pa.Array[Any]] = [pa.array(bars.ts_us, pa.timestamp("us", "UTC"))]
    columns += [pa.array(column) for column in (bars.open, bars.high, bars.low, bars.close, bars.volume)]
    table = pa.table(columns, ["ts", "open", "high", "low", "close", "volume"])
    table = table.replace_schema_metadata({_PREFIX + key.encode(): value.encode() for key, value in source.items()})
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        pyarrow.parquet.write_table(table, unfinished, compression="zstd")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def read_source(path: Path) -> dict[str, str]:
    """What ``write_bars`` was told about the origin; empty for a file of somebody else."""
    metadata = pyarrow.parquet.read_schema(path).metadata or {}
    return {
        key.removeprefix(_PREFIX).decode(): value.decode() for key, value in metadata.items() if key.startswith(_PREFIX)
    }
