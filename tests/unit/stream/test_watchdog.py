"""A client call that ignores its time-out is noticed, one that is merely slow is not."""

import threading
from typing import Any, cast

import pytest
from confluent_kafka import Producer
from liandong.stream import transactions
from liandong.stream.transactions import Transactions


class HangingProducer:
    """Waits in a transactional call until let go."""

    def __init__(self) -> None:
        self.entered, self.let_go = threading.Event(), threading.Event()

    def begin_transaction(self) -> None:
        pass

    def send_offsets_to_transaction(self, *_: Any) -> None:
        self.entered.set()
        self.let_go.wait(10)


def test_a_hung_call_is_seen_from_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "_POSITIONS_S", 0.01)
    monkeypatch.setattr(transactions, "_GRACE_S", 0.01)
    producer = HangingProducer()
    ours = Transactions(cast("Producer", producer))
    ours.begin()
    assert not ours.is_hung
    caller = threading.Thread(target=ours.send_positions, args=([], None), daemon=True)
    caller.start()
    producer.entered.wait(5)
    waiting = threading.Event()
    for _ in range(500):
        if ours.is_hung:
            break
        waiting.wait(0.01)
    assert ours.is_hung
    producer.let_go.set()
    caller.join(5)
    assert not ours.is_hung
