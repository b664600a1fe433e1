"""Traces, metrics, logs and the operations endpoint of a process. Nothing here may decide what a service does."""
