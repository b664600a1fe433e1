"""Models on disk: model.json and arrays.npz, with checksum and version. Nothing that runs is read: never pickle."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

FORMAT = 1


class UnusableModel(ValueError):
    """The folder holds no model that may be loaded."""


def save(folder: Path, body: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """Write a model and return its version, twelve digits of its content's digest."""
    folder.mkdir(parents=True, exist_ok=True)
    packed = io.BytesIO()
    np.savez(packed, **{name: np.ascontiguousarray(each) for name, each in arrays.items()})  # type: ignore[arg-type] # stub
    digest = _digest(body, packed.getvalue())
    (folder / "arrays.npz").write_bytes(packed.getvalue())
    head = {"format": FORMAT, "version": digest[:12], "sha256": digest, "body": body}
    (folder / "model.json").write_text(json.dumps(head, ensure_ascii=False), encoding="utf-8")
    return digest[:12]


def load(folder: Path) -> tuple[str, dict[str, Any], dict[str, np.ndarray]]:
    """Return version, body and arrays; UnusableModel for anything but an intact model of this format."""
    try:
        head = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        packed = (folder / "arrays.npz").read_bytes()
        if head["format"] != FORMAT:
            raise UnusableModel(f"{folder}: format {head['format']}, this program reads {FORMAT}; train it again")
        if _digest(head["body"], packed) != head["sha256"] or head["version"] != head["sha256"][:12]:
            raise UnusableModel(f"{folder}: the checksum does not match; copy the model again or train it again")
        with np.load(io.BytesIO(packed), allow_pickle=False) as held:
            return head["version"], head["body"], {name: held[name] for name in held.files}
    except UnusableModel:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as problem:
        raise UnusableModel(f"{folder}: no usable model ({problem}); train one with --out {folder}") from problem


def _digest(body: Mapping[str, Any], packed: bytes) -> str:
    canonical = json.dumps(body, ensure_ascii=False, sort_keys=True).encode()
    return hashlib.sha256(canonical + packed).hexdigest()
