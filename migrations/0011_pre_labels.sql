-- Where what agents leave behind came from.

-- {"origin", "trust" 0-2, "sensitivity" 0-2, "source"}: the label of what their run had read. NULL: nobody knows, which
-- counts as untrusted.
ALTER TABLE memories ADD COLUMN label jsonb CHECK (jsonb_typeof(label) = 'object');
ALTER TABLE tool_versions ADD COLUMN label jsonb CHECK (jsonb_typeof(label) = 'object');

-- What was left before labels were kept is known where its whole session is still in the log, and no run of it had used
-- anything but the server's own closed tools, nor recalled anything. Scans the log of each such session.
SET LOCAL statement_timeout = '10min';
UPDATE memories AS m
SET label = '{"origin": "memory", "trust": 1, "sensitivity": 0, "source": ""}'
FROM sessions AS s
WHERE s.tenant_id = m.tenant_id AND s.id = m.session_id AND s.purged_seq = 0
    AND NOT EXISTS (
        SELECT FROM events AS e
        WHERE e.session_id = m.session_id
            AND (
                (
                    e.type = 'tool.finished'
                    AND e.payload ->> 'name' NOT IN (
                        'calculate', 'python', 'remember', 'ask_human', 'sleep', 'wait_until', 'request_capability'
                    )
                )
                OR (e.type = 'memory.recalled' AND jsonb_array_length(e.payload -> 'items') > 0)
                OR e.type = 'session.forked'
            )
    );
UPDATE tool_versions AS v
SET label = '{"origin": "agent", "trust": 1, "sensitivity": 0, "source": ""}'
FROM runs AS r
JOIN sessions AS s ON s.id = r.session_id
WHERE r.tenant_id = v.tenant_id AND r.id = v.origin_run_id AND s.purged_seq = 0
    AND NOT EXISTS (
        SELECT FROM events AS e
        WHERE e.session_id = r.session_id
            AND (
                (
                    e.type = 'tool.finished'
                    AND e.payload ->> 'name' NOT IN (
                        'calculate', 'python', 'remember', 'ask_human', 'sleep', 'wait_until', 'request_capability'
                    )
                )
                OR (e.type = 'memory.recalled' AND jsonb_array_length(e.payload -> 'items') > 0)
                OR e.type = 'session.forked'
            )
    );
SET LOCAL statement_timeout = '5s';
