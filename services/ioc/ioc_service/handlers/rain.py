"""Rain by station: the three windows that the page shows, newest end and revision only."""

from liandong.event import Event
from liandong.workflow import Work
from liandong_contracts import topics
from liandong_contracts.flood import RainfallAggregated, RainWindow

from ioc_service.handlers.projection import names_of, stamp
from ioc_service.service import console
from ioc_service.tables import rain

SHOWN = (RainWindow.H1, RainWindow.H3, RainWindow.H24)


@console.on(topics.FLOOD_RAIN, RainfallAggregated)
def aggregated(event: Event[RainfallAggregated], work: Work) -> None:
    """Take a window unless a later one, or a later revision of the same, is already there.

    Not told in the stream: there are thousands an hour, and the panel shows each.
    """
    said = event.data
    if said.window not in SHOWN:
        return
    held = work.one(rain, station_id=said.station_id, window=said.window)
    if held is not None and (held.window_end, held.revision) >= (said.window_end, said.revision):
        return
    mark = stamp(event, work)
    work.upsert(
        rain,
        ("station_id", "window"),
        station_id=said.station_id,
        window=said.window,
        window_end=said.window_end,
        mm=said.mm,
        completeness=said.completeness,
        provisional=said.provisional,
        revision=said.revision,
        area_code=names_of(work).device_area(said.station_id) or event.area_code,
        event_id=mark["event_id"],
        traceparent=mark["traceparent"],
        rev=mark["rev"],
    )
