"""Another tenant's ids over every route, command and cursor: as good as ids that never were.

The routes come from the OpenAPI document, so that a new one is put to the test by being there. Whoever adds a kind of
thing adds one to `estate.py`; whoever adds a body that cannot be made up from its schema adds one to BODIES.
"""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any, get_args
from uuid import uuid4

import httpx
import pytest
from backends import Caller, WordIndex
from clients import ask, socket
from estate import MARK, Estate, build_estate
from fastapi import FastAPI
from made_up import make_up
from serving import OPTIONS, MakeCaller

from hortus_server.adapters.sealing import KeyRing, new_key
from hortus_server.api.edge import Edge, EdgePorts, make_edge
from hortus_server.api.streams.frames import CLIENT_FRAME
from hortus_server.ports.store import Store

# Names of parameters and fields that name nothing of a tenant's.
NEUTRAL = {"worker", "version", "seq", "limit", "cursor", "idempotency-key"}
# A caller may name something that does not exist yet: what comes of it is their own, whatever others have.
MAKES_ITS_OWN = {"set_secret", "set_tool_sensitivity"}
# Bodies that a schema alone does not tell; `{}` where one may be left out.
BODIES: dict[str, dict[str, Any]] = {
    "decide_approval": {"decision": "approve"},
    "fork_session": {"at_seq": 1},
    "answer_run": {"answer": "x"},
    "change_webhook": {"description": "x"},
    "change_schedule": {"input": "x"},
    "change_user": {"role": "viewer"},
    "change_tenant": {"name": "x"},
    "put_key_limits": {"requests_per_minute": 5},
    "stop_agent": {"action": "cancel", "reason": "x"},
    "set_secret": {"value": "a-secret-of-my-own"},
    "set_tool_sensitivity": {"sensitivity": 2, "reason": "x"},
    "set_memory_sensitivity": {"sensitivity": 2, "reason": "x"},
}
# What an unknown id is answered with, besides 404: those who may not do the thing at all learn nothing about ids.
REFUSED = {403: "only the operating tenant may", 401: "only a browser with a login may"}
# What changes or waits by itself.
MOVING = {"get_overview", "list_workers", "wait_for_run"}
SECONDS = re.compile(r"\d+\.\d+")
UUIDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Operation:
    """One of the document, with what its parameters and body may name."""

    method: str
    path: str
    name: str
    in_path: tuple[str, ...]
    in_query: tuple[str, ...]
    required: dict[str, Any]
    body: dict[str, Any] | None

    @property
    def in_body(self) -> tuple[str, ...]:
        return tuple(key for key in (self.body or {}).get("properties", {}) if names_something(key))


