"""The policies that judge a run's calls, kept at hand; whether they are in force still, the commit of a call tells."""

import asyncio
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from pydantic import ValidationError

from hortus_agents.tools.policy import PolicyRef, ToolPolicy, UnavailablePolicy
from hortus_agents.tools.rulebook import RulePolicy
from hortus_agents.tools.rules import stored_rules
from hortus_server.domain.errors import HortusError
from hortus_server.domain.ids import AgentId, TenantId
from hortus_server.domain.policies import PoliciesInForce
from hortus_server.domain.records import Run
from hortus_server.ports.store import Store

log = structlog.get_logger()

TIMEOUT_S = 5.0
CAPACITY = 1_024  # agents whose policies are kept


class RunPolicies(Protocol):
    """Where a worker gets the judge of a run's calls."""

    async def of(self, run: Run) -> ToolPolicy:
        """As this process knows them; they may have changed since."""
        ...

    async def refresh(self, run: Run) -> ToolPolicy:
        """As they are now. Where they cannot be read, a judge that lets nothing happen but reads."""
        ...


@dataclass(slots=True)
class LoadPolicies:
    """See RunPolicies; compiled once for each agent and revision. The agents that were asked for least lately go."""

    store: Store
    _known: OrderedDict[tuple[TenantId, AgentId], ToolPolicy] = field(default_factory=OrderedDict)

    async def of(self, run: Run) -> ToolPolicy:
        """See RunPolicies."""
        known = self._known.get((run.tenant_id, run.agent_id))
        if known is None:
            return await self.refresh(run)
        self._known.move_to_end((run.tenant_id, run.agent_id))
        return known

    async def refresh(self, run: Run) -> ToolPolicy:
        """See RunPolicies."""
        key = run.tenant_id, run.agent_id
        try:
            async with asyncio.timeout(TIMEOUT_S), self.store.transaction(run.tenant_id) as uow:
                in_force = await uow.rulings.in_force(*key)
            policy = compile_policies(in_force)
        except (HortusError, TimeoutError, ValidationError, re.error) as error:
            self._known.pop(key, None)
            log.warning("policies_unavailable", tenant_id=str(run.tenant_id), error=str(error) or type(error).__name__)
            return UnavailablePolicy()
        self._known[key] = policy
        self._known.move_to_end(key)
        if len(self._known) > CAPACITY:
            self._known.popitem(last=False)
        return policy


def compile_policies(in_force: PoliciesInForce) -> RulePolicy:
    """A judge by these. Raises pydantic's ValidationError for stored rules that this server does not understand."""
    return RulePolicy(
        [
            (
                PolicyRef(policy.name, policy.version, policy.policy_id),
                stored_rules(policy.rules),
            )
            for policy in in_force.policies
        ],
        revision=in_force.revision,
        floors=in_force.floors,
    )
