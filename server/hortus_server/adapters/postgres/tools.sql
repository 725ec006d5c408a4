-- name: find_proposed :one
-- The version that this call proposed with this source, if it did so before.
SELECT
    id, tenant_id, tool_id, version, state, description, parameters, returns, function, source, source_sha256, tests,
    test_report, origin_run_id, origin_call_id, uses, failures, created_at, activated_at,
    in_doubt, state_reason, permissions, scan_report, negative_report, origin, origin_step, label
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
    test_report, origin_run_id, origin_call_id, permissions, origin, origin_step, state_reason, label
)
VALUES (
    %(id)s, %(tenant_id)s, %(tool_id)s, %(version)s, %(state)s, %(description)s, %(parameters)s, %(returns)s,
    %(function)s, %(source)s, %(source_sha256)s, %(tests)s, %(test_report)s, %(origin_run_id)s, %(origin_call_id)s,
    %(permissions)s, %(origin)s, %(origin_step)s, %(state_reason)s, %(label)s
)
ON CONFLICT DO NOTHING
RETURNING
    id, tenant_id, tool_id, version, state, description, parameters, returns, function, source, source_sha256, tests,
    test_report, origin_run_id, origin_call_id, uses, failures, created_at, activated_at,
    in_doubt, state_reason, permissions, scan_report, negative_report, origin, origin_step, label

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
    in_doubt, state_reason, permissions, scan_report, negative_report, origin, origin_step, label

-- name: lock_tool_of_version :one
-- Those who change a version's state take turns at the tool's row, always before a version's.
SELECT tools.id
FROM tools
JOIN tool_versions ON tool_versions.tool_id = tools.id
WHERE tool_versions.tenant_id = %(tenant_id)s AND tool_versions.id = %(version_id)s
FOR NO KEY UPDATE OF tools

-- name: record_gates :one
-- Keep what scan and negative tests came to.
UPDATE tool_versions
SET scan_report = %(scan)s, negative_report = %(negative)s
WHERE tenant_id = %(tenant_id)s AND id = %(version_id)s
RETURNING
    id, tenant_id, tool_id, version, state, description, parameters, returns, function, source, source_sha256, tests,
    test_report, origin_run_id, origin_call_id, uses, failures, created_at, activated_at,
    in_doubt, state_reason, permissions, scan_report, negative_report, origin, origin_step, label

-- name: set_state :one
-- Any state but `active`; a version that leaves `active` leaves its tool without an active version.
WITH changed AS (
    UPDATE tool_versions
    SET state = %(state)s, state_reason = %(reason)s, state_changed_at = now()
    WHERE tenant_id = %(tenant_id)s AND id = %(version_id)s AND %(state)s <> 'active'
    RETURNING
        id, tenant_id, tool_id, version, state, description, parameters, returns, function, source, source_sha256, tests,
        test_report, origin_run_id, origin_call_id, uses, failures, created_at, activated_at,
        in_doubt, state_reason, permissions, scan_report, negative_report, origin, origin_step, label
),
line AS (
    UPDATE tools
    SET active_version = NULLIF(active_version, changed.version), updated_at = now()
    FROM changed
    WHERE tools.id = changed.tool_id
)
SELECT
    id, tenant_id, tool_id, version, state, description, parameters, returns, function, source, source_sha256, tests,
    test_report, origin_run_id, origin_call_id, uses, failures, created_at, activated_at,
    in_doubt, state_reason, permissions, scan_report, negative_report, origin, origin_step, label
FROM changed

-- name: retire_active :exec
-- The version that another replaces, where that one may become active; it is tested still, or rolled back.
UPDATE tool_versions
SET state = %(state)s, state_reason = %(reason)s, state_changed_at = now()
WHERE tenant_id = %(tenant_id)s AND tool_id = %(tool_id)s AND id <> %(version_id)s AND state = 'active'
    AND EXISTS (
        SELECT FROM tool_versions AS next
        WHERE next.id = %(version_id)s AND next.state = ANY(%(states)s)
            AND next.test_report ->> 'passed' = 'true'
            AND next.scan_report ->> 'passed' = 'true'
            AND next.negative_report ->> 'passed' = 'true'
    )

