"""A changed copy of a frozen record, for domains, which may not know what records are made of."""

from typing import Any, TypeVar

import msgspec
from liandong_contracts.base import Record

R = TypeVar("R", bound=Record)


def changed(record: R, **fields: Any) -> R:
    """Return a copy of a record with the named fields replaced. Raises TypeError for a field it does not have."""
    return msgspec.structs.replace(record, **fields)
