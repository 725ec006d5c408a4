-- name: reserve_key :exec
-- The first to come holds the key until it commits; others wait here, and find it taken.
INSERT INTO idempotency_keys (tenant_id, key, route, body_sha256)
VALUES (%(tenant_id)s, %(key)s, %(route)s, %(body_sha256)s)
ON CONFLICT DO NOTHING

-- name: find_answer :one
-- What the first one answered.
SELECT body_sha256, answer
FROM idempotency_keys
WHERE tenant_id = %(tenant_id)s AND key = %(key)s AND route = %(route)s

-- name: store_answer :exec
-- Keep the answer with what it describes.
UPDATE idempotency_keys
SET answer = %(answer)s
WHERE tenant_id = %(tenant_id)s AND key = %(key)s AND route = %(route)s

-- name: purge_keys :exec
-- Forget the oldest keys, so many at most.
DELETE FROM idempotency_keys
WHERE (tenant_id, key, route) IN (
    SELECT tenant_id, key, route
    FROM idempotency_keys
    WHERE created_at < now() - %(older_than)s::interval
    ORDER BY created_at
    LIMIT %(rows)s
)
