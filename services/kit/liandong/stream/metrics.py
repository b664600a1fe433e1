"""Metrics of stream engines: every name is declared here, once. Counting happens per transaction, not per event."""

from prometheus_client import Counter, Gauge, Histogram

EVENTS = Counter("liandong_stream_events", "Input events handled", ["service"])
SKIPPED = Counter("liandong_stream_skipped", "Input records of types without a handler, not decoded", ["service"])
FENCED = Counter("liandong_stream_fenced", "Input events that a state had seen before", ["service"])
LATE = Counter("liandong_stream_late", "Values that came too late for a window and are missing from it", ["service"])
PARKED = Counter("liandong_stream_parked", "Input events that wait behind a dead letter of their key", ["service"])
OUTPUTS = Counter("liandong_stream_outputs", "Events published", ["service"])
TIMERS = Counter("liandong_stream_timers_fired", "Timers fired", ["service"])
DEAD_LETTERS = Counter("liandong_stream_dead_letters", "Records put on the dead-letter topic", ["service", "reason"])
COMMITS = Counter("liandong_stream_commits", "Transactions committed", ["service"])
ABORTS = Counter("liandong_stream_aborts", "Transactions aborted", ["service"])
RESTORED = Counter("liandong_stream_restored_records", "Changelog records restored", ["service"])
REBALANCES = Counter("liandong_stream_rebalances", "Assignments received", ["service"])
LAG = Gauge("liandong_stream_lag", "Input records not yet taken", ["service"])
PARTITIONS = Gauge("liandong_stream_partitions", "Partitions by phase", ["service", "phase"])
LETTERS_OPEN = Gauge("liandong_stream_letters_open", "Dead letters neither replayed nor skipped", ["service"])
WAITING = Gauge("liandong_stream_waiting", "Events that wait behind dead letters", ["service"])
TIMERS_ARMED = Gauge("liandong_stream_timers_armed", "Timers waiting", ["service"])
TIMERS_BEHIND = Gauge(
    "liandong_stream_timers_behind_seconds", "How long the next timer has been due, by the world's clock", ["service"]
)
RESTORE_LEFT = Gauge("liandong_stream_restore_left", "Changelog records still to be restored", ["service"])
STATE_BYTES = Gauge("liandong_stream_state_bytes", "Size of the local stores, estimated by RocksDB", ["service"])
COMMIT_SECONDS = Histogram(
    "liandong_stream_commit_seconds",
    "Time from the end of a batch to its durable commit",
    ["service"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5),
)
BATCH_EVENTS = Histogram(
    "liandong_stream_batch_events",
    "Events in one transaction",
    ["service"],
    buckets=(1, 3, 10, 30, 100, 300, 1000, 3000, 10000),
)


class Meters:
    """The meters of one service. The engine adds to plain numbers and hands them over once per transaction."""

    def __init__(self, service: str) -> None:
        self.events = self.skipped = self.fenced = self.late = self.parked = self.outputs = self.timers = 0
        self._service = service
        self._counters = [
            ("events", EVENTS.labels(service)),
            ("skipped", SKIPPED.labels(service)),
            ("fenced", FENCED.labels(service)),
            ("late", LATE.labels(service)),
            ("parked", PARKED.labels(service)),
            ("outputs", OUTPUTS.labels(service)),
            ("timers", TIMERS.labels(service)),
        ]
        self.commits = COMMITS.labels(service)
        self.aborts = ABORTS.labels(service)
        self.restored = RESTORED.labels(service)
        self.rebalances = REBALANCES.labels(service)
        self.lag = LAG.labels(service)
        self.armed = TIMERS_ARMED.labels(service)
        self.timers_behind = TIMERS_BEHIND.labels(service)
        self.restore_left = RESTORE_LEFT.labels(service)
        self.state_bytes = STATE_BYTES.labels(service)
        self.letters_open = LETTERS_OPEN.labels(service)
        self.waiting = WAITING.labels(service)
        self.commit_seconds = COMMIT_SECONDS.labels(service)
        self.batch_events = BATCH_EVENTS.labels(service)

    def dead_letter(self, reason: str) -> None:
        """Count one dead letter."""
        DEAD_LETTERS.labels(self._service, reason).inc()

    def partitions(self, phase: str, count: int) -> None:
        """Say how many partitions are in a phase."""
        PARTITIONS.labels(self._service, phase).set(count)

    def committed(self, seconds: float) -> None:
        """Hand over what has been counted since the last transaction."""
        self.commits.inc()
        self.commit_seconds.observe(seconds)
        self.batch_events.observe(self.events + self.timers)
        self.hand_over()

    def hand_over(self) -> None:
        """Add the plain numbers to the counters."""
        for name, counter in self._counters:
            count = getattr(self, name)
            if count:
                counter.inc(count)
                setattr(self, name, 0)
