-- What an entry proves of a row is found by the number of the row, without a look at its text. Both stand in the
-- payload as well, which is what is hashed; older entries say neither.
ALTER TABLE ledger ADD COLUMN row_id INTEGER;
ALTER TABLE ledger ADD COLUMN row_state TEXT;
CREATE INDEX ledger_by_row ON ledger (row_id, sequence, row_state) WHERE row_state IS NOT NULL;
-- The same for what was made under an approval, so that it is not made twice.
ALTER TABLE ledger ADD COLUMN batch TEXT;
ALTER TABLE ledger ADD COLUMN member TEXT;
CREATE INDEX ledger_by_approval ON ledger (batch, sequence, member) WHERE batch IS NOT NULL;
CREATE INDEX ledger_by_batch ON ledger (subject) WHERE kind IN ('Blocked', 'Approved');
CREATE INDEX acceptances_by_use ON acceptances (used_for) WHERE used_for IS NOT NULL;

-- Who holds which role where, now. What has expired is gone, also when nobody has cleaned up yet; and a row that says
-- something else than the invitation that was accepted, or that nobody accepted, gives nothing.
DROP VIEW effective_assignments;
CREATE VIEW effective_assignments AS
SELECT r.cloud, r.customer, r.customer_name, r.partner, r.partner_name, r.name AS relationship,
       a.grantee_id, a.grantee_kind, a.grantee_name, h.role_id,
       strftime('%Y-%m-%dT%H:%M:%fZ', min(h.until_ms, coalesce(r.ends_at_ms, h.until_ms)) / 1000.0, 'unixepoch') AS until,
       min(h.until_ms, coalesce(r.ends_at_ms, h.until_ms)) AS until_ms
FROM relationships r
JOIN assignments a ON a.relationship_id = r.id
JOIN assignment_roles h ON h.relationship_id = a.relationship_id AND h.grantee_id = a.grantee_id
WHERE r.lifecycle = 'Active'
  AND min(h.until_ms, coalesce(r.ends_at_ms, h.until_ms)) > (julianday('now') - 2440587.5) * 86400000.0
  AND r.ended_at_ms IS NULL
  AND r.activated_at_ms IS NOT NULL
  AND r.customer = r.invitation ->> '$.customer'
  AND r.partner = r.invitation ->> '$.partner'
  AND r.cloud = r.invitation ->> '$.cloud'
  AND r.type = r.invitation ->> '$.type'
  AND r.name = r.invitation ->> '$.name'
  AND (r.ends_at_ms IS NOT NULL OR r.invitation ->> '$.duration' IS NULL)
  AND h.role_id IN (SELECT value FROM json_each(r.ceiling))
  AND h.role_id IN (SELECT value FROM json_each(r.invitation, '$.roles'))
  AND EXISTS (SELECT 1 FROM acceptances c WHERE c.used_for = r.id AND c.decision = 'Accept'
              AND c.customer = r.customer AND c.partner = r.partner);
