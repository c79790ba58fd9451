//! The digest of a relationship's row with all that stands under it: what an entry says of it, and what is compared.
//!
//! Never: a column of these rows that can be changed without the digest.

use std::collections::BTreeMap;

use serde::Serialize;

use super::rows::{AcceptanceRow, AssignmentRow, RelationshipRow};
use crate::domain::{digest::Digest, ids::GranteeId};

/// The digests of what stands under one relationship.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Seals {
    /// Of acceptances that were used for it, by content.
    pub acceptances: BTreeMap<Digest, Digest>,
    /// Of what was recorded for grantees. What others put there is not in it.
    pub assignments: BTreeMap<GranteeId, Digest>,
}

impl Seals {
    /// Takes a row into account.
    pub fn assigned(&mut self, row: &AssignmentRow) {
        if !row.is_of_others() {
            self.assignments.insert(row.grantee_id, of_assignment(row));
        }
    }

    /// Takes a row into account.
    pub fn accepted(&mut self, row: &AcceptanceRow) {
        self.acceptances.insert(row.content, of_acceptance(row));
    }

    /// The digest of all that, under this row.
    pub fn with(&self, row: &RelationshipRow) -> Digest {
        let Self { acceptances, assignments } = self;
        let mut fields = Fields::default();
        fields.bytes(of_relationship(row).bytes());
        for digests in [acceptances.len(), assignments.len()] {
            fields.value(&digests);
        }
        acceptances
            .values()
            .chain(assignments.values())
            .for_each(|seal| fields.bytes(seal.bytes()));
        fields.digest()
    }
}

/// Fields one after the other, each with its length, so that no two lists of fields are the same bytes.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.0.extend_from_slice(bytes);
    }

    fn value<T: Serialize>(&mut self, value: &T) {
        let text = serde_json::to_vec(value).expect("rows have text keys");
        self.bytes(&text);
    }

    fn digest(self) -> Digest {
        Digest::of_bytes(&self.0)
    }
}

/// A new column is taken in where it is not what older rows have, so that their digests stay what they were.
fn of_relationship(row: &RelationshipRow) -> Digest {
    let RelationshipRow {
        id,
        cloud,
        partner,
        name,
        first_name,
        number,
        owner_instance,
        owner_namespace,
        owner_name,
        owner_uid,
        scope,
        revision,
        last_change,
        customer,
        customer_name,
        partner_name,
        type_,
        lifecycle,
        invitation,
        digest,
        asked,
        invited_at_ms,
        activated_at_ms,
        ends_at_ms,
        auto_extend,
        ceiling,
        ended_at_ms,
        end_reason,
        policies,
        came_at_ms,
        service_id,
        service_host,
    } = row;
    let mut fields = Fields::default();
    fields.value(&(id, cloud, partner, name, first_name, number));
    fields.value(&(owner_instance, owner_namespace, owner_name, owner_uid, scope));
    fields.value(&(revision, last_change, customer, customer_name, partner_name, type_));
    fields.value(&(lifecycle, invitation.digest(), digest, asked, invited_at_ms, activated_at_ms));
    fields.value(&(
        ends_at_ms,
        auto_extend,
        ceiling,
        ended_at_ms,
        end_reason,
        policies,
        came_at_ms,
    ));
    if service_id.is_some() || service_host.is_some() {
        fields.value(&(service_id, service_host));
    }
    fields.digest()
}

fn of_assignment(row: &AssignmentRow) -> Digest {
    let AssignmentRow {
        relationship_id,
        grantee_id,
        grantee_kind,
        grantee_name,
        version,
        last_change,
        recorded,
        contributions,
        came_at_ms,
    } = row;
    let mut fields = Fields::default();
    fields.value(&(relationship_id, grantee_id, grantee_kind, grantee_name, version, last_change));
    fields.bytes(recorded.text.as_bytes());
    fields.bytes(contributions.text.as_bytes());
    fields.value(came_at_ms);
    fields.digest()
}

fn of_acceptance(row: &AcceptanceRow) -> Digest {
    let AcceptanceRow {
        content,
        namespace,
        object,
        decision,
        customer,
        partner,
        agreement_type,
        template_id,
        country,
        language,
        document_sha256,
        accepted_at_ms,
        recorded_at_ms,
        person,
        used_for,
    } = row;
    let mut fields = Fields::default();
    fields.value(&(content, namespace, object, decision, customer, partner));
    fields.value(&(agreement_type, template_id, country, language, document_sha256));
    fields.value(&(accepted_at_ms, recorded_at_ms, person, used_for));
    fields.digest()
}
