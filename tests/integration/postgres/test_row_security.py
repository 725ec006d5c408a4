"""A tenant's transaction sees and writes its own rows alone, whatever its statements forget to ask for."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
from approval_world import ask
from fixtures_postgres import settings_for
from psycopg import sql
from psycopg.errors import InsufficientPrivilege
from schedule_world import Timetable
from store_world import World, make_memory, make_tool_version, make_world
from test_isolation import add_webhook

from hortus_server.adapters.postgres import transactions
from hortus_server.adapters.postgres.migrations import MigrationError, migrate
from hortus_server.adapters.postgres.statements import StoreConnection
from hortus_server.adapters.postgres.store import PostgresStore
from hortus_server.adapters.postgres.transactions import TENANT_ROLE, begun
from hortus_server.domain.admission import TenantAdmission
from hortus_server.domain.budgets import TenantBudget
from hortus_server.domain.errors import NotFoundError, UnavailableError
from hortus_server.domain.ids import TenantId
from hortus_server.settings import DatabaseSettings

# Tables without a tenant_id of their own, and why that is right.
WITHOUT_TENANT = {
    "schema_migrations": "what was applied; no tenant's transaction may read it",
    "tenants": "a tenant sees its own row, by id, and changes none",
    "timers": "a timer is its run's, and shows where the run shows",
    "workers": "processes serve all tenants; readable, holds ids only",
    "users": "a person may belong to several tenants; only the system reads them",
    "sign_in_failures": "counted before anybody is known; only the system reads them",
}
# Of those, what a tenant's transaction may touch at all.
REACHABLE = {"tenants", "timers", "workers"}
TABLES = """
    SELECT
        c.relname AS name,
        c.relispartition AS is_partition,
        c.relrowsecurity AS is_bound,
        EXISTS (
            SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
        ) AS has_tenant,
        EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polname = 'own_tenant') AS has_policy
    FROM pg_class AS c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
    ORDER BY c.relname
"""
GRANTS = """
    SELECT table_name, privilege_type FROM information_schema.role_table_grants WHERE grantee = 'hortus_tenant'
"""


@pytest.fixture
async def connection(database_settings) -> AsyncIterator[StoreConnection]:
    """A connection as the store's: of a login that row security does not bind."""
    url = database_settings.url.get_secret_value()
    async with await StoreConnection.connect(url, autocommit=True) as opened:
        yield opened


async def fetch(connection: StoreConnection, query: str) -> list[tuple[Any, ...]]:
    return await (await connection.execute(query)).fetchall()


async def tenant_tables(connection: StoreConnection) -> list[str]:
    """All that hold a tenant's rows, less the partitions, which nobody reaches by name."""
    return [
        name
        for name, is_partition, _, has_tenant, _ in await fetch(connection, TABLES)
        if has_tenant and not is_partition
    ]


async def test_every_table_is_isolated_or_has_a_reason_not_to_be(connection: StoreConnection):
    found = await fetch(connection, TABLES)
    open_tables = [name for name, _, is_bound, has_tenant, policy in found if has_tenant and not (is_bound and policy)]
    assert open_tables == [], "end the migration that makes them with: SELECT isolate_tenants();"
    without = {name for name, _, _, has_tenant, _ in found if not has_tenant}
    assert without - WITHOUT_TENANT.keys() == set(), "give it a tenant_id, or a reason here"
    granted = {table for table, _ in await fetch(connection, GRANTS)}
    assert granted & without <= REACHABLE


async def test_views_ask_with_the_rights_of_their_reader(connection: StoreConnection):
    views = await fetch(
        connection,
        "SELECT relname, coalesce(reloptions, '{}') @> '{security_invoker=true}' FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')",
    )
    assert views, "without any this says nothing"
    assert [name for name, invokes in views if not invokes] == []


async def test_no_function_lends_its_owners_rights(connection: StoreConnection):
    query = "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
    assert await fetch(connection, query) == []


async def test_logs_can_only_be_added_to(connection: StoreConnection):
    granted = await fetch(connection, GRANTS)
    rights = {table: {right for name, right in granted if name == table} for table in ("events", "audit_log")}
    assert rights == {"events": {"SELECT", "INSERT"}, "audit_log": {"SELECT", "INSERT"}}


