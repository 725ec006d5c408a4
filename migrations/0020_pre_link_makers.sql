-- Whose doing an open link is: it ends with what its maker may.

ALTER TABLE invitations
    -- The user who made it, by login or by key; NULL: a key that no user made, or a link from before.
    ADD COLUMN maker_id uuid;
CREATE INDEX invitations_by_maker ON invitations (maker_id) WHERE used_at IS NULL AND revoked_at IS NULL;
