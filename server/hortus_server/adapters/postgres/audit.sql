-- name: take_turns :exec
-- Whoever else tells this tenant's log something once waits for the commit, also before there is a head to lock.
SELECT pg_advisory_xact_lock(hashtextextended('hortus-audit-once/' || %(tenant_id)s::text, 0))

-- name: append_entry :exec
-- Behind the tenant's last: whoever comes at the same time waits for the commit and goes on from there. An act that
-- is told once is left out where it is there already.
WITH head AS (
    INSERT INTO audit_heads AS h (tenant_id, seq, at, previous_hash, hash)
    SELECT
        %(tenant_id)s::uuid, 1, statement_timestamp(), %(no_hash)s::text,
        encode(sha256(convert_to(
            %(prefix)s || '1' || chr(10)
            || to_char(statement_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || chr(10)
            || %(no_hash)s || chr(10) || %(body)s, 'UTF8'
        )), 'hex')
    WHERE %(once)s::jsonb IS NULL OR NOT EXISTS (
        SELECT FROM audit_log AS told
        WHERE told.tenant_id = %(tenant_id)s AND told.subject = %(subject)s AND told.action = %(action)s
            AND told.detail::jsonb @> %(once)s::jsonb
    )
    ON CONFLICT (tenant_id) DO UPDATE SET
        seq = h.seq + 1,
        at = greatest(h.at, statement_timestamp()),
        previous_hash = h.hash,
        hash = encode(sha256(convert_to(
            %(prefix)s || (h.seq + 1)::text || chr(10)
            || to_char(greatest(h.at, statement_timestamp()) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
            || chr(10) || h.hash || chr(10) || %(body)s, 'UTF8'
        )), 'hex')
    RETURNING seq, at, previous_hash, hash
)
INSERT INTO audit_log (
    tenant_id, seq, at, actor_kind, actor_id, actor_name, action, subject, detail, previous_hash, hash
)
SELECT
    %(tenant_id)s, head.seq, head.at, %(actor_kind)s, %(actor_id)s, %(actor_name)s, %(action)s, %(subject)s,
    %(detail)s::json, head.previous_hash, head.hash
FROM head

-- name: list_entries :page
-- Newest first; a family of actions is a prefix.
SELECT
    tenant_id, seq, at, actor_kind, actor_id, actor_name, action, subject, detail::text AS detail_json, previous_hash, hash
FROM audit_log
WHERE tenant_id = %(tenant_id)s AND seq < %(before)s
    AND (%(actor)s::text IS NULL OR actor_id = %(actor)s OR actor_name = %(actor)s)
    AND (%(action)s::text IS NULL OR action = %(action)s)
    AND (%(family)s::text IS NULL OR action LIKE %(family)s)
    AND (%(subject)s::text IS NULL OR subject = %(subject)s)
    AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR at < %(until)s)
ORDER BY seq DESC
LIMIT %(rows)s

-- name: entries_after :page
-- Oldest first, for whoever reads it all.
SELECT
    tenant_id, seq, at, actor_kind, actor_id, actor_name, action, subject, detail::text AS detail_json, previous_hash, hash
FROM audit_log
WHERE tenant_id = %(tenant_id)s AND seq > %(after)s
    AND (%(actor)s::text IS NULL OR actor_id = %(actor)s OR actor_name = %(actor)s)
    AND (%(action)s::text IS NULL OR action = %(action)s)
    AND (%(family)s::text IS NULL OR action LIKE %(family)s)
    AND (%(subject)s::text IS NULL OR subject = %(subject)s)
    AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR at < %(until)s)
ORDER BY seq
LIMIT %(rows)s

-- name: get_head :one
-- The end of a chain.
SELECT tenant_id, seq, at, hash
FROM audit_heads
WHERE tenant_id = %(tenant_id)s

-- name: list_heads :many
-- The ends of all chains.
SELECT tenant_id, seq, at, hash
FROM audit_heads
WHERE tenant_id > %(after)s
ORDER BY tenant_id
LIMIT %(rows)s
