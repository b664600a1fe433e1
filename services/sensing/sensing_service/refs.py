"""Reference data of the judge's handlers: the device registry."""

from typing import Protocol

from liandong_contracts.sensing import DeviceState


class Devices(Protocol):
    """A copy of the device registry."""

    def get(self, key: str) -> DeviceState | None:
        """Return one registration."""
        ...


class Refs:
    """What handlers may look up; `devices` is followed by the engine when it is a View."""

    def __init__(self, devices: Devices) -> None:
        self.devices = devices
