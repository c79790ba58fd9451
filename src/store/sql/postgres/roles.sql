-- Three roles for a relationship store in PostgreSQL. Run it once as somebody who may create roles, in the database
-- of the store, after `concordat apply` has made the tables as their owner; and again after an upgrade.
--
--   concordat_operator  writes; it cannot change or shorten the ledger
--   concordat_reader    reads; enough for `diff`, `get` and the `ledger` commands that only look
--
-- The third is whoever owns the schema `concordat`: the one who migrates. Grant the others to logins:
--   GRANT concordat_reader TO ci;

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['concordat_operator', 'concordat_reader'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
END $$;

GRANT USAGE ON SCHEMA concordat TO concordat_operator, concordat_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA concordat TO concordat_operator, concordat_reader;
GRANT INSERT, UPDATE ON
    concordat.relationships, concordat.assignments, concordat.assignment_roles, concordat.persons,
    concordat.acceptances, concordat.instances, concordat.batches, concordat.batch_members, concordat.spent
    TO concordat_operator;
GRANT DELETE ON concordat.assignment_roles, concordat.spent TO concordat_operator;
GRANT INSERT ON concordat.ledger TO concordat_operator;
GRANT UPDATE ON concordat.ledger_head TO concordat_operator;
-- The names of persons are not needed to see that the chain is whole.
REVOKE SELECT ON concordat.persons FROM concordat_reader;
GRANT SELECT (hash, erased_at_ms) ON concordat.persons TO concordat_reader;
