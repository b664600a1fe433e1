"""What a killed supervisor left behind: only processes that are provably its own are ended. And logs stay bounded."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest
from liandong.local.ledger import Entry, Ledger, alive
from liandong.local.supervisor import bound_log

SLEEPER = [sys.executable, "-c", "import threading; threading.Event().wait()"]


@pytest.fixture
def other() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(SLEEPER) as process:
        yield process
        process.kill()


def test_a_leftover_is_ended(tmp_path: Path, other: "subprocess.Popen[bytes]") -> None:
    Ledger(tmp_path / "children.json").note("toy", other.pid)
    assert Ledger(tmp_path / "children.json").end_leftovers() == ["toy"]
    assert not psutil.pid_exists(other.pid)


def test_a_process_that_only_has_the_same_id_is_left_alone(tmp_path: Path, other: "subprocess.Popen[bytes]") -> None:
    born = psutil.Process(other.pid).create_time()
    (tmp_path / "children.json").write_bytes(msgspec.json.encode({"toy": Entry(other.pid, born - 60)}))
    assert Ledger(tmp_path / "children.json").end_leftovers() == []
    assert other.poll() is None


def test_what_ended_is_forgotten(tmp_path: Path, other: "subprocess.Popen[bytes]") -> None:
    ledger = Ledger(tmp_path / "children.json")
    ledger.note("toy", other.pid)
    ledger.note("toy", None)
    assert Ledger(tmp_path / "children.json").end_leftovers() == []
    assert alive(Entry(other.pid, psutil.Process(other.pid).create_time())) is not None


@pytest.mark.parametrize("text", ["", "{", '{"toy": 1}'])
def test_an_unreadable_ledger_ends_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "children.json").write_text(text)
    assert Ledger(tmp_path / "children.json").end_leftovers() == []


def test_a_long_log_moves_aside_and_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "toy.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * 100)
        bound_log(log, 200)
        assert log.stat().st_size == 100
        bound_log(log, 50)
        writer.write(b"after")
    assert log.read_bytes() == b"after"
    assert (tmp_path / "toy.log.1").read_bytes() == b"x" * 100
