"""What the gateway needs of a producer. Tests put a list behind it."""

import asyncio
from typing import Protocol

from liandong.edge.producer import Publication


class Sink(Protocol):
    """Takes events and says when they are safe."""

    @property
    def has_room(self) -> bool:
        """Say whether more may be sent now."""
        ...

    def send(self, publication: Publication) -> "asyncio.Future[None]":
        """Send one event; the future resolves when it is safe."""
        ...

    async def room(self) -> None:
        """Wait until more may be sent."""
        ...
