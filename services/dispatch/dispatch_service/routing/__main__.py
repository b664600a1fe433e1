"""Command line: train, evaluate, predict. Prints JSON; what went wrong goes to standard error, exit code 2."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from dispatch_service.routing.measures import Scored, per_class, report
from dispatch_service.routing.models import Router, is_prose, joined, open_router
from dispatch_service.routing.proposal import Proposal
from dispatch_service.routing.rows import read
from dispatch_service.routing.words import cutter, masked_field, segmented


def train(asked: argparse.Namespace) -> None:
    """Fit a model and write it; says its version and what it may decide by itself."""
    from dispatch_service.routing import fields_fit, text_fit  # scikit-learn is for training only

    rows = read(asked.input, asked.text, asked.label)
    if not rows:
        raise ValueError(f"{asked.input}: no row with a label in column {asked.label}")
    kind = asked.kind or ("text" if asked.segmented or is_prose(rows) else "fields")
    if kind == "text":
        cut = segmented if asked.segmented else cutter()
        words = [cut(joined(cells)) for cells, _ in rows]
        router = Router(text_fit.fit(words, [label for _, label in rows]), tuple(asked.text))
    else:
        named = [(dict(zip(asked.text, map(masked_field, cells), strict=True)), label) for cells, label in rows]
        router = Router(fields_fit.fit(named, asked.text), tuple(asked.text))
    version = router.save(asked.out)
    print(json.dumps({"kind": kind, "rows": len(rows), "version": version, "threshold": router.model.threshold}))


def evaluate(asked: argparse.Namespace) -> None:
    """Print the figures of the model on labelled rows."""
    router = open_router(asked.model, lambda: segmented if asked.segmented else cutter())
    rows = read(asked.input, asked.text, asked.label)
    scored = [Scored(router.propose(asked.text, cells).ranked, label) for cells, label in rows]
    figures = report(scored) | {"rows": len(rows), "model_version": router.model.version}
    print(json.dumps(figures | ({"classes": per_class(scored)} if asked.classes else {}), ensure_ascii=False))


def predict(asked: argparse.Namespace) -> None:
    """Answer each line of JSON with one line; a line that cannot be read gets `error` and stops nothing."""
    router = open_router(asked.model, lambda: segmented if asked.segmented else cutter())
    for line in sys.stdin.buffer:
        if line.strip():
            print(json.dumps(_answer(router, line), ensure_ascii=False), flush=True)


def _answer(router: Router, line: bytes) -> dict[str, object]:
    try:
        given = json.loads(line.decode("utf-8-sig", errors="replace"))
        if not isinstance(given, dict):
            raise ValueError("not an object")
        names = tuple(router.columns if set(router.columns) & set(given) else given)
        said = router.propose(names, ["" if given.get(name) is None else str(given[name]) for name in names])
    except (ValueError, RecursionError) as problem:
        return {"error": f"{problem}: give one JSON object a line with {', '.join(router.columns)}"}
    return _shown(said, router.model.threshold)


def _shown(said: Proposal, threshold: float) -> dict[str, object]:
    return {
        "top": [{"label": label, "confidence": round(chance, 4)} for label, chance in said.ranked],
        "automatic": bool(said.ranked) and said.ranked[0][1] >= threshold,
        "because": list(said.because),
        "model_version": said.model_version,
    }


def _columns(given: str) -> list[str]:
    return [name.strip() for name in given.split(",") if name.strip()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("dispatch_service.routing", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, act in (("train", train), ("evaluate", evaluate), ("predict", predict)):
        command = commands.add_parser(name, help=act.__doc__)
        command.set_defaults(act=act)
        command.add_argument("--segmented", action="store_true", help="blanks separate the words already")
        if name != "predict":
            command.add_argument("--input", type=Path, required=True, help="CSV, UTF-8 or GB18030; events oldest first")
            command.add_argument("--text", type=_columns, required=True, help="COL[,COL]: texts, or fields of an event")
            command.add_argument("--label", required=True, help="column of the class or of the unit's id")
        if name == "train":
            command.add_argument("--out", type=Path, required=True, help="folder of the model")
            command.add_argument("--kind", choices=("text", "fields"), help="default: by the length of the cells")
        else:
            command.add_argument("--model", type=Path, required=True, help="folder of the model")
        if name == "evaluate":
            command.add_argument("--classes", action="store_true", help="figures of each class too")
    return parser


def main(given: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    asked = _parser().parse_args(given)
    try:
        asked.act(asked)
    except (ValueError, OSError) as problem:
        print(problem, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
