-- The first schema: tenants and keys, agents, sessions with their log, runs, evolved tools, memories, the outbox.
--
-- Identifiers are UUIDv7 made by the application, so (tenant_id, id) is both the order of creation and the keyset
-- of every list. UNIQUE (tenant_id, id) serves three ends with one index: keyset paging, and foreign keys that make
-- a reference into another tenant impossible.

CREATE TABLE tenants (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name <> ''),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    name text NOT NULL,
    prefix text NOT NULL,
    -- The secret itself is shown once and stored nowhere.
    secret_sha256 bytea NOT NULL UNIQUE CHECK (octet_length(secret_sha256) = 32),
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    UNIQUE (tenant_id, id)
);

CREATE TABLE agents (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    name text NOT NULL CHECK (name <> ''),
    description text NOT NULL,
    current_version integer NOT NULL,
    latest_version integer NOT NULL CHECK (latest_version >= 1),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, name),
    CHECK (current_version BETWEEN 1 AND latest_version)
);

CREATE TABLE agent_versions (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    version integer NOT NULL CHECK (version >= 1),
    spec jsonb NOT NULL CHECK (jsonb_typeof(spec) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (agent_id, version),
    UNIQUE (agent_id, id),
    FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id)
);

-- An agent and its first version refer to each other.
ALTER TABLE agents
    ADD FOREIGN KEY (id, current_version) REFERENCES agent_versions (agent_id, version) DEFERRABLE INITIALLY DEFERRED;

CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    agent_id uuid NOT NULL,
    title text NOT NULL,
    metadata jsonb NOT NULL CHECK (jsonb_typeof(metadata) = 'object'),
    last_seq bigint NOT NULL DEFAULT 0 CHECK (last_seq >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id)
    -- Every append bumps last_seq: room on the page keeps those updates out of the indexes (HOT).
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX sessions_by_agent ON sessions (agent_id, id);

