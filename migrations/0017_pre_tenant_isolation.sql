-- Tenants are kept apart by the database too: a statement that forgets its filter finds no rows but its own tenant's.
--
-- Who acts for a tenant takes the role hortus_tenant and names the tenant in hortus.tenant, both until the end of the
-- transaction. The role owns nothing, so row-level security binds it; the owner of the tables acts as the system.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'hortus_tenant') THEN
        CREATE ROLE hortus_tenant NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL; -- roles belong to the whole server: another database of it was quicker
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'the role hortus_tenant is missing, and % may not create roles', current_user
            USING ERRCODE = 'insufficient_privilege', HINT = format(
                'An administrator runs: CREATE ROLE hortus_tenant NOLOGIN; GRANT hortus_tenant TO %I;', current_user
            );
END
$$;

DO $$
DECLARE
    acting CONSTANT text := current_setting('role');
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hortus_tenant' AND (rolsuper OR rolbypassrls)) THEN
        RAISE EXCEPTION 'the role hortus_tenant must be bound by row-level security'
            USING HINT = 'An administrator runs: ALTER ROLE hortus_tenant NOSUPERUSER NOBYPASSRLS;';
    END IF;
    -- Who made a role is its member, and still may not always take it: only trying tells.
    BEGIN
        SET LOCAL ROLE hortus_tenant;
        PERFORM set_config('role', acting, true);
    EXCEPTION
        WHEN insufficient_privilege THEN
            EXECUTE format('GRANT hortus_tenant TO %I', current_user);
    END;
    IF NOT has_schema_privilege('hortus_tenant', current_schema(), 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO hortus_tenant', current_schema());
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION '% may not act as hortus_tenant', current_user
            USING ERRCODE = 'insufficient_privilege',
            HINT = format('An administrator runs: GRANT hortus_tenant TO %I;', current_user);
END
$$;

-- Every table with a tenant_id that has no policy yet. A migration that makes such a table calls it at its end.
CREATE FUNCTION isolate_tenants() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT c.oid::regclass AS name, c.relispartition AS is_partition
        FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
        WHERE c.relnamespace = current_schema()::text::regnamespace
            AND c.relkind IN ('r', 'p')
            AND NOT EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid)
        ORDER BY c.relname
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', found.name);
        -- The inner SELECT is evaluated once per statement. Without a tenant it is NULL, and nothing equals NULL.
        EXECUTE format(
            'CREATE POLICY own_tenant ON %s USING '
            '(tenant_id = (SELECT nullif(current_setting(''hortus.tenant'', true), '''')::uuid))',
            found.name
        );
        -- Partitions are reached through their table alone.
        IF NOT found.is_partition THEN
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO hortus_tenant', found.name);
        END IF;
    END LOOP;
END
$$;

SELECT isolate_tenants();

-- A view asks with the rights of whoever reads it, not with its owner's.
ALTER VIEW steps SET (security_invoker = true);
GRANT SELECT ON steps TO hortus_tenant;

ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON tenants
    USING (id = (SELECT nullif(current_setting('hortus.tenant', true), '')::uuid));
GRANT SELECT ON tenants TO hortus_tenant;

-- A timer is its run's, and of the runs only the tenant's own show.
ALTER TABLE timers ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON timers USING (EXISTS (SELECT FROM runs WHERE runs.id = timers.run_id));
GRANT SELECT, INSERT, UPDATE, DELETE ON timers TO hortus_tenant;

-- Which processes live is no tenant's matter; who requeues a run asks whether its worker does.
GRANT SELECT ON workers TO hortus_tenant;

-- What stops all tenants is seen by each.
CREATE POLICY over_all ON holds FOR SELECT USING (scope = 'all');

-- Logs are only added to.
REVOKE UPDATE, DELETE ON events, audit_log FROM hortus_tenant;
REVOKE DELETE ON audit_heads FROM hortus_tenant;