def names_something(parameter: str) -> bool:
    """Whether a field of this name holds an id of a tenant's."""
    return parameter not in NEUTRAL and (parameter.endswith("_id") or parameter in {"agent", "tool", "policy"})


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    """All of them."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            found = operation.get("parameters", [])
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            body = _resolve(document, content["schema"]) if content else None
            queries = [one for one in found if one["in"] == "query"]
            yield Operation(
                method=method.upper(),
                path=path,
                name=operation["operationId"],
                in_path=tuple(one["name"] for one in found if one["in"] == "path"),
                in_query=tuple(one["name"] for one in queries),
                required={one["name"]: make_up(document, one["schema"]) for one in queries if one.get("required")},
                body=body,
            )


def _resolve(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    for option in (schema, *schema.get("anyOf", ())):
        if "$ref" in option:
            found: dict[str, Any] = document["components"]["schemas"][option["$ref"].rpartition("/")[2]]
            return found
    return schema


@pytest.fixture
def index() -> WordIndex:
    """An index that knows nothing of tenants: the filter is forgotten."""
    return WordIndex()


@pytest.fixture
def edge(ports: EdgePorts, index: WordIndex) -> Edge:
    return make_edge(OPTIONS, replace(ports, index=index, sealer=KeyRing([new_key()])))


@pytest.fixture
async def estate(admin: Caller, store: Store, index: WordIndex) -> Estate:
    return await build_estate(admin, store, index)


@pytest.fixture
async def stranger(make_caller: MakeCaller, estate: Estate) -> Caller:
    """All rights in another tenant, which came later and so does not operate the installation."""
    return await make_caller(tenant="evil")


@pytest.fixture
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


@dataclass
class Intruder:
    """Another tenant with all rights in its own; every answer it gets is searched for the estate."""

    caller: Caller
    estate: Estate
    document: dict[str, Any]

    async def send(self, operation: Operation, ids: dict[str, str], **more: Any) -> httpx.Response:
        path = operation.path
        for name in operation.in_path:
            path = path.replace(f"{{{name}}}", ids[name])
        body = None
        if operation.body is not None:
            body = BODIES.get(operation.name) or make_up(self.document, operation.body)
            body = {**body, **more.pop("fields", {})}
        more["params"] = operation.required | more.get("params", {})
        answer = await self.caller.call(operation.method, path, json=body, **more)
        assert answer.status_code < 500, (operation.name, answer.text)
        return answer

    def check_clean(self, operation: Operation, answer: httpx.Response) -> None:
        """Nothing of the estate is in it but what the caller sent."""
        sent = str(answer.request.url) + (answer.request.content or b"").decode()
        leaked = {trace for trace in self.estate.traces if trace in answer.text and trace not in sent}
        assert leaked == set(), (operation.name, answer.text[:500])


@pytest.fixture
def intruder(stranger: Caller, estate: Estate, document: dict[str, Any]) -> Intruder:
    return Intruder(stranger, estate, document)


def told(answer: httpx.Response, named: Collection[str] = ()) -> tuple[int, str]:
    """What an answer says, without the names that were asked for, its own id and any other."""
    document = answer.json() if answer.content else {}
    for mine in ("request_id", "instance"):
        document.pop(mine, None)
    text = json.dumps(document, sort_keys=True)
    for name in named:
        text = text.replace(name, "<id>") if len(name) > 1 else text
    return answer.status_code, UUIDS.sub("<id>", text)


def unknown(ids: dict[str, str]) -> dict[str, str]:
    """The same, of things that never were."""
    return {name: value if name in NEUTRAL else _other(value) for name, value in ids.items()}


def _other(value: str) -> str:
    return str(uuid4()) if UUIDS.fullmatch(value) else f"{value}_X"


async def state(owner: Caller, document: dict[str, Any], estate: Estate) -> dict[str, Any]:
    """All that the owner sees, by reading everything."""
    seen = {}
    for operation in operations(document):
        if operation.method == "GET" and operation.path.startswith("/v1/") and operation.name not in MOVING:
            path = operation.path.format(**{"worker": "worker@host"} | estate.ids)
            answer = await owner.get(path)
            seen[operation.name] = SECONDS.sub("<seconds>", answer.text) if answer.status_code == 200 else None
    return seen


async def test_every_id_over_every_route_is_as_good_as_none(
    admin: Caller, intruder: Intruder, estate: Estate, document: dict[str, Any]
):
    before = await state(admin, document, estate)
    tried = 0
    for operation in sorted(operations(document), key=lambda one: one.name in MAKES_ITS_OWN):
        wanted = set(operation.in_path) - NEUTRAL
        assert wanted <= estate.ids.keys(), f"{operation.name}: put one of these into estate.py: {wanted}"
        if not wanted:
            continue
        answer = await intruder.send(operation, estate.ids)
        intruder.check_clean(operation, answer)
        if operation.name in MAKES_ITS_OWN:
            continue
        assert answer.status_code in {404, *REFUSED}, (operation.name, answer.status_code, answer.text)
        never = unknown(estate.ids)
        other = await intruder.send(operation, never)
        assert told(answer, estate.ids.values()) == told(other, never.values()), operation.name
        tried += 1
    assert tried > 50
    after = await state(admin, document, estate)
    assert {name: (before[name], after[name]) for name in before if before[name] != after[name]} == {}


async def test_every_id_in_a_body_is_as_good_as_none(
    admin: Caller, intruder: Intruder, estate: Estate, document: dict[str, Any]
):
    await intruder.caller.agent()
    own = {name: value for name, value in (await _own(intruder.caller)).items() if value}
    tried = set()
    for operation in operations(document):
        for name in operation.in_body:
            if not set(operation.in_path) <= own.keys():
                continue
            assert name in estate.ids, f"{operation.name}: put a {name} into estate.py"
            fields = {"fields": {name: estate.ids[name]}}
            answer = await intruder.send(operation, own, **fields)
            intruder.check_clean(operation, answer)
            assert answer.status_code in {404, 409, 422, *REFUSED}, (operation.name, name, answer.text)
            never = _other(estate.ids[name])
            other = await intruder.send(operation, own, fields={name: never})
            assert told(answer, [estate.ids[name]]) == told(other, [never]), (operation.name, name)
            tried.add((operation.name, name))
    assert {("create_run", "session_id"), ("create_run", "agent"), ("create_schedule", "agent")} <= tried


async def test_no_query_reaches_another_tenants_rows(intruder: Intruder, estate: Estate, document: dict[str, Any]):
    tried = set()
    for operation in operations(document):
        if operation.method != "GET" or not operation.path.startswith("/v1/") or set(operation.in_path) - NEUTRAL:
            continue
        queries: list[dict[str, str]] = [{}]
        queries += [{name: estate.ids[name]} for name in operation.in_query if names_something(name)]
        queries += [{name: MARK} for name in ("q", "subject", "action", "actor") if name in operation.in_query]
        for query in queries:
            answer = await intruder.send(operation, {"worker": "worker@host"}, params=query)
            assert answer.status_code in {200, 302, 303, 401, 403, 404, 422, 503}, (operation.name, answer.text)
            intruder.check_clean(operation, answer)
            tried.add((operation.name, *query))
    assert {("list_runs", "session_id"), ("search_memories", "agent"), ("list_audit", "subject")} <= tried


async def test_no_cursor_search_or_stream_reaches_another_tenants_rows(
    admin: Caller, intruder: Intruder, estate: Estate, document: dict[str, Any]
):
    assert len(estate.cursors) >= 5, f"lists with more than a page: {sorted(estate.cursors)}"
    for operation in operations(document):
        cursor = estate.cursors.get(operation.path)
        if operation.method == "GET" and cursor is not None and not set(operation.in_path) - NEUTRAL:
            answer = await intruder.send(operation, {}, params={"cursor": cursor})
            assert answer.status_code in {200, 422}, (operation.name, answer.text)
            intruder.check_clean(operation, answer)

    # The index gives the memory to whoever asks; the rows decide.
    found = await admin.get("/v1/memories/search", params={"q": MARK})
    assert [item["memory"]["id"] for item in found.json()["items"]] == [estate.ids["memory_id"]]
    nothing = await intruder.caller.get("/v1/memories/search", params={"q": MARK})
    assert (nothing.status_code, nothing.json()["items"]) == (200, [])

    path, headers = "/v1/sessions/{}/events", {"Accept": "text/event-stream"}
    refused = await intruder.caller.get(path.format(estate.ids["session_id"]), headers=headers)
    assert refused.status_code == 404
    assert told(refused) == told(await intruder.caller.get(path.format(uuid4()), headers=headers))


async def test_every_command_of_a_socket_finds_another_tenants_ids_as_good_as_none(
    address: str, stranger: Caller, estate: Estate
):
    union = get_args(CLIENT_FRAME._type)[0]  # type: ignore[attr-defined]
    tried = 0
    async with socket(address, "/v1/stream", stranger.key) as opened:
        for command in get_args(union):
            names = [name for name in command.model_fields if names_something(name)]
            for name in names:
                kind = get_args(command.model_fields["type"].annotation)[0]
                needed = {
                    field: "x" for field, one in command.model_fields.items() if one.is_required() and field != name
                }
                frame = {**needed, "type": kind}
                reply = await ask(opened, **{**frame, "id": 1, name: estate.ids[name]})
                other = await ask(opened, **{**frame, "id": 1, name: str(uuid4())})
                assert (reply["ok"], reply["problem"]["code"]) == (False, "not_found"), (kind, reply)
                assert [UUIDS.sub("<id>", json.dumps(_lasting(one), sort_keys=True)) for one in (reply, other)] == [
                    UUIDS.sub("<id>", json.dumps(_lasting(other), sort_keys=True))
                ] * 2
                assert MARK not in json.dumps(reply)
                tried += 1
    assert tried >= 10


def _lasting(reply: dict[str, Any]) -> dict[str, Any]:
    problem = {key: value for key, value in reply["problem"].items() if key not in {"request_id", "instance"}}
    return {**reply, "problem": problem}


async def _own(caller: Caller) -> dict[str, str]:
    """Ids of the intruder's own, for what has to exist before a body is looked at."""
    session = await caller.session()
    agent = (await caller.get("/v1/agents/helper")).json()["id"]
    return {"agent": agent, "session_id": str(session)}
