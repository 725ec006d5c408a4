-- name: list_floors :many
-- The tenant's own first: its name is empty.
SELECT tool, sensitivity, reason, set_by, set_at
FROM sensitivity_floors
WHERE tenant_id = %(tenant_id)s
ORDER BY tool
LIMIT 1000

-- name: set_floor :exec
-- One for each name.
INSERT INTO sensitivity_floors (tenant_id, tool, sensitivity, reason, set_by)
VALUES (%(tenant_id)s, %(tool)s, %(sensitivity)s, %(reason)s, %(set_by)s)
ON CONFLICT (tenant_id, tool) DO UPDATE SET
    sensitivity = excluded.sensitivity, reason = excluded.reason, set_by = excluded.set_by, set_at = now()

-- name: remove_floor :exec
-- Back to what labels say.
DELETE FROM sensitivity_floors
WHERE tenant_id = %(tenant_id)s AND tool = %(tool)s

-- name: floors_changed :exec
-- Every worker learns with its next call that what it judges by has changed, as with policies. Held until the commit.
INSERT INTO policy_revisions AS r (tenant_id, revision)
VALUES (%(tenant_id)s, 1)
ON CONFLICT (tenant_id) DO UPDATE SET revision = r.revision + 1
