"""What the routes work with: the use cases, made once per process from ports."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hortus_server.api.metrics import EdgeMetrics
from hortus_server.api.people import Authentication, People, PeoplePorts, make_people
from hortus_server.api.streams.registry import StreamRegistry
from hortus_server.domain.addresses import Network
from hortus_server.domain.rates import RateDefaults
from hortus_server.domain.stuck import Patience
from hortus_server.domain.users import LoginRules
from hortus_server.ports.live import LivePublisher, LiveSubscriber
from hortus_server.ports.memory_index import MemoryIndex
from hortus_server.ports.models import EndpointReports
from hortus_server.ports.probes import ModelCatalog, Probe
from hortus_server.ports.queue import WakeupQueue
from hortus_server.ports.rates import SharedBuckets
from hortus_server.ports.secrets import Sealer
from hortus_server.ports.store import Store
from hortus_server.ports.webhook_sender import WebhookSender
from hortus_server.ports.workers import WorkerControl
from hortus_server.services.authenticate_key import AuthenticateKey
from hortus_server.services.authenticate_login import AuthenticateLogin
from hortus_server.services.cancel_run import CancelRun
from hortus_server.services.change_admission import ChangeAdmission
from hortus_server.services.change_limits import ChangeLimits
from hortus_server.services.change_schedule import ChangeSchedule
from hortus_server.services.change_tool import ChangeTool
from hortus_server.services.change_webhook import ChangeWebhook
from hortus_server.services.check_readiness import CheckReadiness
from hortus_server.services.create_schedule import CreateSchedule
from hortus_server.services.create_session import CreateSession
from hortus_server.services.create_webhook import CreateWebhook
from hortus_server.services.decide_approval import DecideApproval
from hortus_server.services.follow_session import FollowSession
from hortus_server.services.fork_session import ForkSession
from hortus_server.services.import_tool import ImportTool
from hortus_server.services.issue_key import IssueKey
from hortus_server.services.keep_secrets import KeepSecrets
from hortus_server.services.limit_requests import LimitRequests
from hortus_server.services.limit_strangers import LimitStrangers
from hortus_server.services.list_stuck import ListStuck
from hortus_server.services.note_refusals import NoteRefusals
from hortus_server.services.pause_run import PauseRun, ResumeRun
from hortus_server.services.read_endpoints import ReadEndpoints
from hortus_server.services.read_heads import ReadHeads
from hortus_server.services.read_overview import ReadOverview
from hortus_server.services.requeue_run import RequeueRun
from hortus_server.services.reveal_secrets import RevealedSecrets
from hortus_server.services.search_memories import SearchMemories
from hortus_server.services.steer_run import SteerRun
from hortus_server.services.stop_runs import StopRuns
from hortus_server.services.submit_run import SubmitRun
from hortus_server.services.wait_run import WaitRun
from hortus_server.services.wake_waiting import WakeWaiting


@dataclass(frozen=True, slots=True)
class EdgeOptions:
    """Bounds of the edge; the settings of the group `api` explain them."""

    version: str
    body_limit_bytes: int = 1_048_576
    socket_frame_limit_bytes: int = 262_144
    heartbeat_s: float = 15.0
    reader_buffer: int = 1024
    connections: int = 2000
    queue_depth: int = 10_000
    patience: Patience = field(default_factory=Patience)
    cookie_secret: bytes | None = None
    public_origin: str | None = None
    auth_wait_s: float = 5.0
    send_timeout_s: float = 10.0
    poll_s: float = 1.0
    rates: RateDefaults = field(default_factory=RateDefaults)
    trusted_proxies: tuple[Network, ...] = ()
    logins: LoginRules = field(default_factory=LoginRules)


@dataclass(frozen=True, slots=True)
class EdgePorts:
    """The outside, as adapters implement it; None where this process has no such component."""

    store: Store
    queue: WakeupQueue
    live: LivePublisher
    streams: LiveSubscriber
    index: MemoryIndex | None = None
    workers: WorkerControl | None = None
    models: ModelCatalog | None = None
    probes: Sequence[Probe] = ()
    webhooks: WebhookSender | None = None
    endpoint_reports: EndpointReports | None = None
    buckets: SharedBuckets | None = None
    people: PeoplePorts | None = None
    sealer: Sealer | None = None
    revealed: RevealedSecrets = field(default_factory=RevealedSecrets)


@dataclass(frozen=True, slots=True)
class Edge:
    """Everything that a request handler may call."""

    options: EdgeOptions
    store: Store
    index: MemoryIndex | None
    workers: WorkerControl | None
    models: ModelCatalog | None
    metrics: EdgeMetrics
    registry: StreamRegistry
    authenticate: AuthenticateKey
    authenticate_login: AuthenticateLogin
    people: People | None
    limit_requests: LimitRequests
    limit_strangers: LimitStrangers
    note_refusals: NoteRefusals
    change_limits: ChangeLimits
    issue_key: IssueKey
    create_session: CreateSession
    fork_session: ForkSession
    submit_run: SubmitRun
    cancel_run: CancelRun
    pause_run: PauseRun
    resume_run: ResumeRun
    stop_runs: StopRuns
    decide_approval: DecideApproval
    steer_run: SteerRun
    wait_run: WaitRun
    change_admission: ChangeAdmission
    list_stuck: ListStuck
    requeue_run: RequeueRun
    follow_session: FollowSession
    search_memories: SearchMemories
    create_schedule: CreateSchedule
    change_schedule: ChangeSchedule
    create_webhook: CreateWebhook
    change_webhook: ChangeWebhook
    change_tool: ChangeTool
    import_tool: ImportTool
    keep_secrets: KeepSecrets
    check_readiness: CheckReadiness
    read_overview: ReadOverview
    read_endpoints: ReadEndpoints | None


def make_edge(options: EdgeOptions, ports: EdgePorts) -> Edge:
    """Construct the use cases over the given ports."""
    metrics = EdgeMetrics()
    cancel_run = CancelRun(ports.store, ports.queue, ports.live)
    waking = WakeWaiting(ports.queue, ports.live)
    limiter = LimitRequests(ports.store, ports.buckets, options.rates)
    readiness = CheckReadiness(ports.store, ports.probes)
    stop_runs = StopRuns(ports.store, cancel_run, waking)
    refusals = NoteRefusals(ports.store)
    known = Authentication(AuthenticateKey(ports.store), AuthenticateLogin(ports.store, options.logins.idle))
    return Edge(
        options=options,
        store=ports.store,
        index=ports.index,
        workers=ports.workers,
        models=ports.models,
        metrics=metrics,
        registry=StreamRegistry(limit=options.connections, metrics=metrics),
        authenticate=known.keys,
        authenticate_login=known.logins,
        people=None
        if ports.people is None
        else make_people(
            ports.store,
            ports.people,
            rules=options.logins,
            authentication=known,
            stop_runs=stop_runs,
            refusals=refusals,
        ),
        limit_requests=limiter,
        limit_strangers=LimitStrangers(options.rates),
        note_refusals=refusals,
        change_limits=ChangeLimits(ports.store, limiter),
        issue_key=IssueKey(ports.store),
        create_session=CreateSession(ports.store, ports.live),
        fork_session=ForkSession(ports.store),
        submit_run=SubmitRun(ports.store, ports.queue, ports.live, options.queue_depth),
        cancel_run=cancel_run,
        pause_run=PauseRun(ports.store, ports.live),
        resume_run=ResumeRun(ports.store, waking),
        stop_runs=stop_runs,
        decide_approval=DecideApproval(ports.store, waking),
        steer_run=SteerRun(ports.store, ports.live),
        wait_run=WaitRun(ports.store, ports.streams),
        change_admission=ChangeAdmission(ports.store, ports.queue),
        list_stuck=ListStuck(ports.store, readiness, options.patience),
        requeue_run=RequeueRun(ports.store, ports.queue),
        follow_session=FollowSession(
            ports.store,
            ports.streams,
            ReadHeads(ports.store),
            buffer=options.reader_buffer,
            poll_s=options.poll_s,
        ),
        search_memories=SearchMemories(ports.store, ports.index),
        create_schedule=CreateSchedule(ports.store),
        change_schedule=ChangeSchedule(ports.store),
        create_webhook=CreateWebhook(ports.store, ports.webhooks),
        change_webhook=ChangeWebhook(ports.store, ports.webhooks),
        change_tool=ChangeTool(ports.store, ports.queue),
        import_tool=ImportTool(ports.store, ports.queue),
        keep_secrets=KeepSecrets(ports.store, ports.sealer, ports.revealed),
        check_readiness=readiness,
        read_overview=ReadOverview(ports.store, readiness),
        read_endpoints=None if ports.endpoint_reports is None else ReadEndpoints(ports.endpoint_reports),
    )
