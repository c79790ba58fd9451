//! The status of a relationship.
//!
//! Never: another owner's row, or a plan of its own; what is left to do comes from the planner.

use std::{collections::BTreeMap, fmt::Write as _};

use jiff::Timestamp;

use super::{
    About, Hold, Reported,
    condition::{Drift, Told, Verdict, conditions},
    earlier,
    expiry::Expiry,
    judged,
    readiness::{blocked, ended, readiness, rows, waiting},
    reason::{ConditionType, Reason},
    recorded::recorded,
    rows::Rows,
    text,
};
use crate::{
    api::{
        ConditionStatus, InvitationStatus, LedgerHead, LeftOut, PartnerRelationshipStatus,
        PlanSummary,
    },
    domain::{
        change::Change,
        digest::Digest,
        lifecycle::Phase,
        limits::Batch,
        partner_type,
        plan::{AgreementStanding, Awaited, Notice, StageNotice, agreement},
        problem::Problem,
        state::{DesiredRelationship, ObjectName, ObservedAcceptance, ObservedRelationship},
    },
};

/// What a round knows of a relationship.
#[derive(Debug, Clone)]
pub struct RelationshipFacts<'a> {
    /// The object.
    pub object: &'a ObjectName,
    /// What it asks for; absent where its offer is missing or could not be understood.
    pub declared: Option<&'a DesiredRelationship>,
    /// Its rows as they were read back, by number.
    pub rows: &'a [ObservedRelationship],
    /// The recorded acceptances that were read with them.
    pub acceptances: &'a BTreeMap<Digest, ObservedAcceptance>,
    /// Problems of the validation about it.
    pub problems: Vec<&'a Problem>,
    /// Notices about it, of the plan that was made after reading back.
    pub notices: Vec<&'a Notice>,
    /// Its changes in that plan: what is still to be made.
    pub left: Vec<&'a Change>,
    /// Its changes in the plan of what [`super::unheld`] gives: what is still to be made and what is held back.
    pub held_back: Vec<&'a Change>,
    /// The batches that wait for a person and have changes of it.
    pub blocked: Vec<&'a Batch>,
    /// The answers that it waits for.
    pub awaited: Vec<&'a Awaited>,
    /// What the store refused just now.
    pub refused: Vec<String>,
    /// Why it was left alone.
    pub hold: Option<Hold>,
    /// When that plan would differ.
    pub valid_until: Option<Timestamp>,
    /// When the plan behind `held_back` would differ.
    pub held_back_until: Option<Timestamp>,
    /// The last entry of the ledger about it, where there is a new one.
    pub ledger: Option<LedgerHead>,
}

/// The status of a relationship. `old` is the one that stands there.
pub fn relationship(
    about: &About<'_>,
    facts: &RelationshipFacts<'_>,
    old: Option<&PartnerRelationshipStatus>,
) -> Reported<PartnerRelationshipStatus> {
    let now = about.now;
    let rows = rows(facts, now);
    let (ready, drift) = readiness(about, facts, &rows);
    let expiry = expiry(about, facts, &rows);
    let further = [
        authorized(&rows),
        agreement_accepted(facts, &rows, now),
        blocked(facts),
        drifted(facts, &ready, drift),
        unmanaged(&rows, now),
        expiry.told,
        judged::invalid(&facts.problems),
    ];
    let (assignments, grantees) = rows.effective(now);
    let mut ready = judged::with_warnings(ready, &facts.problems);
    if assignments.len() < grantees {
        let _ = write!(ready.message, "; {} of {grantees} grantees are listed", assignments.len());
    }
    let recorded = recorded(rows.own());
    if recorded.is_err() {
        ready.message.push_str("; too much is recorded for `--store cluster:` to plan from");
    }
    let left_out = LeftOut {
        assignments: counted(grantees - assignments.len()),
        recorded: counted(recorded.as_ref().err().copied().unwrap_or_default()),
    };
    let conditions = conditions(about, ready, further.into_iter().flatten());
    let told = rows.reported();
    let ends = assignments.iter().flat_map(|assignment| &assignment.roles);
    let next_until = ends.filter_map(|role| role.until).min();
    let settled = match facts.hold {
        Some(Hold::Settling { until } | Hold::Fought { until, .. }) => Some(until),
        Some(Hold::NoBoundary | Hold::Finalizer) | None => None,
    };
    let next_change = [
        facts.valid_until,
        facts.held_back_until,
        expiry.next_change,
        rows.lapses_at(),
        next_until,
        settled,
    ]
    .into_iter()
    .map(|instant| instant.filter(|instant| *instant > now))
    .fold(None, earlier);
    let status = PartnerRelationshipStatus {
        observed_generation: about.generation,
        conditions,
        store_id: told.map(|row| text::cut_to(row.key.name.to_string(), 128)),
        lifecycle: told.map(|row| text::cut_to(row.lifecycle.to_string(), 64)),
        invitation: rows
            .pending
            .map(|row| InvitationStatus { link: None, digest: row.digest.to_string() }),
        invited_at: told.map(|row| row.invited_at),
        activated_at: told.and_then(|row| row.activated_at),
        ends_at: told.and_then(|row| row.ends_at),
        recorded: recorded.unwrap_or_default(),
        assignments,
        left_out: (left_out != LeftOut { assignments: 0, recorded: 0 }).then_some(left_out),
        plan: is_planned(facts).then(|| plan_summary(facts)),
        ledger: facts.ledger.clone().or_else(|| old.and_then(|old| old.ledger.clone())),
    };
    Reported { status, next_change }
}

