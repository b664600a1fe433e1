"""What every projection handler does: number the change, note the topic's newest event, add a line to the stream."""

from datetime import datetime
from typing import Any, TypedDict

import sqlalchemy as sa
from liandong.event import Event
from liandong.workflow import Work
from liandong_contracts.base import Record

from ioc_service.domain.names import Names
from ioc_service.domain.sentences import line_of
from ioc_service.tables import change, feed, source

FEED_KEPT = 500
_TRIM_EVERY = 64

_NEXT = sa.update(change).where(change.c.id == 1).values(rev=change.c.rev + 1)
_REV = sa.select(change.c.rev).where(change.c.id == 1)
_OLDEST = sa.select(feed.c.rev).order_by(feed.c.rev.desc()).offset(FEED_KEPT).limit(1)


class Stamp(TypedDict):
    """Columns that say where a row's newest content came from."""

    at: datetime
    event_id: str
    traceparent: str | None
    rev: int


def stamp(event: Event[Record], work: Work) -> Stamp:
    """Number this change and note the topic's newest event; call once per event, before writing rows."""
    if work.conn.execute(_NEXT).rowcount == 0:
        work.insert(change, id=1, rev=1, epoch=event.id)
    rev = int(work.conn.execute(_REV).scalar_one())
    result = Stamp(at=event.time, event_id=event.id, traceparent=event.traceparent, rev=rev)
    topic = topic_name(event.topic)
    seen = work.one(source, topic=topic)
    newest = max(event.time, seen.at) if seen else event.time
    work.upsert(source, ("topic",), **{**result, "at": newest}, topic=topic, events=(seen.events if seen else 0) + 1)
    return result


def tell(event: Event[Record], work: Work, place: str = "") -> Stamp:
    """Like `stamp`, and add the event to the stream; `place` is used where the event itself does not name one."""
    result = stamp(event, work)
    line = line_of(event.data, names_of(work))
    work.insert(
        feed,
        rev=result["rev"],
        event_id=event.id,
        topic=topic_name(event.topic),
        what=line.what,
        place=line.place or place,
        tone=line.tone,
        mode=event.mode,
        at=event.time,
        traceparent=event.traceparent,
    )
    if result["rev"] % _TRIM_EVERY == 0:
        oldest = work.conn.execute(_OLDEST).scalar_one_or_none()
        if oldest is not None:
            work.conn.execute(sa.delete(feed).where(feed.c.rev <= oldest))
    return result


def names_of(work: Work) -> Names:
    """Return the name look-ups given to `run`; without any, codes are shown."""
    return work.refs if isinstance(work.refs, Names) else Names()


def area_name(work: Work, code: str | None) -> str:
    """Return the name of an area for the stream."""
    return names_of(work).area(code)


def topic_name(wire: str) -> str:
    """Return the declared name in a wire name: `demo-1.district.flood.spot.v1` is `flood.spot`."""
    return ".".join(wire.split(".")[-3:]).removesuffix(".v1")


def row_or(row: sa.Row[Any] | None, column: str, default: Any) -> Any:
    """Return a column of a row, or `default` where there is no row."""
    return default if row is None else getattr(row, column)
