"""Plans 预案: levels with their approver, limits and tasks, and the order in which a person is called.

A plan says what follows when a level is approved; it never decides that a level is reached.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from liandong_contracts.common import Hazard, Level
from liandong_contracts.emergency import NoticeChannel

from emergency_service.domain.area import Area, Areas, Scope
from emergency_service.domain.policy import LEVELS, POSTS, highest, rank


class Who(StrEnum):
    """Whom a step of the calling order reaches."""

    ON_DUTY = "ON_DUTY"
    DEPUTY = "DEPUTY"
    SUPERIOR = "SUPERIOR"


@dataclass(frozen=True, slots=True)
class ChainStep:
    """One step of the calling order 叫应."""

    who: Who
    channel: NoticeChannel


@dataclass(frozen=True, slots=True)
class TaskTemplate:
    """One task of a level: one `TaskAssigned` for each area of `scope`; priority 1 (first) to 4."""

    template_id: str
    title: str
    post: str
    scope: Scope
    priority: int


@dataclass(frozen=True, slots=True)
class LevelPlan:
    """What a level asks: approver, limits in minutes, and the tasks that it adds to those of the levels below."""

    approver: str
    ack_minutes: int
    step_minutes: int
    done_minutes: int
    tasks: tuple[TaskTemplate, ...] = ()

    @property
    def ack_limit(self) -> timedelta:
        """Within this time a person must have confirmed a task."""
        return timedelta(minutes=self.ack_minutes)

    @property
    def step_limit(self) -> timedelta:
        """After this time without an answer the next step of the calling order follows."""
        return timedelta(minutes=self.step_minutes)

    @property
    def done_limit(self) -> timedelta:
        """Within this time a task must be done."""
        return timedelta(minutes=self.done_minutes)


@dataclass(frozen=True, slots=True)
class Plan:
    """One published version of a plan; `example`: figures without a real plan behind them (示例预案)."""

    plan_id: str
    title: str
    short_title: str
    hazard: Hazard
    version: int
    example: bool
    chain: tuple[ChainStep, ...]
    levels: dict[Level, LevelPlan]

    def at(self, level: Level) -> LevelPlan | None:
        """Return what a level asks, None when the plan does not have it."""
        return self.levels.get(level)

    def up_to(self, level: Level | None) -> tuple[tuple[Level, TaskTemplate], ...]:
        """Return the tasks in force at a level, each with the level that brings it: its own and those below."""
        wanted = [step for step in LEVELS if step in self.levels and rank(step) <= rank(level)]
        return tuple((step, task) for step in wanted for task in self.levels[step].tasks)

    def added(self, before: Level | None, after: Level) -> tuple[tuple[Level, TaskTemplate], ...]:
        """Return the tasks that going from `before` to `after` adds; none when it goes down."""
        held = {task.template_id for _, task in self.up_to(before)}
        return tuple((level, task) for level, task in self.up_to(after) if task.template_id not in held)

    def top(self) -> Level | None:
        """Return the highest level of the plan."""
        return highest(*self.levels)


@dataclass(frozen=True, slots=True)
class PlacedTask:
    """A task of a plan for one area."""

    level: Level
    template: TaskTemplate
    area: Area


def place(tasks: Iterable[tuple[Level, TaskTemplate]], areas: Areas, area_code: str) -> tuple[PlacedTask, ...]:
    """Return the tasks for each area of their scope, the most urgent first."""
    placed = [PlacedTask(level, task, area) for level, task in tasks for area in areas.placed(area_code, task.scope)]
    return tuple(sorted(placed, key=lambda item: (item.template.priority, item.template.template_id, item.area.code)))


class Plans:
    """The published plans, one for each hazard."""

    def __init__(self, plans: Iterable[Plan]) -> None:
        self._plans = tuple(plans)

    def all(self) -> tuple[Plan, ...]:
        """Return every plan."""
        return self._plans

    def match(self, hazard: Hazard, plan_id: str) -> Plan | None:
        """Return the plan of that id, else the plan of that hazard."""
        named = next((plan for plan in self._plans if plan.plan_id == plan_id and plan.hazard is hazard), None)
        return named or next((plan for plan in self._plans if plan.hazard is hazard), None)


def problems_of(plan: Plan) -> list[str]:
    """Return one sentence per mistake in a plan; empty when it is sound."""
    found = [] if plan.levels else ["it has no levels"]
    if not plan.chain or plan.chain[0].who is not Who.ON_DUTY:
        found.append("the calling order must begin with ON_DUTY")
    templates = [task.template_id for level in plan.levels.values() for task in level.tasks]
    found += [f"task {t} is written more than once" for t in sorted(set(templates)) if templates.count(t) > 1]
    for level, asks in plan.levels.items():
        found += [f"level {level}: {text}" for text in _level_problems(level, asks)]
    return found


def _level_problems(level: Level, asks: LevelPlan) -> Iterable[str]:
    if not rank(level):
        yield "no such level (levels: WATCH, IV, III, II, I)"
    if asks.approver not in POSTS:
        yield f"approver {asks.approver}: no such post"
    if not 0 < asks.step_minutes <= asks.ack_minutes <= asks.done_minutes:
        yield "limits must be 0 < step_minutes <= ack_minutes <= done_minutes"
    for task in asks.tasks:
        if task.post not in POSTS:
            yield f"task {task.template_id}: no such post {task.post}"
        if not 1 <= task.priority <= 4:
            yield f"task {task.template_id}: priority is 1 to 4"
