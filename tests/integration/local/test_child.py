"""One supervised process, with toys instead of services: started, killed, held, stopped. No broker needed."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest
from liandong.local.child import Child
from liandong.local.ports import FreePorts
from liandong.local.probes import Probe
from liandong.local.settings import inherited
from liandong.local.spec import ProcessSpec

Make = Callable[..., Child]


async def until(condition: Callable[[], bool], patience_s: float = 20.0) -> None:
    limit = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < limit, "it did not happen in time"
        await asyncio.sleep(0.01)


@pytest.fixture
async def toy(tmp_path: Path) -> AsyncIterator[Make]:
    """A factory of children that run tests/support/toy.py; all of them are stopped at the end."""
    made: list[Child] = []

    def make(*manner: str, is_ready: Callable[[str], bool] = lambda _: True, **fields: object) -> Child:
        port = FreePorts()()
        spec = ProcessSpec(
            name="toy",
            world="",
            command=(sys.executable, "-m", "tests.support.toy", *manner),
            env=inherited() | {"LIANDONG_OPS_PORT": str(port)},
            cwd=str(Path.cwd()),
            log=str(tmp_path / "toy.log"),
            probe=Probe("ops", port),
            **fields,  # type: ignore[arg-type]
        )
        child = Child(spec, is_ready, lambda _name, _pid: None)
        made.append(child)
        return child

    yield make
    for child in made:
        await child.stop()


def pid_of(child: Child) -> int:
    pid = child.status().pid
    assert pid is not None
    return pid


async def test_a_killed_process_is_back_with_another_id(toy: Make) -> None:
    child = toy()
    child.launch()
    await until(lambda: child.ready)
    assert child.status().lag == 7
    first = pid_of(child)
    os.kill(first, signal.SIGKILL)
    await until(lambda: child.ready and child.status().pid not in (None, first))
    assert child.status().restarts == 1


async def test_it_waits_for_what_it_needs(toy: Make) -> None:
    open_gate: list[str] = []
    child = toy(needs=("kafka",), is_ready=lambda name: name in open_gate)
    child.launch()
    await until(lambda: child.status().detail == "for kafka")
    assert child.status().pid is None
    open_gate.append("kafka")
    await until(lambda: child.ready)


async def test_a_process_that_cannot_live_backs_off_and_says_how_it_ended(toy: Make) -> None:
    child = toy("broken")
    child.launch()
    await until(lambda: child.status().deaths >= 2)
    await until(lambda: child.status().state == "backing-off")
    assert child.status().detail == "exit code 3"
    assert "the toy is broken" in Path(child.spec.log).read_text()  # noqa: ASYNC240 (one small local file)


async def test_a_command_that_does_not_exist_is_said(tmp_path: Path) -> None:
    spec = ProcessSpec(
        name="nothing", world="", command=("no-such-command",), env={}, cwd=str(tmp_path), log=str(tmp_path / "log")
    )
    child = Child(spec, lambda _: True, lambda _name, _pid: None)
    child.launch()
    await until(lambda: "cannot start no-such-command" in child.status().detail)
    await child.stop()


async def test_a_held_process_stays_down_until_released(toy: Make) -> None:
    child = toy()
    child.launch()
    await until(lambda: child.ready)
    child.hold()
    await until(lambda: child.status().state == "held")
    assert child.status().pid is None
    child.release()
    await until(lambda: child.ready)


async def test_a_stopped_process_ended_by_itself(toy: Make) -> None:
    child = toy()
    child.launch()
    await until(lambda: child.ready)
    pid = pid_of(child)
    began = time.monotonic()
    await child.stop()
    assert not psutil.pid_exists(pid)
    assert time.monotonic() - began < child.spec.stop_s
    assert child.status().state == "stopped"


async def test_a_process_that_ignores_sigterm_is_killed(toy: Make) -> None:
    child = toy("stubborn", stop_s=0.3)
    child.launch()
    await until(lambda: child.ready)
    pid = pid_of(child)
    await child.stop()
    assert not psutil.pid_exists(pid)


async def test_a_step_that_succeeded_is_not_repeated(tmp_path: Path) -> None:
    spec = ProcessSpec(
        name="step",
        world="",
        command=(sys.executable, "-c", "print('once')"),
        env=inherited(),
        cwd=str(tmp_path),
        log=str(tmp_path / "log"),
        kind="once",
    )
    child = Child(spec, lambda _: True, lambda _name, _pid: None)
    child.launch()
    await until(lambda: child.ready)
    await child.stop()
    assert (tmp_path / "log").read_text().count("once\n") == 1


async def test_the_first_command_runs_once(tmp_path: Path) -> None:
    mark, log = tmp_path / "formatted", tmp_path / "log"
    make = "import pathlib, sys; pathlib.Path(sys.argv[1]).touch(); print('made')"
    spec = ProcessSpec(
        name="store",
        world="",
        command=(sys.executable, "-c", "print('served')"),
        first=(sys.executable, "-c", make, str(mark)),
        first_done=str(mark),
        env=inherited(),
        cwd=str(tmp_path),
        log=str(log),
    )
    child = Child(spec, lambda _: True, lambda _name, _pid: None)
    child.launch()
    await until(lambda: child.status().deaths >= 2)
    await child.stop()
    assert log.read_text().count("made\n") == 1
    assert log.read_text().count("served\n") >= 2
