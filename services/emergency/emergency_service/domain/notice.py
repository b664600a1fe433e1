"""The calling order 叫应 of one task: who is called by which channel, and what follows when nobody answers.

A delivery is not an answer: only a person's confirmation ends the chain.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from liandong_contracts.common import Level
from liandong_contracts.emergency import NoticeChannel

from emergency_service.domain.plan import ChainStep, Who
from emergency_service.domain.policy import DUTY_OFFICER, LEVEL_NAMES, SHANGHAI
from emergency_service.domain.roster import Duty, Person


class NoticeState(StrEnum):
    """States of a chain: CALLING until a person confirms, the last step goes unanswered, or its task is cancelled."""

    CALLING = "CALLING"
    CONFIRMED = "CONFIRMED"
    EXHAUSTED = "EXHAUSTED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class Call:
    """One step of a chain with its person; steps count from 1."""

    step: int
    person_id: str
    post: str
    channel: NoticeChannel


def calls_of(order: Iterable[ChainStep], duty: Duty) -> tuple[Call, ...]:
    """Return the steps for the people of a duty: a channel that a person lacks is left out, unless the person would
    not be called at all; then the person's own first channel is used. Nobody is called twice by one channel."""
    people = {Who.ON_DUTY: duty.person, Who.DEPUTY: duty.deputy, Who.SUPERIOR: duty.superior}
    made: dict[tuple[str, NoticeChannel], None] = {}
    steps = list(order)
    for who in dict.fromkeys(step.who for step in steps):
        person = people[who]
        if person is not None:
            wanted = [step.channel for step in steps if step.who is who]
            usable = [channel for channel in wanted if channel in person.channels] or list(person.channels[:1])
            made.update(dict.fromkeys((person.id, channel) for channel in usable))
    return tuple(Call(number, person, duty.post, channel) for number, (person, channel) in enumerate(made, 1))


def next_call(calls: tuple[Call, ...], step: int) -> Call | None:
    """Return the call after `step`, None when the chain is exhausted."""
    return next((call for call in calls if call.step == step + 1), None)


def last_call(calls: tuple[Call, ...], officer: Person) -> Call:
    """Return the call that tells the duty officer that nobody answered; it has no limit of its own."""
    step = calls[-1].step + 1 if calls else 1
    return Call(step, officer.id, DUTY_OFFICER, officer.channels[0])


def called(calls: tuple[Call, ...], step: int) -> tuple[str, ...]:
    """Return the ids of everybody called up to `step`, in order: these may confirm."""
    return tuple(dict.fromkeys(call.person_id for call in calls if call.step <= step))


def text_of(title: str, level: Level, area_name: str, task: str, ack_due_at: datetime) -> str:
    """Return the text of a call, in the form of the districts' own messages."""
    due = ack_due_at.astimezone(SHANGHAI)
    return f"【{title}{LEVEL_NAMES.get(level, '')}应急响应】{area_name}：{task}。请于{due:%H:%M}前签收。"


def exhausted_text(area_name: str, task: str) -> str:
    """Return the text for the duty officer when a chain ends without an answer."""
    return f"【无人应答】{area_name}：{task}。逐级叫应均未签收，请人工电话落实到人。"
