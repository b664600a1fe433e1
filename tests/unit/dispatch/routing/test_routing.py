"""Routing on invented cases: learning, saving, deciding, and what must never happen."""

import csv
import io
import json
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from dispatch_service.routing.__main__ import main
from dispatch_service.routing.fields_fit import fit as fit_fields
from dispatch_service.routing.fields_model import with_dispatch
from dispatch_service.routing.measures import Scored, ece, report, threshold
from dispatch_service.routing.models import Router, open_router
from dispatch_service.routing.proposal import Gate, Mode, Proposal, decide
from dispatch_service.routing.rows import read
from dispatch_service.routing.store import UnusableModel
from dispatch_service.routing.text_fit import fit as fit_text
from dispatch_service.routing.text_fit import groups_of
from dispatch_service.routing.words import MASK, MAX_CHARS, masked, masked_field, segmented

PLACES = ["甲", "乙", "丙", "丁", "戊", "己", "庚", "辛", "壬", "癸"]
THEMES = {"水务": ["积水", "水管", "下水道"], "噪声": ["工地", "夜间", "吵闹"], "教育": ["学校", "入学", "老师"]}


def messages() -> list[tuple[str, str]]:
    rows = []
    for label, words in THEMES.items():
        for index in range(30):
            place = PLACES[index % 10]
            rows.append((f"{place}街 {words[index % 3]} {place}号 {words[(index + 1) % 3]} 第{index}次", label))
    return rows


def write(path: Path, head: list[str], rows: list[list[str]], encoding: str = "utf-8-sig") -> Path:
    out = io.StringIO()
    csv.writer(out).writerows([head, *rows])
    path.write_bytes(out.getvalue().encode(encoding))
    return path


@pytest.fixture(scope="module")
def text_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("text")
    rows = messages()
    Router(fit_text([segmented(text) for text, _ in rows], [label for _, label in rows]), ("text",)).save(folder)
    return folder


def events() -> list[list[str]]:
    """A unit follows from matter and street; the newest street is met late."""
    return [[str(n % 3), f"s{n % 2}", f"u{n % 3}{n % 2}", str(n)] for n in range(120)]


def test_a_message_gets_its_class_and_the_words_that_decided(text_folder: Path) -> None:
    said = open_router(text_folder, lambda: segmented).propose(["text"], ["乙街 水管 积水"])
    assert said.ranked[0][0] == "水务"
    assert set(said.because) & {"水管", "积水"}
    assert len(said.model_version) == 12
    assert sum(chance for _, chance in said.ranked) == pytest.approx(1.0)


def test_a_text_without_a_known_word_proposes_nothing(text_folder: Path) -> None:
    router = open_router(text_folder, lambda: segmented)
    for text in ("", "   ", "<script>", "'; DROP TABLE x;--", "\x00\ud800"):
        assert router.propose(["text"], [text]).ranked == ()


def test_a_megabyte_costs_no_more_than_its_beginning(text_folder: Path) -> None:
    seen: list[str] = []

    def cut(text: str) -> list[str]:
        seen.append(masked(text[:MAX_CHARS]))
        return seen[-1].split()

    assert open_router(text_folder, lambda: cut).propose(["text"], ["积水 " * 400_000]).ranked[0][0] == "水务"
    assert len(seen[0]) <= MAX_CHARS
    assert len(segmented("积水 " * 400_000)) < 4 * MAX_CHARS


@pytest.mark.parametrize(
    "number", ["13900000000", "+86 139-0000-0000", "1390000 0000".replace(" ", ""), "1３９00000000"]
)
def test_numbers_of_persons_are_masked(number: str) -> None:
    assert masked(f"请致电{number}。") == f"请致电{MASK}。"


def test_identity_numbers_are_masked_and_ids_of_areas_stay() -> None:
    assert masked("证号11010119000101001X") == f"证号{MASK}"
    assert masked_field("440310001002") == "440310001002"
    assert MASK in masked_field("13900000000")


