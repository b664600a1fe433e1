"""Personal values through both engines, on toy services that publish dispatch's reports: grants, dead letters, keys."""

import json
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import fastavro
import pytest
from liandong.errors import EncodeError
from liandong.event import Event
from liandong.privacy.keks import unwrap
from liandong.privacy.tokens import key_id_of, open_token
from liandong.privacy.wire import TOKENS, NotSealed
from liandong.stream import StreamService
from liandong.stream.api import Context, Out
from liandong.testing.privacy import MemoryKeks
from liandong.testing.stream import StreamHarness
from liandong.testing.workflow import WorkflowHarness
from liandong.wire import Codec, LocalIds
from liandong.workflow import Work, WorkflowService
from liandong.workflow import tables as kit
from liandong_contracts import topics
from liandong_contracts.base import schema_of
from liandong_contracts.common import Datum, GeoPoint
from liandong_contracts.dispatch import ReportChannel, ReportProperty, ReportReceived
from liandong_contracts.flood import SpotEntry, SpotKind
from liandong_contracts.kit import SubjectKey
from liandong_contracts.platform import SensitiveDataViewed

HERE = GeoPoint(lon=130.0, lat=25.0, datum=Datum.CGCS2000)
PHONE, TEXT = "00000000004", "示例句子戊"
WIRE = topics.DISPATCH_REPORT.wire("district")


def received(number: int = 1, **fields: Any) -> ReportReceived:
    base: dict[str, Any] = {
        "report_id": f"r-{number}",
        "channel": ReportChannel.APP_SNAPSHOT,
        "property": ReportProperty.HELP,
        "text": TEXT,
        "occurred_at": datetime(2026, 7, 1, tzinfo=UTC),
        "address_text": "",
        "anonymous": False,
        "reporter_phone": PHONE,
    }
    return ReportReceived(**base | fields)


def spot(spot_id: str = "s-1") -> SpotEntry:
    return SpotEntry(
        spot_id=spot_id, name="示例", kind=SpotKind.ROAD, location=HERE, area_code="990101", device_ids=(),
        main_road=False, radius_m=50.0,
    )  # fmt: skip


def desk(handler: Any, name: str = "dispatch") -> WorkflowHarness:
    service = WorkflowService(name)
    service.on(topics.FLOOD_SPOT_CATALOGUE, SpotEntry)(handler)
    return WorkflowHarness(service)


def test_a_plain_value_never_leaves() -> None:
    codec = Codec(LocalIds())
    with pytest.raises(EncodeError, match=r"ReportReceived\.text is personal data and is not encrypted") as refused:
        codec.encode(WIRE, received())
    assert isinstance(refused.value.__cause__, NotSealed)
    assert TEXT not in str(refused.value)
    with pytest.raises(EncodeError) as refused:
        codec.encode(WIRE, received(text="", reporter_phone=77777, report_id=None))
    assert "77777" not in str(refused.value)


def test_a_record_without_personal_fields_pays_nothing() -> None:
    """Not a wrapper, not a check: the functions are the very same, and so is what the C half may read alone."""

    def function(*_: Any) -> Any: ...

    assert TOKENS.writing(SpotEntry, function) is function
    assert TOKENS.reading(SpotEntry, function) is function
    assert TOKENS.reading(ReportReceived, function) is not function


def test_text_that_is_no_token_is_dropped_on_reading() -> None:
    """Written before the field was personal, or by somebody else's program."""
    ids = LocalIds()
    plain = json.loads(schema_of(ReportReceived))
    out = BytesIO()
    fastavro.schemaless_writer(out, plain, received().to_avro())
    number = ids.id_of(WIRE, ReportReceived)
    codec = Codec(ids)
    found = codec.decode(b"\0" + number.to_bytes(4, "big") + out.getvalue())
    assert isinstance(found, ReportReceived)
    assert (found.text, found.reporter_phone, found.address_text, found.reporter_name) == ("***", "***", "", None)
    assert TEXT not in repr(found)
    again = codec.decode(codec.encode(WIRE, found))
    assert again.text == "***"  # type: ignore[attr-defined]


