"""sensing's two processes for tests: started, asked for their ports, killed."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from liandong.local.ports import FreePorts
from liandong.settings import Settings

from tests.support.events import until

HOST = "127.0.0.1"
_free_port = FreePorts()


class Process:
    """One process of the service on fixed ports, so that it comes back where it was."""

    def __init__(self, role: str, settings: Settings, folder: Path, **own: str) -> None:
        self.role = role
        self.log = folder / f"{role}.log"
        self.ops, self.sl651, self.http, self.grpc = (_free_port() for _ in range(4))
        self.hj212, self.szy206, self.gb26875 = (_free_port() for _ in range(3))
        self._env = {name: value for name, value in os.environ.items() if not name.startswith("LIANDONG_")} | {
            "LIANDONG_WORLD": settings.world,
            "LIANDONG_BOOTSTRAP": settings.bootstrap,
            "LIANDONG_REGISTRY_URL": settings.registry_url,
            "LIANDONG_DATA_DIR": str(folder / role),
            "LIANDONG_REFERENCE_DIR": str(folder),
            "LIANDONG_OPS_PORT": str(self.ops),
            "LIANDONG_SL651_PORT": str(self.sl651),
            "LIANDONG_HJ212_PORT": str(self.hj212),
            "LIANDONG_SZY206_PORT": str(self.szy206),
            "LIANDONG_GB26875_PORT": str(self.gb26875),
            "LIANDONG_HTTP_PORT": str(self.http),
            "LIANDONG_GRPC_PORT": str(self.grpc),
            **own,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it is ready."""
        self.begin()
        until(f"{self.role} is ready; see {self.log}", self.ready)

    def begin(self) -> "subprocess.Popen[bytes]":
        """Start without waiting."""
        command = [sys.executable, "-m", "sensing_service", self.role]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=self._env, stderr=log, stdout=log)
        return self.process

    def ready(self) -> bool:
        """Ask /health; a process that has ended fails the test."""
        assert self.process is not None
        assert self.process.poll() is None, f"{self.role} has ended: {self.log.read_text()[-2000:]}"
        return self.health().get("ready", False) is True

    def health(self) -> dict[str, Any]:
        """Return what /health says; empty when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self.ops}/health", timeout=2) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except OSError:
            return {}

    def kill(self) -> None:
        """Send SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(20)

    def stop(self) -> int:
        """Ask it to end; return its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)
