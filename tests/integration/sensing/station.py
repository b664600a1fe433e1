"""A fictional SL 651 station on a real socket."""

import socket
from datetime import datetime

from cityframes import sl651
from liandong.clock import real_now

from tests.integration.sensing.processes import HOST


class Station:
    """Speaks to a gateway; `answer` returns the next downlink frame, or None in silence."""

    def __init__(self, port: int, native_id: str = "9901010001") -> None:
        self.native_id = native_id
        self._socket = socket.create_connection((HOST, port), 10)
        self._framer = sl651.Framer()
        self._answers: list[sl651.Frame] = []
        self._serial = 0

    def frame(self, metres: float, observed: datetime | None = None) -> bytes:
        """Return a timed report of a water level."""
        self._serial += 1
        at = observed or real_now()
        body = sl651.report_body(self._serial, at, self.native_id, 0x4F, [(at, [(0x39, metres)])])
        return sl651.uplink(station=self.native_id, function=0x32, body=body)

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self._socket.sendall(data)

    def answer(self, seconds: float = 10) -> sl651.Frame | None:
        """Return the next answer of the gateway."""
        self._socket.settimeout(seconds)
        while not self._answers:
            try:
                data = self._socket.recv(4096)
            except (TimeoutError, ConnectionError):
                return None
            if not data:
                return None
            self._answers += [one for one in self._framer.feed(data) if isinstance(one, sl651.Frame)]
        return self._answers.pop(0)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
