-- Sensitivity that people give by hand, on top of what labels say. Keys are found by the person behind them.

-- The least sensitivity that counts: of all that the tenant's runs read, or of what one tool gives back.
CREATE TABLE sensitivity_floors (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    -- '' is the whole tenant.
    tool text NOT NULL CHECK (char_length(tool) <= 200),
    sensitivity smallint NOT NULL CHECK (sensitivity BETWEEN 1 AND 2),
    reason text NOT NULL CHECK (reason <> ''),
    set_by text NOT NULL,
    set_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, tool)
);

-- The same for one memory. NULL: what its label says.
ALTER TABLE memories
    ADD COLUMN sensitivity_floor smallint CHECK (sensitivity_floor BETWEEN 1 AND 2);

-- The keys of a person end with the person.
CREATE INDEX api_keys_by_person ON api_keys (person_id) WHERE person_id IS NOT NULL;

SELECT isolate_tenants();
