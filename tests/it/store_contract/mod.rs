//! What every store promises, on SQLite on disk and on a real PostgreSQL server.
//!
//! Never: a test that runs on one of them only, where both can do it.

mod reads;
mod rules;
mod writes;

use std::collections::BTreeMap;

use concordat::{
    domain::{
        limits::Admitted,
        plan::{Change, Effect},
    },
    store::{Outcome, Refusal, Write, sql::SqlWriter},
};

use crate::store_samples::by;

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

/// Applies without limits.
async fn outcomes(store: &mut SqlWriter, changes: Vec<Admitted>) -> Vec<Outcome> {
    store.apply(&changes, &BTreeMap::new(), &by("ada")).await.unwrap()
}

fn refused(outcome: &Outcome) -> &Refusal {
    match outcome {
        Outcome::Refused(refusal) => refusal,
        Outcome::Done => panic!("it was done"),
    }
}

/// The change with another effect.
fn instead(change: &Change, effect: Effect) -> Change {
    Change { effect, ..change.clone() }
}
