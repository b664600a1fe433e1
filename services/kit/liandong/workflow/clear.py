"""The step that puts a clear read of a query on record. Nothing is opened before its transaction is committed."""

import secrets
from collections.abc import Sequence
from concurrent.futures import Future

from liandong import ids
from liandong.workflow.binding import Binding
from liandong.workflow.model import Cause
from liandong.workflow.steps import handle, settle
from liandong.workflow.unit import Unit
from liandong.workflow.work import Work


class ClearStep:
    """The audit records of one read. Every read is a new fact, so its id comes from chance; a retry keeps it."""

    def __init__(self, values: Sequence[str], *, purpose: str, actor: str, about: str, case_id: str | None) -> None:
        self._values = values
        self._purpose = purpose
        self._actor = actor
        self._about = about
        self._case_id = case_id
        self._id = ids.event_id(secrets.token_hex(16), "clear-read", 0)
        self._binding: Binding | None = None
        self._error: Exception | None = None
        self.future: Future[None] = Future()

    def __repr__(self) -> str:
        return f"clear read by {self._actor}"

    def bound(self, binding: Binding) -> "ClearStep":
        """Return the step, ready to run in a service."""
        self._binding = binding
        return self

    def run(self, unit: Unit) -> None:
        """Write the audit records."""
        if self._binding is None:
            raise LookupError("a step runs in a bound service only")
        self._error = None
        cause = Cause(self._id, self._id, self._id, actor=self._actor)
        handle(self._binding, unit, cause, f"{self._binding.service} clear read", "internal", self._audit, None)

    def _audit(self, _subject: None, work: Work) -> None:
        work.audit(self._values, purpose=self._purpose, actor=self._actor, about=self._about, case_id=self._case_id)

    def fail(self, unit: Unit, error: Exception) -> None:
        """Keep the error for the caller, who then reads nothing."""
        self._error = error

    def done(self) -> None:
        """Let the caller open the values."""
        settle(self.future, error=self._error)
