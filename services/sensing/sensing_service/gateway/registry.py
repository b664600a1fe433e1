"""The gateway's copy of the device registry: whose report is this? Fed from the state topic and from its own writes."""

from collections.abc import Iterable

import msgspec
from liandong_contracts.common import Protocol
from liandong_contracts.sensing import DeviceState

from sensing_service.domain.intake import Device, device_of
from sensing_service.metrics import DEVICES


class Registry:
    """Devices by id and by identity in their own protocol."""

    def __init__(self, states: Iterable[DeviceState] = ()) -> None:
        self._by_id: dict[str, Device] = {}
        self._by_native: dict[tuple[Protocol, str], Device] = {}
        for state in states:
            self.put(state)

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, device_id: str) -> Device | None:
        """Return a device by its registered id."""
        return self._by_id.get(device_id)

    def find(self, protocol: Protocol, native_id: str) -> Device | None:
        """Return the device that calls itself so in its protocol, unless it is retired."""
        device = self._by_native.get((protocol, native_id))
        return None if device is None or device.silent else device

    def put(self, state: DeviceState) -> None:
        """Take a registration; an older version than the known one changes nothing."""
        known = self._by_id.get(state.device_id)
        if known is not None:
            if known.state.version > state.version:
                return
            self._forget_native(known.state)
        device = self._by_id[state.device_id] = device_of(state)
        self._by_native[state.protocol, state.native_id] = device
        DEVICES.set(len(self._by_id))

    def remove(self, device_id: str) -> None:
        """Forget a device whose registration was deleted."""
        known = self._by_id.pop(device_id, None)
        if known is not None:
            self._forget_native(known.state)
            DEVICES.set(len(self._by_id))

    def changed(self, wanted: Iterable[DeviceState]) -> list[DeviceState]:
        """Return the registrations that differ from the known ones, with their next version."""
        found = []
        for state in wanted:
            known = self._by_id.get(state.device_id)
            if known is None:
                found.append(msgspec.structs.replace(state, version=1))
            elif msgspec.structs.replace(state, version=known.state.version) != known.state:
                found.append(msgspec.structs.replace(state, version=known.state.version + 1))
        return found

    def conflict(self, state: DeviceState) -> str | None:
        """Return why a registration cannot stand beside the others."""
        other = self._by_native.get((state.protocol, state.native_id))
        if other is None or other.state.device_id == state.device_id:
            return None
        return f"{state.protocol.value} identity {state.native_id} already belongs to {other.state.device_id}"

    def _forget_native(self, state: DeviceState) -> None:
        key = (state.protocol, state.native_id)
        found = self._by_native.get(key)
        if found is not None and found.state.device_id == state.device_id:
            del self._by_native[key]
