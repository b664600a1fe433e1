"""The `liandong` command as a person meets it: help, and one sentence with a non-zero exit for what goes wrong."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from liandong.local import ports
from liandong.local.settings import inherited
from liandong.local.table import INFRASTRUCTURE


def liandong(*words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "liandong.cli.main", *words]
    return subprocess.run(command, env=inherited() | env, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("command", ["up", "down", "status", "logs", "fetch", "doctor", "gen", "simulate", "world"])
def test_every_command_explains_itself(command: str) -> None:
    done = liandong(command, "--help")
    assert done.returncode == 0
    assert "Usage:" in done.stdout


def test_without_network_fetch_says_so(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"  # the discard port: nothing listens there
    done = liandong("fetch", LIANDONG_LOCAL_LIB=str(tmp_path), https_proxy=nowhere, HTTPS_PROXY=nowhere, no_proxy="")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "check the network and run `liandong fetch` again" in done.stderr


def test_a_port_in_use_stops_up_with_one_sentence(tmp_path: Path) -> None:
    table = tmp_path / "processes.yaml"
    table.write_text("processes:\n  - {name: toy, module: tests.support.toy, ports: {ops: 10}}\n", encoding="utf-8")
    choose = ports.FreePorts()
    infrastructure = [offset for named in INFRASTRUCTURE.values() for offset in named.values()]
    while not all(ports.is_free((port := choose()) - 10 + offset) for offset in infrastructure):
        pass
    with socket.create_server((ports.HOST, port)):
        home = {"LIANDONG_LOCAL_HOME": str(tmp_path / "home"), "LIANDONG_LOCAL_TABLE": str(table)}
        lib = {"LIANDONG_LOCAL_LIB": str(_empty_lib(tmp_path))}
        done = liandong("up", "--port-base", str(port - 10), LIANDONG_LOCAL_PROJECT=str(tmp_path), **home, **lib)
    assert done.returncode == 1
    assert done.stderr.startswith(f"liandong: Port {port} (toy ops) is in use by ")
    assert len(done.stderr.splitlines()) == 1


def _empty_lib(project: Path) -> Path:
    """Make a checkout that wants no downloads, so that only the ports are in question."""
    (project / "artifacts.lock").write_text("", encoding="utf-8")
    return project / "lib"


def test_nothing_running_is_said(tmp_path: Path) -> None:
    done = liandong("status", LIANDONG_LOCAL_HOME=str(tmp_path))
    assert (done.returncode, done.stderr) == (1, "liandong: Nothing runs here: start it with `make up`\n")


def test_an_unknown_log_lists_the_known_ones(tmp_path: Path) -> None:
    done = liandong("logs", "gamma", LIANDONG_LOCAL_HOME=str(tmp_path))
    assert (done.returncode, done.stderr) == (1, "liandong: No log is called gamma; there are: none\n")
