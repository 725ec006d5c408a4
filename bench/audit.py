"""Audit log: what an entry adds to a transaction, and how long a log of a million entries takes to verify.

Interleaved: the same transaction (one row changed) with and without an entry, in turns, one at a time and eight at
once in one tenant, whose chain they all lock with their last statement. Against the PostgreSQL of `hortus up`, with
fsync, beside an idle stack. The long log is written by COPY with the hashes that the adapter would have computed, then
read by `verify_audit`; its memory is the growth of this process meanwhile.
"""

import argparse
import asyncio
import time
from datetime import UTC, datetime

import psutil
import psycopg
import uvloop
from pydantic import SecretStr

from bench.report import Figures, percentiles, table, write
from bench.stack import open_stack
from hortus_agents.spec import AgentSpec
from hortus_server.adapters.postgres.store import PostgresStore
from hortus_server.domain.audit import NO_HASH, Actor, NewAuditEntry, entry_body, entry_hash
from hortus_server.domain.ids import AgentId, TenantId
from hortus_server.services.verify_audit import verify_audit
from hortus_server.settings import DatabaseSettings

BOB = Actor("key", "0197b2c4-7c1e-7b7c-a3a5-1f4f5b8a9c01", "bob")
DETAIL = {"name": "helper", "version": 2, "before": 1}
MIB = 1024 * 1024


async def act(store: PostgresStore, tenant_id: TenantId, agent_id: AgentId, *, audited: bool) -> float:
    """One row changed, and an entry of it; milliseconds until it is durable."""
    began = time.perf_counter()
    async with store.transaction(tenant_id) as uow:
        await uow.agents.pin(tenant_id, agent_id, 1)
        if audited:
            await uow.audit.append(NewAuditEntry(tenant_id, BOB, "agent.pinned", f"agent:{agent_id}", DETAIL))
    return (time.perf_counter() - began) * 1000


async def cost(store: PostgresStore, *, rounds: int, at_once: int) -> dict[str, Figures]:
    async with store.system_transaction() as uow:
        tenant = await uow.tenants.ensure_tenant(f"t{at_once}")
        # A row each, so that only the chain is shared.
        agents = [
            (await uow.agents.add(tenant.id, name=f"a{number}", description="", spec=AgentSpec()))[0].id
            for number in range(at_once)
        ]
    took: dict[bool, list[float]] = {True: [], False: []}
    for number in range(rounds + 20):
        for audited in (number % 2 == 0, number % 2 == 1):
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(act(store, tenant.id, agent, audited=audited)) for agent in agents]
            if number >= 20:  # statements are prepared by then
                took[audited] += [task.result() for task in tasks]
    return {
        f"{at_once} at once, without": percentiles(took[False]),
        f"{at_once} at once, with an entry": percentiles(took[True]),
    }


async def fill(url: str, tenant_id: TenantId, count: int) -> None:
    """A log of so many entries."""
    previous, at, body = NO_HASH, datetime.now(UTC), entry_body(BOB, "agent.pinned", "agent:x", '{"n":1}')
    async with (
        await psycopg.AsyncConnection.connect(url) as connection,
        connection.cursor() as cursor,
        cursor.copy("COPY audit_log FROM STDIN") as copy,
    ):
        for seq in range(1, count + 1):
            digest = entry_hash(tenant_id, seq, at, previous, body)
            await copy.write_row(
                (tenant_id, seq, at, BOB.kind, BOB.id, BOB.name, "agent.pinned", "agent:x", '{"n":1}', previous, digest)
            )
            previous = digest


async def verify(store: PostgresStore, url: str, *, entries: int) -> Figures:
    async with store.system_transaction() as uow:
        tenant = await uow.tenants.ensure_tenant("long")
    await fill(url, tenant.id, entries)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(
            "INSERT INTO audit_heads SELECT tenant_id, seq, at, previous_hash, hash FROM audit_log"
            " WHERE tenant_id = %s ORDER BY seq DESC LIMIT 1",
            [tenant.id],
        )
        await connection.execute("ANALYZE audit_log")
    process = psutil.Process()
    before, began = process.memory_info().rss, time.perf_counter()
    report = await verify_audit(store, tenant.id)
    if not report.intact or report.entries != entries:
        raise SystemExit(f"the log does not verify: {report}")
    spent = time.perf_counter() - began
    grown = (process.memory_info().rss - before) / MIB
    return {"entries": entries, "seconds": round(spent, 1), "per_s": round(entries / spent), "grown_mib": round(grown)}


async def measure(*, rounds: int, entries: int) -> None:
    async with open_stack(workers=1) as stack:
        settings = DatabaseSettings(url=SecretStr(stack.database_url), pool_size=10)
        store = await PostgresStore.open(settings, application_name="hortus-bench")
        try:
            rows = {**await cost(store, rounds=rounds, at_once=1), **await cost(store, rounds=rounds // 4, at_once=8)}
            verified = await verify(store, stack.database_url, entries=entries)
        finally:
            await store.close()
    table("an entry in a transaction", rows)
    table("a verification", {"whole log": verified})
    write("audit", {"rounds": rounds, "rows": rows, "verified": verified})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1_000)
    parser.add_argument("--entries", type=int, default=1_000_000)
    options = parser.parse_args()
    uvloop.run(measure(rounds=options.rounds, entries=options.entries))


if __name__ == "__main__":
    main()
