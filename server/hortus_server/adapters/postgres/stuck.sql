-- name: silent_runs :many
-- A tenant's unfinished runs without an event for longer than their class may be, oldest first, among so many looked at.
WITH looked_at AS MATERIALIZED (
    SELECT
        found.id, found.tenant_id, found.session_id, found.agent_id, found.status, found.priority, found.queued_seq,
        found.generation, found.worker_id, found.lease_until, found.woken_at, found.waiting_for, found.created_at
    FROM (
        (
            SELECT
                id, tenant_id, session_id, agent_id, status, priority, queued_seq, generation, worker_id, lease_until,
                woken_at, waiting_for, created_at
            FROM runs
            WHERE tenant_id = %(tenant_id)s AND status = 'queued' AND id > %(after)s
            ORDER BY id
            LIMIT %(look)s
        )
        UNION ALL
        (
            SELECT
                id, tenant_id, session_id, agent_id, status, priority, queued_seq, generation, worker_id, lease_until,
                woken_at, waiting_for, created_at
            FROM runs
            WHERE tenant_id = %(tenant_id)s AND status = 'running' AND id > %(after)s
            ORDER BY id
            LIMIT %(look)s
        )
        UNION ALL
        (
            SELECT
                id, tenant_id, session_id, agent_id, status, priority, queued_seq, generation, worker_id, lease_until,
                woken_at, waiting_for, created_at
            FROM runs
            WHERE tenant_id = %(tenant_id)s AND status = 'waiting' AND id > %(after)s
            ORDER BY id
            LIMIT %(look)s
        )
    ) AS found
    ORDER BY found.id
    LIMIT %(look)s
),
silent AS (
    SELECT
        r.id, r.tenant_id, r.session_id, r.agent_id, r.status, r.priority, r.queued_seq, r.generation, r.worker_id,
        r.lease_until, r.woken_at, r.waiting_for, r.created_at, last_event.seq AS last_seq, last_event.type AS last_type, last_event.at AS last_at
    FROM looked_at AS r
    CROSS JOIN LATERAL (
        SELECT e.seq, e.type, e.at
        FROM events AS e
        WHERE e.session_id = r.session_id AND e.run_id = r.id
        ORDER BY e.seq DESC
        LIMIT 1
    ) AS last_event
    WHERE now() > CASE
        WHEN r.status = 'queued' THEN last_event.at + %(queued)s::interval
        WHEN r.status = 'running' THEN last_event.at + %(running)s::interval
        WHEN r.waiting_for ->> 'kind' = 'timer'
            THEN coalesce((r.waiting_for ->> 'due_at')::timestamptz, last_event.at) + %(queued)s::interval
        WHEN r.waiting_for ->> 'kind' IN ('paused', 'frozen') THEN last_event.at + %(paused)s::interval
        ELSE last_event.at + %(waiting)s::interval
    END
    ORDER BY r.id
    LIMIT %(rows)s
)
SELECT
    (SELECT count(*) FROM looked_at) AS looked,
    (SELECT id FROM looked_at ORDER BY id DESC LIMIT 1) AS looked_to,
    s.id, s.session_id, s.agent_id, s.status, s.priority, s.generation, s.worker_id, s.lease_until, s.woken_at,
    s.waiting_for, s.created_at, s.last_seq, s.last_type, s.last_at,
    extract(epoch FROM now() - s.last_at)::double precision AS silent_s,
    s.lease_until < now() AS lease_over,
    extract(epoch FROM now() - s.woken_at)::double precision AS woken_s,
    earlier.id AS earlier_run_id, earlier.status AS earlier_status,
    stopped.id AS order_id, stopped.kind AS order_kind, stopped.scope AS order_scope, stopped.reason AS order_reason,
    a.max_concurrent_runs,
    CASE WHEN a.max_concurrent_runs IS NOT NULL THEN (
        SELECT count(*)
        FROM (
            SELECT FROM runs AS other
            WHERE other.tenant_id = s.tenant_id AND other.status = 'running'
            LIMIT a.max_concurrent_runs
        ) AS counted
    ) END AS running
FROM (VALUES (1)) AS always (one)
LEFT JOIN silent AS s ON true
LEFT JOIN tenant_admission AS a ON a.tenant_id = s.tenant_id
LEFT JOIN LATERAL (
    SELECT r.id, r.status
    FROM runs AS r
    WHERE r.session_id = s.session_id AND r.queued_seq < s.queued_seq AND r.status IN ('queued', 'running', 'waiting')
    ORDER BY r.queued_seq
    LIMIT 1
) AS earlier ON true
LEFT JOIN LATERAL (
    SELECT h.id, h.kind, h.scope, h.reason
    FROM holds AS h
    WHERE h.lifted_at IS NULL AND h.subject_id IN (s.agent_id, s.tenant_id, '00000000-0000-0000-0000-000000000000')
    ORDER BY h.kind DESC
    LIMIT 1
) AS stopped ON true
ORDER BY s.id

-- name: look_at_workers :many
-- Which worker processes show a sign of life; shared and for the moment, as the workers look at each other.
SELECT w.id, NOT pg_try_advisory_xact_lock_shared(hashtextextended(w.id, 1752134773)) AS alive
FROM workers AS w
ORDER BY w.id
LIMIT %(rows)s

-- name: mark_woken :exec
-- A wake-up for it is about to be sent.
UPDATE runs AS r
SET
    woken_at = now(),
    ready = NOT EXISTS (
        SELECT FROM runs AS earlier
        WHERE earlier.session_id = r.session_id
            AND earlier.queued_seq < r.queued_seq
            AND earlier.status IN ('queued', 'running', 'waiting')
    )
WHERE r.tenant_id = %(tenant_id)s AND r.id = %(run_id)s AND r.status = 'queued'

-- name: count_silent :many
-- Of all tenants, among the runs longest not told of: how many have been silent for too long.
SELECT r.status, count(*) AS runs
FROM (
    SELECT id, session_id, status
    FROM runs
    WHERE status IN ('queued', 'running')
    ORDER BY woken_at
    LIMIT %(look)s
) AS r
CROSS JOIN LATERAL (
    SELECT e.at
    FROM events AS e
    WHERE e.session_id = r.session_id AND e.run_id = r.id
    ORDER BY e.seq DESC
    LIMIT 1
) AS last_event
WHERE now() > last_event.at + CASE r.status WHEN 'queued' THEN %(queued)s::interval ELSE %(running)s::interval END
GROUP BY r.status
