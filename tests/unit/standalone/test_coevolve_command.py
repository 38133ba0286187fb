"""`galapagos coevolve` tells what every kind came to."""

import json

import pytest

from tests.unit.standalone.conftest import Galapagos

SMALL = ("--strategies", "8", "--scenarios", "2", "--generations", "2")


@pytest.mark.parametrize("mode", ["predator-prey", "competitive", "cooperative", "symbiotic"])
def test_every_kind_is_told_as_json_and_in_words(galapagos: Galapagos, mode: str) -> None:
    code, out, err = galapagos("coevolve", "--mode", mode, *SMALL, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["mode"] == mode
    code, out, _ = galapagos("coevolve", "--mode", mode, *SMALL)
    assert (code, mode in out) == (0, True)
