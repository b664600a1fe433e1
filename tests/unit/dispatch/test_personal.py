"""Who reported: sealed from the command on, shown masked, read on record only, gone when its key is gone."""

import grpc
import pytest
from dispatch_service.queries import QueryServicer
from dispatch_service.tables import report
from liandong.testing.workflow import Crash
from liandong.workflow import tables
from liandong_contracts.dispatch import ReportReceived
from liandong_contracts.platform import SensitiveDataViewed
from liandong_contracts.rpc import dispatch_pb2 as pb

from tests.support.dispatch_desk import Desk

NAME, PHONE, TEXT = "示例市民丙", "00000000003", "下穿通道积水"
ASKED = {"purpose": "回访（示例）", "actor": "DISPATCHER-1"}


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    assert desk.report(TEXT, name=NAME, phone=PHONE).accepted
    return desk


def view(desk: Desk, **why: str) -> pb.ReportView:
    (row,) = desk.harness.rows(report)
    request = pb.GetReportRequest(report_id=row.report_id, **why)
    context: grpc.ServicerContext = None  # type: ignore[assignment]  # the method does not use it
    return QueryServicer(desk.harness.service).GetReport(request, context)


def personal(desk: Desk, **why: str) -> tuple[str, str, str]:
    found = view(desk, **why)
    return found.reporter_name, found.reporter_phone, found.text


def test_nothing_that_is_kept_or_published_shows_it(desk: Desk) -> None:
    (event,) = desk.harness.of(ReportReceived)
    assert (event.data.reporter_name, event.data.reporter_phone, event.data.text) == ("***", "***", "***")
    (row,) = desk.harness.rows(report)
    kept = repr([desk.harness.rows(table) for table in (report, tables.outbox, tables.command, tables.call)])
    for value in (NAME, PHONE, TEXT, "测试路"):
        assert value not in repr(event) + repr(row) + kept
        assert value.encode() not in b"".join(row.value for row in desk.harness.rows(tables.outbox))


def test_it_is_masked_by_default_and_nobody_is_on_record(desk: Desk) -> None:
    assert personal(desk) == ("***", "***", "***")
    assert desk.harness.of(SensitiveDataViewed) == []


def test_a_clear_read_is_on_record(desk: Desk) -> None:
    assert personal(desk, **ASKED) == (NAME, PHONE, TEXT)
    (viewed,) = desk.harness.of(SensitiveDataViewed)
    (row,) = desk.harness.rows(report)
    assert (viewed.data.actor, viewed.data.purpose, viewed.data.subject_id) == (
        "DISPATCHER-1",
        "回访（示例）",
        row.report_id,
    )
    assert viewed.data.fields == ("text", "address_text", "reporter_name", "reporter_phone")
    assert viewed.data.case_id == row.case_id


@pytest.mark.parametrize("why", [{"purpose": "x"}, {"purpose": "x", "actor": " "}, {"purpose": " ", "actor": "a"}])
def test_without_purpose_and_actor_nothing_is_read(desk: Desk, why: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="a purpose and an actor"):
        personal(desk, **why)


def test_a_crash_before_the_record_is_committed_reads_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(desk.harness, "open", opened.append)
    monkeypatch.setattr(desk.harness, "_once", _dies)
    with pytest.raises(Crash):
        personal(desk, **ASKED)
    assert opened == []


def _dies(*_: object, **__: object) -> None:
    raise Crash


@pytest.mark.parametrize("crash", ["before", "after"])
def test_a_crash_around_the_commit_leaves_one_record(desk: Desk, crash: str) -> None:
    getattr(desk.harness, f"crash_{crash}_commit")()
    assert personal(desk, **ASKED) == (NAME, PHONE, TEXT)
    records = desk.harness.of(SensitiveDataViewed)
    assert len({event.id for event in records}) == 1


def test_erased_is_masked_whoever_asks(desk: Desk) -> None:
    (row,) = desk.harness.rows(report)
    assert desk.harness.keys.erase(row.report_id) == 1
    assert personal(desk, **ASKED) == ("***", "***", "***")
    assert personal(desk) == ("***", "***", "***")


def test_what_was_not_given_is_empty_not_masked() -> None:
    desk = Desk()
    desk.report(TEXT)
    assert personal(desk)[:2] == ("", "")
    assert personal(desk, **ASKED)[:2] == ("", "")
