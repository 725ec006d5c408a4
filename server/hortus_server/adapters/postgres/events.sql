-- name: append_events :many
-- Take the next numbers of the log under the lock of the session's row, and write the events.
WITH head AS (
    UPDATE sessions
    SET last_seq = last_seq + cardinality(%(types)s::text[]), updated_at = now()
    WHERE tenant_id = %(tenant_id)s AND id = %(session_id)s
    -- Not now(): time must not run backwards along the log, and a transaction may have begun before the last append.
    RETURNING id, tenant_id, last_seq - cardinality(%(types)s::text[]) AS base, clock_timestamp() AS written_at
)
INSERT INTO events (session_id, seq, tenant_id, run_id, step, type, at, payload)
SELECT
    head.id, head.base + n.place, head.tenant_id, %(run_id)s, n.step, n.type,
    coalesce(n.at, head.written_at), n.payload::jsonb
FROM head, unnest(
    %(steps)s::integer[], %(types)s::text[], %(ats)s::timestamptz[], %(payloads)s::text[]
) WITH ORDINALITY AS n (step, type, at, payload, place)
ORDER BY n.place
RETURNING
    seq, at,
    -- Whether `owe_deliveries` has anything to do; nearly always not.
    EXISTS (SELECT FROM webhooks AS w WHERE w.tenant_id = %(tenant_id)s AND w.enabled) AS watched,
    false AS bounded

-- name: append_fenced :many
-- The same for a worker: the run's row is locked first, and no row is written unless it runs under this generation.
WITH fence AS MATERIALIZED (
    SELECT runs.session_id
    FROM runs
    WHERE runs.id = %(run_id)s
        AND runs.tenant_id = %(tenant_id)s
        AND runs.session_id = %(session_id)s
        AND runs.generation = %(generation)s
        AND runs.status = 'running'
    FOR NO KEY UPDATE
),
head AS (
    UPDATE sessions
    SET last_seq = last_seq + cardinality(%(types)s::text[]), updated_at = now()
    FROM fence
    WHERE sessions.tenant_id = %(tenant_id)s AND sessions.id = fence.session_id
    RETURNING
        sessions.id, sessions.tenant_id, last_seq - cardinality(%(types)s::text[]) AS base,
        clock_timestamp() AS written_at
)
INSERT INTO events (session_id, seq, tenant_id, run_id, step, type, at, payload)
SELECT
    head.id, head.base + n.place, head.tenant_id, %(run_id)s, n.step, n.type,
    coalesce(n.at, head.written_at), n.payload::jsonb
FROM head, unnest(
    %(steps)s::integer[], %(types)s::text[], %(ats)s::timestamptz[], %(payloads)s::text[]
) WITH ORDINALITY AS n (step, type, at, payload, place)
ORDER BY n.place
RETURNING
    seq, at,
    -- Whether `owe_deliveries` has anything to do; nearly always not.
    EXISTS (SELECT FROM webhooks AS w WHERE w.tenant_id = %(tenant_id)s AND w.enabled) AS watched,
    -- The same for `count_calls`.
    %(calls)s::boolean AND EXISTS (SELECT FROM tenant_budgets AS b WHERE b.tenant_id = %(tenant_id)s) AS bounded

-- name: count_calls :exec
-- Usage of a run under way counts for its tenant's day, in the transaction of its events; the run's row remembers how
-- much, for its end. The append before this has locked that row.
WITH counted AS (
    UPDATE runs AS r
    SET
        counted_tokens = r.counted_tokens + %(tokens)s,
        counted_cost_micros = r.counted_cost_micros + %(cost_micros)s
    WHERE r.tenant_id = %(tenant_id)s AND r.id = %(run_id)s AND r.generation = %(generation)s
    RETURNING r.id, r.tenant_id
)
INSERT INTO tenant_usage AS u (tenant_id, day, slot, runs, tokens, cost_micros)
SELECT
    counted.tenant_id, (%(at)s::timestamptz AT TIME ZONE 'UTC')::date, mod(abs(hashtext(counted.id::text)::bigint), 16),
    0, %(tokens)s, %(cost_micros)s
FROM counted
ON CONFLICT (tenant_id, day, slot) DO UPDATE SET
    tokens = u.tokens + excluded.tokens, cost_micros = u.cost_micros + excluded.cost_micros

-- name: owe_deliveries :exec
-- The outbox of webhooks, in the transaction of the events: committed with them or not at all.
INSERT INTO webhook_deliveries (tenant_id, webhook_id, session_id, seq, event_type, next_attempt_at)
SELECT w.tenant_id, w.id, e.session_id, e.seq, e.type, clock_timestamp()
FROM events AS e
JOIN sessions AS s ON s.id = e.session_id
JOIN webhooks AS w ON w.tenant_id = e.tenant_id
WHERE e.tenant_id = %(tenant_id)s
    AND e.session_id = %(session_id)s
    AND e.seq BETWEEN %(first)s AND %(last)s
    AND w.enabled
    AND (w.agent_id IS NULL OR w.agent_id = s.agent_id)
    AND w.events && ARRAY[e.type, split_part(e.type, '.', 1) || '.*', '*']

-- name: session_exists :one
-- Why an append wrote nothing.
SELECT id
FROM sessions
WHERE tenant_id = %(tenant_id)s AND id = %(session_id)s

-- name: list_events :many
-- The log after a cursor.
SELECT session_id, seq, run_id, step, type, at, payload
FROM events
WHERE tenant_id = %(tenant_id)s AND session_id = %(session_id)s AND seq > %(after)s
    AND type = ANY(%(known)s)
ORDER BY seq
LIMIT %(rows)s

-- name: earlier_events :many
-- What was said, and which tools were bound, before a run: by the runs queued before it, in the conversation's order.
-- Runs that were rolled back are no part of the conversation; what a fork copied belongs to no run and comes first.
SELECT recent.session_id, recent.seq, recent.run_id, recent.step, recent.type, recent.at, recent.payload
FROM (
    SELECT e.session_id, e.seq, e.run_id, e.step, e.type, e.at, e.payload, other.queued_seq
    FROM runs AS own
    JOIN events AS e ON e.session_id = own.session_id
    LEFT JOIN runs AS other ON other.id = e.run_id AND other.session_id = e.session_id
    WHERE own.tenant_id = %(tenant_id)s
        AND own.id = %(run_id)s
        AND own.session_id = %(session_id)s
        AND e.session_id = %(session_id)s
        AND e.type IN (
            'message.created', 'message.completed', 'run.cancelled', 'run.budget_exhausted',
            'capability.activated', 'capability.reused', 'capability.disabled'
        )
        AND CASE
            WHEN e.run_id IS NULL THEN e.seq < own.queued_seq
            ELSE other.queued_seq < own.queued_seq AND other.rolled_back_at IS NULL
        END
    ORDER BY e.seq DESC
    LIMIT %(rows)s
) AS recent
ORDER BY coalesce(recent.queued_seq, 0), recent.seq

-- name: run_events :many
-- A run's own events after a cursor.
SELECT session_id, seq, run_id, step, type, at, payload
FROM events
WHERE tenant_id = %(tenant_id)s AND session_id = %(session_id)s AND run_id = %(run_id)s AND seq > %(after)s
    AND type = ANY(%(known)s)
ORDER BY seq
LIMIT %(rows)s
