-- What people decide, and runs that wait for a time.

CREATE TABLE approvals (
    -- Derived from the run and the call, so that the same call asks once; lists go by (requested_at, id).
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    session_id uuid NOT NULL,
    run_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    -- call: may it happen? doubt: what became of it? question: what is the answer?
    kind text NOT NULL CHECK (kind IN ('call', 'doubt', 'question')),
    status text NOT NULL DEFAULT 'pending' CHECK (
        status IN ('pending', 'approved', 'denied', 'answered', 'expired', 'cancelled')
    ),
    call_id text NOT NULL,
    tool text NOT NULL,
    tool_version text NOT NULL,
    arguments jsonb NOT NULL CHECK (jsonb_typeof(arguments) = 'object'),
    -- Over tool, version and canonical arguments: the decision holds for nothing else.
    call_sha256 text NOT NULL CHECK (call_sha256 ~ '^[0-9a-f]{64}$'),
    side_effect smallint NOT NULL CHECK (side_effect BETWEEN 0 AND 3),
    reason text NOT NULL,
    choices text[] NOT NULL,
    -- How many different people have to let it through.
    persons smallint NOT NULL CHECK (persons IN (1, 2)),
    -- What is known of a call in doubt.
    started_at timestamptz,
    worker_id text,
    requested_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    closed_at timestamptz,
    -- The call began: an approval is good for one.
    used_at timestamptz,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (session_id, run_id) REFERENCES runs (session_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id),
    CHECK ((status = 'pending') = (closed_at IS NULL)),
    CHECK (used_at IS NULL OR status = 'approved')
);

CREATE INDEX approvals_by_age ON approvals (tenant_id, requested_at, id);
CREATE INDEX approvals_open ON approvals (tenant_id, requested_at, id) WHERE status = 'pending';
CREATE INDEX approvals_by_session ON approvals (session_id, requested_at, id);
CREATE INDEX approvals_by_run ON approvals (run_id);
CREATE INDEX approvals_expiring ON approvals (expires_at) WHERE status = 'pending';
-- A run waits for one at a time.
CREATE UNIQUE INDEX approvals_awaited ON approvals (run_id) WHERE status = 'pending';

CREATE TABLE approval_decisions (
    approval_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    -- Not a reference: who decided stays known when the key is gone.
    key_id uuid NOT NULL,
    key_name text NOT NULL,
    decision text NOT NULL CHECK (
        decision IN ('approve', 'deny', 'happened', 'run_again', 'give_up', 'answer')
    ),
    reason text NOT NULL,
    answer text,
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- One key is one person.
    PRIMARY KEY (approval_id, key_id),
    FOREIGN KEY (tenant_id, approval_id) REFERENCES approvals (tenant_id, id) ON DELETE CASCADE
);

-- Runs that wait for a time, each for one. A row is deleted when its run is woken or ends.
CREATE TABLE timers (
    run_id uuid PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    due_at timestamptz NOT NULL
);

CREATE INDEX timers_due ON timers (due_at);

ALTER TABLE tool_versions
    -- What happens to a call whose worker died before it knew the result.
    ADD COLUMN in_doubt text NOT NULL DEFAULT 'rerun' CHECK (in_doubt IN ('rerun', 'probe', 'ask'));
