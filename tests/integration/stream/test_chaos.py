"""Random kills: each input's effect exactly once, each output exactly once and in order for each key.

`make test` runs one seed; `make test-crash` several, each longer. `--chaos-seed` repeats one.
"""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from liandong.settings import Settings
from liandong.testing.plugin import KafkaForTests

from .chaos import Chaos
from .support import Bench


@pytest.mark.timeout(3000)
def test_killed_at_random(
    settings: Callable[..., Settings], kafka: KafkaForTests, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    rounds, first = pytestconfig.getoption("--chaos-rounds"), pytestconfig.getoption("--chaos-seed")
    first = random.randrange(10_000) if first is None else first
    for seed in range(first, first + rounds):
        folder = tmp_path / str(seed)
        folder.mkdir()
        bench = Bench(lambda seed=seed, **fields: settings(**{"world": f"chaos-{seed}"} | fields), folder)
        try:
            chaos = Chaos(bench, kafka, seed)
            chaos.run(kills=20 if rounds == 1 else 60, broker_kills=2 if rounds == 1 else 5)
            assert chaos.settle(120) == []
        finally:
            bench.stop_all()
        assert chaos.kills >= 20
        assert (chaos.broker_kills, chaos.wipes, chaos.freezes) >= (2, 1, 1)
        print(f"seed {seed}: {bench.expected.items} items, {chaos.kills} kills, nothing lost, nothing doubled")
