"""Deterministic ids: the same cause gives the same id, so a repeated handler repeats nothing. No clock, no chance."""

import base64
from datetime import datetime, timedelta, timezone
from hashlib import blake2b

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")


def event_id(cause: str, record: str, index: int) -> str:
    """Return the id (32 hex digits) of the `index`-th event of type `record` caused by `cause`."""
    return blake2b(f"{cause}|{record}|{index}".encode(), digest_size=16).hexdigest()


def aggregate_id(area_code: str, kind: str, at: datetime, cause: str) -> str:
    """Return `<area6>-<kind>-<yyyymmdd>-<8 base32>`; the day is Shanghai's."""
    tail = base64.b32encode(blake2b(f"{cause}|{kind}".encode(), digest_size=5).digest()).decode().lower()
    return f"{area_code[:6]}-{kind}-{at.astimezone(SHANGHAI):%Y%m%d}-{tail}"


def trace_id(cause: str) -> str:
    """Return the W3C trace id (32 hex digits) of a chain that begins with `cause`."""
    return blake2b(f"trace|{cause}".encode(), digest_size=16).hexdigest()
