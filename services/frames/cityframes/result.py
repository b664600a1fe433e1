"""What every protocol returns: readings with units and quality, or an error as a value. A decoder never raises."""

from datetime import datetime
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
    """One value of one device. `element` is the protocol's own identifier, `unit` is UCUM; no value: not measured."""

    device: str
    element: str
    metric: str
    value: float | None
    unit: str
    observed_at: datetime
    quality: Quality
    flag: str | None = None
