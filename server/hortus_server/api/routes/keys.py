"""API keys: several per tenant; nobody makes one that may more than they do."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body
from starlette.responses import Response

from hortus_server.api.answers import json_answer
from hortus_server.api.deps import EdgeDep, Idempotent, NoQuery, PeopleDep, UsersRead, UsersWrite
from hortus_server.api.responses import CHANGE, LIST
from hortus_server.api.schemas.admin import IssuedKeyView, KeyCreate, KeyRotate, KeysView, KeyView, key_json
from hortus_server.domain.ids import KeyId
from hortus_server.services.create_once import Answer
from hortus_server.services.issue_key import KeyDraft
from hortus_server.services.revoke_key import revoke_key

router = APIRouter(prefix="/v1/admin/keys", tags=["admin"])


@router.post("", status_code=201, response_model=IssuedKeyView, responses=CHANGE, dependencies=[NoQuery])
async def create_key(body: KeyCreate, edge: EdgeDep, caller: UsersWrite, idempotent: Idempotent) -> Response:
    """Issue a key. Its secret is in this answer and nowhere else, not even in an idempotent repetition."""
    once = idempotent.once(key_json)
    draft = KeyDraft(body.name, body.scopes, body.expires_at)
    answer, secret = await edge.issue_key(caller.authority, caller.tenant_id, draft=draft, once=once)
    return _shown_once(answer, secret)


@router.get("", response_model=KeysView, responses=LIST, dependencies=[NoQuery])
async def list_keys(edge: EdgeDep, caller: UsersRead) -> Response:
    """All keys of the tenant, revoked ones included."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        keys = await uow.tenants.list_keys(caller.tenant_id)
    return json_answer(KeysView(items=tuple(KeyView.model_validate(key) for key in keys)))


@router.post("/{key_id}/rotate", response_model=IssuedKeyView, responses=CHANGE, dependencies=[NoQuery])
async def rotate_key(
    key_id: UUID,
    people: PeopleDep,
    caller: UsersWrite,
    idempotent: Idempotent,
    body: Annotated[KeyRotate | None, Body()] = None,
) -> Response:
    """Give a key another secret, shown once; the old one works for a while. 404 for a key that is revoked."""
    grace, once = timedelta(seconds=(body or KeyRotate()).grace_s), idempotent.once(key_json, status=200)
    answer, secret = await people.rotate_key(caller.authority, caller.tenant_id, KeyId(key_id), grace=grace, once=once)
    return _shown_once(answer, secret)


@router.delete("/{key_id}", response_model=KeyView, responses=CHANGE, dependencies=[NoQuery])
async def revoke_key_route(key_id: UUID, edge: EdgeDep, caller: UsersWrite) -> Response:
    """Revoke a key; other processes notice within five seconds, open streams at their next heartbeat."""
    key = await revoke_key(
        edge.store, edge.authenticate, caller.authority, tenant_id=caller.tenant_id, key_id=KeyId(key_id)
    )
    return json_answer(KeyView.model_validate(key))


def _shown_once(answer: Answer, secret: str | None) -> Response:
    response = json_answer({**answer.body, "secret": secret}, status=answer.status)
    response.headers["Cache-Control"] = "no-store"
    if answer.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response
