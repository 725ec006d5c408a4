"""Runs model-written Python in a jail: JSON in, JSON out, a fresh jail for each call."""

from hortus_agents.errors import SandboxError, SandboxUnavailableError
from hortus_agents.sandbox.contract import (
    JSON,
    NO_EXTRAS,
    TIER_LEVELS,
    CallExtras,
    Sandbox,
    SandboxLimits,
    SandboxOutcome,
    SandboxResult,
    TierName,
    TierReport,
)
from hortus_agents.sandbox.fair import FairSandbox
from hortus_agents.sandbox.opening import TierChoice, candidates, open_sandbox, probe_tiers

__all__ = [
    "JSON",
    "NO_EXTRAS",
    "TIER_LEVELS",
    "CallExtras",
    "FairSandbox",
    "Sandbox",
    "SandboxError",
    "SandboxLimits",
    "SandboxOutcome",
    "SandboxResult",
    "SandboxUnavailableError",
    "TierChoice",
    "TierName",
    "TierReport",
    "candidates",
    "open_sandbox",
    "probe_tiers",
]
