-- name: measure_fork :one
-- Which part of a conversation a fork takes along: the newest events up to a place that fit, and whether any do not.
SELECT
    min(e.seq) FILTER (WHERE e.place <= %(rows)s AND e.bytes <= %(bytes)s) AS first_seq,
    count(*) FILTER (WHERE e.place <= %(rows)s AND e.bytes <= %(bytes)s) AS events,
    count(*) FILTER (WHERE e.place > %(rows)s OR e.bytes > %(bytes)s) > 0
    OR EXISTS (
        SELECT FROM sessions WHERE tenant_id = %(tenant_id)s AND id = %(session_id)s AND purged_seq > 0
    ) AS left_out
FROM (
    SELECT
        recent.seq,
        row_number() OVER (ORDER BY recent.seq DESC) AS place,
        sum(recent.size) OVER (ORDER BY recent.seq DESC) AS bytes
    FROM (
        SELECT seq, pg_column_size(payload) AS size
        FROM events
        WHERE tenant_id = %(tenant_id)s AND session_id = %(session_id)s AND seq <= %(at_seq)s
            AND type IN (
                'message.created', 'message.completed', 'run.cancelled', 'run.budget_exhausted',
                'capability.activated', 'capability.reused', 'capability.disabled'
            )
        ORDER BY seq DESC
        LIMIT %(rows)s + 1
    ) AS recent
) AS e

-- name: copy_conversation :exec
-- What was said and bound up to a place, in the conversation's order, at the end of another log. Text that a run had
-- written when it was stopped, or had used up its budget, becomes a message; what belonged to a run belongs to none here;
-- times stay.
WITH said AS MATERIALIZED (
    SELECT
        row_number() OVER (ORDER BY coalesce(other.queued_seq, 0), e.seq) AS place,
        CASE WHEN e.type IN ('run.cancelled', 'run.budget_exhausted') THEN 'message.completed' ELSE e.type END AS type,
        e.at,
        CASE
            WHEN e.type IN ('run.cancelled', 'run.budget_exhausted')
            THEN jsonb_build_object(
                'message_id', gen_random_uuid(), 'content', e.payload ->> 'partial_output', 'label', e.payload -> 'label'
            )
            ELSE e.payload
        END AS payload
    FROM events AS e
    LEFT JOIN runs AS other ON other.id = e.run_id AND other.session_id = e.session_id
    WHERE e.tenant_id = %(tenant_id)s AND e.session_id = %(session_id)s
        AND e.seq BETWEEN %(first_seq)s AND %(at_seq)s
        AND e.type IN (
            'message.created', 'message.completed', 'run.cancelled', 'run.budget_exhausted',
            'capability.activated', 'capability.reused', 'capability.disabled'
        )
        AND (
            e.type NOT IN ('run.cancelled', 'run.budget_exhausted') OR coalesce(e.payload ->> 'partial_output', '') <> ''
        )
        AND (
            other.rolled_back_at IS NULL
            OR NOT EXISTS (
                SELECT FROM events AS undone
                WHERE undone.session_id = e.session_id AND undone.run_id = other.id
                    AND undone.type = 'run.rolled_back' AND undone.seq <= %(at_seq)s
            )
        )
),
head AS (
    UPDATE sessions
    SET last_seq = last_seq + (SELECT count(*) FROM said)
    WHERE tenant_id = %(tenant_id)s AND id = %(into_id)s
    RETURNING id, tenant_id, last_seq - (SELECT count(*) FROM said) AS base
)
INSERT INTO events (session_id, seq, tenant_id, run_id, step, type, at, payload)
SELECT head.id, head.base + said.place, head.tenant_id, NULL, 0, said.type, said.at, said.payload
FROM head, said
ORDER BY said.place
