-- Files that runs make, and bytes that nothing refers to any more.

ALTER TABLE artifacts
    -- From when on it is looked at whether anything still refers to these bytes: after they were stored, and after what
    -- referred to them was forgotten. NULL: something did, at the last look.
    ADD COLUMN check_at timestamptz DEFAULT now() + interval '2 hours';
CREATE INDEX artifacts_to_check ON artifacts (check_at) WHERE check_at IS NOT NULL;

-- Filled by a scan of the log, which may take longer than a migration's statement usually may.
SET LOCAL statement_timeout = '10min';
-- Calls that made files; and whether anything refers to the bytes of one.
CREATE INDEX events_files ON events USING gin ((jsonb_path_query_array(payload, '$.files[*].sha256')))
    WHERE type = 'tool.finished' AND payload -> 'files' <> '[]';
SET LOCAL statement_timeout = '5s';
