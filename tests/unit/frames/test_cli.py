"""`python -m cityframes decode --protocol sl651`: one line in, one JSON object out."""

import io
import json
import sys
from typing import Any

import pytest
from cityframes import cli

from tests.unit.frames.samples import TIMED, broken


def answers(text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert cli.main(["decode", "--protocol", "sl651"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    spaced = " ".join(f"{byte:02X}" for byte in TIMED)
    good, bad, short, words = answers(
        f"{spaced}\n{broken(TIMED).hex()}\n{TIMED[:-4].hex()}\nno frame at all\n", monkeypatch, capsys
    )
    assert good["ok"] is True
    assert good["frame"]["station"] == "0011223344"
    assert good["readings"][2] == {
        "device": "0011223344", "element": "39", "metric": "water_level", "value": 10.49, "unit": "m",
        "observed_at": "2017-07-18T11:00:00+08:00", "quality": "GOOD", "flag": None, "stat": "RTD",
        "period": "INSTANT", "name": "瞬时河道水位、潮位",
    }  # fmt: skip
    assert (bad["ok"], bad["error"]) == (False, "BAD_CHECKSUM")
    assert (short["ok"], short["error"]) == (False, "BAD_LENGTH")
    assert (words["ok"], words["error"]) == (False, "UNDECODABLE")
    assert bad["detail"]
