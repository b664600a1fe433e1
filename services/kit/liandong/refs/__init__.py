"""Reference data and query views: local copies of compacted topics, and how reference data gets onto them.

devices: View[DeviceState] = View(settings, topics.SENSING_DEVICE_STATE, codec)
devices.start()
device = devices.get("990101-D-0001")
"""

from liandong.refs.publish import Published, publish
from liandong.refs.view import View, start_views

__all__ = ["Published", "View", "publish", "start_views"]
