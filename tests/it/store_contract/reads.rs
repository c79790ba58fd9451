//! What is observed: all that was applied, no more than was asked for, and in the view what is in force.
//!
//! Never: a write that is refused.

use std::{collections::BTreeSet, time::Duration};

use concordat::{
    domain::{
        ids::{HELPDESK_ADMINISTRATOR, TenantId},
        lifecycle::Lifecycle,
        limits::Admitted,
        plan::Effect,
        state::{Instance, Observed},
    },
    store::{Read, Scope},
};

use super::on_both;
use crate::store_samples::*;

on_both! {
    what_was_applied_is_observed_and_then_nothing_is_left_to_do
    only_what_is_in_scope_is_read
    the_view_holds_what_is_in_force_now
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
    let scope = |owned| Scope::Of { keys: keys.clone(), customers: BTreeSet::new(), owned };
    let observed = store.observe(&scope(None)).await.unwrap();
    let names = |observed: &Observed| {
        observed.relationships.keys().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(names(&observed), ["r1"]);
    assert_eq!(observed.relationships[&key("r1")][0].assignments.len(), 1);
    assert_eq!(observed.acceptances.len(), 1);

    let owned = |namespace: &str| Some((Instance::cli(), BTreeSet::from([namespace.to_owned()])));
    assert_eq!(names(&store.observe(&scope(owned("msp"))).await.unwrap()), ["r1", "r2", "r3"]);
    assert_eq!(names(&store.observe(&scope(owned("other"))).await.unwrap()), ["r1"]);
    let customers = BTreeSet::from([TenantId::from_u128(3)]);
    let scope = Scope::Of { keys: BTreeSet::new(), customers, owned: None };
    let observed = store.observe(&scope).await.unwrap();
    assert_eq!((observed.relationships.len(), observed.acceptances.len()), (0, 1));
}

async fn the_view_holds_what_is_in_force_now(place: &Place) {
    let mut store = place.writer().await;
    let wish = grant(accepted(relationship("acme", 1)), 1, &[REPORTS_READER], None);
    let wish = grant(wish, 2, &[HELPDESK_ADMINISTRATOR], Some(in_seconds(2)));
    bring(&mut store, &only(wish)).await;
    let count = "SELECT count(*) FROM effective_assignments";
    assert_eq!(place.number(count).await, 2);
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert_eq!(place.number(count).await, 1);
    let left = format!("{count} WHERE role_id = '{REPORTS_READER}' AND until_ms > 0");
    assert_eq!(place.number(&left).await, 1);
    let ended =
        format!("UPDATE relationships SET ends_at_ms = {}", in_seconds(-1).as_millisecond());
    place.outside(&ended).await;
    assert_eq!(place.number(count).await, 0);
}
