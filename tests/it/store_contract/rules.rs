//! What the store keeps to whatever it is told: no access before its time, above the ceiling or after the end.
//!
//! Never: trust in the plan.

use std::time::Duration;

use concordat::{
    api::{AcceptanceDecision, RelationshipDeletionPolicy, UnmanagedAssignments},
    domain::{
        ids::GLOBAL_ADMINISTRATOR,
        lifecycle::{EndReason, Lifecycle},
        plan::{Change, Effect},
        state::Absence,
    },
    store::{Outcome, Read, Refusal, Scope},
};

use super::{instead, on_both, outcomes, refused};
use crate::store_samples::*;

on_both! {
    a_role_that_is_over_cannot_be_given_but_can_be_taken
    no_access_before_active_above_the_ceiling_or_beyond_the_end
    an_acceptance_counts_once_and_for_what_it_names
    a_relationship_ends_only_after_its_access
    what_ends_by_time_ends_at_its_time
    what_may_change_while_active_changes
}

async fn a_role_that_is_over_cannot_be_given_but_can_be_taken(place: &Place) {
    let mut store = place.writer().await;
    let base = accepted(relationship("acme", 1));
    let until = in_seconds(1);
    let brief = grant(base.clone(), 1, &[REPORTS_READER], Some(until));
    let changes = planned(&mut store, &only(brief.clone())).await;
    let (give, rest): (Vec<_>, Vec<_>) = changes.into_iter().partition(|it| gives(&it.change));
    outcomes(&mut store, rest).await;
    let late = give.clone();
    outcomes(&mut store, give).await;
    let early = grant(base, 2, &[REPORTS_READER], Some(until));
    let early = planned(&mut store, &only(early)).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;

    let outcome = outcomes(&mut store, early).await;
    assert!(matches!(refused(&outcome[0]), Refusal::AlreadyOver { until: at, .. } if *at == until));
    // It was given in time, and so it is no news that it is over.
    assert_eq!(outcomes(&mut store, late).await, [Outcome::Done]);
    let observed = bring(&mut store, &only(brief)).await;
    let held = &observed.relationships[&key("acme")][0].assignments[&group(1)];
    assert_eq!((held.version, held.state.roles.len()), (2, 0));
}

fn gives(change: &Change) -> bool {
    matches!(change.effect, Effect::SetRoles { .. })
}

async fn no_access_before_active_above_the_ceiling_or_beyond_the_end(place: &Place) {
    let mut store = place.writer().await;
    let wish = grant(accepted(relationship("acme", 1)), 1, &[REPORTS_READER], None);
    let changes = planned(&mut store, &only(wish)).await;
    let [invite, authorise, give] = &changes[..] else { panic!("{changes:?}") };
    outcomes(&mut store, vec![invite.clone()]).await;
    let mut early = give.clone();
    early.change.expects.revision = 1;
    let outcome = outcomes(&mut store, vec![early]).await;
    assert!(refused(&outcome[0]).to_string().contains("`ApprovalPending` gives no access"));

    outcomes(&mut store, vec![authorise.clone()]).await;
    let Effect::SetRoles { grantee, before, after } = &give.change.effect else { panic!() };
    let give = |role, until| {
        let mut after = after.clone();
        after.roles.insert(role, until);
        let effect = Effect::SetRoles { grantee: grantee.clone(), before: before.clone(), after };
        free([instead(&give.change, effect)])
    };
    let until = in_seconds(60);
    let global = GLOBAL_ADMINISTRATOR;
    let outcome = outcomes(&mut store, give(global, until)).await;
    assert!(refused(&outcome[0]).to_string().contains("above the ceiling"));
    let outcome = outcomes(&mut store, give(REPORTS_READER, in_seconds(400 * 86_400))).await;
    assert!(refused(&outcome[0]).to_string().contains("outlast the relationship"));
    assert_eq!(outcomes(&mut store, give(REPORTS_READER, until)).await, [Outcome::Done]);
}

