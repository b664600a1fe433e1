"""Rule packs and spot catalogues as files: the shipped ones are good, a wrong one is refused in one clear sentence."""

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml
from flood_service.catalogue import load_spots
from flood_service.packs import load_pack
from liandong.errors import ConfigError
from liandong_contracts.common import Level

ROOT = Path(__file__).parents[3]
GOOD_SPOT: dict[str, Any] = {
    "spot_id": "SP-1",
    "name": "示例下穿隧道",
    "kind": "UNDERPASS",
    "location": {"lon": 130.0, "lat": 25.0, "datum": "CGCS2000"},
    "area_code": "990101001001",
    "device_ids": ["WL01"],
    "main_road": True,
    "radius_m": 120,
}


def sample() -> dict[str, Any]:
    text = (resources.files("flood_service.packs") / "sample.yaml").read_text(encoding="utf-8")
    raw: dict[str, Any] = yaml.safe_load(text)
    return raw


def test_the_sample_is_marked_as_one() -> None:
    pack = load_pack()
    assert "示例预案" in pack.title
    assert [rule.level for rule in pack.levels] == [Level.I, Level.II, Level.III, Level.IV]
    assert not pack.watch.propose


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda raw: raw.update(extra=1), "pack.extra"),
        (lambda raw: raw["levels"][1]["conditions"][0].update(mm="100"), r"conditions\.0\.RainAtLeast\.mm: .*number"),
        (lambda raw: raw["levels"][1]["conditions"][0].update(inches=4), "inches"),
        (lambda raw: raw["levels"][1]["conditions"][0].update(kind="snow"), "kind"),
        (lambda raw: raw["levels"][1]["conditions"][0].update(window="H6"), "H6 is not measured"),
        (lambda raw: raw["levels"][2].update(need=9), "9 of 5"),
        (lambda raw: raw["levels"].reverse(), "highest first"),
        (lambda raw: raw["levels"][3]["conditions"][1].update(name="rain_h1_30"), "one name"),
    ],
)
def test_a_wrong_pack_is_refused(tmp_path: Path, change: Callable[[dict[str, Any]], None], words: str) -> None:
    raw = sample()
    change(raw)
    path = tmp_path / "pack.yaml"
    path.write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
    with pytest.raises(ConfigError, match=words) as caught:
        load_pack(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml"):
        load_pack(tmp_path / "nowhere.yaml")
    with pytest.raises(ConfigError, match=r"spots\.yaml"):
        load_spots(tmp_path / "spots.yaml")


def test_the_catalogue_of_the_example_district() -> None:
    entries = load_spots(ROOT / "tools/district/spots.yaml")
    assert len(entries) >= 10
    assert any(entry.main_road for entry in entries)


def spots_file(tmp_path: Path, *rows: dict[str, Any]) -> Path:
    path = tmp_path / "spots.yaml"
    path.write_text(yaml.safe_dump({"spots": list(rows)}, allow_unicode=True), encoding="utf-8")
    return path


def test_a_good_spot(tmp_path: Path) -> None:
    (entry,) = load_spots(spots_file(tmp_path, GOOD_SPOT))
    assert entry.radius_m == 120.0
    assert entry.device_ids == ("WL01",)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{**GOOD_SPOT, "radius_m": 0}], "radius_m"),
        ([{**GOOD_SPOT, "area_code": 990101}], "area_code"),
        ([{**GOOD_SPOT, "location": {"lon": 130.0, "lat": 25.0}}], "datum"),
        ([{**GOOD_SPOT, "colour": "blue"}], "colour"),
        ([GOOD_SPOT, {**GOOD_SPOT, "device_ids": []}], "SP-1 is entered twice"),
        ([GOOD_SPOT, {**GOOD_SPOT, "spot_id": "SP-2"}], "gauge WL01 can measure one spot only"),
    ],
)
def test_a_wrong_catalogue_is_refused(tmp_path: Path, rows: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_spots(spots_file(tmp_path, *rows))
