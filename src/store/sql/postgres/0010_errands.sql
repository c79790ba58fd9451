-- Changes that were intended at a service and are not read back from there yet. What a change is stands in the ledger, in
-- its entry of kind `Intended`; here is only where it is. One that is given up is kept for a day: what it asked for is
-- ours, should it appear. One that was refused is kept as long, for what it has paid.
CREATE TABLE errands (
    change_id      TEXT    PRIMARY KEY CHECK (length(change_id) = 64),
    entry          BIGINT  NOT NULL CHECK (entry >= 1),
    instance       TEXT    NOT NULL,
    cloud          TEXT    NOT NULL,
    partner        TEXT    NOT NULL,
    name           TEXT    NOT NULL,
    grantee_id     TEXT,
    service_host   TEXT    NOT NULL CHECK (service_host IN ('Microsoft', 'Other')),
    state          TEXT    NOT NULL CHECK (state IN ('Unknown', 'Sent', 'GivenUp', 'Refused')),
    service_id     TEXT    CHECK (service_id <> ''),
    carried_out_by TEXT    CHECK (carried_out_by <> ''),
    sent_at_ms     BIGINT  NOT NULL
);
-- At most one is open for a row, and one for what each grantee holds under it.
CREATE UNIQUE INDEX errands_that_are_open ON errands (cloud, partner, name, coalesce(grantee_id, ''))
    WHERE state IN ('Unknown', 'Sent');

DO $$
BEGIN
    IF to_regrole('concordat_reader') IS NOT NULL THEN
        GRANT SELECT ON errands TO concordat_reader;
    END IF;
    IF to_regrole('concordat_operator') IS NOT NULL THEN
        GRANT SELECT, INSERT, UPDATE (entry, state, service_id, carried_out_by, sent_at_ms), DELETE
            ON errands TO concordat_operator;
    END IF;
END $$;
