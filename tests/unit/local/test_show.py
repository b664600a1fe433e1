"""The status table and its figures."""

import io
import json

import pytest
from liandong.local.messages import Addresses, ProcessStatus, StackStatus
from liandong.local.show import StartView, span, status_json, status_table, total
from rich.console import Console

STATUS = StackStatus(
    pid=7,
    home="home",
    services=True,
    processes=[
        ProcessStatus(name="demo-1/flood", world="demo-1", state="starting", detail="nothing listens on port 5 yet"),
        ProcessStatus(name="topics", world="", state="done"),
        ProcessStatus(
            name="flood",
            world="",
            state="ready",
            pid=41,
            uptime_s=75,
            restarts=2,
            lag=1234,
            memory=61_000_000,
            cpu_s=3.25,
            address="grpc 127.0.0.1:21022",
        ),
    ],
    worlds={"": Addresses(world="", bootstrap="b", registry_url="r", data_dir="d", ports={}, peers={})},
)


def printed(*things: object) -> str:
    out = io.StringIO()
    Console(file=out, width=160).print(*things)
    return out.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, ""), (7.4, "7 s"), (75, "1 min"), (12_000, "3 h 20 min"), (187_200, "2 d 4 h")]
)
def test_durations(seconds: float | None, text: str) -> None:
    assert span(seconds) == text


def test_the_table_shows_the_real_world_first_and_no_finished_step() -> None:
    lines = printed(status_table(STATUS)).splitlines()
    assert [line.split()[0] for line in lines] == ["process", "flood", "demo-1/flood"]
    assert " ".join(lines[1].split()) == "flood ready 41 1 min 2 1,234 61 MB 3.2 s grpc 127.0.0.1:21022"
    assert "nothing listens on port 5 yet" in lines[2]


def test_the_json_has_every_figure() -> None:
    flood = json.loads(status_json(STATUS))["processes"][2]
    assert (flood["lag"], flood["memory"], flood["restarts"]) == (1234, 61_000_000, 2)


def test_the_last_line_adds_up() -> None:
    assert total(STATUS) == "1 processes, 61 MB, supervisor 7"


def test_in_a_pipe_a_start_prints_one_line_a_process() -> None:
    out = io.StringIO()
    with StartView(Console(file=out)) as view:
        view(STATUS)
        view(STATUS)
    assert out.getvalue().splitlines() == ["✓ topics", "✓ flood"]
