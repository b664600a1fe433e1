"""Fixtures of the workflow engine's tests on real Kafka; broker and world come from the kit's plugin."""

import socket
from random import SystemRandom

import pytest


@pytest.fixture
def free_port() -> int:
    """Return a port that is free together with the next few, below the range of outgoing connections."""
    for start in SystemRandom().sample(range(20000, 30000, 10), 200):
        try:
            for port in range(start, start + 4):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return start
    raise OSError("no free ports between 20000 and 30000")
