"""Tools of the workflow crash tests: a producer of known inputs, a worker process to kill, and the count at the end."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import sqlalchemy as sa
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from liandong.clock import real_now
from liandong.event import Event, headers_of
from liandong.wire import Codec, LocalIds, TopicSpec, ensure_topics
from liandong.workflow import WorkflowSettings
from liandong.workflow.dlq import parked_letters
from liandong_contracts import topics
from liandong_contracts.base import Topic
from liandong_contracts.emergency import NoticeSent, TaskCompleted
from liandong_contracts.sensing import AlarmRaised

from tests.support import workflow_ledger as ledger

ROOT = Path(__file__).parents[2]
WORKER = "tests.integration.workflow.worker"
TIER = "district"
USED = (topics.SENSING_ALARM, topics.EMERGENCY_NOTICE, topics.EMERGENCY_TASK)
DEAD_LETTERS = "district.emergency.dead-letter.v1"
_DEADLINE_S = 60.0


def until(what: str, condition: Callable[[], bool], seconds: float = _DEADLINE_S) -> None:
    """Poll a condition with a deadline."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.02)


class Inputs(threading.Thread):
    """Publishes alarms of known ids at a rate, with bad bytes and poison among them, until told to stop."""

    def __init__(self, bootstrap: str, world: str, rate: float, seed: int, *, timers: bool = True) -> None:
        super().__init__(name="inputs", daemon=True)
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "linger.ms": 2,
                "message.timeout.ms": 120000,
                "reconnect.backoff.max.ms": 500,
                "partitioner": "murmur2_random",
                "log_level": 0,
            }
        )
        self._wire = topics.SENSING_ALARM.wire(TIER, world)
        self._codec = Codec(LocalIds())
        self._rate = rate
        self._random = Random(seed)
        self._severity = 3 if timers else 4
        self._halt = threading.Event()
        self._sequences: Counter[str] = Counter()
        self.good: dict[str, list[str]] = defaultdict(list)
        self.dead: set[bytes] = set()
        self.count = 0

    def run(self) -> None:
        """Publish at the rate."""
        began, made = time.monotonic(), 0
        while not self._halt.is_set():
            self.one()
            made += 1
            self._producer.poll(0)
            ahead = began + made / self._rate - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)

    def one(self) -> None:
        """Publish one input: 1 % bad bytes, 1 % poison, else an alarm."""
        self.count += 1
        key, dice = f"key-{self._random.randrange(60)}", self._random.random()
        if dice < 0.01:
            value = f"bad-{self.count}".encode()
            self.dead.add(value)
            headers = [("ce_type", AlarmRaised.FULL_NAME.encode())]
            self._producer.produce(self._wire, value, key.encode(), headers=headers)  # type: ignore[arg-type]
            return
        poison = dice < 0.02
        alarm_id = f"alarm-{self.count}"
        event = self._event(key, alarm_id, ledger.POISON if poison else self._severity)
        value = self._codec.encode(self._wire, event.data)
        if poison:
            self.dead.add(value)
        else:
            self.good[key].append(alarm_id)
        self._producer.produce(self._wire, value, key.encode(), headers=headers_of(event))  # type: ignore[arg-type]

    def many(self, number: int) -> None:
        """Publish so many, and wait until Kafka has them."""
        for _ in range(number):
            self.one()
        assert self._producer.flush(60) == 0

    def _event(self, key: str, alarm_id: str, severity: int) -> Event[AlarmRaised]:
        self._sequences[key] += 1
        now = real_now()
        alarm = AlarmRaised(
            alarm_key=key,
            alarm_id=alarm_id,
            episode=self._sequences[key],
            device_id="device",
            rule_id="rule",
            rule_version=1,
            severity=severity,
            metric="depth",
            unit="cm",
            first_at=now,
        )
        return Event(
            data=alarm,
            id=alarm_id,
            type=AlarmRaised.FULL_NAME,
            source="/test",
            time=now,
            key=key,
            sequence=self._sequences[key],
        )

    def ghosts(self, bootstrap: str) -> None:
        """Publish alarms in a transaction that is aborted, and a commit marker behind everything."""
        settings = {"bootstrap.servers": bootstrap, "transactional.id": f"ghosts.{self._wire}", "log_level": 0}
        producer = Producer({**settings, "retry.backoff.ms": 2})
        producer.init_transactions(30)
        producer.begin_transaction()
        for number in range(60):
            event = self._event(f"key-{number}", f"ghost-{number}", 4)
            value = self._codec.encode(self._wire, event.data)
            headers: Any = headers_of(event)
            producer.produce(self._wire, value, event.key.encode(), headers=headers)
            self._sequences[event.key] -= 1
        producer.flush(30)
        producer.abort_transaction(30)
        producer.begin_transaction()
        for number in range(60):
            producer.produce(self._wire, None, f"key-{number}".encode())
        producer.commit_transaction(30)

    def finish(self) -> None:
        """Stop, and wait until Kafka has everything."""
        self._halt.set()
        if self.is_alive():
            self.join()
        assert self._producer.flush(60) == 0

    @property
    def ids(self) -> set[str]:
        """The ids of the good inputs."""
        return {alarm_id for ids in self.good.values() for alarm_id in ids}


