"""Strict JSON: what two parsers could read differently is refused, in words that name field, value and remedy."""

import json
from collections.abc import Sequence
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from common.errors import ContractError

PUBLIC_BYTES_MAX = 1 << 20
Model = TypeVar("Model", bound=BaseModel)


def refusal(field: str, value: object, remedy: str) -> ContractError:
    """The error of one field; a long value is cut.

    >>> str(refusal("ce_type", "x", "evo.genome.seeded.v1"))
    "ce_type: 'x' is not allowed; use evo.genome.seeded.v1"
    """
    shown = repr(value)
    return ContractError(f"{field}: {shown if len(shown) <= 80 else shown[:77] + '...'} is not allowed; use {remedy}")


class _DuplicateKeyError(ValueError):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _no_duplicates(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _DuplicateKeyError(key)
            seen.add(key)
    return found


def parse_json(data: bytes, what: str, bytes_max: int = PUBLIC_BYTES_MAX) -> Any:
    """The document; ``what`` names it in errors.

    Raises ContractError for more than ``bytes_max`` bytes, bad UTF-8, duplicate keys, NaN, Infinity, 1e999, lone
    surrogates, and anything else that is not one JSON document. orjson is strict in all but duplicate keys; the
    standard library's parser is lax but lets us see them.
    """
    if len(data) > bytes_max:
        raise refusal(what, f"{len(data)} bytes", f"at most {bytes_max} bytes")
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ContractError(f"{what}: not strict JSON ({error}); use one finite, UTF-8 JSON document") from None
    try:
        json.loads(data, object_pairs_hook=_no_duplicates)
    except _DuplicateKeyError as error:
        raise refusal(what, error.key, "each key once") from None
    except (ValueError, RecursionError):
        raise refusal(what, "a number or a nesting beyond reason", "numbers of 64 bits and fewer levels") from None
    return document


def parse_model(model: type[Model], data: bytes, what: str, bytes_max: int = PUBLIC_BYTES_MAX) -> Model:
    """The model's instance; types are not coerced (``"1"`` is no number). Raises ContractError naming the field."""
    parse_json(data, what, bytes_max)
    try:
        return model.model_validate_json(data, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        field = ".".join((what, *map(str, first["loc"])))
        raise refusal(field, first["input"], f"what the schema allows: {first['msg'].lower()}") from None
