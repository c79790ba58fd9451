//! Writes that meet others: the same once more, one that came late, another owner, and what the database refuses.
//!
//! Never: a write on top of something that its planner did not see.

use concordat::{
    api::UnmanagedAssignments,
    domain::{
        entry::EntryKind,
        ids::HELPDESK_ADMINISTRATOR,
        plan::Effect,
        state::{Absence, Assignment, Instance, Uid},
    },
    store::{Outcome, Read, Refusal, Scope},
};

use super::{on_both, outcomes, refused};
use crate::store_samples::*;

on_both! {
    a_change_made_twice_is_done_once
    a_late_write_is_refused_although_the_roles_are_the_same_again
    what_others_changed_without_a_version_is_seen
    a_row_of_another_owner_or_instance_is_not_written
    another_object_claims_a_row_and_the_old_one_loses_it
    one_change_that_the_database_refuses_does_not_undo_the_others
}

async fn a_change_made_twice_is_done_once(place: &Place) {
    let mut store = place.writer().await;
    let wish = grant(accepted(relationship("acme", 1)), 1, &[REPORTS_READER], None);
    let mut changes = planned(&mut store, &only(wish)).await;
    changes.extend(changes.clone());
    assert!(outcomes(&mut store, changes.clone()).await.iter().all(|it| *it == Outcome::Done));
    let entries = store.head().await.unwrap().sequence;
    assert_eq!(entries, 3);
    // The answer was lost with the connection; somebody tries again.
    drop(store);
    let mut store = place.writer().await;
    assert!(outcomes(&mut store, changes).await.iter().all(|it| *it == Outcome::Done));
    assert_eq!(store.head().await.unwrap().sequence, entries);
}

async fn a_late_write_is_refused_although_the_roles_are_the_same_again(place: &Place) {
    let mut store = place.writer().await;
    let base = accepted(relationship("acme", 1));
    let with = grant(base.clone(), 1, &[REPORTS_READER], None);
    bring(&mut store, &only(with.clone())).await;
    let late = grant(base.clone(), 1, &[REPORTS_READER, HELPDESK_ADMINISTRATOR], None);
    let late = planned(&mut store, &only(late)).await;
    assert_eq!(late.len(), 1);

    let mut without = only(base);
    without.absence = Absence::Prune;
    let gone = bring(&mut store, &without).await;
    let held = &gone.relationships[&key("acme")][0].assignments[&group(1)];
    assert_eq!((held.version, &held.state), (2, &Assignment::default()));
    bring(&mut store, &only(with.clone())).await;
    let before = store.observe(&Scope::All).await.unwrap();
    assert_eq!(outcomes(&mut store, late).await, [Outcome::Refused(Refusal::Stale)]);
    let after = store.observe(&Scope::All).await.unwrap();
    assert_eq!(before.relationships, after.relationships);
    let newest = store.head().await.unwrap().sequence;
    let last = store.entries(newest - 1, 9).await.unwrap();
    assert_eq!(last.last().unwrap().kind, EntryKind::Refused);
}

async fn what_others_changed_without_a_version_is_seen(place: &Place) {
    let mut store = place.writer().await;
    let base = accepted(relationship("acme", 1));
    let both = grant(base.clone(), 1, &[REPORTS_READER, HELPDESK_ADMINISTRATOR], None);
    bring(&mut store, &only(both)).await;
    let less = grant(base, 1, &[REPORTS_READER], None);
    let changes = planned(&mut store, &only(less.clone())).await;
    let removed = format!("DELETE FROM assignment_roles WHERE role_id = '{REPORTS_READER}'");
    assert_eq!(place.outside(&removed).await, 1);
    assert_eq!(outcomes(&mut store, changes).await, [Outcome::Refused(Refusal::Stale)]);
    // What was removed outside stays away (L12), and the rest is taken.
    let observed = bring(&mut store, &only(less)).await;
    let held = &observed.relationships[&key("acme")][0].assignments[&group(1)].state;
    assert!(held.roles.is_empty());
    assert_eq!(held.recorded.keys().collect::<Vec<_>>(), [&REPORTS_READER]);
}

