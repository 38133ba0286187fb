"""Cohorts as Arrow IPC streams of one record batch, read back without copying a column."""

from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from common.errors import ContractError
from common.events.cohorts import LATER_COLUMNS, MEASURE_COLUMNS, OPERATOR_NAMES, STATUS, Cohort
from common.events.strict import parse_model, refusal

COHORT_BYTES_MAX = 128 << 20
HEADER_KEY = b"header"
"""Schema metadata: the cohort's header as JSON."""
_MALFORMED = (pa.ArrowException, OSError, ValueError, MemoryError, OverflowError)


def arrow_type(dtype: np.dtype[Any]) -> pa.DataType:
    """Opaque bytes become fixed-size binary, each axis after the first a fixed-size list; nothing is nullable."""
    kind: pa.DataType = pa.binary(dtype.base.itemsize) if dtype.base.kind == "V" else pa.from_numpy_dtype(dtype.base)
    for size in reversed(dtype.shape):
        kind = pa.list_(pa.field("item", kind, nullable=False), size)
    return kind


def schema_of(cohort: type[Cohort]) -> pa.Schema:
    """The Arrow schema of a cohort class, without metadata."""
    return pa.schema([pa.field(name, arrow_type(dtype), nullable=False) for name, dtype in cohort.columns.items()])


def _to_arrow(array: np.ndarray[Any, Any], kind: pa.DataType) -> "pa.Array[Any]":
    size = len(array)
    if isinstance(kind, pa.FixedSizeListType):
        inner = array.reshape(size * kind.list_size, *array.shape[2:])
        return pa.Array.from_buffers(kind, size, [None], children=[_to_arrow(inner, kind.value_type)])
    return pa.Array.from_buffers(kind, size, [None, pa.py_buffer(array.reshape(-1).view(np.uint8).data)])


def write_cohort(cohort: Cohort) -> bytes:
    """The IPC stream; the columns are copied once, into the result."""
    schema = schema_of(type(cohort))
    arrays = [_to_arrow(cohort[field.name], field.type) for field in schema]
    batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
    described = schema.with_metadata({HEADER_KEY: cohort.header.model_dump_json().encode()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, described) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def header_of(data: bytes) -> dict[str, Any]:
    """The header's fields alone, for who has no use for megabytes of columns; none where it is no cohort."""
    try:
        header = orjson.loads((pa.ipc.open_stream(data).schema.metadata or {}).get(HEADER_KEY, b"{}"))
    except (pa.ArrowException, OSError, ValueError):
        return {}
    return header if isinstance(header, dict) else {}


def _read_batch(schema: pa.Schema, data: bytes) -> tuple[pa.RecordBatch, bytes]:
    """The one batch, with the columns of ``schema`` only, and the header's bytes."""
    buffer = pa.py_buffer(data)
    found = pa.ipc.open_stream(buffer).schema
    present = [field for field in schema if field.name not in LATER_COLUMNS or field.name in found.names]
    for field in present:
        positions = found.get_all_field_indices(field.name)
        if len(positions) != 1:
            raise refusal(field.name, f"{len(positions)} columns", "exactly one column of this name")
        if found.field(positions[0]).type != field.type:
            raise refusal(field.name, str(found.field(positions[0]).type), str(field.type))
    # Columns we do not know come from a newer writer; their bytes are not even looked at.
    wanted = [found.get_field_index(field.name) for field in present]
    reader = pa.ipc.open_stream(buffer, options=pa.ipc.IpcReadOptions(included_fields=wanted, use_threads=False))
    batches = list(reader)
    if len(batches) != 1:
        raise refusal("cohort", f"{len(batches)} record batches", "exactly one")
    batches[0].validate(full=True)
    return batches[0], (found.metadata or {}).get(HEADER_KEY, b"")


def _to_numpy(name: str, array: "pa.Array[Any]", dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    level, size = array, len(array)
    for axis in (1, *dtype.shape):
        if level.null_count or level.offset:
            raise refusal(name, "null", "a value in every row")
        size = size * axis
        if isinstance(level, pa.FixedSizeListArray):
            level = level.values
    # An empty column may have no buffer at all.
    data = memoryview(array.buffers()[-1] or b"")
    result = np.frombuffer(data, dtype.base, size).reshape(len(array), *dtype.shape)
    return result if result.flags.aligned else result.copy()


def _check_values(cohort: Cohort) -> None:
    """Numbers are finite (a crowding distance may be infinite, at the rim of a front) and codes are known."""
    for name, array in cohort.data.items():
        if array.dtype.kind == "f":
            bad = ~np.isfinite(array) if name in MEASURE_COLUMNS else np.isnan(array)
            if bad.any():
                raise refusal(name, float(array[bad][0]), "finite numbers")
    for name, known in (("operator", OPERATOR_NAMES), ("status", STATUS)):
        if name in cohort.columns and len(cohort) and int(cohort[name].max()) >= len(known):
            raise refusal(name, int(cohort[name].max()), f"a code below {len(known)}")


def read_cohort(kind: type[Cohort], data: bytes) -> Cohort:
    """The cohort; its arrays are read-only views of ``data``.

    Raises ContractError for anything that is not exactly one batch of this class's columns and header: wrong types,
    nulls, missing columns (later ones may miss), non-finite measures, unknown codes. Unknown columns and header
    fields are ignored.
    """
    if len(data) > COHORT_BYTES_MAX:
        raise refusal("cohort", f"{len(data)} bytes", f"at most {COHORT_BYTES_MAX} bytes")
    try:
        batch, header = _read_batch(schema_of(kind), data)
        columns = {
            name: _to_numpy(name, batch.column(name), dtype)
            if name in batch.schema.names
            else np.zeros((len(batch), *dtype.shape), dtype.base)
            for name, dtype in kind.columns.items()
        }
    except ContractError:
        raise
    except _MALFORMED as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        text = f"cohort: not an Arrow IPC stream ({reason}); use one record batch of {kind.__name__}"
        raise ContractError(text) from None
    cohort = kind(parse_model(kind.header_type, header, "header"), columns)
    _check_values(cohort)
    return cohort
