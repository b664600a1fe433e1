"""Names from the reference directory (areas.yaml, roster.yaml, devices.csv, spots.yaml).

Names are comfort, not truth: a missing or unreadable file costs names, never the page. Whoever owns a file checks it.
"""

import csv
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ioc_service.domain.names import DeviceCard, Names, PostHolder

log = logging.getLogger(__name__)


def load(folder: Path) -> Names:
    """Return the names that the files of a reference directory give."""
    devices = _devices(folder / "devices.csv")
    roster = folder / "roster.yaml"
    return Names(
        areas={str(item["code"]): str(item["name"]) for item in _items(folder / "areas.yaml", "areas", "code", "name")},
        persons={str(item["id"]): str(item["name"]) for item in _items(roster, "persons", "id", "name")},
        posts=tuple(
            PostHolder(str(item["post"]), str(item["area"]), item.get("person"))
            for item in _items(roster, "posts", "post", "area")
        ),
        gauges={
            str(item["spot_id"]): tuple(item.get("device_ids") or ())
            for item in _items(folder / "spots.yaml", "spots", "spot_id")
        },
        card=devices.get,
        device_total=lambda: len(devices) or None,
    )


def _devices(path: Path) -> dict[str, DeviceCard]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return {
                row["device_id"]: DeviceCard(row.get("name") or row["device_id"], row.get("area_code"))
                for row in csv.DictReader(file)
                if row.get("status") != "RETIRED"
            }
    except (OSError, KeyError, csv.Error) as error:
        log.warning("%s gives no names: %r", path.name, error)
        return {}


def _items(path: Path, key: str, *needed: str) -> Iterator[dict[str, Any]]:
    try:
        # BaseLoader keeps codes as text, quoted or not
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
        listed = raw.get(key) or []
    except (OSError, yaml.YAMLError, AttributeError) as error:
        log.warning("%s gives no names: %s", path.name, error)
        return
    for item in listed:
        if isinstance(item, dict) and all(item.get(name) for name in needed):
            yield item
