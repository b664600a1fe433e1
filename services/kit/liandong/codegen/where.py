"""Where a declaration stands and whom it reaches: file and line of a field, topics and services of a record."""

import re
from collections.abc import Iterable
from pathlib import Path

from liandong.codegen.compat_topics import record_types
from liandong.codegen.released import Declared
from liandong.codegen.shape import named_within, parse

_FALLBACK = {True: r'"(fields|symbols)"\s*:', False: r"name:"}


class Places:
    """File and line of named types, their fields, topics and their keys."""

    def __init__(self, root: Path, now: Declared, released: Declared) -> None:
        self._root = root
        self._files = {**released.files, **now.files}

    def of(self, name: str, field: str, within: str) -> tuple[str, int]:
        """Return the place of a type's field or a topic's key; of what it is `within` when it is declared elsewhere."""
        file = self._files.get(name) or self._files.get(within)
        if file is None:
            return "liandong_contracts", 1  # a type of the platform that the record refers to
        path = self._root / file
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        avro = path.suffix == ".avsc"
        wanted = (rf'"name"\s*:\s*"{re.escape(field)}"' if avro else rf"{re.escape(field)}:") if field else ""
        for pattern in filter(None, (wanted, _FALLBACK[avro])):
            for number, line in enumerate(lines, start=1):
                if re.search(pattern, line) if avro else re.match(pattern, line):
                    return file, number
        return file, 1


class Readers:
    """Which topics carry a record, and which services a change of it can hit; as of the release and as of now."""

    def __init__(self, now: Declared, released: Declared) -> None:
        self._carriers: dict[str, set[str]] = {}
        self._consumers: dict[str, set[str]] = {}
        for declared in (released, now):
            for name, topic in declared.topics.items():
                self._consumers.setdefault(name, set()).update(topic.get("consumers", ()))
                for carried in (name, *record_types(topic)):
                    self._carriers.setdefault(carried, set()).add(name)
        schemas = {**released.schemas, **now.schemas}
        self._inner = {
            t.name for name, schema in schemas.items() for t in named_within(parse(schema)) if t.name != name
        }

    def of(self, names: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the topics that carry these records (or are these topics), and the services that read them.

        A record that neither a topic carries nor another record contains is the state of one service, which reads it
        after a restart or a roll-back.
        """
        topics, services = set[str](), set[str]()
        for name in names:
            carriers = self._carriers.get(name, set())
            topics |= carriers
            services |= {service for topic in carriers for service in self._consumers[topic]}
            if not carriers and name not in self._inner:
                services.add(name.split(".")[-2])
        return tuple(sorted(topics)), tuple(sorted(services))
