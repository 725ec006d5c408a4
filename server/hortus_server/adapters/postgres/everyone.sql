-- name: list_everyone :page
-- Users of the installation, newest first, whose address holds a text.
SELECT
    u.id, u.email, u.name, u.password_hash IS NOT NULL AS has_password, u.oidc_subject IS NOT NULL AS has_oidc,
    u.disabled_at, u.created_at,
    (SELECT count(*) FROM memberships AS m WHERE m.user_id = u.id) AS tenants,
    (SELECT count(*) FROM api_keys AS k WHERE k.person_id = u.id AND k.revoked_at IS NULL) AS keys,
    (SELECT max(l.last_seen_at) FROM logins AS l WHERE l.user_id = u.id) AS last_seen_at
FROM users AS u
WHERE u.id < %(before)s AND strpos(u.email, %(email)s) > 0
ORDER BY u.id DESC
LIMIT %(rows)s

-- name: get_anyone :one
-- As in the list; locked, so that one transaction at a time changes a user.
SELECT
    u.id, u.email, u.name, u.password_hash IS NOT NULL AS has_password, u.oidc_subject IS NOT NULL AS has_oidc,
    u.disabled_at, u.created_at,
    (SELECT count(*) FROM memberships AS m WHERE m.user_id = u.id) AS tenants,
    (SELECT count(*) FROM api_keys AS k WHERE k.person_id = u.id AND k.revoked_at IS NULL) AS keys,
    (SELECT max(l.last_seen_at) FROM logins AS l WHERE l.user_id = u.id) AS last_seen_at
FROM users AS u
WHERE u.id = %(user_id)s
FOR NO KEY UPDATE OF u

-- name: lock_ownerships :many
-- One change at a time among the owners of the tenants that a user owns; in the order in which `lock_members` takes them.
SELECT o.user_id AS id
FROM memberships AS o
WHERE o.role = 'owner'
    AND o.tenant_id IN (SELECT m.tenant_id FROM memberships AS m WHERE m.user_id = %(user_id)s AND m.role = 'owner')
ORDER BY o.tenant_id, o.user_id
FOR UPDATE OF o

-- name: owned_alone :many
-- Tenants that would have no owner left who can sign in.
SELECT t.name
FROM memberships AS m
JOIN tenants AS t ON t.id = m.tenant_id
WHERE m.user_id = %(user_id)s AND m.role = 'owner' AND m.disabled_at IS NULL AND t.disabled_at IS NULL
    AND NOT EXISTS (
        SELECT FROM memberships AS o
        JOIN users AS u ON u.id = o.user_id
        WHERE o.tenant_id = m.tenant_id AND o.role = 'owner' AND o.user_id <> m.user_id
            AND o.disabled_at IS NULL AND u.disabled_at IS NULL
    )
ORDER BY t.name
LIMIT 20

-- name: member_of :many
-- All tenants of a user.
SELECT tenant_id AS id
FROM memberships
WHERE user_id = %(user_id)s
ORDER BY tenant_id

-- name: end_keys_of :many
-- What a person has made stops working with the person: in all tenants or in one, all or beyond some scopes.
UPDATE api_keys AS k
SET revoked_at = now()
FROM tenants AS t
WHERE k.person_id = %(user_id)s AND k.revoked_at IS NULL AND t.id = k.tenant_id
    AND (%(tenant_id)s::uuid IS NULL OR k.tenant_id = %(tenant_id)s)
    AND (%(kept)s::text[] IS NULL OR NOT k.scopes <@ %(kept)s)
RETURNING
    k.id, k.tenant_id, k.name, k.prefix, k.scopes, k.created_at, k.expires_at, k.revoked_at, k.last_used_at, k.made_by,
    k.person_id, k.rotated_at, k.previous_until, t.disabled_at IS NOT NULL AS tenant_disabled,
    t.operates AS tenant_operates

-- name: end_links_of :exec
-- Links that would let the user in, or to a new password, and those that it made; in all tenants.
UPDATE invitations AS i
SET revoked_at = now()
FROM users AS u
WHERE u.id = %(user_id)s AND (i.email = u.email OR i.maker_id = u.id) AND i.used_at IS NULL AND i.revoked_at IS NULL

-- name: end_links_by :exec
-- Those that the user made in a tenant.
UPDATE invitations
SET revoked_at = now()
WHERE maker_id = %(user_id)s AND tenant_id = %(tenant_id)s AND used_at IS NULL AND revoked_at IS NULL
