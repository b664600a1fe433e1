"""`liandong dlq` on a workflow service: beside its running worker, on its database file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from liandong.cli.main import app
from liandong_contracts import topics
from typer.testing import CliRunner

from tests.integration.workflow.test_engine import Engine
from tests.support.workflow_crash import until
from tests.unit.workflow import test_parked as parked


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setenv("LIANDONG_DATA_DIR", str(tmp_path))
    engine = Engine(tmp_path, "", service=parked.service)
    yield engine
    engine.stop()


def taken(engine: Engine) -> list[str]:
    return [row.what for row in engine.database.read(sa.select(parked.taken))]


def test_letters_are_listed_shown_replayed_and_skipped(engine: Engine) -> None:
    run = CliRunner()
    assert "no open dead letters" in run.invoke(app, ["dlq", "list", "emergency"]).output
    parked.bugs.update(("a", "b"))
    for number, name in enumerate(("a", "b", "c")):
        engine.offer(topics.SENSING_ALARM, parked.alarm_of(name), number)
    engine.offer(topics.SENSING_DEVICE, parked.device_of(), 0)
    name = "district.sensing.alarm.v1-0-0"
    until("the letter is there", lambda: name in run.invoke(app, ["dlq", "list", "emergency"]).output, 10)
    assert '"reason": "HANDLER_FAILED"' in run.invoke(app, ["dlq", "show", "emergency", name]).output
    again = run.invoke(app, ["dlq", "replay", "emergency", name])
    assert (again.exit_code, "failed again: RuntimeError: a bug" in again.output) == (1, True)
    parked.bugs.remove("a")
    assert "1 of 1 replayed" in run.invoke(app, ["dlq", "replay", "emergency", "--all"]).output
    until("its key is held up by the next", lambda: "-0-1" in run.invoke(app, ["dlq", "list", "emergency"]).output, 10)
    assert "1 of 1 skipped" in run.invoke(app, ["dlq", "skip", "emergency", "--all"]).output
    until("its key goes on", lambda: taken(engine) == ["a", "c"], 10)
    assert "name the dead letters" in str(run.invoke(app, ["dlq", "skip", "emergency"]).exception)
