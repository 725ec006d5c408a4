-- name: take_due :one
-- The longest due schedule that nobody else fires at this moment, held until the commit.
SELECT
    id, tenant_id, name, timing, agent_id, agent_version, session_id, input, limits, catch_up, catch_up_limit,
    overlap, next_due_at, paused_at, created_at, updated_at
FROM schedules
WHERE next_due_at <= %(now)s
ORDER BY next_due_at
LIMIT 1
FOR NO KEY UPDATE SKIP LOCKED

-- name: record_firing :exec
-- Take a due time; no row when it was dealt with before.
INSERT INTO schedule_firings (schedule_id, tenant_id, due_at, fired_at, outcome, run_id, reason)
VALUES (%(schedule_id)s, %(tenant_id)s, %(due_at)s, %(fired_at)s, %(outcome)s, %(run_id)s, %(reason)s)
ON CONFLICT DO NOTHING

-- name: attach_run :exec
-- Name the run of a due time.
UPDATE schedule_firings
SET run_id = %(run_id)s
WHERE schedule_id = %(schedule_id)s AND due_at = %(due_at)s

-- name: move_on :exec
-- When it is due next.
UPDATE schedules
SET next_due_at = %(next_due_at)s
WHERE id = %(schedule_id)s

-- name: unfinished_runs :many
-- Runs of the last firings that have not ended; how far it looks back is bounded, so that history costs nothing.
SELECT runs.id, runs.session_id
FROM (
    SELECT run_id, due_at
    FROM schedule_firings
    WHERE schedule_id = %(schedule_id)s
    ORDER BY due_at DESC
    LIMIT %(rows)s
) AS latest
JOIN runs ON runs.id = latest.run_id
WHERE runs.status IN ('queued', 'running', 'waiting')
ORDER BY latest.due_at DESC

-- name: purge_firings :exec
-- Forget what became of due times long ago.
DELETE FROM schedule_firings
WHERE (schedule_id, due_at) IN (
    SELECT schedule_id, due_at
    FROM schedule_firings
    WHERE fired_at < now() - %(older_than)s::interval
    ORDER BY fired_at
    LIMIT %(rows)s
)
