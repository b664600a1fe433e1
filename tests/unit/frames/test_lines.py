"""What `decode` prints `encode` takes: the same frame from its bytes, the same meaning from its readings."""

import io
import json
import sys
from typing import Any

import pytest
from cityframes import FrameError, cli

from tests.unit.frames import packets, samples
from tests.unit.frames.damage import SUBJECTS, Subject

EACH = pytest.mark.parametrize("subject", SUBJECTS, ids=lambda one: one.name)
VERBATIM = {"hj212": "cp", "sl651": "body", "szy206": "data", "gb26875": "data"}


class Runner:
    """The command line with text in and text out."""

    def __init__(self, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self._patch, self._capture = patch, capture

    def run(self, lines: list[str], *arguments: str) -> tuple[int, list[str]]:
        text = "".join(line + "\n" for line in lines).encode("utf-8", "surrogateescape")
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
        code = cli.main(list(arguments))
        return code, self._capture.readouterr().out.splitlines()

    def decode(self, lines: list[str], protocol: str, *more: str) -> list[dict[str, Any]]:
        code, out = self.run(lines, "decode", "--protocol", protocol, *more)
        assert code == 0
        return [json.loads(line) for line in out]


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Runner:
    return Runner(monkeypatch, capsys)


def good_lines(subject: Subject) -> list[str]:
    return [subject.line(raw) for raw in subject.frames if not isinstance(subject.decode(raw), FrameError)]


@EACH
def test_a_frame_comes_back_from_its_json(subject: Subject, runner: Runner) -> None:
    lines = [line for line in good_lines(subject) if line != samples.EVENTS.hex()]  # it ends as no station may
    decoded = runner.decode(lines, subject.name)
    code, encoded = runner.run([json.dumps(one) for one in decoded], "encode", "--protocol", subject.name)
    assert code == 0
    again = runner.decode(encoded, subject.name)
    for one in (*decoded, *again):
        one["frame"].pop("tolerated", None)
    assert again == decoded
    if subject.name != "hj212":
        assert [line.lower() for line in encoded] == lines


@EACH
def test_a_frame_comes_back_from_its_readings(subject: Subject, runner: Runner) -> None:
    chosen = {
        "hj212": [packets.OLD], "sl651": [samples.TIMED.hex(), samples.SERIES.hex()],
        "szy206": [raw.hex() for raw in packets.SZY206], "gb26875": [raw.hex() for raw in packets.GB26875],
    }[subject.name]  # fmt: skip
    decoded = runner.decode(chosen, subject.name)
    wanted = json.loads(json.dumps(decoded))
    for one in decoded:
        one["frame"].pop(VERBATIM[subject.name], None)
    code, encoded = runner.run([json.dumps(one) for one in decoded], "encode", "--protocol", subject.name)
    assert code == 0
    for one, other in zip(runner.decode(encoded, subject.name), wanted, strict=True):
        assert one["readings"] == other["readings"]


def test_what_cannot_be_made_is_an_empty_line_and_exit_1(runner: Runner) -> None:
    code, out = runner.run(["{}", "nonsense", '{"frame": {"station": "99"}}'], "encode", "--protocol", "sl651")
    assert (code, out) == (1, ["", "", ""])


def test_values_keep_the_digits_of_the_frame(runner: Runner) -> None:
    _, out = runner.run([samples.TIMED.hex()], "decode", "--protocol", "sl651")
    assert '"value": 10.490,' in out[0]
    assert '"observed_at": "2017-07-18T11:00:00+08:00"' in out[0]


def test_options(runner: Runner) -> None:
    (refused,) = runner.decode([packets.MODBUS], "hj212")
    assert refused["error"] == "BAD_CHECKSUM"
    (taken,) = runner.decode([packets.MODBUS], "hj212", "--tolerate", "modbus_crc")
    assert taken["frame"]["tolerated"][0] == "modbus_crc"
    (air,) = runner.decode([packets.AIR], "hj212", "--unit", "a34001=mg/m3")
    assert {one["unit"] for one in air["readings"] if one["metric"] == "a34001"} == {"mg/m3"}
    (meter,) = runner.decode([packets.METER.hex(" ")], "szy206", "--received-at", "2026-11-20T10:00:00+08:00")
    assert meter["readings"][0]["observed_at"] == "2026-11-09T08:45:00+08:00"
    for wrong in (["--tolerate", "nothing_known"], ["--unit", "x"]):
        with pytest.raises(SystemExit) as stop:
            runner.run([], "decode", "--protocol", "hj212", *wrong)
        assert stop.value.code == 2


def test_tables_print_the_reference_page(runner: Runner) -> None:
    code, out = runner.run([], "tables")
    assert (code, out[1]) == (0, "# Device protocols")
