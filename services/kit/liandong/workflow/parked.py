"""Parked events: those that came too early, dead letters, and what waits behind either, key by key in order.

A row of the parked table is the event itself, so handling it means deleting it in the same transaction: once. The rows
of a key that block form a chain, and only its first row is ever tried.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from liandong.event import Headers
from liandong.workflow import metrics, tables
from liandong.workflow.model import Delivery
from liandong.workflow.unit import Keyed, Unit, micros

WAITING = "WAITING"
TOO_EARLY = "TOO_EARLY"
_FIRST_S, _LAST_S = 0.2, 30.0

_t = tables.parked
_ANY = sa.select(sa.exists(sa.select(_t.c.id)))
_WHERE_KEY = (_t.c.topic == sa.bindparam("t"), _t.c.key == sa.bindparam("k"))
_HEAD = sa.select(sa.func.min(_t.c.id)).where(*_WHERE_KEY, _t.c.blocks).scalar_subquery()
_WAKE = (
    sa.update(_t)
    .where(_t.c.id == _HEAD, _t.c.reason == WAITING)
    .values(due_us=sa.bindparam("now"))
    .execution_options(synchronize_session=False)
)
_DUE = sa.select(_t).where(_t.c.due_us <= sa.bindparam("now")).order_by(_t.c.due_us, _t.c.id).limit(sa.bindparam("n"))
_FOLLOWERS = (
    sa.select(_t)
    .where(*_WHERE_KEY, _t.c.id > sa.bindparam("after"), _t.c.reason == WAITING)
    .order_by(_t.c.id)
    .limit(sa.bindparam("n"))
)
_headers = msgspec.msgpack.Decoder(list[tuple[str, bytes]]).decode


def anything_parked(connection: sa.Connection) -> bool:
    """Say whether there is any parked event."""
    return bool(connection.scalar(_ANY))


def key_of(delivery: Delivery) -> Keyed:
    """Return the topic and key that order a delivery."""
    return delivery.topic, (delivery.key or b"").decode("utf-8", "replace")


def load(unit: Unit, keys: Iterable[Keyed]) -> None:
    """Read which of the keys of a group are held up, and which of its events are parked already."""
    pairs = sorted(set(keys))
    if not pairs:
        return
    found = unit.connection.execute(
        sa.select(_t.c.topic, _t.c.key, _t.c.event_id, _t.c.blocks).where(sa.tuple_(_t.c.topic, _t.c.key).in_(pairs))
    )
    for topic, key, event_id, blocks in found:
        unit.parked_ids.add(event_id)
        if blocks:
            unit.held.add((topic, key))


def park(
    unit: Unit, delivery: Delivery, event_id: str | None, reason: str, error: str, *, blocks: bool, due: bool = False
) -> None:
    """Put an event aside. `due`: it is tried again by itself."""
    topic, key = key_of(delivery)
    row = {
        "topic": topic,
        "key": key,
        "partition": delivery.partition,
        "offset": delivery.offset,
        "timestamp_ms": delivery.timestamp_ms,
        "event_id": event_id,
        "raw_key": delivery.key,
        "headers": msgspec.msgpack.encode(delivery.headers),
        "value": delivery.value,
        "reason": reason,
        "blocks": blocks,
        "error": error[:500],
        "since_us": micros(unit.now),
        "tries": 1 if reason != WAITING else 0,
        "due_us": micros(unit.now + _pause(0)) if due else None,
    }
    unit.connection.execute(_t.insert(), row)
    unit.anything_parked = True
    unit.parked_ids.add(event_id)
    if blocks:
        unit.held.add((topic, key))
    metrics.PARKED.labels(reason).inc()


def due(unit: Unit, most: int) -> list[sa.Row[Any]]:
    """Return the rows to try now, each first row of a chain followed by some that wait behind it."""
    now = micros(unit.now)
    heads = unit.connection.execute(_DUE, {"now": now, "n": most}).all()
    rows: list[sa.Row[Any]] = []
    for head in heads:
        rows.append(head)
        if head.blocks and len(rows) < most:
            bound = {"t": head.topic, "k": head.key, "after": head.id, "n": most - len(rows)}
            rows += unit.connection.execute(_FOLLOWERS, bound)
    return rows


def delivery_of(row: sa.Row[Any]) -> Delivery:
    """Return the record as it once came."""
    headers: Headers = _headers(row.headers)
    return Delivery(row.topic, row.partition, row.offset, row.offset, row.raw_key, row.value, headers, row.timestamp_ms)


def settled(connection: sa.Connection, row: sa.Row[Any], now_us: int) -> bool:
    """Remove a row that was handled or given up, and let the next of its key be tried; False when it is gone."""
    if connection.execute(sa.delete(_t).where(_t.c.id == row.id)).rowcount == 0:
        return False
    connection.execute(_WAKE, {"t": row.topic, "k": row.key, "now": now_us})
    return True


def again(unit: Unit, row: sa.Row[Any], error: str) -> None:
    """Try a row that is still too early later, ever more rarely."""
    change = {"due_us": micros(unit.now + _pause(row.tries)), "tries": row.tries + 1, "error": error[:500]}
    change["reason"] = TOO_EARLY
    unit.connection.execute(sa.update(_t).where(_t.c.id == row.id).values(change))


def stay(unit: Unit, row: sa.Row[Any], reason: str, error: str, *, blocks: bool) -> None:
    """Keep a row whose handling failed until a person decides; where it does not block, the next one has its turn."""
    change = {"due_us": None, "tries": row.tries + 1, "reason": reason, "error": error[:500], "blocks": blocks}
    unit.connection.execute(sa.update(_t).where(_t.c.id == row.id).values(change))
    if not blocks:
        unit.connection.execute(_WAKE, {"t": row.topic, "k": row.key, "now": micros(unit.now)})


def _pause(tries: int) -> timedelta:
    return timedelta(seconds=min(_FIRST_S * 2 ** min(tries, 10), _LAST_S))
