"""Thresholds of sensing as data. Every figure marked 示例 is an example to be replaced, not a rule of any city."""

from datetime import timedelta
from typing import Final

from liandong_contracts.common import DeviceKind

VERSION: Final = 1

# Time (示例)
FUTURE_TOLERANCE: Final = timedelta(minutes=5)  # further ahead: refused
LATE_AFTER: Final = timedelta(minutes=10)  # older: history, wakes nobody
HISTORY_AFTER: Final = timedelta(hours=24)  # older: says nothing about the device's presence either

# Presence (示例)
MISSED_INTERVALS: Final = 3  # silent for so many report intervals: offline
AWAY_AFTER: Final = timedelta(seconds=60)  # a timer that fires so late means that we were away, not the device

# Repeats
REMEMBERED: Final = 192  # readings per metric that are surely remembered (16 hours of five-minute values)

# Jumps (示例)
JUMP_WITHIN_INTERVALS: Final = 3  # a change over a longer gap is no jump
JUMP_CONFIRMED_BY: Final = 3  # so many readings that agree with each other make the new value believed
JUMP_SEVERITY: Final = 4

# Alarms (示例)
OVER_COUNT: Final = 2  # readings in a row over the limit
OVER_SPAN: Final = timedelta(seconds=60)  # or this long over the limit
CLEAR_AT: Final = 0.95  # share of the limit below which an alarm clears
UPDATE_EVERY: Final = timedelta(seconds=60)
LIMIT_SEVERITY: Final = 3
LIMIT_SEVERITY_BY_KIND: Final = {DeviceKind.WATERLOG: 2, DeviceKind.GAS: 1, DeviceKind.SMOKE: 1}
