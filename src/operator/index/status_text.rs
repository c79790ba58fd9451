//! The status of an object as its text, which is a third of what it takes as values: there is one for every object.
//!
//! Never: a text from anywhere but our own view of a status, so that the same status is the same text.

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

/// A status of whichever kind, as JSON.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct StatusText(Arc<RawValue>);

impl PartialEq for StatusText {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl StatusText {
    /// The text of a status.
    ///
    /// # Panics
    /// If a status could not be JSON; they all can.
    pub fn of(status: &impl Serialize) -> Self {
        let text = serde_json::value::to_raw_value(status).expect("every status can be JSON");
        Self(text.into())
    }

    /// What it says, to whoever knows of which kind it is; nothing to anybody else.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.0.get()).ok()
    }
}
