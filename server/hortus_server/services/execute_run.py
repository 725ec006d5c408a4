"""Execute a run: claim it, fold its log, go step by step, each committed before the next begins.

One step answers in two transactions: the claim, and the commit that holds the model's answer and the run's end.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import assert_never
from uuid import uuid4

import structlog

from hortus_agents.errors import AgentsError, CallHeldError
from hortus_agents.events import (
    EventPayload,
    NewEvent,
    RunBudgetExhausted,
    RunCancelled,
    RunFailed,
    RunWaiting,
    WaitReason,
)
from hortus_agents.limits import LimitName
from hortus_agents.loop.engine import RunSetup
from hortus_agents.loop.journal import message_id
from hortus_agents.loop.labelling import ANSWER
from hortus_agents.loop.state import fold_session
from hortus_agents.loop.step import Commit, Delta, Draft, RunScope
from hortus_agents.tools.proxy import Terms
from hortus_server.domain.errors import HortusError, NotFoundError, StaleGenerationError, UnavailableError
from hortus_server.domain.ids import RunId
from hortus_server.domain.records import Claim
from hortus_server.ports.observer import RunEnd
from hortus_server.services.choose_run import ChooseRun, Turn, whole_history
from hortus_server.services.execution import Execution
from hortus_server.services.keep_leases import KeepLeases, Stop, stop_asked
from hortus_server.services.live_text import LiveText
from hortus_server.services.remember_run import memory_rule
from hortus_server.services.run_clock import run_clock
from hortus_server.services.run_log import RunLog, RunPorts, StopDueError, StopOverError, settled

log = structlog.get_logger()

WALL_GRACE_S = 5.0  # the loop itself holds the wall limit; this is for what hangs outside of it
MESSAGE_LIMIT = 2_000  # characters of an error's text in an event
MOST_HOLDS = 20  # times in a row that a call is judged anew before its run fails


@dataclass(frozen=True, slots=True)
class ExecuteRun:
    """The use case behind a wake-up. A doubled, late or wrong wake-up finds nothing to claim and does nothing."""

    ports: RunPorts
    execution: Execution
    leases: KeepLeases
    choice: ChooseRun

    async def __call__(self, run_id: RunId) -> None:
        """Work on it, or on the run that comes first, until it ends or goes elsewhere. Raises UnavailableError."""
        run_log, stop = await settled(self._claim(run_id))
        if run_log is None:
            self.ports.observer.claim_missed()
            return
        run = run_log.claim.run
        with structlog.contextvars.bound_contextvars(
            run_id=str(run.id), session_id=str(run.session_id), tenant_id=str(run.tenant_id)
        ):
            log.info("run_claimed", generation=run_log.claim.generation)
            end: RunEnd = "handed_over"
            try:
                end = await self._attend(run_log, stop)
            finally:
                if end == "handed_over":
                    await settled(self._hand_over(run_log.claim))
                self.ports.observer.run_left(run_log.claim, end)
                log.info("run_left", end=end, status=run_log.state.status)

    async def _claim(self, run_id: RunId) -> tuple[RunLog | None, Stop | None]:
        turn = Turn()
        while not turn.over:
            claimed = await self._try_claim(run_id, turn)
            if claimed is not None:
                return claimed
        return None, None

    async def _try_claim(self, run_id: RunId, turn: Turn) -> tuple[RunLog, Stop | None] | None:
        leased_at = time.monotonic()
        async with self.ports.store.system_transaction() as uow:
            taken = await self.choice.take(uow, run_id, turn)
        claim = None if taken is None else taken.claim.result()
        started = None if taken is None else taken.started.result()
        if taken is None or claim is None or started is None:
            return None
        run, clock = claim.run, run_clock(self.execution.clock, told=started.at)
        state = fold_session(await whole_history(self.ports.store, taken), run.id)
        self.ports.observer.run_claimed(claim)
        await self.ports.live.publish_events(run.tenant_id, run.session_id, [started])
        run_log = RunLog(self.ports, claim, state, started.seq, leased_at, memory_rule(claim.spec), clock)
        return run_log, await self._asked_to_stop(claim)

    async def _asked_to_stop(self, claim: Claim) -> Stop | None:
        run = claim.run
        if not (run.cancel_requested_at or run.pause_requested_at or claim.generation > 1):
            return None
        async with self.ports.store.system_transaction() as uow:
            signal = await uow.run_stops.signal(run.id, claim.generation, worker_id=self.leases.worker_id)
        return stop_asked(signal, effect=0)

    async def _attend(self, run_log: RunLog, stop: Stop | None) -> RunEnd:
        """Do the work in a task of its own, which the heartbeat cancels; what ended it decides what is written."""
        draft = await self._draft(run_log)
        text = LiveText(
            self.ports.live, self.ports.observer, run_log.claim, self.execution.delta_interval.total_seconds()
        )
        text.redactor = lambda: self.ports.revealed.of(run_log.claim.run.tenant_id)
        if draft is not None:
            text.text, text.message_id = draft.text, draft.message_id
        if stop is not None:
            return await self._conclude(run_log, text, stop)
        async with asyncio.TaskGroup() as group:
            work = group.create_task(self._work(run_log, text, draft))
            held = self.leases.hold(
                run_log.claim.run.id,
                run_log.claim.generation,
                work,
                since=run_log.leased_at,
                effect=lambda: run_log.effect,
            )
            with held as hold:
                run_log.is_safe, text.may_show = hold.is_safe, hold.may_show
                await asyncio.wait([work])
        if run_log.state.finished or run_log.state.parked:
            return "finished" if run_log.state.finished else "parked"
        if hold.stop is not None:
            return await self._conclude(run_log, text, hold.stop)
        return work.result()

    async def _draft(self, run_log: RunLog) -> Draft | None:
        """What the worker before had written of the next message."""
        if not run_log.state.taken_over:
            return None
        run = run_log.claim.run
        partial = await self.ports.live.unfinished(run.tenant_id, run.session_id)
        if partial is None or partial.message_id != message_id(run.id, run_log.state.step + 1):
            return None
        return Draft(partial.message_id, partial.text, partial.raw)

    async def _conclude(self, run_log: RunLog, text: LiveText, stop: Stop) -> RunEnd:
        match stop.cause:
            case "cancelled":
                label = run_log.state.labels.mark(ANSWER)
                payload: EventPayload = RunCancelled(reason=stop.reason, partial_output=text.text, label=label)
                return await self._end_with(run_log, text, payload)
            case "paused" | "frozen":
                waiting = WaitReason(kind=stop.cause, detail=stop.reason, ref_id=stop.order_id)
                payload = RunWaiting(reason=waiting, partial_output=text.text, label=run_log.state.labels.mark(ANSWER))
                end = await self._end_with(run_log, text, payload)
                return "parked" if end == "finished" else end
            case "lost":
                return "lost"
            case _ as unreachable:
                assert_never(unreachable)

    async def _end_with(self, run_log: RunLog, text: LiveText, payload: EventPayload) -> RunEnd:
        try:
            await text.flush()
            await run_log.commit([NewEvent(step=run_log.state.step, payload=payload, at=run_log.clock())])
        except (StaleGenerationError, NotFoundError):
            return "lost"
        except StopOverError:
            return "handed_over"
        return "finished"

    async def _work(self, run_log: RunLog, text: LiveText, draft: Draft | None) -> RunEnd:
        wall = asyncio.timeout(_wall_left_s(run_log))
        try:
            async with wall:
                return await self._steps(run_log, text, draft)
        except (StaleGenerationError, NotFoundError):
            # Another worker owns the run, or its session was deleted: nothing of ours may be written any more.
            return "lost"
        except StopDueError as error:
            return await self._conclude(run_log, text, error.stop)
        except StopOverError:
            return "handed_over"
        except UnavailableError as error:
            log.warning("run_interrupted", error=str(error))
            return "handed_over"
        except AgentsError as error:
            payload: EventPayload = RunFailed(
                code=error.code, message=str(error)[:MESSAGE_LIMIT], spent=run_log.state.spent
            )
        except Exception as error:  # noqa: BLE001
            # The task's boundary: whatever is wrong with one run must not take the worker's others with it.
            payload = _budget_end(run_log, text, "wall_s") if wall.expired() else _internal_end(run_log, error)
        return await self._end_with(run_log, text, payload)

    async def _steps(self, run_log: RunLog, text: LiveText, draft: Draft | None) -> RunEnd:
        claim = run_log.claim
        model = await self.execution.models.get(claim.spec.model, affinity=str(claim.run.session_id))
        setup = RunSetup(
            scope=_scope(claim),
            spec=claim.spec,
            limits=await self.execution.budgets.limits(claim.run),
            model=model,
            registry=self.execution.tools_for(claim, model, await self.execution.policies.of(claim.run)),
            price=self.execution.price_of(model.name),
        )
        beside = (
            asyncio.create_task(text.pump()),
            asyncio.create_task(self.execution.budgets.follow(claim.run, setup.day)),
        )
        held = 0
        try:
            while not (run_log.state.finished or run_log.state.parked):
                if self.execution.draining():
                    return "handed_over"
                await self.execution.know_secrets(claim.run.tenant_id)
                spent = await self.execution.budgets.before_step(claim.run, setup.day)
                if spent is not None:
                    return await self._end_with(run_log, text, _budget_end(run_log, text, spent))
                try:
                    await self._step(run_log, text, setup, draft=draft)
                    held = 0
                except CallHeldError as error:
                    held += 1
                    if held > MOST_HOLDS:
                        raise
                    if error.stale:
                        policy = await self.execution.policies.refresh(claim.run)
                        setup = replace(setup, registry=self.execution.tools_for(claim, model, policy))
                draft = None
        finally:
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)
        return "finished" if run_log.state.finished else "parked"

    async def _step(self, run_log: RunLog, text: LiveText, setup: RunSetup, *, draft: Draft | None) -> None:
        async def emit(events: Sequence[NewEvent], *, effect: int | None = None, terms: Terms | None = None) -> None:
            await text.flush()
            await run_log.commit(events, effect=effect, terms=terms)
            run_log.effect = max(run_log.effect, effect or 0)
            run_log.demand_lease(effect)

        engine = replace(self.execution.engine, clock=run_log.clock)
        async with aclosing(engine.step(run_log.state, setup, emit, draft=draft)) as emissions:
            async for emission in emissions:
                match emission:
                    case Commit():
                        text.before(emission.events)
                        await text.flush()
                        run_log.effect = 0
                        await run_log.commit(emission.events, effect=emission.effect, terms=emission.terms)
                        run_log.effect = emission.effect or 0
                        run_log.demand_lease(emission.effect)
                        text.after(emission.events)
                    case Delta():
                        text.add(emission)
                    case _ as unreachable:
                        assert_never(unreachable)

    async def _hand_over(self, claim: Claim) -> None:
        """Give the lease back at once, so that another worker need not wait for it to expire."""
        try:
            async with self.ports.store.transaction(claim.run.tenant_id) as uow:
                released = await uow.runs.release(claim.run.tenant_id, claim.run.id, claim.generation)
        except HortusError as error:
            log.warning("release_failed", error=str(error))  # the lease expires by itself
            return
        if released:
            await self.ports.queue.wake_run(claim.run.id)


def _wall_left_s(run_log: RunLog) -> float:
    now = run_log.clock()
    began = run_log.state.started_at or now
    return max(run_log.claim.run.limits.wall_s - (now - began).total_seconds(), 0.0) + WALL_GRACE_S


def _budget_end(run_log: RunLog, text: LiveText, limit: LimitName) -> RunBudgetExhausted:
    label = run_log.state.labels.mark(ANSWER)
    return RunBudgetExhausted(limit=limit, spent=run_log.state.spent, partial_output=text.text, label=label)


def _internal_end(run_log: RunLog, error: Exception) -> RunFailed:
    """What went wrong is in the worker's log under the id; readers of the session need not see our insides."""
    error_id = uuid4().hex[:12]
    log.error("run_broke", error_id=error_id, exc_info=error)
    return RunFailed(code="internal", message=f"internal error {error_id}", spent=run_log.state.spent)


def _scope(claim: Claim) -> RunScope:
    run = claim.run
    return RunScope(tenant_id=run.tenant_id, session_id=run.session_id, run_id=run.id, agent_id=run.agent_id)
