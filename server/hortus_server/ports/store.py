"""What services need of the durable store: a unit of work over small repositories.

Every method that reads or writes tenant data takes the tenant; a row of another tenant is as absent as one that
never was. Nothing is visible to others before the unit of work's block ends without an exception. What need not be
known before the next question is asked together with it (`Pending`): each answer that is awaited is a round trip.
"""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from hortus_server.domain.ids import TenantId
from hortus_server.ports.admission import AdmissionRepository
from hortus_server.ports.agents import AgentRepository
from hortus_server.ports.approvals import ApprovalRepository, WaitRepository
from hortus_server.ports.artifacts import ArtifactRepository
from hortus_server.ports.audit import AuditLog
from hortus_server.ports.bounds import BoundRepository
from hortus_server.ports.budgets import BudgetRepository
from hortus_server.ports.events import EventRepository
from hortus_server.ports.floors import FloorRepository
from hortus_server.ports.forks import ForkRepository
from hortus_server.ports.idempotency import IdempotencyRepository
from hortus_server.ports.interjections import InterjectionRepository
from hortus_server.ports.memories import MemoryRepository
from hortus_server.ports.paging import PageRequest
from hortus_server.ports.policies import PolicyRepository, RulingRepository
from hortus_server.ports.rates import LimitRepository
from hortus_server.ports.retention import RetentionRepository
from hortus_server.ports.runs import RunRepository
from hortus_server.ports.schedules import FiringRepository, ScheduleRepository
from hortus_server.ports.secrets import SecretRepository, SecretSeals
from hortus_server.ports.sessions import SessionRepository
from hortus_server.ports.statistics import StatisticsRepository
from hortus_server.ports.stops import RunStops, StopOrders
from hortus_server.ports.stuck import StuckRuns
from hortus_server.ports.tenants import TenantDirectory, TenantRepository
from hortus_server.ports.tools import ToolRepository
from hortus_server.ports.users import (
    EveryoneRepository,
    FailureRepository,
    InvitationRepository,
    LoginRepository,
    MemberRepository,
    UserRepository,
)
from hortus_server.ports.wakeups import WakeupRepository
from hortus_server.ports.webhooks import DeliveryRepository, WebhookRepository

__all__ = ["PageRequest", "Store", "UnitOfWork"]


class UnitOfWork(Protocol):
    """Repositories over one transaction."""

    tenants: TenantRepository
    directory: TenantDirectory
    users: UserRepository
    members: MemberRepository
    everyone: EveryoneRepository
    logins: LoginRepository
    invitations: InvitationRepository
    failures: FailureRepository
    agents: AgentRepository
    sessions: SessionRepository
    forks: ForkRepository
    runs: RunRepository
    run_stops: RunStops
    stop_orders: StopOrders
    interjections: InterjectionRepository
    approvals: ApprovalRepository
    waits: WaitRepository
    policies: PolicyRepository
    rulings: RulingRepository
    floors: FloorRepository
    wakeups: WakeupRepository
    admission: AdmissionRepository
    stuck_runs: StuckRuns
    events: EventRepository
    retention: RetentionRepository
    tools: ToolRepository
    memories: MemoryRepository
    artifacts: ArtifactRepository
    idempotency: IdempotencyRepository
    budgets: BudgetRepository
    limits: LimitRepository
    bounds: BoundRepository
    statistics: StatisticsRepository
    schedules: ScheduleRepository
    firings: FiringRepository
    webhooks: WebhookRepository
    deliveries: DeliveryRepository
    audit: AuditLog
    secrets: SecretRepository
    secret_seals: SecretSeals

    async def send(self) -> None:
        """Have done what was asked so far, so that all pending answers are there."""
        ...


class Store(Protocol):
    """The durable store."""

    def transaction(self, tenant_id: TenantId) -> AbstractAsyncContextManager[UnitOfWork]:
        """Act for one tenant: rows of others neither show nor can be written, whatever a statement asks for.

        Commit at the end of the block, roll back on an exception. Raises UnavailableError when it is down.
        """
        ...

    def system_transaction(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """As `transaction`, over all tenants: for what no tenant asks for (claims, beat, authentication, purges)."""
        ...

    async def healthy(self) -> bool:
        """Answers a trivial query within a second, with the schema this code expects."""
        ...

    async def close(self) -> None:
        """Give all connections back."""
        ...
