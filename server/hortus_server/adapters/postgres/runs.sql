-- name: add_run :one
-- A queued run; no row when the tenant has no such session.
INSERT INTO runs (id, tenant_id, session_id, agent_id, agent_version_id, queued_seq, limits, priority, ready)
SELECT
    %(id)s, sessions.tenant_id, sessions.id, %(agent_id)s, %(agent_version_id)s,
    coalesce(%(queued_seq)s::bigint, sessions.last_seq), %(limits)s,
    %(priority)s,
    -- The append before this holds the session's row, so nobody ends a run of it meanwhile.
    NOT EXISTS (
        SELECT FROM runs AS earlier
        WHERE earlier.session_id = sessions.id AND earlier.status IN ('queued', 'running', 'waiting')
    )
FROM sessions
WHERE sessions.tenant_id = %(tenant_id)s AND sessions.id = %(session_id)s
RETURNING
    id, tenant_id, session_id, agent_id, agent_version_id, status, priority, queued_seq, generation, worker_id, lease_until,
    cancel_requested_at, pause_requested_at, waiting_for, rolled_back_at, limits, output, error_code, error_message,
    total_tokens, created_at, started_at, finished_at

-- name: get_run :one
-- By id.
SELECT
    id, tenant_id, session_id, agent_id, agent_version_id, status, priority, queued_seq, generation, worker_id, lease_until,
    cancel_requested_at, pause_requested_at, waiting_for, rolled_back_at, limits, output, error_code, error_message,
    total_tokens, created_at, started_at, finished_at
FROM runs
WHERE tenant_id = %(tenant_id)s AND id = %(run_id)s

-- name: list_runs :page
-- Newest first, filtered by session, agent and status.
SELECT
    id, tenant_id, session_id, agent_id, agent_version_id, status, priority, queued_seq, generation, worker_id, lease_until,
    cancel_requested_at, pause_requested_at, waiting_for, rolled_back_at, limits, output, error_code, error_message,
    total_tokens, created_at, started_at, finished_at
FROM runs
WHERE tenant_id = %(tenant_id)s AND id < %(before)s
    AND (%(session_id)s::uuid IS NULL OR session_id = %(session_id)s)
    AND (%(agent_id)s::uuid IS NULL OR agent_id = %(agent_id)s)
    AND (%(status)s::text IS NULL OR status = %(status)s)
ORDER BY id DESC
LIMIT %(rows)s

-- name: search_runs :page
-- As list_runs, those alone that hold every word in their id, their session's title, what they gave or why they failed;
-- it looks through a bounded number of the newest.
SELECT
    newest.id, newest.tenant_id, newest.session_id, newest.agent_id, newest.agent_version_id, newest.status,
    newest.priority, newest.queued_seq, newest.generation, newest.worker_id, newest.lease_until,
    newest.cancel_requested_at, newest.pause_requested_at, newest.waiting_for, newest.rolled_back_at, newest.limits,
    newest.output, newest.error_code, newest.error_message, newest.total_tokens, newest.created_at, newest.started_at,
    newest.finished_at
FROM (
    SELECT
        id, tenant_id, session_id, agent_id, agent_version_id, status, priority, queued_seq, generation, worker_id,
        lease_until,
        cancel_requested_at, pause_requested_at, waiting_for, rolled_back_at, limits, output, error_code, error_message,
        total_tokens, created_at, started_at, finished_at
    FROM runs
    WHERE tenant_id = %(tenant_id)s AND id < %(before)s
        AND (%(session_id)s::uuid IS NULL OR session_id = %(session_id)s)
        AND (%(agent_id)s::uuid IS NULL OR agent_id = %(agent_id)s)
        AND (%(status)s::text IS NULL OR status = %(status)s)
    ORDER BY id DESC
    LIMIT %(searched)s
) AS newest
JOIN sessions ON sessions.tenant_id = %(tenant_id)s AND sessions.id = newest.session_id
WHERE concat_ws(' ', newest.id, sessions.title, newest.output, newest.error_code, newest.error_message)
    ILIKE ALL (%(patterns)s::text[])
