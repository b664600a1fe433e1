"""The console's workflow service: declarations only. Handler modules add themselves; `app` runs it."""

from pathlib import Path

from liandong.workflow import WorkflowService

from ioc_service import tables

console = WorkflowService("ioc", tables=tables.metadata, migrations=Path(__file__).parent / "migrations")
