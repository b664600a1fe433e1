"""The spot catalogue as a file: spots.yaml of the reference directory, checked before anything is published."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

from liandong.errors import ConfigError
from liandong_contracts.common import Datum, GeoPoint
from liandong_contracts.flood import SpotEntry, SpotKind
from pydantic import BaseModel, ConfigDict, Field

from flood_service.yamlfile import StrictFile, parsed

_Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
_Area = Annotated[str, Field(pattern=r"^(\d{6}|\d{9}|\d{12})$")]


class Place(BaseModel):
    """A position in degrees; never without its datum."""

    model_config = ConfigDict(extra="forbid", strict=True)

    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-90, le=90)
    datum: Literal["WGS84", "GCJ02", "CGCS2000"]


class SpotRow(BaseModel):
    """One spot of the file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    spot_id: _Id
    name: str = Field(min_length=1)
    kind: Literal["UNDERPASS", "ROAD", "COMMUNITY", "BASEMENT", "METRO"]
    location: Place
    area_code: _Area
    device_ids: tuple[_Id, ...] = ()
    main_road: bool
    radius_m: float = Field(gt=0, le=2000)


class SpotsFile(StrictFile):
    """spots.yaml."""

    spots: tuple[SpotRow, ...]


def load_spots(path: Path) -> list[SpotEntry]:
    """Return the entries of the file. Raises ConfigError naming the place and the fault."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"spot catalogue {path} cannot be read: {error}") from error
    rows = parsed(text, SpotsFile, f"spot catalogue {path}").spots
    if twice := _twice([row.spot_id for row in rows]):
        raise ConfigError(f"spot catalogue {path}: {', '.join(twice)} is entered twice")
    if twice := _twice([device for row in rows for device in row.device_ids]):
        raise ConfigError(f"spot catalogue {path}: gauge {', '.join(twice)} can measure one spot only")
    return [_entry(row) for row in rows]


def _twice(ids: list[str]) -> list[str]:
    return sorted(one for one, count in Counter(ids).items() if count > 1)


def _entry(row: SpotRow) -> SpotEntry:
    place = row.location
    return SpotEntry(
        spot_id=row.spot_id,
        name=row.name,
        kind=SpotKind(row.kind),
        location=GeoPoint(lon=place.lon, lat=place.lat, datum=Datum(place.datum)),
        area_code=row.area_code,
        device_ids=row.device_ids,
        main_road=row.main_road,
        radius_m=row.radius_m,
    )
