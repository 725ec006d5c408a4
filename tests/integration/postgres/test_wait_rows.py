"""Ten thousand runs that wait for people and timers: what workers and beat ask touches none of them."""

import json
from datetime import timedelta

import pytest
from test_stop_rows import bulk

from hortus_server.adapters.postgres.statements import load_statements
from hortus_server.services.end_waits import EndWaits
from hortus_server.services.recover_runs import RecoverRuns
from hortus_server.services.wake_waiting import WakeWaiting

MANY = 10_000


@pytest.fixture
async def crowd(world):
    """A run that works, beside ten thousand that wait: half for a person, half for a time, none of them due."""
    run = await world.submit()
    await bulk(
        world.store,
        """
        INSERT INTO sessions (id, tenant_id, agent_id, title, metadata)
        SELECT ('10000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, s.tenant_id, s.agent_id, '', '{}'
        FROM sessions AS s, generate_series(1, %(many)s) AS n WHERE s.id = %(session)s
        """,
        many=MANY,
        session=world.session.id,
    )
    await bulk(
        world.store,
        """
        INSERT INTO runs (id, tenant_id, session_id, agent_id, agent_version_id, status, queued_seq, limits,
            waiting_for, generation, started_at, woken_at)
        SELECT s.id, r.tenant_id, s.id, r.agent_id, r.agent_version_id, 'waiting', 3, r.limits,
            jsonb_build_object('kind', CASE WHEN s.id::text < '10000000-0000-7000-8000-000000005001' THEN 'approval'
                ELSE 'timer' END, 'ref_id', s.id), 1, now(), now() - interval '1 hour'
        FROM runs AS r, sessions AS s WHERE r.id = %(run)s AND s.id <> r.session_id
        """,
        run=run.id,
    )
    await bulk(
        world.store,
        """
        INSERT INTO approvals (id, tenant_id, session_id, run_id, agent_id, kind, call_id, tool, tool_version,
            arguments, call_sha256, side_effect, reason, choices, persons, requested_at, expires_at)
        SELECT id, tenant_id, session_id, id, agent_id, 'call', 'c', 'echo', '1', '{}', repeat('a', 64), 2, 'why',
            '{}', 1, now(), now() + interval '1 day'
        FROM runs WHERE status = 'waiting' AND waiting_for ->> 'kind' = 'approval'
        """,
    )
    await bulk(
        world.store,
        """
        INSERT INTO timers (run_id, due_at)
        SELECT id, now() + interval '1 day' FROM runs WHERE waiting_for ->> 'kind' = 'timer'
        """,
    )
    await bulk(world.store, "ANALYZE runs, approvals, timers, sessions")
    return run


async def rows_read(store, statement, **parameters) -> float:
    """Rows that the statement looked at, whether it kept them or not."""
    async with store._pool.connection() as connection, connection.transaction(force_rollback=True):
        query = b"EXPLAIN (ANALYZE, FORMAT JSON) " + statement
        plan = (await (await connection.execute(query, parameters)).fetchone())[0]
    return _looked_at((plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"])


def _looked_at(node) -> float:
    own = 0.0
    if "Scan" in node["Node Type"]:
        removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
        own = (node["Actual Rows"] + removed) * node["Actual Loops"]
    return own + sum(_looked_at(child) for child in node.get("Plans", ()))


async def test_what_beat_and_workers_ask_again_and_again_reads_no_waiting_run(world, crowd):
    claim = await world.claim(crowd)
    asked = {
        ("approvals.sql", "due_timers"): {"rows": 500},
        ("approvals.sql", "overdue_approvals"): {"rows": 500},
        ("wakeups.sql", "due_runs"): {"older_than": timedelta(0), "rows": 256},
        ("runs.sql", "renew_leases"): {
            "run_ids": [crowd.id], "generations": [claim.generation], "worker_id": "w1", "lease": timedelta(seconds=9),
        },
        ("wakeups.sql", "next_queued"): {"session_id": crowd.session_id},
    }  # fmt: skip
    read = {
        name: await rows_read(world.store, load_statements(file)[name].sql, **parameters)
        for (file, name), parameters in asked.items()
    }
    assert all(rows < 10 for rows in read.values()), read


async def test_a_look_at_ten_thousand_waits_ends_those_that_are_due(world, crowd, silent):
    end_waits = EndWaits(world.store, WakeWaiting(silent, silent))
    assert await end_waits() == 0
    await bulk(
        world.store,
        "UPDATE timers SET due_at = now() WHERE run_id IN (SELECT run_id FROM timers ORDER BY run_id LIMIT 3)",
    )
    assert await end_waits() == 3
    assert len(silent.woken) == 3
    recover = RecoverRuns(world.store, silent, patience=timedelta(0))
    await recover()
    assert len(silent.woken) <= 3 + 3 + 1, "only what was woken, and the run that works, is told of again"


class Silent:
    def __init__(self) -> None:
        self.woken = []

    async def wake_run(self, run_id) -> None:
        self.woken.append(run_id)

    async def wake_job(self, *_) -> None:
        raise AssertionError

    async def publish_events(self, *_) -> None:
        pass


@pytest.fixture
def silent() -> Silent:
    return Silent()
