-- name: add_session :one
-- A session with an empty log; no row when the tenant has no such agent.
INSERT INTO sessions (
    id, tenant_id, agent_id, title, metadata, message_policy, forked_from_session_id, forked_from_seq
)
SELECT
    %(id)s, agents.tenant_id, agents.id, %(title)s, %(metadata)s, %(message_policy)s,
    %(forked_from_session_id)s::uuid, %(forked_from_seq)s::bigint
FROM agents
WHERE agents.tenant_id = %(tenant_id)s AND agents.id = %(agent_id)s
RETURNING
    id, tenant_id, agent_id, title, metadata, message_policy, forked_from_session_id, forked_from_seq, last_seq,
    created_at, updated_at

-- name: get_session :one
-- By id.
SELECT
    id, tenant_id, agent_id, title, metadata, message_policy, forked_from_session_id, forked_from_seq, last_seq,
    created_at, updated_at
FROM sessions
WHERE tenant_id = %(tenant_id)s AND id = %(session_id)s

-- name: session_heads :many
-- Where the logs of several sessions end, each asked for by its tenant.
SELECT s.tenant_id, s.id, s.last_seq
FROM unnest(%(tenant_ids)s::uuid[], %(session_ids)s::uuid[]) AS asked (tenant_id, session_id)
JOIN sessions AS s ON s.tenant_id = asked.tenant_id AND s.id = asked.session_id

-- name: list_sessions :page
-- Newest first, of one agent or of all.
SELECT
    id, tenant_id, agent_id, title, metadata, message_policy, forked_from_session_id, forked_from_seq, last_seq,
    created_at, updated_at
FROM sessions
WHERE tenant_id = %(tenant_id)s AND id < %(before)s
    AND (%(agent_id)s::uuid IS NULL OR agent_id = %(agent_id)s)
ORDER BY id DESC
LIMIT %(rows)s

-- name: search_sessions :page
-- As list_sessions, those alone whose title or id holds every word; it looks through a bounded number of the newest.
SELECT
    id, tenant_id, agent_id, title, metadata, message_policy, forked_from_session_id, forked_from_seq, last_seq,
    created_at, updated_at
FROM (
    SELECT
        id, tenant_id, agent_id, title, metadata, message_policy, forked_from_session_id, forked_from_seq, last_seq,
        created_at, updated_at
    FROM sessions
    WHERE tenant_id = %(tenant_id)s AND id < %(before)s
        AND (%(agent_id)s::uuid IS NULL OR agent_id = %(agent_id)s)
    ORDER BY id DESC
    LIMIT %(searched)s
) AS newest
WHERE concat_ws(' ', id, title) ILIKE ALL (%(patterns)s::text[])
ORDER BY id DESC
LIMIT %(rows)s

-- name: lock_runs :exec
-- Lock a session's runs before the session, the order in which workers lock them.
SELECT id
FROM runs
WHERE tenant_id = %(tenant_id)s AND session_id = %(session_id)s
    AND status IN ('queued', 'running', 'waiting')
ORDER BY id
FOR UPDATE

-- name: lock_session :exec
-- From here on nobody can queue a run.
SELECT id
FROM sessions
WHERE tenant_id = %(tenant_id)s AND id = %(session_id)s
FOR UPDATE

-- name: unfinished_runs :exec
-- What forbids a deletion.
SELECT id
FROM runs
WHERE tenant_id = %(tenant_id)s AND session_id = %(session_id)s
    AND status IN ('queued', 'running', 'waiting')
LIMIT 1

-- name: delete_memories :many
-- Derived memories, told to the caller so that the index can forget them too.
DELETE FROM memories
WHERE tenant_id = %(tenant_id)s AND session_id = %(session_id)s
RETURNING id

-- name: release_artifacts :exec
-- What its log refers to is looked at by retention, once nothing here does any more.
WITH referred AS (
    SELECT DISTINCT one.sha256
    FROM events AS e
    CROSS JOIN jsonb_array_elements_text(
        jsonb_build_array(e.payload -> 'artifact_sha256') || jsonb_path_query_array(e.payload, '$.files[*].sha256')
    ) AS one (sha256)
    WHERE e.tenant_id = %(tenant_id)s AND e.session_id = %(session_id)s AND e.type = 'tool.finished'
),
held AS (
    SELECT a.sha256
    FROM artifacts AS a
    JOIN referred ON referred.sha256 = a.sha256
    WHERE a.tenant_id = %(tenant_id)s
    ORDER BY a.sha256
    FOR UPDATE OF a
)
UPDATE artifacts AS a
SET check_at = greatest(now(), a.put_at + interval '2 hours')
FROM held
WHERE a.tenant_id = %(tenant_id)s AND a.sha256 = held.sha256

-- name: delete_session :exec
-- The session; its log and its runs go with it.
DELETE FROM sessions
WHERE tenant_id = %(tenant_id)s AND id = %(session_id)s