fn counted(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn authorized(rows: &Rows<'_>) -> Option<Told> {
    let row = rows.reported()?;
    let type_ = ConditionType::Authorized;
    let name = &row.key.name;
    if rows.active.is_some() {
        let since = row.activated_at.map(|at| format!(" since {at}")).unwrap_or_default();
        let message = format!("the customer has accepted `{name}`, which is active{since}");
        return Some(Told::yes(type_, Reason::Authorized, message));
    }
    Some(match row.lifecycle.phase() {
        Phase::Pending => {
            let verdict = waiting(row, rows, "to begin");
            Told::no(type_, verdict.reason, verdict.message)
        }
        Phase::Active => Told::no(type_, Reason::Expired, format!("`{name}` is over")),
        Phase::Ending => Told::no(type_, Reason::Ending, format!("`{name}` is being ended")),
        Phase::Unknown => {
            let message = format!("`{name}` is in an unknown stage");
            Told { type_, status: ConditionStatus::Unknown, reason: Reason::UnknownStage, message }
        }
        Phase::Ended => {
            let (reason, what) = ended(row);
            Told::no(type_, reason, format!("`{name}` {what}"))
        }
    })
}

fn agreement_accepted(
    facts: &RelationshipFacts<'_>,
    rows: &Rows<'_>,
    now: Timestamp,
) -> Option<Told> {
    let declared = facts.declared?;
    let type_ = ConditionType::AgreementAccepted;
    let own = rows.active.map(|row| (&row.key, &row.invitation));
    match agreement(declared, own, facts.acceptances, now) {
        AgreementStanding::NotAsked => None,
        AgreementStanding::Accepted => {
            let message = "the customer has accepted the agreement that the offer names";
            Some(Told::yes(type_, Reason::Accepted, message))
        }
        AgreementStanding::Awaited => {
            let consequence = if partner_type::may_sell(declared.invitation.type_) {
                ", and until then the partner can neither purchase nor manage subscriptions"
            } else {
                ""
            };
            let message = format!(
                "the customer has not accepted the agreement that the offer names{consequence}; \
                 record it with `concordat accept`"
            );
            Some(Told::no(type_, Reason::AgreementNotAccepted, message))
        }
    }
}

fn drifted(facts: &RelationshipFacts<'_>, ready: &Verdict, drift: Drift) -> Option<Told> {
    let type_ = ConditionType::Drifted;
    let removed = facts.notices.iter().copied().filter(|notice| notice.is_removed_outside());
    let removed = text::notices(removed);
    if !removed.is_empty() {
        return Some(Told::yes(type_, Reason::RemovedOutside, removed));
    }
    if ready.reason == Reason::EndedByCustomer {
        return Some(Told::yes(type_, Reason::EndedByCustomer, ready.message.clone()));
    }
    (drift == Drift::Differs).then(|| Told::yes(type_, Reason::Differs, ready.message.clone()))
}

fn unmanaged(rows: &Rows<'_>, now: Timestamp) -> Option<Told> {
    let unmanaged = rows.unmanaged(now);
    let count: usize = unmanaged.iter().map(|(_, roles)| roles.len()).sum();
    if count == 0 {
        return None;
    }
    let who = unmanaged.iter().map(|(grantee, roles)| {
        format!("{} holds {}", text::grantee(grantee), partner_type::role_names(roles))
    });
    let message = format!(
        "{} held that no grant declares: {}",
        if count == 1 { "1 role is".to_owned() } else { format!("{count} roles are") },
        text::list(who)
    );
    Some(Told::yes(ConditionType::Unmanaged, Reason::AddedOutside, message))
}

/// When the active row ends, unless it is extended by itself. Renewal may be due earlier than the first threshold.
fn expiry(about: &About<'_>, facts: &RelationshipFacts<'_>, rows: &Rows<'_>) -> Expiry {
    let Some(active) = rows.active.filter(|row| row.auto_extend.is_zero()) else {
        return Expiry::none();
    };
    let Some(ends_at) = active.ends_at else { return Expiry::none() };
    let what = format!("`{}`", active.key.name);
    let mut expiry = Expiry::of(&what, active.activated_at, ends_at, about.now);
    let is_due =
        |notice: &&&Notice| matches!(notice, Notice::Stage(_, StageNotice::ExpiringSoon { .. }));
    if let (None, Some(due)) = (&expiry.told, facts.notices.iter().find(is_due)) {
        let message = text::notices([*due]);
        expiry.told = Some(Told::yes(ConditionType::ExpiringSoon, Reason::RenewalDue, message));
    }
    expiry
}

/// Of as many further batches the hash is listed.
const ALSO_BLOCKED: usize = 16;

/// What is being deleted is planned also where its offer has gone with it.
fn is_planned(facts: &RelationshipFacts<'_>) -> bool {
    facts.declared.is_some() || !facts.blocked.is_empty() || !facts.left.is_empty()
}

fn plan_summary(facts: &RelationshipFacts<'_>) -> PlanSummary {
    let summary = match &facts.left[..] {
        [] => "nothing to do".to_owned(),
        left => text::changes(left),
    };
    PlanSummary {
        changes: counted(facts.left.len()),
        summary: text::cut(summary),
        blocked: facts.blocked.first().map(|batch| batch.hash.to_string()),
        also_blocked: facts
            .blocked
            .iter()
            .skip(1)
            .take(ALSO_BLOCKED)
            .map(|batch| batch.hash.to_string())
            .collect(),
        valid_until: facts.valid_until,
    }
}
