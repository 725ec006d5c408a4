-- name: get_approval :one
-- With all that an inbox shows.
SELECT
    a.id, a.tenant_id, a.session_id, s.title AS session_title, a.run_id, a.agent_id, g.name AS agent_name, a.kind,
    a.status, a.call_id, a.tool, a.tool_version, a.arguments, a.call_sha256, a.side_effect, a.reason, a.choices,
    a.persons, a.started_at, a.worker_id, a.requested_at, a.expires_at, a.closed_at, a.used_at,
    a.status = 'pending' AND a.expires_at <= clock_timestamp() AS overdue,
    d.decisions
FROM approvals AS a
JOIN sessions AS s ON s.id = a.session_id
JOIN agents AS g ON g.id = a.agent_id
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object(
        'by_kind', m.by_kind, 'by_id', m.by_id, 'by_name', m.by_name, 'decision', m.decision, 'reason', m.reason,
        'answer', m.answer, 'decided_at', m.decided_at
    ) ORDER BY m.decided_at) AS decisions
    FROM approval_decisions AS m
    WHERE m.approval_id = a.id
) AS d ON true
WHERE a.tenant_id = %(tenant_id)s AND a.id = %(approval_id)s

-- name: list_approvals :page
-- Newest first, filtered by status, kind, run, session and agent.
SELECT
    a.id, a.tenant_id, a.session_id, s.title AS session_title, a.run_id, a.agent_id, g.name AS agent_name, a.kind,
    a.status, a.call_id, a.tool, a.tool_version, a.arguments, a.call_sha256, a.side_effect, a.reason, a.choices,
    a.persons, a.started_at, a.worker_id, a.requested_at, a.expires_at, a.closed_at, a.used_at,
    a.status = 'pending' AND a.expires_at <= clock_timestamp() AS overdue,
    d.decisions
FROM approvals AS a
JOIN sessions AS s ON s.id = a.session_id
JOIN agents AS g ON g.id = a.agent_id
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object(
        'by_kind', m.by_kind, 'by_id', m.by_id, 'by_name', m.by_name, 'decision', m.decision, 'reason', m.reason,
        'answer', m.answer, 'decided_at', m.decided_at
    ) ORDER BY m.decided_at) AS decisions
    FROM approval_decisions AS m
    WHERE m.approval_id = a.id
) AS d ON true
WHERE a.tenant_id = %(tenant_id)s AND (a.requested_at, a.id) < (%(before_at)s, %(before_id)s)
    AND (%(status)s::text IS NULL OR a.status = %(status)s)
    AND (%(kind)s::text IS NULL OR a.kind = %(kind)s)
    AND (%(run_id)s::uuid IS NULL OR a.run_id = %(run_id)s)
    AND (%(session_id)s::uuid IS NULL OR a.session_id = %(session_id)s)
    AND (%(agent_id)s::uuid IS NULL OR a.agent_id = %(agent_id)s)
ORDER BY a.requested_at DESC, a.id DESC
LIMIT %(rows)s

-- name: awaited_approval :one
-- A run waits for one at a time.
SELECT id
FROM approvals
WHERE tenant_id = %(tenant_id)s AND run_id = %(run_id)s AND status = 'pending'

-- name: record_decision :exec
-- One person decides once; no row for another tenant's approval.
INSERT INTO approval_decisions (
    approval_id, tenant_id, person_id, by_kind, by_id, by_name, decision, reason, answer
)
SELECT
    a.id, a.tenant_id, %(person_id)s, %(by_kind)s, %(by_id)s, %(by_name)s, %(decision)s, %(reason)s, %(answer)s
FROM approvals AS a
WHERE a.tenant_id = %(tenant_id)s AND a.id = %(approval_id)s
ON CONFLICT DO NOTHING

-- name: close_approval :exec
-- In time, by this clock: a transaction may have waited for its turn.
UPDATE approvals
SET status = %(outcome)s, closed_at = clock_timestamp()
WHERE tenant_id = %(tenant_id)s AND id = %(approval_id)s AND status = 'pending' AND expires_at > clock_timestamp()

-- name: add_approval :exec
-- The row behind an approval.requested, from the log itself: what is decided on is what stands there.
INSERT INTO approvals (
    id, tenant_id, session_id, run_id, agent_id, kind, call_id, tool, tool_version, arguments, call_sha256,
    side_effect, reason, choices, persons, started_at, worker_id, requested_at, expires_at
)
SELECT
    (e.payload ->> 'approval_id')::uuid, r.tenant_id, r.session_id, r.id, r.agent_id, e.payload ->> 'kind',
    e.payload ->> 'call_id', e.payload ->> 'name', e.payload ->> 'tool_version', e.payload -> 'arguments',
    e.payload ->> 'call_sha256', (e.payload ->> 'side_effect')::smallint, e.payload ->> 'reason',
    ARRAY(SELECT jsonb_array_elements_text(e.payload -> 'choices')), (e.payload ->> 'persons')::smallint,
    (e.payload ->> 'started_at')::timestamptz, e.payload ->> 'worker_id', e.at,
    (e.payload ->> 'expires_at')::timestamptz
FROM events AS e
JOIN runs AS r ON r.session_id = e.session_id AND r.id = e.run_id
WHERE e.session_id = %(session_id)s AND e.seq = %(seq)s AND e.type = 'approval.requested'
    AND r.tenant_id = %(tenant_id)s AND r.id = %(run_id)s

-- name: is_pending :one
-- Whether it is still worth waiting for; out of time is for whoever expires it.
SELECT id
FROM approvals
WHERE tenant_id = %(tenant_id)s AND id = %(approval_id)s AND run_id = %(run_id)s AND status = 'pending'

-- name: use_approval :exec
-- Once, and for the very call that was approved.
UPDATE approvals
SET used_at = clock_timestamp()
WHERE tenant_id = %(tenant_id)s
    AND id = %(approval_id)s
    AND run_id = %(run_id)s
    AND call_id = %(call_id)s
    AND call_sha256 = %(call_sha256)s
    AND status = 'approved'
    AND used_at IS NULL

-- name: expire_approval :exec
-- Once, however many look.
UPDATE approvals
SET status = 'expired', closed_at = clock_timestamp()
WHERE tenant_id = %(tenant_id)s AND id = %(approval_id)s AND status = 'pending' AND expires_at <= clock_timestamp()

-- name: overdue_approvals :many
-- An index of what is pending, in the order of its end; now(), since a clock that moves cannot be looked up in it.
SELECT id, tenant_id, run_id
FROM approvals
WHERE status = 'pending' AND expires_at <= now()
ORDER BY expires_at
LIMIT %(rows)s

-- name: set_timer :exec
-- A run waits for one time.
INSERT INTO timers (run_id, due_at)
SELECT r.id, %(due_at)s
FROM runs AS r
WHERE r.tenant_id = %(tenant_id)s AND r.id = %(run_id)s
ON CONFLICT (run_id) DO UPDATE SET due_at = excluded.due_at

-- name: due_timers :many
-- Longest due first; now() as above.
SELECT t.run_id, r.tenant_id
FROM timers AS t
JOIN runs AS r ON r.id = t.run_id
WHERE t.due_at <= now()
ORDER BY t.due_at
LIMIT %(rows)s

-- name: end_timer :exec
-- Once, however many look.
DELETE FROM timers
WHERE run_id = %(run_id)s AND due_at <= clock_timestamp()
