"""A workflow service whose every effect can be counted, for crash tests: alarms in, notices and completions out.

Each alarm counts its key up, sends one notice that carries the alarm's id and the count, and sets a timer that ends in
one completion. Severity 9 makes the handler raise (a poison event).
"""

from datetime import timedelta

import sqlalchemy as sa
from liandong.event import Event
from liandong.workflow import Command, Timer, UtcDateTime, Work, WorkflowService
from liandong_contracts import topics
from liandong_contracts.emergency import NoticeChannel, NoticeSent, TaskCompleted
from liandong_contracts.rpc import emergency_pb2
from liandong_contracts.sensing import AlarmRaised

POISON = 9
TIMER = timedelta(seconds=2)

metadata = sa.MetaData()
alarms = sa.Table(
    "alarm",
    metadata,
    sa.Column("alarm_id", sa.String, primary_key=True),
    sa.Column("alarm_key", sa.String, nullable=False),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("fired", sa.Integer, nullable=False),
)
keys = sa.Table(
    "alarm_key",
    metadata,
    sa.Column("alarm_key", sa.String, primary_key=True),
    sa.Column("seen", sa.Integer, nullable=False),
    sa.Column("last_at", UtcDateTime, nullable=False),
)

service = WorkflowService("emergency", tables=metadata)


@service.on(topics.SENSING_ALARM, AlarmRaised)
def raised(event: Event[AlarmRaised], work: Work) -> None:
    """Enter the alarm; a second time would break the primary key."""
    alarm = event.data
    if alarm.severity == POISON:
        raise RuntimeError("poison")
    row = work.one(keys, alarm_key=alarm.alarm_key)
    place = (row.seen if row else 0) + 1
    work.upsert(keys, ["alarm_key"], alarm_key=alarm.alarm_key, seen=place, last_at=work.now)
    work.insert(alarms, alarm_id=alarm.alarm_id, alarm_key=alarm.alarm_key, place=place, fired=0)
    work.emit(topics.EMERGENCY_NOTICE, notice(alarm.alarm_key, alarm.alarm_id, place, work))
    if alarm.severity != 4:
        work.after("check", alarm.alarm_id, delay=TIMER)


@service.timer("check")
def check(timer: Timer, work: Work) -> None:
    """Count the firing; it must stay at one."""
    work.conn.execute(sa.update(alarms).where(alarms.c.alarm_id == timer.key).values(fired=alarms.c.fired + 1))
    done = TaskCompleted(task_id=timer.key, person_id="nobody", result="timer", at=work.now)
    work.emit(topics.EMERGENCY_TASK, done)


@service.command(emergency_pb2.AcknowledgeTaskRequest)
def acknowledge(command: Command[emergency_pb2.AcknowledgeTaskRequest], work: Work) -> emergency_pb2.Reply:
    """Send a notice for a person's click."""
    work.emit(topics.EMERGENCY_NOTICE, notice(command.request.task_id, command.request.request_id, 1, work))
    return emergency_pb2.Reply(accepted=True, id=command.request.request_id)


def notice(key: str, about: str, step: int, work: Work) -> NoticeSent:
    """Return the notice of one step."""
    return NoticeSent(
        notice_id=key,
        about_ref=about,
        person_id="nobody",
        post="DUTY_OFFICER",
        channel=NoticeChannel.APP,
        step=step,
        ack_due_at=work.now,
        text="测试",
        at=work.now,
    )
