"""The durable store over a pool of PostgreSQL connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import psycopg
from psycopg.errors import ForeignKeyViolation
from psycopg_pool import AsyncConnectionPool

from hortus_server.adapters.postgres.admission import PostgresAdmission
from hortus_server.adapters.postgres.agents import PostgresAgents
from hortus_server.adapters.postgres.approvals import PostgresApprovals, PostgresWaits
from hortus_server.adapters.postgres.artifacts import PostgresArtifacts
from hortus_server.adapters.postgres.audit import PostgresAudit
from hortus_server.adapters.postgres.bounds import PostgresBounds
from hortus_server.adapters.postgres.budgets import PostgresBudgets
from hortus_server.adapters.postgres.connections import COMPONENT, CONNECTION_LOST, make_pool, unavailable
from hortus_server.adapters.postgres.deliveries import PostgresDeliveries
from hortus_server.adapters.postgres.events import PostgresEvents
from hortus_server.adapters.postgres.everyone import PostgresEveryone
from hortus_server.adapters.postgres.firings import PostgresFirings
from hortus_server.adapters.postgres.floors import PostgresFloors
from hortus_server.adapters.postgres.forks import PostgresForks
from hortus_server.adapters.postgres.idempotency import PostgresIdempotency
from hortus_server.adapters.postgres.interjections import PostgresInterjections
from hortus_server.adapters.postgres.limits import PostgresLimits
from hortus_server.adapters.postgres.logins import PostgresFailures, PostgresInvitations, PostgresLogins
from hortus_server.adapters.postgres.memories import PostgresMemories
from hortus_server.adapters.postgres.messages import StoreConnection
from hortus_server.adapters.postgres.migrations import (
    Migration,
    load_migrations,
    may_act_for_tenants,
    missing_migrations,
)
from hortus_server.adapters.postgres.policies import PostgresPolicies
from hortus_server.adapters.postgres.retention import PostgresRetention
from hortus_server.adapters.postgres.rows import SpecCache
from hortus_server.adapters.postgres.rulings import PostgresRulings
from hortus_server.adapters.postgres.runs import PostgresRuns
from hortus_server.adapters.postgres.schedules import PostgresSchedules
from hortus_server.adapters.postgres.secrets import PostgresSecrets, PostgresSecretSeals
from hortus_server.adapters.postgres.sessions import PostgresSessions
from hortus_server.adapters.postgres.statistics import PostgresStatistics
from hortus_server.adapters.postgres.stops import PostgresRunStops, PostgresStopOrders
from hortus_server.adapters.postgres.stuck import PostgresStuckRuns
from hortus_server.adapters.postgres.tenants import PostgresTenantDirectory, PostgresTenants
from hortus_server.adapters.postgres.tools import PostgresTools
from hortus_server.adapters.postgres.transactions import NO_ROLE, begun
from hortus_server.adapters.postgres.users import PostgresMembers, PostgresUsers
from hortus_server.adapters.postgres.wakeups import PostgresWakeups
from hortus_server.adapters.postgres.webhooks import PostgresWebhooks
from hortus_server.domain.errors import ConflictError, InvalidInputError, UnavailableError
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
from hortus_server.ports.policies import PolicyRepository, RulingRepository
from hortus_server.ports.rates import LimitRepository
from hortus_server.ports.retention import RetentionRepository
from hortus_server.ports.runs import RunRepository
from hortus_server.ports.schedules import FiringRepository, ScheduleRepository
from hortus_server.ports.secrets import SecretRepository, SecretSeals
from hortus_server.ports.sessions import SessionRepository
from hortus_server.ports.statistics import StatisticsRepository
from hortus_server.ports.stops import RunStops, StopOrders
from hortus_server.ports.store import UnitOfWork
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
from hortus_server.settings import DatabaseSettings

_HEALTH_TIMEOUT_S: Final = 1.0
_CLOSE_TIMEOUT_S: Final = 5.0


class PostgresUnitOfWork:
    """See `UnitOfWork`: all repositories over one connection inside one transaction."""

    def __init__(self, connection: StoreConnection, specs: SpecCache) -> None:  # noqa: PLR0915 - one for each
        self.tenants: TenantRepository = PostgresTenants(connection)
        self.directory: TenantDirectory = PostgresTenantDirectory(connection)
        self.users: UserRepository = PostgresUsers(connection)
        self.members: MemberRepository = PostgresMembers(connection)
        self.everyone: EveryoneRepository = PostgresEveryone(connection)
        self.logins: LoginRepository = PostgresLogins(connection)
        self.invitations: InvitationRepository = PostgresInvitations(connection)
        self.failures: FailureRepository = PostgresFailures(connection)
        self.agents: AgentRepository = PostgresAgents(connection, specs)
        self.sessions: SessionRepository = PostgresSessions(connection)
        self.forks: ForkRepository = PostgresForks(connection)
        self.runs: RunRepository = PostgresRuns(connection, specs)
        self.run_stops: RunStops = PostgresRunStops(connection)
        self.stop_orders: StopOrders = PostgresStopOrders(connection)
        self.interjections: InterjectionRepository = PostgresInterjections(connection)
        self.approvals: ApprovalRepository = PostgresApprovals(connection)
        self.waits: WaitRepository = PostgresWaits(connection)
        self.policies: PolicyRepository = PostgresPolicies(connection)
        self.rulings: RulingRepository = PostgresRulings(connection)
        self.floors: FloorRepository = PostgresFloors(connection)
        self.wakeups: WakeupRepository = PostgresWakeups(connection)
        self.admission: AdmissionRepository = PostgresAdmission(connection)
        self.stuck_runs: StuckRuns = PostgresStuckRuns(connection)
        self.events: EventRepository = PostgresEvents(connection)
        self.retention: RetentionRepository = PostgresRetention(connection)
        self.tools: ToolRepository = PostgresTools(connection)
        self.memories: MemoryRepository = PostgresMemories(connection)
        self.artifacts: ArtifactRepository = PostgresArtifacts(connection)
        self.idempotency: IdempotencyRepository = PostgresIdempotency(connection)
        self.budgets: BudgetRepository = PostgresBudgets(connection)
        self.limits: LimitRepository = PostgresLimits(connection)
        self.bounds: BoundRepository = PostgresBounds(connection)
        self.statistics: StatisticsRepository = PostgresStatistics(connection)
        self.schedules: ScheduleRepository = PostgresSchedules(connection)
        self.firings: FiringRepository = PostgresFirings(connection)
        self.webhooks: WebhookRepository = PostgresWebhooks(connection)
        self.deliveries: DeliveryRepository = PostgresDeliveries(connection)
        self.secrets: SecretRepository = PostgresSecrets(connection)
        self.secret_seals: SecretSeals = PostgresSecretSeals(connection)
        self._messages, self._entries = connection.messages, PostgresAudit(connection)
        self.audit: AuditLog = self._entries

    async def send(self) -> None:
        """See the port."""
        await self._messages.send()

    def finish(self) -> None:
        """What has to be a transaction's last statements."""
        self._entries.write()


