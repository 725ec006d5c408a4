-- name: unfinished_runs :many
-- Runs that have not ended, whatever their age.
SELECT status, count(*) AS runs, 0::bigint AS tokens, 0::bigint AS cost_micros, 0::bigint AS reclaimed
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
    coalesce(sum(total_tokens) FILTER (WHERE created_at >= now() - %(window)s::interval), 0)::bigint AS tokens,
    coalesce(sum(cost_micros) FILTER (WHERE created_at >= now() - %(window)s::interval), 0)::bigint AS cost_micros,
    count(*) FILTER (WHERE generation > 1) AS reclaimed
FROM (
    SELECT status, total_tokens, cost_micros, generation, created_at
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

-- name: history :many
-- Periods of equal width up to now, each with what ended in it. A day is one of UTC, as the session's zone is.
WITH ended AS MATERIALIZED (
    SELECT
        r.id, r.status, r.generation, r.total_tokens, r.cost_micros,
        date_trunc(%(width)s, r.finished_at) AS period,
        extract(epoch FROM r.finished_at - r.started_at)::double precision AS took_s
    FROM runs AS r
    WHERE r.tenant_id = %(tenant_id)s
        AND r.finished_at >= date_trunc(%(width)s, now()) - %(reach)s::interval
    ORDER BY r.finished_at DESC
    LIMIT %(at_most)s
),
runs_of AS (
    SELECT
        period,
        count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
        count(*) FILTER (WHERE status = 'failed') AS failed,
        count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
        count(*) FILTER (WHERE status = 'budget_exhausted') AS budget_exhausted,
        count(*) FILTER (WHERE generation > 1) AS reclaimed,
        sum(total_tokens)::bigint AS tokens,
        sum(cost_micros)::bigint AS cost_micros,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY took_s) AS took_p50_s,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY took_s) AS took_p95_s
    FROM ended
    GROUP BY period
),
uses_of AS (
    SELECT
        ended.period,
        count(DISTINCT u.run_id) AS tool_runs,
        count(*) AS tool_uses,
        count(*) FILTER (WHERE NOT u.ok) AS tool_failures
    FROM ended
    JOIN tool_uses AS u ON u.run_id = ended.id
    GROUP BY ended.period
),
first_active AS MATERIALIZED (
    SELECT min(activated_at) AS at
    FROM tool_versions
    WHERE tenant_id = %(tenant_id)s AND activated_at IS NOT NULL
    GROUP BY tool_id
),
new_tools AS (
    SELECT greatest(date_trunc(%(width)s, at), date_trunc(%(width)s, now()) - %(reach)s::interval) AS period, count(*)
    FROM first_active
    GROUP BY 1
)
SELECT
    p.at,
    coalesce(r.succeeded, 0) AS succeeded,
    coalesce(r.failed, 0) AS failed,
    coalesce(r.cancelled, 0) AS cancelled,
    coalesce(r.budget_exhausted, 0) AS budget_exhausted,
    coalesce(r.reclaimed, 0) AS reclaimed,
    coalesce(r.tokens, 0) AS tokens,
    coalesce(r.cost_micros, 0) AS cost_micros,
    r.took_p50_s,
    r.took_p95_s,
    coalesce(u.tool_runs, 0) AS tool_runs,
    coalesce(u.tool_uses, 0) AS tool_uses,
    coalesce(u.tool_failures, 0) AS tool_failures,
    coalesce(sum(n.count) OVER (ORDER BY p.at), 0)::bigint AS tools
FROM generate_series(
    date_trunc(%(width)s, now()) - %(reach)s::interval, date_trunc(%(width)s, now()), %(step)s::interval
) AS p (at)
LEFT JOIN runs_of AS r ON r.period = p.at
LEFT JOIN uses_of AS u ON u.period = p.at
LEFT JOIN new_tools AS n ON n.period = p.at
ORDER BY p.at

-- name: tool_uses :many
-- The latest uses of each of its versions by their index, and of those the latest.
SELECT u.at, v.version, u.ok, r.id AS run_id, r.session_id, r.agent_id
FROM tool_versions AS v
CROSS JOIN LATERAL (
    SELECT run_id, call_id, ok, at
    FROM tool_uses
    WHERE tenant_id = v.tenant_id AND tool_version_id = v.id
    ORDER BY at DESC
    LIMIT %(rows)s
) AS u
JOIN runs AS r ON r.id = u.run_id
WHERE v.tenant_id = %(tenant_id)s AND v.tool_id = %(tool_id)s
ORDER BY u.at DESC, u.call_id
LIMIT %(rows)s
