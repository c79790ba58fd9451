//! What the store records, written down in a status and read from it again: who may read the cluster can plan as who
//! may read the store.
//!
//! What a plan rests on is there: the rows of a relationship, what was proposed by its digest, who holds what, and what
//! each grant adds. Revisions and versions are not: they only guard a write.
//!
//! Never: a row told in part as if it were whole, or a person.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    api::{
        AskedFor, Proposed, RecordedAcceptance, RecordedAssignment, RecordedEnd, RecordedGrant,
        RecordedGrantee, RecordedPolicies, RecordedRole, RecordedRow,
    },
    domain::{
        digest::Digest,
        ids::RoleId,
        lifecycle::{EndReason, Ended, Phase},
        state::{
            Asked, Assignment, Contribution, Flight, Grantee, GranteeKind, Instance, Invitation,
            ObjectName, ObservedAcceptance, ObservedAssignment, ObservedRelationship, Owner,
            Policies, RelationshipKey, Terms, Uid, Window,
        },
    },
};

/// As many rows of one relationship as a status holds: the newest, and every one that is not over.
const ROWS: usize = 16;
/// As many bytes of JSON as all rows of a status may take. With what is in effect, the conditions and the annotations of
/// others that is well below the 1.5 MB above which the server stores no object.
const BYTES: usize = 640 * 1024;
/// Up to as many grants as this, rows are small and are not measured.
const SMALL: usize = 16;

/// Why a status does not say what the store holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` is `{text}`, which this version does not understand")]
pub struct NotUnderstood {
    /// Which field.
    pub field: &'static str,
    /// What stands there.
    pub text: String,
}

/// The rows of one object as its status holds them; how many they are, where they are more than it can hold.
pub(super) fn recorded<'a>(
    rows: impl DoubleEndedIterator<Item = &'a ObservedRelationship>,
) -> Result<Vec<RecordedRow>, usize> {
    let mut kept: Vec<&ObservedRelationship> = rows
        .rev()
        .enumerate()
        .filter(|(age, row)| *age < ROWS || row.lifecycle.phase() != Phase::Ended)
        .map(|(_, row)| row)
        .collect();
    kept.reverse();
    let rows: Vec<RecordedRow> = kept.into_iter().map(recorded_row).collect();
    let assignments = rows.iter().flat_map(|row| &row.assignments);
    let grants: usize = assignments.map(|assignment| assignment.grants.len() + 1).sum();
    if rows.len() > 2 * ROWS || (grants > SMALL && bytes(&rows) > BYTES) {
        return Err(rows.len());
    }
    Ok(rows)
}

fn bytes(rows: &[RecordedRow]) -> usize {
    serde_json::to_vec(rows).map_or(usize::MAX, |json| json.len())
}

/// Whether nothing is held, recorded or given: somebody who held something once.
fn is_nothing(assignment: &ObservedAssignment) -> bool {
    let Assignment { roles, recorded, contributions } = &assignment.state;
    roles.is_empty() && recorded.is_empty() && contributions.is_empty()
}

/// What the store records of an acceptance.
pub(super) fn recorded_acceptance(
    content: Digest,
    acceptance: &ObservedAcceptance,
) -> RecordedAcceptance {
    RecordedAcceptance {
        content: content.to_string(),
        used_for: acceptance.used_for.as_ref().map(|row| row.name.to_string()),
    }
}

fn recorded_row(row: &ObservedRelationship) -> RecordedRow {
    let ObservedRelationship {
        key,
        number,
        owner,
        uid,
        revision: _,
        customer_name: _,
        partner_name: _,
        lifecycle,
        invitation,
        digest,
        asked,
        invited_at,
        activated_at,
        ends_at,
        auto_extend,
        ceiling,
        ended,
        policies,
        at: _,
        moved: _,
        assignments,
    } = row;
    RecordedRow {
        name: key.name.to_string(),
        number: i64::from(*number),
        owner: owner.to_string(),
        uid: uid.0.to_string(),
        cloud: key.cloud,
        partner: key.partner.to_string(),
        customer: invitation.customer.to_string(),
        type_: invitation.type_,
        lifecycle: lifecycle.to_string(),
        proposed: Proposed {
            digest: digest.to_string(),
            roles: texts(&invitation.roles),
            duration: invitation.duration.map(|days| days.to_string()),
            auto_extend: invitation.auto_extend.to_string(),
        },
        asked: asked_for(asked),
        invited_at: *invited_at,
        activated_at: *activated_at,
        ends_at: *ends_at,
        auto_extend: auto_extend.to_string(),
        ceiling: (*ceiling != invitation.roles).then(|| texts(ceiling)),
        ended: ended.as_ref().map(|ended| RecordedEnd {
            at: ended.at,
            reason: reason_name(ended.reason).to_owned(),
        }),
        policies: RecordedPolicies {
            deletion_policy: policies.deletion,
            unmanaged_assignments: policies.unmanaged,
            management_policy: policies.management,
        },
        assignments: assignments
            .values()
            .filter(|assignment| !is_nothing(assignment))
            .map(recorded_assignment)
            .collect(),
    }
}

