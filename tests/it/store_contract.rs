//! What every store promises, on SQLite on disk and on a real PostgreSQL server.
//!
//! Never: a test that runs on one of them only, where both can do it.

use std::collections::{BTreeMap, BTreeSet};

use concordat::{
    api::AcceptanceDecision,
    domain::{
        change::{Change, Effect},
        ids::{HELPDESK_ADMINISTRATOR, TenantId},
        lifecycle::{EndReason, Lifecycle},
        limits::Admitted,
        state::{Assignment, Beside, Instance},
    },
    store::{Apart, Outcome, Read, Refusal, Scope, Write, sql::SqlWriter},
};

use crate::store_samples::*;

/// Each of these on both stores.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&super::Place::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&super::Place::postgres()).await;
            })*
        }
    };
}
pub(crate) use on_both;

/// Each of these on both stores, and on a server by a login with no more rights than `concordat_operator` has.
macro_rules! on_each {
    ($($name:ident)*) => {
        crate::store_contract::on_both! { $($name)* }
        mod least_rights {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&super::Place::with_least_rights().await).await;
            })*
        }
    };
}
pub(crate) use on_each;

on_each! {
    what_was_applied_is_observed_and_then_nothing_is_left_to_do
    only_what_is_in_scope_is_read
    what_an_instance_owns_beside_what_was_read_is_counted_and_read
    a_name_that_is_mended_is_stored_and_nothing_else
    a_change_made_twice_is_done_once
    a_late_write_is_refused_although_the_roles_are_the_same_again
    what_others_changed_without_a_version_is_seen
    a_row_of_another_owner_or_instance_is_not_written
    one_change_that_the_database_refuses_does_not_undo_the_others
    a_role_that_is_over_cannot_be_given_but_can_be_taken
    no_access_before_active_above_the_ceiling_or_beyond_the_end
    an_acceptance_counts_once_and_for_what_it_names
}

/// Applies without limits.
pub async fn outcomes(store: &mut SqlWriter, changes: Vec<Admitted>) -> Vec<Outcome> {
    store.apply(&changes, &BTreeMap::new(), &by("ada").into()).await.unwrap()
}

pub fn refused(outcome: &Outcome) -> &Refusal {
    match outcome {
        Outcome::Refused(refusal) => refusal,
        Outcome::Done | Outcome::Underway | Outcome::Unknown => panic!("{outcome:?}"),
    }
}

/// The change with another effect.
pub fn instead(change: &Change, effect: Effect) -> Change {
    Change { effect, ..change.clone() }
}

fn gives(change: &Change) -> bool {
    matches!(change.effect, Effect::SetRoles { .. })
}

async fn what_was_applied_is_observed_and_then_nothing_is_left_to_do(place: &Place) {
    let mut store = place.writer().await;
    let wish = accepted(relationship("acme", 1));
    let until = in_seconds(3_600);
    let wish = grant(wish, 1, &[HELPDESK_ADMINISTRATOR], Some(until));
    let wish = grant(wish, 2, &[HELPDESK_ADMINISTRATOR, REPORTS_READER], None);
    let desired = all([wish.clone(), relationship("waiting", 2)]);
    let changes = planned(&mut store, &desired).await;
    bring(&mut store, &desired).await;
    let observed = place.reader().await.observe(&Scope::All).await.unwrap();
    assert!(planned(&mut store, &desired).await.is_empty());

    let row = &observed.relationships[&key("acme")][0];
    assert_eq!((row.lifecycle.clone(), row.revision), (Lifecycle::Active, 2));
    assert_eq!((&row.invitation, row.digest), (&wish.invitation, wish.invitation.digest()));
    assert_eq!((&row.asked, &row.policies), (&wish.asked, &wish.policies));
    assert_eq!(row.customer_name, wish.customer.name);
    assert_eq!((row.ceiling.clone(), row.ended.clone()), (wish.invitation.roles.clone(), None));
    let days = wish.invitation.duration.unwrap();
    assert_eq!(row.ends_at, days.after(wish.answers[0].accepted_at));
    for Admitted { change, .. } in changes {
        if let Effect::SetRoles { grantee, after, .. } = change.effect {
            let held = &row.assignments[&grantee.id];
            assert_eq!((&held.grantee, held.version), (&grantee, 1));
            assert_eq!(held.state, after);
        }
    }
    assert_eq!(row.assignments.len(), 2);
    let waiting = &observed.relationships[&key("waiting")][0];
    assert_eq!((&waiting.lifecycle, waiting.ends_at), (&Lifecycle::ApprovalPending, None));
    let used = &observed.acceptances[&wish.answers[0].content];
    assert_eq!(used.used_for, Some(key("acme")));
    assert_eq!(used.accepted_at, wish.answers[0].accepted_at);
}

