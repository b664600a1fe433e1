"""What the headers of an event say, for the pages that describe them. `liandong.event` reads and writes them."""

from collections.abc import Mapping

ALWAYS: Mapping[str, str] = {
    "ce_specversion": "CloudEvents version, 1.0.",
    "ce_id": "Id of the event, the same whenever the same cause is handled again.",
    "ce_source": "Node and service that wrote it.",
    "ce_type": "Full name of the record.",
    "ce_time": "When it happened, RFC 3339 in UTC; the Kafka timestamp says when it was written.",
    "ce_subject": "The key.",
    "content-type": "application/avro.",
}
"""Header -> what it says, for those that every event has."""
SOMETIMES: Mapping[str, str] = {
    "traceparent": "W3C trace context.",
    "ce_sequence": "Number within the key, for readers that must not take an old event for new.",
    "ce_areacode": "Area that it is about.",
    "ce_correlationid": "The chain that it belongs to: the event, report or incident that began it.",
    "ce_causationid": "The event that caused it.",
    "ce_linkedids": "Other chains that joined this one.",
    "ce_mode": "DRILL or TEST; absent for real events.",
    "ce_drillid": "The drill, with ce_mode.",
    "ce_originnode": "The node that it comes from.",
    "ce_hops": "Links crossed.",
    "ce_actor": "The person or service that caused it.",
    "ce_dataclass": "How far it may spread, PUBLIC to RESTRICTED.",
    "ce_replayid": "The replay that brought it again.",
}
"""Header -> what it says, for those that are there only when they say something."""
