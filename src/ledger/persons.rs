//! The side table of persons: whether each record is the one whose hash the chain holds.
//!
//! Never: an erased person taken for a fault.

use serde::Serialize;

use crate::domain::{
    digest::Digest,
    entry::PersonRecord,
    problem::{Code, Problem},
    state::Person,
};

/// A person's record is not the one that was recorded.
pub const PERSON_CHANGED: Code = Code(707);

/// What the side table of persons is like.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Persons {
    /// Records that are as they were recorded.
    pub present: u64,
    /// Records that were erased, which is fine.
    pub erased: u64,
    /// Records that are not as they were recorded, by the hash that the chain holds.
    pub changed: Vec<Digest>,
}

impl Persons {
    /// Takes the next row: the hash that the chain holds and, if it was not erased, salt and content.
    pub fn push(&mut self, hash: Digest, kept: Option<(&str, &str)>) {
        match kept {
            None => self.erased += 1,
            Some((salt, content)) if PersonRecord::hash_of(salt, content) == hash => {
                self.present += 1;
            }
            Some(_) => self.changed.push(hash),
        }
    }

    /// The person of a record, if it is the one that was recorded.
    pub fn known(hash: Digest, salt: &str, content: &str) -> Option<Person> {
        let same = PersonRecord::hash_of(salt, content) == hash;
        same.then(|| serde_json::from_str(content).ok()).flatten()
    }

    /// A problem for each changed record.
    pub fn problems(&self) -> Vec<Problem> {
        let problem = |hash| {
            let message = format!("the person recorded as {hash} was changed");
            Problem::error(PERSON_CHANGED, message)
                .help("restore the row from a backup, or erase it with `concordat ledger erase`")
        };
        self.changed.iter().map(problem).collect()
    }
}
