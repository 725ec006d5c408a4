-- Generated from the migrations; tests/migrations compares. Not to be applied.
CREATE FUNCTION public.check_audit_head() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NEW.tenant_id <> OLD.tenant_id OR NEW.seq <> OLD.seq + 1 OR NEW.previous_hash <> OLD.hash THEN
        RAISE EXCEPTION 'the head of an audit log moves forward by one entry at a time'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE FUNCTION public.isolate_tenants() RETURNS void
    LANGUAGE plpgsql
    AS $$
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
CREATE FUNCTION public.refuse_audit_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only: % of % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TABLE public.agent_versions (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    version integer NOT NULL,
    spec jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT agent_versions_spec_check CHECK ((jsonb_typeof(spec) = 'object'::text)),
    CONSTRAINT agent_versions_version_check CHECK ((version >= 1))
);
CREATE TABLE public.agents (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    current_version integer NOT NULL,
    latest_version integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT agents_check CHECK (((current_version >= 1) AND (current_version <= latest_version))),
    CONSTRAINT agents_latest_version_check CHECK ((latest_version >= 1)),
    CONSTRAINT agents_name_check CHECK ((name <> ''::text))
);
CREATE TABLE public.api_keys (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    prefix text NOT NULL,
    secret_sha256 bytea NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone,
    made_by text DEFAULT ''::text NOT NULL,
    person_id uuid,
    rotated_at timestamp with time zone,
    previous_sha256 bytea,
    previous_until timestamp with time zone,
    CONSTRAINT api_keys_check CHECK (((previous_sha256 IS NULL) = (previous_until IS NULL))),
    CONSTRAINT api_keys_previous_sha256_check CHECK ((octet_length(previous_sha256) = 32)),
    CONSTRAINT api_keys_secret_sha256_check CHECK ((octet_length(secret_sha256) = 32))
);
CREATE TABLE public.approval_decisions (
    approval_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    by_id uuid CONSTRAINT approval_decisions_key_id_not_null NOT NULL,
    by_name text CONSTRAINT approval_decisions_key_name_not_null NOT NULL,
    decision text NOT NULL,
    reason text NOT NULL,
    answer text,
    decided_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    by_kind text NOT NULL,
    person_id uuid NOT NULL,
    CONSTRAINT approval_decisions_by_kind_check CHECK ((by_kind = ANY (ARRAY['key'::text, 'user'::text]))),
    CONSTRAINT approval_decisions_decision_check CHECK ((decision = ANY (ARRAY['approve'::text, 'deny'::text, 'happened'::text, 'run_again'::text, 'give_up'::text, 'answer'::text])))
);
CREATE TABLE public.approvals (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    session_id uuid NOT NULL,
    run_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    kind text NOT NULL,
    status text DEFAULT 'pending'::text NOT NULL,
    call_id text NOT NULL,
    tool text NOT NULL,
    tool_version text NOT NULL,
    arguments jsonb NOT NULL,
    call_sha256 text NOT NULL,
    side_effect smallint NOT NULL,
    reason text NOT NULL,
    choices text[] NOT NULL,
    persons smallint NOT NULL,
    started_at timestamp with time zone,
    worker_id text,
    requested_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    used_at timestamp with time zone,
    CONSTRAINT approvals_arguments_check CHECK ((jsonb_typeof(arguments) = 'object'::text)),
    CONSTRAINT approvals_call_sha256_check CHECK ((call_sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT approvals_check CHECK (((status = 'pending'::text) = (closed_at IS NULL))),
    CONSTRAINT approvals_check1 CHECK (((used_at IS NULL) OR (status = 'approved'::text))),
    CONSTRAINT approvals_kind_check CHECK ((kind = ANY (ARRAY['call'::text, 'doubt'::text, 'question'::text]))),
    CONSTRAINT approvals_persons_check CHECK ((persons = ANY (ARRAY[1, 2]))),
    CONSTRAINT approvals_side_effect_check CHECK (((side_effect >= 0) AND (side_effect <= 3))),
    CONSTRAINT approvals_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'approved'::text, 'denied'::text, 'answered'::text, 'expired'::text, 'cancelled'::text])))
);
CREATE TABLE public.artifacts (
    tenant_id uuid NOT NULL,
    sha256 text NOT NULL,
    media_type text NOT NULL,
    size bigint NOT NULL,
    content bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    put_at timestamp with time zone DEFAULT now() NOT NULL,
    check_at timestamp with time zone DEFAULT (now() + '02:00:00'::interval),
    CONSTRAINT artifacts_check CHECK ((size = octet_length(content))),
    CONSTRAINT artifacts_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text))
);
CREATE TABLE public.audit_heads (
    tenant_id uuid NOT NULL,
    seq bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    previous_hash text NOT NULL,
    hash text NOT NULL
)
WITH (fillfactor='50');
CREATE TABLE public.audit_log (
    tenant_id uuid NOT NULL,
    seq bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    actor_kind text NOT NULL,
    actor_id text NOT NULL,
    actor_name text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail json NOT NULL,
    previous_hash text NOT NULL,
    hash text NOT NULL,
    CONSTRAINT audit_log_actor_kind_check CHECK ((actor_kind = ANY (ARRAY['user'::text, 'key'::text, 'agent'::text, 'system'::text]))),
    CONSTRAINT audit_log_seq_check CHECK ((seq > 0))
);
CREATE TABLE public.events (
    session_id uuid NOT NULL,
    seq bigint NOT NULL,
    tenant_id uuid NOT NULL,
    run_id uuid,
    step integer NOT NULL,
    type text NOT NULL,
    at timestamp with time zone NOT NULL,
    payload jsonb NOT NULL,
    CONSTRAINT events_payload_check CHECK ((jsonb_typeof(payload) = 'object'::text)),
    CONSTRAINT events_seq_check CHECK ((seq >= 1)),
    CONSTRAINT events_step_check CHECK ((step >= 0))
)
PARTITION BY HASH (session_id);
CREATE TABLE public.events_p0 (
    session_id uuid CONSTRAINT events_session_id_not_null NOT NULL,
    seq bigint CONSTRAINT events_seq_not_null NOT NULL,
    tenant_id uuid CONSTRAINT events_tenant_id_not_null NOT NULL,
    run_id uuid,
    step integer CONSTRAINT events_step_not_null NOT NULL,
    type text CONSTRAINT events_type_not_null NOT NULL,
    at timestamp with time zone CONSTRAINT events_at_not_null NOT NULL,
    payload jsonb CONSTRAINT events_payload_not_null NOT NULL,
    CONSTRAINT events_payload_check CHECK ((jsonb_typeof(payload) = 'object'::text)),
    CONSTRAINT events_seq_check CHECK ((seq >= 1)),
    CONSTRAINT events_step_check CHECK ((step >= 0))
);
CREATE TABLE public.events_p1 (
    session_id uuid CONSTRAINT events_session_id_not_null NOT NULL,
    seq bigint CONSTRAINT events_seq_not_null NOT NULL,
    tenant_id uuid CONSTRAINT events_tenant_id_not_null NOT NULL,
    run_id uuid,
    step integer CONSTRAINT events_step_not_null NOT NULL,
    type text CONSTRAINT events_type_not_null NOT NULL,
    at timestamp with time zone CONSTRAINT events_at_not_null NOT NULL,
    payload jsonb CONSTRAINT events_payload_not_null NOT NULL,
    CONSTRAINT events_payload_check CHECK ((jsonb_typeof(payload) = 'object'::text)),
    CONSTRAINT events_seq_check CHECK ((seq >= 1)),
    CONSTRAINT events_step_check CHECK ((step >= 0))
);
CREATE TABLE public.events_p2 (
    session_id uuid CONSTRAINT events_session_id_not_null NOT NULL,
    seq bigint CONSTRAINT events_seq_not_null NOT NULL,
    tenant_id uuid CONSTRAINT events_tenant_id_not_null NOT NULL,
    run_id uuid,
    step integer CONSTRAINT events_step_not_null NOT NULL,
    type text CONSTRAINT events_type_not_null NOT NULL,
    at timestamp with time zone CONSTRAINT events_at_not_null NOT NULL,
    payload jsonb CONSTRAINT events_payload_not_null NOT NULL,
    CONSTRAINT events_payload_check CHECK ((jsonb_typeof(payload) = 'object'::text)),
    CONSTRAINT events_seq_check CHECK ((seq >= 1)),
    CONSTRAINT events_step_check CHECK ((step >= 0))
);
CREATE TABLE public.events_p3 (
    session_id uuid CONSTRAINT events_session_id_not_null NOT NULL,
    seq bigint CONSTRAINT events_seq_not_null NOT NULL,
    tenant_id uuid CONSTRAINT events_tenant_id_not_null NOT NULL,
    run_id uuid,
    step integer CONSTRAINT events_step_not_null NOT NULL,
    type text CONSTRAINT events_type_not_null NOT NULL,
    at timestamp with time zone CONSTRAINT events_at_not_null NOT NULL,
    payload jsonb CONSTRAINT events_payload_not_null NOT NULL,
    CONSTRAINT events_payload_check CHECK ((jsonb_typeof(payload) = 'object'::text)),
    CONSTRAINT events_seq_check CHECK ((seq >= 1)),
    CONSTRAINT events_step_check CHECK ((step >= 0))
);
CREATE TABLE public.events_p4 (
    session_id uuid CONSTRAINT events_session_id_not_null NOT NULL,
    seq bigint CONSTRAINT events_seq_not_null NOT NULL,
    tenant_id uuid CONSTRAINT events_tenant_id_not_null NOT NULL,
    run_id uuid,
    step integer CONSTRAINT events_step_not_null NOT NULL,
    type text CONSTRAINT events_type_not_null NOT NULL,
    at timestamp with time zone CONSTRAINT events_at_not_null NOT NULL,
    payload jsonb CONSTRAINT events_payload_not_null NOT NULL,
    CONSTRAINT events_payload_check CHECK ((jsonb_typeof(payload) = 'object'::text)),
    CONSTRAINT events_seq_check CHECK ((seq >= 1)),
    CONSTRAINT events_step_check CHECK ((step >= 0))
);
CREATE TABLE public.events_p5 (
    session_id uuid CONSTRAINT events_session_id_not_null NOT NULL,
    seq bigint CONSTRAINT events_seq_not_null NOT NULL,
    tenant_id uuid CONSTRAINT events_tenant_id_not_null NOT NULL,
    run_id uuid,
    step integer CONSTRAINT events_step_not_null NOT NULL,
    type text CONSTRAINT events_type_not_null NOT NULL,
    at timestamp with time zone CONSTRAINT events_at_not_null NOT NULL,
    payload jsonb CONSTRAINT events_payload_not_null NOT NULL,
    CONSTRAINT events_payload_check CHECK ((jsonb_typeof(payload) = 'object'::text)),
    CONSTRAINT events_seq_check CHECK ((seq >= 1)),
    CONSTRAINT events_step_check CHECK ((step >= 0))
);
CREATE TABLE public.events_p6 (
    session_id uuid CONSTRAINT events_session_id_not_null NOT NULL,
    seq bigint CONSTRAINT events_seq_not_null NOT NULL,
    tenant_id uuid CONSTRAINT events_tenant_id_not_null NOT NULL,
    run_id uuid,
    step integer CONSTRAINT events_step_not_null NOT NULL,
    type text CONSTRAINT events_type_not_null NOT NULL,
    at timestamp with time zone CONSTRAINT events_at_not_null NOT NULL,
    payload jsonb CONSTRAINT events_payload_not_null NOT NULL,
    CONSTRAINT events_payload_check CHECK ((jsonb_typeof(payload) = 'object'::text)),
    CONSTRAINT events_seq_check CHECK ((seq >= 1)),
    CONSTRAINT events_step_check CHECK ((step >= 0))
);
CREATE TABLE public.events_p7 (
    session_id uuid CONSTRAINT events_session_id_not_null NOT NULL,
    seq bigint CONSTRAINT events_seq_not_null NOT NULL,
    tenant_id uuid CONSTRAINT events_tenant_id_not_null NOT NULL,
    run_id uuid,
    step integer CONSTRAINT events_step_not_null NOT NULL,
    type text CONSTRAINT events_type_not_null NOT NULL,
    at timestamp with time zone CONSTRAINT events_at_not_null NOT NULL,
    payload jsonb CONSTRAINT events_payload_not_null NOT NULL,
    CONSTRAINT events_payload_check CHECK ((jsonb_typeof(payload) = 'object'::text)),
    CONSTRAINT events_seq_check CHECK ((seq >= 1)),
    CONSTRAINT events_step_check CHECK ((step >= 0))
);
CREATE TABLE public.holds (
    id uuid NOT NULL,
    kind text NOT NULL,
    scope text NOT NULL,
    subject_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    reason text NOT NULL,
    placed_by text NOT NULL,
    placed_at timestamp with time zone DEFAULT now() NOT NULL,
    lifted_by text,
    lifted_at timestamp with time zone,
    CONSTRAINT holds_check CHECK (((scope = 'all'::text) = (subject_id = '00000000-0000-0000-0000-000000000000'::uuid))),
    CONSTRAINT holds_check1 CHECK (((lifted_at IS NULL) = (lifted_by IS NULL))),
    CONSTRAINT holds_kind_check CHECK ((kind = ANY (ARRAY['pause'::text, 'freeze'::text]))),
    CONSTRAINT holds_reason_check CHECK ((reason <> ''::text)),
    CONSTRAINT holds_scope_check CHECK ((scope = ANY (ARRAY['agent'::text, 'tenant'::text, 'all'::text])))
);
CREATE TABLE public.idempotency_keys (
    tenant_id uuid NOT NULL,
    key text NOT NULL,
    route text NOT NULL,
    body_sha256 bytea NOT NULL,
    answer jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT idempotency_keys_body_sha256_check CHECK ((octet_length(body_sha256) = 32)),
    CONSTRAINT idempotency_keys_key_check CHECK ((key <> ''::text))
);
CREATE TABLE public.invitations (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    purpose text NOT NULL,
    email text NOT NULL,
    role text NOT NULL,
    secret_sha256 bytea NOT NULL,
    made_by text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    maker_id uuid,
    CONSTRAINT invitations_email_check CHECK (((email = lower(email)) AND (email <> ''::text))),
    CONSTRAINT invitations_purpose_check CHECK ((purpose = ANY (ARRAY['join'::text, 'reset'::text]))),
    CONSTRAINT invitations_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'operator'::text, 'developer'::text, 'viewer'::text]))),
    CONSTRAINT invitations_secret_sha256_check CHECK ((octet_length(secret_sha256) = 32))
);
CREATE TABLE public.jobs (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    kind text NOT NULL,
    subject_id uuid NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    announced_at timestamp with time zone DEFAULT now() NOT NULL,
    lease_until timestamp with time zone,
    CONSTRAINT jobs_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT jobs_kind_check CHECK ((kind = ANY (ARRAY['remember_run'::text, 'index_tool'::text, 'check_tool'::text])))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='1000');
