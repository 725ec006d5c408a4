"""What a client may ask on a socket; each frame gets exactly one reply."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar, assert_never

from pydantic import ValidationError

from hortus_server.api.auth import Caller, count_request
from hortus_server.api.edge import Edge
from hortus_server.api.errors import invalid_request, problem_of
from hortus_server.api.middleware import check_value
from hortus_server.api.schemas.approvals import approval_json
from hortus_server.api.schemas.runs import run_json
from hortus_server.api.schemas.wire import agent_of
from hortus_server.api.streams.frames import (
    CLIENT_FRAME,
    AnswerCommand,
    ApproveCommand,
    AuthCommand,
    CancelCommand,
    ClientFrame,
    DenyCommand,
    PauseCommand,
    PingCommand,
    ResumeCommand,
    StartCommand,
    SteerCommand,
    SubscribeCommand,
    UnsubscribeCommand,
)
from hortus_server.domain.approvals import Approval, Ruling
from hortus_server.domain.errors import ConflictError, HortusError
from hortus_server.domain.ids import ApprovalId, RunId, SessionId
from hortus_server.domain.records import Run
from hortus_server.services.create_once import Once
from hortus_server.services.steer_run import steered_json
from hortus_server.services.submit_run import RunRequest

T = TypeVar("T")


class Subscriptions(Protocol):
    """The socket, as commands use it."""

    def subscribe(self, caller: Caller, session_id: SessionId, *, after: int, frame_id: str | int | None) -> None:
        """Begin to follow; the reply comes from there."""
        ...

    async def unsubscribe(self, session_id: SessionId) -> None:
        """Stop following."""
        ...

    async def reply(self, frame_id: str | int | None, *, ok: bool, **fields: Any) -> None:
        """Answer a frame."""
        ...


class Commands:
    """Carries out one caller's frames, in the order in which they came."""

    def __init__(
        self,
        edge: Edge,
        caller: Caller,
        socket: Subscriptions,
        *,
        home: SessionId | None,
        told: Callable[[HortusError, str], HortusError],
    ) -> None:
        self._edge = edge
        self._told = told
        self._caller = caller
        self._socket = socket
        self._home = home

    async def handle(self, value: dict[str, Any]) -> None:
        """Do what one frame asks, and reply."""
        frame_id = value.get("id")
        if not isinstance(frame_id, str | int) or isinstance(frame_id, bool):
            frame_id = None
        fault = check_value(value)
        if fault is not None:
            await self._socket.reply(frame_id, ok=False, problem=fault)
            return
        try:
            command = CLIENT_FRAME.validate_python(value)
        except ValidationError as error:
            await self._socket.reply(frame_id, ok=False, problem=invalid_request(error.errors()))
            return
        try:
            await count_request(self._edge, self._caller)
            answer = await self._carry_out(command)
        except HortusError as error:
            await self._socket.reply(frame_id, ok=False, problem=problem_of(self._told(error, command.type)))
            return
        if answer is not None:
            await self._socket.reply(frame_id, ok=True, **answer)

    async def _carry_out(self, command: ClientFrame) -> dict[str, Any] | None:
        match command:
            case PingCommand():
                return {}
            case SubscribeCommand():
                session_id = SessionId(command.session_id)
                self._socket.subscribe(self._caller, session_id, after=command.after, frame_id=command.id)
                return None
            case UnsubscribeCommand():
                await self._socket.unsubscribe(SessionId(command.session_id))
                return {"session_id": command.session_id}
            case StartCommand():
                return await self._start(command)
            case SteerCommand():
                return await self._steer(command)
            case CancelCommand() | PauseCommand() | ResumeCommand():
                return {"run": run_json(await self._stop_or_go_on(command))}
            case ApproveCommand() | DenyCommand() | AnswerCommand():
                return {"approval": approval_json(await self._decide(command))}
            case AuthCommand():
                raise ConflictError("this socket is authenticated already")
            case _:
                assert_never(command)

    async def _stop_or_go_on(self, command: CancelCommand | PauseCommand | ResumeCommand) -> Run:
        caller, run_id = self._caller, RunId(command.run_id)
        caller.demand("runs:write")
        match command:
            case CancelCommand():
                return await self._edge.cancel_run(caller.tenant_id, run_id, reason=command.reason, actor=caller.actor)
            case PauseCommand():
                return await self._edge.pause_run(caller.tenant_id, run_id, reason=command.reason, actor=caller.actor)
            case ResumeCommand():
                return await self._edge.resume_run(
                    caller.tenant_id, run_id, reason=command.reason, by=caller.signature, actor=caller.actor
                )
            case _:
                assert_never(command)

    async def _decide(self, command: ApproveCommand | DenyCommand | AnswerCommand) -> Approval:
        caller, decide = self._caller, self._edge.decide_approval
        decider = caller.decider
        if isinstance(command, AnswerCommand):
            caller.demand("runs:write")
            ruling = Ruling("answer", "", command.answer)
            return await decide.answer_run(caller.tenant_id, RunId(command.run_id), ruling=ruling, decider=decider)
        caller.demand("approvals:decide")
        ruling = Ruling(command.type, command.reason)
        return await decide(caller.tenant_id, ApprovalId(command.approval_id), ruling=ruling, decider=decider)

    async def _start(self, command: StartCommand) -> dict[str, Any]:
        self._caller.demand("runs:write")
        session_id = command.session_id or (self._home if command.agent is None else None)
        request = RunRequest(
            content=command.input,
            label=command.foreign.label() if command.foreign else None,
            agent=agent_of(command.agent) if command.agent else None,
            session_id=SessionId(session_id) if session_id else None,
            limits=command.limits.model_dump(exclude_none=True),
            message_policy=command.message_policy,
            priority=command.priority,
        )
        once = _once(command, f"WS start {session_id or ''}", run_json)
        answer = await self._edge.submit_run(self._caller.tenant_id, request=request, once=once)
        if not answer.replayed:
            self._edge.metrics.runs_submitted.inc()
        return {"run": answer.body}

    async def _steer(self, command: SteerCommand) -> dict[str, Any]:
        self._caller.demand("runs:write")
        once = _once(command, f"WS steer {command.run_id}", steered_json)
        run_id = RunId(command.run_id)
        answer = await self._edge.steer_run(
            self._caller.tenant_id,
            run_id,
            content=command.content,
            label=command.foreign.label() if command.foreign else None,
            once=once,
        )
        return dict(answer.body)


def _once(command: StartCommand | SteerCommand, route: str, render: Callable[[T], Mapping[str, Any]]) -> Once[T]:
    said = command.model_dump_json(exclude={"id"})
    return Once(
        key=command.idempotency_key,
        route=route,
        body_sha256=hashlib.sha256(said.encode()).digest(),
        status=202,
        render=render,
    )
