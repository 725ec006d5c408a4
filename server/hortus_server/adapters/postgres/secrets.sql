-- name: hold_secret :one
-- What it is before a change.
SELECT id, tenant_id, name, description, agent_id, hosts, version, created_at, updated_at
FROM secrets
WHERE tenant_id = %(tenant_id)s AND name = %(name)s
FOR UPDATE

-- name: claim_secret :one
-- The row is held until the commit, so that versions follow each other.
INSERT INTO secrets (id, tenant_id, name, description, agent_id, hosts, version)
VALUES (%(id)s, %(tenant_id)s, %(name)s, %(description)s, %(agent_id)s, %(hosts)s, 1)
ON CONFLICT (tenant_id, name) DO UPDATE SET
    description = excluded.description,
    agent_id = excluded.agent_id,
    hosts = excluded.hosts,
    version = secrets.version + 1,
    updated_at = now()
RETURNING id, tenant_id, name, description, agent_id, hosts, version, created_at, updated_at

-- name: change_secret :one
-- All but the value.
UPDATE secrets
SET description = %(description)s, agent_id = %(agent_id)s, hosts = %(hosts)s, updated_at = now()
WHERE tenant_id = %(tenant_id)s AND name = %(name)s
RETURNING id, tenant_id, name, description, agent_id, hosts, version, created_at, updated_at

-- name: add_version :exec
-- A sealed value.
INSERT INTO secret_versions (secret_id, tenant_id, version, sealed_value, sealed_key, key_id)
VALUES (%(secret_id)s, %(tenant_id)s, %(version)s, %(value)s, %(key)s, %(key_id)s)

-- name: forget_versions :exec
-- All but the newest two.
DELETE FROM secret_versions
WHERE secret_id = %(secret_id)s AND tenant_id = %(tenant_id)s AND version < %(version)s - 1

-- name: get_secret :one
-- One by name.
SELECT s.id, s.tenant_id, s.name, s.description, s.agent_id, s.hosts, s.version, s.created_at, s.updated_at, ARRAY(
    SELECT a.name
    FROM agents AS a
    JOIN agent_versions AS v ON v.agent_id = a.id AND v.version = a.current_version
    WHERE a.tenant_id = s.tenant_id AND strpos(v.spec ->> 'http_headers', '{{secret:' || s.name || '}}') > 0
    ORDER BY a.name
    LIMIT 20
) AS used_by
FROM secrets AS s
WHERE s.tenant_id = %(tenant_id)s AND s.name = %(name)s

-- name: list_secrets :many
-- Newest first, with the agents whose current version names them.
SELECT s.id, s.tenant_id, s.name, s.description, s.agent_id, s.hosts, s.version, s.created_at, s.updated_at, ARRAY(
    SELECT a.name
    FROM agents AS a
    JOIN agent_versions AS v ON v.agent_id = a.id AND v.version = a.current_version
    WHERE a.tenant_id = s.tenant_id AND strpos(v.spec ->> 'http_headers', '{{secret:' || s.name || '}}') > 0
    ORDER BY a.name
    LIMIT 20
) AS used_by
FROM secrets AS s
WHERE s.tenant_id = %(tenant_id)s AND s.id < %(before)s
ORDER BY s.id DESC
LIMIT %(rows)s

-- name: delete_secret :one
-- Its versions go with it.
DELETE FROM secrets
WHERE tenant_id = %(tenant_id)s AND name = %(name)s
RETURNING id, tenant_id, name, description, agent_id, hosts, version, created_at, updated_at

-- name: sealed_versions :many
-- What a run may have to open, or to recognise.
SELECT
    v.secret_id, v.tenant_id, s.name, s.agent_id, s.hosts, v.version, v.sealed_value, v.sealed_key, v.key_id
FROM secrets AS s
JOIN secret_versions AS v ON v.secret_id = s.id
WHERE s.tenant_id = %(tenant_id)s AND (%(names)s::text[] IS NULL OR s.name = ANY(%(names)s))
ORDER BY s.name, v.version DESC

-- name: count_secrets :one
-- All of a tenant's.
SELECT count(*)::int AS secrets
FROM secrets
WHERE tenant_id = %(tenant_id)s

-- name: stale_versions :many
-- Not under the key that seals now; whoever rotates at the same time takes others.
SELECT
    v.secret_id, v.tenant_id, s.name, s.agent_id, s.hosts, v.version, v.sealed_value, v.sealed_key, v.key_id
FROM secret_versions AS v
JOIN secrets AS s ON s.id = v.secret_id
WHERE v.key_id <> %(key_id)s
ORDER BY v.secret_id, v.version
LIMIT %(rows)s OFFSET %(skip)s
FOR UPDATE OF v SKIP LOCKED

-- name: replace_seal :exec
-- Under another key.
UPDATE secret_versions
SET sealed_key = %(key)s, key_id = %(key_id)s
WHERE secret_id = %(secret_id)s AND tenant_id = %(tenant_id)s AND version = %(version)s

-- name: keys_in_use :many
-- Which keys must not be lost.
SELECT key_id, count(*)::int AS versions
FROM secret_versions
GROUP BY key_id
ORDER BY key_id

-- name: unbound_secrets :one
-- That may be sent to whatever host a definition names. `hortus doctor` may ask before the column is there: then all.
SELECT count(*)::int AS secrets
FROM secrets AS s
WHERE coalesce(to_jsonb(s) -> 'hosts', '["*"]') @> '["*"]'
