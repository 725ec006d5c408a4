-- Who did what: a chain of hashes per tenant.

CREATE TABLE audit_log (
    -- No foreign key: the log outlives what it tells of, its tenant too.
    tenant_id uuid NOT NULL,
    seq bigint NOT NULL CHECK (seq > 0),
    at timestamptz NOT NULL,
    actor_kind text NOT NULL CHECK (actor_kind IN ('user', 'key', 'agent', 'system')),
    actor_id text NOT NULL,
    actor_name text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    -- Not jsonb: the hash covers these very characters.
    detail json NOT NULL,
    previous_hash text NOT NULL,
    hash text NOT NULL,
    PRIMARY KEY (tenant_id, seq)
);

CREATE INDEX audit_log_actor ON audit_log (tenant_id, actor_id, seq);
CREATE INDEX audit_log_action ON audit_log (tenant_id, action text_pattern_ops, seq);
CREATE INDEX audit_log_subject ON audit_log (tenant_id, subject, seq);
CREATE INDEX audit_log_at ON audit_log (tenant_id, at);

-- The end of each chain; locked by the last statement of a transaction that appends.
CREATE TABLE audit_heads (
    tenant_id uuid PRIMARY KEY,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    previous_hash text NOT NULL,
    hash text NOT NULL
) WITH (fillfactor = 50);

CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only: % of % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

CREATE TRIGGER audit_heads_kept BEFORE DELETE OR TRUNCATE ON audit_heads
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

CREATE FUNCTION check_audit_head() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.tenant_id <> OLD.tenant_id OR NEW.seq <> OLD.seq + 1 OR NEW.previous_hash <> OLD.hash THEN
        RAISE EXCEPTION 'the head of an audit log moves forward by one entry at a time'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER audit_heads_forward BEFORE UPDATE ON audit_heads
    FOR EACH ROW EXECUTE FUNCTION check_audit_head();
