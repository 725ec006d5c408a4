-- name: add_login :one
-- By the hash of its token.
INSERT INTO logins (id, user_id, tenant_id, secret_sha256, method, device, address, expires_at)
VALUES (
    %(id)s, %(user_id)s, %(tenant_id)s, %(secret_sha256)s, %(method)s, %(device)s, %(address)s, %(expires_at)s
)
RETURNING id, user_id, tenant_id, method, device, address, created_at, last_seen_at, expires_at

-- name: find_login :one
-- Valid now, with what its user may do now in its tenant.
SELECT
    l.id, l.user_id, l.tenant_id, l.method, l.device, l.address, l.created_at, l.last_seen_at, l.expires_at,
    u.email, u.name, m.role, t.operates AS tenant_operates
FROM logins AS l
JOIN users AS u ON u.id = l.user_id
JOIN memberships AS m ON m.tenant_id = l.tenant_id AND m.user_id = l.user_id
JOIN tenants AS t ON t.id = l.tenant_id
WHERE l.secret_sha256 = %(secret_sha256)s AND l.expires_at > now() AND l.last_seen_at > now() - %(idle)s::interval
    AND u.disabled_at IS NULL AND m.disabled_at IS NULL AND t.disabled_at IS NULL

-- name: touch_login :exec
-- Note that it was seen, at most once a minute, so that authentication does not write.
UPDATE logins
SET last_seen_at = now()
WHERE id = %(login_id)s AND last_seen_at < now() - interval '1 minute'

-- name: move_login :one
-- Into a tenant that its user belongs to, under another token.
UPDATE logins AS l
SET tenant_id = m.tenant_id, secret_sha256 = %(secret_sha256)s, last_seen_at = now()
FROM memberships AS m
JOIN tenants AS t ON t.id = m.tenant_id
WHERE l.id = %(login_id)s AND m.tenant_id = %(tenant_id)s AND m.user_id = l.user_id AND m.disabled_at IS NULL
    AND t.disabled_at IS NULL
RETURNING
    l.id, l.user_id, l.tenant_id, l.method, l.device, l.address, l.created_at, l.last_seen_at, l.expires_at

-- name: list_logins :many
-- A user's valid ones, newest first.
SELECT id, user_id, tenant_id, method, device, address, created_at, last_seen_at, expires_at
FROM logins
WHERE user_id = %(user_id)s AND expires_at > now() AND last_seen_at > now() - %(idle)s::interval
ORDER BY created_at DESC, id DESC
LIMIT 100

-- name: end_login :exec
-- One of a user's.
DELETE FROM logins
WHERE user_id = %(user_id)s AND id = %(login_id)s

-- name: end_logins :exec
-- A user's, of one tenant or of all, apart from one.
DELETE FROM logins
WHERE user_id = %(user_id)s
    AND (%(tenant_id)s::uuid IS NULL OR tenant_id = %(tenant_id)s)
    AND (%(spare)s::uuid IS NULL OR id <> %(spare)s)

-- name: purge_logins :exec
-- What ended long ago, so that signing in keeps the table small.
DELETE FROM logins
WHERE id IN (
    SELECT id FROM logins WHERE expires_at < now() - interval '1 day' LIMIT %(rows)s FOR UPDATE SKIP LOCKED
)

-- name: revoke_links :exec
-- An address has one open link of a kind in a tenant: the latest.
UPDATE invitations
SET revoked_at = now()
WHERE tenant_id = %(tenant_id)s AND purpose = %(purpose)s AND email = %(email)s
    AND used_at IS NULL AND revoked_at IS NULL

-- name: add_invitation :one
-- By the hash of its secret.
INSERT INTO invitations AS i (id, tenant_id, purpose, email, role, secret_sha256, made_by, maker_id, expires_at)
SELECT
    %(id)s, t.id, %(purpose)s, %(email)s, %(role)s, %(secret_sha256)s, %(made_by)s, %(maker_id)s, %(expires_at)s
FROM tenants AS t
WHERE t.id = %(tenant_id)s
RETURNING
    i.id, i.tenant_id, (SELECT t.name FROM tenants AS t WHERE t.id = i.tenant_id) AS tenant_name, i.purpose, i.email,
    i.role, i.made_by, i.created_at, i.expires_at, i.used_at, i.revoked_at

