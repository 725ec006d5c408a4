-- name: take_turn :one
-- One at a time decides what its message does to the runs of a session. Keys of two numbers never meet those of workers.
SELECT pg_advisory_xact_lock(%(space)s::integer, hashtext(%(session_id)s::text)) IS NOT NULL AS taken

-- name: lock_unfinished :many
-- In the order in which everybody locks runs, and before anybody's session.
SELECT
    id, tenant_id, session_id, agent_id, agent_version_id, status, priority, queued_seq, generation, worker_id,
    lease_until, cancel_requested_at, pause_requested_at, waiting_for, rolled_back_at, limits, output, error_code,
    error_message, total_tokens, created_at, started_at, finished_at
FROM runs
WHERE tenant_id = %(tenant_id)s AND session_id = %(session_id)s AND status IN ('queued', 'running', 'waiting')
ORDER BY id
FOR NO KEY UPDATE

-- name: count_steer :exec
-- One more message, unless there were too many.
UPDATE runs
SET steers = steers + 1
WHERE tenant_id = %(tenant_id)s AND id = %(run_id)s AND steers < %(at_most)s

-- name: mark_rolled_back :exec
-- Project a run.rolled_back that is in the log already; what the run noted is forgotten with it.
WITH forgotten AS (
    DELETE FROM memories WHERE tenant_id = %(tenant_id)s AND run_id = %(run_id)s
)
UPDATE runs
SET rolled_back_at = coalesce(rolled_back_at, now())
WHERE tenant_id = %(tenant_id)s AND id = %(run_id)s
