-- A tool proves more than its tests before it is used, and a person can take it back.

ALTER TABLE tool_versions
    -- quarantined: waits for a person. rolled_back: was active, and an earlier version took its place.
    DROP CONSTRAINT tool_versions_state_check,
    ADD CONSTRAINT tool_versions_state_check CHECK (
        state IN ('proposed', 'quarantined', 'tested', 'active', 'disabled', 'rejected', 'rolled_back')
    ),
    -- What it declares that it needs: hosts, secrets, files, tools. Nothing: a pure function.
    ADD COLUMN permissions jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(permissions) = 'object'),
    -- What the static scan found, and what hostile arguments did. NULL: never run, so it cannot become active.
    ADD COLUMN scan_report jsonb,
    ADD COLUMN negative_report jsonb,
    ADD COLUMN origin text NOT NULL DEFAULT 'agent' CHECK (origin IN ('agent', 'import')),
    ADD COLUMN origin_step integer CHECK (origin_step >= 0),
    ADD COLUMN state_changed_at timestamptz;

CREATE INDEX tool_versions_waiting ON tool_versions (tool_id, version DESC) WHERE state = 'quarantined';

-- Whether what is pure and passed every gate becomes active by itself; without a row it does.
CREATE TABLE tool_activation (
    tenant_id uuid PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
    activate_pure boolean NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE jobs
    DROP CONSTRAINT jobs_kind_check,
    ADD CONSTRAINT jobs_kind_check CHECK (kind IN ('remember_run', 'index_tool', 'check_tool'));

-- Tools that became active when their own tests were all that was asked for are checked by the first worker.
INSERT INTO jobs (id, tenant_id, kind, subject_id, announced_at)
SELECT gen_random_uuid(), tenant_id, 'check_tool', id, 'epoch'
FROM tool_versions
WHERE state = 'active';

-- Filled by a scan of all uses, which may take longer than a migration's statement usually may.
SET LOCAL statement_timeout = '10min';
CREATE INDEX tool_uses_by_version ON tool_uses (tool_version_id, at DESC);
SET LOCAL statement_timeout = '5s';
