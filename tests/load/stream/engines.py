"""Starts each engine of the stream benchmark in a process of its own and reads its figures. It measures nothing."""

import json
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from liandong.local import artifacts
from liandong.local.client import LocalStack
from liandong.local.fetch import fetch
from rich.console import Console

from tests.load.stream import workload

ALL = ("liandong", "kafka-streams", "quix", "faust")
SHARE = {"quix": 5, "faust": 20}  # slow engines get a part of the events only; their figures are rates
_RIVALS = Path(__file__).parent / "rivals"
_ROOT = Path(__file__).parents[3]


class Bench:
    """The broker, a folder, and the core that every engine is pinned to."""

    def __init__(self, stack: LocalStack, console: Console, core: int) -> None:
        self.console = console
        self.settings = stack.settings()
        self.core = core
        self._layout = stack.layout
        self._data = stack.layout.data / "stream-bench"
        self._rivals = stack.layout.home / "rivals"

    # -- topics

    def source(self, name: str, values: Iterator[tuple[str, bytes]]) -> str:
        """Fill a topic with readings; return its name on the wire."""
        wire = f"{self.settings.tier}.{name}.v1"
        self.console.print(f"filling {wire} ...")
        workload.topics(self.settings.bootstrap, [wire])
        workload.fill(self.settings.bootstrap, wire, values)
        return wire

    def wipe(self, service: str) -> None:
        """Remove the local stores of our engine."""
        shutil.rmtree(self._data / service)

    # -- engines

    def can(self, name: str) -> bool:
        """Say whether an engine can run here; prepare it, and say why not."""
        problem = {"quix": self._prepare_quix, "kafka-streams": self._prepare_streams}.get(name, lambda: "")()
        if problem:
            self.console.print(f"{name} is left out: {problem}")
        return not problem

    def run(self, name: str, source: str, wire: str, events: int, commit_ms: int) -> dict[str, float]:
        """Drain the topic once on an engine; return its figures."""
        service = f"bench-{secrets.token_hex(3)}"
        if name == "liandong":
            return self.ours(source, events, commit_ms, service)
        out = f"{service}-out"
        workload.topics(self.settings.bootstrap, [out])
        count = events // SHARE.get(name, 1)
        if name == "kafka-streams":
            return self._streams(wire, out, service, count, commit_ms)
        options = {
            "bootstrap": self.settings.bootstrap,
            "service": service,
            "source": wire,
            "out": out,
            "data": str(self._data / service),
            "events": count,
            "core": self.core,
            "interval_s": commit_ms / 1000,
        }
        if name == "faust":
            return self._figures([sys.executable, "-m", "tests.load.stream.rivals.on_faust", json.dumps(options)])
        python = self._rivals / "quix" / "bin" / "python"
        return self._figures([str(python), str(_RIVALS / "on_quix.py"), json.dumps(options), str(_ROOT)])

    def ours(
        self, source: str, events: int, commit_ms: int, service: str, *, restore: bool = False
    ) -> dict[str, float]:
        """Drain the topic, or only restore the state, on the product's engine."""
        workload.topics(self.settings.bootstrap, [f"{self.settings.tier}.bench.high.v1"])
        settings = self.settings.model_copy(update={"data_dir": self._data / service, "trace_ratio": 0.01})
        options: dict[str, Any] = {
            "settings": settings.model_dump(mode="json"),
            "service": service,
            "source": source,
            "events": events,
            "core": self.core,
            "restore": restore,
            "tuning": {"latency_ms": commit_ms, "transaction_events": 50_000},
        }
        return self._figures([sys.executable, "-m", "tests.load.stream.ours", json.dumps(options)])

    def _figures(self, command: list[str]) -> dict[str, float]:
        done = subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True, timeout=900, check=True)
        # Faust writes its spinner in front
        line = next((text[text.index("{") :] for text in done.stdout.splitlines() if "{" in text), "")
        if not line:
            raise RuntimeError(f"{command[2]} printed no figures: {done.stdout[-500:]}")
        figures: dict[str, float] = json.loads(line)
        return figures

    # -- rivals

    def _prepare_quix(self) -> str:
        """Make the environment that Quix Streams runs in; return what is in the way."""
        place = self._rivals / "quix"
        marker = place / ".complete"
        if marker.exists():
            return ""
        self.console.print("installing Quix Streams into an environment of its own ...")
        shutil.rmtree(place, ignore_errors=True)
        for command in (
            [sys.executable, "-m", "venv", str(place)],
            [str(place / "bin" / "pip"), "install", "-q", "--require-hashes", "-r", str(_RIVALS / "requirements.lock")],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                return f"cannot be installed ({done.stderr.strip().splitlines()[-1:]})"
        marker.touch()
        return ""

    def _prepare_streams(self) -> str:
        """Fetch Kafka Streams and compile the benchmark's work for it; return what is in the way."""
        if shutil.which("javac") is None:
            return "no Java compiler (javac) on this machine"
        wanted = artifacts.parse_lock((_RIVALS / "artifacts.lock").read_text(encoding="utf-8"))
        fetch(wanted, self._layout.lib, lambda size: None)
        classes = self._rivals / "streams"
        classes.mkdir(parents=True, exist_ok=True)
        command = ["javac", "-cp", self._class_path(), "-d", str(classes), str(_RIVALS / "OnKafkaStreams.java")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stderr.strip() if done.returncode else ""

    def _class_path(self) -> str:
        locks = (_RIVALS / "artifacts.lock", self._layout.lock)
        found = [entry for lock in locks for entry in artifacts.parse_lock(lock.read_text(encoding="utf-8"))]
        jars = [str(entry.file(self._layout.lib)) for entry in found if not entry.is_archive]
        return ":".join([str(self._rivals / "streams"), *jars])

    def _streams(self, wire: str, out: str, service: str, events: int, commit_ms: int) -> dict[str, float]:
        command = ["taskset", "-c", str(self.core), "java", "-Xmx1g", "-cp", self._class_path(), "OnKafkaStreams"]
        place = str(self._data / service)
        return self._figures(
            [*command, self.settings.bootstrap, wire, out, service, place, str(events), str(commit_ms)]
        )
