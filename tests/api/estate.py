"""One of everything that a tenant can own, made as people and workers make it; every text of it carries MARK."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from approval_world import ask
from backends import Caller, WordIndex
from people_world import join, secret_of
from store_world import PageOf, World, make_memory, make_tool_version

from hortus_agents.events import KeptFile, NewEvent, ToolFinished
from hortus_agents.spec import AgentSpec
from hortus_server.domain.ids import MemoryId, WebhookId
from hortus_server.ports.store import Store

MARK = "acmesecret"
FILE = "ACME_TOKEN"  # a run's file is called as a secret is: both are a `name`


@dataclass
class Estate:
    """What another tenant reaches for: an id for each name of a path parameter or field."""

    ids: dict[str, str] = field(default_factory=dict)
    cursors: dict[str, str] = field(default_factory=dict)

    @property
    def traces(self) -> set[str]:
        """What no answer to another tenant may hold."""
        return {value for value in self.ids.values() if len(value) >= 32} | {MARK}


async def made(answer: Any) -> dict[str, Any]:
    """The body of a call that worked."""
    assert answer.status_code in {200, 201, 202}, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def build_estate(owner: Caller, store: Store, index: WordIndex) -> Estate:
    """Everything, of the owner's tenant."""
    estate = Estate({"tenant_id": str(owner.tenant_id), "version": "1"})
    world = await _runs(owner, store, estate)
    await _rows(world, index, estate)
    await _settings(owner, estate)
    await _people(owner, estate)
    await _cursors(owner, estate)
    return estate


async def _runs(owner: Caller, store: Store, estate: Estate) -> World:
    """A webhook that is owed what follows, an agent, a session, and a run under way that asks for a decision."""
    webhook = {"url": "https://example.org/", "events": ["*"], "description": MARK}
    estate.ids["webhook_id"] = (await made(await owner.post("/v1/webhooks", webhook)))["id"]
    async with store.system_transaction() as uow:
        tenant = await uow.tenants.ensure_tenant("acme")
        agent, version = await uow.agents.add(tenant.id, name=MARK, description=MARK, spec=AgentSpec())
        session = await uow.sessions.add(tenant.id, agent_id=agent.id, title=MARK, metadata={"note": MARK})
    world = World(store, tenant, agent, version, session)
    run = await world.submit(MARK)
    claim = await world.claim(run)
    assert claim is not None
    async with store.system_transaction() as uow:
        approval = await ask(uow, claim)
        deliveries = await uow.deliveries.list(tenant.id, WebhookId(UUID(estate.ids["webhook_id"])), PageOf())
        kept = await uow.artifacts.put(tenant.id, MARK.encode(), media_type="text/plain")
        left = KeptFile(name=FILE, sha256=kept.sha256, size=kept.size)
        finished = ToolFinished(call_id="c1", name="python", outcome="ok", content=MARK, duration_ms=1, files=(left,))
        (told,) = await uow.events.append(tenant.id, run.session_id, [NewEvent(payload=finished)], run_id=run.id)
    estate.ids |= {
        "agent": str(agent.id), "agent_id": str(agent.id), "session_id": str(run.session_id), "run_id": str(run.id),
        "approval_id": str(approval.id), "delivery_id": str(deliveries.items[0].id), "seq": str(told.seq),
    }  # fmt: skip
    return world


async def _rows(world: World, index: WordIndex, estate: Estate) -> None:
    """A memory, in the index too, and a tool that a run has written."""
    run = await world.submit(MARK)
    memory = make_memory(run, title=MARK)
    proposed = make_tool_version(world.tenant_id, run_id=run.id, call_id="c1", source=f"def f(): return '{MARK}'")
    async with world.store.system_transaction() as uow:
        await uow.memories.add(memory)
        tool = await uow.tools.propose(world.tenant_id, version=proposed, name=f"{MARK}_tool")
    index.texts[MemoryId(memory.id)] = f"{MARK} a walk"
    estate.ids |= {"memory_id": str(memory.id), "tool": str(tool.tool_id), "tool_id": str(tool.tool_id)}


async def _settings(owner: Caller, estate: Estate) -> None:
    """What people set: a schedule, a policy, a secret, a key."""
    schedule = {
        "name": MARK, "timing": {"kind": "interval", "every_s": 3600}, "agent": estate.ids["agent"], "input": MARK,
    }  # fmt: skip
    estate.ids["schedule_id"] = (await made(await owner.post("/v1/schedules", schedule)))["id"]
    policy = {"name": MARK, "rules": [{"name": MARK, "effect": "deny", "reason": MARK}], "comment": MARK}
    estate.ids["policy"] = (await made(await owner.post("/v1/policies", policy)))["id"]
    secret = {"value": f"{MARK}-{MARK}", "description": MARK, "hosts": ["example.org"]}
    await made(await owner.call("PUT", f"/v1/secrets/{FILE}", json=secret))
    estate.ids["name"] = FILE
    key = await made(await owner.post("/v1/admin/keys", {"name": MARK, "scopes": ["runs:read"]}))
    estate.ids["key_id"] = key["id"]


async def _people(owner: Caller, estate: Estate) -> None:
    """A user with a login, and somebody who was invited."""
    browser = await join(owner, f"{MARK}@example.org", "viewer")
    me = await browser.me()
    estate.ids["user_id"] = me["id"]
    estate.ids["login_id"] = (await made(await browser.get("/v1/me/logins")))["items"][0]["id"]
    invited = await made(await owner.post("/v1/admin/invitations", {"email": f"{MARK}2@example.org", "role": "viewer"}))
    assert secret_of(invited["link"])
    items = (await made(await owner.get("/v1/admin/invitations")))["items"]
    estate.ids["invitation_id"] = next(item["id"] for item in items if item["email"].startswith(f"{MARK}2"))


async def _cursors(owner: Caller, estate: Estate) -> None:
    """Where the first page of each list ends that has more than one entry."""
    await owner.agent(f"{MARK}-more")
    await owner.session(f"{MARK}-more")
    document = owner.http._transport.app.openapi()  # type: ignore[attr-defined]
    for path, operations in document["paths"].items():
        names = {one["name"] for one in operations.get("get", {}).get("parameters", [])}
        if {"cursor", "limit"} <= names:
            answer = await owner.get(path.format(**estate.ids), params={"limit": 1})
            cursor = answer.json().get("next_cursor")
            if cursor is not None:
                estate.cursors[path] = cursor