-- name: find_invitation :one
-- Open, and into a tenant that lets anybody in.
SELECT
    i.id, i.tenant_id, t.name AS tenant_name, i.purpose, i.email, i.role, i.made_by, i.created_at, i.expires_at,
    i.used_at, i.revoked_at
FROM invitations AS i
JOIN tenants AS t ON t.id = i.tenant_id
WHERE i.secret_sha256 = %(secret_sha256)s AND i.used_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > now()
    AND t.disabled_at IS NULL

-- name: lock_invitation :one
-- As above; whoever comes second finds it used.
SELECT
    i.id, i.tenant_id, t.name AS tenant_name, i.purpose, i.email, i.role, i.made_by, i.created_at, i.expires_at,
    i.used_at, i.revoked_at
FROM invitations AS i
JOIN tenants AS t ON t.id = i.tenant_id
WHERE i.secret_sha256 = %(secret_sha256)s AND i.used_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > now()
    AND t.disabled_at IS NULL
FOR UPDATE OF i

-- name: open_invitations :many
-- For an address, into tenants that let anybody in.
SELECT
    i.id, i.tenant_id, t.name AS tenant_name, i.purpose, i.email, i.role, i.made_by, i.created_at, i.expires_at,
    i.used_at, i.revoked_at
FROM invitations AS i
JOIN tenants AS t ON t.id = i.tenant_id
WHERE i.email = %(email)s AND i.purpose = 'join' AND i.used_at IS NULL AND i.revoked_at IS NULL
    AND i.expires_at > now() AND t.disabled_at IS NULL
ORDER BY i.created_at
LIMIT 50
FOR UPDATE OF i

-- name: use_invitation :exec
-- Once.
UPDATE invitations
SET used_at = now()
WHERE id = %(invitation_id)s AND used_at IS NULL

-- name: list_invitations :many
-- Of the last ninety days, newest first.
SELECT
    i.id, i.tenant_id, t.name AS tenant_name, i.purpose, i.email, i.role, i.made_by, i.created_at, i.expires_at,
    i.used_at, i.revoked_at
FROM invitations AS i
JOIN tenants AS t ON t.id = i.tenant_id
WHERE i.tenant_id = %(tenant_id)s AND i.created_at > now() - interval '90 days'
ORDER BY i.id DESC
LIMIT 200

-- name: revoke_invitation :one
-- An open one.
UPDATE invitations AS i
SET revoked_at = now()
FROM tenants AS t
WHERE i.tenant_id = %(tenant_id)s AND i.id = %(invitation_id)s AND t.id = i.tenant_id
    AND i.used_at IS NULL AND i.revoked_at IS NULL
RETURNING
    i.id, i.tenant_id, t.name AS tenant_name, i.purpose, i.email, i.role, i.made_by, i.created_at, i.expires_at,
    i.used_at, i.revoked_at

-- name: charge_failure :one
-- One more within the window that the first one opened.
INSERT INTO sign_in_failures AS f (subject_sha256, failures, ends_at)
VALUES (%(subject_sha256)s, 1, clock_timestamp() + %(window)s)
ON CONFLICT (subject_sha256) DO UPDATE SET
    failures = CASE WHEN f.ends_at <= clock_timestamp() THEN 1 ELSE least(f.failures + 1, 1000000) END,
    ends_at = CASE WHEN f.ends_at <= clock_timestamp() THEN excluded.ends_at ELSE f.ends_at END
RETURNING failures, extract(epoch FROM f.ends_at - clock_timestamp())::float8 AS left_s

-- name: forgive_failure :exec
-- That was none.
UPDATE sign_in_failures
SET failures = CASE WHEN %(all_of_them)s THEN 0 ELSE greatest(failures - 1, 0) END
WHERE subject_sha256 = %(subject_sha256)s

-- name: purge_failures :exec
-- Two go for each that comes, so that the table stays as large as what is under way.
DELETE FROM sign_in_failures
WHERE subject_sha256 IN (
    SELECT subject_sha256 FROM sign_in_failures WHERE ends_at < now() - interval '1 minute' LIMIT 2
    FOR UPDATE SKIP LOCKED
)
