-- name: take_due :many
-- Hold due deliveries, a few of each endpoint, so that one that does not answer holds up no other.
WITH due AS (
    SELECT next.id, next.next_attempt_at
    FROM webhooks AS w
    CROSS JOIN LATERAL (
        SELECT d.id, d.next_attempt_at
        FROM webhook_deliveries AS d
        WHERE d.webhook_id = w.id AND d.state IN ('pending', 'sending') AND d.next_attempt_at <= %(now)s
        ORDER BY d.next_attempt_at
        LIMIT greatest(0, %(per_webhook)s - (
            SELECT count(*)
            FROM webhook_deliveries AS held
            WHERE held.webhook_id = w.id AND held.state = 'sending' AND held.next_attempt_at > %(now)s
        ))
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS next
    WHERE w.enabled
    ORDER BY next.next_attempt_at
    LIMIT %(rows)s
),
taken AS (
    UPDATE webhook_deliveries AS d
    SET state = 'sending', attempts = d.attempts + 1, next_attempt_at = %(now)s::timestamptz + %(lease)s::interval
    FROM due
    WHERE d.id = due.id
    RETURNING d.id, d.tenant_id, d.webhook_id, d.session_id, d.seq, d.attempts, d.attempts_before, due.next_attempt_at
)
SELECT
    taken.id, taken.tenant_id, taken.webhook_id, taken.session_id, taken.seq, taken.attempts,
    taken.attempts - taken.attempts_before AS round_attempts, w.url, w.failing_since, w.secret,
    CASE WHEN w.previous_secret_until > %(now)s THEN w.previous_secret END AS previous_secret
FROM taken
JOIN webhooks AS w ON w.id = taken.webhook_id
ORDER BY taken.next_attempt_at

-- name: record_attempt :exec
-- What an attempt made of its delivery, with its log; nothing when another sender has taken over.
WITH ended AS (
    UPDATE webhook_deliveries
    SET
        state = %(state)s,
        next_attempt_at = %(next_attempt_at)s,
        finished_at = CASE WHEN %(next_attempt_at)s::timestamptz IS NULL THEN %(at)s::timestamptz END,
        last_status = %(status)s,
        last_error = %(error)s
    WHERE id = %(delivery_id)s AND attempts = %(attempt)s AND state = 'sending'
    RETURNING tenant_id, id, attempts
)
INSERT INTO webhook_attempts (tenant_id, delivery_id, attempt, at, latency_ms, status, error, response_excerpt)
SELECT tenant_id, id, attempts, %(at)s, %(latency_ms)s, %(status)s, %(error)s, %(response_excerpt)s
FROM ended

-- name: get_delivery :one
-- By id.
SELECT
    id, tenant_id, webhook_id, session_id, seq, event_type, state, attempts, next_attempt_at, created_at, finished_at,
    last_status, last_error
FROM webhook_deliveries
WHERE tenant_id = %(tenant_id)s AND webhook_id = %(webhook_id)s AND id = %(delivery_id)s

-- name: list_deliveries :page
-- Newest first, of one state or of all.
SELECT
    id, tenant_id, webhook_id, session_id, seq, event_type, state, attempts, next_attempt_at, created_at, finished_at,
    last_status, last_error
FROM webhook_deliveries
WHERE tenant_id = %(tenant_id)s AND webhook_id = %(webhook_id)s AND (created_at, id) < (%(before_at)s, %(before)s)
    AND (%(state)s::text IS NULL OR state = %(state)s)
ORDER BY created_at DESC, id DESC
LIMIT %(rows)s

-- name: list_attempts :many
-- The log of a delivery, in order.
SELECT attempt, at, latency_ms, status, error, response_excerpt
FROM webhook_attempts
WHERE tenant_id = %(tenant_id)s AND delivery_id = %(delivery_id)s
ORDER BY attempt

-- name: replay_delivery :one
-- Due now, with its retries anew; no row while it is being sent.
UPDATE webhook_deliveries
SET state = 'pending', next_attempt_at = %(now)s, attempts_before = attempts, finished_at = NULL
WHERE tenant_id = %(tenant_id)s AND webhook_id = %(webhook_id)s AND id = %(delivery_id)s
    AND NOT (state = 'sending' AND next_attempt_at > %(now)s)
RETURNING
    id, tenant_id, webhook_id, session_id, seq, event_type, state, attempts, next_attempt_at, created_at, finished_at,
    last_status, last_error

-- name: replay_dead :exec
-- The same for dead deliveries of an endpoint, the oldest first.
UPDATE webhook_deliveries
SET state = 'pending', next_attempt_at = %(now)s, attempts_before = attempts, finished_at = NULL
WHERE id IN (
    SELECT id
    FROM webhook_deliveries
    WHERE tenant_id = %(tenant_id)s AND webhook_id = %(webhook_id)s AND state = 'dead'
    ORDER BY created_at, id
    LIMIT %(rows)s
    FOR NO KEY UPDATE SKIP LOCKED
)

-- name: purge_deliveries :exec
-- Forget deliveries that ended long ago, with their logs.
DELETE FROM webhook_deliveries
WHERE id IN (
    SELECT id
    FROM webhook_deliveries
    WHERE finished_at < now() - %(older_than)s::interval
    ORDER BY finished_at
    LIMIT %(rows)s
)
