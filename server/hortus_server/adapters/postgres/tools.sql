-- name: find_proposed :one
-- The version that this call proposed with this source, if it did so before.
SELECT
    id, tenant_id, tool_id, version, state, description, parameters, returns, function, source, source_sha256, tests,
    test_report, origin_run_id, origin_call_id, uses, failures, created_at, activated_at,
    in_doubt
FROM tool_versions
WHERE tenant_id = %(tenant_id)s
    AND (
        id = %(id)s
        OR (
            origin_run_id = %(origin_run_id)s
            AND origin_call_id = %(origin_call_id)s
            AND source_sha256 = %(source_sha256)s
        )
    )
LIMIT 1

-- name: next_version :one
-- The tool of this name, made if need be, with its next version number; its row serialises those who propose.
INSERT INTO tools (id, tenant_id, name, description, latest_version)
VALUES (%(tool_id)s, %(tenant_id)s, %(name)s, %(description)s, 1)
ON CONFLICT (tenant_id, name) DO UPDATE SET latest_version = tools.latest_version + 1, updated_at = now()
RETURNING id AS tool_id, latest_version AS version

-- name: add_version :one
-- A candidate; no row when this call's source was stored a moment ago.
INSERT INTO tool_versions (
    id, tenant_id, tool_id, version, state, description, parameters, returns, function, source, source_sha256, tests,
    test_report, origin_run_id, origin_call_id
)
VALUES (
    %(id)s, %(tenant_id)s, %(tool_id)s, %(version)s, 'proposed', %(description)s, %(parameters)s, %(returns)s,
    %(function)s, %(source)s, %(source_sha256)s, %(tests)s, %(test_report)s, %(origin_run_id)s, %(origin_call_id)s
)
ON CONFLICT DO NOTHING
RETURNING
    id, tenant_id, tool_id, version, state, description, parameters, returns, function, source, source_sha256, tests,
    test_report, origin_run_id, origin_call_id, uses, failures, created_at, activated_at,
    in_doubt

-- name: record_test :one
-- Keep a report and the cases that it checked; a version that got beyond its test keeps its state.
UPDATE tool_versions
SET
    test_report = %(report)s,
    tests = COALESCE(%(report)s::jsonb -> 'cases', tests),
    state = CASE WHEN state IN ('proposed', 'tested', 'rejected') THEN %(state)s ELSE state END
WHERE tenant_id = %(tenant_id)s AND id = %(version_id)s
RETURNING
    id, tenant_id, tool_id, version, state, description, parameters, returns, function, source, source_sha256, tests,
    test_report, origin_run_id, origin_call_id, uses, failures, created_at, activated_at,
    in_doubt

-- name: lock_tool_of_version :one
-- Those who change which version is active take turns at the tool's row.
SELECT tools.id
FROM tools
JOIN tool_versions ON tool_versions.tool_id = tools.id
WHERE tool_versions.tenant_id = %(tenant_id)s AND tool_versions.id = %(version_id)s
FOR NO KEY UPDATE OF tools

-- name: retire_active :exec
-- The version that another replaces is tested still, so that it can come back.
UPDATE tool_versions
SET state = 'tested'
WHERE tenant_id = %(tenant_id)s AND tool_id = %(tool_id)s AND id <> %(version_id)s AND state = 'active'
    AND EXISTS (
        SELECT FROM tool_versions AS next
        WHERE next.id = %(version_id)s AND next.state = 'tested' AND next.test_report IS NOT NULL
    )

-- name: activate_version :one
-- Only what passed its test becomes active; again changes nothing.
WITH activated AS (
    UPDATE tool_versions
    SET state = 'active', state_reason = NULL, activated_at = coalesce(activated_at, now())
    WHERE tenant_id = %(tenant_id)s AND id = %(version_id)s
        AND state IN ('tested', 'active')
        AND test_report IS NOT NULL
    RETURNING
        id, tenant_id, tool_id, version, state, description, parameters, returns, function, source, source_sha256,
        tests, test_report, origin_run_id, origin_call_id, uses, failures, created_at, activated_at,
    in_doubt
),
line AS (
    UPDATE tools
    SET active_version = activated.version, description = activated.description, updated_at = now()
    FROM activated
    WHERE tools.id = activated.tool_id
)
SELECT
    id, tenant_id, tool_id, version, state, description, parameters, returns, function, source, source_sha256, tests,
    test_report, origin_run_id, origin_call_id, uses, failures, created_at, activated_at,
    in_doubt
FROM activated