fn recorded_assignment(assignment: &ObservedAssignment) -> RecordedAssignment {
    let ObservedAssignment { grantee, version: _, state, flight: _ } = assignment;
    let roles: BTreeSet<&RoleId> = state.roles.keys().chain(state.recorded.keys()).collect();
    RecordedAssignment {
        grantee: grantee.id.to_string(),
        kind: match grantee.kind {
            GranteeKind::SecurityGroup => RecordedGrantee::SecurityGroup,
            GranteeKind::CustomerUser => RecordedGrantee::CustomerUser,
        },
        display_name: grantee.name.clone(),
        roles: roles.into_iter().map(|role| recorded_role(state, role)).collect(),
        grants: state
            .contributions
            .iter()
            .map(|(object, contribution)| recorded_grant(object, contribution))
            .collect(),
    }
}

fn recorded_role(state: &Assignment, role: &RoleId) -> RecordedRole {
    let (held, given) = (state.roles.get(role).copied(), state.recorded.get(role).copied());
    let id = role.to_string();
    if held == given {
        return RecordedRole { id, until: held, held: None, given: None };
    }
    RecordedRole { id, until: None, held, given }
}

fn recorded_grant(object: &ObjectName, contribution: &Contribution) -> RecordedGrant {
    let Contribution { uid, roles, asked, window, deletion, justification } = contribution;
    RecordedGrant {
        object: object.to_string(),
        uid: uid.0.to_string(),
        roles: texts(roles),
        asked: asked_for(asked),
        not_before: window.not_before,
        not_after: window.not_after,
        deletion_policy: *deletion,
        justification: justification.clone(),
    }
}

fn asked_for(asked: &Asked) -> AskedFor {
    AskedFor { words: asked.words.iter().cloned().collect(), catalogue: asked.catalogue.clone() }
}

fn texts(roles: &BTreeSet<RoleId>) -> Vec<String> {
    roles.iter().map(ToString::to_string).collect()
}

const REASONS: [EndReason; 5] = [
    EndReason::Deleted,
    EndReason::Replaced,
    EndReason::Declined,
    EndReason::Lapsed,
    EndReason::Expired,
];

fn reason_name(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Deleted => "Deleted",
        EndReason::Replaced => "Replaced",
        EndReason::Declined => "Declined",
        EndReason::Lapsed => "Lapsed",
        EndReason::Expired => "Expired",
    }
}

/// A row as it was when its status was written. What is proposed now, by what the cluster holds or by what is asked
/// for, tells the texts of an invitation where its digest proves that it was this one.
///
/// # Errors
/// Where something stands there that this version does not understand.
pub fn observed(
    row: &RecordedRow,
    proposed: &[&Invitation],
) -> Result<ObservedRelationship, NotUnderstood> {
    let cloud = row.cloud;
    let partner = parsed("partner", &row.partner)?;
    let key = RelationshipKey { cloud, partner, name: row.name.as_str().into() };
    let digest: Digest = parsed("proposed.digest", &row.proposed.digest)?;
    let roles = ids("proposed.roles", &row.proposed.roles)?;
    let duration = row.proposed.duration.as_deref();
    let told = Invitation {
        partner,
        customer: parsed("customer", &row.customer)?,
        type_: row.type_,
        cloud,
        name: row.name.clone(),
        roles,
        duration: duration.map(|days| parsed("proposed.duration", days)).transpose()?,
        auto_extend: parsed("proposed.autoExtend", &row.proposed.auto_extend)?,
        agreement: None,
        terms: None,
    };
    let ceiling = match &row.ceiling {
        Some(ceiling) => ids("ceiling", ceiling)?,
        None => told.roles.clone(),
    };
    let mut assignments = BTreeMap::new();
    for assignment in &row.assignments {
        let assignment = observed_assignment(assignment)?;
        assignments.insert(assignment.grantee.id, assignment);
    }
    Ok(ObservedRelationship {
        key,
        number: u32::try_from(row.number)
            .map_err(|_| not_understood("number", &row.number.to_string()))?,
        owner: owner(&row.owner)?,
        uid: Uid(row.uid.as_str().into()),
        revision: 0,
        customer_name: None,
        partner_name: None,
        lifecycle: row.lifecycle.clone().into(),
        invitation: proven(told, digest, proposed),
        digest,
        asked: asked(&row.asked),
        invited_at: row.invited_at,
        activated_at: row.activated_at,
        ends_at: row.ends_at,
        auto_extend: parsed("autoExtend", &row.auto_extend)?,
        ceiling,
        ended: row
            .ended
            .as_ref()
            .map(|ended| {
                let reason =
                    REASONS.into_iter().find(|reason| reason_name(*reason) == ended.reason);
                let reason = reason.ok_or_else(|| not_understood("ended.reason", &ended.reason))?;
                Ok(Ended { at: ended.at, reason })
            })
            .transpose()?,
        at: None,
        moved: None,
        policies: Policies {
            deletion: row.policies.deletion_policy,
            unmanaged: row.policies.unmanaged_assignments,
            management: row.policies.management_policy,
        },
        assignments,
    })
}

