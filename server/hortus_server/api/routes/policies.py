"""Policies over tool calls. No agent has these scopes, and no tool reaches these routes."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from starlette.responses import Response

from hortus_agents.tools.rules import PolicyRules
from hortus_server.api.answers import created, json_answer
from hortus_server.api.deps import (
    EdgeDep,
    Idempotent,
    NoQuery,
    Paging,
    PoliciesRead,
    PoliciesWrite,
    TwoVersions,
    VersionNumber,
)
from hortus_server.api.responses import CHANGE, LIST, READ
from hortus_server.api.schemas.policies import (
    PolicyCreate,
    PolicyDetailView,
    PolicyDiffView,
    PolicyPage,
    PolicyPin,
    PolicyVersionCreate,
    PolicyVersionPage,
    PolicyVersionView,
    PolicyView,
    ProposalBody,
    RuleChangeView,
    SimulatedCallView,
    Simulation,
    SimulationView,
    policy_version_json,
    written_json,
)
from hortus_server.api.schemas.wire import agent_of, id_or_name, page_json
from hortus_server.domain.errors import InvalidInputError
from hortus_server.domain.ids import AgentId, PolicyId, RunId
from hortus_server.domain.policies import PolicyDraft
from hortus_server.services.change_policy import ChangePolicy, VersionDraft
from hortus_server.services.diff_policy_versions import diff_policy_versions
from hortus_server.services.simulate_policy import GivenCall, PastCalls, Proposal, simulate_policy

router = APIRouter(prefix="/v1/policies", tags=["policies"])
simulation = APIRouter(prefix="/v1", tags=["policies"])


async def policy_key(
    policy: Annotated[str, Path(min_length=1, max_length=200, description="id or name")],
) -> PolicyId | str:
    """A policy by id or name."""
    return _policy_of(policy)


PolicyKey = Annotated[PolicyId | str, Depends(policy_key)]


@router.post("", status_code=201, response_model=PolicyDetailView, responses=CHANGE, dependencies=[NoQuery])
async def create_policy_route(
    body: PolicyCreate, edge: EdgeDep, caller: PoliciesWrite, idempotent: Idempotent
) -> Response:
    """Write a policy. It holds with the answer, for the next call of runs under way too.

    There is one for each agent and one for all of the tenant: where one is in force already, give it a new version.
    """
    change = ChangePolicy(edge.store, caller.tenant_id, caller.actor)
    draft = PolicyDraft(body.name, body.description, None, PolicyRules(rules=body.rules), body.comment)
    return created(await change.create(draft, agent=_agent(body.agent), once=idempotent.once(written_json)))


@router.get("", response_model=PolicyPage, responses=LIST)
async def list_policies(edge: EdgeDep, caller: PoliciesRead, query: Paging) -> Response:
    """Policies, newest first."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        page = await uow.policies.list(caller.tenant_id, query.page)
    return json_answer(page_json(page, PolicyView.model_validate))


@router.get("/{policy}", response_model=PolicyDetailView, responses=READ, dependencies=[NoQuery])
async def get_policy(policy: PolicyKey, edge: EdgeDep, caller: PoliciesRead) -> Response:
    """A policy by id or name, with the rules that are in force."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        found = await uow.policies.get(caller.tenant_id, policy)
        version = await uow.policies.get_version(caller.tenant_id, found.id, found.current_version)
    return json_answer(PolicyDetailView.of(found, version))


@router.post(
    "/{policy}/versions", status_code=201, response_model=PolicyVersionView, responses=CHANGE, dependencies=[NoQuery]
)
async def create_policy_version(
    policy: PolicyKey, body: PolicyVersionCreate, edge: EdgeDep, caller: PoliciesWrite, idempotent: Idempotent
) -> Response:
    """Give the policy its next version, which is in force with the answer."""
    change = ChangePolicy(edge.store, caller.tenant_id, caller.actor)
    draft = VersionDraft(PolicyRules(rules=body.rules), body.comment, body.based_on)
    return created(await change.add_version(policy, draft, once=idempotent.once(policy_version_json)))


@router.get("/{policy}/versions", response_model=PolicyVersionPage, responses=READ)
async def list_policy_versions(policy: PolicyKey, edge: EdgeDep, caller: PoliciesRead, query: Paging) -> Response:
    """Versions, newest first."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        found = await uow.policies.get(caller.tenant_id, policy)
        page = await uow.policies.list_versions(caller.tenant_id, found.id, query.page)
    return json_answer(page_json(page, PolicyVersionView.of))


