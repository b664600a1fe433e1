"""The devices of the night: SL 651 stations that repeat a frame until it is confirmed, and devices that post JSON.

Like real ones they know nothing of Kafka: a report counts as delivered when the gateway has answered it.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime

import httpx
import msgspec
from cityframes.sl651 import encode
from cityframes.sl651.frame import AROUND, START, declared_size
from liandong_contracts.common import Protocol
from liandong_contracts.sensing import DeviceState

from tools.rainstorm.scenario import Flaw, Reading

log = logging.getLogger(__name__)
Confirmed = Callable[[str, datetime, float], None]  # device, time of observation, real time at which the last byte left
_ANSWER_S = 3.0
_AGAIN_S = 0.3
_REPORT = 0x32  # 定时报
_CLASSES = {"RAIN_GAUGE": 0x50, "WATER_LEVEL": 0x48, "WATERLOG": 0x4F}


class Addresses(msgspec.Struct, frozen=True):
    """Where the gateway listens."""

    host: str
    sl651: int
    http: int


class Device:
    """One device of the registry, able to put its readings into its protocol."""

    def __init__(self, state: DeviceState, gateway: Addresses, confirmed: Confirmed) -> None:
        self.state = state
        self._gateway = gateway
        self._confirmed = confirmed
        self._serial = 0
        self._writer: asyncio.StreamWriter | None = None
        self._reader: asyncio.StreamReader | None = None
        self._turn = asyncio.Lock()

    async def send(self, reading: Reading, observed: datetime, now: Callable[[], datetime]) -> None:
        """Deliver one reading; returns when the gateway has confirmed it, however often that takes."""
        async with self._turn:
            if self.state.protocol is Protocol.SL651:
                await self._send_frame(self.frame(reading.values, observed, now()), observed)
            else:
                await self._post(reading, observed)

    def frame(self, values: Sequence[tuple[str, float]], observed: datetime, sent: datetime) -> bytes:
        """Return the SL 651 frame of these values (by metric, in the unit of the registry)."""
        self._serial = self._serial % 0xFFFF + 1
        specs = {spec.metric: spec for spec in self.state.metrics}
        elements = [
            (int(specs[metric].source, 16), value / specs[metric].scale) for metric, value in values if metric in specs
        ]
        station = self.state.native_id
        kind = _CLASSES.get(self.state.kind.value, 0x48)
        body = encode.report_body(self._serial, sent, station, kind, [(observed, elements)])
        return encode.uplink(station=station, function=_REPORT, body=body)

    async def _send_frame(self, frame: bytes, observed: datetime) -> None:
        while True:
            try:
                reader, writer = await self._connected()
                writer.write(frame)
                await writer.drain()
                left = time.time()
                await asyncio.wait_for(_answer(reader), _ANSWER_S)
            except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
                log.debug("%s: %r, again", self.state.device_id, error)
                await self.close()
                await asyncio.sleep(_AGAIN_S)
            else:
                self._confirmed(self.state.device_id, observed, left)
                return

    async def send_raw(self, data: bytes) -> None:
        """Send bytes nobody will confirm; used for frames that must be refused."""
        async with self._turn:
            with contextlib.suppress(OSError):
                _, writer = await self._connected()
                writer.write(data)
                await writer.drain()

    async def _post(self, reading: Reading, observed: datetime) -> None:
        specs = {spec.metric: spec for spec in self.state.metrics}
        values = {specs[metric].source: value / specs[metric].scale for metric, value in reading.values}
        body = {"device": self.state.native_id, "observed_at": observed.isoformat(), "values": values}
        async with httpx.AsyncClient(timeout=_ANSWER_S) as client:
            while True:
                try:
                    left = time.time()
                    url = f"http://{self._gateway.host}:{self._gateway.http}/v1/readings"
                    (await client.post(url, json=body)).raise_for_status()
                except httpx.HTTPError as error:
                    log.debug("%s: %r, again", self.state.device_id, error)
                    await asyncio.sleep(_AGAIN_S)
                else:
                    self._confirmed(self.state.device_id, observed, left)
                    return

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._reader is None or self._writer is None or self._writer.is_closing():
            self._reader, self._writer = await asyncio.open_connection(self._gateway.host, self._gateway.sl651)
        return self._reader, self._writer

    async def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()
            self._reader = self._writer = None


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """Read one downlink frame."""
    head = await reader.readexactly(AROUND - 3)
    size = declared_size(head) if head.startswith(START) else None
    if size is None:
        raise OSError("the gateway answered something that is no SL 651 frame")
    return head + await reader.readexactly(size - len(head))


def spoil(frame: bytes, flaw: Flaw) -> bytes:
    """Return the frame as a broken line or device would deliver it."""
    match flaw:
        case "checksum":
            return frame[:-1] + bytes([frame[-1] ^ 0x55])
        case "length":
            return frame[:12] + bytes([frame[12] ^ 0x11]) + frame[13:]
        case "half":
            return frame[: len(frame) // 2]
        case "garbage":
            return b"\x00\xff~~garbage~" * 9
        case _:
            return frame