class PostgresStore:
    """See `Store`. Made by `open`, belongs to the event loop that it was opened in."""

    def __init__(
        self,
        pool: AsyncConnectionPool[StoreConnection],
        settings: DatabaseSettings,
        migrations: tuple[Migration, ...],
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._migrations = migrations
        self._specs = SpecCache()

    @classmethod
    async def open(cls, settings: DatabaseSettings, *, application_name: str = "hortus") -> "PostgresStore":
        """Connect. Raises UnavailableError when the database does not answer within `connect_timeout_s`."""
        pool = make_pool(settings, application_name=application_name)
        try:
            await pool.open(wait=True, timeout=settings.connect_timeout_s)
        except CONNECTION_LOST as error:
            await pool.close()
            raise unavailable(error, settings) from error
        except BaseException:
            # Its tasks swallow a cancellation: left alone, they would let no loop come to its end.
            await pool.close()
            raise
        return cls(pool, settings, load_migrations())

    def transaction(self, tenant_id: TenantId) -> AbstractAsyncContextManager[UnitOfWork]:
        """See the port. ConflictError when a referred row is gone, InvalidInputError for text with U+0000."""
        return self._transaction(tenant_id)

    def system_transaction(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """See the port. Raises as `transaction` does."""
        return self._transaction(None)

    @asynccontextmanager
    async def _transaction(self, tenant_id: TenantId | None) -> AsyncIterator[UnitOfWork]:
        try:
            async with self._pool.connection() as connection, begun(connection, tenant_id):
                uow = PostgresUnitOfWork(connection, self._specs)
                yield uow
                uow.finish()
        except CONNECTION_LOST as error:
            raise unavailable(error, self._settings) from error
        except ForeignKeyViolation as error:
            raise ConflictError("something that this refers to does not exist any more") from error
        except psycopg.DataError as error:
            raise InvalidInputError("a value cannot be stored: too large a number, or text with U+0000") from error

    async def healthy(self) -> bool:
        """See the port."""
        try:
            await self.check_schema()
        except UnavailableError:
            return False
        return True

    async def check_schema(self) -> None:
        """Raise UnavailableError, with the reason, unless the database answers within a second and is migrated."""
        try:
            async with asyncio.timeout(_HEALTH_TIMEOUT_S), self._pool.connection() as connection:
                missing = await missing_migrations(connection, self._migrations)
                is_bound = bool(missing) or await may_act_for_tenants(connection)
        except TimeoutError as error:
            raise UnavailableError(COMPONENT, f"no answer within {_HEALTH_TIMEOUT_S:g} s") from error
        except CONNECTION_LOST as error:
            raise unavailable(error, self._settings) from error
        if missing:
            raise UnavailableError(COMPONENT, f"not migrated: {', '.join(missing)} (run `hortus migrate`)")
        if not is_bound:
            raise UnavailableError(COMPONENT, NO_ROLE)

    async def close(self) -> None:
        """See the port."""
        await self._pool.close(timeout=_CLOSE_TIMEOUT_S)
