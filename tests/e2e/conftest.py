"""What the storylines share: where real data may lie, and a world that watches its own topics."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from liandong.event import Event
from liandong.local.client import LocalStack
from liandong.local.messages import Addresses
from liandong.testing.plugin import KafkaForTests
from liandong.wire.codec import codec_of
from liandong_contracts.base import Record

from tools.rainstorm.ledger import Ledger
from tools.rainstorm.watch import Watch

Watched = tuple[Addresses, Ledger]
Watching = Callable[..., AbstractContextManager[Watched]]


@pytest.fixture(scope="session")
def real_data(pytestconfig: pytest.Config) -> Path:
    """Return the folder of real data beside the repository; skips when it is absent."""
    folder = pytestconfig.rootpath.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is absent")
    return folder


@pytest.fixture
def stack(kafka: KafkaForTests) -> LocalStack:
    """Return the stack of the session."""
    return kafka.stack


@pytest.fixture
def watching(stack: LocalStack, world: str) -> Watching:
    """Return a context manager that starts a world with services and a ledger of all its topics."""

    @contextmanager
    def start(only: tuple[str, ...] | None = None) -> Iterator[Watched]:
        ledger = Ledger()

        def take(event: Event[Record], at: float) -> None:
            ledger.take(event, at)

        at = stack.world(world, {"LIANDONG_TRACE_RATIO": "0"}, only=only)
        settings = stack.settings(world)
        watch = Watch(settings, codec_of(settings), take)
        watch.start()
        try:
            yield at, ledger
        finally:
            watch.stop()
            stack.world_down(world, delete=True)

    return start


def until(condition: Callable[[], bool], seconds: float = 60) -> bool:
    """Poll a condition until it holds or the time is over; returns whether it holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return condition()
        time.sleep(0.1)
    return True
