"""Send a run's wake-up again; end the lease of a worker that is gone."""

from dataclasses import dataclass

from hortus_server.domain.audit import SYSTEM, Actor, NewAuditEntry
from hortus_server.domain.errors import ConflictError
from hortus_server.domain.ids import RunId, TenantId
from hortus_server.domain.records import TERMINAL_STATUSES, Run
from hortus_server.ports.queue import WakeupQueue
from hortus_server.ports.store import Store, UnitOfWork


@dataclass(frozen=True, slots=True)
class RequeueRun:
    """Nothing is lost by it: the next worker folds the log, and the generation keeps the last one from writing."""

    store: Store
    queue: WakeupQueue

    async def __call__(self, tenant_id: TenantId, run_id: RunId, *, force: bool = False, actor: Actor = SYSTEM) -> Run:
        """The run as it stands now.

        Raises NotFoundError, and ConflictError for a run that has ended, that waits, or that a living worker holds;
        `force` takes it from that one too.
        """
        async with self.store.transaction(tenant_id) as uow:
            run = await uow.run_stops.lock(tenant_id, run_id)
            await _requeue(uow, run, force=force)
            run = await uow.runs.get(tenant_id, run_id)
            await uow.audit.append(NewAuditEntry(tenant_id, actor, "run.requeued", f"run:{run_id}", {"force": force}))
        await self.queue.wake_run(run.id)
        return run


async def _requeue(uow: UnitOfWork, run: Run, *, force: bool) -> None:
    if run.status in TERMINAL_STATUSES:
        raise ConflictError(f"run {run.id} has ended: {run.status}")
    if run.status == "waiting":
        what = run.waiting_for.kind if run.waiting_for else "nothing"
        raise ConflictError(f"run {run.id} waits for: {what}; end the wait, or cancel the run")
    if run.status == "queued":
        await uow.stuck_runs.mark_woken(run.tenant_id, run.id)
        return
    if not force and run.worker_id in await uow.stuck_runs.live_workers():
        raise ConflictError(
            f"worker {run.worker_id} lives and holds run {run.id}; force takes it over, and a tool call that is under "
            "way is then in doubt"
        )
    await uow.runs.release(run.tenant_id, run.id, run.generation)
