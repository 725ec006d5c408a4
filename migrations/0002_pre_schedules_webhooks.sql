-- Schedules with their firings; webhooks with the outbox of their deliveries.

CREATE TABLE schedules (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    name text NOT NULL CHECK (name <> ''),
    timing jsonb NOT NULL CHECK (jsonb_typeof(timing) = 'object'),
    -- Agent and session are no foreign keys: what a schedule points at may be deleted, and a firing then says so.
    agent_id uuid NOT NULL,
    agent_version integer CHECK (agent_version >= 1),
    session_id uuid,
    input text NOT NULL CHECK (input <> ''),
    limits jsonb NOT NULL CHECK (jsonb_typeof(limits) = 'object'),
    catch_up text NOT NULL CHECK (catch_up IN ('skip', 'one', 'all')),
    catch_up_limit integer NOT NULL CHECK (catch_up_limit >= 1),
    overlap text NOT NULL CHECK (overlap IN ('allow', 'skip', 'queue', 'cancel_running')),
    -- NULL while it is paused, and for ever after the last due time.
    next_due_at timestamptz,
    paused_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, name),
    CHECK (paused_at IS NULL OR next_due_at IS NULL)
    -- Every firing moves next_due_at, which stands in an index: the table is small and its pages are reused.
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX schedules_due ON schedules (next_due_at) WHERE next_due_at IS NOT NULL;

-- One row for each due time that was dealt with. The primary key is what makes a due time fire once.
CREATE TABLE schedule_firings (
    schedule_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    due_at timestamptz NOT NULL,
    fired_at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('submitted', 'skipped', 'missed', 'failed')),
    run_id uuid,
    reason text,
    PRIMARY KEY (schedule_id, due_at),
    FOREIGN KEY (tenant_id, schedule_id) REFERENCES schedules (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, id) ON DELETE SET NULL (run_id),
    CHECK (run_id IS NULL OR outcome = 'submitted')
);

CREATE INDEX schedule_firings_by_run ON schedule_firings (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX schedule_firings_by_age ON schedule_firings (fired_at);

CREATE TABLE webhooks (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    description text NOT NULL,
    url text NOT NULL CHECK (url <> ''),
    -- Whole types, families (`run.*`) or `*`.
    events text[] NOT NULL CHECK (cardinality(events) >= 1),
    agent_id uuid,
    enabled boolean NOT NULL DEFAULT true,
    disabled_reason text,
    -- Kept as they are, because every delivery is signed with them; no query of the API selects them.
    secret text NOT NULL CHECK (secret <> ''),
    previous_secret text,
    previous_secret_until timestamptz,
    -- Since when nothing arrived; NULL while deliveries arrive.
    failing_since timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id) ON DELETE CASCADE,
    CHECK ((previous_secret IS NULL) = (previous_secret_until IS NULL)),
    CHECK (enabled OR disabled_reason IS NOT NULL)
);

-- Every append asks it; nearly always it is empty for the tenant.
CREATE INDEX webhooks_enabled ON webhooks (tenant_id) WHERE enabled;

-- Written by the statement that appends the event, so that an event and its deliveries are committed together.
CREATE TABLE webhook_deliveries (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    session_id uuid NOT NULL,
    seq bigint NOT NULL CHECK (seq >= 1),
    event_type text NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sending', 'delivered', 'dead')),
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- Attempts made before the last replay: the backoff begins again after it.
    attempts_before integer NOT NULL DEFAULT 0 CHECK (attempts_before BETWEEN 0 AND attempts),
    -- While sending: when the sender's lease ends.
    next_attempt_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    last_status integer,
    last_error text,
    UNIQUE (session_id, seq, webhook_id),
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhooks (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id) ON DELETE CASCADE,
    CHECK ((state IN ('pending', 'sending')) = (next_attempt_at IS NOT NULL)),
    CHECK ((state IN ('delivered', 'dead')) = (finished_at IS NOT NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_attempt_at)
    WHERE state IN ('pending', 'sending');
CREATE INDEX webhook_deliveries_sending ON webhook_deliveries (webhook_id) WHERE state = 'sending';
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (webhook_id, created_at, id);
CREATE INDEX webhook_deliveries_finished ON webhook_deliveries (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE webhook_attempts (
    tenant_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    attempt integer NOT NULL CHECK (attempt >= 1),
    at timestamptz NOT NULL,
    latency_ms double precision NOT NULL CHECK (latency_ms >= 0),
    status integer,
    error text,
    response_excerpt text NOT NULL,
    PRIMARY KEY (delivery_id, attempt),
    FOREIGN KEY (tenant_id, delivery_id) REFERENCES webhook_deliveries (tenant_id, id) ON DELETE CASCADE
);
