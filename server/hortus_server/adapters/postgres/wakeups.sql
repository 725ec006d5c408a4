-- name: due_runs :many
-- The reaper: runs that someone could claim and nobody was told of for a while; marks them told. Runs that wait although
-- they are cancelled are queued, so that a worker ends them.
WITH at_limit AS MATERIALIZED (
    SELECT a.tenant_id
    FROM tenant_admission AS a
    WHERE a.max_concurrent_runs <= (
        SELECT count(*)
        FROM (
            SELECT FROM runs AS running
            WHERE running.tenant_id = a.tenant_id AND running.status = 'running'
            LIMIT a.max_concurrent_runs
        ) AS counted
    )
),
due AS MATERIALIZED (
    SELECT r.id
    FROM runs AS r
    WHERE r.status IN ('queued', 'running')
        AND r.woken_at < now() - %(older_than)s::interval
        AND (r.status = 'running' OR r.tenant_id NOT IN (SELECT at_limit.tenant_id FROM at_limit))
        AND (
            r.lease_until < now()
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
        AND NOT EXISTS (
            SELECT FROM runs AS earlier
            WHERE earlier.session_id = r.session_id
                AND earlier.queued_seq < r.queued_seq
                AND earlier.status IN ('queued', 'running', 'waiting')
        )
    ORDER BY r.woken_at
    LIMIT %(rows)s
    FOR NO KEY UPDATE OF r SKIP LOCKED
),
cancelled AS MATERIALIZED (
    SELECT r.id
    FROM runs AS r
    WHERE r.status = 'waiting' AND r.cancel_requested_at IS NOT NULL AND r.woken_at < now() - %(older_than)s::interval
    ORDER BY r.woken_at
    LIMIT %(rows)s
    FOR NO KEY UPDATE OF r SKIP LOCKED
)
UPDATE runs
SET
    woken_at = now(),
    ready = true,
    status = CASE status WHEN 'waiting' THEN 'queued' ELSE status END,
    waiting_for = CASE status WHEN 'waiting' THEN NULL ELSE waiting_for END
WHERE id IN (SELECT due.id FROM due UNION ALL SELECT cancelled.id FROM cancelled)
RETURNING id

-- name: next_queued :one
-- What can start now that a run of this session ended: the next of the session, or, where the tenant has a limit, any.
WITH first AS MATERIALIZED (
    SELECT head.id, head.ready
    FROM (
        SELECT r.id, r.status, r.ready
        FROM runs AS r
        WHERE r.session_id = %(session_id)s AND r.status IN ('queued', 'running', 'waiting')
        ORDER BY r.queued_seq
        LIMIT 1
    ) AS head
    WHERE head.status = 'queued'
),
-- The first of its session now. Whoever holds its row decides about it anyway, and the reaper mends what is left here.
marked AS (
    UPDATE runs
    SET ready = true
    WHERE id = (
        SELECT r.id
        FROM runs AS r
        WHERE r.id = (SELECT first.id FROM first WHERE NOT first.ready) AND r.status = 'queued'
        FOR NO KEY UPDATE SKIP LOCKED
    )
)
SELECT first.id FROM first
UNION ALL
SELECT other.id
FROM sessions AS s
JOIN tenant_admission AS a ON a.tenant_id = s.tenant_id AND a.max_concurrent_runs IS NOT NULL
CROSS JOIN LATERAL (
    SELECT r.id
    FROM runs AS r
    WHERE r.tenant_id = a.tenant_id AND r.status = 'queued' AND r.ready
    ORDER BY r.id
    LIMIT 1
) AS other
WHERE s.id = %(session_id)s
LIMIT 1

-- name: add_job :one
-- Owe a piece of work.
INSERT INTO jobs (id, tenant_id, kind, subject_id)
VALUES (%(id)s, %(tenant_id)s, %(kind)s, %(subject_id)s)
RETURNING id, tenant_id, kind, subject_id, attempts, created_at

-- name: add_job_of_ended :one
-- The same behind the end of a run, in one message with it; no row where the run did not end.
INSERT INTO jobs (id, tenant_id, kind, subject_id)
SELECT %(id)s, r.tenant_id, %(kind)s, r.id
FROM runs AS r
WHERE r.tenant_id = %(tenant_id)s AND r.id = %(run_id)s AND r.finished_at IS NOT NULL
RETURNING id, tenant_id, kind, subject_id, attempts, created_at

-- name: take_job :one
-- Hold a job for a while; no row when it is done or held.
UPDATE jobs
SET attempts = attempts + 1, lease_until = now() + %(lease)s::interval
WHERE id = %(job_id)s AND (lease_until IS NULL OR lease_until < now())
RETURNING id, tenant_id, kind, subject_id, attempts, created_at

-- name: complete_job :exec
-- Nothing is owed any more.
DELETE FROM jobs
WHERE id = %(job_id)s

-- name: retry_job :exec
-- An attempt failed: the job is held until it is to be tried again, and is then due at once.
UPDATE jobs
SET lease_until = now() + %(pause)s::interval, announced_at = 'epoch'
WHERE id = %(job_id)s AND attempts = %(attempt)s

-- name: due_jobs :many
-- Jobs that nobody holds and nobody was told of for a while, later after each attempt that was lost; marks them told.
UPDATE jobs
SET announced_at = now()
WHERE id IN (
    SELECT j.id
    FROM jobs AS j
    WHERE j.announced_at < now() - %(older_than)s::interval
        AND j.announced_at < now() - %(older_than)s::interval * power(2, least(j.attempts, 3))
        AND (j.lease_until IS NULL OR j.lease_until < now())
    ORDER BY j.announced_at
    LIMIT %(rows)s
    FOR NO KEY UPDATE OF j SKIP LOCKED
)
RETURNING id, tenant_id, kind, subject_id, attempts, created_at
