//! Why a grantee holds a role, and why it does not: what is there now, with the evidence of the ledger.
//!
//! Never: a reason that no entry and no recorded contribution gives.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    held::{Held, held},
    trail::{Answered, Step, Story, Trail},
    words::{AcceptedBy, Cited, NamedRole, plain},
};
use crate::{
    api::{AcceptorRole, PartnerType},
    domain::{
        change::Cause,
        digest::Digest,
        entry::Head,
        ids::{RoleId, TenantId},
        lifecycle::{EndReason, Phase},
        state::{
            Asked, Grantee, GranteeKind, ObjectName, Observed, Person, RelationshipKey, Tenant,
            Uid, Window,
        },
    },
};

/// What is asked about the grantee of a [`Trail`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Question {
    /// In this customer's tenant only.
    pub customer: Option<TenantId>,
    /// About this role only.
    pub role: Option<RoleId>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Why {
    /// About whom.
    pub grantee: Grantee,
    /// The instant that it is true for.
    pub at: Timestamp,
    /// What no entry of the ledger explains of it: whoever gave that, it was not done here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unexplained: Vec<String>,
    /// What is held, and why.
    pub held: Vec<Reasons>,
    /// What is not held, and why.
    pub not_held: Vec<NotHeld>,
    /// The last entry of the ledger that was read.
    pub ledger: Head,
    /// What could change the answer and was not looked at.
    pub not_looked_at: Vec<String>,
}

/// Why one role is held under one relationship.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reasons {
    /// The role.
    pub role: NamedRole,
    /// Until when.
    pub until: Timestamp,
    /// In whose tenant.
    pub customer: Tenant,
    /// Whose people.
    pub partner: Tenant,
    /// Under which relationship.
    pub relationship: RelationshipKey,
    /// What sort of partner.
    #[serde(rename = "type")]
    pub type_: PartnerType,
    /// When the relationship ends.
    pub ends_at: Option<Timestamp>,
    /// The grants that ask for it. If there is none, it was given outside.
    pub grants: Vec<GrantReason>,
    /// On the strength of which acceptance.
    pub accepted: Option<AcceptedReason>,
    /// The entry by which Microsoft was seen to have the customer's approval, where that is kept there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen_at_microsoft: Option<Cited>,
    /// The digest of the invitation.
    pub invitation: Digest,
    /// The entries that led to it.
    pub entries: Vec<Cited>,
}

/// A grant that asks for a role.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GrantReason {
    /// The object.
    pub object: ObjectName,
    /// Its UID.
    pub uid: Uid,
    /// In which words, and which catalogue resolved them.
    pub asked: Asked,
    /// When.
    pub window: Window,
    /// Why, in the words of whoever asked.
    pub justification: Option<String>,
}

/// The acceptance that a relationship rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AcceptedReason {
    /// Who.
    pub by: AcceptedBy,
    /// In which role, as declared.
    pub declared_role: AcceptorRole,
    /// When, as declared.
    pub at: Timestamp,
    /// The object that says so.
    pub object: ObjectName,
}

/// A role that is not held.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NotHeld {
    /// The role.
    pub role: NamedRole,
    /// In whose tenant, where that is known.
    pub customer: Option<Tenant>,
    /// Under which relationship.
    pub relationship: Option<RelationshipKey>,
    /// What took it away, or that nothing ever gave it.
    pub because: Because,
    /// The entry that says so, where there is one.
    pub entry: Option<Cited>,
}

/// Why a role is not held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Because {
    /// A change took it away.
    Revoked {
        /// Why.
        cause: Cause,
    },
    /// Its time was over.
    Expired {
        /// When.
        at: Timestamp,
    },
    /// The relationship is over.
    RelationshipEnded {
        /// Why.
        reason: EndReason,
    },
    /// By the ledger it should be held: somebody took it away outside.
    RemovedOutside,
    /// The customer has yet to accept.
    AwaitingCustomer {
        /// What must be accepted.
        invitation: Digest,
    },
    /// No entry ever gave it.
    NeverGranted,
}