/// The invitation with this digest. Where no known text gives it, it gets terms that nobody can propose, so that it
/// equals no other.
fn proven(told: Invitation, digest: Digest, proposed: &[&Invitation]) -> Invitation {
    let texts = proposed.iter().map(|known| (known.agreement.clone(), known.terms.clone()));
    for (agreement, terms) in texts.chain([(None, None)]) {
        let invitation = Invitation { agreement, terms, ..told.clone() };
        if invitation.digest() == digest {
            return invitation;
        }
    }
    Invitation { terms: Some(Terms { url: String::new(), sha256: digest }), ..told }
}

fn observed_assignment(
    assignment: &RecordedAssignment,
) -> Result<ObservedAssignment, NotUnderstood> {
    let mut state = Assignment::default();
    for role in &assignment.roles {
        let id: RoleId = parsed("assignments.roles.id", &role.id)?;
        state.roles.extend(role.until.or(role.held).map(|until| (id, until)));
        state.recorded.extend(role.until.or(role.given).map(|until| (id, until)));
    }
    for grant in &assignment.grants {
        let object: ObjectName = parsed("assignments.grants.object", &grant.object)?;
        let contribution = Contribution {
            uid: Uid(grant.uid.as_str().into()),
            roles: ids("assignments.grants.roles", &grant.roles)?,
            asked: asked(&grant.asked),
            window: Window { not_before: grant.not_before, not_after: grant.not_after },
            deletion: grant.deletion_policy,
            justification: grant.justification.clone(),
        };
        state.contributions.insert(object, Box::new(contribution));
    }
    let grantee = Grantee {
        id: parsed("assignments.grantee", &assignment.grantee)?,
        kind: match assignment.kind {
            RecordedGrantee::SecurityGroup => GranteeKind::SecurityGroup,
            RecordedGrantee::CustomerUser => GranteeKind::CustomerUser,
        },
        name: assignment.display_name.clone(),
    };
    Ok(ObservedAssignment { grantee, version: 0, state, flight: Flight::Landed })
}

fn asked(asked: &AskedFor) -> Asked {
    Asked { words: asked.words.iter().cloned().collect(), catalogue: asked.catalogue.clone() }
}

/// `instance/namespace/name`; an instance may have slashes of its own.
fn owner(text: &str) -> Result<Owner, NotUnderstood> {
    let parts = text.rsplit_once('/').and_then(|(rest, name)| {
        let (instance, namespace) = rest.rsplit_once('/')?;
        Some((instance, namespace, name))
    });
    let (instance, namespace, name) = parts.ok_or_else(|| not_understood("owner", text))?;
    let object = ObjectName { namespace: namespace.into(), name: name.into() };
    Ok(Owner { instance: Instance(instance.into()), object })
}

fn ids(field: &'static str, roles: &[String]) -> Result<BTreeSet<RoleId>, NotUnderstood> {
    roles.iter().map(|role| parsed(field, role)).collect()
}

fn parsed<T: std::str::FromStr>(field: &'static str, text: &str) -> Result<T, NotUnderstood> {
    text.parse().map_err(|_| not_understood(field, text))
}

fn not_understood(field: &'static str, text: &str) -> NotUnderstood {
    NotUnderstood { field, text: text.to_owned() }
}