CREATE TABLE runs (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    session_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    agent_version_id uuid NOT NULL,
    status text NOT NULL DEFAULT 'queued' CHECK (
        status IN ('queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled', 'budget_exhausted')
    ),
    queued_seq bigint NOT NULL CHECK (queued_seq >= 1),
    generation integer NOT NULL DEFAULT 0 CHECK (generation >= 0),
    worker_id text,
    lease_until timestamptz,
    woken_at timestamptz NOT NULL DEFAULT now(),
    cancel_requested_at timestamptz,
    cancel_reason text,
    limits jsonb NOT NULL CHECK (jsonb_typeof(limits) = 'object'),
    output text,
    error_code text,
    error_message text,
    total_tokens bigint NOT NULL DEFAULT 0 CHECK (total_tokens >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    UNIQUE (tenant_id, id),
    UNIQUE (session_id, id),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id),
    FOREIGN KEY (agent_id, agent_version_id) REFERENCES agent_versions (agent_id, id),
    CHECK ((status = 'running') = (lease_until IS NOT NULL)),
    CHECK (status <> 'running' OR (worker_id IS NOT NULL AND generation >= 1 AND started_at IS NOT NULL)),
    CHECK ((status IN ('succeeded', 'failed', 'cancelled', 'budget_exhausted')) = (finished_at IS NOT NULL))
    -- lease_until stands in no index, so that a heartbeat is a HOT update; runs under way are few enough to scan.
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

-- The first unfinished run of a session.
CREATE INDEX runs_unfinished ON runs (session_id, queued_seq) WHERE status IN ('queued', 'running', 'waiting');
-- The reaper: longest not woken first.
CREATE INDEX runs_due ON runs (woken_at) WHERE status IN ('queued', 'running');
CREATE INDEX runs_by_agent ON runs (agent_id, id);
CREATE INDEX runs_by_status ON runs (tenant_id, status, id);
CREATE INDEX runs_finished ON runs (tenant_id, finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE events (
    session_id uuid NOT NULL,
    seq bigint NOT NULL CHECK (seq >= 1),
    tenant_id uuid NOT NULL,
    run_id uuid,
    step integer NOT NULL CHECK (step >= 0),
    type text NOT NULL,
    at timestamptz NOT NULL,
    payload jsonb NOT NULL CHECK (jsonb_typeof(payload) = 'object'),
    PRIMARY KEY (session_id, seq),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id) ON DELETE CASCADE,
    -- Deferred: a run's first events are written before its row, which holds their number.
    FOREIGN KEY (session_id, run_id) REFERENCES runs (session_id, id) DEFERRABLE INITIALLY DEFERRED
) PARTITION BY HASH (session_id);

CREATE TABLE events_p0 PARTITION OF events FOR VALUES WITH (MODULUS 8, REMAINDER 0);
CREATE TABLE events_p1 PARTITION OF events FOR VALUES WITH (MODULUS 8, REMAINDER 1);
CREATE TABLE events_p2 PARTITION OF events FOR VALUES WITH (MODULUS 8, REMAINDER 2);
CREATE TABLE events_p3 PARTITION OF events FOR VALUES WITH (MODULUS 8, REMAINDER 3);
CREATE TABLE events_p4 PARTITION OF events FOR VALUES WITH (MODULUS 8, REMAINDER 4);
CREATE TABLE events_p5 PARTITION OF events FOR VALUES WITH (MODULUS 8, REMAINDER 5);
CREATE TABLE events_p6 PARTITION OF events FOR VALUES WITH (MODULUS 8, REMAINDER 6);
CREATE TABLE events_p7 PARTITION OF events FOR VALUES WITH (MODULUS 8, REMAINDER 7);

CREATE INDEX events_by_run ON events (run_id, seq) WHERE run_id IS NOT NULL;
-- What later runs are told of earlier ones.
CREATE INDEX events_context ON events (session_id, seq) WHERE type IN (
    'message.created', 'message.completed', 'capability.activated', 'capability.reused', 'capability.disabled'
);

-- A fold, computed when it is read: the log is the only truth about steps.
CREATE VIEW steps AS
SELECT
    tenant_id,
    session_id,
    run_id,
    step,
    min(at) AS started_at,
    max(at) AS finished_at,
    (count(*) FILTER (WHERE type = 'model.called'))::integer AS model_calls,
    -- A call that ran again after a crash is still one call.
    (count(DISTINCT payload ->> 'call_id') FILTER (WHERE type = 'tool.called'))::integer AS tool_calls,
    coalesce(sum((payload #>> '{usage,prompt_tokens}')::bigint) FILTER (WHERE type = 'model.called'), 0)::bigint
        AS prompt_tokens,
    coalesce(sum((payload #>> '{usage,completion_tokens}')::bigint) FILTER (WHERE type = 'model.called'), 0)::bigint
        AS completion_tokens
FROM events
WHERE run_id IS NOT NULL AND step >= 1
GROUP BY tenant_id, session_id, run_id, step;

CREATE TABLE artifacts (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    media_type text NOT NULL,
    size bigint NOT NULL CHECK (size = octet_length(content)),
    content bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, sha256)
);

CREATE TABLE tools (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    name text NOT NULL CHECK (name <> ''),
    description text NOT NULL,
    active_version integer,
    latest_version integer NOT NULL DEFAULT 0 CHECK (latest_version >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, name)
);

CREATE TABLE tool_versions (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    tool_id uuid NOT NULL,
    version integer NOT NULL CHECK (version >= 1),
    state text NOT NULL CHECK (state IN ('proposed', 'tested', 'active', 'disabled', 'rejected')),
    state_reason text,
    description text NOT NULL,
    parameters jsonb NOT NULL CHECK (jsonb_typeof(parameters) = 'object'),
    returns jsonb NOT NULL CHECK (jsonb_typeof(returns) = 'object'),
    function text NOT NULL,
    source text NOT NULL,
    source_sha256 text NOT NULL CHECK (source_sha256 ~ '^[0-9a-f]{64}$'),
    tests jsonb NOT NULL CHECK (jsonb_typeof(tests) = 'array'),
    test_report jsonb,
    origin_run_id uuid,
    origin_call_id text,
    uses bigint NOT NULL DEFAULT 0 CHECK (uses >= 0),
    failures bigint NOT NULL DEFAULT 0 CHECK (failures BETWEEN 0 AND uses),
    created_at timestamptz NOT NULL DEFAULT now(),
    activated_at timestamptz,
    UNIQUE (tenant_id, id),
    UNIQUE (tool_id, version),
    -- The same call that writes the same source again means the same version.
    UNIQUE (origin_run_id, origin_call_id, source_sha256),
    FOREIGN KEY (tenant_id, tool_id) REFERENCES tools (tenant_id, id),
    -- A tool outlives the session that it came from.
    FOREIGN KEY (tenant_id, origin_run_id) REFERENCES runs (tenant_id, id) ON DELETE SET NULL (origin_run_id),
    CHECK (state <> 'active' OR (test_report IS NOT NULL AND activated_at IS NOT NULL))
);

ALTER TABLE tools
    ADD FOREIGN KEY (id, active_version) REFERENCES tool_versions (tool_id, version) DEFERRABLE INITIALLY DEFERRED;
CREATE INDEX tools_by_age ON tools (tenant_id, created_at, id);
CREATE UNIQUE INDEX tool_versions_one_active ON tool_versions (tool_id) WHERE state = 'active';

-- One row for each use that was counted, so that a call that is told twice counts once.
CREATE TABLE tool_uses (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    call_id text NOT NULL,
    tool_version_id uuid NOT NULL,
    ok boolean NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, call_id, tool_version_id),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, tool_version_id) REFERENCES tool_versions (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE memories (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    session_id uuid NOT NULL,
    run_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('episode', 'note')),
    visibility text NOT NULL CHECK (visibility IN ('private', 'tenant')),
    title text NOT NULL,
    content text NOT NULL,
    source_first_seq bigint NOT NULL CHECK (source_first_seq >= 1),
    source_last_seq bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    indexed_at timestamptz,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (session_id, run_id) REFERENCES runs (session_id, id) ON DELETE CASCADE,
    CHECK (source_last_seq >= source_first_seq)
);

-- Ids of memories are derived from what they remember, so they have no order of their own.
CREATE INDEX memories_by_age ON memories (tenant_id, created_at, id);
CREATE INDEX memories_by_agent ON memories (agent_id, created_at, id);
CREATE INDEX memories_by_run ON memories (session_id, run_id);

-- The outbox: work owed after a commit. A row is deleted when its work is done.
CREATE TABLE jobs (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    kind text NOT NULL CHECK (kind IN ('remember_run', 'index_tool')),
    subject_id uuid NOT NULL,
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    announced_at timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz
    -- A queue that is nearly always empty: vacuum by count, not by share.
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE INDEX jobs_due ON jobs (announced_at);

CREATE TABLE idempotency_keys (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    key text NOT NULL CHECK (key <> ''),
    route text NOT NULL,
    body_sha256 bytea NOT NULL CHECK (octet_length(body_sha256) = 32),
    answer jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, key, route)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