/// The reasons for what a grantee holds in `state`, and for what it does not. `persons` are those of the side table
/// that are not erased, by the hash that the ledger holds.
pub fn why(
    question: Question,
    state: &Observed,
    trail: &Trail,
    persons: &BTreeMap<Digest, Person>,
) -> Why {
    let asked = |customer: TenantId, role: RoleId| {
        question.customer.is_none_or(|asked| asked == customer)
            && question.role.is_none_or(|asked| asked == role)
    };
    let holds: Vec<Held> = held(state)
        .filter(|held| held.assignment.grantee.id == trail.grantee)
        .filter(|held| asked(held.row.invitation.customer, held.role))
        .collect();
    let holding: BTreeSet<_> =
        holds.iter().map(|held| (held.row.invitation.customer, held.role)).collect();
    let mut not_held = Vec::new();
    for (key, story) in &trail.rows {
        let customer = story.subject.customer.id;
        let lost = story
            .roles()
            .into_iter()
            .filter(|role| asked(customer, *role) && !holding.contains(&(customer, *role)));
        not_held.extend(lost.map(|role| lost_role(key, story, role, state.now)));
    }
    if let Some(role) = question.role
        && holds.is_empty()
        && not_held.is_empty()
    {
        not_held = never_held(question, role, state);
    }
    let grantee = grantee(state, trail);
    Why {
        at: state.now,
        unexplained: unexplained(state, trail, &holds),
        held: holds.iter().map(|held| reasons(held, trail, persons)).collect(),
        not_held,
        ledger: trail.until.last,
        not_looked_at: not_looked_at(&grantee, trail),
        grantee,
    }
}

/// What of this the entries do not give: roles that no entry gave as they are held, and rows that are not what the
/// ledger says.
fn unexplained(state: &Observed, trail: &Trail, holds: &[Held]) -> Vec<String> {
    let given = |held: &&Held| {
        let story = trail.rows.get(&held.row.key);
        story.is_some_and(|story| {
            let rests = story.answered.is_some() || story.seen.is_some();
            rests && story.gives(held.role, held.until)
        })
    };
    let strange = holds.iter().filter(|held| !given(held)).map(|held| {
        let role = NamedRole::from(held.role);
        format!("{role} until {} under `{}`", held.until, plain(&held.row.key.name))
    });
    let about = |first: &RelationshipKey| {
        let rows = state.relationships.get(first).into_iter().flatten();
        let mut keys = rows.map(|row| (&row.key, row.assignments.contains_key(&trail.grantee)));
        keys.any(|(key, holds)| holds || trail.rows.contains_key(key))
            || trail.rows.contains_key(first)
    };
    let doubts = state.doubts.relationships.iter().filter(|(first, _)| about(first));
    strange.chain(doubts.flat_map(|(_, found)| found.iter().map(|what| plain(what)))).collect()
}

fn grantee(state: &Observed, trail: &Trail) -> Grantee {
    let rows = state.relationships.values().flatten();
    let mut now = rows.filter_map(|row| row.assignments.get(&trail.grantee));
    let unknown = || Grantee { id: trail.grantee, kind: GranteeKind::SecurityGroup, name: None };
    now.next()
        .map(|assignment| assignment.grantee.clone())
        .or_else(|| trail.known_as.clone())
        .unwrap_or_else(unknown)
}

fn reasons(held: &Held, trail: &Trail, persons: &BTreeMap<Digest, Person>) -> Reasons {
    let Held { row, assignment, role, until } = *held;
    let grants = assignment.state.contributions.iter();
    let grants = grants.filter(|(_, contribution)| contribution.roles.contains(&role));
    let story = trail.rows.get(&row.key);
    let answered = story.and_then(|story| story.answered.as_ref());
    let entries = story.map(|story| {
        let first = story.invited.iter().chain(&story.seen);
        let first = first.chain(answered.map(|answered| &answered.entry)).cloned();
        first.chain(story.steps_to(role)).chain(story.found_outside.get(&role).cloned()).collect()
    });
    Reasons {
        role: role.into(),
        until,
        customer: Tenant { id: row.invitation.customer, name: row.customer_name.clone() },
        partner: Tenant { id: row.invitation.partner, name: row.partner_name.clone() },
        relationship: row.key.clone(),
        type_: row.invitation.type_,
        ends_at: row.ends_at,
        grants: grants
            .map(|(object, contribution)| GrantReason {
                object: object.clone(),
                uid: contribution.uid.clone(),
                asked: contribution.asked.clone(),
                window: contribution.window,
                justification: contribution.justification.clone(),
            })
            .collect(),
        accepted: answered.map(|answered| accepted(answered, persons)),
        seen_at_microsoft: story.and_then(|story| story.seen.clone()),
        invitation: row.digest,
        entries: entries.unwrap_or_default(),
    }
}

