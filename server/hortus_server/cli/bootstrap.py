"""What a new database needs before anybody can use it: the schema, a tenant, the first key, an agent to talk to."""

from collections.abc import Mapping

from pydantic import SecretStr

from hortus_agents.spec import AgentSpec
from hortus_server.adapters.embedded.errors import EmbeddedError
from hortus_server.adapters.embedded.home import HortusHome, write_private
from hortus_server.adapters.postgres.migrations import migrate
from hortus_server.adapters.postgres.store import PostgresStore
from hortus_server.cli.client import ADMIN_KEY_FILE
from hortus_server.domain.errors import ConflictError, HortusError
from hortus_server.domain.keys import Scope, Tenant
from hortus_server.ports.store import Store, UnitOfWork
from hortus_server.services.authenticate_key import AuthenticateKey
from hortus_server.services.issue_key import KeyDraft, add_key
from hortus_server.settings import DatabaseSettings

DEFAULT_TENANT = "default"
FIRST_AGENT = "gardener"
FIRST_DESCRIPTION = "Answers questions; writes itself a tool where it lacks one."


async def prepare_database(environment: Mapping[str, str], home: HortusHome) -> str | None:
    """Migrate; make the first admin key if this home holds none that works.

    Returns:
        The new key, to be shown once, or None.

    Raises:
        EmbeddedError: The database refused.
    """
    settings = DatabaseSettings(url=SecretStr(environment["HORTUS_DATABASE_URL"]))
    kept = home.root / "secrets" / ADMIN_KEY_FILE
    try:
        await migrate(settings)
        store = await PostgresStore.open(settings, application_name="hortus-up")
        try:
            if kept.is_file() and await _works(store, kept.read_text(encoding="utf-8").strip()):
                return None
            secret = await make_key(store, name="admin", scopes=("admin",))
            await _add_first_agent(store)
        finally:
            await store.close()
    except HortusError as error:
        raise EmbeddedError(f"the database could not be prepared: {error}") from error
    write_private(kept, secret)
    return secret


async def _home(uow: UnitOfWork) -> Tenant:
    """The tenant that operates the installation, whatever it is called by now; the first one of a new database."""
    return await uow.directory.operating() or await uow.tenants.ensure_tenant(DEFAULT_TENANT)


async def make_key(store: Store, *, name: str, scopes: tuple[Scope, ...]) -> str:
    """A key of the tenant that operates the installation; returns its secret."""
    async with store.system_transaction() as uow:
        tenant = await _home(uow)
        issued = await add_key(uow, tenant.id, KeyDraft(name=name, scopes=scopes, expires_at=None))
    return issued.secret


async def _works(store: Store, secret: str) -> bool:
    try:
        await AuthenticateKey(store).by_secret(secret)
    except HortusError:
        return False
    return True


async def _add_first_agent(store: Store) -> None:
    try:
        async with store.system_transaction() as uow:
            tenant = await _home(uow)
            await uow.agents.add(tenant.id, name=FIRST_AGENT, description=FIRST_DESCRIPTION, spec=AgentSpec())
    except ConflictError:
        return
