"""Metrics of workflow services; every name is declared here and only here."""

from prometheus_client import Counter, Gauge, Histogram

EVENTS = Counter("liandong_workflow_events_total", "Events taken from Kafka, by outcome", ["service", "outcome"])
FENCED = Counter("liandong_workflow_fenced_total", "Events dropped because their sequence or id was seen", ["service"])
GROUPS = Counter("liandong_workflow_groups_total", "SQL transactions committed", ["service"])
STEPS = Counter("liandong_workflow_steps_total", "Steps committed", ["service"])
DEAD_LETTERS = Counter("liandong_workflow_dead_letters_total", "Dead letters written", ["service", "reason"])
PARKED = Counter("liandong_workflow_parked_total", "Events parked, by reason", ["reason"])
PUBLISHED = Counter("liandong_workflow_published_total", "Outbox rows published", ["service"])
OUTBOX = Gauge(
    "liandong_workflow_outbox_rows", "Outbox rows not yet published, as the relay last saw them", ["service"]
)
RESEEKS = Counter("liandong_workflow_reseeks_total", "Seeks back to the inbox after a broken chain", ["service"])
CALLS = Counter(
    "liandong_workflow_calls_total", "Calls to other services that were answered, by result", ["service", "result"]
)
TIMER_LATE = Histogram(
    "liandong_workflow_timer_late_seconds",
    "How late timers fire, on the world's clock",
    ["service"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300),
)
GROUP_SECONDS = Histogram(
    "liandong_workflow_group_seconds",
    "Real time of one SQL transaction",
    ["service"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
