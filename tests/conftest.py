"""Fixtures of all tests, one module per subject."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["fixtures_postgres", "fixtures_valkey", "fixtures_stack", "virtual_time"]

# How long an example takes says something about the machine only, which may stand still for a second.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
