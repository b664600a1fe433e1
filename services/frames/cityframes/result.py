"""What every protocol returns: readings with units and quality, or an error as a value. A decoder never raises."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple


class ErrorKind(StrEnum):
    """Why bytes were refused."""

    BAD_CHECKSUM = "BAD_CHECKSUM"
    BAD_LENGTH = "BAD_LENGTH"
    BAD_TAIL = "BAD_TAIL"
    UNDECODABLE = "UNDECODABLE"
    GARBAGE = "GARBAGE"


class FrameError(NamedTuple):
    """Refused bytes: the kind, one sentence, the original bytes (their head, when long) and the sender, if legible."""

    kind: ErrorKind
    detail: str
    raw: bytes
    station: str | None = None


class Quality(StrEnum):
    """What the device says about a value."""

    GOOD = "GOOD"
    MANUAL = "MANUAL"
    MAINTENANCE = "MAINTENANCE"
    CALIBRATION = "CALIBRATION"
    OVER_RANGE = "OVER_RANGE"
    DEVICE_FAULT = "DEVICE_FAULT"
    COMM_FAULT = "COMM_FAULT"
    STOPPED = "STOPPED"
    SUSPECT = "SUSPECT"


class Reading(NamedTuple):
    """One value of one device, with the decimal digits that the frame has; no value: not measured.

    `element` is the protocol's own identifier, `flag` the device's own mark, `unit` is UCUM (empty: the protocol does
    not say). `observed_at` is None when the frame carries no full time: then the time of its arrival counts. `stat` is
    one of RTD AVG MIN MAX SUM, over `period` INSTANT MIN HOUR DAY; `name` is the standard's name.
    """

    device: str
    element: str
    metric: str
    value: Decimal | None
    unit: str
    observed_at: datetime | None
    quality: Quality
    flag: str | None = None
    stat: str = "RTD"
    period: str = "INSTANT"
    name: str = ""


class Refused(Exception):
    """Inside a decoder only: the contents cannot be read; the text says why."""
