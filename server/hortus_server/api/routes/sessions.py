"""Sessions: conversations that own a log of events."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from hortus_server.api.answers import created, json_answer
from hortus_server.api.deps import (
    EdgeDep,
    Idempotent,
    NoQuery,
    PageQuery,
    RunsWrite,
    SessionsRead,
    SessionsWrite,
    Words,
)
from hortus_server.api.responses import CHANGE, LIST, READ, SUBMIT
from hortus_server.api.schemas.runs import RunView, run_json
from hortus_server.api.schemas.sessions import (
    MessageCreate,
    SessionCreate,
    SessionFork,
    SessionPage,
    SessionView,
    session_json,
)
from hortus_server.api.schemas.wire import agent_of, page_json
from hortus_server.domain.ids import AgentId, SessionId
from hortus_server.services.create_session import SessionDraft
from hortus_server.services.delete_session import delete_session
from hortus_server.services.fork_session import ForkRequest
from hortus_server.services.submit_run import RunRequest

router = APIRouter(prefix="/v1/sessions", tags=["sessions"])


class SessionQuery(PageQuery):
    """Which sessions."""

    agent_id: UUID | None = Field(default=None, description="only this agent's")
    q: Words = ""


@router.post("", status_code=201, response_model=SessionView, responses=CHANGE, dependencies=[NoQuery])
async def create_session(body: SessionCreate, edge: EdgeDep, caller: SessionsWrite, idempotent: Idempotent) -> Response:
    """Begin a conversation with an agent. The log's first event is `session.created`."""
    once = idempotent.once(session_json)
    draft = SessionDraft(
        agent=agent_of(body.agent), title=body.title, metadata=body.metadata, message_policy=body.message_policy
    )
    return created(await edge.create_session(caller.tenant_id, draft=draft, once=once))


@router.get("", response_model=SessionPage, responses=LIST)
async def list_sessions(edge: EdgeDep, caller: SessionsRead, query: Annotated[SessionQuery, Query()]) -> Response:
    """Sessions, newest first; `q` finds those whose title or id holds each of its words."""
    agent_id = AgentId(query.agent_id) if query.agent_id else None
    async with edge.store.transaction(caller.tenant_id) as uow:
        page = await uow.sessions.list(caller.tenant_id, query.page, agent_id=agent_id, words=query.q.strip())
    return json_answer(page_json(page, SessionView.model_validate))


@router.get("/{session_id}", response_model=SessionView, responses=READ, dependencies=[NoQuery])
async def get_session(session_id: UUID, edge: EdgeDep, caller: SessionsRead) -> Response:
    """One session; `last_seq` is the cursor of its end."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        session = await uow.sessions.get(caller.tenant_id, SessionId(session_id))
    return json_answer(SessionView.model_validate(session))


@router.delete("/{session_id}", status_code=204, responses=CHANGE, dependencies=[NoQuery])
async def delete_session_route(session_id: UUID, edge: EdgeDep, caller: SessionsWrite) -> Response:
    """Forget a conversation: its log, its runs, and the memories made of it. Refused while a run is under way."""
    await delete_session(edge.store, edge.index, caller.tenant_id, session_id=SessionId(session_id), actor=caller.actor)
    return Response(status_code=204)


@router.post(
    "/{session_id}/fork", status_code=201, response_model=SessionView, responses=CHANGE, dependencies=[NoQuery]
)
async def fork_session(
    session_id: UUID, body: SessionFork, edge: EdgeDep, caller: SessionsWrite, idempotent: Idempotent
) -> Response:
    """Go on from an event of this conversation in a session of its own, whose log begins with `session.forked`.

    What was said and bound up to there is copied; a run that was under way there is not continued.
    """
    request = ForkRequest(SessionId(session_id), at_seq=body.at_seq, title=body.title)
    once = idempotent.once(session_json)
    return created(await edge.fork_session(caller.tenant_id, request=request, once=once))


@router.post(
    "/{session_id}/messages", status_code=202, response_model=RunView, responses=SUBMIT, dependencies=[NoQuery]
)
async def create_message(
    session_id: UUID, body: MessageCreate, edge: EdgeDep, caller: RunsWrite, idempotent: Idempotent
) -> Response:
    """Say something; the answer is the run that will reply. 202 means committed: it survives any crash.

    `message_policy` says what happens where a run of the session has not ended.
    """
    request = RunRequest(
        content=body.content,
        label=body.foreign.label() if body.foreign else None,
        session_id=SessionId(session_id),
        limits=body.limits.model_dump(exclude_none=True),
        priority=body.priority,
        message_policy=body.message_policy,
    )
    once = idempotent.once(run_json, status=202)
    answer = await edge.submit_run(caller.tenant_id, request=request, once=once)
    if not answer.replayed:
        edge.metrics.runs_submitted.inc()
    return created(answer)
