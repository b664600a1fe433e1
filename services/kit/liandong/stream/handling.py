"""Handling: what one message, held record or timer does to the open transaction: its effect, or its dead letter.

It decides nothing about when to commit. Unavailable passes through, the unit is then tried again later.
"""

import logging
from typing import Any

from liandong_contracts.kit import HeldRecord

from liandong.errors import DecodeError, Unavailable
from liandong.privacy.scrub import scrubbed
from liandong.stream.deadletters import HANDLER_FAILED, REFUSED, TIMER_FAILED, FailureLimit, letter_headers, letter_of
from liandong.stream.held import HeldMessage, place_of
from liandong.stream.intake import Intake
from liandong.stream.isolation import Isolation, Unit
from liandong.stream.messages import KafkaMessage
from liandong.stream.metrics import Meters
from liandong.stream.parts import Part
from liandong.stream.processor import Effect, Processor
from liandong.stream.transactions import TransactionAborted, Transactions

log = logging.getLogger(__name__)


class Handling:
    """Works on the open transaction of one engine. `units`: how much it holds."""

    def __init__(
        self,
        service: str,
        intake: Intake,
        processor: Processor,
        transactions: Transactions,
        meters: Meters,
        dead_letters: str,
        limit: FailureLimit,
        isolation: Isolation,
    ) -> None:
        self._service = service
        self._intake = intake
        self._processor = processor
        self._transactions = transactions
        self._meters = meters
        self._dead_letters = dead_letters
        self._limit = limit
        self._isolation = isolation
        self.lane = intake.lane
        self._handled = 0
        self.units = 0

    def usual(self, count: int) -> None:
        """Take note of messages that the lane has handled."""
        self.units += count
        self._handled += count
        self._meters.events += count

    def message(self, message: KafkaMessage, topic: str, part: Part) -> None:
        """Take one message; it waits when its key waits behind a dead letter."""
        self.units += 1
        lot = part.lot
        if lot.queues and lot.holds(topic, message.key()):
            self._meters.parked += 1
            lot.park(message)
            return
        self._take(message, topic, part, again=False)

    def held(self, record: HeldRecord, part: Part, *, again: bool) -> None:
        """Take one held record; `again`: by a person's order, whatever its sequence."""
        self.units += 1
        if self._take(HeldMessage(record), record.topic, part, again=again):
            part.lot.release(place_of(record))

    def _take(self, message: KafkaMessage, topic: str, part: Part, *, again: bool) -> bool:
        """Say whether the message was handled; otherwise it is a dead letter now."""
        if self._isolation.is_active:
            why = self._isolation.condemned(_unit_of(message))
            if why is not None:
                self._bury(message, part, REFUSED, why)
                return False
        try:
            read = self._intake.read(message, topic)
            if read is None:
                self._meters.skipped += 1
                return True
            effect = self._processor.on_event(read[0], read[1], part.tables, again=again)
        except DecodeError as error:
            self._bury(message, part, error.reason, error.detail)
            return False
        except Unavailable:
            raise
        except Exception as error:
            log.exception("%s-%d offset %s: handler failed", topic, part.number, message.offset())
            self._limit.failed(self._handled, error)
            self._bury(message, part, HANDLER_FAILED, scrubbed(repr(error)))
            return False
        self._handled += 1
        self._meters.events += 1
        try:
            self._enter(effect)
        except TransactionAborted as error:
            error.unit = _unit_of(message)
            raise
        return True

    def timer(self, part: Part, position: int, state: Any, key: str, name: str, due: int) -> None:
        """Fire one timer that its table handed out."""
        self.units += 1
        table = part.tables[position]
        unit = Unit("timer", part.changelogs[position], part.number, due, f"{name} {key}")
        why = self._isolation.condemned(unit) if self._isolation.is_active else None
        if why is not None:
            self._drop_timer(part, position, key, name, due, why)
            return
        try:
            effect = self._processor.on_timer(state, table, key, name, due)
        except Unavailable:
            table.put_back(key, name, due)
            raise
        except Exception as error:
            log.exception("timer %s of %s %s failed", name, state.name, key)
            self._limit.failed(self._handled, error)
            self._drop_timer(part, position, key, name, due, scrubbed(repr(error)))
            return
        self._handled += 1
        self._meters.timers += 1
        try:
            self._enter(effect)
        except TransactionAborted as error:
            error.unit = unit
            raise

    def _enter(self, effect: Effect) -> None:
        effect.apply()
        self._meters.fenced += effect.fenced
        self._meters.late += effect.late
        if effect.outputs:
            self._meters.outputs += len(effect.outputs)
            for output in effect.outputs:
                self._transactions.produce(output.topic, output.key, output.value, output.headers)

    def _bury(self, message: KafkaMessage, part: Part, reason: str, error: str) -> None:
        self._meters.dead_letter(reason)
        headers = letter_of(message, self._service, reason, error)
        self._transactions.produce(self._dead_letters, message.key(), message.value(), headers)
        part.lot.bury(message, reason)

    def _drop_timer(self, part: Part, position: int, key: str, name: str, due: int, error: str) -> None:
        self._processor.drop_timer(part.tables[position], key, name)
        self._meters.dead_letter(TIMER_FAILED)
        at = part.changelogs[position], part.number, -1
        headers = letter_headers(None, self._service, TIMER_FAILED, error, at)
        about = [("dl_timer", name.encode()), ("dl_due", str(due).encode())]
        self._transactions.produce(self._dead_letters, key.encode(), b"", headers + about)


def _unit_of(message: KafkaMessage) -> Unit:
    return Unit("event", message.topic(), message.partition(), message.offset())
