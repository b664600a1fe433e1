"""Registers devices: checks, publishes what differs to the state topic, and keeps the gateway's copy in step."""

import asyncio
from collections.abc import Sequence

import msgspec
from liandong.clock import Clock, real_now
from liandong.edge.producer import Publication
from liandong.ids import event_id
from liandong_contracts import topics
from liandong_contracts.common import Protocol
from liandong_contracts.sensing import DeviceState

from sensing_service.domain.registration import problems
from sensing_service.gateway.registry import Registry
from sensing_service.gateway.sink import Sink


class Registrar:
    """The only writer of sensing.device-state in this process."""

    def __init__(self, registry: Registry, sink: Sink, clock: Clock) -> None:
        self._registry = registry
        self._sink = sink
        self._clock = clock
        self._turn = asyncio.Lock()

    def refusals(self, states: Sequence[DeviceState]) -> list[str]:
        """Return what is wrong with each registration that cannot be taken."""
        found: list[str] = []
        natives: dict[tuple[Protocol, str], str] = {}
        ids: set[str] = set()
        for index, state in enumerate(states):
            wrong = list(problems(state))
            if (conflict := self._registry.conflict(state)) is not None:
                wrong.append(conflict)
            if natives.setdefault((state.protocol, state.native_id), state.device_id) != state.device_id:
                wrong.append(f"{state.native_id} is claimed twice in this request")
            if state.device_id in ids:
                wrong.append("the device is listed twice in this request")
            ids.add(state.device_id)
            found += [f"$[{index}] {state.device_id}: {text}" for text in wrong]
        return found

    async def register(self, states: Sequence[DeviceState]) -> int:
        """Publish the registrations that differ; return how many. Raises PublishError."""
        async with self._turn:
            changed = self._registry.changed(states)
            kept = []
            for state in changed:
                await self._sink.room()
                kept.append(self._sink.send(self._publication(state)))
            await asyncio.gather(*kept)
            for state in changed:
                self._registry.put(state)
            return len(changed)

    def _publication(self, state: DeviceState) -> Publication:
        content = msgspec.json.encode(state).decode()
        return Publication(
            topic=topics.SENSING_DEVICE_STATE,
            record=state,
            event_id=event_id(f"{state.device_id}|{content}", DeviceState.FULL_NAME, state.version),
            time=self._clock.now(),
            sequence=int(real_now().timestamp() * 1000),  # grows, also when a deleted device comes back
            area_code=state.area_code,
        )