class Worker:
    """The service under test as a process; `restart` is what a supervisor does."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self._folder = folder
        self._settings = folder / "settings.json"
        self.data_dir = folder / "data"
        body = {"tier": TIER, "data_dir": str(self.data_dir), "trace_ratio": 0, **settings}
        self._settings.write_text(json.dumps(body), encoding="utf-8")
        self.ops_port = int(settings["ops_port"])
        url = settings.get("database_url", "").replace("postgresql:", "postgresql+psycopg:")
        self.declared = WorkflowSettings.model_validate(body)
        self._url = url or f"sqlite:///{self.data_dir / 'emergency.sqlite3'}"
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    def start(self, fail_point: str | None = None, passes: int = 1) -> None:
        """Start it, with a fail point or without."""
        self.starts += 1
        command = [sys.executable, "-m", WORKER, str(self._settings)]
        if fail_point:
            command += [fail_point, str(passes)]
        with (self._folder / "worker.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT)

    def kill(self) -> None:
        """Send SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """Send SIGSTOP: it does not know that the others go on without it."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Send SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def terminate(self) -> tuple[int, float]:
        """Send SIGTERM; return the exit status and the seconds it took."""
        assert self._process is not None
        began = time.monotonic()
        self._process.terminate()
        return self._process.wait(30), time.monotonic() - began

    def ended(self) -> int | None:
        """Return the exit status, or None while it runs."""
        return None if self._process is None else self._process.poll()

    def health(self) -> dict[str, Any] | None:
        """Return what /health says, or None."""
        try:
            with urlopen(f"http://127.0.0.1:{self.ops_port}/health", timeout=1) as reply:
                body: dict[str, Any] = json.load(reply)
                return body
        except (OSError, ValueError):
            return None

    def detail(self) -> str:
        """Return what /health says is missing."""
        try:
            with urlopen(f"http://127.0.0.1:{self.ops_port}/health", timeout=1) as reply:
                return str(json.load(reply)["detail"])
        except HTTPError as error:
            return str(json.load(error)["detail"])
        except OSError:
            return ""

    def ready(self) -> bool:
        """Say whether it is healthy."""
        return self.health() is not None

    def cpu_s(self) -> float:
        """Return the CPU seconds used by the running process."""
        assert self._process is not None
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def log(self) -> str:
        """Return everything it logged."""
        return (self._folder / "worker.log").read_text(encoding="utf-8")

    @contextmanager
    def database(self) -> Iterator[sa.Connection]:
        """Open its database for reading."""
        patience = {"timeout": 10} if self._url.startswith("sqlite") else {"connect_timeout": 10}
        engine = sa.create_engine(self._url, connect_args=patience)
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()

    def until_applied(self, alarms: int) -> None:
        """Wait until this many alarms are applied."""
        until(f"{alarms} alarms are applied", lambda: self.settled()[0] >= alarms)

    def settled(self) -> tuple[int, int, int]:
        """Give up the dead letters, as an operator would, so that their keys go on; return the counts."""
        found = self.counts()
        if found == (0, 0, 0):
            return found
        letters = parked_letters(self.declared, "emergency")
        assert letters is not None
        try:
            letters.order(letters.open(), replay=False)
        except sa.exc.OperationalError:
            return found  # the database is busy or away
        finally:
            letters.close()
        return found

    def counts(self) -> tuple[int, int, int]:
        """Return (alarms applied, timers fired, outbox rows), zeros while there is no database."""
        try:
            with self.database() as c:
                one = c.exec_driver_sql("SELECT count(*), coalesce(sum(fired), 0) FROM alarm").one()
                return (
                    int(one[0]),
                    int(one[1]),
                    int(c.exec_driver_sql("SELECT count(*) FROM liandong_outbox").scalar_one()),
                )
        except (sa.exc.OperationalError, sa.exc.ProgrammingError):
            return 0, 0, 0


def create_topics(bootstrap: str, world: str) -> None:
    """Create the topics that the service uses."""
    ensure_topics(bootstrap, [TopicSpec(t.wire(TIER, world), t.partitions[TIER], t.config()) for t in USED])


def read_all(bootstrap: str, name: str, partitions: int) -> list[Message]:
    """Return the committed messages of a topic, in order within each partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "count",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.assign([TopicPartition(name, number, 0) for number in range(partitions)])
    messages: list[Message] = []
    ends = 0
    while ends < partitions:
        message = consumer.poll(20)
        if message is None:
            raise TimeoutError(f"no answer about {name}")
        error = message.error()
        if error is None:
            messages.append(message)
        elif error.code() == KafkaError._PARTITION_EOF:
            ends += 1
    consumer.close()
    return messages


