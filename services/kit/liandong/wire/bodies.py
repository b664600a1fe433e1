"""Bodies: for each record and writer's schema, what reads and writes it: in C where that was built, else in Python."""

from functools import cache
from typing import Any

from liandong_contracts.base import Record

from liandong.wire.compiled import Body, compiled
from liandong.wire.plan import plan_of
from liandong.wire.primitives import milliseconds_of
from liandong.wire.resolution import Schema

native: Any  # the module in C, None where it was not built: then everything works, slower
try:
    import liandong_native as native
except ImportError:
    native = None
else:
    native.set_foreign_time(milliseconds_of)


@cache
def own_body(record: type[Record], *, in_c: bool = True) -> Body:
    """Return what reads and writes a record under its own schema. Raises Mismatch."""
    return body_of(record, in_c=in_c)


def body_of(record: type[Record], writer: Schema | None = None, *, in_c: bool = True) -> Body:
    """Return what reads bodies of the schema `writer` (parsed; by default the record's own) as a record.

    `in_c` is a wish: without the C half the same comes in Python. Raises Mismatch.
    """
    plan = plan_of(record, writer)
    return native.Program(plan.nodes, plan.writes) if in_c and native is not None else compiled(plan)
