-- name: add_memory :exec
-- Store once; the id is derived from what is remembered.
INSERT INTO memories (
    id, tenant_id, agent_id, session_id, run_id, kind, visibility, title, content,
    source_first_seq, source_last_seq, occurred_at, created_at, indexed_at, label
)
VALUES (
    %(id)s, %(tenant_id)s, %(agent_id)s, %(session_id)s, %(run_id)s, %(kind)s, %(visibility)s, %(title)s, %(content)s,
    %(source_first_seq)s, %(source_last_seq)s, %(occurred_at)s, %(created_at)s, %(indexed_at)s,
    %(label)s
)
ON CONFLICT (id) DO NOTHING

-- name: mark_indexed :exec
-- The vector index holds it now.
UPDATE memories
SET indexed_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(memory_id)s

-- name: get_memory :one
-- By id.
SELECT
    m.id, m.tenant_id, m.agent_id, m.session_id, m.run_id, m.kind, m.visibility, m.title, m.content,
    m.source_first_seq, m.source_last_seq, m.occurred_at, m.created_at, m.indexed_at,
    m.label, m.sensitivity_floor, m.source_first_seq > s.purged_seq AS source_kept
FROM memories AS m
JOIN sessions AS s ON s.id = m.session_id
WHERE m.tenant_id = %(tenant_id)s AND m.id = %(memory_id)s

-- name: list_memories :page
-- Newest first, of one agent or of all.
SELECT
    m.id, m.tenant_id, m.agent_id, m.session_id, m.run_id, m.kind, m.visibility, m.title, m.content,
    m.source_first_seq, m.source_last_seq, m.occurred_at, m.created_at, m.indexed_at,
    m.label, m.sensitivity_floor, m.source_first_seq > s.purged_seq AS source_kept
FROM memories AS m
JOIN sessions AS s ON s.id = m.session_id
WHERE m.tenant_id = %(tenant_id)s
    AND (m.created_at, m.id) < (%(before_at)s, %(before)s)
    AND (%(agent_id)s::uuid IS NULL OR m.agent_id = %(agent_id)s)
ORDER BY m.created_at DESC, m.id DESC
LIMIT %(rows)s

-- name: edit_memory :exec
-- A person's words in place of what was remembered.
UPDATE memories
SET title = %(title)s, content = %(content)s, indexed_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(memory_id)s

-- name: delete_memory :exec
-- Forget one.
DELETE FROM memories
WHERE tenant_id = %(tenant_id)s AND id = %(memory_id)s

-- name: set_memory_floor :exec
-- What counts at least, by hand; NULL: what the label says.
UPDATE memories
SET sensitivity_floor = %(sensitivity)s
WHERE tenant_id = %(tenant_id)s AND id = %(memory_id)s
