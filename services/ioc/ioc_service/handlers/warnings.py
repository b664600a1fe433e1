"""Weather warnings in force."""

from liandong.event import Event
from liandong.workflow import Work
from liandong_contracts import topics
from liandong_contracts.flood import WarningAction, WeatherWarningReceived

from ioc_service.handlers.projection import tell
from ioc_service.service import console
from ioc_service.tables import warning


@console.on(topics.FLOOD_WARNING, WeatherWarningReceived)
def received(event: Event[WeatherWarningReceived], work: Work) -> None:
    """Take the newest word of the issuer; a cancelled warning stays as a row that is no longer in force."""
    said = event.data
    work.upsert(
        warning,
        ("warning_id",),
        **tell(event, work),
        warning_id=said.warning_id,
        event_code=said.event_code,
        colour=said.colour,
        areas=list(said.areas),
        issuer=said.issuer,
        effective=said.effective,
        expires=said.expires,
        cancelled=said.action is WarningAction.CANCEL,
    )