ORDER BY newest.id DESC
LIMIT %(rows)s

-- name: list_steps :many
-- The database's fold of a run's events.
SELECT
    steps.run_id, steps.step, steps.started_at, steps.finished_at, steps.model_calls, steps.tool_calls,
    steps.prompt_tokens, steps.completion_tokens
FROM steps
JOIN runs ON runs.id = steps.run_id AND runs.session_id = steps.session_id
WHERE runs.tenant_id = %(tenant_id)s AND runs.id = %(run_id)s AND steps.session_id = %(session_id)s
ORDER BY steps.step

-- name: claim_run :one
-- Take the run if nobody holds it and no run of its session comes before it; the new generation fences out the last.
-- A stop order keeps queued runs where they are; a run whose worker was lost is taken, to be parked as its log says.
-- A dead worker is looked for until its claims under way have ended: see bury_workers.
WITH under_way AS MATERIALIZED (
    SELECT pg_advisory_xact_lock_shared(hashtextextended(%(worker_id)s::text, 1752134774)) IS NOT NULL AS is_held
)
UPDATE runs AS r
SET
    status = 'running',
    generation = r.generation + 1,
    worker_id = %(worker_id)s,
    lease_until = now() + %(lease)s,
    -- Not the transaction's time: it may have begun before the run ended that this one waited for.
    started_at = coalesce(r.started_at, clock_timestamp())
FROM agent_versions AS v, agents AS a
WHERE r.id = %(run_id)s
    AND (SELECT is_held FROM under_way)
    AND (
        (r.status = 'running' AND r.lease_until < now())
        OR r.status = 'queued' AND (
            r.cancel_requested_at IS NOT NULL
            OR NOT EXISTS (
                SELECT FROM holds AS h
                WHERE h.lifted_at IS NULL
                    AND h.subject_id IN (r.agent_id, r.tenant_id, '00000000-0000-0000-0000-000000000000')
                    AND (h.kind = 'pause' OR r.started_at IS NULL)
            )
        )
    )
    -- With `only_if_next`, a new run gives way where somebody else may have to come first; the choice among them is made
    -- elsewhere. Returning runs wait for none but a limit, and the common case costs a few probes of one index.
    AND (
        NOT %(only_if_next)s::boolean
        OR r.status = 'running'
        OR r.cancel_requested_at IS NOT NULL
        OR NOT EXISTS (
            SELECT FROM tenant_admission AS t
            WHERE t.tenant_id = r.tenant_id AND t.max_concurrent_runs IS NOT NULL
        ) AND (
            r.started_at IS NOT NULL
            OR NOT EXISTS (
                SELECT FROM runs AS o WHERE o.status = 'queued' AND o.ready AND o.id <> r.id
            )
            OR NOT EXISTS (
                SELECT FROM runs AS o
                WHERE o.status = 'queued' AND o.ready
                    AND (
                        CASE WHEN o.started_at IS NOT NULL THEN 0 WHEN o.priority = 'interactive' THEN 1 ELSE 2 END,
                        o.tenant_id
                    ) < (CASE WHEN r.priority = 'interactive' THEN 1 ELSE 2 END, r.tenant_id)
            )
            AND NOT EXISTS (
                SELECT FROM runs AS o
                WHERE o.status = 'queued' AND o.ready
                    AND (CASE WHEN o.started_at IS NOT NULL THEN 0 WHEN o.priority = 'interactive' THEN 1 ELSE 2 END)
                        = (CASE WHEN r.priority = 'interactive' THEN 1 ELSE 2 END)
                    AND o.tenant_id > r.tenant_id
            )
        )
    )
    -- A run that ended stays ended and new runs queue behind, so an old snapshot errs only towards waiting.
    AND NOT EXISTS (
        SELECT FROM runs AS earlier
        WHERE earlier.session_id = r.session_id
            AND earlier.queued_seq < r.queued_seq
            AND earlier.status IN ('queued', 'running', 'waiting')
    )
    AND v.id = r.agent_version_id
    AND a.id = r.agent_id
