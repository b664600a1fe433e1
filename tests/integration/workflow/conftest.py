"""A throwaway broker and the tools to feed, watch and kill a workflow service on it."""

import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

START = Path("/work/dev/kafka/start.sh")


class Broker:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self.bootstrap = f"127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start_broker(self) -> None:
        with (self._folder / "broker.log").open("ab") as log:
            command = [str(START), str(self._port), str(self._folder / "data")]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        client = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        until = time.monotonic() + 90
        while time.monotonic() < until:
            try:
                client.list_topics(timeout=1)
            except KafkaException:
                time.sleep(0.1)
            else:
                return
        raise TimeoutError("the broker did not start")

    def hold_broker(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def kill_broker(self) -> None:
        self.hold_broker()
        self.start_broker()


def free_port() -> int:
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 20000 + uuid.uuid4().int % 10000))
            port = int(one.getsockname()[1])
            try:
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    if not START.exists():
        pytest.skip("no broker files")
    broker = Broker(tmp_path_factory.mktemp("kafka"))
    broker.start_broker()
    yield broker
    broker.hold_broker()


@pytest.fixture
def world() -> str:
    return f"t-{uuid.uuid4().hex[:8]}"


@pytest.fixture(name="free_port")
def _free_port() -> int:
    return free_port()