class Count:
    """Everything that came out, and what is wrong with it."""

    def __init__(self, bootstrap: str, world: str, worker: Worker, inputs: Inputs, *, timers: bool = True) -> None:
        self._codec = Codec(LocalIds())
        self._bootstrap, self._world = bootstrap, world
        with worker.database() as c:
            self.rows = {r.alarm_id: r for r in c.execute(sa.select(ledger.alarms))}
            self.keys = {r.alarm_key: r.seen for r in c.execute(sa.select(ledger.keys))}
        self._inputs = inputs
        self._timers = timers

    def wrong(self) -> dict[str, Any]:
        """Return what is lost, doubled or out of order; empty when everything happened exactly once."""
        good, ids = self._inputs.good, self._inputs.ids
        found: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
        for record, sequence in self._read(topics.EMERGENCY_NOTICE):
            assert isinstance(record, NoticeSent)
            found[record.notice_id].append((record.about_ref, record.step, sequence))
        fired = Counter(r.task_id for r, _ in self._read(topics.EMERGENCY_TASK) if isinstance(r, TaskCompleted))
        dead = Counter(m.value() for m in read_all(self._bootstrap, self._prefixed(DEAD_LETTERS), 1))
        expected = {key: [(a, n, n) for n, a in enumerate(ids_, 1)] for key, ids_ in good.items()}
        problems = {
            "rows": ids ^ set(self.rows),
            "counters": {key for key, ids_ in good.items() if self.keys.get(key) != len(ids_)},
            "notices": {key: _difference(found[key], expected[key]) for key in good if found[key] != expected[key]},
            "alien": set(found) - set(good),
            "fired": {a for a, r in self.rows.items() if r.fired != 1} if self._timers else set(),
            "completed": {a for a in ids if fired[a] != 1} if self._timers else set(),
            "dead": {v for v in self._inputs.dead if dead[v] != 1} | (set(dead) - self._inputs.dead),
        }
        return {name: found for name, found in problems.items() if found}

    def _prefixed(self, name: str) -> str:
        return f"{self._world}.{name}"

    def _read(self, topic: Topic) -> list[tuple[Any, int]]:
        messages = read_all(self._bootstrap, topic.wire(TIER, self._world), topic.partitions[TIER])
        return [(self._codec.decode(m.value()), int(dict(m.headers() or [])["ce_sequence"] or 0)) for m in messages]


def _difference(found: list[Any], expected: list[Any]) -> str:
    for place, (one, other) in enumerate(zip(found, expected, strict=False)):
        if one != other:
            return f"at {place}: {one} instead of {other}"
    return f"{len(found)} instead of {len(expected)}"
