"""A store that does not answer is named when a run begins."""

import socket

from standalone.store_check import silence


def test_a_port_without_a_server_is_said_without_the_password() -> None:
    with socket.socket() as held:  # bound, so that nobody else listens there
        held.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{held.getsockname()[1]}/default"
        told = silence(f"clickhouse://me:secret@{place}")
    assert told.startswith("the store does not answer; rows wait on the bus")
    assert f"clickhouse://{place}" in told
    assert "secret" not in told


def test_no_store_and_a_folder_that_the_recorder_holds_are_not_asked() -> None:
    assert silence("") == silence("chdb://folder") == ""