-- name: disable_tool :one
-- No version of the tool is active from here on.
UPDATE tools
SET active_version = NULL, updated_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(tool_id)s
RETURNING id, tenant_id, name, description, active_version, created_at, updated_at

-- name: disable_active :exec
-- What was active is out of use, and why.
UPDATE tool_versions
SET state = 'disabled', state_reason = %(reason)s
WHERE tenant_id = %(tenant_id)s AND tool_id = %(tool_id)s AND state = 'active'

-- name: get_tool :one
-- By id.
SELECT id, tenant_id, name, description, active_version, created_at, updated_at
FROM tools
WHERE tenant_id = %(tenant_id)s AND id = %(tool_id)s

-- name: get_tool_by_name :one
-- By name.
SELECT id, tenant_id, name, description, active_version, created_at, updated_at
FROM tools
WHERE tenant_id = %(tenant_id)s AND name = %(name)s

-- name: get_version :one
-- By id.
SELECT
    id, tenant_id, tool_id, version, state, description, parameters, returns, function, source, source_sha256, tests,
    test_report, origin_run_id, origin_call_id, uses, failures, created_at, activated_at,
    in_doubt
FROM tool_versions
WHERE tenant_id = %(tenant_id)s AND id = %(version_id)s

-- name: active_versions :many
-- Hits of the index that are active at this moment, with their tools.
SELECT
    v.id, v.tenant_id, v.tool_id, v.version, v.state, v.description, v.parameters, v.returns, v.function, v.source,
    v.source_sha256, v.tests, v.test_report, v.origin_run_id, v.origin_call_id, v.uses, v.failures, v.created_at,
    v.activated_at, v.in_doubt,
    t.name AS tool_name, t.description AS tool_description, t.active_version AS tool_active_version,
    t.created_at AS tool_created_at, t.updated_at AS tool_updated_at
FROM tool_versions AS v
JOIN tools AS t ON t.id = v.tool_id
WHERE v.tenant_id = %(tenant_id)s AND v.id = ANY(%(version_ids)s::uuid[]) AND v.state = 'active'
ORDER BY array_position(%(version_ids)s::uuid[], v.id)

-- name: versions_of_call :many
-- What one call proposed, oldest first.
SELECT
    id, tenant_id, tool_id, version, state, description, parameters, returns, function, source, source_sha256, tests,
    test_report, origin_run_id, origin_call_id, uses, failures, created_at, activated_at,
    in_doubt
FROM tool_versions
WHERE tenant_id = %(tenant_id)s AND origin_run_id = %(run_id)s AND origin_call_id = %(call_id)s
ORDER BY created_at, version

-- name: list_tools :page
-- Newest first.
SELECT id, tenant_id, name, description, active_version, created_at, updated_at
FROM tools
WHERE tenant_id = %(tenant_id)s AND (created_at, id) < (%(before_at)s, %(before)s)
ORDER BY created_at DESC, id DESC
LIMIT %(rows)s

-- name: list_versions :many
-- Newest first.
SELECT
    id, tenant_id, tool_id, version, state, description, parameters, returns, function, source, source_sha256, tests,
    test_report, origin_run_id, origin_call_id, uses, failures, created_at, activated_at,
    in_doubt
FROM tool_versions
WHERE tenant_id = %(tenant_id)s AND tool_id = %(tool_id)s
ORDER BY version DESC

-- name: record_use :exec
-- Count a use once for each call, however often it is told.
WITH counted AS (
    INSERT INTO tool_uses (tenant_id, run_id, call_id, tool_version_id, ok)
    SELECT v.tenant_id, r.id, %(call_id)s, v.id, %(ok)s
    FROM tool_versions AS v
    JOIN runs AS r ON r.tenant_id = v.tenant_id
    WHERE v.tenant_id = %(tenant_id)s AND v.id = %(version_id)s AND r.id = %(run_id)s
    ON CONFLICT DO NOTHING
    RETURNING tool_version_id, ok
)
UPDATE tool_versions
SET uses = uses + 1, failures = failures + CASE WHEN counted.ok THEN 0 ELSE 1 END
FROM counted
WHERE tool_versions.id = counted.tool_version_id

-- name: set_in_doubt :one
-- What happens to a call of this version whose worker died before it knew the result.
UPDATE tool_versions
SET in_doubt = %(policy)s
WHERE tenant_id = %(tenant_id)s AND id = %(version_id)s
RETURNING
    id, tenant_id, tool_id, version, state, description, parameters, returns, function, source, source_sha256, tests,
    test_report, origin_run_id, origin_call_id, uses, failures, created_at, activated_at,
    in_doubt
