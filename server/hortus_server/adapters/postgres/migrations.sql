-- name: create_ledger :exec
-- Where the applied migrations are noted; the one table that no migration makes.
CREATE TABLE IF NOT EXISTS schema_migrations (
    version integer PRIMARY KEY,
    phase text NOT NULL CHECK (phase IN ('pre', 'post')),
    name text NOT NULL,
    checksum text NOT NULL CHECK (checksum ~ '^[0-9a-f]{64}$'),
    applied_at timestamptz NOT NULL DEFAULT now()
)

-- name: find_ledger :one
-- Whether this database was ever migrated.
SELECT to_regclass('schema_migrations') IS NOT NULL AS exists

-- name: list_applied :many
-- What was applied, with the checksums of that time.
SELECT version, checksum
FROM schema_migrations
ORDER BY version

-- name: note_applied :exec
-- One more applied, in the transaction that applied it.
INSERT INTO schema_migrations (version, phase, name, checksum)
VALUES (%(version)s, %(phase)s, %(name)s, %(checksum)s)

-- name: set_timeouts :one
-- A migration that cannot get its locks, or works for long, gives way to the traffic; for this transaction only.
SELECT
    set_config('lock_timeout', %(lock_timeout)s, true) AS lock_timeout,
    set_config('statement_timeout', %(statement_timeout)s, true) AS statement_timeout

-- name: try_lock :one
-- One migrator at a time; held by the connection.
SELECT pg_try_advisory_lock(%(key)s) AS taken

-- name: unlock :one
-- Let the next one in.
SELECT pg_advisory_unlock(%(key)s) AS taken

-- name: find_tenant_role :one
-- May this login take the role that row-level security binds?
SELECT pg_has_role(current_user, oid, 'MEMBER') AND NOT rolsuper AND NOT rolbypassrls AS allowed
FROM pg_roles
WHERE rolname = 'hortus_tenant'
