"""An Apache Kafka broker that is its own controller (KRaft), alone or one of three."""

import base64
import hashlib
import os
import subprocess
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from tools.servers import jars
from tools.servers.errors import ServersError
from tools.servers.node import HOST, Node

HEAP_MB = 320
PORTS = ("client", "controller")
LOGGING = Path(__file__).parent / "log4j2.properties"
# A broker killed and started again may register only when its old session is over: hence three seconds, not nine.
PROPERTIES = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://{host}:{client},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{client}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
num.partitions=4
default.replication.factor={copies}
min.insync.replicas={in_sync}
offsets.topic.num.partitions=4
offsets.topic.replication.factor={copies}
offsets.topic.segment.bytes=4194304
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={in_sync}
transaction.state.log.segment.bytes=4194304
share.coordinator.state.topic.num.partitions=4
share.coordinator.state.topic.replication.factor={copies}
share.coordinator.state.topic.min.isr={in_sync}
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
log.segment.bytes=16777216
log.index.size.max.bytes=1048576
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=4
background.threads=2
"""


def node(number: int, all_ports: Mapping[int, Mapping[str, int]], folder: Path, programs: Mapping[str, str]) -> Node:
    """Broker ``number`` of those in ``all_ports`` (by number); three keep three copies and need two to write."""
    ports = all_ports[number]
    settings = folder / "server.properties"
    three = len(all_ports) >= 3
    text = PROPERTIES.format(
        node=number,
        voters=",".join(f"{other}@{HOST}:{of['controller']}" for other, of in sorted(all_ports.items())),
        host=HOST,
        data=folder / "data",
        copies=3 if three else 1,
        in_sync=2 if three else 1,
        **ports,
    )
    java = (
        programs["java"],
        "-Xms64m",
        f"-Xmx{HEAP_MB}m",
        "-XX:+UseSerialGC",
        "-XX:+ExitOnOutOfMemoryError",
        f"-Dlog4j2.configurationFile={LOGGING}",
        "-cp",
        f"{programs['jars']}/*",
    )
    cluster = cluster_id(folder.parent)
    return Node(
        name=f"kafka-{number}",
        folder=folder,
        command=(*java, "kafka.Kafka", str(settings)),
        version=jars.VERSION,
        prepare=partial(_prepare, settings, text, java, cluster),
    )


def cluster_id(folder: Path) -> str:
    """An id for the cluster of this folder, the same at every start: 16 bytes in Kafka's URL-safe base64."""
    digest = hashlib.sha256(os.fsencode(folder)).digest()[:16]
    return "G" + base64.urlsafe_b64encode(digest).decode().rstrip("=")[1:]  # Kafka refuses a leading dash


def _prepare(settings: Path, text: str, java: tuple[str, ...], cluster: str) -> None:
    """Write the settings; format the data folder unless it is (a second format would be a second of Java)."""
    settings.write_text(text)
    if (settings.parent / "data" / "meta.properties").exists():
        return
    command = [*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(settings), "--ignore-formatted"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-8:])
        raise ServersError(f"Kafka could not format {settings.parent / 'data'}; see its words:\n{said}")


def url(all_ports: Mapping[int, Mapping[str, int]]) -> str:
    """``kafka://127.0.0.1:PORT[,127.0.0.1:PORT...]``."""
    return "kafka://" + ",".join(f"{HOST}:{ports['client']}" for _, ports in sorted(all_ports.items()))
