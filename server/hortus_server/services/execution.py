"""What a worker process executes runs with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from hortus_agents.limits import FREE, TokenPrice
from hortus_agents.loop.engine import StepEngine
from hortus_agents.models.port import ChatModel
from hortus_agents.tools.policy import ToolPolicy
from hortus_agents.tools.registry import ToolRegistry
from hortus_server.domain.records import Claim
from hortus_server.ports.clock import Clock, utc_now
from hortus_server.ports.models import ChatModels
from hortus_server.services.know_secrets import RedactorOf, no_secrets
from hortus_server.services.load_policies import RunPolicies
from hortus_server.services.watch_budgets import BudgetWatch, Unwatched

ToolsFor = Callable[[Claim, ChatModel, ToolPolicy], ToolRegistry]
"""The tools that a run's agent may use, behind what judges their calls."""


@dataclass(frozen=True, slots=True)
class Execution:
    """How runs are executed in this process.

    `draining` says that the process is about to stop, `budgets` what tenants and sessions have left. `know_secrets`
    makes a tenant's secrets known before its run says anything.
    """

    models: ChatModels
    tools_for: ToolsFor
    engine: StepEngine
    policies: RunPolicies
    draining: Callable[[], bool]
    delta_interval: timedelta
    prices: Mapping[str, TokenPrice] = field(default_factory=dict)
    budgets: BudgetWatch = field(default_factory=Unwatched)
    know_secrets: RedactorOf = no_secrets
    clock: Clock = utc_now

    def price_of(self, model: str) -> TokenPrice:
        """What a model's tokens cost here; nothing, unless the price table says otherwise."""
        return self.prices.get(model) or self.prices.get("*") or FREE
