"""A report with name and telephone number through real processes and a real broker: nobody reads them without a trace.

On the broker's disks, in the service's database and in everything that is printed there is ciphertext only; a clear
read is on record; after the erasure nothing brings the values back; a rotation changes no event.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from confluent_kafka import Producer
from liandong.privacy.grants import key_topic
from liandong.privacy.keks import KekFolder, generate, wrap
from liandong.privacy.tokens import new_data_key
from liandong.refs.subject_keys import KeyKeeper, privacy_of
from liandong.settings import Settings
from liandong.testing.plugin import KafkaForTests
from liandong.wire import codec_of
from liandong.wire.admin import TopicSpec, ensure_topics
from liandong_contracts import topics
from liandong_contracts.dispatch import ReportReceived
from liandong_contracts.platform import SensitiveDataViewed
from liandong_contracts.rpc import dispatch_pb2 as pb
from liandong_contracts.rpc import dispatch_pb2_grpc as rpc

from tests.support.desks import Desks, eventually

SAID = {
    "text": "隧道积水，请回电（示例句子七七七）",
    "address_text": "示例路七十七号",
    "reporter_name": "示例市民丁",
    "reporter_phone": "00000077777",
}
MASKED = dict.fromkeys(SAID, "***")
PURPOSE = {"purpose": "回访诉求人（示例）", "actor": "DISPATCHER-7"}


def submit(desks: Desks, number: int) -> str:
    request = pb.SubmitReportRequest(request_id=f"pii-{number}", channel="APP_SNAPSHOT", property="HELP")
    for name, value in SAID.items():
        setattr(request, name, value)
    reply = rpc.DispatchCommandStub(desks.dispatch).SubmitReport(request, timeout=20)
    assert reply.accepted
    return str(reply.report_id)


def shown(desks: Desks, report_id: str, **why: str) -> dict[str, str]:
    request = pb.GetReportRequest(report_id=report_id, **why)
    view = rpc.DispatchQueryStub(desks.dispatch).GetReport(request, timeout=20)
    return {name: getattr(view, name) for name in SAID}


def holders(folder: Path, text: str) -> list[str]:
    """Return the files below a folder that hold a text, whatever its surroundings."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and text.encode() in path.read_bytes():
            found.append(path.name)
    return found


def test_a_reporter_is_read_on_record_only_and_can_be_erased(
    settings: Callable[..., Any], kafka: KafkaForTests, capfd: pytest.CaptureFixture[str]
) -> None:
    mine: Settings = settings()
    codec = codec_of(mine)
    keeper = KeyKeeper(mine, codec)
    with Desks(mine, "SP-TEST") as desks:
        first, second = submit(desks, 1), submit(desks, 2)
        (one, _) = desks.read(topics.DISPATCH_REPORT, lambda found: len(found) >= 2)
        assert {name: getattr(one.data, name) for name in SAID} == MASKED
        assert shown(desks, first) == MASKED
        assert shown(desks, first, **PURPOSE) == SAID
        (viewed,) = desks.read(topics.PLATFORM_AUDIT_REQUEST, lambda found: len(found) >= 1)
        assert isinstance(viewed.data, SensitiveDataViewed)
        assert {"actor": viewed.data.actor, "purpose": viewed.data.purpose} == PURPOSE
        assert (viewed.data.subject_id, set(viewed.data.fields)) == (first, set(SAID))
        for value in SAID.values():
            assert holders(kafka.stack.layout.data, value) == []
            assert holders(mine.data_dir, value) == []
        assert holders(kafka.stack.layout.data, first), "the report itself must be on the broker's disk"

        assert keeper.erase(first)["dispatch"] == 1
        eventually(lambda: shown(desks, first, **PURPOSE) == MASKED, "the erased report is unreadable")
        assert shown(desks, second, **PURPOSE) == SAID

        generate(mine.kek_dir, "z-newer")
        before = [event.offset for event in desks.read(topics.DISPATCH_REPORT, lambda found: len(found) >= 2)]
        assert keeper.rotate(KekFolder(mine.kek_dir), os.urandom)["dispatch"] == 1
        for old in [name for name in KekFolder(mine.kek_dir).names() if name != "z-newer"]:
            (mine.kek_dir / old).unlink()
        desks.kill("dispatch")
        desks.wait_ready("dispatch")
        assert eventually(lambda: shown(desks, second, **PURPOSE) == SAID, "readable under the new key alone")
        assert shown(desks, first, **PURPOSE) == MASKED
        after = [event.offset for event in desks.read(topics.DISPATCH_REPORT, lambda found: len(found) >= 2)]
        assert after == before
    out, err = capfd.readouterr()
    printed = out + err
    assert "dispatch" in printed, "the processes' output must have been captured"
    for value in SAID.values():
        assert value not in printed


def test_no_event_is_visible_whose_key_was_lost(settings: Callable[..., Any]) -> None:
    """Dispatch is killed while reports come in; another reader, with the grant, opens each event at sight."""
    mine: Settings = settings()
    codec = codec_of(mine)
    with Desks(mine, "SP-TEST") as desks, ThreadPoolExecutor(8) as citizens:
        personal = privacy_of("dispatch", mine, codec)
        assert personal is not None
        personal.keys.start()
        replies = [citizens.submit(insist, desks, number) for number in range(30)]
        eventually(lambda: sum(reply.done() for reply in replies) >= 5, "some reports are in")
        desks.kill("dispatch")
        given = {reply.result(60) for reply in replies}
        assert len(given) == 30
        events = desks.read(topics.DISPATCH_REPORT, lambda found: len(found) >= 30)
        assert {event.key for event in events} == given
        for event in events:
            assert isinstance(event.data, ReportReceived)
            assert personal.open(event.data.reporter_phone or "").reveal() == SAID["reporter_phone"]
        personal.keys.stop()


def test_erasing_waits_for_a_key_whose_transaction_is_open(settings: Callable[..., Any]) -> None:
    mine: Settings = settings()
    codec, wire = codec_of(mine), key_topic("dispatch").wire(mine.tier, mine.world)
    ensure_topics(mine.bootstrap, [TopicSpec(wire, 1, {"cleanup.policy": "compact"})])
    generate(mine.kek_dir, "one")
    key = wrap(new_data_key(os.urandom), "r-1", KekFolder(mine.kek_dir), datetime(2026, 7, 8, tzinfo=UTC), os.urandom)
    service = Producer({"bootstrap.servers": mine.bootstrap, "transactional.id": mine.scoped("dispatch.test")})
    service.init_transactions(30)
    service.begin_transaction()
    service.produce(wire, codec.encode(wire, key), f"r-1+{key.key_id}")
    service.flush(30)
    with ThreadPoolExecutor(1) as operator:
        erased = operator.submit(KeyKeeper(mine, codec).erase, "r-1")
        with pytest.raises(FutureTimeout):
            erased.result(2)  # the key is on the broker, and may still come to hold
        service.commit_transaction(30)
        assert erased.result(30)["dispatch"] == 1
    assert KeyKeeper(mine, codec).status()[0].keys == 0


def insist(desks: Desks, number: int) -> str:
    """Submit until answered, with the same request id, as a citizen's app does."""

    def once() -> str | None:
        try:
            return submit(desks, number)
        except grpc.RpcError:
            return None

    return eventually(once, f"report {number} is taken in")
