"""CSV files of past cases: UTF-8 or GB18030, any column order, cells of any length. Reads only."""

import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path


def read(path: Path, columns: Sequence[str], label: str | None) -> list[tuple[tuple[str, ...], str]]:
    """Return the columns' values and the label of each row; an absent cell is empty, rows without label fall out."""
    csv.field_size_limit(sys.maxsize)
    table = csv.DictReader(io.StringIO(_text(path).replace("\0", ""), newline=""))
    names = {(name or "").strip(): name for name in table.fieldnames or ()}
    needed = [*columns, *([label] if label else [])]
    missing = [name for name in needed if name not in names]
    if missing:
        raise ValueError(f"{path}: no column {', '.join(missing)}; it has {', '.join(names)}")
    found = []
    for row in table:
        right = (row.get(names[label]) or "").strip() if label else ""
        if right or not label:
            found.append((tuple((row.get(names[name]) or "").strip() for name in columns), right))
    return found


def _text(path: Path) -> str:
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("gb18030", errors="replace").removeprefix("\ufeff")
