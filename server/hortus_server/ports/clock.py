"""The time of day, as services are given it."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Aware, in UTC."""


def utc_now() -> datetime:
    """By this machine's clock, which need not be the database's."""
    return datetime.now(UTC)
