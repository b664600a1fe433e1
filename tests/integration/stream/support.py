"""Tools of the tests on real Kafka: a mill in a world of its own, fed, run in processes, killed and checked."""

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)
from liandong.clock import real_now
from liandong.errors import DecodeError
from liandong.event import Event, event_from, headers_of
from liandong.ids import event_id
from liandong.settings import Settings
from liandong.stream.envelope import cell_of
from liandong.stream.store import Store

from tests.support import mill

_TWICE = 0.97
ROOT = Path(__file__).parents[3]
Row = tuple[str, int, int, str, bytes | None, list[tuple[str, bytes]]]


def until(what: str, done: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Wait for a condition; the test fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        if result := done():
            return result
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)


class Bench:
    """One world: its topics, its feeder, its workers."""

    def __init__(self, settings: Callable[..., Settings], folder: Path) -> None:
        self.settings = settings
        self.base = settings()
        self.folder = folder
        self.codec = mill.codec()
        self.admin = AdminClient({"bootstrap.servers": self.base.bootstrap})
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self.expected = mill.Expected()
        self._sequences: dict[str, int] = {}
        self._number = 0
        self._producer = Producer(
            {"bootstrap.servers": self.base.bootstrap, "enable.idempotence": True, "partitioner": "murmur2_random"}
        )
        topics = [NewTopic(self.wire(topic), topic.partitions["district"], 1) for topic in mill.TOPICS]
        for future in self.admin.create_topics(topics).values():
            future.result(30)

    def wire(self, topic: Any) -> str:
        return str(topic.wire(self.base.tier, self.base.world))

    def changelog(self, state: str) -> str:
        return f"{self.base.world}.district.mill.{state}-changelog.v1"

    @property
    def dead_letters(self) -> str:
        return f"{self.base.world}.district.mill.dead-letter.v1"

    # -- feeding

    def feed(self, count: int, keys: int = 50, bad_share: float = 0.0, seed: int = 1) -> None:
        """Send items; some twice, as a sender does that was not sure, and some that are poison.

        What comes twice has no bin: a stateless handler repeats its output, and the bin remembers the last ids only.
        """
        chance = random.Random(seed * 1000 + self._number)
        for _ in range(count):
            self._number += 1
            key = f"k{chance.randrange(keys)}"
            dice, bin = chance.random(), f"b{chance.randrange(5)}"
            item = mill.Item(key, self._number, "" if dice > _TWICE else bin)
            if dice < bad_share / 2:
                self._send(mill.Item(key, -self._number, "b0"))
                self.expected.bad += 1
            elif dice < bad_share:
                self._producer.produce(self.wire(mill.ITEM), b"garbage %d" % self._number, key.encode())
                self.expected.bad += 1
            else:
                self._send(item, twice=dice > _TWICE)
                self.expected.item(item)
            self._producer.poll(0)

    def _send(self, item: mill.Item, *, twice: bool = False) -> None:
        wire = self.wire(mill.ITEM)
        good = item.number > 0
        sequence = self._sequences[item.key] = self._sequences.get(item.key, 0) + 1
        event = Event(
            data=item,
            id=event_id("feeder", item.key, item.number),
            type=item.FULL_NAME,
            source="/test/feeder",
            time=real_now(),
            key=item.key,
            sequence=sequence if good and item.number % 2 else None,
        )
        for _ in range(2 if twice else 1):
            self._producer.produce(
                wire, self.codec.encode(wire, item), item.key.encode(), headers=list(headers_of(event))
            )

    def put(self, topic: Any, item: mill.Item, *, id: str, sequence: int | None = None) -> None:
        """Send one item with attributes of its own."""
        event = Event(
            data=item,
            id=id,
            type=item.FULL_NAME,
            source="/test/feeder",
            time=real_now(),
            key=item.key,
            sequence=sequence,
        )
        wire = self.wire(topic)
        self._producer.produce(wire, self.codec.encode(wire, item), item.key.encode(), headers=list(headers_of(event)))

    def share(self, bin: str, number: int, note: str, *, flush: bool = True) -> None:
        """Send one share straight to the internal topic; its output carries the note."""
        wire, share = self.wire(mill.SHARE), mill.Share(bin, number, note)
        event = Event(
            data=share, id=f"share-{number}", type=share.FULL_NAME, source="/test/feeder", time=real_now(), key=bin
        )
        self._producer.produce(wire, self.codec.encode(wire, share), bin.encode(), headers=list(headers_of(event)))
        if flush:
            self.flush()

    def limit(self, topic: str, size: int) -> None:
        """Let the broker refuse larger batches on a topic."""
        entry = ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
        self.admin.incremental_alter_configs([resource])[resource].result(30)

    def flush(self) -> None:
        assert self._producer.flush(60) == 0

    # -- workers

    def start(
        self,
        name: str,
        fail: tuple[str, int] | None = None,
        delay_ms: int = 400,
        mutant: str | None = None,
        **tuning: Any,
    ) -> subprocess.Popen[bytes]:
        """Start a worker process; `fail`: fail point and hits, `delay_ms`: of the mill's reports, `mutant`: a break.

        Every second worker does without the half in C, so both halves take over each other's keys.
        """
        own = {"instance": name, "data_dir": str(self.folder / name), "native_codec": ord(name[-1]) % 2 == 1}
        options = {
            "settings": self.base.model_dump(mode="json") | own,
            "fail": fail,
            "delay_ms": delay_ms,
            "mutant": mutant,
            "tuning": tuning,
        }
        command = [sys.executable, "-m", "tests.integration.stream.worker", json.dumps(options)]
        with (self.folder / f"{name}.log").open("ab") as out:
            self.workers[name] = subprocess.Popen(command, stdout=out, stderr=out, cwd=ROOT)
        return self.workers[name]

    def wait_killed(self, name: str, seconds: float = 60.0) -> None:
        """Wait until a worker has killed itself at its fail point."""
        until(f"{name} is killed", lambda: self.workers[name].poll() is not None, seconds)
        assert self.workers[name].returncode == -signal.SIGKILL, self.logs()

    def kill(self, name: str) -> None:
        self.workers[name].kill()
        self.workers[name].wait()

    def stop(self, name: str, seconds: float = 15) -> int:
        """Stop a worker gracefully, within so many seconds, and return its exit code."""
        self.workers[name].send_signal(signal.SIGTERM)
        return self.workers[name].wait(seconds)

    def stop_all(self) -> None:
        for worker in self.workers.values():
            if worker.poll() is None:
                worker.kill()
            worker.wait()

    def logs(self) -> str:
        return "\n".join(f"--- {p.name}\n{p.read_text(errors='replace')[-6000:]}" for p in self.folder.glob("*.log"))

    # -- reading

    def ends(self, topic: str, partitions: int) -> dict[int, int]:
        """Return the high watermarks."""
        asked = {TopicPartition(topic, number): OffsetSpec.latest() for number in range(partitions)}  # type: ignore[no-untyped-call]
        level = IsolationLevel.READ_UNCOMMITTED

        def ask() -> dict[int, int] | None:
            try:
                futures = self.admin.list_offsets(asked, isolation_level=level, request_timeout=10)
                return {tp.partition: future.result().offset for tp, future in futures.items()}
            except KafkaException:  # the broker was killed, and this client does not know its new epoch yet
                return None

        found: dict[int, int] = until(f"the ends of {topic}", ask)
        return found

    def read(self, topic: str, partitions: int, seconds: float = 60.0) -> list[Row]:
        """Return the committed records of a topic up to its high watermark, in order for each partition."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.base.bootstrap,
                "group.id": "check",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 10,
            }
        )
        ends, rows = self.ends(topic, partitions), []
        left = {number for number, end in ends.items() if end > 0}
        consumer.assign([TopicPartition(topic, number, 0) for number in left])
        deadline = time.monotonic() + seconds
        while left:
            assert time.monotonic() < deadline, f"{topic}: a transaction hangs, partitions {left} cannot be read"
            for message in consumer.consume(5000, 0.02):
                number: Any = message.partition()
                error = message.error()
                if error is None:
                    key: Any = message.key()
                    headers: Any = message.headers() or []
                    offset: Any = message.offset()
                    rows.append((topic, number, offset, key.decode(), message.value(), headers))
                elif error.code() == KafkaError._PARTITION_EOF and (message.offset() or 0) >= ends[number]:
                    left.discard(number)
        consumer.close()
        return sorted(rows, key=lambda row: row[1:3])

    def events(self, topic: Any) -> list[Event[Any]]:
        """Return the committed events of a topic."""
        return [
            event_from(self.codec.decode(value or b""), headers, topic=wire, partition=number, offset=offset)
            for wire, number, offset, _, value, headers in self.read(self.wire(topic), topic.partitions["district"])
        ]

    def state(self, name: str, partitions: int, seconds: float = 60.0) -> dict[str, Any]:
        """Return the states that a changelog holds."""
        last = {key: value for _, _, _, key, value, _ in self.read(self.changelog(name), partitions, seconds)}
        cells = {key: cell_of(self.codec.decode(value)) for key, value in last.items() if value is not None}
        return {key: self.codec.decode(cell.raw) for key, cell in cells.items() if cell.raw is not None}

    # -- checking

    def progress(self, read_s: float = 60.0) -> tuple[int, int, int]:
        """Return how many reports cover how many items, and how many shares were binned."""
        known = self.admin.list_topics(timeout=10).topics
        if not {self.changelog("tally"), self.changelog("bin"), self.dead_letters} <= known.keys():
            return 0, 0, 0  # the service has not yet created its topics
        tallies: dict[str, mill.Tally] = self.state("tally", 4, read_s)
        bins: dict[str, mill.Bin] = self.state("bin", 2, read_s)
        pending = sum(tally.pending for tally in tallies.values())
        return sum(t.count for t in tallies.values()), pending, sum(one.count for one in bins.values())

    def all_counted(self) -> bool:
        """Say whether every item has been counted and binned, reported or not."""
        return self.progress()[::2] == (self.expected.items, self.expected.shares)

    def wait_done(self, seconds: float = 60.0, read_s: float = 60.0) -> None:
        """Wait until every item has been counted, binned and reported."""
        wanted = self.expected.items, 0, self.expected.shares
        end = time.monotonic() + seconds
        while (now := self.progress(read_s)) != wanted:
            dead = {name: worker.returncode for name, worker in self.workers.items() if worker.poll() is not None}
            broken = time.monotonic() > end or len(dead) == len(self.workers) > 0
            assert not broken, f"{now} instead of {wanted}; ended workers: {dead}\n{self.logs()}"
            time.sleep(0.2)

    def faults(self) -> list[str]:
        """Return everything that is wrong: outputs, states, dead letters."""
        published = self.events(mill.TALLY) + self.events(mill.BINNED)
        faults = self.expected.faults(published, self.state("tally", 4), self.state("bin", 2))
        letters = self.read(self.dead_letters, 1)
        if len(letters) != self.expected.bad:
            faults.append(f"{len(letters)} dead letters for {self.expected.bad} bad records")
        places = {(dict(h)["dl_topic"], dict(h)["dl_partition"], dict(h)["dl_offset"]) for *_, h in letters}
        if len(places) != len(letters):
            faults.append("a bad record has two dead letters")
        for *_, value, headers in letters:
            if not self._is_bad(value or b"", dict(headers)["dl_reason"].decode()):
                faults.append(f"dead letter of a good record: {value!r}")
        return faults

    def store_faults(self, name: str) -> list[str]:
        """Return where a stopped worker's stores differ from the changelogs, byte by byte."""
        faults = []
        for state, count in (("tally", 4), ("bin", 2)):
            changelog = self.changelog(state)
            last = {(row[1], row[3]): row[4] for row in self.read(changelog, count)}
            for number in range(count):
                wanted = {key: value for (at, key), value in last.items() if at == number and value is not None}
                store = Store(self.folder / name / f"{self.base.scoped('mill')}.{name}" / f"{changelog}-{number}")
                if {key.decode(): value for key, value in store.items()} != wanted:
                    faults.append(f"store {changelog}-{number} of {name} is not what its changelog says")
                store.close()
        return faults

    def _is_bad(self, value: bytes, reason: str) -> bool:
        try:
            record: Any = self.codec.decode(value)
        except DecodeError:
            return reason == "BAD_FRAMING"
        return bool(record.number < 0) and reason == "HANDLER_FAILED"


def set_position(
    bench: Bench, topic: Any, offset: int, mark: str | None = None, partitions: tuple[int, ...] = (0,)
) -> None:
    """Commit positions for the mill's group, as an operator or an older life of the service could."""
    group = bench.base.scoped("mill")
    consumer = Consumer({"bootstrap.servers": bench.base.bootstrap, "group.id": group})
    places = [(bench.wire(topic), number, offset) for number in partitions]
    positions = [TopicPartition(*at, mark) if mark else TopicPartition(*at) for at in places]
    consumer.commit(offsets=positions, asynchronous=False)
    consumer.close()