async fn only_what_is_in_scope_is_read(place: &Place) {
    let mut store = place.writer().await;
    let wishes = (1..=3).map(|number| {
        let wish = accepted(relationship(&format!("r{number}"), number));
        grant(wish, number, &[REPORTS_READER], None)
    });
    bring(&mut store, &all(wishes)).await;
    let keys = BTreeSet::from([key("r1"), key("none")]);
    let scope = |owned| Scope::Of {
        keys: keys.clone(),
        customers: BTreeSet::new(),
        owned,
        bounded: None,
        adopted: BTreeSet::new(),
    };
    let observed = store.observe(&scope(None)).await.unwrap();
    let names = |observed: &concordat::domain::state::Observed| {
        observed.relationships.keys().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(names(&observed), ["r1"]);
    assert_eq!(observed.relationships[&key("r1")][0].assignments.len(), 1);
    assert_eq!(observed.acceptances.len(), 1);

    let owned = |namespace: &str| Some((Instance::cli(), BTreeSet::from([namespace.into()])));
    assert_eq!(names(&store.observe(&scope(owned("msp"))).await.unwrap()), ["r1", "r2", "r3"]);
    assert_eq!(names(&store.observe(&scope(owned("other"))).await.unwrap()), ["r1"]);
    let customers = BTreeSet::from([TenantId::from_u128(3)]);
    let scope = Scope::Of {
        keys: BTreeSet::new(),
        customers,
        owned: None,
        bounded: None,
        adopted: BTreeSet::new(),
    };
    let observed = store.observe(&scope).await.unwrap();
    assert_eq!((observed.relationships.len(), observed.acceptances.len()), (0, 1));
}

async fn what_an_instance_owns_beside_what_was_read_is_counted_and_read(place: &Place) {
    let mut store = place.writer().await;
    let wishes = (1..=4).map(|number| {
        let wish = accepted(relationship(&format!("r{number}"), number));
        grant(wish, number, &[REPORTS_READER], None)
    });
    bring(&mut store, &all(wishes)).await;
    let observed = store.observe(&Scope::All).await.unwrap();
    let apart = Apart {
        instance: Instance::cli(),
        now: observed.now,
        read: 2,
        keys: BTreeSet::from([key("r1"), key("r2"), key("none")]),
        namespaces: BTreeSet::new(),
        near: BTreeSet::from(["msp".into()]),
    };
    let beside = store.beside(&apart).await.unwrap();
    assert_eq!(beside.owned, BTreeMap::from([("msp".into(), 2)]));
    let names: Vec<String> = beside.rows.iter().map(|row| row.key.to_string()).collect();
    assert_eq!(names, ["r3", "r4"]);
    assert_eq!(&beside.rows[0], &observed.relationships[&key("r3")][0]);
    let elsewhere =
        Apart { near: BTreeSet::new(), keys: BTreeSet::new(), read: 0, ..apart.clone() };
    let beside = store.beside(&elsewhere).await.unwrap();
    assert_eq!((beside.owned["msp"], beside.rows.len()), (4, 3), "of others a few are read");
    let nothing = Beside::default();
    let none_left = [
        Apart { read: 4, ..apart.clone() },
        Apart { namespaces: BTreeSet::from(["msp".into()]), ..apart.clone() },
        Apart { instance: Instance("another".into()), read: 0, ..apart.clone() },
        Apart { now: jiff::Timestamp::MAX, read: 0, ..apart },
    ];
    for apart in none_left {
        assert_eq!(store.beside(&apart).await.unwrap(), nothing, "{apart:?}");
    }
}

async fn a_name_that_is_mended_is_stored_and_nothing_else(place: &Place) {
    let mut store = place.writer().await;
    let mut wish = accepted(relationship("acme", 1));
    bring(&mut store, &only(wish.clone())).await;
    let before = store.observe(&Scope::All).await.unwrap();
    wish.customer.name = Some("Acme Europe".to_owned());
    let changes = planned(&mut store, &only(wish.clone())).await;
    assert!(matches!(&changes[..], [one] if matches!(one.change.effect, Effect::Rename { .. })));
    assert_eq!(outcomes(&mut store, changes).await, [Outcome::Done]);
    let after = store.observe(&Scope::All).await.unwrap();
    let (before, after) =
        (&before.relationships[&key("acme")][0], &after.relationships[&key("acme")][0]);
    assert_eq!(after.customer_name.as_deref(), Some("Acme Europe"));
    assert_eq!((after.revision, &after.digest), (before.revision + 1, &before.digest));
    assert!(planned(&mut store, &only(wish)).await.is_empty());
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
    without.absence = concordat::domain::state::Absence::Prune;
    let gone = bring(&mut store, &without).await;
    let held = &gone.relationships[&key("acme")][0].assignments[&group(1)];
    assert_eq!((held.version, &held.state), (2, &Assignment::default()));
    bring(&mut store, &only(with.clone())).await;
    let before = store.observe(&Scope::All).await.unwrap();
    assert_eq!(outcomes(&mut store, late).await, [Outcome::Refused(Refusal::Stale)]);
    let after = store.observe(&Scope::All).await.unwrap();
    assert_eq!(before.relationships, after.relationships);
    let count = store.head().await.unwrap().sequence;
    let last = store.entries(count - 1, 9).await.unwrap();
    assert_eq!(last.last().unwrap().kind, concordat::domain::entry::EntryKind::Refused);
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
    other.change.subject.owner.object = object("another");
    let outcome = outcomes(&mut store, vec![other]).await;
    assert_eq!(*refused(&outcome[0]), by_another);

    let operator = Instance("operator".into());
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
            other @ (Outcome::Refused(_) | Outcome::Underway | Outcome::Unknown) => {
                panic!("{other:?}");
            }
        }
    }
    let observed = store.observe(&Scope::All).await.unwrap();
    assert_eq!(observed.relationships[&key("acme")][0].assignments.len(), 4);
    chain_is_whole(&mut store, changes.len()).await;
}

