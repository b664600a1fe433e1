"""Distances need one datum; a grid cell's id is the same for everybody and leads back to its middle."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liandong.pure.geometry import DatumMismatch, Point, cell_centre, cell_id, distance_m, same_family

HALL = Point(114.0579, 22.5431, "WGS84")


def test_distance_of_a_known_pair() -> None:
    # one degree of latitude on the mean sphere: pi/180 * 6371.0088 km
    north = Point(114.0579, 23.5431, "CGCS2000")
    assert distance_m(HALL, north) == pytest.approx(111_195.08, abs=0.1)


def test_datums_are_never_mixed() -> None:
    shifted = Point(114.0579, 22.5431, "GCJ02")
    with pytest.raises(DatumMismatch, match="WGS84 against GCJ02"):
        distance_m(HALL, shifted)
    assert not same_family(HALL, shifted)


def test_a_point_without_a_datum_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a datum"):
        cell_id("990101", Point(114.0, 22.5, "UNKNOWN"))


def test_cells_of_the_two_grids_differ() -> None:
    assert cell_id("990101", HALL) == "990101-cell-112543-294057"
    assert cell_id("990101", HALL._replace(datum="GCJ02")) == "990101-cellg-112543-294057"
    assert cell_id("990101", HALL._replace(datum="CGCS2000")) == cell_id("990101", HALL)


@given(st.floats(-179.99, 179.99), st.floats(-89.99, 89.99), st.sampled_from(["WGS84", "GCJ02"]))
def test_the_middle_of_a_cell_lies_in_that_cell(lon: float, lat: float, datum: str) -> None:
    cell = cell_id("990101", Point(lon, lat, datum))
    middle = cell_centre(cell)
    assert middle is not None
    assert middle.datum == datum
    assert cell_id("990101", middle) == cell
    assert abs(middle.lat - lat) <= 0.00051
    assert abs(middle.lon - lon) <= 0.00051


def test_another_id_is_no_cell() -> None:
    assert cell_centre("990101-spot-1") is None
