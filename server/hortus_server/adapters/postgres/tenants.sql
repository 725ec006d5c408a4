-- name: ensure_tenant :one
-- Make the tenant, or touch nothing and take the one that is there. The first of all operates the installation.
INSERT INTO tenants (id, name, operates)
VALUES (%(id)s, %(name)s, NOT EXISTS (SELECT FROM tenants))
ON CONFLICT (name) DO UPDATE SET name = excluded.name
RETURNING id, name, created_at, disabled_at, operates

-- name: operating_tenant :one
-- Whose administrators run the installation.
SELECT id, name, created_at, disabled_at, operates
FROM tenants
WHERE operates

-- name: add_tenant :one
-- A further one.
INSERT INTO tenants (id, name)
VALUES (%(id)s, %(name)s)
ON CONFLICT (name) DO NOTHING
RETURNING id, name, created_at, disabled_at, operates

-- name: get_tenant :one
-- By id.
SELECT id, name, created_at, disabled_at, operates
FROM tenants
WHERE id = %(tenant_id)s

-- name: list_tenants :many
-- With who and what can get in, by name.
SELECT
    t.id, t.name, t.created_at, t.disabled_at, t.operates,
    (SELECT count(*) FROM memberships AS m WHERE m.tenant_id = t.id AND m.disabled_at IS NULL) AS members,
    (
        SELECT count(*)
        FROM api_keys AS k
        WHERE k.tenant_id = t.id AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
    ) AS keys
FROM tenants AS t
ORDER BY t.name
LIMIT 1000

-- name: rename_tenant :one
-- Names are unique.
UPDATE tenants
SET name = %(name)s
WHERE id = %(tenant_id)s
RETURNING id, name, created_at, disabled_at, operates

-- name: set_tenant_disabled :one
-- The first time counts.
UPDATE tenants
SET disabled_at = CASE WHEN %(disabled)s THEN coalesce(disabled_at, now()) END
WHERE id = %(tenant_id)s
RETURNING id, name, created_at, disabled_at, operates

-- name: add_key :one
-- Store a key by the hash of its secret.
INSERT INTO api_keys (id, tenant_id, name, prefix, secret_sha256, scopes, expires_at, made_by, person_id)
VALUES (
    %(id)s, %(tenant_id)s, %(name)s, %(prefix)s, %(secret_sha256)s, %(scopes)s, %(expires_at)s, %(made_by)s,
    %(person_id)s
)
RETURNING
    id, tenant_id, name, prefix, scopes, created_at, expires_at, revoked_at, last_used_at, made_by, person_id,
    rotated_at, previous_until,
    (SELECT t.disabled_at IS NOT NULL FROM tenants AS t WHERE t.id = tenant_id) AS tenant_disabled,
    (SELECT t.operates FROM tenants AS t WHERE t.id = tenant_id) AS tenant_operates

-- name: find_key :one
-- Authenticate: whose key has this hash, or had it until lately; the caller judges expiry and revocation.
SELECT
    k.id, k.tenant_id, k.name, k.prefix, k.scopes, k.created_at, k.expires_at, k.revoked_at, k.last_used_at, k.made_by,
    k.person_id, k.rotated_at, k.previous_until, t.disabled_at IS NOT NULL AS tenant_disabled,
    t.operates AS tenant_operates
FROM api_keys AS k
JOIN tenants AS t ON t.id = k.tenant_id
WHERE (
        k.secret_sha256 = %(secret_sha256)s
        OR (k.previous_sha256 = %(secret_sha256)s AND k.previous_until > now())
    )
    -- Who is kept out of the installation has no key either, not even one that was made at the same moment.
    AND NOT EXISTS (SELECT FROM users AS u WHERE u.id = k.person_id AND u.disabled_at IS NOT NULL)

-- name: touch_key :exec
-- Note a use, at most once a minute, so that authentication does not write.
UPDATE api_keys
SET last_used_at = now()
WHERE id = %(key_id)s AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')

-- name: list_keys :many
-- All keys of a tenant, newest first.
SELECT
    k.id, k.tenant_id, k.name, k.prefix, k.scopes, k.created_at, k.expires_at, k.revoked_at, k.last_used_at, k.made_by,
    k.person_id, k.rotated_at, k.previous_until, t.disabled_at IS NOT NULL AS tenant_disabled,
    t.operates AS tenant_operates
FROM api_keys AS k
JOIN tenants AS t ON t.id = k.tenant_id
WHERE k.tenant_id = %(tenant_id)s
ORDER BY k.id DESC

-- name: rotate_key :one
-- Another secret; the one before goes on for a while, the one before that ends now.
UPDATE api_keys
SET
    prefix = %(prefix)s,
    previous_sha256 = CASE WHEN %(grace)s > interval '0' THEN secret_sha256 END,
    previous_until = CASE WHEN %(grace)s > interval '0' THEN now() + %(grace)s END,
    secret_sha256 = %(secret_sha256)s,
    rotated_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(key_id)s AND revoked_at IS NULL
RETURNING
    id, tenant_id, name, prefix, scopes, created_at, expires_at, revoked_at, last_used_at, made_by, person_id,
    rotated_at, previous_until,
    (SELECT t.disabled_at IS NOT NULL FROM tenants AS t WHERE t.id = tenant_id) AS tenant_disabled,
    (SELECT t.operates FROM tenants AS t WHERE t.id = tenant_id) AS tenant_operates

-- name: revoke_key :one
-- Revoke; the first time counts.
UPDATE api_keys
SET revoked_at = coalesce(revoked_at, now())
WHERE tenant_id = %(tenant_id)s AND id = %(key_id)s
RETURNING
    id, tenant_id, name, prefix, scopes, created_at, expires_at, revoked_at, last_used_at, made_by, person_id,
    rotated_at, previous_until,
    (SELECT t.disabled_at IS NOT NULL FROM tenants AS t WHERE t.id = tenant_id) AS tenant_disabled,
    (SELECT t.operates FROM tenants AS t WHERE t.id = tenant_id) AS tenant_operates
