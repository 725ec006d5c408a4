-- Budgets of tenants and sessions, and what was used of them.

ALTER TABLE runs ADD COLUMN cost_micros bigint NOT NULL DEFAULT 0;

ALTER TABLE sessions
    ADD COLUMN total_tokens bigint NOT NULL DEFAULT 0,
    ADD COLUMN cost_micros bigint NOT NULL DEFAULT 0;

-- A tenant without a row, or with NULL in a column, is not bounded there.
CREATE TABLE tenant_budgets (
    tenant_id uuid PRIMARY KEY REFERENCES tenants (id),
    tokens_per_day bigint CHECK (tokens_per_day >= 1),
    cost_micros_per_day bigint CHECK (cost_micros_per_day >= 1),
    tokens_per_session bigint CHECK (tokens_per_session >= 1),
    cost_micros_per_session bigint CHECK (cost_micros_per_session >= 1),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- Counted in the commit that ends a run, under the day (UTC) of its end. The slot spreads a busy tenant over several
-- rows, since each is locked until that commit.
CREATE TABLE tenant_usage (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    day date NOT NULL,
    slot smallint NOT NULL CHECK (slot BETWEEN 0 AND 15),
    runs bigint NOT NULL,
    tokens bigint NOT NULL,
    cost_micros bigint NOT NULL,
    PRIMARY KEY (tenant_id, day, slot)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
