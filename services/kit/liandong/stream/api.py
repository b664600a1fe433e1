"""What a department writes: a StreamService with pure handlers, keyed states and durable timers. It knows no Kafka.

A handler gets one event and the state of the event's key, and returns what follows. It calls nothing, reads no clock
but `ctx.now`, and changes nothing in place: it may run again for the same event, and only one run takes effect.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, Final, Generic, TypeVar

import msgspec
from liandong_contracts.base import Record, Topic

from liandong.errors import ConfigError
from liandong.event import Event
from liandong.ids import aggregate_id
from liandong.settings import Settings

R = TypeVar("R", bound=Record)
S = TypeVar("S", bound=Record)

REMEMBERED_IDS = 16


class Keep(Enum):
    """The type of KEEP."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP


class Out(msgspec.Struct, frozen=True):
    """One event to publish; its key is `topic.key_of(record)`.

    `time` says when it happened (default: when its cause happened), `area_code` where (default: its cause's area).
    """

    topic: Topic
    record: Record
    time: datetime | None = None
    area_code: str | None = None


class Outcome(msgspec.Struct, Generic[S], frozen=True):
    """What follows from an event or a timer.

    `state`: KEEP, the new record, or None to delete it. `timers`: name -> due time (UTC), or None to cancel; names that
    are not mentioned stay as they are. `late`: values of the event that came too late for a window, for the metric.
    An Outcome() changes nothing.
    """

    state: S | Keep | None = KEEP
    emit: Sequence[Out] = ()
    timers: Mapping[str, datetime | None] = {}
    late: int = 0


class Due(msgspec.Struct, frozen=True):
    """A timer that has come due: whose, which, and when it was due. After an outage `at` may lie well before now."""

    key: str
    name: str
    at: datetime


class Context:
    """What a handler may know besides its event and state."""

    __slots__ = ("_at", "_cause", "_record", "now", "refs")

    def __init__(self, now: datetime, refs: Any, cause_id: str, at: datetime) -> None:
        self.now = now
        self.refs = refs
        self._cause = cause_id
        self._at = at
        self._record = False

    def new_id(self, kind: str, area6: str, part: str = "") -> str:
        """Return `<area6>-<kind>-<yyyymmdd>-<8 base32>`, the same whenever the same cause is handled again.

        `part` tells several ids of one kind apart that come from one cause.
        """
        return aggregate_id(area6, kind, self._at, f"{self._cause}|{part}" if part else self._cause)

    def record_chain(self) -> None:
        """Record the spans of this chain from here on: for what later has to be explained, such as an alarm."""
        self._record = True

    @property
    def chain_recorded(self) -> bool:
        """Say whether the handler asked for the chain's spans."""
        return self._record


class State(msgspec.Struct, Generic[S], frozen=True):
    """One keyed state of a service; its truth is a compacted changelog topic."""

    record: type[S]
    name: str
    service: str

    def wire(self, settings: Settings) -> str:
        """Return the name of the changelog topic."""
        name = f"{settings.tier}.{self.service}.{self.name}-changelog.v1"
        return f"{settings.world}.{name}" if settings.world else name


OnEvent = Callable[[Event[R], S | None, Context], Outcome[S]]
OnRekey = Callable[[Event[R], Context], Sequence[Out]]
OnTimer = Callable[[Due, S | None, Context], Outcome[S]]


class Handler(msgspec.Struct, frozen=True):
    """One registered handler of a (topic, record type); `state` is None for a stateless one."""

    topic: Topic
    record: type[Record]
    state: State[Any] | None
    call: Callable[..., Any]
    name: str


class StreamService:
    """A service made of pure handlers. `name` names its group, its changelogs and its dead letters."""

    def __init__(self, name: str, refs: Any = None) -> None:
        self.name = name
        self.refs = refs
        self.states: list[State[Any]] = []
        self.handlers: list[Handler] = []
        self.timers: dict[tuple[str, str], OnTimer[Any]] = {}

    def state(self, record: type[S], *, name: str) -> State[S]:
        """Declare a keyed state. Its key is the key of the topics whose handlers use it."""
        if any(known.name == name for known in self.states):
            raise ConfigError(f"{self.name}: state {name!r} is declared twice; give each state a name of its own")
        declared = State(record, name, self.name)
        self.states.append(declared)
        return declared

    def on(self, topic: Topic, record: type[R], *, state: State[S]) -> Callable[[OnEvent[R, S]], OnEvent[R, S]]:
        """Register `def handler(event, state, ctx) -> Outcome` for one record type of a topic."""

        def register(call: OnEvent[R, S]) -> OnEvent[R, S]:
            self._add(Handler(topic, record, state, call, call.__name__))
            return call

        return register

    def rekey(self, topic: Topic, record: type[R]) -> Callable[[OnRekey[R]], OnRekey[R]]:
        """Register a stateless `def handler(event, ctx) -> Sequence[Out]`, usually to judge by another key."""

        def register(call: OnRekey[R]) -> OnRekey[R]:
            self._add(Handler(topic, record, None, call, call.__name__))
            return call

        return register

    def timer(self, state: State[S], name: str) -> Callable[[OnTimer[S]], OnTimer[S]]:
        """Register `def handler(due, state, ctx) -> Outcome` for the timers called `name` of a state."""

        def register(call: OnTimer[S]) -> OnTimer[S]:
            if (state.name, name) in self.timers:
                raise ConfigError(f"{self.name}: timer {name!r} of state {state.name!r} has two handlers")
            self.timers[state.name, name] = call
            return call

        return register

    def run(
        self, settings: Settings, *, refs: Any = None, queries: Callable[[], Callable[[], None]] | None = None
    ) -> None:
        """Run as this process until SIGTERM; ends the process when it cannot go on.

        refs: what handlers see as `ctx.refs`; its Views are started and waited for. queries: starts gRPC servers and
        returns a function that stops them.
        """
        from liandong.stream.run import run_service  # here only: writing and testing handlers needs no Kafka client

        run_service(self, settings, refs=refs, queries=queries)

    def _add(self, handler: Handler) -> None:
        if handler.record not in handler.topic.records:
            raise ConfigError(
                f"{self.name}: {handler.name} handles {handler.record.__name__}, "
                f"which topic {handler.topic.name} does not carry"
            )
        for known in self.handlers:
            same_record = known.topic.name == handler.topic.name and known.record is handler.record
            if same_record and known.state == handler.state:
                raise ConfigError(f"{self.name}: {known.name} and {handler.name} handle the same record for one state")
        self.handlers.append(handler)
