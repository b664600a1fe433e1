"""How old a figure may be before it is shown grey: twice its cycle. Seconds of world time."""

RAIN_CYCLE_S = 5 * 60  # gauges report every five minutes [EX]
DEPTH_CYCLE_S = 5 * 60

LIMITS = {"rain": 2 * RAIN_CYCLE_S, "spot": 2 * DEPTH_CYCLE_S}
"""By kind of figure. A fact without a cycle (an alarm, a warning) grows old but not untrue: it is not here."""