async fn a_row_of_another_owner_or_instance_is_not_written(place: &Place) {
    let mut store = place.writer().await;
    let wish = grant(accepted(relationship("acme", 1)), 1, &[REPORTS_READER], None);
    let fresh = planned(&mut store, &only(wish.clone())).await;
    bring(&mut store, &only(relationship("acme", 1))).await;
    let owner = "cli/msp/acme".to_owned();
    let by_another = Refusal::OwnedByAnother { owner: owner.clone() };

    let mut other = fresh[0].clone();
    "other".clone_into(&mut other.change.subject.owner.object.namespace);
    let outcome = outcomes(&mut store, vec![other]).await;
    assert_eq!(*refused(&outcome[0]), by_another);

    let operator = Instance("operator".to_owned());
    let mut elsewhere = place.writer_of(&operator).await;
    let observed = elsewhere.observe(&Scope::All).await.unwrap();
    let mut changes = changes(&only(wish), &observed, &Instance::cli());
    let outcome = outcomes(&mut elsewhere, free(changes.clone())).await;
    assert_eq!(*refused(&outcome[0]), by_another);
    for change in &mut changes {
        change.subject.owner.instance = operator.clone();
    }
    let outcome = outcomes(&mut elsewhere, free(changes)).await;
    assert!(outcome.iter().all(|outcome| *refused(outcome) == by_another), "{outcome:?}");
}

async fn another_object_claims_a_row_and_the_old_one_loses_it(place: &Place) {
    let mut store = place.writer().await;
    let first = relationship("acme", 1);
    bring(&mut store, &only(first.clone())).await;
    let mut again = first.clone();
    again.uid = Uid("new".to_owned());
    let old = {
        let mut old = first.clone();
        old.policies.unmanaged = UnmanagedAssignments::Revoke;
        planned(&mut store, &only(old)).await
    };
    let observed = bring(&mut store, &only(again)).await;
    let row = &observed.relationships[&key("acme")][0];
    assert_eq!((&row.uid, row.revision), (&Uid("new".to_owned()), 2));
    assert_eq!(outcomes(&mut store, old).await, [Outcome::Refused(Refusal::Stale)]);

    let mut heir = first;
    heir.object = object("heir");
    heir.uid = Uid("heir".to_owned());
    heir.adopt_from = Some("cli/msp/acme".to_owned());
    let observed = bring(&mut store, &only(heir)).await;
    let owner = &observed.relationships[&key("acme")][0].owner;
    assert_eq!(owner.to_string(), "cli/msp/heir");
}

async fn one_change_that_the_database_refuses_does_not_undo_the_others(place: &Place) {
    let mut store = place.writer().await;
    let wish = (1..=5).fold(accepted(relationship("acme", 1)), |wish, number| {
        grant(wish, number, &[REPORTS_READER], None)
    });
    let bad = group(3);
    place
        .outside(&match place {
            Place::Sqlite(_) => format!(
                "CREATE TRIGGER forbidden BEFORE INSERT ON assignment_roles \
                 WHEN new.grantee_id = '{bad}' BEGIN SELECT RAISE(ABORT, 'not this one'); END"
            ),
            Place::Postgres(_) => format!(
                "ALTER TABLE assignment_roles ADD CONSTRAINT not_this_one CHECK (grantee_id <> '{bad}')"
            ),
        })
        .await;
    let changes = planned(&mut store, &only(wish)).await;
    let outcome = outcomes(&mut store, changes.clone()).await;
    for (admitted, outcome) in changes.iter().zip(&outcome) {
        let is_bad = matches!(&admitted.change.effect, Effect::SetRoles { grantee, .. } if grantee.id == bad);
        match outcome {
            Outcome::Done => assert!(!is_bad),
            Outcome::Refused(Refusal::Constraint(why)) => {
                assert!(is_bad && why.contains("not"), "{why}");
            }
            Outcome::Refused(other) => panic!("{other}"),
        }
    }
    let observed = store.observe(&Scope::All).await.unwrap();
    assert_eq!(observed.relationships[&key("acme")][0].assignments.len(), 4);
    chain_is_whole(&mut store, changes.len()).await;
}
