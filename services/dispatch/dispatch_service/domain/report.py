"""Reports: what a citizen's words are about, whether a life may depend on them, whether a request can be used."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from liandong.pure.geometry import family_of
from liandong_contracts.dispatch import ReportChannel, Urgency

from dispatch_service.domain.policy import CLASSES, OTHER, URGENT_WORDS, CaseClass

_EARLY = timedelta(minutes=5)  # clocks of phones differ


def classify(text: str) -> CaseClass:
    """Return the class whose words the text contains, OTHER where none does."""
    return next((each for each in CLASSES if any(word in text for word in each.words)), OTHER)


def urgency_of(text: str) -> Urgency:
    """Return URGENT for words of life safety."""
    return Urgency.URGENT if any(word in text for word in URGENT_WORDS) else Urgency.NORMAL


@dataclass(frozen=True, slots=True)
class Place:
    """A position in degrees with its datum."""

    lon: float
    lat: float
    datum: str


@dataclass(frozen=True, slots=True)
class Submission:
    """What a channel hands in, as far as its usability depends on it."""

    channel: ReportChannel | None
    text: str = field(repr=False)  # personal
    place: Place | None
    occurred_at: datetime | None


@dataclass(frozen=True, slots=True)
class Said:
    """Who reports, and where in their words. Personal, and no rule depends on it; empty where not given."""

    address_text: str
    name: str
    phone: str
    anonymous: bool

    def __repr__(self) -> str:
        """Show nothing of it."""
        return "Said(***)"


def refusal_of(given: Submission, now: datetime) -> str | None:
    """Return why a submission cannot be taken, for people, or None."""
    if given.channel in (None, ReportChannel.UNKNOWN):
        return "来源渠道不可识别。"
    if not given.text.strip():
        return "诉求内容为空。"
    if given.occurred_at is not None and given.occurred_at > now + _EARLY:
        return "发生时间在未来。"
    if given.place is not None and not _on_earth(given.place):
        return "位置坐标或坐标系不可用。"
    return None


def _on_earth(place: Place) -> bool:
    try:
        family_of(place.datum)
    except ValueError:
        return False
    return abs(place.lon) <= 180 and abs(place.lat) <= 90
