-- A tenant's day counts each model call of a run under way; a run that used up its budget leaves what it had written.

-- What of the run's usage its tenant's day holds already; its end adds the rest.
ALTER TABLE runs
    ADD COLUMN counted_tokens bigint NOT NULL DEFAULT 0,
    ADD COLUMN counted_cost_micros bigint NOT NULL DEFAULT 0;

-- Days long gone are purged.
CREATE INDEX tenant_usage_by_day ON tenant_usage (day);

-- What later runs are told of earlier ones; new is the text of a run that used up its budget.
DROP INDEX events_context;
-- Filled by a scan of the log, which may take longer than a migration's statement usually may.
SET LOCAL statement_timeout = '10min';
CREATE INDEX events_context ON events (session_id, seq) WHERE type IN (
    'message.created', 'message.completed', 'run.cancelled', 'run.budget_exhausted',
    'capability.activated', 'capability.reused', 'capability.disabled'
);
SET LOCAL statement_timeout = '5s';
