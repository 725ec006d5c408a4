-- Logs that are not kept for ever.

ALTER TABLE sessions
    -- Events up to this number were forgotten, whole runs at a time; their numbers stay used.
    ADD COLUMN purged_seq bigint NOT NULL DEFAULT 0 CHECK (purged_seq >= 0);

ALTER TABLE runs
    -- From when on the period counts for which its events are kept. NULL: from its end. Later than its end: another run
    -- held its events back. Infinity: they are gone.
    ADD COLUMN log_kept_since timestamptz;

ALTER TABLE artifacts
    -- When these bytes were last stored: what refers to them may not be committed yet.
    ADD COLUMN put_at timestamptz NOT NULL DEFAULT now();

-- Filled by scans of runs and of the log, which may take longer than a migration's statement usually may.
SET LOCAL statement_timeout = '10min';
-- The look for old logs.
CREATE INDEX runs_log_kept ON runs ((coalesce(log_kept_since, finished_at)))
    WHERE finished_at IS NOT NULL AND log_kept_since IS DISTINCT FROM 'infinity';
-- Runs that were parked although somebody had cancelled them; nearly always none.
CREATE INDEX runs_cancelled_waiting ON runs (woken_at) WHERE status = 'waiting' AND cancel_requested_at IS NOT NULL;
-- Whether anything still refers to an artifact.
CREATE INDEX events_artifacts ON events (tenant_id, (payload ->> 'artifact_sha256'))
    WHERE payload ->> 'artifact_sha256' IS NOT NULL;
SET LOCAL statement_timeout = '5s';
