-- name: add_schedule :one
-- No row when the tenant has a schedule of this name.
INSERT INTO schedules (
    id, tenant_id, name, timing, agent_id, agent_version, session_id, input, limits, catch_up, catch_up_limit,
    overlap, next_due_at, paused_at, created_at, updated_at
)
VALUES (
    %(id)s, %(tenant_id)s, %(name)s, %(timing)s, %(agent_id)s, %(agent_version)s, %(session_id)s, %(input)s,
    %(limits)s, %(catch_up)s, %(catch_up_limit)s, %(overlap)s, %(next_due_at)s, %(paused_at)s, %(created_at)s,
    %(updated_at)s
)
ON CONFLICT (tenant_id, name) DO NOTHING
RETURNING
    id, tenant_id, name, timing, agent_id, agent_version, session_id, input, limits, catch_up, catch_up_limit,
    overlap, next_due_at, paused_at, created_at, updated_at

-- name: get_schedule :one
-- By id.
SELECT
    id, tenant_id, name, timing, agent_id, agent_version, session_id, input, limits, catch_up, catch_up_limit,
    overlap, next_due_at, paused_at, created_at, updated_at
FROM schedules
WHERE tenant_id = %(tenant_id)s AND id = %(schedule_id)s

-- name: hold_schedule :one
-- By id, held until the commit: whoever fires it waits or passes by.
SELECT
    id, tenant_id, name, timing, agent_id, agent_version, session_id, input, limits, catch_up, catch_up_limit,
    overlap, next_due_at, paused_at, created_at, updated_at
FROM schedules
WHERE tenant_id = %(tenant_id)s AND id = %(schedule_id)s
FOR NO KEY UPDATE

-- name: list_schedules :many
-- Newest first.
SELECT
    id, tenant_id, name, timing, agent_id, agent_version, session_id, input, limits, catch_up, catch_up_limit,
    overlap, next_due_at, paused_at, created_at, updated_at
FROM schedules
WHERE tenant_id = %(tenant_id)s AND id < %(before)s
ORDER BY id DESC
LIMIT %(rows)s

-- name: change_schedule :one
-- Write all that may change.
UPDATE schedules
SET
    name = %(name)s,
    timing = %(timing)s,
    agent_version = %(agent_version)s,
    session_id = %(session_id)s,
    input = %(input)s,
    limits = %(limits)s,
    catch_up = %(catch_up)s,
    catch_up_limit = %(catch_up_limit)s,
    overlap = %(overlap)s,
    next_due_at = %(next_due_at)s,
    paused_at = %(paused_at)s,
    updated_at = %(updated_at)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s
RETURNING
    id, tenant_id, name, timing, agent_id, agent_version, session_id, input, limits, catch_up, catch_up_limit,
    overlap, next_due_at, paused_at, created_at, updated_at

-- name: delete_schedule :exec
-- The schedule; its firings go with it, their runs stay.
DELETE FROM schedules
WHERE tenant_id = %(tenant_id)s AND id = %(schedule_id)s

-- name: list_firings :many
-- What became of a schedule's due times, the latest first.
SELECT schedule_id, due_at, fired_at, outcome, run_id, reason
FROM schedule_firings
WHERE tenant_id = %(tenant_id)s AND schedule_id = %(schedule_id)s AND due_at < %(before_at)s
ORDER BY due_at DESC
LIMIT %(rows)s
