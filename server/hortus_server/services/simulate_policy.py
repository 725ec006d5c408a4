"""What the policies in force, and proposed ones, decide about calls: one that is given, or past ones of the log."""

from dataclasses import dataclass, replace
from typing import Final

from pydantic import ValidationError

from hortus_agents.labels import RunLabels
from hortus_agents.messages import JsonObject, ToolSpec
from hortus_agents.spec import AgentSpec
from hortus_agents.tools.builtin.definitions import builtin_definitions
from hortus_agents.tools.policy import PolicyRef, ProposedCall, ToolPolicy, Verdict
from hortus_agents.tools.port import SideEffect, ToolDefinition
from hortus_agents.tools.rule_of_two import hold
from hortus_agents.tools.rulebook import RulePolicy
from hortus_agents.tools.rules import PolicyRules, stored_rules
from hortus_server.domain.errors import UnavailableError
from hortus_server.domain.ids import AgentId, PolicyId, RunId, TenantId
from hortus_server.domain.policies import InForce, PastCall, PoliciesInForce
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.load_policies import compile_policies

MOST_CALLS: Final = 500
PROPOSED: Final = "proposed"
SOMETHING: Final = "(assumed)"
_BUILTINS: Final = builtin_definitions()


@dataclass(frozen=True, slots=True)
class GivenCall:
    """A call made up by hand; `side_effect` None takes the tool's own class, as far as it is known."""

    tool: str
    arguments: JsonObject
    agent: AgentId | str | None = None
    side_effect: int | None = None
    untrusted: bool = False
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class PastCalls:
    """The last calls of the tenant, or of one run."""

    last: int
    run_id: RunId | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """Rules in the place of those in force, of an agent or of the tenant; or a version of a policy, where it stands."""

    rules: PolicyRules | None = None
    agent: AgentId | str | None = None
    policy: PolicyId | str | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class SimulatedCall:
    """One call with what is decided about it; `past` is None for a given one, `proposed` where nothing is proposed."""

    tool: str
    arguments: JsonObject
    side_effect: int
    agent_id: AgentId | None
    past: PastCall | None
    current: Verdict
    proposed: Verdict | None


@dataclass(frozen=True, slots=True)
class _Placed:
    """Proposed rules with the place that they take: an agent's, or the tenant's."""

    agent_id: AgentId | None
    policy: PolicyRef
    rules: PolicyRules


@dataclass(slots=True)
class _Judges:
    """The policies in force and the proposed ones, for each agent once."""

    uow: UnitOfWork
    tenant_id: TenantId
    placed: _Placed | None
    made: dict[AgentId | None, tuple[ToolPolicy, ToolPolicy | None]]

    async def of(self, agent_id: AgentId | None) -> tuple[ToolPolicy, ToolPolicy | None]:
        if agent_id not in self.made:
            found = await self.uow.rulings.in_force(self.tenant_id, agent_id)
            try:
                self.made[agent_id] = compile_policies(found), self._proposed(found, agent_id)
            except ValidationError as error:
                raise UnavailableError("policies", "this server does not understand rules that are in force") from error
        return self.made[agent_id]

    def _proposed(self, found: PoliciesInForce, agent_id: AgentId | None) -> ToolPolicy | None:
        placed = self.placed
        if placed is None:
            return None
        stays: list[InForce] = [policy for policy in found.policies if policy.agent_id != placed.agent_id]
        refs = [(PolicyRef(one.name, one.version, one.policy_id), stored_rules(one.rules)) for one in stays]
        mine = (placed.policy, placed.rules)
        if placed.agent_id is None:
            return RulePolicy([*refs, mine], revision=None, floors=found.floors)
        chosen = [mine, *refs] if placed.agent_id == agent_id else refs
        return RulePolicy(chosen, revision=None, floors=found.floors)


