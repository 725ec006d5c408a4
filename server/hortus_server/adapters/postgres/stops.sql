-- name: place_order :one
-- One order of a kind over a subject of the tenant, or over all; the one in force stays as it is.
INSERT INTO holds (id, kind, scope, subject_id, tenant_id, reason, placed_by)
SELECT %(id)s, %(kind)s, %(scope)s, %(subject_id)s::uuid, t.id, %(reason)s, %(placed_by)s
FROM tenants AS t
WHERE t.id = %(tenant_id)s
    AND CASE %(scope)s
        WHEN 'agent' THEN EXISTS (SELECT FROM agents AS a WHERE a.tenant_id = t.id AND a.id = %(subject_id)s::uuid)
        WHEN 'tenant' THEN t.id = %(subject_id)s::uuid
        ELSE true
    END
ON CONFLICT (subject_id, kind) WHERE lifted_at IS NULL DO UPDATE SET reason = holds.reason
RETURNING id, kind, scope, subject_id, tenant_id, reason, placed_by, placed_at, lifted_by, lifted_at

-- name: lift_order :one
-- By those who placed it.
UPDATE holds
SET lifted_at = now(), lifted_by = %(lifted_by)s
WHERE subject_id = %(subject_id)s AND kind = %(kind)s AND tenant_id = %(tenant_id)s AND lifted_at IS NULL
RETURNING id, kind, scope, subject_id, tenant_id, reason, placed_by, placed_at, lifted_by, lifted_at

-- name: orders_in_force :many
-- Pauses first, since they stop more.
SELECT id, kind, scope, subject_id, tenant_id, reason, placed_by, placed_at, lifted_by, lifted_at
FROM holds
WHERE subject_id = ANY(%(subjects)s) AND lifted_at IS NULL
ORDER BY kind DESC, placed_at

-- name: orders_over_tenant :many
-- What stops a tenant's runs now; the index holds only orders in force, nearly always none.
SELECT id, kind, scope, subject_id, tenant_id, reason, placed_by, placed_at, lifted_by, lifted_at
FROM holds
WHERE lifted_at IS NULL AND (tenant_id = %(tenant_id)s OR scope = 'all')
ORDER BY placed_at DESC
LIMIT %(rows)s

-- name: orders_lifted :many
-- The record of what a tenant stopped and let go on, by the index of orders by age.
SELECT id, kind, scope, subject_id, tenant_id, reason, placed_by, placed_at, lifted_by, lifted_at
FROM holds
WHERE tenant_id = %(tenant_id)s AND lifted_at IS NOT NULL
ORDER BY placed_at DESC, id DESC
LIMIT %(rows)s

-- name: parked_under :many
-- Runs that wait for an order to be lifted.
SELECT id
FROM runs
WHERE tenant_id = %(tenant_id)s AND status = 'waiting' AND waiting_for ->> 'ref_id' = %(order_id)s::text
ORDER BY id
LIMIT %(rows)s

-- name: lock_run :one
-- Whoever decides about a run decides alone.
SELECT
    id, tenant_id, session_id, agent_id, agent_version_id, status, priority, queued_seq, generation, worker_id, lease_until,
    cancel_requested_at, pause_requested_at, waiting_for, rolled_back_at, limits, output, error_code, error_message,
    total_tokens, created_at, started_at, finished_at
FROM runs
WHERE tenant_id = %(tenant_id)s AND id = %(run_id)s
FOR NO KEY UPDATE

-- name: request_pause :exec
-- The first reason stays.
UPDATE runs
SET pause_requested_at = coalesce(pause_requested_at, now()), pause_reason = coalesce(pause_reason, %(reason)s)
WHERE tenant_id = %(tenant_id)s AND id = %(run_id)s AND status IN ('queued', 'running', 'waiting')

-- name: drop_pause :exec
-- It may go on.
UPDATE runs
SET pause_requested_at = NULL, pause_reason = NULL
WHERE tenant_id = %(tenant_id)s AND id = %(run_id)s AND pause_requested_at IS NOT NULL

-- name: park_run :exec
-- Project a run.waiting; not where the stop behind it was taken back meanwhile.
UPDATE runs AS r
SET status = 'waiting', lease_until = NULL, waiting_for = %(waiting_for)s
WHERE r.tenant_id = %(tenant_id)s
    AND r.id = %(run_id)s
    AND CASE
        WHEN %(generation)s::integer IS NULL THEN r.status = 'queued'
        ELSE r.status = 'running' AND r.generation = %(generation)s
    END
    AND (
        NOT %(by_stop)s
        OR r.pause_requested_at IS NOT NULL
        OR EXISTS (
            SELECT FROM holds AS h
            WHERE h.lifted_at IS NULL
                AND h.subject_id IN (r.agent_id, r.tenant_id, '00000000-0000-0000-0000-000000000000')
        )
    )

