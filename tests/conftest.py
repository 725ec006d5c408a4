"""Fixtures of all tests, one module per subject."""

pytest_plugins = ["fixtures_postgres", "fixtures_valkey", "fixtures_stack"]
