-- Credentials of tools, sealed: nothing here opens them without the key that the server's environment holds.

CREATE TABLE secrets (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    name text NOT NULL CHECK (name ~ '^[A-Za-z][A-Za-z0-9_]{0,63}$'),
    description text NOT NULL,
    -- Only this agent may use it; NULL: every agent of the tenant that names it.
    agent_id uuid REFERENCES agents,
    version int NOT NULL CHECK (version > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, name)
);

CREATE TABLE secret_versions (
    secret_id uuid NOT NULL REFERENCES secrets ON DELETE CASCADE,
    tenant_id uuid NOT NULL REFERENCES tenants,
    version int NOT NULL,
    -- The value under a data key of its own, and that key under the key that is named: nonce, then AES-GCM.
    sealed_value bytea NOT NULL,
    sealed_key bytea NOT NULL,
    key_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (secret_id, version)
);

-- What a rotation has left to do.
CREATE INDEX secret_versions_key ON secret_versions (key_id, secret_id, version);

DO $$
BEGIN
    IF to_regprocedure('isolate_tenants()') IS NOT NULL THEN
        PERFORM isolate_tenants();
    END IF;
END
$$;
