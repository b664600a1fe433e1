"""The answer to a command. A domain "no" is a value, not an exception."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """`code` for programs, `reason` for people (Chinese); a refusal or a repetition does not change anything."""

    accepted: bool
    code: str
    reason: str = ""
    changes: bool = False