CREATE TABLE public.key_limits (
    tenant_id uuid NOT NULL,
    key_id uuid NOT NULL,
    requests_per_minute integer,
    burst integer,
    connections integer,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT key_limits_burst_check CHECK ((burst >= 1)),
    CONSTRAINT key_limits_connections_check CHECK ((connections >= 1)),
    CONSTRAINT key_limits_requests_per_minute_check CHECK ((requests_per_minute >= 1))
);
CREATE TABLE public.logins (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    secret_sha256 bytea NOT NULL,
    method text NOT NULL,
    device text NOT NULL,
    address text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT logins_method_check CHECK ((method = ANY (ARRAY['password'::text, 'oidc'::text, 'link'::text]))),
    CONSTRAINT logins_secret_sha256_check CHECK ((octet_length(secret_sha256) = 32))
);
CREATE TABLE public.memberships (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL,
    disabled_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT memberships_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'operator'::text, 'developer'::text, 'viewer'::text])))
);
CREATE TABLE public.memories (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    session_id uuid NOT NULL,
    run_id uuid NOT NULL,
    kind text NOT NULL,
    visibility text NOT NULL,
    title text NOT NULL,
    content text NOT NULL,
    source_first_seq bigint NOT NULL,
    source_last_seq bigint NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    indexed_at timestamp with time zone,
    label jsonb,
    sensitivity_floor smallint,
    CONSTRAINT memories_check CHECK ((source_last_seq >= source_first_seq)),
    CONSTRAINT memories_kind_check CHECK ((kind = ANY (ARRAY['episode'::text, 'note'::text]))),
    CONSTRAINT memories_label_check CHECK ((jsonb_typeof(label) = 'object'::text)),
    CONSTRAINT memories_sensitivity_floor_check CHECK (((sensitivity_floor >= 1) AND (sensitivity_floor <= 2))),
    CONSTRAINT memories_source_first_seq_check CHECK ((source_first_seq >= 1)),
    CONSTRAINT memories_visibility_check CHECK ((visibility = ANY (ARRAY['private'::text, 'tenant'::text])))
);
CREATE TABLE public.policies (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    agent_id uuid,
    name text NOT NULL,
    description text NOT NULL,
    current_version integer NOT NULL,
    latest_version integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    disabled_at timestamp with time zone,
    CONSTRAINT policies_check CHECK ((latest_version >= current_version)),
    CONSTRAINT policies_current_version_check CHECK ((current_version >= 1))
);
CREATE TABLE public.policy_calls (
    tenant_id uuid NOT NULL,
    policy_id uuid NOT NULL,
    rule text NOT NULL,
    subject_id uuid NOT NULL,
    called_at timestamp with time zone[] NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.policy_revisions (
    tenant_id uuid NOT NULL,
    revision bigint NOT NULL,
    CONSTRAINT policy_revisions_revision_check CHECK ((revision >= 1))
);
CREATE TABLE public.policy_versions (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    policy_id uuid NOT NULL,
    version integer NOT NULL,
    rules jsonb NOT NULL,
    comment text NOT NULL,
    made_by_kind text NOT NULL,
    made_by_id text NOT NULL,
    made_by_name text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT policy_versions_rules_check CHECK ((jsonb_typeof(rules) = 'array'::text)),
    CONSTRAINT policy_versions_version_check CHECK ((version >= 1))
);
CREATE TABLE public.runs (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    session_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    agent_version_id uuid NOT NULL,
    status text DEFAULT 'queued'::text NOT NULL,
    queued_seq bigint NOT NULL,
    generation integer DEFAULT 0 NOT NULL,
    worker_id text,
    lease_until timestamp with time zone,
    woken_at timestamp with time zone DEFAULT now() NOT NULL,
    cancel_requested_at timestamp with time zone,
    cancel_reason text,
    limits jsonb NOT NULL,
    output text,
    error_code text,
    error_message text,
    total_tokens bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    pause_requested_at timestamp with time zone,
    pause_reason text,
    waiting_for jsonb,
    cost_micros bigint DEFAULT 0 NOT NULL,
    rolled_back_at timestamp with time zone,
    steers integer DEFAULT 0 NOT NULL,
    priority text DEFAULT 'interactive'::text NOT NULL,
    ready boolean DEFAULT true NOT NULL,
    counted_tokens bigint DEFAULT 0 NOT NULL,
    counted_cost_micros bigint DEFAULT 0 NOT NULL,
    log_kept_since timestamp with time zone,
    CONSTRAINT runs_check CHECK (((status = 'running'::text) = (lease_until IS NOT NULL))),
    CONSTRAINT runs_check1 CHECK (((status <> 'running'::text) OR ((worker_id IS NOT NULL) AND (generation >= 1) AND (started_at IS NOT NULL)))),
    CONSTRAINT runs_check2 CHECK (((status = ANY (ARRAY['succeeded'::text, 'failed'::text, 'cancelled'::text, 'budget_exhausted'::text])) = (finished_at IS NOT NULL))),
    CONSTRAINT runs_generation_check CHECK ((generation >= 0)),
    CONSTRAINT runs_limits_check CHECK ((jsonb_typeof(limits) = 'object'::text)),
    CONSTRAINT runs_priority_check CHECK ((priority = ANY (ARRAY['interactive'::text, 'batch'::text]))),
    CONSTRAINT runs_queued_seq_check CHECK ((queued_seq >= 1)),
    CONSTRAINT runs_status_check CHECK ((status = ANY (ARRAY['queued'::text, 'running'::text, 'waiting'::text, 'succeeded'::text, 'failed'::text, 'cancelled'::text, 'budget_exhausted'::text]))),
    CONSTRAINT runs_steers_check CHECK ((steers >= 0)),
    CONSTRAINT runs_total_tokens_check CHECK ((total_tokens >= 0))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.02');
CREATE TABLE public.schedule_firings (
    schedule_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    due_at timestamp with time zone NOT NULL,
    fired_at timestamp with time zone NOT NULL,
    outcome text NOT NULL,
    run_id uuid,
    reason text,
    CONSTRAINT schedule_firings_check CHECK (((run_id IS NULL) OR (outcome = 'submitted'::text))),
    CONSTRAINT schedule_firings_outcome_check CHECK ((outcome = ANY (ARRAY['submitted'::text, 'skipped'::text, 'missed'::text, 'failed'::text])))
);
CREATE TABLE public.schedules (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    timing jsonb NOT NULL,
    agent_id uuid NOT NULL,
    agent_version integer,
    session_id uuid,
    input text NOT NULL,
    limits jsonb NOT NULL,
    catch_up text NOT NULL,
    catch_up_limit integer NOT NULL,
    overlap text NOT NULL,
    next_due_at timestamp with time zone,
    paused_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT schedules_agent_version_check CHECK ((agent_version >= 1)),
    CONSTRAINT schedules_catch_up_check CHECK ((catch_up = ANY (ARRAY['skip'::text, 'one'::text, 'all'::text]))),
    CONSTRAINT schedules_catch_up_limit_check CHECK ((catch_up_limit >= 1)),
    CONSTRAINT schedules_check CHECK (((paused_at IS NULL) OR (next_due_at IS NULL))),
    CONSTRAINT schedules_input_check CHECK ((input <> ''::text)),
    CONSTRAINT schedules_limits_check CHECK ((jsonb_typeof(limits) = 'object'::text)),
    CONSTRAINT schedules_name_check CHECK ((name <> ''::text)),
    CONSTRAINT schedules_overlap_check CHECK ((overlap = ANY (ARRAY['allow'::text, 'skip'::text, 'queue'::text, 'cancel_running'::text]))),
    CONSTRAINT schedules_timing_check CHECK ((jsonb_typeof(timing) = 'object'::text))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.02');
CREATE TABLE public.schema_migrations (
    version integer NOT NULL,
    phase text NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT schema_migrations_checksum_check CHECK ((checksum ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT schema_migrations_phase_check CHECK ((phase = ANY (ARRAY['pre'::text, 'post'::text])))
);
CREATE TABLE public.secret_versions (
    secret_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    version integer NOT NULL,
    sealed_value bytea NOT NULL,
    sealed_key bytea NOT NULL,
    key_id text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.secrets (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    agent_id uuid,
    version integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    hosts text[] DEFAULT '{*}'::text[] NOT NULL,
    CONSTRAINT secrets_hosts_check CHECK ((cardinality(hosts) <= 50)),
    CONSTRAINT secrets_name_check CHECK ((name ~ '^[A-Za-z][A-Za-z0-9_]{0,63}$'::text)),
    CONSTRAINT secrets_version_check CHECK ((version > 0))
);
CREATE TABLE public.sensitivity_floors (
    tenant_id uuid NOT NULL,
    tool text NOT NULL,
    sensitivity smallint NOT NULL,
    reason text NOT NULL,
    set_by text NOT NULL,
    set_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT sensitivity_floors_reason_check CHECK ((reason <> ''::text)),
    CONSTRAINT sensitivity_floors_sensitivity_check CHECK (((sensitivity >= 1) AND (sensitivity <= 2))),
    CONSTRAINT sensitivity_floors_tool_check CHECK ((char_length(tool) <= 200))
);
CREATE TABLE public.sessions (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    title text NOT NULL,
    metadata jsonb NOT NULL,
    last_seq bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    total_tokens bigint DEFAULT 0 NOT NULL,
    cost_micros bigint DEFAULT 0 NOT NULL,
    message_policy text DEFAULT 'enqueue'::text NOT NULL,
    forked_from_session_id uuid,
    forked_from_seq bigint,
    purged_seq bigint DEFAULT 0 NOT NULL,
    CONSTRAINT sessions_last_seq_check CHECK ((last_seq >= 0)),
    CONSTRAINT sessions_message_policy_check CHECK ((message_policy = ANY (ARRAY['enqueue'::text, 'reject'::text, 'interrupt'::text, 'rollback'::text]))),
    CONSTRAINT sessions_metadata_check CHECK ((jsonb_typeof(metadata) = 'object'::text)),
    CONSTRAINT sessions_purged_seq_check CHECK ((purged_seq >= 0))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.02');
CREATE TABLE public.sign_in_failures (
    subject_sha256 bytea NOT NULL,
    failures integer NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    CONSTRAINT sign_in_failures_failures_check CHECK ((failures >= 0)),
    CONSTRAINT sign_in_failures_subject_sha256_check CHECK ((octet_length(subject_sha256) = 32))
);
CREATE VIEW public.steps WITH (security_invoker='true') AS
 SELECT tenant_id,
    session_id,
    run_id,
    step,
    min(at) AS started_at,
    max(at) AS finished_at,
    (count(*) FILTER (WHERE (type = 'model.called'::text)))::integer AS model_calls,
    (count(DISTINCT (payload ->> 'call_id'::text)) FILTER (WHERE (type = 'tool.called'::text)))::integer AS tool_calls,
    (COALESCE(sum(((payload #>> '{usage,prompt_tokens}'::text[]))::bigint) FILTER (WHERE (type = 'model.called'::text)), (0)::numeric))::bigint AS prompt_tokens,
    (COALESCE(sum(((payload #>> '{usage,completion_tokens}'::text[]))::bigint) FILTER (WHERE (type = 'model.called'::text)), (0)::numeric))::bigint AS completion_tokens
   FROM public.events
  WHERE ((run_id IS NOT NULL) AND (step >= 1))
  GROUP BY tenant_id, session_id, run_id, step;
CREATE TABLE public.tenant_admission (
    tenant_id uuid NOT NULL,
    weight integer DEFAULT 1 NOT NULL,
    max_concurrent_runs integer,
    max_queued_runs integer,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT tenant_admission_max_concurrent_runs_check CHECK ((max_concurrent_runs >= 1)),
    CONSTRAINT tenant_admission_max_queued_runs_check CHECK ((max_queued_runs >= 1)),
    CONSTRAINT tenant_admission_weight_check CHECK (((weight >= 1) AND (weight <= 1000)))
);
CREATE TABLE public.tenant_budgets (
    tenant_id uuid NOT NULL,
    tokens_per_day bigint,
    cost_micros_per_day bigint,
    tokens_per_session bigint,
    cost_micros_per_session bigint,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT tenant_budgets_cost_micros_per_day_check CHECK ((cost_micros_per_day >= 1)),
    CONSTRAINT tenant_budgets_cost_micros_per_session_check CHECK ((cost_micros_per_session >= 1)),
    CONSTRAINT tenant_budgets_tokens_per_day_check CHECK ((tokens_per_day >= 1)),
    CONSTRAINT tenant_budgets_tokens_per_session_check CHECK ((tokens_per_session >= 1))
);
CREATE TABLE public.tenant_limits (
    tenant_id uuid NOT NULL,
    requests_per_minute integer,
    burst integer,
    connections integer,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT tenant_limits_burst_check CHECK ((burst >= 1)),
    CONSTRAINT tenant_limits_connections_check CHECK ((connections >= 1)),
    CONSTRAINT tenant_limits_requests_per_minute_check CHECK ((requests_per_minute >= 1))
);
CREATE TABLE public.tenant_usage (
    tenant_id uuid NOT NULL,
    day date NOT NULL,
    slot smallint NOT NULL,
    runs bigint NOT NULL,
    tokens bigint NOT NULL,
    cost_micros bigint NOT NULL,
    CONSTRAINT tenant_usage_slot_check CHECK (((slot >= 0) AND (slot <= 15)))
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.02');
CREATE TABLE public.tenants (
    id uuid NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    disabled_at timestamp with time zone,
    operates boolean DEFAULT false NOT NULL,
    CONSTRAINT tenants_name_check CHECK ((name <> ''::text))
);
CREATE TABLE public.timers (
    run_id uuid NOT NULL,
    due_at timestamp with time zone NOT NULL
);
CREATE TABLE public.tool_activation (
    tenant_id uuid NOT NULL,
    activate_pure boolean NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.tool_uses (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    call_id text NOT NULL,
    tool_version_id uuid NOT NULL,
    ok boolean NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.tool_versions (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    tool_id uuid NOT NULL,
    version integer NOT NULL,
    state text NOT NULL,
    state_reason text,
    description text NOT NULL,
    parameters jsonb NOT NULL,
    returns jsonb NOT NULL,
    function text NOT NULL,
    source text NOT NULL,
    source_sha256 text NOT NULL,
    tests jsonb NOT NULL,
    test_report jsonb,
    origin_run_id uuid,
    origin_call_id text,
    uses bigint DEFAULT 0 NOT NULL,
    failures bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    activated_at timestamp with time zone,
    in_doubt text DEFAULT 'rerun'::text NOT NULL,
    label jsonb,
    permissions jsonb DEFAULT '{}'::jsonb NOT NULL,
    scan_report jsonb,
    negative_report jsonb,
    origin text DEFAULT 'agent'::text NOT NULL,
    origin_step integer,
    state_changed_at timestamp with time zone,
    CONSTRAINT tool_versions_check CHECK (((failures >= 0) AND (failures <= uses))),
    CONSTRAINT tool_versions_check1 CHECK (((state <> 'active'::text) OR ((test_report IS NOT NULL) AND (activated_at IS NOT NULL)))),
    CONSTRAINT tool_versions_in_doubt_check CHECK ((in_doubt = ANY (ARRAY['rerun'::text, 'probe'::text, 'ask'::text]))),
    CONSTRAINT tool_versions_label_check CHECK ((jsonb_typeof(label) = 'object'::text)),
    CONSTRAINT tool_versions_origin_check CHECK ((origin = ANY (ARRAY['agent'::text, 'import'::text]))),
    CONSTRAINT tool_versions_origin_step_check CHECK ((origin_step >= 0)),
    CONSTRAINT tool_versions_parameters_check CHECK ((jsonb_typeof(parameters) = 'object'::text)),
    CONSTRAINT tool_versions_permissions_check CHECK ((jsonb_typeof(permissions) = 'object'::text)),
    CONSTRAINT tool_versions_returns_check CHECK ((jsonb_typeof(returns) = 'object'::text)),
    CONSTRAINT tool_versions_source_sha256_check CHECK ((source_sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT tool_versions_state_check CHECK ((state = ANY (ARRAY['proposed'::text, 'quarantined'::text, 'tested'::text, 'active'::text, 'disabled'::text, 'rejected'::text, 'rolled_back'::text]))),
    CONSTRAINT tool_versions_tests_check CHECK ((jsonb_typeof(tests) = 'array'::text)),
    CONSTRAINT tool_versions_uses_check CHECK ((uses >= 0)),
    CONSTRAINT tool_versions_version_check CHECK ((version >= 1))
);
CREATE TABLE public.tools (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    active_version integer,
    latest_version integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT tools_latest_version_check CHECK ((latest_version >= 0)),
    CONSTRAINT tools_name_check CHECK ((name <> ''::text))
);
CREATE TABLE public.users (
    id uuid NOT NULL,
    email text NOT NULL,
    name text NOT NULL,
    password_hash text,
    oidc_issuer text,
    oidc_subject text,
    disabled_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT users_check CHECK (((oidc_issuer IS NULL) = (oidc_subject IS NULL))),
    CONSTRAINT users_email_check CHECK (((email = lower(email)) AND (email <> ''::text))),
    CONSTRAINT users_name_check CHECK ((name <> ''::text))
);
CREATE TABLE public.webhook_attempts (
    tenant_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    attempt integer NOT NULL,
    at timestamp with time zone NOT NULL,
    latency_ms double precision NOT NULL,
    status integer,
    error text,
    response_excerpt text NOT NULL,
    CONSTRAINT webhook_attempts_attempt_check CHECK ((attempt >= 1)),
    CONSTRAINT webhook_attempts_latency_ms_check CHECK ((latency_ms >= (0)::double precision))
);
CREATE TABLE public.webhook_deliveries (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    session_id uuid NOT NULL,
    seq bigint NOT NULL,
    event_type text NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    attempts_before integer DEFAULT 0 NOT NULL,
    next_attempt_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    last_status integer,
    last_error text,
    CONSTRAINT webhook_deliveries_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT webhook_deliveries_check CHECK (((attempts_before >= 0) AND (attempts_before <= attempts))),
    CONSTRAINT webhook_deliveries_check1 CHECK (((state = ANY (ARRAY['pending'::text, 'sending'::text])) = (next_attempt_at IS NOT NULL))),
    CONSTRAINT webhook_deliveries_check2 CHECK (((state = ANY (ARRAY['delivered'::text, 'dead'::text])) = (finished_at IS NOT NULL))),
    CONSTRAINT webhook_deliveries_seq_check CHECK ((seq >= 1)),
    CONSTRAINT webhook_deliveries_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'sending'::text, 'delivered'::text, 'dead'::text])))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.02');
CREATE TABLE public.webhooks (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    description text NOT NULL,
    url text NOT NULL,
    events text[] NOT NULL,
    agent_id uuid,
    enabled boolean DEFAULT true NOT NULL,
    disabled_reason text,
    secret text NOT NULL,
    previous_secret text,
    previous_secret_until timestamp with time zone,
    failing_since timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT webhooks_check CHECK (((previous_secret IS NULL) = (previous_secret_until IS NULL))),
    CONSTRAINT webhooks_check1 CHECK ((enabled OR (disabled_reason IS NOT NULL))),
    CONSTRAINT webhooks_events_check CHECK ((cardinality(events) >= 1)),
    CONSTRAINT webhooks_secret_check CHECK ((secret <> ''::text)),
    CONSTRAINT webhooks_url_check CHECK ((url <> ''::text))
);
CREATE TABLE public.workers (
    id text NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY public.events ATTACH PARTITION public.events_p0 FOR VALUES WITH (modulus 8, remainder 0);
ALTER TABLE ONLY public.events ATTACH PARTITION public.events_p1 FOR VALUES WITH (modulus 8, remainder 1);
ALTER TABLE ONLY public.events ATTACH PARTITION public.events_p2 FOR VALUES WITH (modulus 8, remainder 2);
ALTER TABLE ONLY public.events ATTACH PARTITION public.events_p3 FOR VALUES WITH (modulus 8, remainder 3);
ALTER TABLE ONLY public.events ATTACH PARTITION public.events_p4 FOR VALUES WITH (modulus 8, remainder 4);
ALTER TABLE ONLY public.events ATTACH PARTITION public.events_p5 FOR VALUES WITH (modulus 8, remainder 5);
ALTER TABLE ONLY public.events ATTACH PARTITION public.events_p6 FOR VALUES WITH (modulus 8, remainder 6);
ALTER TABLE ONLY public.events ATTACH PARTITION public.events_p7 FOR VALUES WITH (modulus 8, remainder 7);
ALTER TABLE ONLY public.agent_versions
    ADD CONSTRAINT agent_versions_agent_id_id_key UNIQUE (agent_id, id);
ALTER TABLE ONLY public.agent_versions
    ADD CONSTRAINT agent_versions_agent_id_version_key UNIQUE (agent_id, version);
ALTER TABLE ONLY public.agent_versions
    ADD CONSTRAINT agent_versions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.agents
    ADD CONSTRAINT agents_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.agents
    ADD CONSTRAINT agents_tenant_id_id_key UNIQUE (tenant_id, id);
ALTER TABLE ONLY public.agents
    ADD CONSTRAINT agents_tenant_id_name_key UNIQUE (tenant_id, name);
ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_secret_sha256_key UNIQUE (secret_sha256);
ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_tenant_id_id_key UNIQUE (tenant_id, id);
ALTER TABLE ONLY public.approval_decisions
    ADD CONSTRAINT approval_decisions_pkey PRIMARY KEY (approval_id, person_id);
ALTER TABLE ONLY public.approvals
    ADD CONSTRAINT approvals_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.approvals
    ADD CONSTRAINT approvals_tenant_id_id_key UNIQUE (tenant_id, id);
ALTER TABLE ONLY public.artifacts
    ADD CONSTRAINT artifacts_pkey PRIMARY KEY (tenant_id, sha256);
ALTER TABLE ONLY public.audit_heads
    ADD CONSTRAINT audit_heads_pkey PRIMARY KEY (tenant_id);
ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (tenant_id, seq);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (session_id, seq);
ALTER TABLE ONLY public.events_p0
    ADD CONSTRAINT events_p0_pkey PRIMARY KEY (session_id, seq);
ALTER TABLE ONLY public.events_p1
    ADD CONSTRAINT events_p1_pkey PRIMARY KEY (session_id, seq);
ALTER TABLE ONLY public.events_p2
    ADD CONSTRAINT events_p2_pkey PRIMARY KEY (session_id, seq);
ALTER TABLE ONLY public.events_p3
    ADD CONSTRAINT events_p3_pkey PRIMARY KEY (session_id, seq);
ALTER TABLE ONLY public.events_p4
    ADD CONSTRAINT events_p4_pkey PRIMARY KEY (session_id, seq);
ALTER TABLE ONLY public.events_p5
    ADD CONSTRAINT events_p5_pkey PRIMARY KEY (session_id, seq);
ALTER TABLE ONLY public.events_p6
    ADD CONSTRAINT events_p6_pkey PRIMARY KEY (session_id, seq);
ALTER TABLE ONLY public.events_p7
    ADD CONSTRAINT events_p7_pkey PRIMARY KEY (session_id, seq);
ALTER TABLE ONLY public.holds
    ADD CONSTRAINT holds_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, key, route);
ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT invitations_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT invitations_secret_sha256_key UNIQUE (secret_sha256);
ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT invitations_tenant_id_id_key UNIQUE (tenant_id, id);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.key_limits
    ADD CONSTRAINT key_limits_pkey PRIMARY KEY (tenant_id, key_id);
ALTER TABLE ONLY public.logins
    ADD CONSTRAINT logins_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.logins
    ADD CONSTRAINT logins_secret_sha256_key UNIQUE (secret_sha256);
ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_pkey PRIMARY KEY (tenant_id, user_id);
ALTER TABLE ONLY public.memories
    ADD CONSTRAINT memories_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.memories
    ADD CONSTRAINT memories_tenant_id_id_key UNIQUE (tenant_id, id);
ALTER TABLE ONLY public.policies
    ADD CONSTRAINT policies_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.policies
    ADD CONSTRAINT policies_tenant_id_id_key UNIQUE (tenant_id, id);
ALTER TABLE ONLY public.policies
    ADD CONSTRAINT policies_tenant_id_name_key UNIQUE (tenant_id, name);
ALTER TABLE ONLY public.policy_calls
    ADD CONSTRAINT policy_calls_pkey PRIMARY KEY (tenant_id, policy_id, rule, subject_id);
ALTER TABLE ONLY public.policy_revisions
    ADD CONSTRAINT policy_revisions_pkey PRIMARY KEY (tenant_id);
ALTER TABLE ONLY public.policy_versions
    ADD CONSTRAINT policy_versions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.policy_versions
    ADD CONSTRAINT policy_versions_policy_id_version_key UNIQUE (policy_id, version);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_session_id_id_key UNIQUE (session_id, id);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_tenant_id_id_key UNIQUE (tenant_id, id);
ALTER TABLE public.runs
    ADD CONSTRAINT runs_waiting_for_check CHECK (((status = 'waiting'::text) = (waiting_for IS NOT NULL))) NOT VALID;
ALTER TABLE ONLY public.schedule_firings
    ADD CONSTRAINT schedule_firings_pkey PRIMARY KEY (schedule_id, due_at);
ALTER TABLE ONLY public.schedules
    ADD CONSTRAINT schedules_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.schedules
    ADD CONSTRAINT schedules_tenant_id_id_key UNIQUE (tenant_id, id);
ALTER TABLE ONLY public.schedules
    ADD CONSTRAINT schedules_tenant_id_name_key UNIQUE (tenant_id, name);
ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.secret_versions
    ADD CONSTRAINT secret_versions_pkey PRIMARY KEY (secret_id, version);
ALTER TABLE ONLY public.secrets
    ADD CONSTRAINT secrets_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.secrets
    ADD CONSTRAINT secrets_tenant_id_name_key UNIQUE (tenant_id, name);
ALTER TABLE ONLY public.sensitivity_floors
    ADD CONSTRAINT sensitivity_floors_pkey PRIMARY KEY (tenant_id, tool);
ALTER TABLE public.sessions
    ADD CONSTRAINT sessions_fork_check CHECK (((forked_from_session_id IS NULL) = (forked_from_seq IS NULL))) NOT VALID;
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_tenant_id_id_key UNIQUE (tenant_id, id);
ALTER TABLE ONLY public.sign_in_failures
    ADD CONSTRAINT sign_in_failures_pkey PRIMARY KEY (subject_sha256);
ALTER TABLE ONLY public.tenant_admission
    ADD CONSTRAINT tenant_admission_pkey PRIMARY KEY (tenant_id);
ALTER TABLE ONLY public.tenant_budgets
    ADD CONSTRAINT tenant_budgets_pkey PRIMARY KEY (tenant_id);
ALTER TABLE ONLY public.tenant_limits
    ADD CONSTRAINT tenant_limits_pkey PRIMARY KEY (tenant_id);
ALTER TABLE ONLY public.tenant_usage
    ADD CONSTRAINT tenant_usage_pkey PRIMARY KEY (tenant_id, day, slot);
ALTER TABLE ONLY public.tenants
    ADD CONSTRAINT tenants_name_key UNIQUE (name);
ALTER TABLE ONLY public.tenants
    ADD CONSTRAINT tenants_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.timers
    ADD CONSTRAINT timers_pkey PRIMARY KEY (run_id);
ALTER TABLE ONLY public.tool_activation
    ADD CONSTRAINT tool_activation_pkey PRIMARY KEY (tenant_id);
ALTER TABLE ONLY public.tool_uses
    ADD CONSTRAINT tool_uses_pkey PRIMARY KEY (run_id, call_id, tool_version_id);
ALTER TABLE ONLY public.tool_versions
    ADD CONSTRAINT tool_versions_origin_run_id_origin_call_id_source_sha256_key UNIQUE (origin_run_id, origin_call_id, source_sha256);
ALTER TABLE ONLY public.tool_versions
    ADD CONSTRAINT tool_versions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.tool_versions
    ADD CONSTRAINT tool_versions_tenant_id_id_key UNIQUE (tenant_id, id);
ALTER TABLE ONLY public.tool_versions
    ADD CONSTRAINT tool_versions_tool_id_version_key UNIQUE (tool_id, version);
ALTER TABLE ONLY public.tools
    ADD CONSTRAINT tools_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.tools
    ADD CONSTRAINT tools_tenant_id_id_key UNIQUE (tenant_id, id);
ALTER TABLE ONLY public.tools
    ADD CONSTRAINT tools_tenant_id_name_key UNIQUE (tenant_id, name);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_email_key UNIQUE (email);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_oidc_issuer_oidc_subject_key UNIQUE (oidc_issuer, oidc_subject);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.webhook_attempts
    ADD CONSTRAINT webhook_attempts_pkey PRIMARY KEY (delivery_id, attempt);
ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_session_id_seq_webhook_id_key UNIQUE (session_id, seq, webhook_id);
ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_tenant_id_id_key UNIQUE (tenant_id, id);
ALTER TABLE ONLY public.webhooks
    ADD CONSTRAINT webhooks_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.webhooks
    ADD CONSTRAINT webhooks_tenant_id_id_key UNIQUE (tenant_id, id);
ALTER TABLE ONLY public.workers
    ADD CONSTRAINT workers_pkey PRIMARY KEY (id);
CREATE INDEX api_keys_by_person ON public.api_keys USING btree (person_id) WHERE (person_id IS NOT NULL);
CREATE UNIQUE INDEX api_keys_previous ON public.api_keys USING btree (previous_sha256) WHERE (previous_sha256 IS NOT NULL);
CREATE UNIQUE INDEX approvals_awaited ON public.approvals USING btree (run_id) WHERE (status = 'pending'::text);
CREATE INDEX approvals_by_age ON public.approvals USING btree (tenant_id, requested_at, id);
CREATE INDEX approvals_by_run ON public.approvals USING btree (run_id);
CREATE INDEX approvals_by_session ON public.approvals USING btree (session_id, requested_at, id);
CREATE INDEX approvals_expiring ON public.approvals USING btree (expires_at) WHERE (status = 'pending'::text);
CREATE INDEX approvals_open ON public.approvals USING btree (tenant_id, requested_at, id) WHERE (status = 'pending'::text);
CREATE INDEX artifacts_to_check ON public.artifacts USING btree (check_at) WHERE (check_at IS NOT NULL);
CREATE INDEX audit_log_action ON public.audit_log USING btree (tenant_id, action text_pattern_ops, seq);
CREATE INDEX audit_log_actor ON public.audit_log USING btree (tenant_id, actor_id, seq);
CREATE INDEX audit_log_at ON public.audit_log USING btree (tenant_id, at);
CREATE INDEX audit_log_subject ON public.audit_log USING btree (tenant_id, subject, seq);
CREATE INDEX events_artifacts ON ONLY public.events USING btree (tenant_id, ((payload ->> 'artifact_sha256'::text))) WHERE ((payload ->> 'artifact_sha256'::text) IS NOT NULL);
CREATE INDEX events_by_run ON ONLY public.events USING btree (run_id, seq) WHERE (run_id IS NOT NULL);
CREATE INDEX events_context ON ONLY public.events USING btree (session_id, seq) WHERE (type = ANY (ARRAY['message.created'::text, 'message.completed'::text, 'run.cancelled'::text, 'run.budget_exhausted'::text, 'capability.activated'::text, 'capability.reused'::text, 'capability.disabled'::text]));
CREATE INDEX events_files ON ONLY public.events USING gin (jsonb_path_query_array(payload, '$."files"[*]."sha256"'::jsonpath)) WHERE ((type = 'tool.finished'::text) AND ((payload -> 'files'::text) <> '[]'::jsonb));
CREATE INDEX events_p0_jsonb_path_query_array_idx ON public.events_p0 USING gin (jsonb_path_query_array(payload, '$."files"[*]."sha256"'::jsonpath)) WHERE ((type = 'tool.finished'::text) AND ((payload -> 'files'::text) <> '[]'::jsonb));
CREATE INDEX events_p0_run_id_seq_idx ON public.events_p0 USING btree (run_id, seq) WHERE (run_id IS NOT NULL);
CREATE INDEX events_p0_session_id_seq_idx ON public.events_p0 USING btree (session_id, seq) WHERE (type = ANY (ARRAY['message.created'::text, 'message.completed'::text, 'run.cancelled'::text, 'run.budget_exhausted'::text, 'capability.activated'::text, 'capability.reused'::text, 'capability.disabled'::text]));
CREATE INDEX events_p0_tenant_id_expr_idx ON public.events_p0 USING btree (tenant_id, ((payload ->> 'artifact_sha256'::text))) WHERE ((payload ->> 'artifact_sha256'::text) IS NOT NULL);
CREATE INDEX events_p1_jsonb_path_query_array_idx ON public.events_p1 USING gin (jsonb_path_query_array(payload, '$."files"[*]."sha256"'::jsonpath)) WHERE ((type = 'tool.finished'::text) AND ((payload -> 'files'::text) <> '[]'::jsonb));
CREATE INDEX events_p1_run_id_seq_idx ON public.events_p1 USING btree (run_id, seq) WHERE (run_id IS NOT NULL);
CREATE INDEX events_p1_session_id_seq_idx ON public.events_p1 USING btree (session_id, seq) WHERE (type = ANY (ARRAY['message.created'::text, 'message.completed'::text, 'run.cancelled'::text, 'run.budget_exhausted'::text, 'capability.activated'::text, 'capability.reused'::text, 'capability.disabled'::text]));
CREATE INDEX events_p1_tenant_id_expr_idx ON public.events_p1 USING btree (tenant_id, ((payload ->> 'artifact_sha256'::text))) WHERE ((payload ->> 'artifact_sha256'::text) IS NOT NULL);
CREATE INDEX events_p2_jsonb_path_query_array_idx ON public.events_p2 USING gin (jsonb_path_query_array(payload, '$."files"[*]."sha256"'::jsonpath)) WHERE ((type = 'tool.finished'::text) AND ((payload -> 'files'::text) <> '[]'::jsonb));
CREATE INDEX events_p2_run_id_seq_idx ON public.events_p2 USING btree (run_id, seq) WHERE (run_id IS NOT NULL);
CREATE INDEX events_p2_session_id_seq_idx ON public.events_p2 USING btree (session_id, seq) WHERE (type = ANY (ARRAY['message.created'::text, 'message.completed'::text, 'run.cancelled'::text, 'run.budget_exhausted'::text, 'capability.activated'::text, 'capability.reused'::text, 'capability.disabled'::text]));
CREATE INDEX events_p2_tenant_id_expr_idx ON public.events_p2 USING btree (tenant_id, ((payload ->> 'artifact_sha256'::text))) WHERE ((payload ->> 'artifact_sha256'::text) IS NOT NULL);
CREATE INDEX events_p3_jsonb_path_query_array_idx ON public.events_p3 USING gin (jsonb_path_query_array(payload, '$."files"[*]."sha256"'::jsonpath)) WHERE ((type = 'tool.finished'::text) AND ((payload -> 'files'::text) <> '[]'::jsonb));
CREATE INDEX events_p3_run_id_seq_idx ON public.events_p3 USING btree (run_id, seq) WHERE (run_id IS NOT NULL);
CREATE INDEX events_p3_session_id_seq_idx ON public.events_p3 USING btree (session_id, seq) WHERE (type = ANY (ARRAY['message.created'::text, 'message.completed'::text, 'run.cancelled'::text, 'run.budget_exhausted'::text, 'capability.activated'::text, 'capability.reused'::text, 'capability.disabled'::text]));
CREATE INDEX events_p3_tenant_id_expr_idx ON public.events_p3 USING btree (tenant_id, ((payload ->> 'artifact_sha256'::text))) WHERE ((payload ->> 'artifact_sha256'::text) IS NOT NULL);
CREATE INDEX events_p4_jsonb_path_query_array_idx ON public.events_p4 USING gin (jsonb_path_query_array(payload, '$."files"[*]."sha256"'::jsonpath)) WHERE ((type = 'tool.finished'::text) AND ((payload -> 'files'::text) <> '[]'::jsonb));
CREATE INDEX events_p4_run_id_seq_idx ON public.events_p4 USING btree (run_id, seq) WHERE (run_id IS NOT NULL);
CREATE INDEX events_p4_session_id_seq_idx ON public.events_p4 USING btree (session_id, seq) WHERE (type = ANY (ARRAY['message.created'::text, 'message.completed'::text, 'run.cancelled'::text, 'run.budget_exhausted'::text, 'capability.activated'::text, 'capability.reused'::text, 'capability.disabled'::text]));
CREATE INDEX events_p4_tenant_id_expr_idx ON public.events_p4 USING btree (tenant_id, ((payload ->> 'artifact_sha256'::text))) WHERE ((payload ->> 'artifact_sha256'::text) IS NOT NULL);
CREATE INDEX events_p5_jsonb_path_query_array_idx ON public.events_p5 USING gin (jsonb_path_query_array(payload, '$."files"[*]."sha256"'::jsonpath)) WHERE ((type = 'tool.finished'::text) AND ((payload -> 'files'::text) <> '[]'::jsonb));
CREATE INDEX events_p5_run_id_seq_idx ON public.events_p5 USING btree (run_id, seq) WHERE (run_id IS NOT NULL);
CREATE INDEX events_p5_session_id_seq_idx ON public.events_p5 USING btree (session_id, seq) WHERE (type = ANY (ARRAY['message.created'::text, 'message.completed'::text, 'run.cancelled'::text, 'run.budget_exhausted'::text, 'capability.activated'::text, 'capability.reused'::text, 'capability.disabled'::text]));
CREATE INDEX events_p5_tenant_id_expr_idx ON public.events_p5 USING btree (tenant_id, ((payload ->> 'artifact_sha256'::text))) WHERE ((payload ->> 'artifact_sha256'::text) IS NOT NULL);
CREATE INDEX events_p6_jsonb_path_query_array_idx ON public.events_p6 USING gin (jsonb_path_query_array(payload, '$."files"[*]."sha256"'::jsonpath)) WHERE ((type = 'tool.finished'::text) AND ((payload -> 'files'::text) <> '[]'::jsonb));
CREATE INDEX events_p6_run_id_seq_idx ON public.events_p6 USING btree (run_id, seq) WHERE (run_id IS NOT NULL);
CREATE INDEX events_p6_session_id_seq_idx ON public.events_p6 USING btree (session_id, seq) WHERE (type = ANY (ARRAY['message.created'::text, 'message.completed'::text, 'run.cancelled'::text, 'run.budget_exhausted'::text, 'capability.activated'::text, 'capability.reused'::text, 'capability.disabled'::text]));
CREATE INDEX events_p6_tenant_id_expr_idx ON public.events_p6 USING btree (tenant_id, ((payload ->> 'artifact_sha256'::text))) WHERE ((payload ->> 'artifact_sha256'::text) IS NOT NULL);
CREATE INDEX events_p7_jsonb_path_query_array_idx ON public.events_p7 USING gin (jsonb_path_query_array(payload, '$."files"[*]."sha256"'::jsonpath)) WHERE ((type = 'tool.finished'::text) AND ((payload -> 'files'::text) <> '[]'::jsonb));
CREATE INDEX events_p7_run_id_seq_idx ON public.events_p7 USING btree (run_id, seq) WHERE (run_id IS NOT NULL);
CREATE INDEX events_p7_session_id_seq_idx ON public.events_p7 USING btree (session_id, seq) WHERE (type = ANY (ARRAY['message.created'::text, 'message.completed'::text, 'run.cancelled'::text, 'run.budget_exhausted'::text, 'capability.activated'::text, 'capability.reused'::text, 'capability.disabled'::text]));
CREATE INDEX events_p7_tenant_id_expr_idx ON public.events_p7 USING btree (tenant_id, ((payload ->> 'artifact_sha256'::text))) WHERE ((payload ->> 'artifact_sha256'::text) IS NOT NULL);
CREATE INDEX holds_by_age ON public.holds USING btree (tenant_id, placed_at, id);
CREATE UNIQUE INDEX holds_in_force ON public.holds USING btree (subject_id, kind) WHERE (lifted_at IS NULL);
CREATE INDEX idempotency_keys_by_age ON public.idempotency_keys USING btree (created_at);
CREATE INDEX invitations_by_email ON public.invitations USING btree (email) WHERE ((used_at IS NULL) AND (revoked_at IS NULL));
CREATE INDEX invitations_by_maker ON public.invitations USING btree (maker_id) WHERE ((used_at IS NULL) AND (revoked_at IS NULL));
CREATE INDEX jobs_due ON public.jobs USING btree (announced_at);
CREATE INDEX logins_by_end ON public.logins USING btree (expires_at);
CREATE INDEX logins_by_tenant ON public.logins USING btree (tenant_id);
CREATE INDEX logins_by_user ON public.logins USING btree (user_id, created_at);
CREATE INDEX memberships_by_user ON public.memberships USING btree (user_id);
CREATE INDEX memories_by_age ON public.memories USING btree (tenant_id, created_at, id);
CREATE INDEX memories_by_agent ON public.memories USING btree (agent_id, created_at, id);
CREATE INDEX memories_by_run ON public.memories USING btree (session_id, run_id);
CREATE UNIQUE INDEX policies_in_force ON public.policies USING btree (tenant_id, COALESCE(agent_id, '00000000-0000-0000-0000-000000000000'::uuid)) WHERE (disabled_at IS NULL);
CREATE INDEX policy_calls_by_age ON public.policy_calls USING btree (updated_at);
CREATE INDEX runs_by_agent ON public.runs USING btree (agent_id, id);
CREATE INDEX runs_by_status ON public.runs USING btree (tenant_id, status, id);
CREATE INDEX runs_cancelled_waiting ON public.runs USING btree (woken_at) WHERE ((status = 'waiting'::text) AND (cancel_requested_at IS NOT NULL));
CREATE INDEX runs_choice ON public.runs USING btree ((
CASE
    WHEN (started_at IS NOT NULL) THEN 0
    WHEN (priority = 'interactive'::text) THEN 1
    ELSE 2
END), tenant_id, id) WHERE ((status = 'queued'::text) AND ready);
CREATE INDEX runs_due ON public.runs USING btree (woken_at) WHERE (status = ANY (ARRAY['queued'::text, 'running'::text]));
CREATE INDEX runs_finished ON public.runs USING btree (tenant_id, finished_at) WHERE (finished_at IS NOT NULL);
CREATE INDEX runs_log_kept ON public.runs USING btree (COALESCE(log_kept_since, finished_at)) WHERE ((finished_at IS NOT NULL) AND (log_kept_since IS DISTINCT FROM 'infinity'::timestamp with time zone));
CREATE INDEX runs_unfinished ON public.runs USING btree (session_id, queued_seq) WHERE (status = ANY (ARRAY['queued'::text, 'running'::text, 'waiting'::text]));
CREATE INDEX schedule_firings_by_age ON public.schedule_firings USING btree (fired_at);
CREATE INDEX schedule_firings_by_run ON public.schedule_firings USING btree (run_id) WHERE (run_id IS NOT NULL);
CREATE INDEX schedules_due ON public.schedules USING btree (next_due_at) WHERE (next_due_at IS NOT NULL);
CREATE INDEX secret_versions_key ON public.secret_versions USING btree (key_id, secret_id, version);
CREATE INDEX sessions_by_agent ON public.sessions USING btree (agent_id, id);
CREATE INDEX sign_in_failures_by_end ON public.sign_in_failures USING btree (ends_at);
CREATE INDEX tenant_usage_by_day ON public.tenant_usage USING btree (day);
CREATE UNIQUE INDEX tenants_operating ON public.tenants USING btree (operates) WHERE operates;
CREATE INDEX timers_due ON public.timers USING btree (due_at);
CREATE INDEX tool_uses_by_version ON public.tool_uses USING btree (tool_version_id, at DESC);
CREATE UNIQUE INDEX tool_versions_one_active ON public.tool_versions USING btree (tool_id) WHERE (state = 'active'::text);
CREATE INDEX tool_versions_waiting ON public.tool_versions USING btree (tool_id, version DESC) WHERE (state = 'quarantined'::text);
CREATE INDEX tools_by_age ON public.tools USING btree (tenant_id, created_at, id);
CREATE INDEX webhook_deliveries_by_age ON public.webhook_deliveries USING btree (webhook_id, created_at, id);
CREATE INDEX webhook_deliveries_due ON public.webhook_deliveries USING btree (webhook_id, next_attempt_at) WHERE (state = ANY (ARRAY['pending'::text, 'sending'::text]));
CREATE INDEX webhook_deliveries_finished ON public.webhook_deliveries USING btree (finished_at) WHERE (finished_at IS NOT NULL);
CREATE INDEX webhook_deliveries_sending ON public.webhook_deliveries USING btree (webhook_id) WHERE (state = 'sending'::text);
CREATE INDEX webhooks_enabled ON public.webhooks USING btree (tenant_id) WHERE enabled;
ALTER INDEX public.events_files ATTACH PARTITION public.events_p0_jsonb_path_query_array_idx;
ALTER INDEX public.events_pkey ATTACH PARTITION public.events_p0_pkey;
ALTER INDEX public.events_by_run ATTACH PARTITION public.events_p0_run_id_seq_idx;
ALTER INDEX public.events_context ATTACH PARTITION public.events_p0_session_id_seq_idx;
ALTER INDEX public.events_artifacts ATTACH PARTITION public.events_p0_tenant_id_expr_idx;
ALTER INDEX public.events_files ATTACH PARTITION public.events_p1_jsonb_path_query_array_idx;
ALTER INDEX public.events_pkey ATTACH PARTITION public.events_p1_pkey;
ALTER INDEX public.events_by_run ATTACH PARTITION public.events_p1_run_id_seq_idx;
ALTER INDEX public.events_context ATTACH PARTITION public.events_p1_session_id_seq_idx;
ALTER INDEX public.events_artifacts ATTACH PARTITION public.events_p1_tenant_id_expr_idx;
ALTER INDEX public.events_files ATTACH PARTITION public.events_p2_jsonb_path_query_array_idx;
ALTER INDEX public.events_pkey ATTACH PARTITION public.events_p2_pkey;
ALTER INDEX public.events_by_run ATTACH PARTITION public.events_p2_run_id_seq_idx;
ALTER INDEX public.events_context ATTACH PARTITION public.events_p2_session_id_seq_idx;
ALTER INDEX public.events_artifacts ATTACH PARTITION public.events_p2_tenant_id_expr_idx;
ALTER INDEX public.events_files ATTACH PARTITION public.events_p3_jsonb_path_query_array_idx;
ALTER INDEX public.events_pkey ATTACH PARTITION public.events_p3_pkey;
ALTER INDEX public.events_by_run ATTACH PARTITION public.events_p3_run_id_seq_idx;
ALTER INDEX public.events_context ATTACH PARTITION public.events_p3_session_id_seq_idx;
ALTER INDEX public.events_artifacts ATTACH PARTITION public.events_p3_tenant_id_expr_idx;
ALTER INDEX public.events_files ATTACH PARTITION public.events_p4_jsonb_path_query_array_idx;
ALTER INDEX public.events_pkey ATTACH PARTITION public.events_p4_pkey;
ALTER INDEX public.events_by_run ATTACH PARTITION public.events_p4_run_id_seq_idx;
ALTER INDEX public.events_context ATTACH PARTITION public.events_p4_session_id_seq_idx;
ALTER INDEX public.events_artifacts ATTACH PARTITION public.events_p4_tenant_id_expr_idx;
ALTER INDEX public.events_files ATTACH PARTITION public.events_p5_jsonb_path_query_array_idx;
ALTER INDEX public.events_pkey ATTACH PARTITION public.events_p5_pkey;
ALTER INDEX public.events_by_run ATTACH PARTITION public.events_p5_run_id_seq_idx;
ALTER INDEX public.events_context ATTACH PARTITION public.events_p5_session_id_seq_idx;
ALTER INDEX public.events_artifacts ATTACH PARTITION public.events_p5_tenant_id_expr_idx;
ALTER INDEX public.events_files ATTACH PARTITION public.events_p6_jsonb_path_query_array_idx;
ALTER INDEX public.events_pkey ATTACH PARTITION public.events_p6_pkey;
ALTER INDEX public.events_by_run ATTACH PARTITION public.events_p6_run_id_seq_idx;
ALTER INDEX public.events_context ATTACH PARTITION public.events_p6_session_id_seq_idx;
ALTER INDEX public.events_artifacts ATTACH PARTITION public.events_p6_tenant_id_expr_idx;
ALTER INDEX public.events_files ATTACH PARTITION public.events_p7_jsonb_path_query_array_idx;
ALTER INDEX public.events_pkey ATTACH PARTITION public.events_p7_pkey;
ALTER INDEX public.events_by_run ATTACH PARTITION public.events_p7_run_id_seq_idx;
ALTER INDEX public.events_context ATTACH PARTITION public.events_p7_session_id_seq_idx;
ALTER INDEX public.events_artifacts ATTACH PARTITION public.events_p7_tenant_id_expr_idx;
CREATE TRIGGER audit_heads_forward BEFORE UPDATE ON public.audit_heads FOR EACH ROW EXECUTE FUNCTION public.check_audit_head();
CREATE TRIGGER audit_heads_kept BEFORE DELETE OR TRUNCATE ON public.audit_heads FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_audit_change();
CREATE TRIGGER audit_log_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_log FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_audit_change();
ALTER TABLE ONLY public.agent_versions
    ADD CONSTRAINT agent_versions_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES public.agents(tenant_id, id);
ALTER TABLE ONLY public.agents
    ADD CONSTRAINT agents_id_current_version_fkey FOREIGN KEY (id, current_version) REFERENCES public.agent_versions(agent_id, version) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.agents
    ADD CONSTRAINT agents_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);
ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);
ALTER TABLE ONLY public.approval_decisions
    ADD CONSTRAINT approval_decisions_tenant_id_approval_id_fkey FOREIGN KEY (tenant_id, approval_id) REFERENCES public.approvals(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE ONLY public.approvals
    ADD CONSTRAINT approvals_session_id_run_id_fkey FOREIGN KEY (session_id, run_id) REFERENCES public.runs(session_id, id) ON DELETE CASCADE;
ALTER TABLE ONLY public.approvals
    ADD CONSTRAINT approvals_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES public.agents(tenant_id, id);
ALTER TABLE ONLY public.approvals
    ADD CONSTRAINT approvals_tenant_id_session_id_fkey FOREIGN KEY (tenant_id, session_id) REFERENCES public.sessions(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE ONLY public.artifacts
    ADD CONSTRAINT artifacts_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);
ALTER TABLE public.events
    ADD CONSTRAINT events_session_id_run_id_fkey FOREIGN KEY (session_id, run_id) REFERENCES public.runs(session_id, id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE public.events
    ADD CONSTRAINT events_tenant_id_session_id_fkey FOREIGN KEY (tenant_id, session_id) REFERENCES public.sessions(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE ONLY public.holds
    ADD CONSTRAINT holds_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);
ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT invitations_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);
ALTER TABLE ONLY public.key_limits
    ADD CONSTRAINT key_limits_tenant_id_key_id_fkey FOREIGN KEY (tenant_id, key_id) REFERENCES public.api_keys(tenant_id, id);
ALTER TABLE ONLY public.logins
    ADD CONSTRAINT logins_tenant_id_user_id_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES public.memberships(tenant_id, user_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);
ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.memories
    ADD CONSTRAINT memories_session_id_run_id_fkey FOREIGN KEY (session_id, run_id) REFERENCES public.runs(session_id, id) ON DELETE CASCADE;
ALTER TABLE ONLY public.memories
    ADD CONSTRAINT memories_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES public.agents(tenant_id, id);
ALTER TABLE ONLY public.memories
    ADD CONSTRAINT memories_tenant_id_session_id_fkey FOREIGN KEY (tenant_id, session_id) REFERENCES public.sessions(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE ONLY public.policies
    ADD CONSTRAINT policies_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES public.agents(tenant_id, id);
ALTER TABLE ONLY public.policies
    ADD CONSTRAINT policies_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);
ALTER TABLE ONLY public.policy_calls
    ADD CONSTRAINT policy_calls_tenant_id_policy_id_fkey FOREIGN KEY (tenant_id, policy_id) REFERENCES public.policies(tenant_id, id);
ALTER TABLE ONLY public.policy_revisions
    ADD CONSTRAINT policy_revisions_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);
ALTER TABLE ONLY public.policy_versions
    ADD CONSTRAINT policy_versions_tenant_id_policy_id_fkey FOREIGN KEY (tenant_id, policy_id) REFERENCES public.policies(tenant_id, id);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_agent_id_agent_version_id_fkey FOREIGN KEY (agent_id, agent_version_id) REFERENCES public.agent_versions(agent_id, id);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES public.agents(tenant_id, id);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_tenant_id_session_id_fkey FOREIGN KEY (tenant_id, session_id) REFERENCES public.sessions(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE ONLY public.schedule_firings
    ADD CONSTRAINT schedule_firings_tenant_id_run_id_fkey FOREIGN KEY (tenant_id, run_id) REFERENCES public.runs(tenant_id, id) ON DELETE SET NULL (run_id);
ALTER TABLE ONLY public.schedule_firings
    ADD CONSTRAINT schedule_firings_tenant_id_schedule_id_fkey FOREIGN KEY (tenant_id, schedule_id) REFERENCES public.schedules(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE ONLY public.schedules
    ADD CONSTRAINT schedules_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);
ALTER TABLE ONLY public.secret_versions
    ADD CONSTRAINT secret_versions_secret_id_fkey FOREIGN KEY (secret_id) REFERENCES public.secrets(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.secret_versions
    ADD CONSTRAINT secret_versions_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);
ALTER TABLE ONLY public.secrets
    ADD CONSTRAINT secrets_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);
ALTER TABLE ONLY public.secrets
    ADD CONSTRAINT secrets_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);
ALTER TABLE ONLY public.sensitivity_floors
    ADD CONSTRAINT sensitivity_floors_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES public.agents(tenant_id, id);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);
ALTER TABLE ONLY public.tenant_admission
    ADD CONSTRAINT tenant_admission_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);
ALTER TABLE ONLY public.tenant_budgets
    ADD CONSTRAINT tenant_budgets_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);
ALTER TABLE ONLY public.tenant_limits
    ADD CONSTRAINT tenant_limits_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);
ALTER TABLE ONLY public.tenant_usage
    ADD CONSTRAINT tenant_usage_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);
ALTER TABLE ONLY public.timers
    ADD CONSTRAINT timers_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.runs(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.tool_activation
    ADD CONSTRAINT tool_activation_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.tool_uses
    ADD CONSTRAINT tool_uses_tenant_id_run_id_fkey FOREIGN KEY (tenant_id, run_id) REFERENCES public.runs(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE ONLY public.tool_uses
    ADD CONSTRAINT tool_uses_tenant_id_tool_version_id_fkey FOREIGN KEY (tenant_id, tool_version_id) REFERENCES public.tool_versions(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE ONLY public.tool_versions
    ADD CONSTRAINT tool_versions_tenant_id_origin_run_id_fkey FOREIGN KEY (tenant_id, origin_run_id) REFERENCES public.runs(tenant_id, id) ON DELETE SET NULL (origin_run_id);
ALTER TABLE ONLY public.tool_versions
    ADD CONSTRAINT tool_versions_tenant_id_tool_id_fkey FOREIGN KEY (tenant_id, tool_id) REFERENCES public.tools(tenant_id, id);
ALTER TABLE ONLY public.tools
    ADD CONSTRAINT tools_id_active_version_fkey FOREIGN KEY (id, active_version) REFERENCES public.tool_versions(tool_id, version) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.tools
    ADD CONSTRAINT tools_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);
ALTER TABLE ONLY public.webhook_attempts
    ADD CONSTRAINT webhook_attempts_tenant_id_delivery_id_fkey FOREIGN KEY (tenant_id, delivery_id) REFERENCES public.webhook_deliveries(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_tenant_id_session_id_fkey FOREIGN KEY (tenant_id, session_id) REFERENCES public.sessions(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_tenant_id_webhook_id_fkey FOREIGN KEY (tenant_id, webhook_id) REFERENCES public.webhooks(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE ONLY public.webhooks
    ADD CONSTRAINT webhooks_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES public.agents(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE ONLY public.webhooks
    ADD CONSTRAINT webhooks_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);
ALTER TABLE public.agent_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.agents ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.approval_decisions ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.approvals ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.artifacts ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.audit_heads ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.events ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.events_p0 ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.events_p1 ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.events_p2 ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.events_p3 ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.events_p4 ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.events_p5 ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.events_p6 ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.events_p7 ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.holds ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.invitations ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.jobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.key_limits ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.logins ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.memberships ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.memories ENABLE ROW LEVEL SECURITY;
CREATE POLICY over_all ON public.holds FOR SELECT USING ((scope = 'all'::text));
CREATE POLICY own_tenant ON public.agent_versions USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.agents USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.api_keys USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.approval_decisions USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.approvals USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.artifacts USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.audit_heads USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.audit_log USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.events USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.events_p0 USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.events_p1 USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.events_p2 USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.events_p3 USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.events_p4 USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.events_p5 USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.events_p6 USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.events_p7 USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.holds USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.idempotency_keys USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.invitations USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.jobs USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.key_limits USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.logins USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.memberships USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.memories USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.policies USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.policy_calls USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.policy_revisions USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.policy_versions USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.runs USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.schedule_firings USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.schedules USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.secret_versions USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.secrets USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.sensitivity_floors USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.sessions USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.tenant_admission USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.tenant_budgets USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.tenant_limits USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.tenant_usage USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.tenants USING ((id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.timers USING ((EXISTS ( SELECT
   FROM public.runs
  WHERE (runs.id = timers.run_id))));
CREATE POLICY own_tenant ON public.tool_activation USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.tool_uses USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.tool_versions USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.tools USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.webhook_attempts USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.webhook_deliveries USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
CREATE POLICY own_tenant ON public.webhooks USING ((tenant_id = ( SELECT (NULLIF(current_setting('hortus.tenant'::text, true), ''::text))::uuid AS "nullif")));
ALTER TABLE public.policies ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.policy_calls ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.policy_revisions ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.policy_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.runs ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.schedule_firings ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.schedules ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.secret_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.sensitivity_floors ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.tenant_admission ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.tenant_budgets ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.tenant_limits ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.tenant_usage ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.timers ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.tool_activation ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.tool_uses ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.tool_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.tools ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.webhook_attempts ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.webhook_deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.webhooks ENABLE ROW LEVEL SECURITY;
