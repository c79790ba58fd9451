-- Who has asked for a member since it waits, one name a line; what it is about, so that whoever asks for something else
-- about the same does not take the place of whoever asked before; and its own approval, which counts for no other member.
ALTER TABLE batch_members ADD COLUMN asked_by TEXT;
ALTER TABLE batch_members ADD COLUMN subject TEXT CHECK (length(subject) = 64);
ALTER TABLE batch_members ADD COLUMN approved_at_ms BIGINT;
UPDATE batch_members m SET approved_at_ms = b.approved_at_ms FROM batches b
WHERE b.hash = m.batch AND m.made_at_ms IS NULL;
CREATE INDEX batch_members_by_subject ON batch_members (subject) WHERE made_at_ms IS NULL;
