"""A ClickHouse with small caches that listens on loopback only."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from tools.servers import install
from tools.servers.node import HOST, Node

PORTS = ("client", "http")
# <yandex> is the root that the servers of 2018 want; today's take it too.
CONFIG = """\
<yandex>
  <logger><level>information</level><console>1</console></logger>
  <listen_host>{host}</listen_host>
  <tcp_port>{client}</tcp_port>
  <http_port>{http}</http_port>
  <path>{folder}/data/</path>
  <tmp_path>{folder}/tmp/</tmp_path>
  <user_files_path>{folder}/user_files/</user_files_path>
  <format_schema_path>{folder}/format_schemas/</format_schema_path>
  <users_config>{folder}/users.xml</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
  <timezone>UTC</timezone>
  <mark_cache_size>67108864</mark_cache_size>
  <uncompressed_cache_size>16777216</uncompressed_cache_size>
  <max_concurrent_queries>100</max_concurrent_queries>
</yandex>
"""
USERS = """\
<yandex>
  <profiles><default><max_memory_usage>2000000000</max_memory_usage></default></profiles>
  <users>
    <default>
      <password></password>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
    </default>
  </users>
  <quotas><default></default></quotas>
</yandex>
"""


def node(ports: Mapping[str, int], folder: Path, programs: Mapping[str, str]) -> Node:
    """The one ClickHouse of the set."""
    program = programs["clickhouse-server"]
    return Node(
        name="clickhouse",
        folder=folder,
        command=(program, f"--config-file={folder / 'config.xml'}"),
        version=install.version(program),
        prepare=partial(_prepare, folder, CONFIG.format(host=HOST, folder=folder, **ports)),
    )


def _prepare(folder: Path, config: str) -> None:
    for name in ("data", "tmp", "user_files", "format_schemas"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "config.xml").write_text(config)
    (folder / "users.xml").write_text(USERS)


def url(ports: Mapping[str, int]) -> str:
    """``clickhouse://127.0.0.1:PORT/default``, the native protocol."""
    return f"clickhouse://{HOST}:{ports['client']}/default"
