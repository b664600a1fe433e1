"""Read schemas/reference: code lists that people use beyond one enum, each with its Chinese and English words."""

from pathlib import Path

from pydantic import ValidationError

from liandong.codegen.marks import Marked
from liandong.codegen.model import CodeList
from liandong.errors import ConfigError


def load_code_lists(folder: Path) -> dict[str, CodeList]:
    """Return the code lists by the name of their file. Raises ConfigError naming file, line and rule."""
    lists: dict[str, CodeList] = {}
    problems = []
    for path in sorted(folder.glob("*.yaml")):
        marked = Marked(path)
        try:
            lists[path.stem] = CodeList.model_validate(marked.data)
        except ValidationError as error:
            problems.append(str(marked.invalid(error)))
    if problems:
        raise ConfigError("\n".join(problems))
    return lists
