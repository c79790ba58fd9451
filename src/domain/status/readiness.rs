//! How far a relationship is, and why: the first reason that holds, from the gravest on.
//!
//! Never: a verdict on rows that belong to another object.

use jiff::Timestamp;

use super::{
    About, Hold,
    condition::{Drift, Stand, Told, Verdict},
    judged, offer,
    reason::{ConditionType, Reason},
    relationship::RelationshipFacts,
    rows::Rows,
    text,
};
use crate::{
    api::ManagementPolicy,
    domain::{
        change::Change,
        digest::Digest,
        ids::Kind,
        lifecycle::{EndReason, Lifecycle, Phase},
        limits::Batch,
        plan::{AccessNotice, Awaited, AwaitedFor, GrantNotice, Notice, StageNotice},
        relationship::rows::is_as_asked,
        state::{DesiredRelationship, ObjectName, ObservedRelationship, Standing},
        validate::Presence,
    },
};

/// The rows that may be told: none of those that another owns.
pub(super) fn rows<'a>(facts: &RelationshipFacts<'a>, now: Timestamp) -> Rows<'a> {
    if conflict(facts).is_some() {
        return Rows::default();
    }
    Rows::of(facts.rows, facts.object, facts.declared, now)
}

/// How far a relationship is, and why.
pub(super) fn readiness(
    about: &About<'_>,
    facts: &RelationshipFacts<'_>,
    rows: &Rows<'_>,
) -> (Verdict, Drift) {
    if about.presence == Presence::Deleting {
        return (deleting(facts), Drift::InSync);
    }
    if let Some(verdict) = judged::verdict(&facts.problems) {
        return (verdict, Drift::InSync);
    }
    if let Some(verdict) = conflict(facts) {
        return (verdict, Drift::InSync);
    }
    if let Some(verdict) = left_alone(facts) {
        return (verdict, Drift::InSync);
    }
    let Some(declared) = facts.declared.filter(|declared| declared.standing != Standing::Invalid)
    else {
        let message = "its offer has problems; what is recorded stays until they are mended";
        return (Verdict::under_way(Reason::OfferInvalid, message), Drift::InSync);
    };
    if declared.policies.management == ManagementPolicy::Observe {
        let would = progress(declared, facts, &facts.held_back, rows);
        if would.stand == Stand::Reached {
            let message = "it is only observed, and the store holds what is declared";
            return (Verdict::reached(Reason::Observed, message), Drift::InSync);
        }
        let message = format!("it is only observed, and differs: {}", would.message);
        return (Verdict::reached(Reason::Observed, message), Drift::Differs);
    }
    if declared.standing == Standing::Suspended {
        return (suspended(&progress(declared, facts, &facts.held_back, rows)), Drift::InSync);
    }
    (progress(declared, facts, &facts.left, rows), Drift::InSync)
}

/// Nothing is done for it yet, whatever it says.
fn left_alone(facts: &RelationshipFacts<'_>) -> Option<Verdict> {
    match facts.hold {
        Some(Hold::NoBoundary | Hold::Finalizer) => offer::held(facts.hold),
        Some(Hold::Settling { .. } | Hold::Fought { .. }) | None => None,
    }
}

/// What is held on purpose keeps telling the truth.
pub(super) fn suspended(would: &Verdict) -> Verdict {
    let held = "suspended: nothing is changed but expiry";
    if would.stand == Stand::Reached {
        return Verdict::reached(Reason::Suspended, format!("{held}; {}", would.message));
    }
    Verdict::on_hold(Reason::Suspended, format!("{held}; without it: {}", would.message))
}

fn deleting(facts: &RelationshipFacts<'_>) -> Verdict {
    if facts.declared.is_some_and(|declared| declared.standing == Standing::Suspended) {
        let message = "its deletion is held: `suspend` is true";
        return Verdict::on_hold(Reason::Suspended, message);
    }
    if let Some(verdict) = stopped(facts) {
        return verdict;
    }
    if let Some(verdict) = left_alone(facts).filter(|_| !facts.rows.is_empty()) {
        return verdict;
    }
    if facts.left.is_empty() {
        return Verdict::under_way(Reason::Deleting, "nothing is in the way any more");
    }
    let message = format!("still to be done before it can go: {}", text::changes(&facts.left));
    Verdict::under_way(Reason::Deleting, message)
}

