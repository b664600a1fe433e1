"""Where a value stands in a YAML or JSON file, so that a refusal can name the line. It also refuses a key twice."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import yaml
from pydantic import ValidationError

from liandong.errors import ConfigError

At = tuple[str | int, ...]
"""The keys and positions that lead to a value."""
Problem = tuple[At, str]
"""Where something is wrong in a file, and the rule that it breaks."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where PyYAML was built with it


class Marked:
    """A parsed YAML file and the line of every key and item in it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        loader = _Loader(text_of(file))
        self._seen: set[int] = set()
        try:
            node = loader.get_single_node()
            self._lines: dict[At, int] = {}
            if node is not None:
                self._walk(node, ())
            self.data: Any = None if node is None else loader.construct_document(node)
        except RecursionError as error:
            raise ConfigError(f"{file}:1: nested too deep to be read") from error
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise ConfigError(f"{file}:{line}: not YAML: {error.problem}") from error
        finally:
            loader.dispose()

    def _walk(self, node: yaml.Node, path: At) -> None:
        self._lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in self._seen:  # it could lead to itself, or to very many copies
            raise ConfigError(f"{self.file}:{node.start_mark.line + 1}: {_dotted(path)} is an alias; write it out")
        self._seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                self._walk(item, (*path, number))
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                at = (*path, str(key.value))
                if at in self._lines:
                    raise ConfigError(f"{self.file}:{key.start_mark.line + 1}: {_dotted(at)} is given twice")
                self._lines[at] = key.start_mark.line + 1
                self._walk(value, at)

    def line(self, path: Sequence[str | int]) -> int:
        """Return the line of a value, or of the nearest one around it."""
        at: At = tuple(path)
        while at not in self._lines and at:
            at = at[:-1]
        return self._lines.get(at, 1)

    def refuse(self, path: Sequence[str | int], rule: str) -> NoReturn:
        """Raise the ConfigError that names file and line."""
        raise ConfigError(self.said(path, rule))

    def said(self, path: Sequence[str | int], rule: str) -> str:
        """Return file, line and rule as one line of text."""
        return f"{self.file}:{self.line(path)}: {rule}"

    def invalid(self, error: ValidationError) -> ConfigError:
        """Return what a model refused, one line for each value."""
        lines = []
        found = [one["loc"] for one in error.errors()]
        for one in error.errors():
            if any(len(at) > len(one["loc"]) and at[: len(one["loc"])] == one["loc"] for at in found):
                continue  # what is wrong inside says it better
            where = _dotted(one["loc"])
            text = "unknown key" if one["type"] == "extra_forbidden" else one["msg"].removeprefix("Value error, ")
            lines.append(self.said(one["loc"], f"{where}: {text}" if where else text))
        return ConfigError("\n".join(dict.fromkeys(lines)))


def text_of(file: Path) -> str:
    """Return what a file says. Raises ConfigError when it cannot be read as UTF-8."""
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{file}:{line}: not UTF-8: byte {error.object[error.start]:#04x}") from error
    except OSError as error:
        raise ConfigError(f"{file}:1: cannot be read: {error.strerror}") from error


def line_in(file: Path, path: Sequence[str | int]) -> int:
    """Return the line of a value in a JSON or YAML file; 1 when the file cannot be parsed."""
    try:
        return Marked(file).line(path)
    except ConfigError:
        return 1


def _dotted(path: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in path)
