"""Start: wait for a registry that is not there yet, say so, and give up with a clear error. Only at start: a running
service reads and writes what it has seen from the codec's memory, and pauses at an id that is new to it."""

import logging
import time
from collections.abc import Callable, Iterable

from liandong_contracts.base import Record

from liandong.errors import Unavailable
from liandong.wire.codec import Codec

log = logging.getLogger(__name__)
PATIENCE_S = 60.0
_PAUSE_S = 1.0


def prepare_patiently(
    codec: Codec,
    pairs: Iterable[tuple[str, type[Record]]],
    *,
    patience_s: float = PATIENCE_S,
    stopping: Callable[[], bool] = lambda: False,
    monotonic: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Look up the ids of (topic on the wire, record) pairs, waiting for the registry with a line of log a try.

    Raises Unavailable after `patience_s` seconds, or at once when `stopping`; ConfigError like `Codec.prepare`.
    """
    wanted, began = list(pairs), monotonic()
    while True:
        try:
            codec.prepare(wanted)
        except Unavailable as error:
            waited = monotonic() - began
            if waited >= patience_s or stopping():
                raise Unavailable(
                    f"{error} (waited {waited:.0f} s). Start the registry, or correct LIANDONG_REGISTRY_URL."
                ) from error
            log.warning("waiting for the schema registry, %.0f of %.0f s: %s", waited, patience_s, error)
            pause(_PAUSE_S)
        else:
            return