async def test_a_forgotten_filter_finds_no_other_tenants_rows(world: World, other: World, connection: StoreConnection):
    await _fill(world)
    filled = set()
    for name in await tenant_tables(connection):
        everything = sql.SQL("SELECT tenant_id FROM {}").format(sql.Identifier(name))
        owners = {owner for (owner,) in await (await connection.execute(everything)).fetchall()}
        async with begun(connection, other.tenant_id):
            seen = {owner for (owner,) in await (await connection.execute(everything)).fetchall()}
        assert seen == owners & {other.tenant_id}, name
        if world.tenant_id in owners:
            filled.add(name)
    assert len(filled) >= 15, f"these were put to the test: {sorted(filled)}"
    async with begun(connection, other.tenant_id):
        assert await fetch(connection, "SELECT DISTINCT tenant_id FROM steps WHERE tenant_id IS NOT NULL") == []
        assert await fetch(connection, "SELECT id FROM tenants") == [(other.tenant_id,)]


async def test_a_tenants_own_rows_show(world: World, connection: StoreConnection):
    await _fill(world)
    async with begun(connection, world.tenant_id):
        for name in ("agents", "sessions", "runs", "events", "memories", "tools", "approvals", "webhooks", "jobs"):
            query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))
            row = await (await connection.execute(query)).fetchone()
            assert (row is not None and row[0] > 0) == (name != "jobs"), name


async def test_a_tenant_changes_no_others_rows(world: World, other: World, connection: StoreConnection):
    await _fill(world)
    granted = await fetch(connection, GRANTS)
    for name in await tenant_tables(connection):
        table = sql.Identifier(name)
        if (name, "UPDATE") in granted:
            async with begun(connection, other.tenant_id):
                changing = sql.SQL("UPDATE {} SET tenant_id = tenant_id WHERE tenant_id = %s").format(table)
                assert (await connection.execute(changing, [world.tenant_id])).rowcount == 0, name
        if (name, "DELETE") in granted:
            async with begun(connection, other.tenant_id):
                deleting = sql.SQL("DELETE FROM {} WHERE tenant_id = %s").format(table)
                assert (await connection.execute(deleting, [world.tenant_id])).rowcount == 0, name


@pytest.mark.parametrize(
    "statement",
    [
        (
            "INSERT INTO agents (id, tenant_id, name, description, current_version, latest_version)"
            " VALUES (gen_random_uuid(), %(victim)s, 'mine', '', 1, 1)"
        ),
        "UPDATE sessions SET tenant_id = %(victim)s WHERE tenant_id = %(own)s",
        (
            "INSERT INTO events (session_id, seq, tenant_id, step, type, at, payload)"
            " VALUES (%(session)s, 99, %(victim)s, 0, 'x', now(), '{}')"
        ),
        "INSERT INTO audit_log SELECT (jsonb_populate_record(NULL::audit_log, '{}')).*",
    ],
)
async def test_a_row_under_another_tenants_id_is_refused(
    world: World, other: World, connection: StoreConnection, statement: str
):
    values = {"victim": world.tenant_id, "own": other.tenant_id, "session": world.session.id}
    with pytest.raises(InsufficientPrivilege):
        async with begun(connection, other.tenant_id):
            await connection.execute(statement, values)


async def test_without_a_tenant_the_role_sees_nothing(world: World, connection: StoreConnection):
    await _fill(world)
    tables = await tenant_tables(connection)
    await connection.execute(f"SET ROLE {TENANT_ROLE}")
    for tenant in (None, ""):
        if tenant is not None:
            await connection.execute("SET hortus.tenant = ''")
        for name in tables:
            found = await (
                await connection.execute(sql.SQL("SELECT 1 FROM {}").format(sql.Identifier(name)))
            ).fetchall()
            assert found == [], name


async def test_nothing_of_a_tenant_stays_on_the_connection(world: World, connection: StoreConnection):
    async def acting() -> tuple[Any, ...]:
        return (await fetch(connection, "SELECT current_user, current_setting('hortus.tenant', true)"))[0]

    before = (await acting())[0]
    async with begun(connection, world.tenant_id):
        assert await acting() == (TENANT_ROLE, str(world.tenant_id))
    assert await acting() == (before, "")
    with pytest.raises(ValueError, match="on purpose"):
        async with begun(connection, world.tenant_id):
            raise ValueError("on purpose")
    assert await acting() == (before, "")


