"""As `wiring`, for what workers and beat do beside what any process has at hand."""

import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from prometheus_client import REGISTRY

from hortus_agents.events import KeptFile
from hortus_agents.evolution.gates import ToolGates
from hortus_agents.evolution.toolbox import ToolPorts, build_registry
from hortus_agents.labels import CONFIDENTIAL
from hortus_agents.loop.engine import StepEngine
from hortus_agents.loop.retry import RetryRules
from hortus_agents.models.port import ChatModel
from hortus_agents.tools.builtin.http_get import HttpGetSettings
from hortus_agents.tools.builtin.read_untrusted import StoredText
from hortus_agents.tools.policy import ToolPolicy
from hortus_agents.tools.port import Tool
from hortus_agents.tools.registry import ToolRegistry
from hortus_server.adapters.celery.wakeups import open_wakeups
from hortus_server.adapters.plugin_tools import load_plugins
from hortus_server.adapters.postgres.presence import PostgresPresence
from hortus_server.domain.admission import FairShare
from hortus_server.domain.errors import NotFoundError
from hortus_server.domain.records import Artifact, Claim
from hortus_server.domain.webhooks import RetryPolicy
from hortus_server.services.anchor_audit import AnchorAudit
from hortus_server.services.cancel_run import CancelRun
from hortus_server.services.check_tool import CheckTool
from hortus_server.services.choose_run import ChooseRun
from hortus_server.services.deliver_webhooks import DeliverWebhooks
from hortus_server.services.end_waits import EndWaits
from hortus_server.services.execute_run import ExecuteRun
from hortus_server.services.execution import Execution, ToolsFor
from hortus_server.services.fire_schedules import FireSchedules
from hortus_server.services.index_tool import IndexTool
from hortus_server.services.keep_leases import KeepLeases
from hortus_server.services.know_secrets import KnowSecrets
from hortus_server.services.load_policies import LoadPolicies
from hortus_server.services.perform_job import PerformJob
from hortus_server.services.purge_events import PurgeEvents
from hortus_server.services.purge_history import PurgeHistory
from hortus_server.services.purge_keys import PurgeKeys
from hortus_server.services.recover_runs import RecoverRuns
from hortus_server.services.remember_run import RememberRun
from hortus_server.services.report_endpoints import ReportEndpoints
from hortus_server.services.reveal_secrets import RevealedSecrets, RunSecrets, SecretUser
from hortus_server.services.run_log import RunPorts
from hortus_server.services.submit_run import SubmitRun
from hortus_server.services.wake_waiting import WakeWaiting
from hortus_server.services.watch_budgets import WatchBudgets
from hortus_server.services.watch_workers import WatchWorkers
from hortus_server.settings import Settings, WebhooksSettings
from hortus_server.telemetry.endpoints import register_endpoint_metrics
from hortus_server.telemetry.metrics import serve_metrics
from hortus_server.telemetry.observers import open_observers
from hortus_server.wiring import Services, open_services
from hortus_server.worker.process import WorkerProcess

PATIENCE_ROUNDS = 5  # rounds of the reaper until a wake-up counts as lost
IDEMPOTENCY_KEPT = timedelta(days=2)


@asynccontextmanager
async def open_worker_process(
    settings: Settings, worker_id: str, draining: threading.Event
) -> AsyncIterator[WorkerProcess]:
    """The use cases of a worker, with its heartbeat beating."""
    worker = settings.worker
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(open_services(settings, role="worker"))
        observer = stack.enter_context(open_observers(REGISTRY, spans=worker.spans))
        if worker.metrics_port:
            serve_metrics(REGISTRY, host=worker.metrics_host, port=worker.metrics_port)
        revealed = services.revealed
        known = KnowSecrets(services.store, services.sealer, revealed)
        leases = KeepLeases(
            services.store,
            worker_id,
            lease=timedelta(seconds=worker.lease_s),
            heartbeat=timedelta(seconds=worker.heartbeat_s),
        )
        choice = ChooseRun(FairShare(worker.batch_share), worker_id, leases.lease)
        execution = Execution(
            models=services.models,
            tools_for=_tools(services, load_plugins(worker.plugins), revealed),
            policies=LoadPolicies(services.store),
            engine=StepEngine(services.memory, RetryRules(patience_s=settings.model.patience_s)),
            draining=draining.is_set,
            delta_interval=timedelta(milliseconds=worker.delta_interval_ms),
            prices=settings.model.price_table,
            budgets=WatchBudgets(services.store),
            know_secrets=known.of,
        )
        ports = RunPorts(services.store, services.live, services.queue, observer, revealed)
        perform_job = PerformJob(
            services.store,
            observer,
            remember_run=RememberRun(services.store, services.episodes, services.live, known.of),
            index_tool=IndexTool(services.store, services.indexes.capabilities),
            # Checks of all tenants' tools take one turn among them: they are nobody's run.
            check_tool=CheckTool(services.store, ToolGates(services.sandbox.of("jobs")) if services.sandbox else None),
        )
        recover = RecoverRuns(
            services.store, services.queue, patience=timedelta(seconds=PATIENCE_ROUNDS * worker.reaper_s)
        )
        await _follow_endpoints(services, worker_id, stack)
        presence = PostgresPresence(settings.database)
        watch = WatchWorkers(presence, services.queue, worker_id, interval_s=worker.watch_s)
        await stack.enter_async_context(watch.watching())
        history_kept = timedelta(days=settings.webhooks.keep_days)
        days = worker.events_keep_days
        await stack.enter_async_context(leases.beating())
        yield WorkerProcess(
            worker_id=worker_id,
            execute_run=ExecuteRun(ports, execution, leases, choice).__call__,
            perform_job=perform_job.__call__,
            recover_runs=recover.__call__,
            fire_schedules=_fire_schedules(services).__call__,
            deliver_webhooks=DeliverWebhooks(
                services.store, services.webhooks, _retry_policy(settings.webhooks)
            ).__call__,
            end_waits=EndWaits(services.store, WakeWaiting(services.queue, services.live)).__call__,
            anchor_audit=AnchorAudit(services.store, settings.audit.anchor_file).__call__,
            purge=PurgeKeys(services.store, IDEMPOTENCY_KEPT).__call__,
            purge_history=PurgeHistory(services.store, history_kept, history_kept).__call__,
            purge_events=PurgeEvents(services.store, timedelta(days=days) if days else None).__call__,
        )


