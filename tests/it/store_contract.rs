//! What every store promises, on SQLite on disk and on a real PostgreSQL server.
//!
//! Never: a test that runs on one of them only, where both can do it.

use std::collections::BTreeMap;

use concordat::{
    api::AcceptanceDecision,
    domain::{
        ids::HELPDESK_ADMINISTRATOR,
        lifecycle::{EndReason, Lifecycle},
        plan::Effect,
        state::Instance,
    },
    store::{Outcome, Read, Refusal, Scope, StoreError, Write},
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

on_both! {
    what_was_applied_is_observed_and_then_nothing_is_left_to_do
}

async fn what_was_applied_is_observed_and_then_nothing_is_left_to_do(place: &Place) {
    let mut store = place.writer().await;
    let wish = accepted(relationship("acme", 1));
    let wish = grant(wish, 1, &[HELPDESK_ADMINISTRATOR], Some(in_seconds(3_600)));
    let wish = grant(wish, 2, &[HELPDESK_ADMINISTRATOR, REPORTS_READER], None);
    let observed = bring(&mut store, &only(wish.clone())).await;
    assert!(planned(&mut store, &only(wish)).await.is_empty());
    let row = &observed.relationships[&key("acme")][0];
    assert_eq!(row.lifecycle, Lifecycle::Active);
    assert_eq!(row.assignments.len(), 2);
}
