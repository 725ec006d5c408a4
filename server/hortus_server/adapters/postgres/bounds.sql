-- name: lock_bound :one
-- One transaction at a time makes another of the kind.
SELECT pg_advisory_xact_lock(hashtextextended(%(name)s, 7316502414)) IS NULL AS waited

-- name: count_bounded :one
-- How many of a kind there are, counted no further than its bound; only the branch that is asked for is looked up.
SELECT
    CASE %(kind)s
        WHEN 'agents' THEN (
            SELECT count(*) FROM (SELECT FROM agents WHERE tenant_id = %(tenant_id)s LIMIT %(most)s) AS f
        )
        WHEN 'agent versions' THEN (
            SELECT count(*)
            FROM (
                SELECT FROM agent_versions WHERE tenant_id = %(tenant_id)s AND agent_id = %(of)s LIMIT %(most)s
            ) AS f
        )
        WHEN 'policies' THEN (
            SELECT count(*) FROM (SELECT FROM policies WHERE tenant_id = %(tenant_id)s LIMIT %(most)s) AS f
        )
        WHEN 'policy versions' THEN (
            SELECT count(*)
            FROM (
                SELECT FROM policy_versions WHERE tenant_id = %(tenant_id)s AND policy_id = %(of)s LIMIT %(most)s
            ) AS f
        )
        WHEN 'keys' THEN (
            SELECT count(*)
            FROM (SELECT FROM api_keys WHERE tenant_id = %(tenant_id)s AND revoked_at IS NULL LIMIT %(most)s) AS f
        )
        WHEN 'open links' THEN (
            SELECT count(*)
            FROM (
                SELECT FROM invitations
                WHERE tenant_id = %(tenant_id)s AND used_at IS NULL AND revoked_at IS NULL AND expires_at > now()
                LIMIT %(most)s
            ) AS f
        )
        WHEN 'members' THEN (
            SELECT count(*) FROM (SELECT FROM memberships WHERE tenant_id = %(tenant_id)s LIMIT %(most)s) AS f
        )
        WHEN 'webhooks' THEN (
            SELECT count(*) FROM (SELECT FROM webhooks WHERE tenant_id = %(tenant_id)s LIMIT %(most)s) AS f
        )
        WHEN 'schedules' THEN (
            SELECT count(*) FROM (SELECT FROM schedules WHERE tenant_id = %(tenant_id)s LIMIT %(most)s) AS f
        )
        WHEN 'imported tools' THEN (
            SELECT count(*)
            FROM (
                SELECT FROM tool_versions WHERE tenant_id = %(tenant_id)s AND origin = 'import' LIMIT %(most)s
            ) AS f
        )
        WHEN 'sensitivity floors' THEN (
            SELECT count(*) FROM (SELECT FROM sensitivity_floors WHERE tenant_id = %(tenant_id)s LIMIT %(most)s) AS f
        )
        WHEN 'tenants' THEN (SELECT count(*) FROM (SELECT FROM tenants LIMIT %(most)s) AS f)
    END AS count
