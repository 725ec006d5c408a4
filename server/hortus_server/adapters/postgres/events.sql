-- name: append_events :many
-- Take the next numbers of the log under the lock of the session's row, and write the events.
WITH head AS (
    UPDATE sessions
    SET last_seq = last_seq + cardinality(%(types)s::text[]), updated_at = now()
    WHERE tenant_id = %(tenant_id)s AND id = %(session_id)s
    -- Not now(): a transaction may have begun before the last append.
    RETURNING
        id, tenant_id, agent_id, last_seq - cardinality(%(types)s::text[]) AS base, clock_timestamp() AS written_at
),
written AS (
    INSERT INTO events (session_id, seq, tenant_id, run_id, step, type, at, payload)
    SELECT
        head.id, head.base + n.place, head.tenant_id, %(run_id)s, n.step, n.type,
        coalesce(n.at, head.written_at), n.payload::jsonb
    FROM head, unnest(
        %(steps)s::integer[], %(types)s::text[], %(ats)s::timestamptz[], %(payloads)s::text[]
    ) WITH ORDINALITY AS n (step, type, at, payload, place)
    ORDER BY n.place
    RETURNING seq, at, type
),
-- The outbox of webhooks: committed with the events or not at all.
owed AS (
    INSERT INTO webhook_deliveries (tenant_id, webhook_id, session_id, seq, event_type, next_attempt_at)
    SELECT w.tenant_id, w.id, head.id, written.seq, written.type, clock_timestamp()
    FROM head
    JOIN webhooks AS w ON w.tenant_id = head.tenant_id AND w.enabled
    JOIN written ON w.events && ARRAY[written.type, split_part(written.type, '.', 1) || '.*', '*']
    WHERE w.agent_id IS NULL OR w.agent_id = head.agent_id
)
SELECT seq, at FROM written ORDER BY seq

-- name: append_fenced :many
-- The same for a worker: the run's row is locked first, and nothing is written unless it runs under this generation and,
-- where `after` is given, nobody else has written since. Without events there is one row, which says why.
WITH fence AS MATERIALIZED (
    SELECT runs.id
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
    WHERE sessions.tenant_id = %(tenant_id)s
        AND sessions.id = %(session_id)s
        AND (%(after)s::bigint IS NULL OR sessions.last_seq = %(after)s)
    RETURNING
        sessions.id, sessions.tenant_id, sessions.agent_id, last_seq - cardinality(%(types)s::text[]) AS base,
        clock_timestamp() AS written_at
),
written AS (
    INSERT INTO events (session_id, seq, tenant_id, run_id, step, type, at, payload)
    SELECT
        head.id, head.base + n.place, head.tenant_id, %(run_id)s, n.step, n.type,
        coalesce(n.at, head.written_at), n.payload::jsonb
    FROM head, unnest(
        %(steps)s::integer[], %(types)s::text[], %(ats)s::timestamptz[], %(payloads)s::text[]
    ) WITH ORDINALITY AS n (step, type, at, payload, place)
    ORDER BY n.place
    RETURNING seq, at, type
),
owed AS (
    INSERT INTO webhook_deliveries (tenant_id, webhook_id, session_id, seq, event_type, next_attempt_at)
    SELECT w.tenant_id, w.id, head.id, written.seq, written.type, clock_timestamp()
    FROM head
    JOIN webhooks AS w ON w.tenant_id = head.tenant_id AND w.enabled
    JOIN written ON w.events && ARRAY[written.type, split_part(written.type, '.', 1) || '.*', '*']
    WHERE w.agent_id IS NULL OR w.agent_id = head.agent_id
),
-- In a tenant with a budget, usage of a run under way counts for the day at once; the run's row remembers how much, for
-- its end.
counted AS (
    UPDATE runs AS r
    SET
        counted_tokens = r.counted_tokens + %(tokens)s,
        counted_cost_micros = r.counted_cost_micros + %(cost_micros)s
    FROM (SELECT max(written.at) AS at FROM written) AS last
    WHERE %(calls)s::boolean
        AND last.at IS NOT NULL
        AND r.tenant_id = %(tenant_id)s AND r.id = %(run_id)s
        AND EXISTS (SELECT FROM tenant_budgets AS b WHERE b.tenant_id = %(tenant_id)s)
    RETURNING r.id, r.tenant_id, last.at
),
used AS (
    INSERT INTO tenant_usage AS u (tenant_id, day, slot, runs, tokens, cost_micros)
    SELECT
        counted.tenant_id, (counted.at AT TIME ZONE 'UTC')::date, mod(abs(hashtext(counted.id::text)::bigint), 16),
        0, %(tokens)s, %(cost_micros)s
    FROM counted
    ON CONFLICT (tenant_id, day, slot) DO UPDATE SET
        tokens = u.tokens + excluded.tokens, cost_micros = u.cost_micros + excluded.cost_micros
)
SELECT
    written.seq, written.at,
    EXISTS (SELECT FROM fence) AS fenced,
    EXISTS (SELECT FROM sessions WHERE tenant_id = %(tenant_id)s AND id = %(session_id)s) AS known
