-- name: add_webhook :one
-- The only statements that take or give a secret are this one, rotate_secret and the sender's take_due.
INSERT INTO webhooks (
    id, tenant_id, description, url, events, agent_id, enabled, disabled_reason, secret, created_at, updated_at
)
VALUES (
    %(id)s, %(tenant_id)s, %(description)s, %(url)s, %(events)s, %(agent_id)s, %(enabled)s, %(disabled_reason)s,
    %(secret)s, %(created_at)s, %(updated_at)s
)
RETURNING
    id, tenant_id, description, url, events, agent_id, enabled, disabled_reason, previous_secret_until,
    failing_since, created_at, updated_at

-- name: get_webhook :one
-- By id.
SELECT
    id, tenant_id, description, url, events, agent_id, enabled, disabled_reason, previous_secret_until,
    failing_since, created_at, updated_at
FROM webhooks
WHERE tenant_id = %(tenant_id)s AND id = %(webhook_id)s

-- name: hold_webhook :one
-- By id, held until the commit.
SELECT
    id, tenant_id, description, url, events, agent_id, enabled, disabled_reason, previous_secret_until,
    failing_since, created_at, updated_at
FROM webhooks
WHERE tenant_id = %(tenant_id)s AND id = %(webhook_id)s
FOR NO KEY UPDATE

-- name: list_webhooks :many
-- Newest first.
SELECT
    id, tenant_id, description, url, events, agent_id, enabled, disabled_reason, previous_secret_until,
    failing_since, created_at, updated_at
FROM webhooks
WHERE tenant_id = %(tenant_id)s AND id < %(before)s
ORDER BY id DESC
LIMIT %(rows)s

-- name: change_webhook :one
-- Write what people may change.
UPDATE webhooks
SET
    description = %(description)s,
    url = %(url)s,
    events = %(events)s,
    agent_id = %(agent_id)s,
    enabled = %(enabled)s,
    disabled_reason = %(disabled_reason)s,
    failing_since = %(failing_since)s,
    updated_at = %(updated_at)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s
RETURNING
    id, tenant_id, description, url, events, agent_id, enabled, disabled_reason, previous_secret_until,
    failing_since, created_at, updated_at

-- name: rotate_secret :one
-- The secret before stays valid for a while, so that receivers can change over.
UPDATE webhooks
SET previous_secret = secret, previous_secret_until = %(previous_until)s, secret = %(secret)s, updated_at = now()
WHERE tenant_id = %(tenant_id)s AND id = %(webhook_id)s
RETURNING
    id, tenant_id, description, url, events, agent_id, enabled, disabled_reason, previous_secret_until,
    failing_since, created_at, updated_at

-- name: delete_webhook :exec
-- The webhook; its deliveries go with it.
DELETE FROM webhooks
WHERE tenant_id = %(tenant_id)s AND id = %(webhook_id)s

-- name: note_arrival :exec
-- Written only at the end of a row of failures.
UPDATE webhooks
SET failing_since = NULL
WHERE id = %(webhook_id)s AND failing_since IS NOT NULL

-- name: note_failure :exec
-- The first failure in a row is dated; a reason disables.
UPDATE webhooks
SET
    failing_since = coalesce(failing_since, %(at)s),
    enabled = enabled AND %(reason)s::text IS NULL,
    disabled_reason = CASE WHEN enabled THEN coalesce(%(reason)s, disabled_reason) ELSE disabled_reason END
WHERE id = %(webhook_id)s AND (failing_since IS NULL OR (enabled AND %(reason)s::text IS NOT NULL))
