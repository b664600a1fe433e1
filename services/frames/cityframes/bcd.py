"""Binary coded decimals, times among them. ValueError for anything that is not decimal digits."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")


def digits(raw: bytes) -> int:
    """Return the number that the nibbles spell."""
    return int(raw.hex())


def decimal(text: str, decimals: int) -> Decimal:
    """Return decimal digits as a number with so many decimals."""
    return Decimal(f"{text[:-decimals]}.{text[-decimals:]}") if decimals else Decimal(text or "0")


def pack(number: int, size: int) -> bytes:
    """Return a number as `size` bytes of BCD."""
    text = f"{number:0{size * 2}d}"
    if number < 0 or len(text) != size * 2:
        raise ValueError(f"{number} does not fit into {size} bytes of BCD")
    return bytes.fromhex(text)


def minute(raw: bytes) -> datetime:
    """Return YYMMDDHHmm (5 bytes) as Shanghai time in this century."""
    text = raw.hex()
    return datetime(
        2000 + int(text[:2]), int(text[2:4]), int(text[4:6]), int(text[6:8]), int(text[8:10]), tzinfo=SHANGHAI
    )


def second(raw: bytes) -> datetime:
    """Return YYMMDDHHmmSS (6 bytes) as Shanghai time in this century."""
    text = raw.hex()
    return datetime(
        2000 + int(text[:2]), int(text[2:4]), int(text[4:6]),
        int(text[6:8]), int(text[8:10]), int(text[10:12]), tzinfo=SHANGHAI,
    )  # fmt: skip


def pack_time(at: datetime, *, seconds: bool) -> bytes:
    """Return an aware time as BCD in Shanghai time, with or without seconds."""
    if at.tzinfo is None:
        raise ValueError("a time without zone cannot be sent")
    local = at.astimezone(SHANGHAI)
    if not 2000 <= local.year <= 2099:
        raise ValueError(f"year {local.year} does not fit into two digits")
    return bytes.fromhex(local.strftime("%y%m%d%H%M%S" if seconds else "%y%m%d%H%M"))