RETURNING
    r.id, r.tenant_id, r.session_id, r.agent_id, r.agent_version_id, r.status, r.priority, r.queued_seq, r.generation,
    r.worker_id, r.lease_until, r.cancel_requested_at, r.pause_requested_at, r.waiting_for, r.rolled_back_at, r.limits,
    r.output, r.error_code, r.error_message, r.total_tokens, r.created_at, r.started_at, r.finished_at,
    v.spec, a.name AS agent_name, v.version AS agent_version

-- name: renew_leases :many
-- A worker's heartbeat: extend leases that are a third used up, and tell of each run whether to go on with it.
WITH held AS (
    SELECT h.run_id, h.generation, h.place
    FROM unnest(%(run_ids)s::uuid[], %(generations)s::integer[]) WITH ORDINALITY AS h (run_id, generation, place)
),
-- In one order for all, so that two heartbeats cannot wait for each other.
ageing AS MATERIALIZED (
    SELECT r.id
    FROM runs AS r
    JOIN held ON held.run_id = r.id AND held.generation = r.generation
    WHERE r.status = 'running'
        AND r.worker_id = %(worker_id)s
        AND r.lease_until < now() + %(lease)s::interval * 2 / 3
        AND r.lease_until > 'epoch'
    ORDER BY r.id
    FOR NO KEY UPDATE OF r
),
extended AS (
    UPDATE runs AS r
    SET lease_until = now() + %(lease)s::interval
    FROM ageing
    WHERE r.id = ageing.id
)
SELECT
    held.run_id,
    held.generation,
    coalesce(
        r.status = 'running' AND r.generation = held.generation AND r.worker_id = %(worker_id)s
            AND r.lease_until > 'epoch',
        false
    ) AS owned,
    r.cancel_requested_at IS NOT NULL AS cancel_requested,
    r.cancel_reason,
    CASE WHEN r.pause_requested_at IS NOT NULL THEN r.pause_reason WHEN h.kind = 'pause' THEN h.reason END
        AS pause_reason,
    CASE WHEN h.kind = 'freeze' THEN h.reason END AS freeze_reason,
    CASE WHEN r.pause_requested_at IS NULL THEN h.id END AS order_id
FROM held
LEFT JOIN runs AS r ON r.id = held.run_id
LEFT JOIN LATERAL (
    SELECT holds.id, holds.kind, holds.reason
    FROM holds
    WHERE holds.lifted_at IS NULL
        AND holds.subject_id IN (r.agent_id, r.tenant_id, '00000000-0000-0000-0000-000000000000')
    ORDER BY holds.kind DESC
    LIMIT 1
) AS h ON true
ORDER BY held.place

-- name: release_run :exec
-- End a lease before its time; the mark of an ended lease keeps a late heartbeat from renewing it.
UPDATE runs
SET lease_until = 'epoch'
WHERE tenant_id = %(tenant_id)s AND id = %(run_id)s AND generation = %(generation)s AND status = 'running'

-- name: request_cancel :one
-- Mark for cancellation; the first reason stays. No row for a run that ended.
UPDATE runs
SET
    cancel_requested_at = coalesce(cancel_requested_at, now()),
    cancel_reason = coalesce(cancel_reason, %(reason)s)
WHERE tenant_id = %(tenant_id)s AND id = %(run_id)s AND status IN ('queued', 'running', 'waiting')
RETURNING
    id, tenant_id, session_id, agent_id, agent_version_id, status, priority, queued_seq, generation, worker_id, lease_until,
    cancel_requested_at, pause_requested_at, waiting_for, rolled_back_at, limits, output, error_code, error_message,
    total_tokens, created_at, started_at, finished_at

