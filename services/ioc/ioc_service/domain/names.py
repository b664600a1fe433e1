"""Names for codes: areas, persons, devices, spots. Without reference data the code itself is the name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ioc_service.domain.labels import POST, word


@dataclass(frozen=True, slots=True)
class DeviceCard:
    """What a person needs to know about a device: its name and where it stands."""

    name: str
    area_code: str | None = None


@dataclass(frozen=True, slots=True)
class PostHolder:
    """One line of the duty roster: who holds a post in an area all the time; None where shifts change it."""

    post: str
    area_code: str
    person: str | None


def _no_device(_device_id: str) -> DeviceCard | None:
    return None


@dataclass(frozen=True, slots=True)
class Names:
    """Look-ups from codes to names; `card` and `device_total` ask the device registry, `gauges` the spot catalogue."""

    areas: Mapping[str, str] = field(default_factory=dict)
    persons: Mapping[str, str] = field(default_factory=dict)
    posts: tuple[PostHolder, ...] = ()
    gauges: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    card: Callable[[str], DeviceCard | None] = _no_device
    device_total: Callable[[], int | None] = lambda: None

    def area(self, code: str | None) -> str:
        """Return the name of an area; the nearest known parent helps where the code itself is unknown."""
        if not code:
            return ""
        for length in (len(code), 12, 9, 6):
            if length <= len(code) and code[:length] in self.areas:
                name = self.areas[code[:length]]
                return name if length == len(code) else f"{name} {code}"
        return code

    def person(self, person_id: str | None) -> str:
        """Return the name of a person, or of a post where a post was given."""
        if not person_id:
            return ""
        return self.persons.get(person_id) or word(POST, person_id)

    def holder(self, post: str, area_code: str) -> str | None:
        """Return the person who always holds a post in an area; None where shifts change it or nobody is known."""
        found = (entry.person for entry in self.posts if (entry.post, entry.area_code) == (post, area_code))
        return next(found, None)

    def device(self, device_id: str) -> str:
        """Return the name of a device."""
        card = self.card(device_id)
        return card.name if card else device_id

    def device_area(self, device_id: str) -> str | None:
        """Return the code of the area where a device stands, if it is registered."""
        card = self.card(device_id)
        return card.area_code if card else None
