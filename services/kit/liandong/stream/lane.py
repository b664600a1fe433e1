"""Lane: the usual messages of a service, handled in C from Kafka's client to the changed cell. It decides nothing.

Usual: one handler with a state that has no personal values, a chain that nobody records, an event not seen before,
and nothing follows but a state. For every other message, errors too, the lane leaves no trace and the engine does it
all in Python. So `intake` and `processor` say what is right, and without the C half everything works, slower.
"""

from collections.abc import Callable
from typing import Any

from liandong_contracts.base import Record

from liandong.clock import Clock
from liandong.event import NUMBERS, TEXTS, Event
from liandong.privacy.fields import walk_of
from liandong.stream.api import KEEP, Context, Outcome
from liandong.stream.envelope import Cell
from liandong.stream.messages import KafkaMessage
from liandong.stream.processor import MAX_RECORD_BYTES, RECENT_BYTES
from liandong.stream.tables import Codec, Table
from liandong.stream.topology import Plan
from liandong.wire.bodies import native

Take = Callable[[KafkaMessage, str, list[Table]], bool]
_Route = tuple[int, Callable[..., Any], str, str, type[Record]]  # table's place, handler, input, changelog, state


class Lane:
    """The usual messages of one service. `take(message, topic, tables)` says whether all is done."""

    def __init__(self, codec: Codec, clock: Clock, changelogs: dict[str, str], refs: Any) -> None:
        """Raises RuntimeError where the C half was not built; ask `is_built` first."""
        if native is None:
            raise RuntimeError("liandong-native was not built")
        self._changelogs = changelogs
        self._routes: dict[str, dict[bytes, _Route]] = {}
        fields, defaults = Event.__struct_fields__, Event.__struct_defaults__
        self.take: Take = native.Lane(
            self._routes,
            native.Events(Event, fields, defaults, TEXTS, NUMBERS),
            codec,
            clock.now,
            refs,
            KEEP,
            Event,
            Cell,
            Outcome,
            Context,
            MAX_RECORD_BYTES,
            RECENT_BYTES,
        )

    def add(self, topic: str, frame: bytes, plan: Plan) -> None:
        """Take in what is done for the values of a topic (on the wire) that begin with `frame`, if it is usual."""
        step = plan.steps[0]
        if len(plan.steps) > 1 or step.table is None or step.state is None:
            return
        record: type[Record] = step.state.record
        if walk_of(record) is None:
            route = step.table, step.call, plan.topic.name, self._changelogs[step.state.name], record
            self._routes.setdefault(topic, {})[frame] = route


def is_built() -> bool:
    """Say whether the C half is there."""
    return native is not None
