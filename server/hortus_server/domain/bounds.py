"""How many of each thing one tenant, or the installation, keeps: whatever people and programs make has an end."""

from collections.abc import Mapping
from typing import Final, Literal

Bounded = Literal[
    "agents", "agent versions", "policies", "policy versions", "keys", "open links", "members", "webhooks",
    "schedules", "imported tools", "sensitivity floors", "tenants",
]  # fmt: skip

MOST: Final[Mapping[Bounded, int]] = {
    "agents": 1_000,
    "agent versions": 10_000,  # of one agent
    "policies": 1_000,
    "policy versions": 10_000,  # of one policy
    "keys": 1_000,  # that are not revoked
    "open links": 500,
    "members": 1_000,
    "webhooks": 100,  # each event of the tenant is matched against all of them
    "schedules": 1_000,
    "imported tools": 2_000,
    "sensitivity floors": 500,
    "tenants": 1_000,  # of the installation
}

INSTEAD: Final[Mapping[Bounded, str]] = {
    "agents": "use or rename one that there is",
    "agent versions": "make a new agent",
    "policies": "write versions of those that there are",
    "policy versions": "make a new policy",
    "keys": "revoke some",
    "open links": "revoke some, or wait until they end",
    "members": "remove some",
    "webhooks": "delete some",
    "schedules": "delete some",
    "imported tools": "import into another tenant",
    "sensitivity floors": "take some back",
    "tenants": "use one that there is",
}
"""What to do where there is no room left."""
