"""Read schemas/services and hold the files against topics and records. Which processes run where is not said here."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from liandong.codegen.marks import At, Marked, Problem
from liandong.codegen.model import TIERS, NamedType, Process, RecordType, ServiceFile, TopicFile, context_of
from liandong.errors import ConfigError


def load_services(
    folder: Path,
    types: Mapping[str, NamedType],
    topics: Sequence[TopicFile],
    platform: Sequence[TopicFile] = (),
) -> tuple[ServiceFile, ...]:
    """Return all declared services by name; `platform` are the platform's topics that a department may read.

    Raises ConfigError naming file, line and rule of all that is wrong.
    """
    services, problems = [], []
    by_name = {topic.name: topic for topic in (*platform, *topics)}
    readable = {topic.name: topic for topic in platform}
    for path in sorted(folder.glob("*.yaml")):
        marked = Marked(path)
        try:
            service = ServiceFile.model_validate(marked.data)
        except ValidationError as error:
            problems.append(str(marked.invalid(error)))
            continue
        found = _problems(service, path.stem, types, by_name)
        problems += [marked.said(at, rule) for at, rule in found]
        problems += [marked.said(at, rule) for at, rule in _reads(service, readable)]
        services.append(service)
    if problems:
        raise ConfigError("\n".join(problems))
    return tuple(services)


def _problems(
    service: ServiceFile, stem: str, types: Mapping[str, NamedType], topics: Mapping[str, TopicFile]
) -> Iterator[Problem]:
    if stem != service.service:
        yield ("service",), f"the file must be called {service.service}.yaml"
    names: set[str] = set()
    groups: set[str] = set()
    for number, process in enumerate(service.processes):
        at: At = ("processes", number)
        if process.name in names:
            yield (*at, "name"), f"two processes are called {process.name}"
        names.add(process.name)
        yield from (((*at, *below), rule) for below, rule in _process(service.service, process, groups))
        for position, state in enumerate(process.states):
            record = types.get(state.record)
            here = (*at, "states", position)
            if not isinstance(record, RecordType) or not record.internal:
                yield (*here, "record"), f"{state.record} is no internal record; states lie in avro/<context>/state"
            elif context_of(record.full_name) != service.service:
                yield (*here, "record"), f"{state.record} is declared in another context"
            for rule in _inputs(service, state.inputs, topics):
                yield (*here, "inputs"), rule


def _reads(service: ServiceFile, platform: Mapping[str, TopicFile]) -> Iterator[Problem]:
    for number, name in enumerate(service.reads):
        topic = platform.get(name)
        if topic is None:
            yield ("reads", number), f"the installed platform has no topic {name}; own topics list their consumers"
        elif topic.kind in ("evidence", "request"):
            yield ("reads", number), f"{name} is of kind {topic.kind}: only {topic.owner} reads it"
        elif topic.catalogue == "NEGATIVE":
            yield ("reads", number), f"{name} is not shared (catalogue NEGATIVE); ask its owner {topic.owner}"


def _process(service: str, process: Process, groups: set[str]) -> Iterator[Problem]:
    group = process.group or service
    if group != service and not group.startswith(f"{service}-"):
        yield ("group",), f"group {group} must be {service} or begin with {service}-, so that no two services share it"
    if process.kind == "edge":
        if process.group:
            yield ("group",), "an edge process has no consumer group"
    elif group in groups:
        yield ("name",), f"two processes have the group {group}; give one a group of its own"
    else:
        groups.add(group)
    if process.states and process.kind != "stream":
        yield ("states",), f"a {process.kind} process keeps no keyed states"


def _inputs(service: ServiceFile, inputs: Sequence[str], topics: Mapping[str, TopicFile]) -> Iterator[str]:
    known = [topics[name] for name in inputs if name in topics]
    yield from (f"{name} is not a declared topic" for name in inputs if name not in topics)
    for topic in known:
        if service.service not in topic.consumers and topic.name not in service.reads:
            yield f"{service.service} is no consumer of {topic.name}"
    for tier in TIERS:
        if len({topic.partitions.get(tier) for topic in known}) > 1:
            yield f"the inputs of one state need equal partition counts, in {tier} they differ"
            return
