"""The console's workflow service: declarations only. Handler modules add themselves; `app` runs it."""

from liandong.workflow import WorkflowService

from ioc_service import tables

console = WorkflowService("ioc", tables=tables.metadata, version=tables.VERSION)