FROM (VALUES (true)) AS always (row)
LEFT JOIN written ON true
ORDER BY written.seq

-- name: append_started :one
-- The first event under a claim of this very transaction, which its lease tells: it ends so long after the beginning of
-- the transaction that made it. The generation is the claim's. No row where nothing was claimed.
WITH claimed AS MATERIALIZED (
    SELECT r.id, r.tenant_id, r.session_id, r.generation
    FROM runs AS r
    WHERE r.id = %(run_id)s
        AND r.status = 'running'
        AND r.worker_id = %(worker_id)s
        AND r.lease_until = now() + %(lease)s
),
head AS (
    UPDATE sessions
    SET last_seq = last_seq + 1, updated_at = now()
    FROM claimed
    WHERE sessions.tenant_id = claimed.tenant_id AND sessions.id = claimed.session_id
    RETURNING sessions.id, sessions.tenant_id, sessions.agent_id, last_seq AS seq, claimed.generation
),
written AS (
    INSERT INTO events (session_id, seq, tenant_id, run_id, step, type, at, payload)
    SELECT
        head.id, head.seq, head.tenant_id, %(run_id)s, 0, %(type)s, clock_timestamp(),
        %(payload)s::jsonb || jsonb_build_object('generation', head.generation)
    FROM head
    RETURNING session_id, seq, run_id, step, type, at, payload
),
owed AS (
    INSERT INTO webhook_deliveries (tenant_id, webhook_id, session_id, seq, event_type, next_attempt_at)
    SELECT w.tenant_id, w.id, head.id, written.seq, written.type, clock_timestamp()
    FROM head
    JOIN webhooks AS w ON w.tenant_id = head.tenant_id AND w.enabled
    JOIN written ON w.events && ARRAY[written.type, split_part(written.type, '.', 1) || '.*', '*']
    WHERE w.agent_id IS NULL OR w.agent_id = head.agent_id
)
SELECT session_id, seq, run_id, step, type, at, payload FROM written

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
    WHERE own.id = %(run_id)s
        -- A worker that claims a run learns only by that whose it is.
        AND (%(tenant_id)s::uuid IS NULL OR own.tenant_id = %(tenant_id)s)
        AND (%(session_id)s::uuid IS NULL OR own.session_id = %(session_id)s)
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

-- name: claimed_events :many
-- The first of a run's own events, in whichever session it is.
SELECT e.session_id, e.seq, e.run_id, e.step, e.type, e.at, e.payload
FROM runs AS own
JOIN events AS e ON e.session_id = own.session_id AND e.run_id = own.id
WHERE own.id = %(run_id)s AND e.type = ANY(%(known)s)
ORDER BY e.seq
LIMIT %(rows)s

-- name: run_events :many
-- A run's own events after a cursor.
SELECT session_id, seq, run_id, step, type, at, payload
FROM events
WHERE tenant_id = %(tenant_id)s AND session_id = %(session_id)s AND run_id = %(run_id)s AND seq > %(after)s
    AND type = ANY(%(known)s)
ORDER BY seq
LIMIT %(rows)s