async def _follow_endpoints(services: Services, worker_id: str, stack: AsyncExitStack) -> None:
    models = services.models
    report = ReportEndpoints(services.endpoint_reports, worker_id, models.statuses)
    models.on_change = report.note_change
    stack.callback(register_endpoint_metrics(REGISTRY, models.statuses))
    await stack.enter_async_context(models.watching())
    await stack.enter_async_context(report.reporting())


@asynccontextmanager
async def open_beat_process(settings: Settings) -> AsyncIterator[None]:
    """Beat looks for dead workers too; it has no store of its own, and nothing here stops it from starting."""
    broker_url = settings.broker.url.get_secret_value()
    async with open_wakeups(broker_url, timeout_s=settings.broker.timeout_s) as queue:
        presence = PostgresPresence(settings.database)
        async with WatchWorkers(presence, queue, None, interval_s=settings.worker.watch_s).watching():
            yield


def _fire_schedules(services: Services) -> FireSchedules:
    store, queue, live = services.store, services.queue, services.live
    submit = SubmitRun(store, queue, live, services.settings.api.queue_depth)
    return FireSchedules(store, submit, CancelRun(store, queue, live))


def _retry_policy(settings: WebhooksSettings) -> RetryPolicy:
    return RetryPolicy(
        delays=tuple(timedelta(seconds=delay) for delay in settings.retry_s),
        disable_after=timedelta(days=settings.disable_after_days),
    )


def _tools(services: Services, plugins: Mapping[str, Tool], revealed: RevealedSecrets) -> ToolsFor:
    settings = services.settings.sandbox
    http = HttpGetSettings(private_allow=frozenset(settings.http_allow_private))

    def tools_for(claim: Claim, model: ChatModel, policy: ToolPolicy) -> ToolRegistry:
        async def store(content: bytes, media_type: str) -> Artifact:
            content = services.revealed.of(claim.run.tenant_id).content(content)
            async with services.store.transaction(claim.run.tenant_id) as uow:
                return await uow.artifacts.put(claim.run.tenant_id, content, media_type=media_type)

        async def store_artifact(content: bytes) -> str:
            return (await store(content, "text/plain; charset=utf-8")).sha256

        async def store_file(name: str, content: bytes) -> KeptFile:
            kept = await store(content, "application/octet-stream")
            return KeptFile(name=name, sha256=kept.sha256, size=kept.size)

        async def load_artifact(sha256: str) -> StoredText | None:
            try:
                async with services.store.transaction(claim.run.tenant_id) as uow:
                    _, content = await uow.artifacts.get(claim.run.tenant_id, sha256)
                    known = await uow.artifacts.sensitivity(claim.run.tenant_id, sha256)
                    return StoredText(content, CONFIDENTIAL if known is None else known)
            except NotFoundError:
                return None

        ports = ToolPorts(
            memory=services.memory,
            store=services.capabilities,
            sandbox=services.sandbox.of(claim.run.tenant_id) if services.sandbox else None,
            http=http,
            policy=policy,
            store_artifact=store_artifact,
            store_file=store_file,
            load_artifact=load_artifact,
            plugins=plugins,
            secrets=RunSecrets(services.store, services.sealer, revealed, SecretUser.of(claim)),
        )
        return build_registry(model, ports)

    return tools_for
