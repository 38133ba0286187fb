"""`galapagos checkpoint`: errors name its own options."""

import pytest

from tests.unit.standalone.conftest import Galapagos


@pytest.mark.parametrize("arguments", [("list",), ("create",), ("show", "g0")], ids=" ".join)
def test_a_folder_without_a_run_is_named_by_the_option_of_the_command(
    galapagos: Galapagos, arguments: tuple[str, ...]
) -> None:
    code, _, err = galapagos("checkpoint", *arguments, "--run", "nowhere")
    assert code == 2
    assert err.startswith("error: --run nowhere: no run here")
    assert galapagos("checkpoint", *arguments)[2].rstrip().endswith("or name it with --run DIR")
