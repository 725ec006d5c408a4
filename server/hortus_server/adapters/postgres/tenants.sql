-- name: ensure_tenant :one
-- Make the tenant, or touch nothing and take the one that is there.
INSERT INTO tenants (id, name)
VALUES (%(id)s, %(name)s)
ON CONFLICT (name) DO UPDATE SET name = excluded.name
RETURNING id, name, created_at

-- name: add_key :one
-- Store a key by the hash of its secret.
INSERT INTO api_keys (id, tenant_id, name, prefix, secret_sha256, scopes, expires_at)
VALUES (%(id)s, %(tenant_id)s, %(name)s, %(prefix)s, %(secret_sha256)s, %(scopes)s, %(expires_at)s)
RETURNING id, tenant_id, name, prefix, scopes, created_at, expires_at, revoked_at, last_used_at

-- name: find_key :one
-- Authenticate: whose key has this hash; the caller judges expiry and revocation.
SELECT id, tenant_id, name, prefix, scopes, created_at, expires_at, revoked_at, last_used_at
FROM api_keys
WHERE secret_sha256 = %(secret_sha256)s

-- name: touch_key :exec
-- Note a use, at most once a minute, so that authentication does not write.
UPDATE api_keys
SET last_used_at = now()
WHERE id = %(key_id)s AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')

-- name: list_keys :many
-- All keys of a tenant, newest first.
SELECT id, tenant_id, name, prefix, scopes, created_at, expires_at, revoked_at, last_used_at
FROM api_keys
WHERE tenant_id = %(tenant_id)s
ORDER BY id DESC

-- name: revoke_key :one
-- Revoke; the first time counts.
UPDATE api_keys
SET revoked_at = coalesce(revoked_at, now())
WHERE tenant_id = %(tenant_id)s AND id = %(key_id)s
RETURNING id, tenant_id, name, prefix, scopes, created_at, expires_at, revoked_at, last_used_at
