"""Every metric of flood, declared once."""

from prometheus_client import Counter

EVIDENCE = Counter("liandong_flood_evidence_total", "Words of water gauges told to their spots", ["kind"])
RAIN_WINDOWS = Counter("liandong_flood_rain_windows_total", "Rain windows published or revised")
SPOT_EVENTS = Counter("liandong_flood_spot_events_total", "Events that spots led to", ["event"])
PROPOSALS = Counter("liandong_flood_proposals_total", "Response levels proposed", ["level"])
MATCHES = Counter("liandong_flood_matches_total", "Places matched to a spot", ["catalogued"])
