"""Topology: what belongs together in a service. States and the topics that feed them form groups, and partition p of a
group (all its topics, all its states) is worked on as a whole. Derived from the declarations; it knows no Kafka.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from liandong_contracts.base import Record, Topic

from liandong.errors import ConfigError
from liandong.stream.api import Handler, State, StreamService


class Step(msgspec.Struct, frozen=True):
    """One handler to run for an event; `table` is the position of its state in the group, None for a stateless one."""

    table: int | None
    call: Callable[..., Any]
    name: str
    state: State[Any] | None


class Plan(msgspec.Struct, frozen=True):
    """Every handler of one record type of one topic."""

    topic: Topic
    record: type[Record]
    steps: tuple[Step, ...]


class Group(msgspec.Struct, frozen=True):
    """Topics that must have the same number of partitions, and the states that they feed."""

    topics: tuple[Topic, ...]
    states: tuple[State[Any], ...]

    @property
    def label(self) -> str:
        """Return a name for logs and messages."""
        return "+".join(state.name for state in self.states) or self.topics[0].name


class Topology(msgspec.Struct, frozen=True):
    """The groups of a service and, by topic name and record full name, what to run."""

    groups: tuple[Group, ...]
    plans: dict[str, dict[str, Plan]]

    def group_of(self, topic: str) -> int:
        """Return the position of the group that a topic (short name) belongs to."""
        return next(i for i, group in enumerate(self.groups) if any(known.name == topic for known in group.topics))


def topology_of(service: StreamService) -> Topology:
    """Return the topology of a service. Raises ConfigError when its declarations cannot work together."""
    _check(service)
    groups = _groups(service.handlers)
    position = {state.name: i for group in groups for i, state in enumerate(group.states)}
    plans: dict[str, dict[str, Plan]] = {}
    for handler in service.handlers:
        known = plans.setdefault(handler.topic.name, {})
        step = Step(
            position[handler.state.name] if handler.state else None,
            handler.call,
            f"{service.name} {handler.name}",
            handler.state,
        )
        before = known.get(handler.record.FULL_NAME)
        steps = (*before.steps, step) if before else (step,)
        known[handler.record.FULL_NAME] = Plan(handler.topic, handler.record, steps)
    return Topology(groups, plans)


def _check(service: StreamService) -> None:
    if not service.handlers:
        raise ConfigError(f"{service.name}: no handler is registered; import the handlers before running the service")
    for state in service.states:
        inputs = [handler.topic for handler in service.handlers if handler.state == state]
        if not inputs:
            raise ConfigError(f"{service.name}: no handler feeds state {state.name!r}; remove it or add one")
        for topic in inputs:
            if topic.key != inputs[0].key:
                raise ConfigError(
                    f"{service.name}: state {state.name!r} is fed by {inputs[0].name} (key {'+'.join(inputs[0].key)}) "
                    f"and {topic.name} (key {'+'.join(topic.key)}); re-key one of them"
                )
    names = {state.name for state in service.states}
    for state_name, name in service.timers:
        if state_name not in names:
            raise ConfigError(f"{service.name}: timer {name!r} belongs to state {state_name!r} of another service")


def _groups(handlers: list[Handler]) -> tuple[Group, ...]:
    """Join topics and states that are connected through handlers."""
    merged: list[tuple[dict[str, Topic], dict[str, State[Any]]]] = []
    for handler in handlers:
        topics = {handler.topic.name: handler.topic}
        states = {handler.state.name: handler.state} if handler.state else {}
        for other in [g for g in merged if g[0].keys() & topics.keys() or g[1].keys() & states.keys()]:
            merged.remove(other)
            topics, states = other[0] | topics, other[1] | states
        merged.append((topics, states))
    return tuple(Group(tuple(topics.values()), tuple(states.values())) for topics, states in merged)
