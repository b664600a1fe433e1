"""The profile of `make test-fuzz`: eight targets of 125,000 cases are a million."""

from hypothesis import HealthCheck, settings

settings.register_profile("fuzz", max_examples=125_000, deadline=None, suppress_health_check=list(HealthCheck))
