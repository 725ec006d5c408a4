-- Which queued run comes next when several want a worker; sessions that go on from an event of another.

ALTER TABLE runs
    ADD COLUMN priority text NOT NULL DEFAULT 'interactive' CHECK (priority IN ('interactive', 'batch')),
    -- No earlier run of its session is unfinished: the choice among queued runs need not look at those behind. It is a
    -- hint that the reaper mends; a claim asks the session itself.
    ADD COLUMN ready boolean NOT NULL DEFAULT true;

-- Filled by a scan of runs, which may take longer than a migration's statement usually may.
SET LOCAL statement_timeout = '10min';
-- The choice: runs that come back before new ones, interactive before batch, then tenant by tenant, oldest first.
CREATE INDEX runs_choice ON runs (
    (CASE WHEN started_at IS NOT NULL THEN 0 WHEN priority = 'interactive' THEN 1 ELSE 2 END), tenant_id, id
) WHERE status = 'queued' AND ready;
SET LOCAL statement_timeout = '5s';

-- A tenant without a row has weight 1; NULL is no limit of its own.
CREATE TABLE tenant_admission (
    tenant_id uuid PRIMARY KEY REFERENCES tenants (id),
    weight integer NOT NULL DEFAULT 1 CHECK (weight BETWEEN 1 AND 1000),
    max_concurrent_runs integer CHECK (max_concurrent_runs >= 1),
    max_queued_runs integer CHECK (max_queued_runs >= 1),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- Where a fork came from, for people: its log holds a copy of the conversation, and the origin may be gone.
ALTER TABLE sessions
    ADD COLUMN forked_from_session_id uuid,
    ADD COLUMN forked_from_seq bigint,
    ADD CONSTRAINT sessions_fork_check CHECK ((forked_from_session_id IS NULL) = (forked_from_seq IS NULL)) NOT VALID;
