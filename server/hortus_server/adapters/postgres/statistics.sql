-- name: queued_runs :one
-- How many wait, counted no further than need be.
SELECT count(*) AS counted
FROM (
    SELECT FROM runs
    WHERE tenant_id = %(tenant_id)s AND status = 'queued'
    LIMIT %(at_most)s
) AS queued

-- name: unfinished_runs :many
-- Runs that have not ended, whatever their age.
SELECT status, count(*) AS runs, 0::bigint AS tokens
FROM (
    SELECT status
    FROM runs
    WHERE tenant_id = %(tenant_id)s AND status IN ('queued', 'running', 'waiting')
    LIMIT %(at_most)s
) AS unfinished
GROUP BY status

-- name: finished_runs :many
-- Runs that ended in the window; a run that was created in it and spent tokens ended in it too.
SELECT
    status,
    count(*) AS runs,
    coalesce(sum(total_tokens) FILTER (WHERE created_at >= now() - %(window)s::interval), 0)::bigint AS tokens
FROM (
    SELECT status, total_tokens, created_at
    FROM runs
    WHERE tenant_id = %(tenant_id)s AND finished_at >= now() - %(window)s::interval
    LIMIT %(at_most)s
) AS finished
GROUP BY status

-- name: count_things :one
-- What a tenant has, each counted no further than need be.
SELECT
    (
        SELECT count(*) FROM (
            SELECT FROM agents WHERE tenant_id = %(tenant_id)s LIMIT %(at_most)s
        ) AS a
    ) AS agents,
    (
        SELECT count(*) FROM (
            SELECT FROM sessions WHERE tenant_id = %(tenant_id)s LIMIT %(at_most)s
        ) AS s
    ) AS sessions,
    (
        SELECT count(*) FROM (
            SELECT FROM tools WHERE tenant_id = %(tenant_id)s AND active_version IS NOT NULL LIMIT %(at_most)s
        ) AS t
    ) AS tools_active,
    (
        SELECT count(*) FROM (
            SELECT FROM memories WHERE tenant_id = %(tenant_id)s LIMIT %(at_most)s
        ) AS m
    ) AS memories