/// The row in the store belongs to another object, or is about others.
fn conflict(facts: &RelationshipFacts<'_>) -> Option<Verdict> {
    let told = facts.notices.iter().copied().filter(|notice| notice.is_conflict());
    let message = text::notices(told);
    (!message.is_empty()).then(|| Verdict::stuck(Reason::Conflict, message))
}

/// What keeps changes from being made.
fn stopped(facts: &RelationshipFacts<'_>) -> Option<Verdict> {
    if !facts.blocked.is_empty() {
        let own = |change: &&Change| change.subject.owner.object == *facts.object;
        let told = facts.blocked.iter().map(|batch| {
            let own: Vec<&Change> = batch.changes.iter().filter(own).collect();
            format!("batch `{}` waits for an approval: {}", batch.hash, text::changes(&own))
        });
        return Some(Verdict::stuck(Reason::Blocked, text::list(told)));
    }
    if !facts.refused.is_empty() {
        let mut refused = facts.refused.clone();
        refused.sort();
        refused.dedup();
        let message = format!("the store refused what is planned again: {}", text::list(refused));
        return Some(Verdict::under_way(Reason::Refused, message));
    }
    offer::held(facts.hold)
}

/// How far it is when `left` is still to be done.
fn progress(
    declared: &DesiredRelationship,
    facts: &RelationshipFacts<'_>,
    left: &[&Change],
    rows: &Rows<'_>,
) -> Verdict {
    if let Some(verdict) = stopped(facts) {
        return verdict;
    }
    if !left.is_empty() {
        let message = format!("still to be done: {}", text::changes(left));
        return Verdict::under_way(Reason::Pending, message);
    }
    match (rows.active, rows.pending) {
        (Some(active), Some(pending)) => {
            let waits = |awaited: &&&Awaited| awaited.relationship == pending.key;
            let replaces = match facts.awaited.iter().find(waits) {
                Some(awaited) => awaited.reason == AwaitedFor::Replacement,
                None => !is_as_asked(active, declared),
            };
            if replaces {
                return waiting(pending, rows, "to replace what is active");
            }
            let name = &pending.key.name;
            let message =
                format!("{}; the customer is invited to renew it as `{name}`", rests(facts));
            Verdict::reached(Reason::InSync, message)
        }
        (Some(active), None) => alone(active, declared, facts, rows),
        (None, Some(pending)) => waiting(pending, rows, "to begin"),
        (None, None) => rows.newest().map_or_else(
            || Verdict::under_way(Reason::Pending, "the customer is yet to be invited"),
            over,
        ),
    }
}

/// The verdict where one row is active and none is pending: it may not be what is asked for any more, and the customer may
/// have refused what is.
fn alone(
    active: &ObservedRelationship,
    declared: &DesiredRelationship,
    facts: &RelationshipFacts<'_>,
    rows: &Rows<'_>,
) -> Verdict {
    let newest = rows.newest().unwrap_or(active);
    let stopped = matches!(newest.lifecycle.phase(), Phase::Ending | Phase::Unknown);
    if is_as_asked(active, declared) && !stopped {
        return Verdict::reached(Reason::InSync, rests(facts));
    }
    let name = &active.key.name;
    if newest.key == active.key {
        let message = format!("`{name}` is active, and is not what is asked for");
        return Verdict::under_way(Reason::Pending, message);
    }
    let mut verdict = over(newest);
    verdict.message = format!("{}; `{name}` stays active", verdict.message);
    verdict
}

/// Whether a notice has no condition of its own, and stands in the message of `Ready`.
fn is_note(notice: &Notice) -> bool {
    matches!(
        notice,
        Notice::Access(_, AccessNotice::WaitsForAgreement)
            | Notice::Stage(_, StageNotice::NewerCatalogue(_))
            | Notice::Grant(_, GrantNotice::NewerCatalogue)
    )
}

