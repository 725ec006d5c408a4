"""Secrets: credentials of tools, kept sealed."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from hortus_server.api.answers import json_answer
from hortus_server.api.deps import EdgeDep, NoQuery, Paging, SecretsRead, SecretsWrite
from hortus_server.api.responses import CHANGE, LIST, READ
from hortus_server.api.schemas.secrets import SecretChange, SecretPage, SecretView, SecretWrite
from hortus_server.api.schemas.wire import page_json
from hortus_server.services.keep_secrets import SecretDraft

router = APIRouter(prefix="/v1/secrets", tags=["secrets"])
SecretName = Annotated[str, Path(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$", description="letters, digits, `_`")]


@router.get("", response_model=SecretPage, responses=LIST)
async def list_secrets(edge: EdgeDep, caller: SecretsRead, query: Paging) -> Response:
    """Names and facts of secrets, newest first."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        page = await uow.secrets.list(caller.tenant_id, query.page)
    return json_answer(page_json(page, SecretView.model_validate))


@router.get("/{name}", response_model=SecretView, responses=READ, dependencies=[NoQuery])
async def get_secret(name: SecretName, edge: EdgeDep, caller: SecretsRead) -> Response:
    """One secret, without its value."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        secret = await uow.secrets.get(caller.tenant_id, name)
    return json_answer(SecretView.model_validate(secret))


@router.put("/{name}", response_model=SecretView, responses=CHANGE, dependencies=[NoQuery])
async def set_secret(name: SecretName, body: SecretWrite, edge: EdgeDep, caller: SecretsWrite) -> Response:
    """Set a secret, or give it a new value: calls that begin five seconds from now use it. No answer shows it.

    A new secret names the hosts that it may be sent to; a new value keeps them.
    """
    draft = SecretDraft(name, body.value.get_secret_value(), body.terms())
    secret = await edge.keep_secrets.set(caller.tenant_id, draft, by=caller.actor)
    return json_answer(SecretView.model_validate(secret))


@router.patch("/{name}", response_model=SecretView, responses=CHANGE, dependencies=[NoQuery])
async def change_secret(name: SecretName, body: SecretChange, edge: EdgeDep, caller: SecretsWrite) -> Response:
    """Change where it may be sent and who may use it, not its value: calls are held to it five seconds from now."""
    secret = await edge.keep_secrets.change(caller.tenant_id, name, body.terms(), by=caller.actor)
    return json_answer(SecretView.model_validate(secret))


@router.delete("/{name}", status_code=204, responses=CHANGE, dependencies=[NoQuery])
async def delete_secret(name: SecretName, edge: EdgeDep, caller: SecretsWrite) -> Response:
    """Delete it for good: calls that need it are not made any more."""
    await edge.keep_secrets.delete(caller.tenant_id, name, by=caller.actor)
    return Response(status_code=204)
