-- What waits is found without a look at what was made.
CREATE INDEX batch_members_waiting ON batch_members (batch) WHERE made_at_ms IS NULL;

-- What was spent so long ago that nobody counts it is deleted; so whoever writes must be allowed to.
DO $$
BEGIN
    IF to_regrole('concordat_operator') IS NOT NULL THEN
        GRANT DELETE ON spent TO concordat_operator;
    END IF;
END $$;