-- name: finish_run :exec
-- Project a terminal event; what the event does not say is folded from the log. Counts the run's usage for its session
-- and, less what was counted call by call, its tenant's day. Nobody needs to decide anything about it any more.
WITH ended AS (
    UPDATE runs AS r
    SET
        status = %(status)s,
        lease_until = NULL,
        waiting_for = NULL,
        output = coalesce(
            %(output)s,
            (
                SELECT e.payload ->> 'content'
                FROM events AS e
                WHERE e.session_id = %(session_id)s AND e.run_id = %(run_id)s AND e.type = 'message.completed'
                ORDER BY e.seq DESC
                LIMIT 1
            )
        ),
        error_code = %(error_code)s,
        error_message = %(error_message)s,
        total_tokens = coalesce(
            %(total_tokens)s,
            (
                SELECT sum(
                    coalesce((e.payload #>> '{usage,prompt_tokens}')::bigint, 0)
                    + coalesce((e.payload #>> '{usage,completion_tokens}')::bigint, 0)
                )
                FROM events AS e
                WHERE e.session_id = %(session_id)s AND e.run_id = %(run_id)s AND e.type = 'model.called'
            ),
            0
        ),
        cost_micros = coalesce(
            %(cost_micros)s,
            (
                SELECT sum(coalesce((e.payload ->> 'cost_micros')::bigint, 0))
                FROM events AS e
                WHERE e.session_id = %(session_id)s AND e.run_id = %(run_id)s AND e.type = 'model.called'
            ),
            0
        ),
        finished_at = ending.at
    FROM (
        -- Where the event was appended in the same message, its time is not known yet, nor whether it was written.
        SELECT coalesce(
            %(finished_at)s::timestamptz,
            (
                SELECT e.at
                FROM events AS e
                WHERE e.session_id = %(session_id)s AND e.run_id = %(run_id)s AND e.type = %(type)s
                ORDER BY e.seq DESC
                LIMIT 1
            )
        ) AS at
    ) AS ending
    WHERE ending.at IS NOT NULL
        AND r.id = %(run_id)s
        AND r.session_id = %(session_id)s
        AND CASE
            WHEN %(generation)s::integer IS NULL THEN r.status IN ('queued', 'waiting')
            ELSE r.status = 'running' AND r.generation = %(generation)s
        END
    RETURNING
        r.id, r.tenant_id, r.session_id, r.total_tokens, r.cost_micros, r.finished_at,
        r.total_tokens - r.counted_tokens AS uncounted_tokens,
        r.cost_micros - r.counted_cost_micros AS uncounted_cost_micros
), unanswered AS (
    UPDATE approvals AS a
    SET status = 'cancelled', closed_at = clock_timestamp()
    FROM ended
    WHERE a.run_id = ended.id AND a.status = 'pending'
), unwoken AS (
    DELETE FROM timers
    USING ended
    WHERE timers.run_id = ended.id
), counted AS (
    UPDATE sessions AS s
    SET total_tokens = s.total_tokens + ended.total_tokens, cost_micros = s.cost_micros + ended.cost_micros
    FROM ended
    WHERE s.id = ended.session_id AND ended.total_tokens + ended.cost_micros > 0
)
INSERT INTO tenant_usage AS u (tenant_id, day, slot, runs, tokens, cost_micros)
SELECT
    ended.tenant_id, (ended.finished_at AT TIME ZONE 'UTC')::date, mod(abs(hashtext(ended.id::text)::bigint), 16),
    1, ended.uncounted_tokens, ended.uncounted_cost_micros
FROM ended
ON CONFLICT (tenant_id, day, slot) DO UPDATE SET
    runs = u.runs + 1, tokens = u.tokens + excluded.tokens, cost_micros = u.cost_micros + excluded.cost_micros
