"""Which fields of a record are personal, at any depth, and how all of them are changed at once. Pure."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from liandong_contracts.base import Record

from liandong.privacy.sealed import Place

R = TypeVar("R", bound=Record)
Change = Callable[[str, Place], str]
Walk = Callable[[Any, Change], Any]


def changed(record: R, change: Change) -> R:
    """Return the record with `change(value, place)` in place of every personal value that says something."""
    walk = walk_of(type(record))
    return record if walk is None else walk(record, change)


@cache
def walk_of(record: type[Record]) -> Walk | None:
    """Return what changes the personal values of a record and of the records inside; None when it holds none."""
    own = tuple((field, subject) for field, _, subject in record.PII)
    hints = get_type_hints(record)
    found = ((name, _inside(hints[name])) for name in record.__struct_fields__)
    inner = tuple((name, walk) for name, walk in found if walk is not None)
    if not own and not inner:
        return None
    full_name = record.FULL_NAME

    def walk(value: Record, change: Change) -> Record:
        new: dict[str, Any] = {}
        for field, subject in own:
            text = getattr(value, field)
            if text:  # nothing is there to protect in None and in ""
                new[field] = change(text, Place(full_name, field, getattr(value, subject)))
        for field, each in inner:
            new[field] = each(getattr(value, field), change)
        return msgspec.structs.replace(value, **new)

    return walk


def _inside(hint: Any) -> Walk | None:
    """Return what changes the records that a field of this type leads to."""
    if isinstance(hint, type) and issubclass(hint, Record):
        return walk_of(hint)
    walk = next((walk for walk in map(_inside, get_args(hint)) if walk is not None), None)
    if walk is None:
        return None
    if get_origin(hint) is tuple:
        return lambda items, change: tuple(walk(item, change) for item in items)
    if get_origin(hint) is Mapping:
        return lambda items, change: {key: walk(item, change) for key, item in items.items()}
    return lambda value, change: None if value is None else walk(value, change)
