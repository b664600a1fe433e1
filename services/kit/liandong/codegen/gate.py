"""The compatibility gate: what is declared now against what others already read and write.

It gathers findings, gives each its place and readers, and applies what schemas/overrides.yaml permits. Git and the
registry are read elsewhere, and printing is the command's.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from liandong.codegen.compat import Finding, compare
from liandong.codegen.compat_topics import OVERRIDABLE, compare_topics
from liandong.codegen.released import Declared
from liandong.codegen.verdict import Verdict
from liandong.codegen.where import Places, Readers
from liandong.errors import ConfigError

OVERRIDES = "schemas/overrides.yaml"
_LAST_RESORT = "declare a new record beside this one ({}V2) and write both, where no default can say what is meant"


@dataclass(frozen=True)
class Version:
    """Another version of a record: its full name and schema, where people find it, and the topic that it is registered
    for, as on the wire; empty when it is from a release.
    """

    record: str
    schema: Any
    label: str
    topic: str = ""


class _Override(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    topic: str
    rule: str
    reason: str = Field(min_length=10)


@dataclass
class _Found:
    """One finding, and in which records or topics and against which versions it was made."""

    finding: Finding
    within: list[str] = field(default_factory=list)
    against: list[str] = field(default_factory=list)


def judge(root: Path, now: Declared, released: Declared, ref: str, others: Iterable[Version]) -> list[Verdict]:
    """Return all verdicts, failing ones first.

    `ref` names the release that `released` comes from; `others` are versions of a registry or of earlier releases.

    Raises ConfigError when schemas/overrides.yaml is not as it must be.
    """
    permitted = _overrides(root / OVERRIDES)
    gathered: dict[Finding, _Found] = {}
    for finding, within, against in (*_since(now, released, ref), *_unlike(now, others)):
        found = gathered.setdefault(finding, _Found(finding))
        found.within.append(within)
        found.against.append(against)
    places, readers = Places(root, now, released), Readers(now, released)
    verdicts = [_verdict(found, places, readers, permitted) for found in gathered.values()]
    used = {(verdict.type, verdict.rule) for verdict in verdicts}
    verdicts += [_unneeded(topic, rule) for topic, rule in permitted if (topic, rule) not in used]
    return sorted(verdicts, key=lambda v: (not v.fails, v.file, v.line, v.type, v.field))


def _since(now: Declared, released: Declared, ref: str) -> Iterator[tuple[Finding, str, str]]:
    """Yield the findings since a release, each with the record or topic that it was made in."""
    for name, schema in released.schemas.items():
        if name in now.schemas:
            yield from ((finding, name, ref) for finding in compare(schema, now.schemas[name]))
    for finding in compare_topics(released.topics, now.topics):
        yield finding, finding.type, ref


def _unlike(now: Declared, others: Iterable[Version]) -> Iterator[tuple[Finding, str, str]]:
    """Yield the findings between each other version of a record and the declared one."""
    for version in others:
        schema = now.schemas.get(version.record)
        topic = version.topic.partition(".")[2].rpartition(".")[0]
        if schema is not None:
            yield from ((finding, version.record, version.label) for finding in compare(version.schema, schema))
        elif topic in now.topics:
            text = f"{version.record} left {topic}: the registry has it there, so events of it may be in the topic"
            remedy = "put it back; a record that is no longer written stays declared as long as its events are kept"
            yield Finding(topic, "records", "record-left-topic", text, remedy), topic, version.label


def _verdict(found: _Found, places: Places, readers: Readers, permitted: Mapping[tuple[str, str], str]) -> Verdict:
    finding = found.finding
    topics, hit = readers.of(found.within)
    file, line = places.of(finding.type, finding.field, found.within[0])
    of_a_record = found.within[0] != finding.type or file.endswith(".avsc")
    return Verdict(
        breaking=finding.breaking,
        rule=finding.rule,
        type=finding.type,
        field=finding.field,
        file=file,
        line=line,
        text=finding.text,
        remedy=finding.remedy,
        hit=hit,
        topics=topics,
        against=tuple(dict.fromkeys(found.against)),
        permitted=permitted.get((finding.type, finding.rule), ""),
        otherwise=_LAST_RESORT.format(found.within[0].rpartition(".")[2]) if of_a_record else "",
    )


def _overrides(path: Path) -> dict[tuple[str, str], str]:
    """Return the reason by topic and rule."""
    if not path.is_file():
        return {}
    try:
        entries = TypeAdapter(list[_Override]).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")) or [])
    except (ValidationError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: {error}") from error
    for entry in entries:
        if entry.rule not in OVERRIDABLE:
            raise ConfigError(f"{path}: {entry.rule} cannot be permitted; only {', '.join(sorted(OVERRIDABLE))} can")
    return {(entry.topic, entry.rule): entry.reason for entry in entries}


def _unneeded(topic: str, rule: str) -> Verdict:
    text = f"the override of {rule} permits nothing any more: take it out"
    return Verdict(False, "override-unneeded", topic, "", OVERRIDES, 1, text, "", (), (), ())
