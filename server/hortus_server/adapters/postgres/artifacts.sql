-- name: put_artifact :one
-- Store once; no row when these bytes were stored within the hour. What refers to them is looked for later than that.
INSERT INTO artifacts (tenant_id, sha256, media_type, size, content)
VALUES (%(tenant_id)s, %(sha256)s, %(media_type)s, %(size)s, %(content)s)
ON CONFLICT (tenant_id, sha256) DO UPDATE SET put_at = now(), check_at = now() + interval '2 hours'
    WHERE artifacts.put_at < now() - interval '1 hour'
RETURNING sha256, tenant_id, media_type, size, created_at

-- name: describe_artifact :one
-- All but the bytes.
SELECT sha256, tenant_id, media_type, size, created_at
FROM artifacts
WHERE tenant_id = %(tenant_id)s AND sha256 = %(sha256)s

-- name: get_artifact :one
-- With the bytes.
SELECT sha256, tenant_id, media_type, size, created_at, content
FROM artifacts
WHERE tenant_id = %(tenant_id)s AND sha256 = %(sha256)s

-- name: get_part :one
-- Some of the bytes.
SELECT substring(content FROM %(start)s + 1 FOR %(length)s) AS content
FROM artifacts
WHERE tenant_id = %(tenant_id)s AND sha256 = %(sha256)s

-- name: artifact_sensitivity :many
-- The highest by the labels of the calls that left these bytes; null where none did.
SELECT max(left_by.sensitivity) AS sensitivity
FROM (
    SELECT coalesce((e.payload -> 'label' ->> 'sensitivity')::integer, 1) AS sensitivity
    FROM events AS e
    WHERE e.tenant_id = %(tenant_id)s AND e.payload ->> 'artifact_sha256' = %(sha256)s
    UNION ALL
    SELECT coalesce((e.payload -> 'label' ->> 'sensitivity')::integer, 1)
    FROM events AS e
    WHERE e.tenant_id = %(tenant_id)s
        AND e.type = 'tool.finished' AND e.payload -> 'files' <> '[]'
        AND jsonb_path_query_array(e.payload, '$.files[*].sha256') ? %(sha256)s
) AS left_by

-- name: run_files :many
-- What calls of a run have left, call by call: the whole of a cut result, then files as they were declared.
WITH calls AS (
    SELECT e.seq, e.at, e.payload
    FROM events AS e
    WHERE e.tenant_id = %(tenant_id)s AND e.run_id = %(run_id)s AND e.seq > %(after)s
        AND e.type = 'tool.finished'
        AND (e.payload -> 'files' <> '[]' OR e.payload ->> 'artifact_sha256' IS NOT NULL)
    ORDER BY e.seq
    LIMIT %(calls)s
)
SELECT
    calls.seq, calls.at, calls.payload ->> 'call_id' AS call_id, calls.payload ->> 'name' AS tool,
    left_by.kind, left_by.name, a.sha256, a.size
FROM calls
CROSS JOIN LATERAL (
    SELECT 'result' AS kind, %(result)s AS name, calls.payload ->> 'artifact_sha256' AS sha256, 0 AS place
    UNION ALL
    SELECT 'file', f.file ->> 'name', f.file ->> 'sha256', f.place
    FROM jsonb_array_elements(calls.payload -> 'files') WITH ORDINALITY AS f (file, place)
) AS left_by
JOIN artifacts AS a ON a.tenant_id = %(tenant_id)s AND a.sha256 = left_by.sha256
WHERE %(name)s::text IS NULL OR left_by.name = %(name)s
ORDER BY calls.seq, left_by.place
