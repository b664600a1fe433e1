"""Workflow services: long-lived things that people act on. State in SQL, events in and out exactly once."""

from liandong.workflow.api import WorkflowService
from liandong.workflow.columns import SealedText, UtcDateTime
from liandong.workflow.model import Answer, Command, Commit, Timer, TooEarly
from liandong.workflow.settings import WorkflowSettings
from liandong.workflow.steps import CommandRefused
from liandong.workflow.work import Work

__all__ = [
    "Answer",
    "Command",
    "CommandRefused",
    "Commit",
    "SealedText",
    "Timer",
    "TooEarly",
    "UtcDateTime",
    "Work",
    "WorkflowService",
    "WorkflowSettings",
]
