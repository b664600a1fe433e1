"""Reference data of the judge: the device registry, for handlers and queries."""

from collections.abc import Iterable
from typing import Protocol

from liandong_contracts.sensing import DeviceState


class Devices(Protocol):
    """A copy of the device registry."""

    def get(self, key: str) -> DeviceState | None:
        """Return one registration."""
        ...

    def values(self) -> Iterable[DeviceState]:
        """Return all registrations."""
        ...


class Refs:
    """What handlers may look up; the engine starts `devices` and waits for it when it is a View."""

    def __init__(self, devices: Devices) -> None:
        self.devices = devices
        self._by_object: dict[str, list[str]] | None = None

    def devices_changed(self) -> None:
        """Forget what was derived from the registry."""
        self._by_object = None

    def watching(self, object_id: str) -> list[str]:
        """Return the devices that watch an object."""
        index = self._by_object
        if index is None:
            index = {}
            for state in self.devices.values():
                if state.object_id:
                    index.setdefault(state.object_id, []).append(state.device_id)
            self._by_object = index
        return sorted(index.get(object_id, ()))
