-- What waits is found without a look at what was made.
CREATE INDEX batch_members_waiting ON batch_members (batch) WHERE made_at_ms IS NULL;
