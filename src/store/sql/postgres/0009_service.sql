-- The relationship at the service that a row is for, where the store is the book beside such a service, and at whose hosts
-- that is. It never changes: a row is never moved to another one.
ALTER TABLE relationships ADD COLUMN service_id TEXT CHECK (service_id <> '');
ALTER TABLE relationships ADD COLUMN service_host TEXT
    CHECK ((service_host IS NULL) = (service_id IS NULL) AND service_host IN ('Microsoft', 'Other'));
CREATE UNIQUE INDEX relationships_by_service ON relationships (service_id);

-- Who holds which role where, as far as was read back. The service knows who accepted what stands there, and tells it to
-- nobody: what it carries out needs no acceptance here.
CREATE OR REPLACE VIEW effective_assignments AS
SELECT r.cloud, r.customer, r.customer_name, r.partner, r.partner_name, r.name AS relationship,
       a.grantee_id, a.grantee_kind, a.grantee_name, h.role_id,
       to_timestamp(least(h.until_ms, r.ends_at_ms) / 1000.0) AS until,
       least(h.until_ms, r.ends_at_ms) AS until_ms
FROM relationships r
JOIN assignments a ON a.relationship_id = r.id
JOIN assignment_roles h ON h.relationship_id = a.relationship_id AND h.grantee_id = a.grantee_id
WHERE r.lifecycle = 'Active'
  AND least(h.until_ms, r.ends_at_ms) > extract(epoch FROM clock_timestamp()) * 1000
  AND r.ended_at_ms IS NULL
  AND r.activated_at_ms IS NOT NULL
  AND r.customer = r.invitation::json ->> 'customer'
  AND r.partner = r.invitation::json ->> 'partner'
  AND r.cloud = r.invitation::json ->> 'cloud'
  AND r.type = r.invitation::json ->> 'type'
  AND r.name = r.invitation::json ->> 'name'
  AND (r.ends_at_ms IS NOT NULL OR r.invitation::json ->> 'duration' IS NULL)
  AND r.ceiling::jsonb @> to_jsonb(h.role_id)
  AND (r.invitation::jsonb -> 'roles') @> to_jsonb(h.role_id)
  AND (r.service_id IS NOT NULL
       OR EXISTS (SELECT 1 FROM acceptances c WHERE c.used_for = r.id AND c.decision = 'Accept'
                  AND c.customer = r.customer AND c.partner = r.partner));
