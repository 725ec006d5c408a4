-- What a message does to runs that are under way in its session.

ALTER TABLE sessions
    -- What happens to unfinished runs when a message comes that names no policy of its own.
    ADD COLUMN message_policy text NOT NULL DEFAULT 'enqueue'
        CHECK (message_policy IN ('enqueue', 'reject', 'interrupt', 'rollback'));

ALTER TABLE runs
    -- From the run's run.rolled_back: its messages are no part of the conversation any more.
    ADD COLUMN rolled_back_at timestamptz,
    -- How many messages were said to the run while it was under way; they are bounded.
    ADD COLUMN steers integer NOT NULL DEFAULT 0 CHECK (steers >= 0);

-- What later runs are told of earlier ones; new is the text that a stopped run had written.
DROP INDEX events_context;
-- Filled by a scan of the log, which may take longer than a migration's statement usually may.
SET LOCAL statement_timeout = '10min';
CREATE INDEX events_context ON events (session_id, seq) WHERE type IN (
    'message.created', 'message.completed', 'run.cancelled',
    'capability.activated', 'capability.reused', 'capability.disabled'
);
SET LOCAL statement_timeout = '5s';
