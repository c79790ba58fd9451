-- Three roles for a relationship store in PostgreSQL. Run it once as somebody who may create roles, in the database
-- of the store, after `concordat apply` has made the tables as their owner; and again after an upgrade.
--
--   concordat_operator  writes; it cannot change or shorten the ledger, an acceptance or what a row began with
--   concordat_reader    reads; enough for `diff`, `get` and the `ledger` commands that only look
--   concordat_owner     has no right of its own: its members are trusted to own the tables. Whoever owns them now is
--                       made one, unless it is a superuser or the owner of the database, who are trusted anyway
--
-- Grant the first two to logins:
--   GRANT concordat_reader TO ci;

BEGIN;
-- What is said here means what it says, whatever others have made in this database.
SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
DECLARE
    wanted text;
    owner name;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['concordat_operator', 'concordat_reader', 'concordat_owner'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
    SELECT pg_get_userbyid(relowner) INTO owner FROM pg_class
    WHERE oid = to_regclass('concordat.ledger_head');
    IF EXISTS (
        SELECT FROM pg_roles r WHERE r.rolname = owner AND NOT r.rolsuper
        AND r.oid <> (SELECT datdba FROM pg_database WHERE datname = current_database())
        AND NOT pg_has_role(r.oid, 'concordat_owner', 'MEMBER')
    ) THEN
        EXECUTE format('GRANT concordat_owner TO %I', owner);
    END IF;
END $$;

-- What was granted before, and is not needed, goes.
REVOKE ALL ON ALL TABLES IN SCHEMA concordat FROM concordat_operator, concordat_reader;
GRANT USAGE ON SCHEMA concordat TO concordat_operator, concordat_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA concordat TO concordat_operator, concordat_reader;

-- One line for each table: what the program's statements do, column by column, and nothing else. A test compares.
GRANT INSERT ON concordat.relationships TO concordat_operator;
GRANT UPDATE (owner_instance, owner_namespace, owner_name, owner_uid, scope, revision, last_change, customer_name,
    partner_name, lifecycle, activated_at_ms, ends_at_ms, auto_extend, ceiling, ended_at_ms, end_reason, policies, came_at_ms)
    ON concordat.relationships TO concordat_operator;
GRANT INSERT, UPDATE (grantee_kind, grantee_name, version, last_change, recorded, contributions, came_at_ms)
    ON concordat.assignments TO concordat_operator;
GRANT INSERT, UPDATE (until_ms), DELETE ON concordat.assignment_roles TO concordat_operator;
GRANT INSERT, UPDATE (salt, content, erased_at_ms) ON concordat.persons TO concordat_operator;
GRANT INSERT ON concordat.acceptances TO concordat_operator;
GRANT INSERT ON concordat.ledger TO concordat_operator;
GRANT UPDATE (sequence, hash) ON concordat.ledger_head TO concordat_operator;
GRANT INSERT, UPDATE (epoch, holder) ON concordat.instances TO concordat_operator;
-- To lock a row takes the right to update something of it.
GRANT INSERT, UPDATE (instance) ON concordat.locks TO concordat_operator;
GRANT INSERT, UPDATE (exceeded, blocked_at_ms, blocked_by, approved_at_ms, approved_by)
    ON concordat.batches TO concordat_operator;
GRANT INSERT, UPDATE (made_at_ms, asked_by, approved_at_ms) ON concordat.batch_members TO concordat_operator;
GRANT INSERT, DELETE ON concordat.spent TO concordat_operator;
GRANT INSERT, UPDATE (entry, state, service_id, carried_out_by, sent_at_ms), DELETE
    ON concordat.errands TO concordat_operator;

-- The names of persons are not needed to see that the chain is whole.
REVOKE SELECT ON concordat.persons FROM concordat_reader;
GRANT SELECT (hash, erased_at_ms) ON concordat.persons TO concordat_reader;
COMMIT;
