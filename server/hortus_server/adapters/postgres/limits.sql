-- name: caller_limits :one
-- A key's own limits beside its tenant's; one row, whether they have any or not.
SELECT
    k.requests_per_minute AS key_per_minute, k.burst AS key_burst, k.connections AS key_connections,
    t.requests_per_minute AS tenant_per_minute, t.burst AS tenant_burst, t.connections AS tenant_connections
FROM (VALUES (%(tenant_id)s::uuid, %(key_id)s::uuid)) AS caller (tenant_id, key_id)
LEFT JOIN tenant_limits AS t ON t.tenant_id = caller.tenant_id
LEFT JOIN key_limits AS k ON k.tenant_id = caller.tenant_id AND k.key_id = caller.key_id

-- name: tenant_limits :one
-- A tenant's own limits.
SELECT requests_per_minute, burst, connections
FROM tenant_limits
WHERE tenant_id = %(tenant_id)s

-- name: key_limits :many
-- The limits of a tenant's keys that have any.
SELECT key_id, requests_per_minute, burst, connections
FROM key_limits
WHERE tenant_id = %(tenant_id)s

-- name: set_tenant_limits :exec
-- One row per tenant.
INSERT INTO tenant_limits (tenant_id, requests_per_minute, burst, connections)
VALUES (%(tenant_id)s, %(requests_per_minute)s, %(burst)s, %(connections)s)
ON CONFLICT (tenant_id) DO UPDATE SET
    requests_per_minute = excluded.requests_per_minute,
    burst = excluded.burst,
    connections = excluded.connections,
    updated_at = now()

-- name: set_key_limits :exec
-- One row per key, and none for a key of another tenant.
INSERT INTO key_limits (tenant_id, key_id, requests_per_minute, burst, connections)
SELECT a.tenant_id, a.id, %(requests_per_minute)s, %(burst)s, %(connections)s
FROM api_keys AS a
WHERE a.tenant_id = %(tenant_id)s AND a.id = %(key_id)s
ON CONFLICT (tenant_id, key_id) DO UPDATE SET
    requests_per_minute = excluded.requests_per_minute,
    burst = excluded.burst,
    connections = excluded.connections,
    updated_at = now()