fn rests(facts: &RelationshipFacts<'_>) -> String {
    let notes = text::notices(facts.notices.iter().copied().filter(|notice| is_note(notice)));
    let rests = "the store holds what is asked for";
    if notes.is_empty() { rests.to_owned() } else { format!("{rests}; {notes}") }
}

/// The verdict while the customer's answer, or what follows it, is awaited.
pub(super) fn waiting(pending: &ObservedRelationship, rows: &Rows<'_>, purpose: &str) -> Verdict {
    let name = &pending.key.name;
    match &pending.lifecycle {
        Lifecycle::Approved | Lifecycle::Activating => Verdict::under_way(
            Reason::Activating,
            format!("the customer has accepted `{name}`, which is being set up"),
        ),
        Lifecycle::Created
        | Lifecycle::ApprovalPending
        | Lifecycle::Active
        | Lifecycle::TerminationRequested
        | Lifecycle::Terminating
        | Lifecycle::Terminated
        | Lifecycle::Expiring
        | Lifecycle::Expired
        | Lifecycle::Withdrawn
        | Lifecycle::Unknown(_) => {
            let until = rows.lapses_at().map(|at| format!(", until {at}")).unwrap_or_default();
            let message = format!(
                "customer `{}` was invited as `{name}` {purpose}, and is to accept invitation `{}`{until}",
                pending.invitation.customer, pending.digest
            );
            Verdict::under_way(Reason::WaitingForCustomer, message)
        }
    }
}

/// The verdict on a relationship whose newest row gives no access, and nothing is to be done about it.
fn over(newest: &ObservedRelationship) -> Verdict {
    let name = &newest.key.name;
    match newest.lifecycle.phase() {
        Phase::Pending | Phase::Active => Verdict::under_way(
            Reason::Pending,
            format!("the end of `{name}` is yet to be recorded"),
        ),
        Phase::Ending => {
            let message = format!("`{name}` is in stage `{}`", newest.lifecycle);
            Verdict::under_way(Reason::Ending, message)
        }
        Phase::Unknown => {
            let message = format!(
                "`{name}` is in stage `{}`, which this version does not know: nothing is written",
                newest.lifecycle
            );
            Verdict::stuck(Reason::UnknownStage, message)
        }
        Phase::Ended => {
            let (reason, what) = ended(newest);
            let message = format!(
                "`{name}` {what}: no new invitation is sent until the spec changes; agree with the \
                 customer first"
            );
            Verdict::stuck(reason, message)
        }
    }
}

/// Why and how a row ended.
pub(super) fn ended(row: &ObservedRelationship) -> (Reason, &'static str) {
    match row.ended.as_ref().map(|ended| ended.reason) {
        Some(EndReason::Declined) => (Reason::Declined, "was declined by the customer"),
        Some(EndReason::Lapsed) => (Reason::InvitationLapsed, "was not answered in time"),
        Some(EndReason::Expired) => (Reason::Expired, "has expired"),
        Some(EndReason::Deleted) => (Reason::Ended, "ended when its object was deleted"),
        Some(EndReason::Replaced) => (Reason::Ended, "was replaced"),
        None if row.lifecycle == Lifecycle::Expired => (Reason::Expired, "has expired"),
        None => (Reason::EndedByCustomer, "was ended outside"),
    }
}

/// The condition `PlanBlocked`, where changes of this relationship wait for a person.
pub(super) fn blocked(facts: &RelationshipFacts<'_>) -> Option<Told> {
    if facts.blocked.is_empty() {
        return None;
    }
    let how = |batch: &&Batch| how_to_approve(Kind::PartnerRelationship, facts.object, batch.hash);
    let how = text::list(facts.blocked.iter().map(how));
    Some(Told::yes(ConditionType::PlanBlocked, Reason::Blocked, how))
}

/// What waits for a person, and how a person approves it.
pub(super) fn how_to_approve(kind: Kind, object: &ObjectName, hash: Digest) -> String {
    let ObjectName { namespace, name } = object;
    let kind = kind.to_string().to_lowercase();
    format!(
        "batch `{hash}` waits for the approval of a person who did not ask for it: \
         `kubectl annotate --overwrite -n {namespace} {kind} {name} concordat.dev/approve={hash}`"
    )
}
