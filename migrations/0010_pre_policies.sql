-- Policies over tool calls: versions that never change, which of them is in force, and how often limited rules were used.

CREATE TABLE policies (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    -- NULL: for all agents of the tenant, behind those of an agent's own.
    agent_id uuid,
    name text NOT NULL,
    description text NOT NULL,
    current_version integer NOT NULL CHECK (current_version >= 1),
    latest_version integer NOT NULL CHECK (latest_version >= current_version),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- Not in force, and another may take its place.
    disabled_at timestamptz,
    UNIQUE (tenant_id, name),
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id)
);

-- One for the tenant, and one for each agent: what comes first is never a question.
CREATE UNIQUE INDEX policies_in_force
    ON policies (tenant_id, (coalesce(agent_id, '00000000-0000-0000-0000-000000000000'))) WHERE disabled_at IS NULL;

CREATE TABLE policy_versions (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    policy_id uuid NOT NULL,
    version integer NOT NULL CHECK (version >= 1),
    rules jsonb NOT NULL CHECK (jsonb_typeof(rules) = 'array'),
    comment text NOT NULL,
    -- Not references: who wrote it stays known when they are gone.
    made_by_kind text NOT NULL,
    made_by_id text NOT NULL,
    made_by_name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (policy_id, version),
    FOREIGN KEY (tenant_id, policy_id) REFERENCES policies (tenant_id, id)
);

-- Counts changes of a tenant's policies; read by every commit that precedes a call. No row: there never was one.
CREATE TABLE policy_revisions (
    tenant_id uuid PRIMARY KEY REFERENCES tenants (id),
    revision bigint NOT NULL CHECK (revision >= 1)
);

-- When calls happened under a rule with a rate; only what its window still reaches is kept, at most 1,000.
CREATE TABLE policy_calls (
    tenant_id uuid NOT NULL,
    policy_id uuid NOT NULL,
    rule text NOT NULL,
    -- The tenant, agent or session whose calls are counted together.
    subject_id uuid NOT NULL,
    called_at timestamptz[] NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, policy_id, rule, subject_id),
    FOREIGN KEY (tenant_id, policy_id) REFERENCES policies (tenant_id, id)
);

CREATE INDEX policy_calls_by_age ON policy_calls (updated_at);