async def simulate_policy(
    store: Store, tenant_id: TenantId, *, calls: GivenCall | PastCalls, proposal: Proposal | None
) -> tuple[SimulatedCall, ...]:
    """Nothing is called, written or counted: rates are not looked at.

    Calls of tools that nobody knew are left out. Raises NotFoundError for an unknown run, agent, policy or version.
    """
    async with store.transaction(tenant_id) as uow:
        judges = _Judges(uow, tenant_id, await _place(uow, tenant_id, proposal), {})
        if isinstance(calls, GivenCall):
            return (await _given(uow, tenant_id, calls, judges),)
        if calls.run_id is not None:
            await uow.runs.get(tenant_id, calls.run_id)
        past = await uow.rulings.past_calls(tenant_id, run_id=calls.run_id, limit=min(calls.last, MOST_CALLS))
        return tuple([await _past(uow, tenant_id, one, judges) for one in past])


async def _place(uow: UnitOfWork, tenant_id: TenantId, proposal: Proposal | None) -> _Placed | None:
    if proposal is None:
        return None
    if proposal.policy is not None:
        policy = await uow.policies.get(tenant_id, proposal.policy)
        found = await uow.policies.get_version(tenant_id, policy.id, proposal.version or policy.latest_version)
        return _Placed(policy.agent_id, PolicyRef(policy.name, found.version, policy.id), found.rules)
    agent_id = None if proposal.agent is None else (await uow.agents.get(tenant_id, proposal.agent)).id
    return _Placed(agent_id, PolicyRef(PROPOSED), proposal.rules or PolicyRules())


async def _given(uow: UnitOfWork, tenant_id: TenantId, given: GivenCall, judges: _Judges) -> SimulatedCall:
    agent_id, spec = None, AgentSpec()
    if given.agent is not None:
        agent = await uow.agents.get(tenant_id, given.agent)
        agent_id = agent.id
        spec = (await uow.agents.get_version(tenant_id, agent.id, agent.current_version)).spec
    labels = RunLabels(_sources(given=given.untrusted), _sources(given=given.sensitive))
    call = ProposedCall(definition_of(given.tool, given.side_effect), given.arguments, spec, labels)
    return _judged(call, agent_id, await judges.of(agent_id), past=None)


async def _past(uow: UnitOfWork, tenant_id: TenantId, past: PastCall, judges: _Judges) -> SimulatedCall:
    spec = (await uow.agents.get_version(tenant_id, past.agent_id, past.agent_version)).spec
    labels = RunLabels(_sources(given=past.untrusted), _sources(given=past.sensitive))
    definition = definition_of(past.tool, past.side_effect, evolved=past.tool_version_id)
    call = ProposedCall(definition, past.arguments, spec, labels)
    return _judged(call, past.agent_id, await judges.of(past.agent_id), past=past)


def _judged(
    call: ProposedCall,
    agent_id: AgentId | None,
    judges: tuple[ToolPolicy, ToolPolicy | None],
    *,
    past: PastCall | None,
) -> SimulatedCall:
    current, proposed = judges
    call = replace(call, labels=current.floors.over(call.labels))
    return SimulatedCall(
        tool=call.definition.spec.name,
        arguments=dict(call.arguments),
        side_effect=int(call.definition.side_effect),
        agent_id=agent_id,
        past=past,
        current=hold(call, current.judge(call)),
        proposed=None if proposed is None else hold(call, proposed.judge(call)),
    )


def definition_of(name: str, side_effect: int | None, *, evolved: object = None) -> ToolDefinition:
    """Facts about a tool that this process does not run; where nothing is known of it, it may reach outside."""
    known = None if evolved is not None else _BUILTINS.get(name)
    if known is None:
        assumed = SideEffect.SCRATCH if evolved is not None else SideEffect.EXTERNAL
        known = ToolDefinition(ToolSpec(name=name, description="", parameters={}), assumed)
    return known if side_effect is None else replace(known, side_effect=SideEffect(side_effect))


def _sources(*, given: bool) -> tuple[str, ...]:
    return (SOMETHING,) if given else ()