fn accepted(answered: &Answered, persons: &BTreeMap<Digest, Person>) -> AcceptedReason {
    let Answered { entry: _, acceptance, person } = answered;
    let known = person.and_then(|hash| persons.get(&hash)).cloned();
    AcceptedReason {
        by: known.map_or(AcceptedBy::NotKnown(*person), AcceptedBy::Person),
        declared_role: acceptance.accepted_by.role,
        at: acceptance.accepted_at,
        object: acceptance.object.clone(),
    }
}

/// What took a role away that a story gave.
fn lost_role(key: &RelationshipKey, story: &Story, role: RoleId, now: Timestamp) -> NotHeld {
    let mut steps = story.steps.iter().rev();
    let last = steps.find(|step| step.before.contains_key(&role) || step.after.contains_key(&role));
    let last = last.expect("the role is one of the steps' roles");
    let (because, entry) = loss(last, story, role, now);
    NotHeld {
        role: role.into(),
        customer: Some(story.subject.customer.clone()),
        relationship: Some(key.clone()),
        because,
        entry,
    }
}

fn loss(last: &Step, story: &Story, role: RoleId, now: Timestamp) -> (Because, Option<Cited>) {
    let cited = Some(last.entry.clone());
    match (last.before.get(&role), last.after.get(&role)) {
        (_, Some(until)) if *until <= now => (Because::Expired { at: *until }, cited),
        (_, Some(_)) => match &story.ended {
            Some((entry, reason)) => {
                (Because::RelationshipEnded { reason: *reason }, Some(entry.clone()))
            }
            None => (Because::RemovedOutside, story.gone_outside.get(&role).cloned().or(cited)),
        },
        (Some(until), None) if last.cause == Cause::Expired => {
            (Because::Expired { at: *until }, cited)
        }
        (_, None) => (Because::Revoked { cause: last.cause }, cited),
    }
}

/// A role that nothing ever gave: perhaps the customer has yet to accept.
fn never_held(question: Question, role: RoleId, state: &Observed) -> Vec<NotHeld> {
    let rows = state.relationships.values().flatten();
    let pending = rows.filter(|row| {
        row.lifecycle.phase() == Phase::Pending
            && row.ceiling.contains(&role)
            && question.customer == Some(row.invitation.customer)
    });
    let mut list: Vec<_> = pending
        .map(|row| NotHeld {
            role: role.into(),
            customer: Some(Tenant { id: row.invitation.customer, name: row.customer_name.clone() }),
            relationship: Some(row.key.clone()),
            because: Because::AwaitingCustomer { invitation: row.digest },
            entry: None,
        })
        .collect();
    if list.is_empty() {
        let customer = question.customer.map(|id| Tenant { id, name: None });
        let (relationship, because, entry) = (None, Because::NeverGranted, None);
        list.push(NotHeld { role: role.into(), customer, relationship, because, entry });
    }
    list
}

fn not_looked_at(grantee: &Grantee, trail: &Trail) -> Vec<String> {
    let directory = match grantee.kind {
        GranteeKind::SecurityGroup => "who is a member or an owner of the group",
        GranteeKind::CustomerUser => "groups of the customer's tenant that the user is in",
    };
    let mut list = vec![
        directory.to_owned(),
        "access given outside this store: by other partners, by role assignments in the customer's tenant, \
         by Privileged Identity Management or Azure RBAC"
            .to_owned(),
        "conditional access and other policies that may stand in the way".to_owned(),
    ];
    list.extend(super::words::other_versions(&trail.not_understood));
    list
}
