"""A service process that only has a health: the supervisor's tests keep it running, kill it and count its starts."""

import signal
import sys
import threading
import time

from liandong.settings import Settings
from liandong.telemetry.ops import Health, OpsServer


def main() -> int:
    """Serve /health until SIGTERM. `stubborn` ignores SIGTERM, `broken` ends at once with code 3."""
    manner = sys.argv[1] if len(sys.argv) > 1 else ""
    settings = Settings()
    if manner == "broken":
        print("the toy is broken", file=sys.stderr)
        return 3
    began = time.monotonic()
    health = Health(True, f"world {settings.world!r}", lag=7)
    ops = OpsServer(
        settings.ops_port, lambda: health if time.monotonic() - began > 0.2 else Health(False, "warming up")
    )
    ops.start()
    done = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: None if manner == "stubborn" else done.set())
    done.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
