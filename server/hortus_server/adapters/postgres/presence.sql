-- name: take_presence :one
-- The lock of a worker's id, for as long as this connection lives; false where another process holds it.
SELECT pg_try_advisory_lock(hashtextextended(%(worker_id)s, 1752134773)) AS taken

-- name: register_worker :exec
-- Others look for this worker's lock from now on.
INSERT INTO workers (id) VALUES (%(worker_id)s) ON CONFLICT (id) DO NOTHING

-- name: remove_worker :exec
-- An orderly end.
DELETE FROM workers
WHERE id = %(worker_id)s

-- name: look_at_workers :one
-- Whose lock can be had? Shared and only for the moment, so that several may look at once.
SELECT count(*)::integer AS others, coalesce(array_agg(seen.id) FILTER (WHERE seen.gone), '{}') AS gone
FROM (
    SELECT w.id, pg_try_advisory_xact_lock_shared(hashtextextended(w.id, 1752134773)) AS gone
    FROM workers AS w
    WHERE w.id IS DISTINCT FROM %(worker_id)s::text
    OFFSET 0
) AS seen

-- name: bury_workers :many
-- End the leases of workers without a lock. Meanwhile none of them can take its lock again, nor two bury the same.
-- Queued runs are told of again, longest not woken first: the dead may have taken their wake-ups along.
-- One whose claim is under way stays for a later look: PostgreSQL may yet commit what a dead worker has sent, and nobody
-- else would end that lease before its time.
WITH gone AS MATERIALIZED (
    SELECT w.id
    FROM workers AS w
    WHERE w.id = ANY(%(worker_ids)s)
        AND w.id IS DISTINCT FROM %(worker_id)s::text
        AND pg_try_advisory_xact_lock_shared(hashtextextended(w.id, 1752134773))
    FOR UPDATE SKIP LOCKED
),
left_behind AS MATERIALIZED (
    SELECT r.id
    FROM runs AS r
    WHERE r.status = 'running' AND r.lease_until > 'epoch' AND r.worker_id IN (SELECT gone.id FROM gone)
    ORDER BY r.id
    FOR NO KEY UPDATE OF r
),
unheard AS MATERIALIZED (
    SELECT r.id
    FROM runs AS r
    WHERE r.status = 'queued' AND r.ready AND EXISTS (SELECT FROM gone)
    ORDER BY r.woken_at
    LIMIT %(rows)s
    FOR NO KEY UPDATE OF r SKIP LOCKED
),
struck_off AS (
    DELETE FROM workers AS w
    USING gone
    WHERE w.id = gone.id AND pg_try_advisory_xact_lock(hashtextextended(w.id, 1752134774))
)
UPDATE runs AS r
SET lease_until = CASE r.status WHEN 'running' THEN 'epoch'::timestamptz END, woken_at = now()
FROM (SELECT id FROM left_behind UNION ALL SELECT id FROM unheard) AS woken
WHERE r.id = woken.id
RETURNING r.id

-- name: expire_leases :many
-- What an earlier process under this name held.
UPDATE runs
SET lease_until = 'epoch', woken_at = now()
WHERE status = 'running' AND lease_until > 'epoch' AND worker_id = %(worker_id)s
RETURNING id
