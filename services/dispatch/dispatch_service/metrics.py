"""Every metric of the service, declared once. A transaction that is tried again counts again."""

from prometheus_client import Counter

REPORTS = Counter("dispatch_reports_total", "Reports handed in, by what became of them", ["result"])
CASES = Counter("dispatch_cases_total", "Cases by step of their life", ["step"])
MATCHES = Counter("dispatch_spot_matches_total", "Answers to MatchSpot, OK or the error", ["result"])
HANDLERS = Counter("dispatch_handlers_total", "Answers to WhoIsOnDuty, OK or the error", ["result"])
CLOCKS = Counter("dispatch_clocks_total", "Clocks that warned or were breached", ["clock", "step"])
