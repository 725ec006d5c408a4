"""Another tenant's id is as good as none, in every method that takes a tenant."""

import inspect
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pytest
from approval_world import BOB, ask
from schedule_world import Timetable
from store_world import PageOf, make_memory, make_tool_version, new, said

from hortus_agents.events import KeptFile, NewEvent, ToolFinished, WaitReason
from hortus_agents.limits import RunLimits
from hortus_agents.spec import AgentSpec
from hortus_agents.tools.rules import PolicyRules, RateLimit
from hortus_server.domain.admission import TenantAdmission
from hortus_server.domain.approvals import ApprovalFilter, Ruling
from hortus_server.domain.audit import EVERY_ENTRY, SYSTEM, NewAuditEntry
from hortus_server.domain.budgets import Usage
from hortus_server.domain.errors import ConflictError, NotFoundError
from hortus_server.domain.ids import UserId, WebhookId, new_id
from hortus_server.domain.policies import PolicyDraft, RateUse
from hortus_server.domain.rates import Limits
from hortus_server.domain.stops import Reach
from hortus_server.domain.stuck import Patience
from hortus_server.domain.users import Maker
from hortus_server.domain.webhooks import Webhook
from hortus_server.ports.forks import Conversation
from hortus_server.ports.store import UnitOfWork

NOW = datetime(2026, 11, 21, tzinfo=UTC)
LATER = datetime(2100, 1, 1, tzinfo=UTC)