async fn an_acceptance_counts_once_and_for_what_it_names(place: &Place) {
    let mut store = place.writer().await;
    let (first, second) = (relationship("first", 1), relationship("second", 1));
    bring(&mut store, &all([first.clone(), second.clone()])).await;
    let desired = all([accepted(first.clone()), accepted(second.clone())]);
    let changes = planned(&mut store, &desired).await;
    let [one, two] = &changes[..] else { panic!("{changes:?}") };
    let Effect::Authorise { acceptance, ends_at } = &one.change.effect else { panic!() };
    let (acceptance, ends_at) = (acceptance.clone(), *ends_at);

    let elsewhere = Effect::Authorise { acceptance: acceptance.clone(), ends_at };
    let outcome = outcomes(&mut store, free([instead(&two.change, elsewhere)])).await;
    assert!(refused(&outcome[0]).to_string().contains("for something else"));
    assert_eq!(outcomes(&mut store, vec![one.clone()]).await, [Outcome::Done]);
    let mut again = acceptance;
    again.invitation = Some(second.invitation.digest());
    let again = Effect::Authorise { acceptance: again, ends_at };
    let outcome = outcomes(&mut store, free([instead(&two.change, again)])).await;
    assert_eq!(*refused(&outcome[0]), Refusal::AlreadyUsed);

    let mut declined = second.clone();
    declined.answers.push(answer(&second, AcceptanceDecision::Decline));
    let observed = bring(&mut store, &all([accepted(first), declined])).await;
    let row = &observed.relationships[&key("second")][0];
    assert_eq!(row.lifecycle, Lifecycle::Withdrawn);
    assert_eq!(row.ended.as_ref().unwrap().reason, EndReason::Declined);
}

async fn a_relationship_ends_only_after_its_access(place: &Place) {
    let mut store = place.writer().await;
    let mut wish = grant(accepted(relationship("acme", 1)), 1, &[REPORTS_READER], None);
    wish.policies.deletion = RelationshipDeletionPolicy::Terminate;
    bring(&mut store, &only(wish)).await;
    let mut pruned = nothing();
    pruned.absence = Absence::Prune;
    let changes = planned(&mut store, &pruned).await;
    let [take, end] = &changes[..] else { panic!("{changes:?}") };
    let outcome = outcomes(&mut store, vec![end.clone()]).await;
    assert!(refused(&outcome[0]).to_string().contains("access is still held"));
    let outcome = outcomes(&mut store, vec![take.clone(), end.clone()]).await;
    assert_eq!(outcome, [Outcome::Done, Outcome::Done]);
    let observed = store.observe(&Scope::All).await.unwrap();
    let row = &observed.relationships[&key("acme")][0];
    assert_eq!(row.lifecycle, Lifecycle::Terminated);
    assert_eq!(row.ended.as_ref().unwrap().reason, EndReason::Deleted);
}

async fn what_ends_by_time_ends_at_its_time(place: &Place) {
    let mut store = place.writer().await;
    let wish = grant(accepted(relationship("acme", 1)), 1, &[REPORTS_READER], None);
    bring(&mut store, &only(wish.clone())).await;
    let over = in_seconds(-5);
    place
        .outside(&format!(
            "UPDATE relationships SET ends_at_ms = {0}; UPDATE assignment_roles SET until_ms = {0}",
            over.as_millisecond()
        ))
        .await;
    let changes = planned(&mut store, &only(wish.clone())).await;
    let expire = changes.iter().find(|it| matches!(it.change.effect, Effect::Expire { .. }));
    let early = Effect::Expire { ended_at: in_seconds(60) };
    let early = free([instead(&expire.unwrap().change, early)]);
    assert_eq!(outcomes(&mut store, early).await, [Outcome::Refused(Refusal::Stale)]);
    let observed = bring(&mut store, &only(wish)).await;
    let row = &observed.relationships[&key("acme")][0];
    assert_eq!(row.lifecycle, Lifecycle::Expired);
    let ended = row.ended.as_ref().unwrap();
    assert_eq!((ended.at, ended.reason), (over, EndReason::Expired));
}

async fn what_may_change_while_active_changes(place: &Place) {
    let mut store = place.writer().await;
    let mut wish = accepted(relationship("acme", 1));
    bring(&mut store, &only(wish.clone())).await;
    wish.policies.unmanaged = UnmanagedAssignments::Revoke;
    wish.invitation.auto_extend = "P180D".parse().unwrap();
    let observed = bring(&mut store, &only(wish.clone())).await;
    let row = &observed.relationships[&key("acme")][0];
    assert_eq!((&row.policies, row.revision), (&wish.policies, 4));
    assert_eq!(row.auto_extend, wish.invitation.auto_extend);

    let soon = in_seconds(3_600);
    let moved = format!("UPDATE relationships SET ends_at_ms = {}", soon.as_millisecond());
    place.outside(&moved).await;
    let observed = bring(&mut store, &only(wish.clone())).await;
    let row = &observed.relationships[&key("acme")][0];
    assert_eq!(row.ends_at, wish.invitation.auto_extend.after(soon));
}
