"""Routing on real cases: figures that must hold, with near-duplicates apart and the past before the future."""

import csv
import json
import time
from pathlib import Path

import pytest
from dispatch_service.routing.__main__ import main
from dispatch_service.routing.measures import report
from dispatch_service.routing.models import Router, open_router
from dispatch_service.routing.rows import read
from dispatch_service.routing.text_fit import calibrated, cross_validated, fit_uncalibrated, groups_of, sharpness_of
from dispatch_service.routing.words import cutter, segmented

from tests.support.shared_data import shared

FIELDS = "street_id,community_id,event_type_id,main_type_id,sub_type_id,event_property_id,event_source_id"


def test_classes_of_messages_by_grouped_cross_validation() -> None:
    rows = read(shared("citizen_messages/segmented_labelled.csv"), ["text_segmented_stopworded"], "label")
    unseen = cross_validated([segmented(text) for (text,), _ in rows], [label for _, label in rows])
    halves = unseen[::2], unseen[1::2]
    # each half is calibrated by the other one: a temperature is not judged on what it was fitted on
    judged = [*calibrated(halves[0], sharpness_of(halves[1])), *calibrated(halves[1], sharpness_of(halves[0]))]
    figures = report(judged)
    assert figures["macro_f1"] >= 0.915, figures
    assert figures["ece"] <= 0.03, figures


def test_raw_messages_are_classified_a_thousand_a_cpu_second(tmp_path: Path) -> None:
    rows = read(shared("citizen_messages/segmented_labelled.csv"), ["text_segmented_stopworded"], "label")
    raw = read(shared("citizen_messages/raw_labelled.csv"), ["title", "detail"], "label")
    words = [segmented(text) for (text,), _ in rows]
    known, cut = {word for each in words for word in each}, cutter()
    groups = groups_of([*words, *([w for w in cut(" ".join(cells)) if w in known] for cells, _ in raw)])
    met = set(groups[len(words) :])  # raw messages stand among the segmented ones too: those are not learnt
    learn = [index for index in range(len(words)) if groups[index] not in met]
    assert len(words) - len(learn) > len(raw) // 2
    model = fit_uncalibrated([words[index] for index in learn], [rows[index][1] for index in learn])
    Router(model, ("text",)).save(tmp_path)
    router = open_router(tmp_path, cutter)
    rates, hits = [], 0
    for _ in range(3):  # the best of three: the machine has other work
        start = time.process_time()
        hits = sum(router.propose(("title", "detail"), cells).ranked[0][0] == label for cells, label in raw)
        rates.append(len(raw) / (time.process_time() - start))
    assert hits / len(raw) >= 0.85
    assert max(rates) >= 1_000, rates


def test_units_of_events_the_past_before_the_future(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with shared("district_events/events_8000.csv").open(encoding="utf-8-sig", newline="") as file:
        head, *rows = csv.reader(file)
    rows.sort(key=lambda row: row[head.index("create_time")])
    for name, part in (("past.csv", rows[:6_000]), ("future.csv", rows[6_000:])):
        with (tmp_path / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([head, *part])
    common = ["--text", FIELDS, "--label", "dispose_unit_id"]
    assert main(["train", "--input", str(tmp_path / "past.csv"), *common, "--out", str(tmp_path / "m")]) == 0
    assert main(["evaluate", "--model", str(tmp_path / "m"), "--input", str(tmp_path / "future.csv"), *common]) == 0
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["top1"] >= 0.68, figures
    assert figures["top3"] >= 0.83, figures
