-- The lock of an instance is its row here, taken by a transaction that lasts as long as the process: nobody without the
-- right to write can take it, and it ends with the connection.
CREATE TABLE locks (
    instance TEXT PRIMARY KEY
);

-- Whoever writes must be allowed to; and may from now on change what the program changes, and nothing else.
DO $$
BEGIN
    IF to_regrole('concordat_reader') IS NOT NULL THEN
        GRANT SELECT ON locks TO concordat_reader;
    END IF;
    IF to_regrole('concordat_operator') IS NULL THEN
        RETURN;
    END IF;
    GRANT SELECT, INSERT, UPDATE (instance) ON locks TO concordat_operator;
    IF NOT has_table_privilege('concordat_operator', 'relationships', 'UPDATE') THEN
        RETURN;
    END IF;
    REVOKE UPDATE ON relationships, assignments, assignment_roles, persons, acceptances, ledger_head, instances,
        batches, batch_members, spent FROM concordat_operator;
    GRANT UPDATE (owner_instance, owner_namespace, owner_name, owner_uid, scope, revision, last_change, customer_name,
        partner_name, lifecycle, activated_at_ms, ends_at_ms, auto_extend, ceiling, ended_at_ms, end_reason, policies,
        came_at_ms)
        ON relationships TO concordat_operator;
    GRANT UPDATE (grantee_kind, grantee_name, version, last_change, recorded, contributions, came_at_ms)
        ON assignments TO concordat_operator;
    GRANT UPDATE (until_ms) ON assignment_roles TO concordat_operator;
    GRANT UPDATE (salt, content, erased_at_ms) ON persons TO concordat_operator;
    GRANT UPDATE (sequence, hash) ON ledger_head TO concordat_operator;
    GRANT UPDATE (epoch, holder) ON instances TO concordat_operator;
    GRANT UPDATE (exceeded, blocked_at_ms, blocked_by, approved_at_ms, approved_by)
        ON batches TO concordat_operator;
    GRANT UPDATE (made_at_ms, asked_by, approved_at_ms) ON batch_members TO concordat_operator;
END $$;