def test_one_key_a_subject_and_handler_and_it_goes_out_first() -> None:
    def twice(event: Event[SpotEntry], work: Work) -> None:
        work.emit(topics.DISPATCH_REPORT, received(1))
        work.emit(topics.DISPATCH_REPORT, received(1))
        work.emit(topics.DISPATCH_REPORT, received(2))

    harness = desk(twice)
    harness.put(topics.FLOOD_SPOT_CATALOGUE, spot())
    rows = [row.topic for row in harness.rows(kit.outbox)]
    keys = "district.dispatch.subject-key.v1"
    assert rows == [keys, WIRE, WIRE, keys, WIRE]
    tokens = {event.data.text.token for event in harness.of(ReportReceived)}  # type: ignore[attr-defined]
    assert len(tokens) == 3


def test_a_handler_that_fails_leaves_neither_value_nor_key() -> None:
    def breaks(event: Event[SpotEntry], work: Work) -> None:
        sealed = work.emit(topics.DISPATCH_REPORT, received()).data
        (phone,) = work.clear(sealed.reporter_phone or "", purpose="test", actor="tester")
        raise ValueError(f"cannot call {phone.reveal()} about {TEXT!r} of {received()}")

    harness = desk(breaks)
    harness.put(topics.FLOOD_SPOT_CATALOGUE, spot())
    (letter,) = harness.dead_letters
    assert PHONE not in letter.error
    assert TEXT not in letter.error
    assert letter.error.startswith("ValueError: cannot call *** about")
    assert harness.published == []
    assert [row.topic for row in harness.rows(kit.outbox)] == ["district.dispatch.dead-letter.v1"]


def test_a_read_in_a_handler_is_on_record_in_the_same_transaction() -> None:
    seen: list[str] = []

    def reads(event: Event[SpotEntry], work: Work) -> None:
        sealed = work.emit(topics.DISPATCH_REPORT, received()).data
        (phone,) = work.clear(sealed.reporter_phone or "", purpose="test", actor="tester", case_id="c-1")
        seen.append(phone.reveal())

    harness = desk(reads)
    harness.crash_before_commit()
    harness.put(topics.FLOOD_SPOT_CATALOGUE, spot())
    (viewed,) = harness.of(SensitiveDataViewed)
    assert (viewed.data.fields, viewed.data.case_id) == (("reporter_phone",), "c-1")
    assert viewed.causation_id


def test_without_the_grant_nobody_reads() -> None:
    kept: list[Any] = []

    def reads(event: Event[ReportReceived], work: Work) -> None:
        kept.append(event.data.reporter_phone)
        work.clear(event.data.reporter_phone or "", purpose="test", actor="tester")

    service = WorkflowService("ioc")
    service.on(topics.DISPATCH_REPORT, ReportReceived)(reads)
    harness = WorkflowHarness(service)
    harness.put(topics.DISPATCH_REPORT, received())
    assert set(kept) == {"***"}
    (letter,) = harness.dead_letters
    assert "ioc may not read liandong.dispatch.ReportReceived.reporter_phone" in letter.error
    assert harness.published == []


def test_a_sealed_value_cannot_be_put_elsewhere() -> None:
    def moves(event: Event[SpotEntry], work: Work) -> None:
        sealed = work.emit(topics.DISPATCH_REPORT, received(1)).data
        work.emit(topics.DISPATCH_REPORT, sealed)  # the same place: as it is
        work.emit(topics.DISPATCH_REPORT, received(2, text=sealed.text))

    harness = desk(moves)
    harness.put(topics.FLOOD_SPOT_CATALOGUE, spot())
    assert "liandong.dispatch.ReportReceived.text of r-1 cannot be put into" in harness.dead_letters[0].error


def test_a_stream_publishes_the_key_with_the_event() -> None:
    service = StreamService("dispatch")

    @service.rekey(topics.FLOOD_SPOT_CATALOGUE, SpotEntry)
    def tell(event: Event[SpotEntry], ctx: Context) -> list[Out]:
        return [Out(topics.DISPATCH_REPORT, received())]

    harness = StreamHarness(service)
    (event,) = harness.put(topics.FLOOD_SPOT_CATALOGUE, spot())
    assert (event.data.text, event.data.reporter_phone) == ("***", "***")
    kept = harness.keys.find(event.data.text.place, key_id_of(event.data.text.token) or "")
    assert isinstance(kept, SubjectKey)
    secret = unwrap(kept, MemoryKeks())
    assert secret is not None
    assert open_token(event.data.text.token, event.data.text.place, secret) == TEXT
