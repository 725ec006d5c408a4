"""Webhooks: endpoints of applications that are told of events, and what was delivered to them."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Query
from pydantic import Field
from starlette.responses import Response

from hortus_server.api.answers import json_answer
from hortus_server.api.deps import EdgeDep, Idempotent, NoQuery, PageQuery, Paging, WebhooksRead, WebhooksWrite
from hortus_server.api.responses import CHANGE, LIST, READ
from hortus_server.api.schemas.webhooks import (
    AttemptView,
    DeliveryDetailView,
    DeliveryPage,
    DeliveryView,
    ReplayedView,
    SecretRotate,
    WebhookCreate,
    WebhookPage,
    WebhookPatch,
    WebhookSecretView,
    WebhookView,
    webhook_json,
)
from hortus_server.api.schemas.wire import agent_of, page_json
from hortus_server.domain.audit import NewAuditEntry
from hortus_server.domain.ids import DeliveryId, WebhookId
from hortus_server.domain.webhooks import DeliveryState
from hortus_server.services.create_once import Answer
from hortus_server.services.create_webhook import WebhookDraft
from hortus_server.services.replay_deliveries import replay_dead, replay_delivery

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])


class DeliveryQuery(PageQuery):
    """Which deliveries."""

    state: DeliveryState | None = Field(default=None, description="only those of this state")


@router.post("", status_code=201, response_model=WebhookSecretView, responses=CHANGE, dependencies=[NoQuery])
async def create_webhook(body: WebhookCreate, edge: EdgeDep, caller: WebhooksWrite, idempotent: Idempotent) -> Response:
    """Tell an endpoint of events from now on. Its signing secret is in this answer and in no other."""
    draft = WebhookDraft(body.url, body.events, agent_of(body.agent) if body.agent else None, body.description)
    answer, secret = await edge.create_webhook(
        caller.tenant_id, draft=draft, once=idempotent.once(webhook_json), actor=caller.actor
    )
    return _with_secret(answer, secret)


@router.get("", response_model=WebhookPage, responses=LIST)
async def list_webhooks(edge: EdgeDep, caller: WebhooksRead, query: Paging) -> Response:
    """Webhooks, newest first."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        page = await uow.webhooks.list(caller.tenant_id, query.page)
    return json_answer(page_json(page, WebhookView.model_validate))


@router.get("/{webhook_id}", response_model=WebhookView, responses=READ, dependencies=[NoQuery])
async def get_webhook(webhook_id: UUID, edge: EdgeDep, caller: WebhooksRead) -> Response:
    """One webhook, with what disabled it if it is."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        webhook = await uow.webhooks.get(caller.tenant_id, WebhookId(webhook_id))
    return json_answer(WebhookView.model_validate(webhook))


@router.patch("/{webhook_id}", response_model=WebhookView, responses=CHANGE, dependencies=[NoQuery])
async def change_webhook(webhook_id: UUID, body: WebhookPatch, edge: EdgeDep, caller: WebhooksWrite) -> Response:
    """Change what is given. While it is disabled no event is owed to it; what was owed before waits."""
    webhook = await edge.change_webhook(
        caller.tenant_id, WebhookId(webhook_id), changes=body.changes(), actor=caller.actor
    )
    return json_answer(WebhookView.model_validate(webhook))


@router.delete("/{webhook_id}", status_code=204, responses=CHANGE, dependencies=[NoQuery])
async def delete_webhook(webhook_id: UUID, edge: EdgeDep, caller: WebhooksWrite) -> Response:
    """Delete it with its deliveries."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        await uow.webhooks.delete(caller.tenant_id, WebhookId(webhook_id))
        entry = NewAuditEntry(caller.tenant_id, caller.actor, "webhook.deleted", f"webhook:{webhook_id}")
        await uow.audit.append(entry)
    return Response(status_code=204)


@router.post("/{webhook_id}/secret", response_model=WebhookSecretView, responses=CHANGE, dependencies=[NoQuery])
async def rotate_webhook_secret(
    webhook_id: UUID,
    edge: EdgeDep,
    caller: WebhooksWrite,
    idempotent: Idempotent,
    body: Annotated[SecretRotate | None, Body()] = None,
) -> Response:
    """Give it a new secret; messages carry both signatures for a while, so that the receiver can change over."""
    answer, secret = await edge.change_webhook.rotate_secret(
        caller.tenant_id,
        WebhookId(webhook_id),
        overlap=timedelta(seconds=(body or SecretRotate()).overlap_s),
        once=idempotent.once(webhook_json, status=200),
        actor=caller.actor,
    )
    return _with_secret(answer, secret)


@router.get("/{webhook_id}/deliveries", response_model=DeliveryPage, responses=READ)
async def list_deliveries(
    webhook_id: UUID, edge: EdgeDep, caller: WebhooksRead, query: Annotated[DeliveryQuery, Query()]
) -> Response:
    """What is and was owed to it, newest first."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        webhook = await uow.webhooks.get(caller.tenant_id, WebhookId(webhook_id))
        page = await uow.deliveries.list(caller.tenant_id, webhook.id, query.page, state=query.state)
    return json_answer(page_json(page, DeliveryView.model_validate))


@router.get(
    "/{webhook_id}/deliveries/{delivery_id}", response_model=DeliveryDetailView, responses=READ, dependencies=[NoQuery]
)
async def get_delivery(webhook_id: UUID, delivery_id: UUID, edge: EdgeDep, caller: WebhooksRead) -> Response:
    """One delivery with the log of its attempts."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        delivery = await uow.deliveries.get(caller.tenant_id, WebhookId(webhook_id), DeliveryId(delivery_id))
        attempts = await uow.deliveries.attempts(caller.tenant_id, delivery.id)
    view = DeliveryView.model_validate(delivery)
    return json_answer(
        DeliveryDetailView(**view.model_dump(), log=tuple(AttemptView.model_validate(one) for one in attempts))
    )


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/replay",
    status_code=202,
    response_model=DeliveryView,
    responses=CHANGE,
    dependencies=[NoQuery],
)
async def replay_delivery_route(webhook_id: UUID, delivery_id: UUID, edge: EdgeDep, caller: WebhooksWrite) -> Response:
    """Send it again under the same `webhook-id`, with all retries anew; also one that had arrived."""
    delivery = await replay_delivery(
        edge.store,
        caller.tenant_id,
        WebhookId(webhook_id),
        delivery_id=DeliveryId(delivery_id),
        now=edge.change_webhook.now(),
    )
    return json_answer(DeliveryView.model_validate(delivery), status=202)


@router.post(
    "/{webhook_id}/replay", status_code=202, response_model=ReplayedView, responses=CHANGE, dependencies=[NoQuery]
)
async def replay_dead_deliveries(webhook_id: UUID, edge: EdgeDep, caller: WebhooksWrite) -> Response:
    """Send dead deliveries again, the oldest first, at most a thousand in one call."""
    count = await replay_dead(edge.store, caller.tenant_id, WebhookId(webhook_id), now=edge.change_webhook.now())
    return json_answer(ReplayedView(replayed=count), status=202)


def _with_secret(answer: Answer, secret: str | None) -> Response:
    response = json_answer({**answer.body, "secret": secret}, status=answer.status)
    response.headers["Cache-Control"] = "no-store"
    if answer.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response
