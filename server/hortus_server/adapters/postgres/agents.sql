-- name: add_agent :one
-- A new agent whose version 1 follows in the same transaction; no row when the name is taken.
INSERT INTO agents (id, tenant_id, name, description, current_version, latest_version)
VALUES (%(id)s, %(tenant_id)s, %(name)s, %(description)s, 1, 1)
ON CONFLICT (tenant_id, name) DO NOTHING
RETURNING id, tenant_id, name, description, current_version, created_at, updated_at

-- name: add_first_version :one
-- Version 1 of an agent that was just made.
INSERT INTO agent_versions (id, tenant_id, agent_id, version, spec)
VALUES (%(id)s, %(tenant_id)s, %(agent_id)s, 1, %(spec)s)
RETURNING id, tenant_id, agent_id, version, spec, created_at

-- name: add_next_version :one
-- The next version, made current; the agent's row serialises those who add.
WITH line AS (
    UPDATE agents
    SET latest_version = latest_version + 1, current_version = latest_version + 1, updated_at = now()
    WHERE tenant_id = %(tenant_id)s AND id = %(agent_id)s
    RETURNING tenant_id, id, latest_version
)
INSERT INTO agent_versions (id, tenant_id, agent_id, version, spec)
SELECT %(id)s, line.tenant_id, line.id, line.latest_version, %(spec)s
FROM line
RETURNING id, tenant_id, agent_id, version, spec, created_at

-- name: pin_version :one
-- Make an existing version current.
UPDATE agents
SET current_version = %(version)s, updated_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(agent_id)s
    AND EXISTS (
        SELECT FROM agent_versions AS v
        WHERE v.agent_id = agents.id AND v.version = %(version)s
    )
RETURNING id, tenant_id, name, description, current_version, created_at, updated_at

-- name: get_agent :one
-- By id.
SELECT id, tenant_id, name, description, current_version, created_at, updated_at
FROM agents
WHERE tenant_id = %(tenant_id)s AND id = %(agent_id)s

-- name: get_agent_by_name :one
-- By name.
SELECT id, tenant_id, name, description, current_version, created_at, updated_at
FROM agents
WHERE tenant_id = %(tenant_id)s AND name = %(name)s

-- name: get_agent_of_session :one
-- Whom a conversation is held with.
SELECT a.id, a.tenant_id, a.name, a.description, a.current_version, a.created_at, a.updated_at
FROM sessions AS s
JOIN agents AS a ON a.tenant_id = s.tenant_id AND a.id = s.agent_id
WHERE s.tenant_id = %(tenant_id)s AND s.id = %(session_id)s

-- name: get_version :one
-- One version by its number.
SELECT id, tenant_id, agent_id, version, spec, created_at
FROM agent_versions
WHERE tenant_id = %(tenant_id)s AND agent_id = %(agent_id)s AND version = %(version)s

-- name: list_agents :page
-- Newest first.
SELECT id, tenant_id, name, description, current_version, created_at, updated_at
FROM agents
WHERE tenant_id = %(tenant_id)s AND id < %(before)s
ORDER BY id DESC
LIMIT %(rows)s

-- name: list_versions :page
-- Newest first.
SELECT id, tenant_id, agent_id, version, spec, created_at
FROM agent_versions
WHERE tenant_id = %(tenant_id)s AND agent_id = %(agent_id)s AND id < %(before)s
ORDER BY id DESC
LIMIT %(rows)s
