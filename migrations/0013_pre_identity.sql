-- People: users, their roles in tenants, logins and one-time links. Keys know who made them and can be rotated.

ALTER TABLE tenants
    -- Nobody gets in, and its runs are paused.
    ADD COLUMN disabled_at timestamptz,
    -- Its administrators run the installation: they make, rename and disable tenants. The first tenant there ever was.
    ADD COLUMN operates boolean NOT NULL DEFAULT false;
UPDATE tenants SET operates = true WHERE id = (SELECT id FROM tenants ORDER BY created_at, id LIMIT 1);
CREATE UNIQUE INDEX tenants_operating ON tenants (operates) WHERE operates;

CREATE TABLE users (
    id uuid PRIMARY KEY,
    -- Lower case: the same address is the same person.
    email text NOT NULL UNIQUE CHECK (email = lower(email) AND email <> ''),
    name text NOT NULL CHECK (name <> ''),
    -- Argon2id in PHC form. NULL: signs in with the identity provider only.
    password_hash text,
    oidc_issuer text,
    oidc_subject text,
    disabled_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (oidc_issuer, oidc_subject),
    CHECK ((oidc_issuer IS NULL) = (oidc_subject IS NULL))
);

CREATE TABLE memberships (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role text NOT NULL CHECK (role IN ('owner', 'operator', 'developer', 'viewer')),
    -- Kept out of this tenant; what the user has elsewhere stays.
    disabled_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, user_id)
);

CREATE INDEX memberships_by_user ON memberships (user_id);

CREATE TABLE logins (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    -- The tenant that the login works in now.
    tenant_id uuid NOT NULL,
    secret_sha256 bytea NOT NULL UNIQUE CHECK (octet_length(secret_sha256) = 32),
    method text NOT NULL CHECK (method IN ('password', 'oidc', 'link')),
    device text NOT NULL,
    address text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    -- Leaving a tenant ends the logins in it.
    FOREIGN KEY (tenant_id, user_id) REFERENCES memberships (tenant_id, user_id) ON DELETE CASCADE
);

CREATE INDEX logins_by_user ON logins (user_id, created_at);
CREATE INDEX logins_by_tenant ON logins (tenant_id);
CREATE INDEX logins_by_end ON logins (expires_at);

-- One-time links: into a tenant, or to a new password.
CREATE TABLE invitations (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    purpose text NOT NULL CHECK (purpose IN ('join', 'reset')),
    email text NOT NULL CHECK (email = lower(email) AND email <> ''),
    role text NOT NULL CHECK (role IN ('owner', 'operator', 'developer', 'viewer')),
    secret_sha256 bytea NOT NULL UNIQUE CHECK (octet_length(secret_sha256) = 32),
    made_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    revoked_at timestamptz,
    UNIQUE (tenant_id, id)
);

CREATE INDEX invitations_by_email ON invitations (email) WHERE used_at IS NULL AND revoked_at IS NULL;

-- Failed sign-ins, counted for a while: of an account and of an address, both hashed.
CREATE TABLE sign_in_failures (
    subject_sha256 bytea PRIMARY KEY CHECK (octet_length(subject_sha256) = 32),
    failures integer NOT NULL CHECK (failures >= 0),
    ends_at timestamptz NOT NULL
);

CREATE INDEX sign_in_failures_by_end ON sign_in_failures (ends_at);

ALTER TABLE api_keys
    -- Who made it, as the audit log names it; of older keys nobody knows.
    ADD COLUMN made_by text NOT NULL DEFAULT '',
    -- The person behind it. Not a reference: a key outlives its maker.
    ADD COLUMN person_id uuid,
    ADD COLUMN rotated_at timestamptz,
    -- What it was before it was rotated, for as long as it still works.
    ADD COLUMN previous_sha256 bytea CHECK (octet_length(previous_sha256) = 32),
    ADD COLUMN previous_until timestamptz,
    ADD CHECK ((previous_sha256 IS NULL) = (previous_until IS NULL));
CREATE UNIQUE INDEX api_keys_previous ON api_keys (previous_sha256) WHERE previous_sha256 IS NOT NULL;

-- Decisions are persons': a user counts once, whether by login or by a key of their making.
ALTER TABLE approval_decisions RENAME COLUMN key_id TO by_id;
ALTER TABLE approval_decisions RENAME COLUMN key_name TO by_name;
ALTER TABLE approval_decisions
    ADD COLUMN by_kind text NOT NULL DEFAULT 'key' CHECK (by_kind IN ('key', 'user')),
    ADD COLUMN person_id uuid;
UPDATE approval_decisions SET person_id = by_id;
ALTER TABLE approval_decisions
    ALTER COLUMN by_kind DROP DEFAULT,
    ALTER COLUMN person_id SET NOT NULL,
    DROP CONSTRAINT approval_decisions_pkey,
    ADD PRIMARY KEY (approval_id, person_id);
