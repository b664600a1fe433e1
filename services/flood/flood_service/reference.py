"""Reference data as the handlers see it: the spot catalogue, the device registry, the rule pack and the thresholds.

Both catalogues are local copies of compacted topics; nothing here asks anybody.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol, TypeVar

from liandong_contracts.flood import SpotEntry
from liandong_contracts.sensing import DeviceState

from flood_service.domain.pack import RulePack, deep_thresholds, rain_thresholds
from flood_service.domain.policy import FloodPolicy

T_co = TypeVar("T_co", covariant=True)


class Copy(Protocol[T_co]):
    """A local copy of a compacted topic."""

    @property
    def ready(self) -> bool:
        """Say whether the copy is complete."""
        ...

    def get(self, key: str) -> T_co | None:
        """Return the record of a key."""
        ...

    def values(self) -> Iterable[T_co]:
        """Return every record."""
        ...


class Reference:
    """What handlers get as `ctx.refs`. `area6`: district of the node, for places outside the catalogue."""

    def __init__(self, area_code: str, pack: RulePack, spots: Copy[SpotEntry], devices: Copy[DeviceState]) -> None:
        self.area6 = area_code[:6]
        self.pack = pack
        self.policy = policy_of(pack)
        self._spots = spots
        self._devices = devices
        self._by_device: dict[str, SpotEntry] = {}
        self._version = 0
        self._indexed = -1

    def spots_changed(self) -> None:
        """Take notice that the catalogue has changed (from any thread)."""
        self._version += 1

    def entry(self, spot_id: str) -> SpotEntry | None:
        """Return the catalogue's entry of a spot."""
        return self._spots.get(spot_id)

    def entries(self) -> list[SpotEntry]:
        """Return the whole catalogue."""
        return list(self._spots.values())

    def device(self, device_id: str) -> DeviceState | None:
        """Return the registry's entry of a device."""
        return self._devices.get(device_id)

    def spot_measured_by(self, device_id: str) -> SpotEntry | None:
        """Return the catalogued spot of a gauge; the first by id when several name it."""
        version = self._version
        if version != self._indexed:
            entries = sorted(self._spots.values(), key=lambda entry: entry.spot_id, reverse=True)
            self._by_device = {device: entry for entry in entries for device in entry.device_ids}
            self._indexed = version
        return self._by_device.get(device_id)

    def district_of(self, device_id: str) -> str:
        """Return the six digits of the district that a device stands in; the node's when the registry does not say."""
        device = self.device(device_id)
        return device.area_code[:6] if device is not None and len(device.area_code) >= 6 else self.area6


def policy_of(pack: RulePack) -> FloodPolicy:
    """Return the thresholds of the service with those that a pack asks for."""
    base = FloodPolicy()
    release = base.area.deep_release_cm
    steps = tuple(sorted({cm - lower for cm in deep_thresholds(pack) for lower in (0.0, release)}))
    return replace(
        base,
        rain=replace(base.rain, thresholds_mm=rain_thresholds(pack)),
        spot=replace(base.spot, area_steps_cm=steps),
    )