async def add_webhook(world):
    webhook = Webhook(
        id=WebhookId(new_id()), tenant_id=world.tenant_id, description="", url="https://example.org/", events=("*",),
        agent_id=None, enabled=True, disabled_reason=None, previous_secret_until=None, failing_since=None,
        created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    async with world.store.system_transaction() as uow:
        return await uow.webhooks.add(webhook, secret="whsec_c2VjcmV0")


class Rows:
    """What one tenant owns, to be reached for by another."""

    def __init__(self, world) -> None:
        self.world = world

    async def fill(self):
        world = self.world
        self.schedule = await Timetable(world).add()
        self.webhook = await add_webhook(world)
        self.run = await world.submit("secret")
        self.claim = await world.claim(self.run)
        self.memory = make_memory(self.run)
        async with world.store.system_transaction() as uow:
            self.delivery = (await uow.deliveries.list(world.tenant_id, self.webhook.id, PageOf())).items[0]
            await uow.memories.add(self.memory)
            self.artifact = await uow.artifacts.put(world.tenant_id, b"secret", media_type="text/plain")
            kept = KeptFile(name="file", sha256=self.artifact.sha256, size=self.artifact.size)
            finished = ToolFinished(call_id="c9", name="python", outcome="ok", content="", duration_ms=1, files=(kept,))
            (self.left,) = await uow.events.append(
                world.tenant_id, world.session.id, [NewEvent(payload=finished)], run_id=self.run.id
            )
            self.user = await uow.users.add("ann@example.org", name="Ann", password_hash=None)
            self.key = await uow.tenants.add_key(
                world.tenant_id, name="k", prefix="hk_1", secret_sha256=b"1" * 32, scopes=["admin"], expires_at=None,
                person_id=self.user.id,
            )  # fmt: skip
            proposed = make_tool_version(world.tenant_id, run_id=self.run.id, call_id="c1")
            self.tool_version = await uow.tools.propose(world.tenant_id, version=proposed, name="adder")
            await uow.tools.record_test(world.tenant_id, self.tool_version.id, state="tested", report={"passed": True})
            passed = {"passed": True}
            await uow.tools.record_gates(world.tenant_id, self.tool_version.id, scan=passed, negative=passed)
            await uow.tools.activate(world.tenant_id, self.tool_version.id)
            await uow.idempotency.begin(world.tenant_id, "key", route="r", body_sha256=b"2" * 32)
            await uow.idempotency.complete(world.tenant_id, "key", route="r", answer={"status": 201})
            self.approval = await ask(uow, self.claim)
            draft = PolicyDraft("house", "", None, PolicyRules(), "")
            self.policy, _ = await uow.policies.add(world.tenant_id, draft, by=SYSTEM)
            await uow.members.put(world.tenant_id, self.user.id, role="owner")
            self.invitation = await uow.invitations.add(
                world.tenant_id, purpose="join", email="bob@example.org", role="viewer", secret_sha256=b"4" * 32,
                maker=Maker("ann", self.user.id), expires_at=LATER,
            )  # fmt: skip
            await uow.secrets.claim(world.tenant_id, name="TOKEN", description="", agent_id=None, hosts=())
            await uow.limits.set_key(world.tenant_id, self.key.id, Limits(burst=7))
            await uow.audit.append(NewAuditEntry(world.tenant_id, SYSTEM, "tested", "subject"))
            await uow.stop_orders.place(
                world.tenant_id, Reach.of_agent(world.agent.id), "pause", reason="r", placed_by="x"
            )
            await uow.stop_orders.lift(world.tenant_id, Reach.of_agent(world.agent.id), "pause", lifted_by="x")
            self.version = world.version
        return self


# Each takes (unit of work, the intruder's tenant, the victim's rows) and gives nothing, or raises.
REACHES = {
    "tenants.add_key": None,  # makes a row of the caller's own
    "tenants.list_keys": lambda u, t, _: u.tenants.list_keys(t),
    "tenants.revoke_key": lambda u, t, r: u.tenants.revoke_key(t, r.key.id),
    "tenants.rotate_key": lambda u, t, r: u.tenants.rotate_key(
        t, r.key.id, prefix="mine", secret_sha256=b"9" * 32, grace=timedelta(seconds=1)
    ),
    "directory.get": None,  # the installation's: what is asked for is the tenant itself
    "directory.rename": None,
    "directory.set_disabled": None,
    "everyone.end_keys": lambda u, t, r: u.everyone.end_keys(r.user.id, tenant_id=t),
    "members.put": None,
    "members.list": lambda u, t, _: u.members.list(t),
    "members.get": lambda u, t, r: u.members.get(t, r.user.id),
    "members.remove": lambda u, t, r: u.members.remove(t, r.user.id),
    "members.set_disabled": lambda u, t, r: u.members.set_disabled(t, r.user.id, disabled=True),
    "members.count_owners": lambda u, t, r: u.members.count_owners(t, except_user=UserId(r.memory.id)),
    "invitations.add": None,
    "invitations.list": lambda u, t, _: u.invitations.list(t),
    "invitations.revoke": lambda u, t, r: u.invitations.revoke(t, r.invitation.id),
    "logins.add": None,  # a user's own, in a tenant of theirs
    "logins.move": None,
    "logins.end_all": lambda u, t, r: u.logins.end_all(r.user.id, tenant_id=t),
    "limits.of_caller": lambda u, t, r: own_limits(u.limits.of_caller(t, r.key.id)),
    "limits.of_tenant": lambda u, t, _: own_keys(u.limits.of_tenant(t)),
    "limits.set_key": lambda u, t, r: u.limits.set_key(t, r.key.id, Limits(burst=1)),
    "limits.set_tenant": None,
    "secrets.claim": None,
    "secrets.hold": lambda u, t, _: u.secrets.hold(t, "TOKEN"),
    "secrets.change": lambda u, t, _: u.secrets.change(t, name="TOKEN", description="", agent_id=None, hosts=("*",)),
    "secrets.get": lambda u, t, _: u.secrets.get(t, "TOKEN"),
    "secrets.list": lambda u, t, _: u.secrets.list(t, PageOf()),
    "secrets.delete": lambda u, t, _: u.secrets.delete(t, "TOKEN"),
    "secret_seals.sealed": lambda u, t, _: u.secret_seals.sealed(t, ["TOKEN"]),
    "audit.head": lambda u, t, _: u.audit.head(t),
    "audit.list": lambda u, t, _: u.audit.list(t, PageOf(), which=EVERY_ENTRY),
    "audit.read_after": lambda u, t, _: u.audit.read_after(t, 0, limit=9),
    "stop_orders.lifted": lambda u, t, _: u.stop_orders.lifted(t, limit=9),
    "agents.add": None,
    "agents.add_version": lambda u, t, r: u.agents.add_version(t, r.world.agent.id, AgentSpec()),
    "agents.pin": lambda u, t, r: u.agents.pin(t, r.world.agent.id, 1),
    "agents.get": lambda u, t, r: u.agents.get(t, r.world.agent.id),
    "agents.of_session": lambda u, t, r: u.agents.of_session(t, r.world.session.id),
    "agents.get_version": lambda u, t, r: u.agents.get_version(t, r.world.agent.id, 1),
    "agents.list": lambda u, t, _: u.agents.list(t, PageOf()),
    "agents.list_versions": lambda u, t, r: u.agents.list_versions(t, r.world.agent.id, PageOf()),
    "sessions.add": lambda u, t, r: u.sessions.add(t, agent_id=r.world.agent.id, title="", metadata={}),
    "forks.measure": lambda u, t, r: fork_events(u.forks.measure(t, r.world.session.id, at_seq=9)),
    "forks.copy": lambda u, t, r: u.forks.copy(
        t, Conversation(r.world.session.id, 1, 9, 1, left_out=False), into=r.world.session.id
    ),
    "sessions.get": lambda u, t, r: u.sessions.get(t, r.world.session.id),
    "sessions.list": lambda u, t, r: u.sessions.list(t, PageOf(), agent_id=r.world.agent.id),
    "sessions.delete": lambda u, t, r: u.sessions.delete(t, r.world.session.id),
    "runs.add": lambda u, t, r: u.runs.add(
        t, run_id=r.memory.id, session_id=r.world.session.id, version=r.version, limits=RunLimits(), queued_seq=9
    ),
    "runs.get": lambda u, t, r: u.runs.get(t, r.run.id),
    "runs.list": lambda u, t, r: u.runs.list(t, PageOf(), session_id=r.world.session.id),
    "runs.steps": lambda u, t, r: u.runs.steps(t, r.run.id),
    "runs.request_cancel": lambda u, t, r: u.runs.request_cancel(t, r.run.id, reason="mine now"),
    "runs.release": lambda u, t, r: u.runs.release(t, r.claim.run.id, r.claim.generation),
    "run_stops.request_pause": lambda u, t, r: u.run_stops.request_pause(t, r.run.id, reason="mine now"),
    "run_stops.drop_pause": lambda u, t, r: u.run_stops.drop_pause(t, r.run.id),
    "run_stops.park": lambda u, t, r: u.run_stops.park(
        t, r.claim.run.id, r.claim.generation, reason=WaitReason(kind="timer")
    ),
    "run_stops.wake": lambda u, t, r: u.run_stops.wake(t, r.run.id),
    "stuck_runs.mark_woken": lambda u, t, r: u.stuck_runs.mark_woken(t, r.run.id),
    "run_stops.lock": lambda u, t, r: u.run_stops.lock(t, r.run.id),
    "run_stops.request_cancel_all": lambda u, t, _: u.run_stops.request_cancel_all(t, agent_id=None, reason="mine now"),
    "interjections.take_turn": lambda u, t, r: u.interjections.take_turn(t, r.world.session.id),
    "interjections.count_steer": lambda u, t, r: u.interjections.count_steer(t, r.run.id, at_most=9),
    "interjections.roll_back": lambda u, t, r: u.interjections.roll_back(t, r.run.id),
    "stop_orders.place": lambda u, t, r: u.stop_orders.place(
        t, Reach.of_agent(r.world.agent.id), "pause", reason="mine now", placed_by="x"
    ),
    "stop_orders.lift": lambda u, t, r: u.stop_orders.lift(
        t, Reach.of_tenant(r.world.tenant_id), "pause", lifted_by="x"
    ),
    "stop_orders.parked_under": lambda u, t, r: u.stop_orders.parked_under(t, r.run.id, limit=9),
    "stop_orders.over_tenant": lambda u, t, _: u.stop_orders.over_tenant(t, limit=9),
    "approvals.get": lambda u, t, r: u.approvals.get(t, r.approval.id),
    "approvals.list": lambda u, t, r: u.approvals.list(t, PageOf(), which=ApprovalFilter(run_id=r.run.id)),
    "approvals.awaited": lambda u, t, r: u.approvals.awaited(t, r.run.id),
    "approvals.record": lambda u, t, r: u.approvals.record(t, r.approval.id, BOB, ruling=Ruling("deny")),
    "approvals.close": lambda u, t, r: u.approvals.close(t, r.approval.id, outcome="denied"),
    "policies.add": None,
    "policies.add_version": lambda u, t, r: u.policies.add_version(
        t, r.policy.id, PolicyRules(), comment="", by=SYSTEM
    ),
    "policies.pin": lambda u, t, r: u.policies.pin(t, r.policy.id, 1),
    "policies.set_enabled": lambda u, t, r: u.policies.set_enabled(t, r.policy.id, enabled=False),
    "policies.get": lambda u, t, r: u.policies.get(t, r.policy.id),
    "policies.get_version": lambda u, t, r: u.policies.get_version(t, r.policy.id, 1),
    "policies.list": lambda u, t, _: u.policies.list(t, PageOf()),
    "policies.list_versions": lambda u, t, r: u.policies.list_versions(t, r.policy.id, PageOf()),
    "rulings.in_force": lambda u, t, r: deciding(u.rulings.in_force(t, r.world.agent.id)),
    "rulings.use_rate": lambda u, t, r: u.rulings.use_rate(
        t, RateUse(r.policy.id, "rule", t, RateLimit(calls=1, window_s=9))
    ),
    "rulings.past_calls": lambda u, t, r: u.rulings.past_calls(t, run_id=r.run.id, limit=9),
    "wakeups.add_job": None,
    "stuck_runs.silent": lambda u, t, _: silent(u, t),
    "admission.depth": lambda u, t, _: queued(u.admission.depth(t, otherwise=9)),
    "admission.load": lambda u, t, _: queued(u.admission.load(t, at_most=9)),
    "admission.get": lambda u, t, _: other_than_default(u.admission.get(t)),
    "admission.set": None,
    "admission.ready": lambda u, t, _: u.admission.ready(t, limit=9),
    "events.append": lambda u, t, r: u.events.append(t, r.world.session.id, new(said("boo"))),
    "events.list_after": lambda u, t, r: u.events.list_after(t, r.world.session.id, after=0, limit=9),
    "events.stream_for_fold": lambda u, t, r: collect(u.events.stream_for_fold(t, r.world.session.id, r.run.id)),
    "retention.cut": lambda u, t, r: u.retention.cut(t, r.world.session.id, older_than=timedelta(days=-1), rows=9),
    "retention.missing": lambda u, t, r: u.retention.missing(t, r.world.session.id, after=0, up_to=99, limit=9),
    "tools.propose": None,
    "tools.record_test": lambda u, t, r: u.tools.record_test(t, r.tool_version.id, state="rejected", report={}),
    "tools.activate": lambda u, t, r: u.tools.activate(t, r.tool_version.id),
    "tools.set_in_doubt": lambda u, t, r: u.tools.set_in_doubt(t, r.tool_version.id, policy="ask"),
    "tools.record_gates": lambda u, t, r: u.tools.record_gates(t, r.tool_version.id, scan={}, negative={}),
    "tools.set_state": lambda u, t, r: u.tools.set_state(t, r.tool_version.id, state="disabled", reason="mine now"),
    "tools.activates_pure": None,
    "tools.set_activates_pure": None,
    "tools.get": lambda u, t, r: u.tools.get(t, r.tool_version.tool_id),
    "tools.get_version": lambda u, t, r: u.tools.get_version(t, r.tool_version.id),
    "tools.active_versions": lambda u, t, r: u.tools.active_versions(t, [r.tool_version.id]),
    "tools.version_of_call": lambda u, t, r: u.tools.version_of_call(t, r.run.id, "c1"),
    "tools.list": lambda u, t, _: u.tools.list(t, PageOf()),
    "tools.list_versions": lambda u, t, r: u.tools.list_versions(t, r.tool_version.tool_id),
    "tools.record_use": lambda u, t, r: u.tools.record_use(
        t, r.tool_version.id, run_id=r.run.id, call_id="c9", ok=False
    ),
    "memories.mark_indexed": lambda u, t, r: u.memories.mark_indexed(t, r.memory.id),
    "memories.get": lambda u, t, r: u.memories.get(t, r.memory.id),
    "memories.list": lambda u, t, r: u.memories.list(t, PageOf(), agent_id=r.world.agent.id),
    "memories.delete": lambda u, t, r: u.memories.delete(t, r.memory.id),
    "artifacts.put": None,
    "artifacts.get": lambda u, t, r: u.artifacts.get(t, r.artifact.sha256),
    "artifacts.part": lambda u, t, r: u.artifacts.part(t, r.artifact.sha256, start=0, length=9),
    "artifacts.sensitivity": lambda u, t, r: u.artifacts.sensitivity(t, r.artifact.sha256),
    "artifacts.files": lambda u, t, r: u.artifacts.files(t, r.run.id, after=0, calls=9),
    "artifacts.file": lambda u, t, r: u.artifacts.file(t, r.run.id, seq=r.left.seq, name="file"),
    "idempotency.begin": lambda u, t, _: u.idempotency.begin(t, "key", route="r", body_sha256=b"3" * 32),
    "idempotency.complete": lambda u, t, _: u.idempotency.complete(t, "key", route="r", answer={"status": 500}),
    "schedules.get": lambda u, t, r: u.schedules.get(t, r.schedule.id),
    "schedules.list": lambda u, t, _: u.schedules.list(t, PageOf()),
    "schedules.delete": lambda u, t, r: u.schedules.delete(t, r.schedule.id),
    "schedules.firings": lambda u, t, r: u.schedules.firings(t, r.schedule.id, PageOf()),
    "webhooks.get": lambda u, t, r: u.webhooks.get(t, r.webhook.id),
    "webhooks.list": lambda u, t, _: u.webhooks.list(t, PageOf()),
    "webhooks.rotate_secret": lambda u, t, r: u.webhooks.rotate_secret(
        t, r.webhook.id, secret="whsec_bWluZQ", previous_until=NOW
    ),
    "webhooks.delete": lambda u, t, r: u.webhooks.delete(t, r.webhook.id),
    "deliveries.get": lambda u, t, r: u.deliveries.get(t, r.webhook.id, r.delivery.id),
    "deliveries.list": lambda u, t, r: u.deliveries.list(t, r.webhook.id, PageOf()),
    "deliveries.attempts": lambda u, t, r: u.deliveries.attempts(t, r.delivery.id),
    "deliveries.replay": lambda u, t, r: u.deliveries.replay(t, r.webhook.id, r.delivery.id, now=NOW),
    "deliveries.replay_dead": lambda u, t, r: u.deliveries.replay_dead(t, r.webhook.id, now=NOW, limit=9),
    "budgets.allowance": lambda u, t, r: u.budgets.allowance(t, r.world.session.id, run_id=r.run.id),
    "budgets.set_budget": None,
    "memories.edit": lambda u, t, r: u.memories.edit(t, r.memory.id, title="x", content="x"),
    "secrets.count": lambda u, t, _: u.secrets.count(t),
    "floors.list": lambda u, t, _: u.floors.list(t),
    "floors.set": None,
    "memories.set_floor": lambda u, t, r: u.memories.set_floor(t, r.memory.id, 2),
    "bounds.count": lambda u, t, r: u.bounds.count(t, "agent versions", of=r.world.agent.id, most=9),
    "statistics.overview": lambda u, t, _: u.statistics.overview(t, window=timedelta(days=1)),
    "statistics.history": lambda u, t, _: amounts(u.statistics.history(t, width="hour", periods=2)),
    "statistics.tool_uses": lambda u, t, r: u.statistics.tool_uses(t, r.tool_version.tool_id, limit=9),
}


async def amounts(history):
    """What its periods hold but their times."""
    periods = [asdict(period) for period in await history]
    return [value for period in periods for name, value in period.items() if name != "at" and value]


async def own_limits(limits):
    return [one for one in await limits if one != Limits()]


async def own_keys(limits):
    return (await limits).keys


async def silent(uow, tenant_id):
    return (await uow.stuck_runs.silent(tenant_id, Patience(*[timedelta(seconds=-1)] * 4), PageOf())).items


async def deciding(in_force):
    return (await in_force).policies


async def fork_events(measured):
    return (await measured).events


async def queued(amount):
    return (await amount).queued


async def other_than_default(admission):
    return await admission != TenantAdmission()


async def collect(events):
    return [event async for event in events]


def test_every_method_that_takes_a_tenant_is_reached_for():
    taking = {
        f"{name}.{method}"
        for name, port in inspect.get_annotations(UnitOfWork).items()
        for method, function in inspect.getmembers(port, inspect.isfunction)
        if "tenant_id" in inspect.signature(function).parameters
    }
    assert taking == set(REACHES)


async def snapshot(rows):
    world = rows.world
    async with world.store.system_transaction() as uow:
        return (
            await uow.runs.get(world.tenant_id, rows.run.id),
            await uow.sessions.get(world.tenant_id, world.session.id),
            await uow.agents.get(world.tenant_id, world.agent.id),
            await uow.tools.get(world.tenant_id, "adder"),
            await uow.tools.get_version(world.tenant_id, rows.tool_version.id),
            await uow.memories.get(world.tenant_id, rows.memory.id),
            await uow.schedules.get(world.tenant_id, rows.schedule.id),
            await uow.webhooks.get(world.tenant_id, rows.webhook.id),
            await uow.deliveries.get(world.tenant_id, rows.webhook.id, rows.delivery.id),
            await uow.approvals.get(world.tenant_id, rows.approval.id),
            await uow.policies.get(world.tenant_id, rows.policy.id),
            await uow.tenants.list_keys(world.tenant_id),
            await uow.members.get(world.tenant_id, rows.user.id),
            await uow.invitations.list(world.tenant_id),
            await uow.secrets.get(world.tenant_id, "TOKEN"),
            await uow.limits.of_tenant(world.tenant_id),
            await uow.audit.head(world.tenant_id),
            await uow.idempotency.begin(world.tenant_id, "key", route="r", body_sha256=b"2" * 32),
            await uow.events.list_after(world.tenant_id, world.session.id, after=0, limit=99),
        )


async def test_another_tenants_rows_can_be_neither_seen_nor_changed(world):
    """One database for all methods: the rows must be the same after every attempt."""
    rows = await Rows(world).fill()
    async with world.store.system_transaction() as uow:
        intruder = (await uow.tenants.ensure_tenant("intruder")).id
    before = await snapshot(rows)
    for name, reach in REACHES.items():
        if reach is None:
            continue
        try:
            async with world.store.system_transaction() as uow:
                got = await reach(uow, intruder, rows)
        except (NotFoundError, ConflictError):
            got = None
        assert is_nothing(got), name
        assert await snapshot(rows) == before, name


def is_nothing(got):
    if hasattr(got, "items") and hasattr(got, "next_cursor"):
        return got.items == ()
    if hasattr(got, "today"):
        return got.today == got.session == got.run == Usage()
    if hasattr(got, "looked_to"):
        return got.looked_to is None and not got.run_ids
    if hasattr(got, "runs_by_status"):
        return not got.runs_by_status and (got.agents, got.sessions, got.tools_active, got.memories, got.tokens) == (
            0, 0, 0, 0, 0,
        )  # fmt: skip
    return not got


async def test_a_row_cannot_refer_to_another_tenants_row(world, other):
    """Even code that mixes up tenants is stopped by the foreign keys."""
    run = await other.submit()
    mixed = make_memory(run)
    with pytest.raises(ConflictError):
        async with world.store.system_transaction() as uow:
            await uow.memories.add(replace(mixed, tenant_id=world.tenant_id))
    stolen = make_tool_version(world.tenant_id, run_id=run.id, call_id="c")
    with pytest.raises(ConflictError):
        async with world.store.system_transaction() as uow:
            await uow.tools.propose(world.tenant_id, version=stolen, name="t")
