-- name: put_artifact :one
-- Store once; no row when these bytes were stored within the hour. Storing them again keeps retention away from them.
INSERT INTO artifacts (tenant_id, sha256, media_type, size, content)
VALUES (%(tenant_id)s, %(sha256)s, %(media_type)s, %(size)s, %(content)s)
ON CONFLICT (tenant_id, sha256) DO UPDATE SET put_at = now() WHERE artifacts.put_at < now() - interval '1 hour'
RETURNING sha256, tenant_id, media_type, size, created_at

-- name: describe_artifact :one
-- All but the bytes.
SELECT sha256, tenant_id, media_type, size, created_at
FROM artifacts
WHERE tenant_id = %(tenant_id)s AND sha256 = %(sha256)s

-- name: get_artifact :one
-- With the bytes.
SELECT sha256, tenant_id, media_type, size, created_at, content
FROM artifacts
WHERE tenant_id = %(tenant_id)s AND sha256 = %(sha256)s