async fn a_role_that_is_over_cannot_be_given_but_can_be_taken(place: &Place) {
    let mut store = place.writer().await;
    let base = accepted(relationship("acme", 1));
    let until = in_seconds(4);
    let brief = grant(base.clone(), 1, &[REPORTS_READER], Some(until));
    let changes = planned(&mut store, &only(brief.clone())).await;
    let (give, rest): (Vec<_>, Vec<_>) = changes.into_iter().partition(|it| gives(&it.change));
    outcomes(&mut store, rest).await;
    let late = give.clone();
    outcomes(&mut store, give).await;
    let early = grant(base, 2, &[REPORTS_READER], Some(until));
    let early = planned(&mut store, &only(early)).await;
    tokio::time::sleep(std::time::Duration::from_millis(4_100)).await;

    let outcome = outcomes(&mut store, early).await;
    assert!(matches!(refused(&outcome[0]), Refusal::AlreadyOver { until: at, .. } if *at == until));
    // It was given in time, and so it is no news that it is over.
    assert_eq!(outcomes(&mut store, late).await, [Outcome::Done]);
    let observed = bring(&mut store, &only(brief)).await;
    let held = &observed.relationships[&key("acme")][0].assignments[&group(1)];
    assert_eq!((held.version, held.state.roles.len()), (2, 0));
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
    let global = concordat::domain::ids::GLOBAL_ADMINISTRATOR;
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
