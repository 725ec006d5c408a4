-- name: policies_in_force :many
-- An agent's policy, then its tenant's, with the revision and the floors; one row without a policy where there is none.
SELECT
    coalesce(r.revision, 0) AS revision, p.id AS policy_id, p.name, p.agent_id, v.version, v.rules,
    (SELECT jsonb_object_agg(f.tool, f.sensitivity) FROM sensitivity_floors AS f WHERE f.tenant_id = t.id) AS floors
FROM (SELECT %(tenant_id)s::uuid AS id) AS t
LEFT JOIN policy_revisions AS r ON r.tenant_id = t.id
LEFT JOIN policies AS p
    ON p.tenant_id = t.id AND p.disabled_at IS NULL AND (p.agent_id IS NULL OR p.agent_id = %(agent_id)s::uuid)
LEFT JOIN policy_versions AS v
    ON v.tenant_id = p.tenant_id AND v.policy_id = p.id AND v.version = p.current_version
ORDER BY p.agent_id IS NULL

-- name: use_rate :exec
-- One more call, unless the window is full; whoever else counts for the same rule waits for this commit.
INSERT INTO policy_calls AS c (tenant_id, policy_id, rule, subject_id, called_at)
VALUES (%(tenant_id)s, %(policy_id)s, %(rule)s, %(subject_id)s, ARRAY[clock_timestamp()])
ON CONFLICT (tenant_id, policy_id, rule, subject_id) DO UPDATE
SET
    called_at = clock_timestamp() || ARRAY(
        SELECT each FROM unnest(c.called_at) AS each
        WHERE each > clock_timestamp() - make_interval(secs => %(window_s)s)
        ORDER BY each DESC
    ),
    updated_at = now()
WHERE (
    SELECT count(*) FROM unnest(c.called_at) AS each
    WHERE each > clock_timestamp() - make_interval(secs => %(window_s)s)
) < %(calls)s

-- name: rate_frees_in :one
-- When the oldest call that fills the window leaves it.
SELECT greatest(extract(epoch FROM each + make_interval(secs => %(window_s)s) - clock_timestamp()), 0)::float8 AS frees_in_s
FROM policy_calls AS c, unnest(c.called_at) AS each
WHERE c.tenant_id = %(tenant_id)s AND c.policy_id = %(policy_id)s AND c.rule = %(rule)s
    AND c.subject_id = %(subject_id)s
ORDER BY each DESC
OFFSET %(calls)s - 1
LIMIT 1

-- name: past_calls :many
-- The first attempts of tool calls, newest first; of one run, or of the tenant's last runs.
SELECT
    e.session_id, e.run_id, e.seq, e.at, r.agent_id, v.version AS agent_version,
    e.payload ->> 'call_id' AS call_id,
    e.payload ->> 'name' AS tool,
    e.payload ->> 'tool_version_id' AS tool_version_id,
    e.payload -> 'arguments' AS arguments,
    (e.payload ->> 'side_effect')::integer AS side_effect,
    coalesce((e.payload ->> 'untrusted')::boolean, false) AS untrusted,
    coalesce((e.payload ->> 'sensitive')::boolean, false) AS sensitive
FROM (
    SELECT id, session_id, tenant_id, agent_id, agent_version_id
    FROM runs
    WHERE tenant_id = %(tenant_id)s AND (%(run_id)s::uuid IS NULL OR id = %(run_id)s)
    ORDER BY id DESC
    LIMIT 500
) AS r
JOIN agent_versions AS v ON v.tenant_id = r.tenant_id AND v.id = r.agent_version_id
JOIN events AS e ON e.session_id = r.session_id AND e.run_id = r.id AND e.tenant_id = r.tenant_id
WHERE e.type = 'tool.called' AND coalesce((e.payload ->> 'attempt')::integer, 1) = 1
ORDER BY e.at DESC, e.seq DESC
LIMIT %(rows)s

-- name: purge_rates :exec
-- Counters whose every window is over, the oldest first and so many in a round.
DELETE FROM policy_calls AS c
USING (
    SELECT tenant_id, policy_id, rule, subject_id
    FROM policy_calls
    WHERE updated_at < now() - %(older_than)s::interval
    ORDER BY updated_at
    LIMIT 10000
    FOR UPDATE SKIP LOCKED
) AS old
WHERE (c.tenant_id, c.policy_id, c.rule, c.subject_id) = (old.tenant_id, old.policy_id, old.rule, old.subject_id)
