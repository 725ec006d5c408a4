-- Workers whose death is noticed at once; runs that wait; what stops runs from outside.

-- One row for each worker process that should be alive. While it is, its session holds the advisory lock that belongs
-- to its id; PostgreSQL drops the lock when the process dies.
CREATE TABLE workers (
    id text PRIMARY KEY,
    started_at timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE runs
    ADD COLUMN pause_requested_at timestamptz,
    ADD COLUMN pause_reason text,
    -- What a waiting run waits for: {kind, detail, ref_id}, from its last run.waiting.
    ADD COLUMN waiting_for jsonb;
-- Not validated, since no run could wait before: new rows are checked, and nobody waits for a scan.
ALTER TABLE runs
    ADD CONSTRAINT runs_waiting_for_check CHECK ((status = 'waiting') = (waiting_for IS NOT NULL)) NOT VALID;

-- Stops that reach further than one run. Rows stay after they are lifted: who stopped what, why, and until when.
CREATE TABLE holds (
    id uuid PRIMARY KEY,
    -- pause: runs stop where they are. freeze: they go on up to their next side effect, and none begins.
    kind text NOT NULL CHECK (kind IN ('pause', 'freeze')),
    scope text NOT NULL CHECK (scope IN ('agent', 'tenant', 'all')),
    -- The agent, the tenant, or zero for all.
    subject_id uuid NOT NULL,
    -- Who placed it.
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    reason text NOT NULL CHECK (reason <> ''),
    placed_by text NOT NULL,
    placed_at timestamptz NOT NULL DEFAULT now(),
    lifted_by text,
    lifted_at timestamptz,
    CHECK ((scope = 'all') = (subject_id = '00000000-0000-0000-0000-000000000000')),
    CHECK ((lifted_at IS NULL) = (lifted_by IS NULL))
);

-- Every heartbeat looks here; nearly always it is empty.
CREATE UNIQUE INDEX holds_in_force ON holds (subject_id, kind) WHERE lifted_at IS NULL;
CREATE INDEX holds_by_age ON holds (tenant_id, placed_at, id);
