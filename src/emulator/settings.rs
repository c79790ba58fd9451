//! What can be set while the emulator runs: how long things take, and what nobody has verified of the real service.
//!
//! Never: a setting that takes a rule of the documentation away.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// How long the service takes, in seconds of its own clock.
    pub delays: Delays,
    /// What nobody has verified.
    pub habits: Habits,
    /// How long a call takes, in milliseconds of the machine.
    pub latency: Latency,
    /// How far the `Date` header is off, in seconds.
    pub date_off: i64,
    /// Which clock the `Date` header shows.
    pub date: DateHeader,
    /// How many calls are kept with their bodies.
    pub recorded: Recorded,
}

/// How many calls are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Recorded(pub usize);

impl Default for Recorded {
    fn default() -> Self {
        Self(1000)
    }
}

/// Which clock `Date` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DateHeader {
    /// That of the service, which may be moved.
    #[default]
    Service,
    /// That of the machine.
    Machine,
}

/// How long the service takes for each step, in seconds of its own clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Delays {
    /// From POST until a relationship is `created`.
    pub created: u32,
    /// From POST until a request is `pending`.
    pub request_pending: u32,
    /// From then until a request of locking, approving or rejecting is done.
    pub request_done: u32,
    /// From `approved` until `activating`.
    pub activating: u32,
    /// From then until `active`.
    pub active: u32,
    /// From POST until an assignment is `active`.
    pub assignment: u32,
    /// From DELETE until an assignment is `deleted`.
    pub deletion: u32,
    /// From PATCH until an operation is `running`.
    pub operation_running: u32,
    /// From then until it is done.
    pub operation_done: u32,
    /// From `terminationRequested` until `terminating`.
    pub terminating: u32,
    /// From then until `terminated`.
    pub terminated: u32,
    /// From `expiring` until `expired`.
    pub expired: u32,
}

impl Default for Delays {
    fn default() -> Self {
        Self {
            created: 1,
            request_pending: 1,
            request_done: 2,
            activating: 10,
            active: 60,
            assignment: 30,
            deletion: 20,
            operation_running: 2,
            operation_done: 8,
            terminating: 10,
            terminated: 60,
            expired: 60,
        }
    }
}

/// What nobody has verified of the real service, each with the tolerant default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Habits {
    /// DELETE of an assignment that is `pending`.
    pub delete_pending: Taken,
    /// PATCH of an assignment that is `pending`.
    pub patch_pending: Refused,
    /// From how many roles on an assignment stays `pending` for ever.
    pub hangs_from: Option<usize>,
    /// How Global Administrator is removed.
    pub removal: Removal,
    /// Whether a relationship's etag moves with its assignments.
    pub etag_follows_assignments: bool,
    /// Whether a duration comes back as it was sent, such as `P2Y`.
    pub echo_duration: bool,
    /// How an extension that is off comes back.
    pub zero_extension: ZeroExtension,
    /// Whether groups that nobody has declared exist.
    pub any_group: bool,
}

/// How an extension that is off is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ZeroExtension {
    /// `PT0S`.
    #[default]
    Seconds,
    /// `P0D`.
    Days,
}

/// Whether the service takes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Taken {
    /// It does.
    #[default]
    Taken,
    /// It answers 400.
    Refused,
}

/// The same where it is refused unless it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Refused {
    /// It answers 400.
    #[default]
    Refused,
    /// It does.
    Taken,
}

/// What PATCH does that takes Global Administrator away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Removal {
    /// The body holds the other roles: 202, and an operation.
    #[default]
    WithoutIt,
    /// The body holds Global Administrator alone: 202, and an operation; any other is ignored.
    NamingIt,
    /// 202, and an operation that fails.
    Fails,
    /// 200, and it is gone at once.
    AtOnce,
}

/// How long a call takes, in milliseconds of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Latency {
    /// Each call.
    pub call: u64,
    /// Each request in a batch, besides.
    pub sub_request: u64,
}

impl Settings {
    /// The same with what `change` names changed, at any depth.
    ///
    /// # Errors
    /// What `change` names and is no setting, or not of that form.
    pub fn with(&self, change: &Value) -> Result<Self, String> {
        let mut all = serde_json::to_value(self).map_err(|error| error.to_string())?;
        overlay(&mut all, change);
        serde_json::from_value(all).map_err(|error| error.to_string())
    }
}

fn overlay(all: &mut Value, change: &Value) {
    match (all, change) {
        (Value::Object(all), Value::Object(change)) => {
            for (name, value) in change {
                overlay(all.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (all, change) => *all = change.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_named_changes_and_nothing_else() {
        let before = Settings::default();
        let change = json!({"delays": {"created": 9}, "habits": {"hangsFrom": 16}});
        let after = before.with(&change).unwrap();
        let mut expected = before.clone();
        expected.delays.created = 9;
        expected.habits.hangs_from = Some(16);
        assert_eq!(after, expected);
        assert_eq!(before.with(&json!({})).unwrap(), before);
    }

    #[test]
    fn what_is_no_setting_is_refused() {
        for change in [
            json!({"delay": {}}),
            json!({"delays": {"sometimes": 1}}),
            json!({"delays": {"created": -1}}),
            json!({"habits": {"removal": "never"}}),
            json!(7),
        ] {
            assert!(Settings::default().with(&change).is_err(), "{change}");
        }
    }
}
