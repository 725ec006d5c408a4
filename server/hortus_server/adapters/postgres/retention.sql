-- name: old_sessions :many
-- Sessions whose longest ended runs are past the period; the index begins with them.
SELECT DISTINCT old.tenant_id, old.session_id
FROM (
    SELECT r.tenant_id, r.session_id
    FROM runs AS r
    WHERE r.finished_at IS NOT NULL
        AND r.log_kept_since IS DISTINCT FROM 'infinity'
        AND coalesce(r.log_kept_since, r.finished_at) < now() - %(older_than)s::interval
    ORDER BY coalesce(r.log_kept_since, r.finished_at)
    LIMIT %(rows)s
) AS old

-- name: hold_log :one
-- Nobody appends while the place of the cut is looked for; no row where somebody appends right now, or cuts.
SELECT purged_seq, last_seq
FROM sessions
WHERE tenant_id = %(tenant_id)s AND id = %(session_id)s
FOR NO KEY UPDATE SKIP LOCKED

-- name: find_cut :one
-- Up to where the log can go without cutting a run in two: the last such place within so many rows, else the first.
WITH spans AS (
    SELECT
        r.queued_seq,
        of_run.first_seq,
        of_run.last_seq,
        coalesce(r.finished_at >= now() - %(older_than)s::interval, true)
        -- What is owed needs the events.
        OR EXISTS (SELECT FROM jobs AS j WHERE j.subject_id = r.id)
        OR EXISTS (
            SELECT FROM webhook_deliveries AS d
            WHERE d.session_id = r.session_id
                AND d.seq BETWEEN of_run.first_seq AND of_run.last_seq
                AND d.state IN ('pending', 'sending')
        ) AS is_kept
    FROM runs AS r
    CROSS JOIN LATERAL (
        SELECT min(e.seq) AS first_seq, max(e.seq) AS last_seq
        FROM events AS e
        WHERE e.session_id = r.session_id AND e.run_id = r.id
    ) AS of_run
    WHERE r.tenant_id = %(tenant_id)s AND r.session_id = %(session_id)s AND r.queued_seq > %(purged_seq)s
    UNION ALL
    SELECT %(last_seq)s::bigint + 1, %(last_seq)s::bigint + 1, NULL, false
),
places AS (
    SELECT
        first_seq - 1 AS cut,
        max(last_seq) OVER earlier AS before_last,
        bool_or(is_kept) OVER earlier AS before_kept
    FROM spans
    WINDOW earlier AS (ORDER BY queued_seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
)
SELECT coalesce(max(cut) FILTER (WHERE cut <= %(purged_seq)s + %(rows)s), min(cut)) AS cut
FROM places
WHERE NOT before_kept AND before_last <= cut

-- name: cut_log :one
-- Forget the events, and say so at the session and at their runs.
WITH gone AS (
    DELETE FROM events
    WHERE tenant_id = %(tenant_id)s AND session_id = %(session_id)s AND seq <= %(cut)s
    RETURNING CASE type WHEN 'tool.finished' THEN
        jsonb_build_array(payload -> 'artifact_sha256') || jsonb_path_query_array(payload, '$.files[*].sha256')
    END AS referred
),
marked AS (
    UPDATE sessions
    SET purged_seq = %(cut)s
    WHERE tenant_id = %(tenant_id)s AND id = %(session_id)s
),
settled AS (
    UPDATE runs
    SET log_kept_since = 'infinity'
    WHERE tenant_id = %(tenant_id)s AND session_id = %(session_id)s
        AND queued_seq > %(purged_seq)s AND queued_seq <= %(cut)s
)
SELECT
    (SELECT count(*) FROM gone) AS events,
    ARRAY(
        SELECT DISTINCT one.sha256
        FROM gone CROSS JOIN jsonb_array_elements_text(gone.referred) AS one (sha256)
        WHERE one.sha256 IS NOT NULL
    ) AS artifacts

-- name: postpone_log :exec
-- Nothing can go yet: another run that is kept begins before these end. Looked at again in a day.
UPDATE runs
SET log_kept_since = now() - %(older_than)s::interval + interval '1 day'
WHERE tenant_id = %(tenant_id)s AND session_id = %(session_id)s
    AND queued_seq > %(purged_seq)s
    AND finished_at < now() - %(older_than)s::interval
    AND log_kept_since IS DISTINCT FROM 'infinity'

-- name: release_artifacts :exec
-- What referred to them is gone: look whether anything else does, not before two hours after they were stored. Their
-- rows are held to the end of the transaction, in one order for all.
WITH held AS (
    SELECT a.sha256
    FROM artifacts AS a
    WHERE a.tenant_id = %(tenant_id)s AND a.sha256 = ANY(%(artifacts)s)
    ORDER BY a.sha256
    FOR UPDATE
)
UPDATE artifacts AS a
SET check_at = greatest(now(), a.put_at + interval '2 hours')
FROM held
WHERE a.tenant_id = %(tenant_id)s AND a.sha256 = held.sha256

-- name: hold_unchecked :many
-- Bytes to be looked at. Whoever releases them right now is waited for by leaving them to the next round.
SELECT tenant_id, sha256
FROM artifacts
WHERE check_at <= now()
ORDER BY check_at
LIMIT %(rows)s
FOR UPDATE SKIP LOCKED

-- name: drop_artifacts :one
-- Of those held, forget what nothing refers to. A statement of its own: it sees what was committed before the hold.
WITH held AS (
    SELECT asked.tenant_id, asked.sha256
    FROM unnest(%(tenant_ids)s::uuid[], %(artifacts)s::text[]) AS asked (tenant_id, sha256)
),
referred AS (
    SELECT held.tenant_id, held.sha256
    FROM held
    WHERE EXISTS (
            SELECT FROM events AS e
            WHERE e.tenant_id = held.tenant_id AND e.payload ->> 'artifact_sha256' = held.sha256
        )
        OR EXISTS (
            SELECT FROM events AS e
            WHERE e.tenant_id = held.tenant_id
                AND e.type = 'tool.finished' AND e.payload -> 'files' <> '[]'
                AND jsonb_path_query_array(e.payload, '$.files[*].sha256') ? held.sha256
        )
),
kept AS (
    UPDATE artifacts AS a
    SET check_at = NULL
    FROM referred AS r
    WHERE a.tenant_id = r.tenant_id AND a.sha256 = r.sha256
),
gone AS (
    DELETE FROM artifacts AS a
    USING held
    WHERE a.tenant_id = held.tenant_id AND a.sha256 = held.sha256
        AND NOT EXISTS (SELECT FROM referred AS r WHERE r.tenant_id = a.tenant_id AND r.sha256 = a.sha256)
    RETURNING a.sha256
)
SELECT count(*) AS artifacts
FROM gone

-- name: missing_numbers :many
-- Which numbers of a part of the log are not there, as ranges. Whatever is there counts, of a known type or not.
SELECT hole.before + 1 AS first, hole.seq - 1 AS last
FROM (
    SELECT present.seq, lag(present.seq, 1, %(after)s::bigint) OVER (ORDER BY present.seq) AS before
    FROM (
        SELECT seq
        FROM events
        WHERE tenant_id = %(tenant_id)s AND session_id = %(session_id)s
            AND seq > %(after)s AND seq <= %(up_to)s
        UNION ALL
        SELECT %(up_to)s::bigint + 1
        FROM sessions
        WHERE tenant_id = %(tenant_id)s AND id = %(session_id)s
    ) AS present
) AS hole
WHERE hole.seq > hole.before + 1
ORDER BY hole.seq
LIMIT %(rows)s
