"""Units of measure (UCUM codes) that gauges send, turned into the one unit a rule is written in. An unknown unit is
None, never a guess: the caller must not judge by a number whose unit it does not know."""

_TO_CM = {"cm": 1.0, "m": 100.0, "mm": 0.1}
_TO_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "[in_i]": 25.4}
_TO_M = {"m": 1.0, "cm": 0.01, "mm": 0.001}


def _scaled(value: float, factor: float | None) -> float | None:
    return None if factor is None else value * factor


def to_cm(value: float, unit: str) -> float | None:
    """Return a length in centimetres, or None when the unit is no length known here."""
    return _scaled(value, _TO_CM.get(unit))


def to_mm(value: float, unit: str) -> float | None:
    """Return a length (rain) in millimetres, or None when the unit is no length known here."""
    return _scaled(value, _TO_MM.get(unit))


def to_m(value: float, unit: str) -> float | None:
    """Return a length (water level) in metres, or None when the unit is no length known here."""
    return _scaled(value, _TO_M.get(unit))
