"""Either model behind one door: from rows of cells to a proposal, to disk and back. Knows no command line."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dispatch_service.routing.fields_model import Context, FieldsModel
from dispatch_service.routing.proposal import Proposal
from dispatch_service.routing.store import UnusableModel, load, save
from dispatch_service.routing.text_model import TextModel
from dispatch_service.routing.words import masked_field, segmented

Cut = Callable[[str], list[str]]
_PROSE = 15  # characters; a longer mean cell is words, not an id


def is_prose(rows: Sequence[tuple[Sequence[str], str]]) -> bool:
    """Return whether any column holds sentences."""
    columns = zip(*(cells for cells, _ in rows), strict=True)
    return any(sum(map(len, cells)) > _PROSE * len(cells) for cells in columns)


def joined(cells: Sequence[str]) -> str:
    """Return the cells of a message as one text, the title first."""
    return " ".join(cell for cell in cells if cell)


@dataclass(frozen=True)
class Router:
    """A loaded model; `cut` cuts raw text."""

    model: TextModel | FieldsModel
    columns: tuple[str, ...]
    cut: Cut = segmented

    def propose(self, names: Sequence[str], cells: Sequence[str]) -> Proposal:
        """Return the proposal for the cells of the named columns, in any order."""
        if isinstance(self.model, TextModel):
            return self.model.propose(self.cut(joined(cells)))
        return self.model.propose(self.fields(names, cells))

    def fields(self, names: Sequence[str], cells: Sequence[str]) -> Mapping[str, str]:
        """Return the cells by the model's columns; ValueError where not one is among them."""
        if not set(names) & set(self.columns):
            raise ValueError(f"columns {', '.join(names)}: the model knows {', '.join(self.columns)} only")
        return {name: masked_field(cell) for name, cell in zip(names, cells, strict=True)}

    def save(self, folder: Path) -> str:
        """Write the model; return its version."""
        if isinstance(self.model, TextModel):
            return _save_text(self.model, self.columns, folder)
        return _save_fields(self.model, folder)


def open_router(folder: Path, cut: Callable[[], Cut]) -> Router:
    """Load a model; `cut` is asked for only where a text model needs it. UnusableModel where it cannot be used."""
    version, body, arrays = load(folder)
    try:
        if body["kind"] == "text":
            return Router(_text(version, body, arrays), tuple(body["columns"]), cut())
        if body["kind"] == "fields":
            return Router(_fields(version, body, arrays), tuple(body["columns"]))
    except (KeyError, ValueError, TypeError, IndexError) as problem:
        raise UnusableModel(f"{folder}: incomplete model ({problem}); train it again") from problem
    raise UnusableModel(f"{folder}: unknown kind {body['kind']}; this program knows text and fields")


def _save_text(model: TextModel, columns: tuple[str, ...], folder: Path) -> str:
    body: dict[str, object] = {"kind": "text", "columns": columns, "labels": model.labels, "terms": model.terms}
    body |= {"sharpness": model.sharpness, "threshold": model.threshold}
    arrays = {"term_weight": model.term_weight, "scores": model.scores, "offset": model.offset}
    return save(folder, body, arrays)


def _text(version: str, body: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> TextModel:
    held = (arrays["term_weight"], arrays["scores"], arrays["offset"])
    figures = _figures(body)
    return TextModel(tuple(body["labels"]), tuple(body["terms"]), *held, *figures, version)


def _save_fields(model: FieldsModel, folder: Path) -> str:
    units = sorted({unit for held in model.counts.values() for unit in held})
    place = {unit: index for index, unit in enumerate(units)}
    cells = [(at, place[u], n) for at, held in enumerate(model.counts.values()) for u, n in held.items()]
    table = np.array(cells, dtype=np.float64).reshape(-1, 3)
    body: dict[str, object] = {"kind": "fields", "columns": model.columns, "chains": model.chains, "units": units}
    body |= {"contexts": list(model.counts), "sharpness": model.sharpness, "threshold": model.threshold}
    return save(folder, body, {"counts": table})


def _fields(version: str, body: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> FieldsModel:
    contexts: list[Context] = [tuple((column, value) for column, value in each) for each in body["contexts"]]
    counts: dict[Context, dict[str, float]] = {context: {} for context in contexts}
    for at, unit, count in arrays["counts"].tolist():
        counts[contexts[int(at)]][str(body["units"][int(unit)])] = count
    chains = tuple(tuple(chain) for chain in body["chains"])
    return replace(FieldsModel((), chains, counts, *_figures(body), version), columns=tuple(map(str, body["columns"])))


def _figures(body: Mapping[str, object]) -> tuple[float, float]:
    sharpness, threshold = body["sharpness"], body["threshold"]
    if not isinstance(sharpness, float | int) or not isinstance(threshold, float | int):
        raise ValueError("sharpness and threshold are numbers")
    return float(sharpness), float(threshold)
