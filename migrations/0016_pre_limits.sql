-- Limits of the API for a key and for a tenant; without a row, or with NULL in a column, the server's settings hold.

CREATE TABLE tenant_limits (
    tenant_id uuid PRIMARY KEY REFERENCES tenants (id),
    requests_per_minute integer CHECK (requests_per_minute >= 1),
    burst integer CHECK (burst >= 1),
    connections integer CHECK (connections >= 1),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE key_limits (
    tenant_id uuid NOT NULL,
    key_id uuid NOT NULL,
    requests_per_minute integer CHECK (requests_per_minute >= 1),
    burst integer CHECK (burst >= 1),
    connections integer CHECK (connections >= 1),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, key_id),
    FOREIGN KEY (tenant_id, key_id) REFERENCES api_keys (tenant_id, id)
);

-- Where row-level security came first (0017), these tables get theirs here.
DO $$
BEGIN
    IF to_regprocedure('isolate_tenants()') IS NOT NULL THEN
        EXECUTE 'SELECT isolate_tenants()';
    END IF;
END
$$;
