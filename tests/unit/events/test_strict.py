"""Strict JSON: what two parsers could read differently is refused, with a remedy."""

import json
import math

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import ContractError
from common.events.public import PerformanceObserved
from common.events.strict import PUBLIC_BYTES_MAX, parse_json, parse_model

DOCUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(DOCUMENTS)
def test_every_finite_document_is_read(document: object) -> None:
    assert parse_json(json.dumps(document).encode(), "x") == document


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"a": 1, "a": 2}', "each key once"),
        (b'{"b": [{"a": 1, "\\u0061": 2}]}', "each key once"),
        (b'{"a": NaN}', "not strict JSON"),
        (b'{"a": Infinity}', "not strict JSON"),
        (b'{"a": -Infinity}', "not strict JSON"),
        (b'{"a": 1e999}', "not strict JSON"),
        (b"1" * 400, "not strict JSON"),
        (b'{"a": "\xff"}', "not strict JSON"),
        (b'"\\ud800"', "not strict JSON"),
        (b"\xef\xbb\xbf{}", "not strict JSON"),
        (b"{} {}", "not strict JSON"),
        (b"", "not strict JSON"),
        (b"[" * 100_000, "not strict JSON"),
        (b"[" * 1000 + b"]" * 1000, "beyond reason"),
        (b'"' + b"x" * PUBLIC_BYTES_MAX + b'"', "at most 1048576 bytes"),
    ],
)
def test_what_is_ambiguous_or_too_much_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ContractError, match=reason) as caught:
        parse_json(data, "payload")
    assert str(caught.value).startswith("payload: ")
    assert len(str(caught.value)) < 300


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        found = parse_json(data, "x")
    except ContractError:
        return
    assert found == json.loads(data) or isinstance(found, float)


GOOD = {
    "deployment": "d",
    "genome_id": "0" * 32,
    "bar_ts_us": 1,
    "bars": 1,
    "trades": 0,
    "position": 0.0,
    "equity": 1.0,
    "drawdown_max": 0.0,
}
VALUES = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | st.text(max_size=3) | st.just([]) | st.just({})
)


@given(st.sampled_from(sorted(GOOD)), VALUES)
def test_types_are_judged_as_json_schema_judges_them(field: str, value: object) -> None:
    """Differential, against jsonschema: nothing is coerced. JSON Schema takes 1.0 for an integer, we do not."""
    document = {**GOOD, field: value}
    is_valid = jsonschema.Draft202012Validator(PerformanceObserved.model_json_schema()).is_valid(document)
    is_whole_float = isinstance(value, float) and value.is_integer() and isinstance(GOOD[field], int)
    data = json.dumps(document).encode()
    if is_valid and not is_whole_float:
        assert getattr(parse_model(PerformanceObserved, data, "performance"), field) == value
    else:
        with pytest.raises(ContractError, match=rf"performance\.{field}"):
            parse_model(PerformanceObserved, data, "performance")


def test_the_error_names_field_value_and_remedy() -> None:
    with pytest.raises(ContractError) as caught:
        parse_model(PerformanceObserved, json.dumps({**GOOD, "bars": "many"}).encode(), "performance")
    assert "performance.bars: 'many' is not allowed; use " in str(caught.value)


def test_fields_from_the_future_are_ignored() -> None:
    found = parse_model(PerformanceObserved, json.dumps({**GOOD, "new": {"x": 1}}).encode(), "performance")
    assert math.isclose(found.equity, 1.0)
