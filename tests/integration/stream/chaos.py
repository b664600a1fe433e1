"""Chaos: two workers and the broker are killed at moments that a seed chooses, while items keep coming.

The seed chooses what happens and in which order; the machine decides where exactly in the program it strikes.
"""

import random
import shutil
import signal
import time
from typing import Any

from liandong.testing.plugin import KafkaForTests

from .support import Bench

KEYS = 1000
WORKERS = ("a", "b")
_BATCH = 80


class Chaos:
    """One run. `kills`: how often a worker was killed, `broker_kills`, `wipes`, `freezes` likewise."""

    def __init__(self, bench: Bench, kafka: KafkaForTests, seed: int) -> None:
        self.chance = random.Random(seed)
        self.seed = seed
        self.kills = self.broker_kills = self.wipes = self.freezes = 0
        self._bench, self._kafka = bench, kafka
        self._fed = 0
        static = {"group_protocol": "classic", "session_ms": 6000}
        self._tuning: dict[str, Any] = static if seed % 2 else {}
        self._tuning |= {"store_log": bool(seed // 2 % 2), "latency_ms": self.chance.choice((5, 20, 60))}
        self._tuning |= {"max_poll_ms": 20_000, "transaction_ms": 8000}

    def run(self, kills: int, broker_kills: int) -> None:
        """Strike until both counts are reached, with at least one wiped disk and one frozen worker."""
        print(f"chaos: seed {self.seed}, {self._tuning}")
        for name in WORKERS:
            self._bench.start(name, **self._tuning)
        plan = ["kill"] * kills + ["broker"] * broker_kills + ["wipe", "freeze", "graceful"]
        self.chance.shuffle(plan)
        for strike in plan:
            self._feed_for(self.chance.uniform(0.3, 2.0))
            self._strike(strike, self.chance.choice(WORKERS))
        for name in WORKERS:
            self._ensure(name)
        self._bench.flush()

    def _strike(self, strike: str, name: str) -> None:
        if strike == "broker":
            self._kafka.kill_broker()
            self.broker_kills += 1
            return
        self._ensure(name)
        worker = self._bench.workers[name]
        if strike == "graceful":
            worker.send_signal(signal.SIGTERM)
            worker.wait(15)
        elif strike == "freeze":
            worker.send_signal(signal.SIGSTOP)
            self._feed_for(8.0)
            worker.send_signal(signal.SIGCONT)
            self.freezes += 1
            return
        else:
            self._bench.kill(name)
            self.kills += 1
        if strike == "wipe":
            shutil.rmtree(self._bench.folder / name, ignore_errors=True)
            self.wipes += 1
        self._ensure(name)

    def _ensure(self, name: str) -> None:
        """Start a worker that has ended, as a supervisor does."""
        if self._bench.workers[name].poll() is not None:
            self._bench.start(name, **self._tuning)

    def _feed_for(self, seconds: float) -> None:
        """Keep items coming for a while; a dead worker is started again."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._fed += 1
            self._bench.feed(_BATCH, keys=KEYS, bad_share=0.01, seed=self.seed + self._fed)
            for name in WORKERS:
                self._ensure(name)
            time.sleep(0.15)

    def settle(self, seconds: float) -> list[str]:
        """Wait until everything has been handled, stop, and return what is wrong."""
        end = time.monotonic() + seconds
        wanted = self._bench.expected.items, 0, self._bench.expected.shares
        while (now := self._bench.progress()) != wanted:
            for name in WORKERS:
                self._ensure(name)
            if time.monotonic() > end:
                return [f"seed {self.seed}: {now} instead of {wanted}", self._bench.logs()]
            time.sleep(0.3)
        for name in WORKERS:
            self._bench.stop(name)
        return [f"seed {self.seed}: {fault}" for fault in self._bench.faults()]