@router.get("/{policy}/versions/{version}", response_model=PolicyVersionView, responses=READ, dependencies=[NoQuery])
async def get_policy_version(
    policy: PolicyKey, version: VersionNumber, edge: EdgeDep, caller: PoliciesRead
) -> Response:
    """One version."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        found = await uow.policies.get(caller.tenant_id, policy)
        record = await uow.policies.get_version(caller.tenant_id, found.id, version)
    return json_answer(PolicyVersionView.of(record))


@router.post("/{policy}/pin", response_model=PolicyView, responses=CHANGE, dependencies=[NoQuery])
async def pin_policy(policy: PolicyKey, body: PolicyPin, edge: EdgeDep, caller: PoliciesWrite) -> Response:
    """Put an existing version in force: roll back, or forward again."""
    change = ChangePolicy(edge.store, caller.tenant_id, caller.actor)
    return json_answer(PolicyView.model_validate(await change.pin(policy, body.version)))


@router.post("/{policy}/disable", response_model=PolicyView, responses=CHANGE, dependencies=[NoQuery])
async def disable_policy(policy: PolicyKey, edge: EdgeDep, caller: PoliciesWrite) -> Response:
    """Take a policy out of force; what stands behind it decides then."""
    change = ChangePolicy(edge.store, caller.tenant_id, caller.actor)
    return json_answer(PolicyView.model_validate(await change.set_enabled(policy, enabled=False)))


@router.post("/{policy}/enable", response_model=PolicyView, responses=CHANGE, dependencies=[NoQuery])
async def enable_policy(policy: PolicyKey, edge: EdgeDep, caller: PoliciesWrite) -> Response:
    """Put a policy in force again."""
    change = ChangePolicy(edge.store, caller.tenant_id, caller.actor)
    return json_answer(PolicyView.model_validate(await change.set_enabled(policy, enabled=True)))


@router.get("/{policy}/diff", response_model=PolicyDiffView, responses=READ)
async def diff_policy(policy: PolicyKey, edge: EdgeDep, caller: PoliciesRead, query: TwoVersions) -> Response:
    """What changed between two versions, rule by rule."""
    found = await diff_policy_versions(edge.store, caller.tenant_id, key=policy, before=query.before, after=query.after)
    changes = tuple(RuleChangeView.model_validate(change) for change in found)
    return json_answer(PolicyDiffView(before=query.before, after=query.after, changes=changes))


@simulation.post("/policies:simulate", response_model=SimulationView, responses=CHANGE, dependencies=[NoQuery])
async def simulate_policy_route(body: Simulation, edge: EdgeDep, caller: PoliciesRead) -> Response:
    """What would be decided about a call, or about past calls: now, and with proposed rules. Nothing is called."""
    if body.past is not None:
        calls: GivenCall | PastCalls = PastCalls(body.past.last, RunId(body.past.run_id) if body.past.run_id else None)
    elif body.call is not None:
        given = body.call
        calls = GivenCall(
            given.tool, given.arguments, _agent(given.agent), given.side_effect, given.untrusted, given.sensitive
        )
    else:
        raise InvalidInputError("give either call or past")
    found = await simulate_policy(edge.store, caller.tenant_id, calls=calls, proposal=_proposal(body.proposed))
    items = tuple(SimulatedCallView.of(one) for one in found)
    return json_answer(SimulationView(items=items, differing=sum(one.differs for one in items)))


def _proposal(body: ProposalBody | None) -> Proposal | None:
    if body is None:
        return None
    if body.policy is not None:
        return Proposal(policy=_policy_of(body.policy), version=body.version)
    return Proposal(rules=PolicyRules(rules=body.rules), agent=_agent(body.agent))


def _policy_of(value: str) -> PolicyId | str:
    key = id_or_name(value)
    return PolicyId(key) if isinstance(key, UUID) else key


def _agent(value: str | None) -> AgentId | str | None:
    return None if value is None else agent_of(value)
