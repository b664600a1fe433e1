"""One Kafka broker in KRaft mode: its configuration file and its commands. It starts nothing itself."""

import base64
import uuid
from collections.abc import Sequence
from pathlib import Path

from liandong.local.ports import HOST

# The serial collector is the smallest one that two cores notice nothing of; the second compiler stays on, because
# without it the broker itself becomes the bottleneck of a benchmark.
_JVM = ("-Xms256m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError")
_TOOL_JVM = ("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{broker},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{broker}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}/log
auto.create.topics.enable=false
default.replication.factor=1
num.partitions=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
# a dead writer's open transaction is aborted after its time-out plus one second, not plus ten
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
# a killed broker may register again only after its old session has ended: three seconds, not nine
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# a dead consumer is noticed in seconds
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
group.consumer.session.timeout.ms=6000
group.consumer.min.session.timeout.ms=1000
group.consumer.heartbeat.interval.ms=1000
group.consumer.min.heartbeat.interval.ms=500
# many small topics on one small machine
log.cleaner.dedupe.buffer.size=16777216
log.index.size.max.bytes=1048576
"""

_LOGGING = """\
<Configuration status="WARN">
  <Appenders>
    <Console name="console" target="SYSTEM_OUT">
      <PatternLayout pattern="%d{yyyy-MM-dd HH:mm:ss.SSS} %p %c{1} %m%n"/>
    </Console>
  </Appenders>
  <Loggers>
    <Logger name="kafka.server.KafkaRaftServer" level="INFO"/>
    <Logger name="org.apache.kafka.common.utils.LoggingSignalHandler" level="INFO"/>
    <Root level="WARN"><AppenderRef ref="console"/></Root>
  </Loggers>
</Configuration>
"""


class KafkaFiles:
    """The broker's folder: configuration, logging, cluster id, and below `log` the topics."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._config = folder / "server.properties"
        self._logging = folder / "log4j2.xml"
        self.formatted = folder / "log" / "meta.properties"

    def write(self, broker: int, controller: int) -> None:
        """Write the configuration for these ports; the cluster id is made once and stays."""
        self._folder.mkdir(parents=True, exist_ok=True)
        text = _PROPERTIES.format(host=HOST, broker=broker, controller=controller, data=self._folder)
        self._config.write_text(text, encoding="utf-8")
        self._logging.write_text(_LOGGING, encoding="utf-8")

    def broker(self, java: Path, jars: Sequence[Path]) -> tuple[str, ...]:
        """Return the command of the broker."""
        return (str(java), *_JVM, *self._java_options(jars), "kafka.Kafka", str(self._config))

    def format(self, java: Path, jars: Sequence[Path]) -> tuple[str, ...]:
        """Return the command that prepares an empty folder, once."""
        options = self._java_options(jars)
        tool = ("kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", self._cluster_id())
        return (str(java), *_TOOL_JVM, *options, *tool, "-c", str(self._config))

    def _java_options(self, jars: Sequence[Path]) -> tuple[str, ...]:
        class_path = ":".join(str(jar) for jar in jars)
        return (f"-Dlog4j2.configurationFile={self._logging}", "-cp", class_path)

    def _cluster_id(self) -> str:
        file = self._folder / "cluster-id"
        if not file.exists():
            # 22 characters as Kafka's tool makes them; a leading dash would look like an option to it
            made = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            file.write_text(made.replace("-", "a").replace("_", "b"), encoding="ascii")
        return file.read_text(encoding="ascii")
