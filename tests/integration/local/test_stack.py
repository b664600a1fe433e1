"""A whole stack with a real broker and registry and two toy services: up, worlds, kills, down."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from liandong.errors import ConfigError, Unavailable
from liandong.local import artifacts, ports
from liandong.local.client import LocalStack
from liandong.local.messages import StackStatus
from liandong.local.prepare import broker
from liandong.local.settings import LocalSettings

TABLE = """
processes:
  - {name: alpha, module: tests.support.toy, ports: {ops: 10, grpc: 20}, serves: alpha}
  - {name: beta, module: tests.support.toy, ports: {ops: 11, http: 0}, open: http}
"""


def until(condition: Callable[[], bool], patience_s: float = 60.0) -> None:
    limit = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.05)


def pids(status: StackStatus) -> dict[str, int | None]:
    return {process.name: process.pid for process in status.processes}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[LocalStack]:
    home = tmp_path_factory.mktemp("stack")
    table = home / "processes.yaml"
    table.write_text(TABLE, encoding="utf-8")
    settings = LocalSettings(project=pytestconfig.rootpath)
    made = LocalStack(home / "home", table=table, settings=settings, tethered=True)
    try:
        artifacts.require(artifacts.read_lock(made.layout.lock), made.layout.lib)
    except ConfigError as error:
        if settings.ci:
            pytest.fail(str(error))
        pytest.skip(str(error))
    made.up()
    yield made
    made.down()


def test_a_second_up_changes_nothing(stack: LocalStack) -> None:
    before = pids(stack.status())
    at = stack.up()
    assert pids(stack.status()) == before
    assert at.peers == {"alpha": at.address("alpha", "grpc")}
    assert at.console == f"http://{at.address('beta', 'http')}"


def test_status_knows_lag_memory_and_processor_time(stack: LocalStack) -> None:
    status = stack.status()
    assert [process.name for process in status.processes] == ["kafka", "registry", "topics", "alpha", "beta"]
    alpha = status.named("alpha")
    assert alpha is not None
    assert (alpha.state, alpha.lag) == ("ready", 7)
    assert (alpha.memory or 0) > 1_000_000
    assert (alpha.cpu_s or 0) > 0


def test_a_killed_service_is_started_again(stack: LocalStack) -> None:
    before = pids(stack.status())
    pid = stack.kill("alpha")
    assert stack.wait_ready("alpha", after_pid=pid).restarts == 1
    after = pids(stack.status())
    assert {name for name in before if before[name] != after[name]} == {"alpha"}


def test_a_held_broker_is_away_and_the_others_stay(stack: LocalStack) -> None:
    before = pids(stack.status())
    stack.hold("kafka")
    until(lambda: stack.process("kafka").state == "held")
    stack.release("kafka")
    stack.wait_ready("kafka")
    after = pids(stack.status())
    assert {name for name in before if before[name] != after[name]} == {"kafka"}


def test_a_world_has_its_own_processes_and_leaves_nothing_when_deleted(stack: LocalStack, world: str) -> None:
    at = stack.world(world, env={"LIANDONG_TRACE_RATIO": "1"})
    assert set(at.ports) == {"alpha", "beta"}
    real = stack.addresses()
    assert not {p for n in at.ports.values() for p in n.values()} & {p for n in real.ports.values() for p in n.values()}
    status = stack.status()
    assert status.named(f"{world}/alpha") is not None
    assert status.named(f"{world}/alpha") != status.named("alpha")
    settings = stack.settings(world)
    topics = broker(settings).list_topics(timeout=10).topics
    assert [name for name in topics if name.startswith(f"{world}.")]
    stack.world_down(world, delete=True)
    assert world not in stack.status().worlds
    assert stack.status().named(f"{world}/alpha") is None
    assert not [name for name in broker(settings).list_topics(timeout=10).topics if name.startswith(f"{world}.")]
    assert not Path(at.data_dir).exists()


def test_some_processes_of_a_world(stack: LocalStack, world: str) -> None:
    assert set(stack.world(world, only=["alpha"]).ports) == {"alpha"}
    stack.world_down(world, delete=True)


def test_what_does_not_exist_is_said_with_what_does(stack: LocalStack) -> None:
    with pytest.raises(ConfigError, match="No world is called nowhere; there are: none"):
        stack.world_down("nowhere")
    with pytest.raises(ConfigError, match="No process is called gamma; there are: kafka, registry"):
        stack.kill("gamma")
    with pytest.raises(ConfigError, match="A world's name"):
        stack.world("Not/A/Name")


def test_other_ports_need_a_down_first(stack: LocalStack) -> None:
    other = LocalStack(stack.layout.home, 23000, table=stack.layout.table)
    with pytest.raises(ConfigError, match="already runs with other ports"):
        other.up()


def test_a_port_in_use_is_named_and_nothing_starts(tmp_path: Path, stack: LocalStack) -> None:
    port = ports.FreePorts()()
    with socket.create_server((ports.HOST, port)):
        base = port - 20  # where alpha's grpc port would lie
        other = LocalStack(tmp_path / "home", base, table=stack.layout.table, lib=stack.layout.lib)
        with pytest.raises(ConfigError, match=r"Port \d+ \(.*\) is in use by"):
            other.up()
        assert not other.is_running()


def test_a_missing_jar_is_said_and_nothing_starts(tmp_path: Path, stack: LocalStack) -> None:
    other = LocalStack(tmp_path / "home", table=stack.layout.table, lib=tmp_path / "empty")
    with pytest.raises(ConfigError, match=r"is missing in .*: run `liandong fetch`"):
        other.up()
    assert not other.is_running()


def test_a_killed_supervisor_takes_its_processes_along_and_up_replaces_them(stack: LocalStack) -> None:
    before = stack.status()
    os.kill(before.pid, signal.SIGKILL)
    until(lambda: not any(psutil.pid_exists(pid) for pid in pids(before).values() if pid))
    assert not stack.is_running()
    stack.up()
    after = stack.status()
    assert after.pid != before.pid
    assert all(process.state in ("ready", "done") for process in after.processes)


def test_down_ends_what_it_started_and_nothing_else(stack: LocalStack) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "http.server", "0", "--bind", ports.HOST], stderr=subprocess.DEVNULL
    ) as own:
        status = stack.status()
        assert stack.down()
        assert own.poll() is None
        own.kill()
    assert not any(psutil.pid_exists(pid) for pid in [status.pid, *pids(status).values()] if pid)
    assert not stack.down()
    with pytest.raises(Unavailable, match="Nothing runs here"):
        stack.status()
