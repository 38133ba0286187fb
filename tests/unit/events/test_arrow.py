"""Cohorts on the wire: strict, and without copies."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import ContractError
from common.events.arrow import COHORT_BYTES_MAX, read_cohort, schema_of, write_cohort
from common.events.cohorts import (
    LATER_COLUMNS,
    Cohort,
    EvaluatedHeader,
    GenomeEvaluated,
    GenomeProposed,
    ProposedHeader,
)
from tools.samples import sample_events

COHORTS: list[Cohort] = [event.payload for event in sample_events() if isinstance(event.payload, Cohort)]
EVALUATED = next(cohort for cohort in COHORTS if isinstance(cohort, GenomeEvaluated))


def rewrite(cohort: Cohort, change: Any) -> bytes:
    """The stream with its table changed by ``change``, as another writer would have made it."""
    table = pa.ipc.open_stream(write_cohort(cohort)).read_all()
    table = change(table)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def with_column(name: str, values: pa.Array) -> Any:
    def change(table: pa.Table) -> pa.Table:
        position = table.schema.get_field_index(name)
        return table.set_column(position, pa.field(name, values.type, nullable=False), values)

    return change


@settings(max_examples=25)
@given(st.integers(0, 40), st.integers(0, 2**32))
def test_random_columns_come_back_bit_for_bit(size: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    columns = {}
    for name, dtype in GenomeEvaluated.columns.items():
        if dtype.base.kind == "f":
            columns[name] = draw.normal(size=(size, *dtype.shape)).astype(dtype.base)
        else:
            limit = 3 if name in ("status", "operator") else 256
            raw = draw.integers(0, limit, (size, dtype.itemsize), dtype=np.uint8)
            columns[name] = raw.reshape(-1).view(dtype.base).reshape(size, *dtype.shape)
    sent = GenomeEvaluated.build(EvaluatedHeader(island=3, generation=9, proposed_us=7), **columns)
    found = read_cohort(GenomeEvaluated, write_cohort(sent))
    assert len(found) == size
    assert found.header == sent.header
    for name in sent.columns:
        assert found[name].dtype == sent[name].dtype
        assert found[name].tobytes() == sent[name].tobytes()


def test_columns_are_views_of_the_bytes() -> None:
    data = write_cohort(EVALUATED)
    start = np.frombuffer(data, np.uint8).ctypes.data
    for array in read_cohort(GenomeEvaluated, data).data.values():
        assert start <= array.ctypes.data < start + len(data)
        assert not array.flags.writeable
        assert array.flags.aligned


def test_bytes_at_an_odd_address_still_give_aligned_columns() -> None:
    data = write_cohort(EVALUATED)
    shifted = memoryview(b"x" + data)[1:]
    found = read_cohort(GenomeEvaluated, shifted)  # type: ignore[arg-type]
    assert all(array.flags.aligned for array in found.data.values())
    assert found["evidence"].tobytes() == EVALUATED["evidence"].tobytes()


def test_an_independent_reader_sees_the_same_rows() -> None:
    table = pa.ipc.open_stream(write_cohort(EVALUATED)).read_all()
    assert table["objectives"].to_pylist() == EVALUATED["objectives"].tolist()
    assert table["evidence"].to_pylist() == EVALUATED["evidence"].tolist()
    assert table["genome_id"].to_pylist() == [value.tobytes() for value in EVALUATED["genome_id"]]
    assert table["parent_ids"].to_pylist() == [[bytes(16), bytes(16)]] * len(EVALUATED)


def test_columns_and_header_fields_from_the_future_are_ignored() -> None:
    def change(table: pa.Table) -> pa.Table:
        extra = pa.array(["x", "y"]).dictionary_encode()
        metadata = {b"header": b'{"island": 1, "generation": 5, "new": 1}', b"more": b"?"}
        return table.add_column(0, "extra", extra).replace_schema_metadata(metadata)

    found = read_cohort(GenomeEvaluated, rewrite(EVALUATED, change))
    assert found.header.generation == 5
    assert found["evidence"].tobytes() == EVALUATED["evidence"].tobytes()


@pytest.mark.parametrize("cohort", COHORTS, ids=lambda cohort: type(cohort).__name__)
def test_columns_that_came_later_are_zero_where_they_are_missing(cohort: Cohort) -> None:
    later = [name for name in cohort.columns if name in LATER_COLUMNS]
    found = read_cohort(type(cohort), rewrite(cohort, lambda table: table.drop_columns(later)))
    assert later
    for name, dtype in cohort.columns.items():
        assert found[name].dtype == dtype.base
        assert found[name].shape == cohort[name].shape
        assert not found[name].any() if name in later else found[name].tobytes() == cohort[name].tobytes()


def test_the_order_of_columns_does_not_matter() -> None:
    data = rewrite(EVALUATED, lambda table: table.select(table.column_names[::-1]))
    assert read_cohort(GenomeEvaluated, data)["genome"].tobytes() == EVALUATED["genome"].tobytes()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda table: table.drop_columns(["status"]), "status: '0 columns'"),
        (lambda table: table.append_column("status", table["status"]), "status: '2 columns'"),
        (with_column("status", pa.array([0, 0], pa.int16())), "status: 'int16' is not allowed; use uint8"),
        (with_column("violation", pa.array([0.0, 1.0], pa.float32())), "violation"),
        (with_column("genome", pa.array([b"x" * 100] * 2, pa.binary(100))), "genome"),
        (with_column("violation", pa.array([0.0, None], pa.float64())), "violation: 'null'"),
        (with_column("violation", pa.array([0.0, np.inf])), "violation: inf"),
        (with_column("violation", pa.array([np.nan, 0.0])), "violation: nan"),
        (with_column("status", pa.array([0, 3], pa.uint8())), "status: 3 is not allowed; use a code below 3"),
        (with_column("operator", pa.array([200, 3], pa.uint8())), "operator: 200"),
        (lambda table: table.replace_schema_metadata(None), "header"),
        (lambda table: table.replace_schema_metadata({b"header": b'{"island": 1}'}), "header.generation"),
        (
            lambda table: table.replace_schema_metadata({b"header": b'{"island": "1", "generation": 1}'}),
            "header.island",
        ),
        (lambda table: pa.concat_tables([table, table]), "2 record batches"),
        (lambda table: table.slice(0, 0), "0 record batches"),
    ],
)
def test_what_breaks_the_contract_is_named(change: Any, named: str) -> None:
    with pytest.raises(ContractError, match=named):
        read_cohort(GenomeEvaluated, rewrite(EVALUATED, change))


def test_a_null_inside_a_list_is_refused() -> None:
    kind = schema_of(GenomeEvaluated).field("objectives").type
    values = pa.array([1.0, None] * kind.list_size)
    broken = pa.Array.from_buffers(kind, 2, [None], children=[values])
    with pytest.raises(ContractError, match="objectives"):
        read_cohort(GenomeEvaluated, rewrite(EVALUATED, with_column("objectives", broken)))


def test_another_events_cohort_is_refused() -> None:
    proposed = GenomeProposed.build(ProposedHeader(island=0, generation=0), genome_id=np.zeros(1, "V16"))
    with pytest.raises(ContractError, match="status"):
        read_cohort(GenomeEvaluated, write_cohort(proposed))


def test_more_than_the_limit_is_not_even_parsed() -> None:
    with pytest.raises(ContractError, match="at most"):
        read_cohort(GenomeProposed, bytes(COHORT_BYTES_MAX + 1))


def test_an_infinite_crowding_distance_is_the_rim_of_a_front() -> None:
    selected = next(cohort for cohort in COHORTS if "crowding" in cohort.columns)
    assert np.isinf(read_cohort(type(selected), write_cohort(selected))["crowding"]).any()


@settings(max_examples=300)
@given(st.sampled_from(COHORTS), st.data())
def test_damaged_streams_are_read_or_refused_but_never_crash(cohort: Cohort, data: st.DataObject) -> None:
    """Most damage is aimed at the first bytes, where the stream describes itself."""
    value = bytearray(write_cohort(cohort))
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, min(len(value), 3000) - 1) | st.integers(0, len(value) - 1))
        value[position] = data.draw(st.sampled_from([0, 1, 127, 128, 255]) | st.integers(0, 255))
    try:
        found = read_cohort(type(cohort), bytes(value))
    except ContractError:
        return
    assert all(len(array) == len(found) for array in found.data.values())
