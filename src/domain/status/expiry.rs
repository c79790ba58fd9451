//! When an end is near: 30, 7 and 1 days before it.
//!
//! Never: news of an end that was that near from the beginning.

use jiff::Timestamp;

use super::{
    condition::Told,
    earlier,
    reason::{ConditionType, Reason},
};
use crate::domain::duration::Duration;

/// The thresholds, the nearest first.
const THRESHOLDS: [(u16, Reason); 3] =
    [(1, Reason::Within1Day), (7, Reason::Within7Days), (30, Reason::Within30Days)];

/// What is to be told of an end, and when that would change.
pub(super) struct Expiry {
    pub told: Option<Told>,
    pub next_change: Option<Timestamp>,
}

impl Expiry {
    /// Nothing: there is no end in sight.
    pub fn none() -> Self {
        Self { told: None, next_change: None }
    }

    /// Of what began, as far as that is known, and ends at an instant that is still to come.
    pub fn of(what: &str, began: Option<Timestamp>, ends_at: Timestamp, now: Timestamp) -> Self {
        if ends_at <= now {
            return Self::none();
        }
        let mut expiry = Self { told: None, next_change: Some(ends_at) };
        for (days, reason) in THRESHOLDS {
            let Some(starts) = Duration::from_days(days).before(ends_at) else { continue };
            if began.is_some_and(|began| starts <= began) {
                continue;
            }
            if now < starts {
                expiry.next_change = earlier(expiry.next_change, Some(starts));
            } else if expiry.told.is_none() {
                let message = format!("{what} ends at {ends_at}");
                expiry.told = Some(Told::yes(ConditionType::ExpiringSoon, reason, message));
            }
        }
        expiry
    }
}
