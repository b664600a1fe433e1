"""Points on the earth: distance and grid cells. A point without a datum, or two points of different datums, are
refused: GCJ-02 is shifted by up to 700 m against WGS 84, more than any radius used here. Nothing is ever converted."""

import math
import re
from typing import NamedTuple, Protocol

EARTH_RADIUS_M = 6_371_008.8  # IUGG mean radius
CELLS_PER_DEGREE = 1000  # a cell is 0.001 degree wide: about 110 m north-south, 100 m east-west in southern China
_CELL = re.compile(r"^(?P<area>\d{6})-cell(?P<family>g?)-(?P<row>\d+)-(?P<column>\d+)$")


class DatumMismatch(ValueError):
    """Two points of different datums were compared; convert at the border, with a licensed service, or not at all."""


class Located(Protocol):
    """Anything with a position in degrees and the datum it is measured in (WGS84, GCJ02, CGCS2000)."""

    @property
    def lon(self) -> float:
        """Longitude, degrees east."""
        ...

    @property
    def lat(self) -> float:
        """Latitude, degrees north."""
        ...

    @property
    def datum(self) -> str:
        """Code of the datum."""
        ...


class Point(NamedTuple):
    """A position in degrees with its datum."""

    lon: float
    lat: float
    datum: str


def family_of(datum: str) -> str:
    """Return the datum family: WGS 84 and CGCS2000 differ by centimetres and count as one.

    Raises ValueError for an unknown datum.
    """
    if datum in ("WGS84", "CGCS2000"):
        return "WGS84"
    if datum == "GCJ02":
        return "GCJ02"
    raise ValueError(f"a point needs a datum out of WGS84, CGCS2000, GCJ02; got {datum!r}")


def same_family(a: Located, b: Located) -> bool:
    """Say whether the distance of two points means anything."""
    return family_of(a.datum) == family_of(b.datum)


def distance_m(a: Located, b: Located) -> float:
    """Return the great-circle distance in metres (haversine). Raises DatumMismatch for points of two families."""
    if not same_family(a, b):
        raise DatumMismatch(f"{a.datum} against {b.datum}")
    north, south = math.radians(a.lat), math.radians(b.lat)
    half_lat = math.sin((south - north) / 2)
    half_lon = math.sin(math.radians(b.lon - a.lon) / 2)
    chord = half_lat**2 + math.cos(north) * math.cos(south) * half_lon**2
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(chord)))


def cell_id(area6: str, point: Located) -> str:
    """Return the id of the grid cell that holds a point, `<area6>-cell-<row>-<column>`; the same for every caller.

    Cells of GCJ-02 points are a grid of their own (`-cellg-`), since the two grids do not coincide.
    """
    family = "g" if family_of(point.datum) == "GCJ02" else ""
    row = math.floor((point.lat + 90) * CELLS_PER_DEGREE)
    column = math.floor((point.lon + 180) * CELLS_PER_DEGREE)
    return f"{area6[:6]}-cell{family}-{row}-{column}"


def cell_centre(cell: str) -> Point | None:
    """Return the middle of a grid cell, or None when the id is not a cell's."""
    match = _CELL.match(cell)
    if match is None:
        return None
    lat = (int(match["row"]) + 0.5) / CELLS_PER_DEGREE - 90
    lon = (int(match["column"]) + 0.5) / CELLS_PER_DEGREE - 180
    return Point(round(lon, 6), round(lat, 6), "GCJ02" if match["family"] else "WGS84")
