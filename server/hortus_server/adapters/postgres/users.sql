-- name: add_user :one
-- The address is lower case already, and nobody's twice.
INSERT INTO users (id, email, name, password_hash)
VALUES (%(id)s, %(email)s, %(name)s, %(password_hash)s)
ON CONFLICT (email) DO NOTHING
RETURNING id, email, name, password_hash IS NOT NULL AS has_password, false AS has_oidc, disabled_at, created_at

-- name: lock_first_user :one
-- One transaction at a time asks whether it makes the first user.
SELECT pg_advisory_xact_lock(7316502413) IS NULL AS waited

-- name: any_user :one
-- Whether set-up is over.
SELECT EXISTS (SELECT FROM users) AS found

-- name: get_user :one
-- By id.
SELECT
    id, email, name, password_hash IS NOT NULL AS has_password, oidc_subject IS NOT NULL AS has_oidc, disabled_at,
    created_at
FROM users
WHERE id = %(user_id)s

-- name: find_user :one
-- By address, with the hash to check a password against.
SELECT
    id, email, name, password_hash IS NOT NULL AS has_password, oidc_subject IS NOT NULL AS has_oidc, disabled_at,
    created_at, password_hash
FROM users
WHERE email = %(email)s

-- name: find_user_by_subject :one
-- By what the identity provider calls them.
SELECT
    id, email, name, password_hash IS NOT NULL AS has_password, oidc_subject IS NOT NULL AS has_oidc, disabled_at,
    created_at
FROM users
WHERE oidc_issuer = %(issuer)s AND oidc_subject = %(subject)s

-- name: bind_subject :exec
-- Once: a user's subject never changes, however the address at the provider moves on.
UPDATE users
SET oidc_issuer = %(issuer)s, oidc_subject = %(subject)s
WHERE id = %(user_id)s AND oidc_subject IS NULL

-- name: set_password :exec
-- Replace the hash, or leave none.
UPDATE users
SET password_hash = %(password_hash)s
WHERE id = %(user_id)s

-- name: set_user_disabled :one
-- Everywhere; the first time counts.
UPDATE users
SET disabled_at = CASE WHEN %(disabled)s THEN coalesce(disabled_at, now()) END
WHERE id = %(user_id)s
RETURNING
    id, email, name, password_hash IS NOT NULL AS has_password, oidc_subject IS NOT NULL AS has_oidc, disabled_at,
    created_at

-- name: list_members :many
-- By address.
SELECT
    u.id, u.email, u.name, u.password_hash IS NOT NULL AS has_password, u.oidc_subject IS NOT NULL AS has_oidc,
    u.disabled_at AS user_disabled_at, u.created_at AS user_created_at, m.tenant_id, m.role, m.disabled_at,
    m.created_at, l.last_seen_at, n.tenants
FROM memberships AS m
JOIN users AS u ON u.id = m.user_id
LEFT JOIN LATERAL (
    SELECT max(g.last_seen_at) AS last_seen_at
    FROM logins AS g
    WHERE g.user_id = m.user_id AND g.tenant_id = m.tenant_id
) AS l ON true
CROSS JOIN LATERAL (
    SELECT count(*) AS tenants
    FROM memberships AS o
    WHERE o.user_id = m.user_id
) AS n
WHERE m.tenant_id = %(tenant_id)s
ORDER BY u.email
LIMIT 1000

-- name: lock_members :many
-- One change of a tenant's members at a time.
SELECT user_id AS id
FROM memberships
WHERE tenant_id = %(tenant_id)s AND (role = 'owner' OR user_id = %(user_id)s)
ORDER BY user_id
FOR UPDATE

-- name: get_member :one
-- As in the list.
SELECT
    u.id, u.email, u.name, u.password_hash IS NOT NULL AS has_password, u.oidc_subject IS NOT NULL AS has_oidc,
    u.disabled_at AS user_disabled_at, u.created_at AS user_created_at, m.tenant_id, m.role, m.disabled_at,
    m.created_at, NULL::timestamptz AS last_seen_at,
    (SELECT count(*) FROM memberships AS o WHERE o.user_id = m.user_id) AS tenants
FROM memberships AS m
JOIN users AS u ON u.id = m.user_id
WHERE m.tenant_id = %(tenant_id)s AND m.user_id = %(user_id)s

-- name: put_member :exec
-- Add, or change the role and let in again. Links to a new password that are open end: they were made for less.
WITH ended AS (
    UPDATE invitations
    SET revoked_at = now()
    WHERE purpose = 'reset' AND email = (SELECT u.email FROM users AS u WHERE u.id = %(user_id)s)
        AND used_at IS NULL AND revoked_at IS NULL
)
INSERT INTO memberships (tenant_id, user_id, role)
VALUES (%(tenant_id)s, %(user_id)s, %(role)s)
ON CONFLICT (tenant_id, user_id) DO UPDATE SET role = excluded.role, disabled_at = NULL

-- name: set_member_disabled :exec
-- In this tenant; the first time counts.
UPDATE memberships
SET disabled_at = CASE WHEN %(disabled)s THEN coalesce(disabled_at, now()) END
WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s

-- name: remove_member :exec
-- Logins in the tenant go with it.
DELETE FROM memberships
WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s

-- name: count_owners :one
-- Who can sign in and owns the tenant, apart from one.
SELECT count(*) AS count
FROM memberships AS m
JOIN users AS u ON u.id = m.user_id
WHERE m.tenant_id = %(tenant_id)s AND m.role = 'owner' AND m.user_id <> %(except_user)s
    AND m.disabled_at IS NULL AND u.disabled_at IS NULL

-- name: places :many
-- Tenants that a user may work in, by name.
SELECT m.tenant_id, t.name AS tenant_name, m.role, t.operates
FROM memberships AS m
JOIN users AS u ON u.id = m.user_id
JOIN tenants AS t ON t.id = m.tenant_id
WHERE m.user_id = %(user_id)s AND m.disabled_at IS NULL AND u.disabled_at IS NULL AND t.disabled_at IS NULL
ORDER BY t.name
LIMIT 200