-- name: activate_version :one
-- Only what passed its tests, the scan and the negative tests becomes active; again changes nothing.
WITH activated AS (
    UPDATE tool_versions
    SET
        state = 'active', state_reason = NULL, activated_at = coalesce(activated_at, now()),
        state_changed_at = CASE WHEN state = 'active' THEN state_changed_at ELSE now() END
    WHERE tenant_id = %(tenant_id)s AND id = %(version_id)s
        AND state = ANY(%(states)s)
        AND test_report ->> 'passed' = 'true'
        AND scan_report ->> 'passed' = 'true'
        AND negative_report ->> 'passed' = 'true'
    RETURNING
        id, tenant_id, tool_id, version, state, description, parameters, returns, function, source, source_sha256, tests,
        test_report, origin_run_id, origin_call_id, uses, failures, created_at, activated_at,
        in_doubt, state_reason, permissions, scan_report, negative_report, origin, origin_step, label
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
    in_doubt, state_reason, permissions, scan_report, negative_report, origin, origin_step, label
FROM activated

-- name: activates_pure :one
-- What the tenant has said; no row where it said nothing.
SELECT activate_pure
FROM tool_activation
WHERE tenant_id = %(tenant_id)s

-- name: set_activates_pure :exec
-- From now on.
INSERT INTO tool_activation (tenant_id, activate_pure)
VALUES (%(tenant_id)s, %(activate_pure)s)
ON CONFLICT (tenant_id) DO UPDATE SET activate_pure = excluded.activate_pure, updated_at = now()

-- name: get_tool :one
-- By id.
SELECT
    id, tenant_id, name, description, active_version, created_at, updated_at,
    (
        SELECT v.version FROM tool_versions AS v
        WHERE v.tool_id = tools.id AND v.state = 'quarantined'
        ORDER BY v.version DESC LIMIT 1
    ) AS waiting_version
FROM tools
WHERE tenant_id = %(tenant_id)s AND id = %(tool_id)s

-- name: get_tool_by_name :one
-- By name.
SELECT
    id, tenant_id, name, description, active_version, created_at, updated_at,
    (
        SELECT v.version FROM tool_versions AS v
        WHERE v.tool_id = tools.id AND v.state = 'quarantined'
        ORDER BY v.version DESC LIMIT 1
    ) AS waiting_version
FROM tools
WHERE tenant_id = %(tenant_id)s AND name = %(name)s

-- name: get_version :one
-- By id.
SELECT
    id, tenant_id, tool_id, version, state, description, parameters, returns, function, source, source_sha256, tests,
    test_report, origin_run_id, origin_call_id, uses, failures, created_at, activated_at,
    in_doubt, state_reason, permissions, scan_report, negative_report, origin, origin_step, label
FROM tool_versions
WHERE tenant_id = %(tenant_id)s AND id = %(version_id)s

-- name: active_versions :many
-- Hits of the index that are active at this moment, with their tools.
SELECT
    v.id, v.tenant_id, v.tool_id, v.version, v.state, v.description, v.parameters, v.returns, v.function, v.source,
    v.source_sha256, v.tests, v.test_report, v.origin_run_id, v.origin_call_id, v.uses, v.failures, v.created_at,
    v.activated_at, v.in_doubt, v.state_reason, v.permissions, v.scan_report, v.negative_report, v.origin, v.label,
    v.origin_step,
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
    in_doubt, state_reason, permissions, scan_report, negative_report, origin, origin_step, label
FROM tool_versions
WHERE tenant_id = %(tenant_id)s AND origin_run_id = %(run_id)s AND origin_call_id = %(call_id)s
ORDER BY created_at, version

-- name: list_tools :page
-- Newest first.
SELECT
    id, tenant_id, name, description, active_version, created_at, updated_at,
    (
        SELECT v.version FROM tool_versions AS v
        WHERE v.tool_id = tools.id AND v.state = 'quarantined'
        ORDER BY v.version DESC LIMIT 1
    ) AS waiting_version
FROM tools
WHERE tenant_id = %(tenant_id)s AND (created_at, id) < (%(before_at)s, %(before)s)
ORDER BY created_at DESC, id DESC
LIMIT %(rows)s

-- name: list_versions :many
-- Newest first.
SELECT
    id, tenant_id, tool_id, version, state, description, parameters, returns, function, source, source_sha256, tests,
    test_report, origin_run_id, origin_call_id, uses, failures, created_at, activated_at,
    in_doubt, state_reason, permissions, scan_report, negative_report, origin, origin_step, label
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
    in_doubt, state_reason, permissions, scan_report, negative_report, origin, origin_step, label