def test_no_number_of_a_person_is_stored(tmp_path: Path) -> None:
    rows = [(f"{text} 13900000000 电话13900000000", label) for text, label in messages()]
    Router(fit_text([segmented(text) for text, _ in rows], [label for _, label in rows]), ("text",)).save(tmp_path)
    assert "139" not in (tmp_path / "model.json").read_text(encoding="utf-8")


def test_near_duplicates_are_one_group() -> None:
    same = [f"词{n}" for n in range(40)]
    first, second, other = groups_of([same, [*same[:-1], "别"], [f"字{n}" for n in range(40)]])
    assert first == second != other


@pytest.mark.parametrize("broken", ["arrays.npz", "model.json"])
def test_a_changed_model_is_refused(text_folder: Path, tmp_path: Path, broken: str) -> None:
    for name in ("arrays.npz", "model.json"):
        raw = (text_folder / name).read_bytes()
        changed = raw[:-40] + bytes([raw[-40] ^ 1]) + raw[-39:] if name == broken == "arrays.npz" else raw
        changed = changed.replace("水务".encode(), "火务".encode()) if name == broken == "model.json" else changed
        (tmp_path / name).write_bytes(changed)
    with pytest.raises(UnusableModel):
        open_router(tmp_path, lambda: segmented)


def test_a_pickle_is_refused_and_not_run(text_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_bytes((text_folder / "model.json").read_bytes())
    (tmp_path / "arrays.npz").write_bytes(pickle.dumps({"scores": np.zeros(1)}))
    with pytest.raises(UnusableModel):
        open_router(tmp_path, lambda: segmented)


def test_using_a_model_needs_no_scikit_learn(text_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert open_router(text_folder, lambda: segmented).propose(["text"], ["老师 学校"]).ranked[0][0] == "教育"


def test_units_follow_from_fields_and_back_off(tmp_path: Path) -> None:
    rows = [({"matter": m, "street": s, "rec": n}, u) for m, s, u, n in events()]
    model = fit_fields(rows, ["rec", "street", "matter"])
    assert all("rec" not in chain for chain in model.chains)
    assert model.propose({"street": "s1", "matter": "2"}).ranked[0][0] == "u21"
    said = model.propose({"matter": "2", "street": "unheard of"})
    assert {label for label, _ in said.ranked[:2]} <= {"u20", "u21", "u00", "u10", "u01", "u11"}
    Router(model, ("matter", "street", "rec")).save(tmp_path)
    loaded = open_router(tmp_path, lambda: segmented)
    assert (
        loaded.propose(["street", "matter"], ["s1", "2"]).ranked
        == model.propose({"street": "s1", "matter": "2"}).ranked
    )


def test_a_confirmed_dispatch_counts_and_leaves_the_old_counts_alone() -> None:
    rows = [({"matter": m, "street": s}, u) for m, s, u, _ in events()]
    before = fit_fields(rows, ["matter", "street"])
    values = {"matter": "9", "street": "s1"}
    after = before
    for _ in range(30):
        after = after.confirmed(values, "new")
    assert after.propose(values).ranked[0][0] == "new"
    assert "new" not in before.chances(values)


def test_one_dispatch_is_one_count_in_each_context_once() -> None:
    counts = with_dispatch({}, [("a", "b"), ("a",)], {"a": "1", "b": "2"}, "u")
    assert counts == {(): {"u": 1.0}, (("a", "1"),): {"u": 1.0}, (("a", "1"), ("b", "2")): {"u": 1.0}}


PROPOSAL = Proposal((("u1", 0.9), ("u2", 0.1)), ("matter=1: 9 of 10",), "abcdef012345")


@pytest.mark.parametrize(
    ("rule", "proposal", "gate", "label", "mode"),
    [
        ("u9", PROPOSAL, Gate(0.8), "u9", Mode.RULE),
        ("u9", None, Gate(0.8), "u9", Mode.RULE),
        (None, None, Gate(0.8), None, Mode.MANUAL),
        (None, Proposal((), (), "v"), Gate(0.0), None, Mode.MANUAL),
        (None, PROPOSAL, Gate(0.9), "u1", Mode.AUTO),
        (None, PROPOSAL, Gate(0.91), None, Mode.MANUAL),
        (None, PROPOSAL, Gate(0.8, manual=frozenset({"u1"})), None, Mode.MANUAL),
        (None, PROPOSAL, Gate(0.8, shadow=True), None, Mode.SHADOW),
    ],
)
def test_rules_first_then_a_sure_model_else_a_person(
    rule: str | None, proposal: Proposal | None, gate: Gate, label: str | None, mode: Mode
) -> None:
    decision = decide(rule, proposal, gate)
    assert (decision.label, decision.mode, decision.proposal) == (label, mode, proposal)


def test_threshold_keeps_the_precision_also_among_equal_confidences() -> None:
    rows = [Scored((("a", 0.9),), "a")] * 19 + [Scored((("a", 0.9),), "b")] + [Scored((("a", 0.5),), "b")] * 5
    assert threshold(rows) == (0.9, 0.8)
    assert threshold([Scored((("a", 0.9),), "b")]) == (float("inf"), 0.0)


def test_calibration_error_of_known_rows() -> None:
    assert ece([Scored((("a", 0.75),), "a")] * 3 + [Scored((("a", 0.75),), "b")]) == pytest.approx(0.0)
    assert ece([Scored((("a", 0.95),), "b")] * 4) == pytest.approx(0.95)
    assert report([Scored((), "a")])["top1"] == 0.0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_files_of_either_encoding_are_read(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path / "x.csv", ["类", "文"], [["水务", "积水\u2028，\n严重"], ["", "无标签"], ["教育"]], encoding)
    assert read(path, ["文"], "类") == [(("积水\u2028，\n严重",), "水务"), (("",), "教育")]


def test_an_unknown_column_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", ["a"], [["1"]])
    with pytest.raises(ValueError, match="no column b; it has a"):
        read(path, ["b"], None)


def test_commands_for_text(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [[text, label] for text, label in messages()]
    path = write(tmp_path / "t.csv", ["text", "label"], [*rows, ["", "没见过"]], "gb18030")
    train = write(tmp_path / "train.csv", ["text", "label"], rows)
    common = ["--text", "text", "--label", "label", "--segmented"]
    assert main(["train", "--input", str(train), *common, "--out", str(tmp_path / "m")]) == 0
    assert main(["evaluate", "--model", str(tmp_path / "m"), "--input", str(path), *common]) == 0
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {"macro_f1", "top1", "top3", "ece", "coverage_at_95"} <= set(figures)
    assert figures["top1"] == pytest.approx(90 / 91)
    lines = '{"text": "积水 水管"}\nnot json\n[1]\n{"text": null}\n'.encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines)))
    assert main(["predict", "--model", str(tmp_path / "m"), "--segmented"]) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert said[0]["top"][0]["label"] == "水务"
    assert ["error" in each for each in said] == [False, True, True, False]


def test_commands_for_fields(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "e.csv", ["matter", "street", "unit", "rec"], events())
    other = write(tmp_path / "o.csv", ["unit", "street", "matter"], [[u, s, m] for m, s, u, _ in events()])
    common = ["--label", "unit"]
    assert main(["train", "--input", str(path), "--text", "matter,street", *common, "--out", str(tmp_path / "m")]) == 0
    assert (
        main(["evaluate", "--model", str(tmp_path / "m"), "--input", str(other), "--text", "street,matter", *common])
        == 0
    )
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["top1"] == 1.0
    assert main(["evaluate", "--model", str(tmp_path / "no"), "--input", str(path), "--text", "street", *common]) == 2
    assert "no usable model" in capsys.readouterr().err
