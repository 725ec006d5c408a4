-- name: waiting_tenants :many
-- Who has runs ready, for each rank (0 comes back, 1 interactive, 2 batch): one probe of the index for each tenant.
SELECT
    ranks.rank,
    waiting.tenant_id,
    coalesce(a.weight, 1) AS weight,
    a.max_concurrent_runs IS NOT NULL AS limited
FROM (VALUES (0), (1), (2)) AS ranks (rank)
CROSS JOIN LATERAL (
    WITH RECURSIVE seen (tenant_id, place) AS (
        (
            SELECT r.tenant_id, 1
            FROM runs AS r
            WHERE r.status = 'queued' AND r.ready
                AND (CASE WHEN r.started_at IS NOT NULL THEN 0 WHEN r.priority = 'interactive' THEN 1 ELSE 2 END)
                    = ranks.rank
                AND r.tenant_id > %(after)s
            ORDER BY r.tenant_id
            LIMIT 1
        )
        UNION ALL
        SELECT beyond.tenant_id, seen.place + 1
        FROM seen
        CROSS JOIN LATERAL (
            SELECT r.tenant_id
            FROM runs AS r
            WHERE r.status = 'queued' AND r.ready
                AND (CASE WHEN r.started_at IS NOT NULL THEN 0 WHEN r.priority = 'interactive' THEN 1 ELSE 2 END)
                    = ranks.rank
                AND r.tenant_id > seen.tenant_id
            ORDER BY r.tenant_id
            LIMIT 1
        ) AS beyond
        WHERE seen.place < %(rows)s
    )
    SELECT seen.tenant_id FROM seen
) AS waiting
LEFT JOIN tenant_admission AS a ON a.tenant_id = waiting.tenant_id
WHERE NOT EXISTS (
    SELECT FROM holds AS h
    WHERE h.lifted_at IS NULL
        AND h.subject_id IN (waiting.tenant_id, '00000000-0000-0000-0000-000000000000')
        AND (h.kind = 'pause' OR ranks.rank > 0)
)
    AND (
        a.max_concurrent_runs IS NULL
        OR a.max_concurrent_runs > (
            SELECT count(*)
            FROM (
                SELECT FROM runs AS r
                WHERE r.tenant_id = waiting.tenant_id AND r.status = 'running'
                LIMIT a.max_concurrent_runs
            ) AS running
        )
    )
ORDER BY ranks.rank, waiting.tenant_id

-- name: lock_admission :exec
-- Claims of a tenant with a limit take turns, so that each counts what the one before it took.
SELECT tenant_id
FROM tenant_admission
WHERE tenant_id = %(tenant_id)s
FOR NO KEY UPDATE

-- name: lock_oldest :one
-- A tenant's oldest run of a rank that nobody else is taking just now, unless the tenant is at its limit; it stays locked.
SELECT r.id
FROM runs AS r
WHERE r.status = 'queued' AND r.ready
    AND (CASE WHEN r.started_at IS NOT NULL THEN 0 WHEN r.priority = 'interactive' THEN 1 ELSE 2 END) = %(rank)s
    AND r.tenant_id = %(tenant_id)s
    AND NOT EXISTS (
        SELECT FROM holds AS h
        WHERE h.lifted_at IS NULL
            AND h.subject_id IN (r.agent_id, r.tenant_id, '00000000-0000-0000-0000-000000000000')
            AND (h.kind = 'pause' OR r.started_at IS NULL)
    )
    AND NOT EXISTS (
        SELECT FROM runs AS earlier
        WHERE earlier.session_id = r.session_id
            AND earlier.queued_seq < r.queued_seq
            AND earlier.status IN ('queued', 'running', 'waiting')
    )
    AND NOT EXISTS (
        SELECT FROM tenant_admission AS a
        WHERE a.tenant_id = r.tenant_id
            AND a.max_concurrent_runs <= (
                SELECT count(*)
                FROM (
                    SELECT FROM runs AS running
                    WHERE running.tenant_id = a.tenant_id AND running.status = 'running'
                    LIMIT a.max_concurrent_runs
                ) AS counted
            )
    )
ORDER BY r.id
LIMIT 1
FOR NO KEY UPDATE OF r SKIP LOCKED

-- name: queue_depth :one
-- How many runs of a tenant wait, counted no further than its bound.
SELECT bound.most, queued.counted AS queued
FROM (
    SELECT coalesce(
        (SELECT a.max_queued_runs FROM tenant_admission AS a WHERE a.tenant_id = %(tenant_id)s), %(otherwise)s
    ) AS most
) AS bound
CROSS JOIN LATERAL (
    SELECT count(*)
    FROM (
        SELECT FROM runs
        WHERE tenant_id = %(tenant_id)s AND status = 'queued'
        LIMIT bound.most
    ) AS waiting
) AS queued (counted)

-- name: lock_queue :one
-- One submission of the tenant at a time, until it commits.
SELECT pg_advisory_xact_lock(hashtextextended(%(tenant_id)s::text, 7316502415)) IS NULL AS waited

-- name: get_admission :one
-- A tenant's weight and limits; no row where they were never set.
SELECT weight, max_concurrent_runs, max_queued_runs
FROM tenant_admission
WHERE tenant_id = %(tenant_id)s

-- name: set_admission :exec
-- One row per tenant.
INSERT INTO tenant_admission (tenant_id, weight, max_concurrent_runs, max_queued_runs)
VALUES (%(tenant_id)s, %(weight)s, %(max_concurrent_runs)s, %(max_queued_runs)s)
ON CONFLICT (tenant_id) DO UPDATE SET
    weight = excluded.weight,
    max_concurrent_runs = excluded.max_concurrent_runs,
    max_queued_runs = excluded.max_queued_runs,
    updated_at = now()

-- name: count_load :one
-- How many runs of a tenant run and wait for a worker, each counted no further than need be.
SELECT
    (
        SELECT count(*)
        FROM (
            SELECT FROM runs WHERE tenant_id = %(tenant_id)s AND status = 'running' LIMIT %(at_most)s
        ) AS r
    ) AS running,
    (
        SELECT count(*)
        FROM (
            SELECT FROM runs WHERE tenant_id = %(tenant_id)s AND status = 'queued' LIMIT %(at_most)s
        ) AS q
    ) AS queued

-- name: ready_runs :many
-- Whom a wake-up could be sent for, oldest first.
SELECT id
FROM runs
WHERE tenant_id = %(tenant_id)s AND status = 'queued' AND ready
ORDER BY id
LIMIT %(rows)s
