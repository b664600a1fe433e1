"""Which spot a place or a gauge belongs to: the catalogue's spot, else the grid cell. Nothing is stored."""

from collections.abc import Iterable
from dataclasses import dataclass

from liandong.pure.geometry import Located, cell_centre, cell_id, distance_m, same_family
from liandong_contracts.common import Datum, GeoPoint
from liandong_contracts.flood import SpotEntry, SpotKind


@dataclass(frozen=True)
class SpotFacts:
    """What is known of a spot apart from the water."""

    spot_id: str
    name: str
    kind: SpotKind
    location: GeoPoint | None
    area_code: str
    main_road: bool


@dataclass(frozen=True)
class Match:
    """The spot of a place."""

    spot_id: str
    name: str
    distance_m: float
    catalogued: bool


def match(point: Located, catalogue: Iterable[SpotEntry], area6: str) -> Match:
    """Return the nearest catalogued spot whose radius covers the point, else the grid cell's candidate.

    Spots in a datum that the point cannot be compared with do not count. Raises ValueError for a point without a datum.
    """
    best: tuple[float, str, SpotEntry] | None = None
    for entry in catalogue:
        if not same_family(point, entry.location):
            continue
        distance = distance_m(point, entry.location)
        if distance <= entry.radius_m and (best is None or (distance, entry.spot_id) < best[:2]):
            best = (distance, entry.spot_id, entry)
    if best is None:
        return Match(cell_id(area6, point), "", 0.0, False)
    return Match(best[1], best[2].name, round(best[0], 1), True)


def spot_of(device_id: str, entry: SpotEntry | None, location: Located | None, area6: str) -> str:
    """Return the spot that a water gauge measures: catalogued, else the cell it stands in, else one of its own."""
    if entry is not None:
        return entry.spot_id
    if location is not None and location.datum != Datum.UNKNOWN:
        return cell_id(area6, location)
    return f"{area6}-gauge-{device_id}"


def facts_of(spot_id: str, entry: SpotEntry | None) -> SpotFacts:
    """Return what is known of a spot; one that is not catalogued has the name and middle of its grid cell."""
    if entry is not None:
        return SpotFacts(spot_id, entry.name, entry.kind, entry.location, entry.area_code, entry.main_road)
    centre = cell_centre(spot_id)
    location = None if centre is None else GeoPoint(lon=centre.lon, lat=centre.lat, datum=Datum(centre.datum))
    name = spot_id if centre is None else f"未编目积水点（北纬{centre.lat:.4f}°，东经{centre.lon:.4f}°）"
    return SpotFacts(spot_id, name, SpotKind.UNKNOWN, location, spot_id[:6], False)