-- name: wake_waiting :exec
-- What it waited for is there.
UPDATE runs
SET status = 'queued', waiting_for = NULL, woken_at = now(), ready = true
WHERE tenant_id = %(tenant_id)s AND id = %(run_id)s AND status = 'waiting'

-- name: request_cancel_all :many
-- Mark the next of all that has not ended, in one order for all; the first reason stays. What waits is queued, so that
-- workers can end it. Tells of each how far was looked, and alone of that where everything looked at has ended meanwhile.
WITH looked_at AS MATERIALIZED (
    SELECT found.id
    FROM (
        (
            SELECT id
            FROM runs
            WHERE tenant_id = %(tenant_id)s AND status = 'queued' AND id > %(after)s
                AND (%(agent_id)s::uuid IS NULL OR agent_id = %(agent_id)s)
            ORDER BY id
            LIMIT %(rows)s
        )
        UNION ALL
        (
            SELECT id
            FROM runs
            WHERE tenant_id = %(tenant_id)s AND status = 'running' AND id > %(after)s
                AND (%(agent_id)s::uuid IS NULL OR agent_id = %(agent_id)s)
            ORDER BY id
            LIMIT %(rows)s
        )
        UNION ALL
        (
            SELECT id
            FROM runs
            WHERE tenant_id = %(tenant_id)s AND status = 'waiting' AND id > %(after)s
                AND (%(agent_id)s::uuid IS NULL OR agent_id = %(agent_id)s)
            ORDER BY id
            LIMIT %(rows)s
        )
    ) AS found
    ORDER BY found.id
    LIMIT %(rows)s
),
held AS MATERIALIZED (
    SELECT r.id
    FROM runs AS r
    JOIN looked_at ON looked_at.id = r.id
    WHERE r.tenant_id = %(tenant_id)s AND r.status IN ('queued', 'running', 'waiting')
    ORDER BY r.id
    FOR NO KEY UPDATE OF r
),
marked AS (
    UPDATE runs AS r
    SET
        cancel_requested_at = coalesce(r.cancel_requested_at, now()),
        cancel_reason = coalesce(r.cancel_reason, %(reason)s),
        status = CASE r.status WHEN 'waiting' THEN 'queued' ELSE r.status END,
        waiting_for = NULL
    FROM held
    WHERE r.id = held.id
    RETURNING r.id
)
SELECT marked.id, last.looked_to
FROM (SELECT id AS looked_to FROM looked_at ORDER BY id DESC LIMIT 1) AS last
LEFT JOIN marked ON true
ORDER BY marked.id

-- name: stop_signal :one
-- What a heartbeat would tell of one run.
SELECT
    r.id AS run_id,
    r.generation,
    r.status = 'running' AND r.generation = %(generation)s AND r.worker_id = %(worker_id)s AND r.lease_until > 'epoch'
        AS owned,
    r.cancel_requested_at IS NOT NULL AS cancel_requested,
    r.cancel_reason,
    CASE WHEN r.pause_requested_at IS NOT NULL THEN r.pause_reason WHEN h.kind = 'pause' THEN h.reason END
        AS pause_reason,
    CASE WHEN h.kind = 'freeze' THEN h.reason END AS freeze_reason,
    CASE WHEN r.pause_requested_at IS NULL THEN h.id END AS order_id,
    coalesce((SELECT p.revision FROM policy_revisions AS p WHERE p.tenant_id = r.tenant_id), 0) AS policy_revision
FROM runs AS r
LEFT JOIN LATERAL (
    SELECT holds.id, holds.kind, holds.reason
    FROM holds
    WHERE holds.lifted_at IS NULL
        AND holds.subject_id IN (r.agent_id, r.tenant_id, '00000000-0000-0000-0000-000000000000')
    ORDER BY holds.kind DESC
    LIMIT 1
) AS h ON true
WHERE r.id = %(run_id)s

-- name: partial_output :one
-- What the run's last run.waiting kept.
SELECT coalesce(payload ->> 'partial_output', '') AS text, payload -> 'label' AS label
FROM events
WHERE session_id = %(session_id)s AND run_id = %(run_id)s AND type = 'run.waiting'
ORDER BY seq DESC
LIMIT 1
