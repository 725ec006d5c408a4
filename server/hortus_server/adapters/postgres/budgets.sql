-- name: allowance :one
-- A tenant's budget beside today's usage, and what of a run's is in it; one row, whether the tenant has a budget or not.
SELECT
    b.tokens_per_day, b.cost_micros_per_day, b.tokens_per_session, b.cost_micros_per_session,
    coalesce(u.runs, 0) AS runs, coalesce(u.tokens, 0) AS tokens, coalesce(u.cost_micros, 0) AS cost_micros,
    coalesce(s.total_tokens, 0) AS session_tokens, coalesce(s.cost_micros, 0) AS session_cost_micros,
    coalesce(r.counted_tokens, 0) AS run_tokens, coalesce(r.counted_cost_micros, 0) AS run_cost_micros,
    extract(
        epoch FROM date_trunc('day', now() AT TIME ZONE 'UTC') + interval '1 day' - (now() AT TIME ZONE 'UTC')
    )::double precision AS day_left_s
FROM (VALUES (%(tenant_id)s::uuid)) AS t (id)
LEFT JOIN tenant_budgets AS b ON b.tenant_id = t.id
LEFT JOIN sessions AS s ON s.tenant_id = t.id AND s.id = %(session_id)s::uuid
LEFT JOIN runs AS r ON r.tenant_id = t.id AND r.id = %(run_id)s::uuid
LEFT JOIN LATERAL (
    SELECT
        sum(d.runs)::bigint AS runs, sum(d.tokens)::bigint AS tokens, sum(d.cost_micros)::bigint AS cost_micros
    FROM tenant_usage AS d
    WHERE d.tenant_id = t.id AND d.day = (now() AT TIME ZONE 'UTC')::date
) AS u ON true

-- name: set_budget :exec
-- One row per tenant.
INSERT INTO tenant_budgets (
    tenant_id, tokens_per_day, cost_micros_per_day, tokens_per_session, cost_micros_per_session
)
VALUES (
    %(tenant_id)s, %(tokens_per_day)s, %(cost_micros_per_day)s, %(tokens_per_session)s, %(cost_micros_per_session)s
)
ON CONFLICT (tenant_id) DO UPDATE SET
    tokens_per_day = excluded.tokens_per_day,
    cost_micros_per_day = excluded.cost_micros_per_day,
    tokens_per_session = excluded.tokens_per_session,
    cost_micros_per_session = excluded.cost_micros_per_session,
    updated_at = now()

-- name: purge_usage :exec
-- Forget what was used on days long gone, so many rows at most.
DELETE FROM tenant_usage
WHERE (tenant_id, day, slot) IN (
    SELECT tenant_id, day, slot
    FROM tenant_usage
    WHERE day < ((now() - %(older_than)s::interval) AT TIME ZONE 'UTC')::date
    ORDER BY day
    LIMIT %(rows)s
)

-- name: run_spending :one
-- The database's fold of what a run has used. Its end may know more than its calls: the estimate of one cut off.
SELECT
    count(*) FILTER (WHERE e.type = 'step.started') AS steps,
    greatest(
        count(*) FILTER (WHERE e.type = 'model.called'), max((e.payload #>> '{spent,model_calls}')::bigint)
    ) AS model_calls,
    count(*) FILTER (
        WHERE e.type = 'tool.called' AND coalesce((e.payload ->> 'attempt')::integer, 1) = 1
    ) AS tool_calls,
    greatest(
        coalesce(
            sum(
                (e.payload #>> '{usage,prompt_tokens}')::bigint + (e.payload #>> '{usage,completion_tokens}')::bigint
            ) FILTER (WHERE e.type = 'model.called'),
            0
        ),
        max((e.payload #>> '{spent,tokens}')::bigint)
    )::bigint AS tokens,
    greatest(
        coalesce(sum((e.payload ->> 'cost_micros')::bigint) FILTER (WHERE e.type = 'model.called'), 0),
        max((e.payload #>> '{spent,cost_micros}')::bigint)
    )::bigint AS cost_micros,
    greatest(
        extract(epoch FROM coalesce(%(finished_at)s::timestamptz, clock_timestamp()) - %(started_at)s::timestamptz), 0
    )::double precision AS elapsed_s
FROM events AS e
WHERE e.session_id = %(session_id)s AND e.run_id = %(run_id)s
    AND e.type IN (
        'step.started', 'model.called', 'tool.called', 'run.succeeded', 'run.failed', 'run.budget_exhausted'
    )
