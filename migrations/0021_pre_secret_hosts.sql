-- Where a secret may be sent, whatever an agent's definition says.

ALTER TABLE secrets
    -- `name` or `name:port`; '*' is any host that a definition names, '{}' is none. What was stored before, and what a
    -- server of the version before stores, keeps what it was promised: the server itself always names hosts.
    ADD COLUMN hosts text[] NOT NULL DEFAULT '{*}' CHECK (cardinality(hosts) <= 50);
