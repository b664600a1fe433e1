"""Every metric of the service, declared once. A transaction that is tried again counts again."""

from prometheus_client import Counter

PROPOSALS = Counter("emergency_proposals_total", "Proposals taken, by what became of them", ["intake"])
APPROVALS = Counter("emergency_approvals_total", "Approvals asked for, by reply code", ["code"])
TASKS = Counter("emergency_tasks_total", "Tasks by step of their life", ["step"])
NOTICES = Counter("emergency_notices_total", "Notice steps sent, by channel", ["channel"])
EXHAUSTED = Counter("emergency_notices_exhausted_total", "Calling orders that ended without an answer")
ROSTER_GAPS = Counter("emergency_roster_gaps_total", "Tasks whose post had nobody on duty, by post", ["post"])
