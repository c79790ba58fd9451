//! The life of a relationship in a store: how it changes, ends, and goes to another owner; on both stores.
//!
//! Never: an end that is recorded before its time.

use concordat::{
    api::{AcceptanceDecision, RelationshipDeletionPolicy, UnmanagedAssignments},
    domain::{
        change::Effect,
        ids::HELPDESK_ADMINISTRATOR,
        lifecycle::{EndReason, Lifecycle},
        state::{DesiredRelationship, Uid},
    },
    store::{Outcome, Read, Refusal, Scope},
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    store_contract::{instead, on_each, outcomes, refused},
    store_samples::*,
};

on_each! {
    a_relationship_ends_only_after_its_access
    what_ends_by_time_ends_at_its_time
    what_may_change_while_active_changes
    another_object_claims_a_row_and_the_old_one_loses_it
    the_view_holds_what_is_in_force_now
    what_a_successor_did_not_get_stays_with_its_predecessor
}

async fn what_a_successor_did_not_get_stays_with_its_predecessor(place: &Place) {
    let mut store = place.writer().await;
    let wish = grant(accepted(relationship("acme", 1)), 1, &[REPORTS_READER], None);
    bring(&mut store, &only(wish.clone())).await;
    let mut larger = wish;
    larger.invitation.duration = Some("P30D".parse().unwrap());
    bring(&mut store, &only(larger.clone())).await;
    let mut successor = larger.clone();
    successor.invitation.name.push_str("-2");
    larger.answers = vec![answer(&successor, AcceptanceDecision::Accept)];
    let changes = planned(&mut store, &only(larger)).await;
    let outsider = "INSERT INTO assignments (relationship_id, grantee_id, grantee_kind, version, \
                    last_change, recorded, contributions) SELECT n.id, a.grantee_id, \
                    a.grantee_kind, 7, NULL, '{}', '{}' FROM relationships n, \
                    assignments a WHERE n.name = 'acme-2'";
    assert_eq!(place.outside(outsider).await, 1);
    let limits = std::collections::BTreeMap::new();
    let report =
        concordat::store::apply::apply(&mut store, changes, &limits, &by("ada").into(), |_| {
            std::ops::ControlFlow::Continue(())
        })
        .await;
    let stale = Outcome::Refused(Refusal::Stale);
    let outcomes: Vec<&Outcome> = report.tried.iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(outcomes, [&Outcome::Done, &stale, &stale, &stale]);
    let observed = store.observe(&Scope::All).await.unwrap();
    let rows = &observed.relationships[&key("acme")];
    assert_eq!(rows[0].lifecycle, Lifecycle::Active);
    assert!(!rows[0].assignments[&group(1)].state.roles.is_empty());
}

async fn a_relationship_ends_only_after_its_access(place: &Place) {
    let mut store = place.writer().await;
    let mut wish = grant(accepted(relationship("acme", 1)), 1, &[REPORTS_READER], None);
    wish.policies.deletion = RelationshipDeletionPolicy::Terminate;
    bring(&mut store, &only(wish)).await;
    let mut pruned = nothing();
    pruned.absence = concordat::domain::state::Absence::Prune;
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

/// The relationship, accepted so long ago that it ends in so many seconds, and when that is.
fn ending(mut wish: DesiredRelationship, seconds: i64) -> (DesiredRelationship, Timestamp) {
    let end = in_seconds(seconds);
    let mut answer = answer(&wish, AcceptanceDecision::Accept);
    answer.accepted_at = end - SignedDuration::from_hours(365 * 24);
    wish.answers.push(answer);
    (wish, end)
}

async fn what_ends_by_time_ends_at_its_time(place: &Place) {
    let mut store = place.writer().await;
    let (wish, over) = ending(relationship("acme", 1), 3);
    let wish = grant(wish, 1, &[REPORTS_READER], None);
    bring(&mut store, &only(wish.clone())).await;
    tokio::time::sleep(std::time::Duration::from_millis(3_100)).await;
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
    let (mut wish, soon) = ending(relationship("acme", 1), 3_600);
    bring(&mut store, &only(wish.clone())).await;
    wish.policies.unmanaged = UnmanagedAssignments::Revoke;
    wish.invitation.auto_extend = "P180D".parse().unwrap();
    let observed = bring(&mut store, &only(wish.clone())).await;
    let row = &observed.relationships[&key("acme")][0];
    assert_eq!((&row.policies, row.revision), (&wish.policies, 5));
    assert_eq!(row.auto_extend, wish.invitation.auto_extend);
    let observed = bring(&mut store, &only(wish.clone())).await;
    let row = &observed.relationships[&key("acme")][0];
    assert_eq!(row.ends_at, wish.invitation.auto_extend.after(soon));
}

async fn another_object_claims_a_row_and_the_old_one_loses_it(place: &Place) {
    let mut store = place.writer().await;
    let first = relationship("acme", 1);
    bring(&mut store, &only(first.clone())).await;
    let mut again = first.clone();
    again.uid = Uid("new".into());
    let old = {
        let mut old = first.clone();
        old.policies.unmanaged = UnmanagedAssignments::Revoke;
        planned(&mut store, &only(old)).await
    };
    let observed = bring(&mut store, &only(again)).await;
    let row = &observed.relationships[&key("acme")][0];
    assert_eq!((&row.uid, row.revision), (&Uid("new".into()), 2));
    assert_eq!(outcomes(&mut store, old).await, [Outcome::Refused(Refusal::Stale)]);

    let mut heir = first;
    heir.object = object("heir");
    heir.uid = Uid("heir".into());
    heir.adopt_from = Some("cli/msp/acme".to_owned());
    let mut heir = only(heir);
    heir.gone.insert(object("acme"));
    let observed = bring(&mut store, &heir).await;
    let owner = &observed.relationships[&key("acme")][0].owner;
    assert_eq!(owner.to_string(), "cli/msp/heir");
}

async fn the_view_holds_what_is_in_force_now(place: &Place) {
    let mut store = place.writer().await;
    let wish = grant(accepted(relationship("acme", 1)), 1, &[REPORTS_READER], None);
    let wish = grant(wish, 2, &[HELPDESK_ADMINISTRATOR], Some(in_seconds(2)));
    bring(&mut store, &only(wish)).await;
    let count = "SELECT count(*) FROM effective_assignments";
    assert_eq!(place.number(count).await, 2);
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    assert_eq!(place.number(count).await, 1);
    let left = format!("{count} WHERE role_id = '{REPORTS_READER}' AND until_ms > 0");
    assert_eq!(place.number(&left).await, 1);
    let ended =
        format!("UPDATE relationships SET ends_at_ms = {}", in_seconds(-1).as_millisecond());
    place.outside(&ended).await;
    assert_eq!(place.number(count).await, 0);
}