async def test_partitions_are_reached_through_their_table_alone(world: World, connection: StoreConnection):
    with pytest.raises(InsufficientPrivilege):
        async with begun(connection, world.tenant_id):
            await connection.execute("SELECT 1 FROM events_p0")


async def test_an_unknown_tenant_is_as_good_as_none(world: World):
    async with world.store.transaction(TenantId(uuid4())) as uow:
        assert (await uow.agents.list(world.tenant_id, _Page())).items == ()


async def test_a_login_without_rights_over_roles_works_once_an_administrator_lets_it(postgres_url: str):
    """As on a managed server. The tables are its own, and its tenants' transactions are bound all the same."""
    name = f"hortus_plain_{uuid4().hex[:8]}"
    with psycopg.connect(postgres_url, autocommit=True) as administrator:
        administrator.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'pw'")  # type: ignore[arg-type]
        administrator.execute(f"CREATE DATABASE {name} OWNER {name}")  # type: ignore[arg-type]
        try:
            parts = urlsplit(postgres_url)
            netloc = f"{name}:pw@{parts.hostname}:{parts.port}"
            settings = settings_for(urlunsplit(parts._replace(netloc=netloc)), name)
            with pytest.raises(MigrationError, match=f"GRANT hortus_tenant TO {name}"):
                await migrate(settings)
            administrator.execute(f"GRANT hortus_tenant TO {name}")  # type: ignore[arg-type]
            await migrate(settings)
            await _check_bound(settings)
            administrator.execute(f"REVOKE hortus_tenant FROM {name}")  # type: ignore[arg-type]
            store = await PostgresStore.open(settings)
            with pytest.raises(UnavailableError, match="may not act as hortus_tenant"):
                await store.check_schema()
            # A request then is told the same, and no error of its own making.
            with pytest.raises(UnavailableError, match="An administrator runs: GRANT hortus_tenant TO"):
                async with store.transaction(TenantId(uuid4())) as uow:
                    await uow.admission.get(TenantId(uuid4()))
            await store.close()
        finally:
            administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]
            administrator.execute(f"DROP ROLE {name}")  # type: ignore[arg-type]


async def test_where_the_role_is_missing_a_request_says_what_an_administrator_runs(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(transactions, "TENANT_ROLE", "hortus_that_never_was")
    for _ in range(2):  # the connection goes back to the pool whole
        with pytest.raises(UnavailableError, match="CREATE ROLE hortus_tenant NOLOGIN"):
            async with world.store.transaction(world.tenant_id) as uow:
                await uow.admission.get(world.tenant_id)
    async with world.store.system_transaction() as uow:
        assert await uow.directory.get(world.tenant_id) is not None


async def _check_bound(settings: DatabaseSettings) -> None:
    store = await PostgresStore.open(settings)
    try:
        await store.check_schema()
        one, two = await make_world(store), await make_world(store, "umbrella")
        async with store.transaction(two.tenant_id) as uow:
            with pytest.raises(NotFoundError):
                await uow.sessions.get(one.tenant_id, one.session.id)
            assert (await uow.sessions.get(two.tenant_id, two.session.id)).id == two.session.id
    finally:
        await store.close()


async def _fill(world: World) -> None:
    """Rows of many kinds, through what the server does."""
    await Timetable(world).add()
    await add_webhook(world)
    run = await world.submit("secret")
    claim = await world.claim(run)
    assert claim is not None
    async with world.store.system_transaction() as uow:
        await ask(uow, claim)
        await uow.memories.add(make_memory(run))
        await uow.artifacts.put(world.tenant_id, b"secret", media_type="text/plain")
        await uow.tenants.add_key(
            world.tenant_id, name="k", prefix="hk_1", secret_sha256=b"1" * 32, scopes=["admin"], expires_at=None
        )
        proposed = make_tool_version(world.tenant_id, run_id=run.id, call_id="c1")
        await uow.tools.propose(world.tenant_id, version=proposed, name="adder")
        await uow.idempotency.begin(world.tenant_id, "key", route="r", body_sha256=b"2" * 32)
        await uow.budgets.set_budget(world.tenant_id, TenantBudget(tokens_per_day=5))
        await uow.admission.set(world.tenant_id, TenantAdmission(weight=3))


class _Page:
    limit = 5
    cursor = None
