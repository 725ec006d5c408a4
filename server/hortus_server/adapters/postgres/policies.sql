-- name: add_policy :one
-- A new policy whose version 1 follows in the same transaction; no row when the name is taken.
INSERT INTO policies (id, tenant_id, agent_id, name, description, current_version, latest_version)
VALUES (%(id)s, %(tenant_id)s, %(agent_id)s, %(name)s, %(description)s, 1, 1)
ON CONFLICT (tenant_id, name) DO NOTHING
RETURNING
    id, tenant_id, agent_id, name, description, current_version, latest_version, created_at, updated_at, disabled_at

-- name: add_policy_version :one
-- The next version, made current; the policy's row serialises those who add.
WITH line AS (
    UPDATE policies
    SET latest_version = latest_version + 1, current_version = latest_version + 1, updated_at = now()
    WHERE tenant_id = %(tenant_id)s AND id = %(policy_id)s
    RETURNING tenant_id, id, latest_version
)
INSERT INTO policy_versions (
    id, tenant_id, policy_id, version, rules, comment, made_by_kind, made_by_id, made_by_name
)
SELECT
    %(id)s, line.tenant_id, line.id, line.latest_version, %(rules)s, %(comment)s,
    %(made_by_kind)s, %(made_by_id)s, %(made_by_name)s
FROM line
RETURNING
    id, tenant_id, policy_id, version, rules, comment, made_by_kind, made_by_id, made_by_name, created_at

-- name: add_first_policy_version :one
-- Version 1 of a policy that was just made.
INSERT INTO policy_versions (
    id, tenant_id, policy_id, version, rules, comment, made_by_kind, made_by_id, made_by_name
)
VALUES (
    %(id)s, %(tenant_id)s, %(policy_id)s, 1, %(rules)s, %(comment)s,
    %(made_by_kind)s, %(made_by_id)s, %(made_by_name)s
)
RETURNING
    id, tenant_id, policy_id, version, rules, comment, made_by_kind, made_by_id, made_by_name, created_at

-- name: pin_policy_version :one
-- Make an existing version current.
UPDATE policies
SET current_version = %(version)s, updated_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(policy_id)s
    AND EXISTS (
        SELECT FROM policy_versions AS v
        WHERE v.tenant_id = policies.tenant_id AND v.policy_id = policies.id AND v.version = %(version)s
    )
RETURNING
    id, tenant_id, agent_id, name, description, current_version, latest_version, created_at, updated_at, disabled_at

-- name: enable_policy :one
-- In force or out of it; the time of the first disabling stays.
UPDATE policies
SET disabled_at = CASE WHEN %(enabled)s THEN NULL ELSE coalesce(disabled_at, now()) END, updated_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(policy_id)s
RETURNING
    id, tenant_id, agent_id, name, description, current_version, latest_version, created_at, updated_at, disabled_at

-- name: next_revision :exec
-- Every worker learns with its next call that the tenant's policies have changed. Held until the commit.
INSERT INTO policy_revisions AS r (tenant_id, revision)
VALUES (%(tenant_id)s, 1)
ON CONFLICT (tenant_id) DO UPDATE SET revision = r.revision + 1

-- name: get_policy :one
-- By id.
SELECT
    id, tenant_id, agent_id, name, description, current_version, latest_version, created_at, updated_at, disabled_at
FROM policies
WHERE tenant_id = %(tenant_id)s AND id = %(policy_id)s

-- name: get_policy_by_name :one
-- By name.
SELECT
    id, tenant_id, agent_id, name, description, current_version, latest_version, created_at, updated_at, disabled_at
FROM policies
WHERE tenant_id = %(tenant_id)s AND name = %(name)s

-- name: get_policy_version :one
-- One version by its number.
SELECT id, tenant_id, policy_id, version, rules, comment, made_by_kind, made_by_id, made_by_name, created_at
FROM policy_versions
WHERE tenant_id = %(tenant_id)s AND policy_id = %(policy_id)s AND version = %(version)s

-- name: list_policies :page
-- Newest first.
SELECT
    id, tenant_id, agent_id, name, description, current_version, latest_version, created_at, updated_at, disabled_at
FROM policies
WHERE tenant_id = %(tenant_id)s AND id < %(before)s
ORDER BY id DESC
LIMIT %(rows)s

-- name: list_policy_versions :page
-- Newest first.
SELECT id, tenant_id, policy_id, version, rules, comment, made_by_kind, made_by_id, made_by_name, created_at
FROM policy_versions
WHERE tenant_id = %(tenant_id)s AND policy_id = %(policy_id)s AND id < %(before)s
ORDER BY id DESC
LIMIT %(rows)s
