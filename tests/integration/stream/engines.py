"""Engines of the mill on threads of the test's own process."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from liandong.errors import LiandongError
from liandong.stream.build import build_engine
from liandong.stream.engine import Engine

from tests.support import mill

from .support import Bench, until


def engine_of(bench: Bench, name: str = "a", delay: timedelta = timedelta(minutes=5), **fields: Any) -> Engine:
    """Return an engine of the mill; its reports are due `delay` after the first unreported item."""
    settings = bench.settings(instance=name, data_dir=bench.folder / name)
    return build_engine(mill.make(delay), settings, bench.codec, **fields)


@contextmanager
def running(engine: Engine) -> Iterator[list[LiandongError]]:
    """Run an engine on a thread; yields the list that its error, if any, will be put on."""
    stop, errors = threading.Event(), list[LiandongError]()

    def work() -> None:
        try:
            engine.run(stop)
        except LiandongError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield errors
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()


def wait(what: str, done: Callable[[], Any], errors: list[LiandongError], seconds: float = 30.0) -> Any:
    """Wait for a condition while an engine runs; its error fails the test at once."""

    def ready() -> Any:
        assert errors == []
        return done()

    return until(what, ready, seconds)
