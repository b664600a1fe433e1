"""Events into projections, one module per aggregate. Handlers write rows of this service only and emit nothing."""

from ioc_service.handlers import alarms, cases, devices, rain, responses, spots, tasks, warnings

__all__ = ["alarms", "cases", "devices", "rain", "responses", "spots", "tasks", "warnings"]
