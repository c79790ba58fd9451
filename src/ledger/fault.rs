//! What can be wrong with an entry, and how it is told.
//!
//! Never: a fault without the number of the entry, where anything says it.

use std::fmt;

use serde::Serialize;

use crate::domain::{
    digest::Digest,
    problem::{Code, Problem},
};

/// An entry does not say what its hash says.
pub const ENTRY_CHANGED: Code = Code(701);
/// An entry is not where it should be.
pub const ENTRY_MISSING: Code = Code(702);
/// A number stands twice.
pub const ENTRY_REPEATED: Code = Code(703);
/// An entry does not follow from the one before.
pub const CHAIN_BROKEN: Code = Code(704);
/// The ledger does not end where its store says.
pub const HEAD_DIFFERS: Code = Code(705);
/// A head that was kept elsewhere is not in the ledger.
pub const HEAD_NOT_FOUND: Code = Code(706);
/// A row is not what the ledger says.
pub const ROW_UNEXPLAINED: Code = Code(710);
/// An entry cannot be read.
pub const ENTRY_UNREADABLE: Code = Code(708);

/// The first bad entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// Its number; absent where only a hash is known.
    pub sequence: Option<i64>,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Reason {
    /// Its content does not give its hash.
    Changed {
        /// The hash that it carries.
        stated: Digest,
        /// The hash that its content gives.
        computed: Digest,
    },
    /// It is not there.
    Missing {
        /// The number of the entry that stands in its place.
        instead: i64,
    },
    /// It comes after an entry that should follow it.
    Reordered {
        /// The number of the entry that stands in its place.
        instead: i64,
    },
    /// Its number stands twice.
    Repeated,
    /// It does not name the entry before as its predecessor: it was put there, or what is before it was replaced.
    DoesNotFollow {
        /// The hash that it names.
        named: Digest,
        /// The hash of the entry before.
        actual: Digest,
    },
    /// It cannot be read.
    Unreadable {
        /// Why.
        why: String,
    },
    /// The ledger ends before it, and the store's own head says that it is there.
    TailCut {
        /// The last entry of the ledger.
        last: i64,
        /// The last entry by the store's own head.
        stated: i64,
    },
    /// The store's own head does not know it.
    BeyondHead {
        /// The last entry by the store's own head.
        stated: i64,
    },
    /// The store's own head has another hash for it.
    HeadDiffers {
        /// The hash by the store's own head.
        stated: Digest,
        /// The hash of the entry.
        actual: Digest,
    },
    /// A head kept elsewhere is not in the ledger: its tail was cut, or it was written anew.
    HeadNotFound {
        /// The head.
        expected: Digest,
        /// The last entry of the ledger.
        last: i64,
        /// The last head kept elsewhere that was found: whatever was done was done after it.
        after: Option<i64>,
    },
    /// A head kept elsewhere names another number than that of the entry with its hash: one of the two was copied wrongly.
    Misnumbered {
        /// The hash that was kept.
        expected: Digest,
        /// The number that was kept with it.
        stated: i64,
    },
    /// A head kept elsewhere names this entry with another hash: it, or what is before it, was written anew.
    Rewritten {
        /// The hash that was kept.
        expected: Digest,
        /// The hash that is there now.
        actual: Digest,
    },
}

impl Fault {
    /// Takes note that an entry that seemed to be missing comes later.
    pub(super) fn turns_up(&mut self, sequence: i64) {
        if let Reason::Missing { instead } = self.reason
            && self.sequence == Some(sequence)
        {
            self.reason = Reason::Reordered { instead };
        }
    }

    /// The code of its page.
    pub fn code(&self) -> Code {
        match self.reason {
            Reason::Changed { .. } => ENTRY_CHANGED,
            Reason::Missing { .. } | Reason::Reordered { .. } => ENTRY_MISSING,
            Reason::Repeated => ENTRY_REPEATED,
            Reason::DoesNotFollow { .. } => CHAIN_BROKEN,
            Reason::Unreadable { .. } => ENTRY_UNREADABLE,
            Reason::TailCut { .. } | Reason::BeyondHead { .. } | Reason::HeadDiffers { .. } => {
                HEAD_DIFFERS
            }
            Reason::HeadNotFound { .. } | Reason::Misnumbered { .. } | Reason::Rewritten { .. } => {
                HEAD_NOT_FOUND
            }
        }
    }

    /// The same as a problem with a way out.
    pub fn problem(&self) -> Problem {
        let help =
            "compare with an export or a backup; what follows the first bad entry proves nothing";
        Problem::error(self.code(), self.to_string()).help(help)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(sequence) = self.sequence {
            write!(f, "entry {sequence}: ")?;
        }
        match &self.reason {
            Reason::Changed { stated, computed } => {
                write!(
                    f,
                    "it was changed: its content gives the hash {computed}, and it says {stated}"
                )
            }
            Reason::Missing { instead } => {
                write!(f, "it is missing: entry {instead} stands in its place")
            }
            Reason::Reordered { instead } => {
                write!(f, "it is out of order: entry {instead} stands in its place")
            }
            Reason::Repeated => {
                f.write_str("its number stands twice: one of the two was put there")
            }
            Reason::DoesNotFollow { named, actual } => write!(
                f,
                "it does not follow from the entry before: it names {named}, and that one is {actual}"
            ),
            Reason::Unreadable { why } => write!(f, "it cannot be read: {why}"),
            Reason::TailCut { last, stated } => write!(
                f,
                "it is missing: the ledger ends with entry {last}, and the store's head says {stated}"
            ),
            Reason::BeyondHead { stated } => {
                write!(f, "it was put there: the store's head says that entry {stated} is the last")
            }
            Reason::HeadDiffers { stated, actual } => {
                write!(f, "its hash is {actual}, and the store's head says {stated}")
            }
            Reason::HeadNotFound { expected, last, after } => {
                write!(
                    f,
                    "no entry has the hash {expected} that was kept elsewhere: the tail was cut"
                )?;
                write!(f, " or entries were written anew")?;
                match after {
                    Some(after) => write!(f, " after entry {after}")?,
                    None => f.write_str(", nobody can say from where on")?,
                }
                write!(f, "; the ledger ends with entry {last}")
            }
            Reason::Misnumbered { expected, stated } => write!(
                f,
                "it has the hash {expected}, which was kept as that of entry {stated}: one of the two was copied wrongly"
            ),
            Reason::Rewritten { expected, actual } => write!(
                f,
                "it, or an entry before it, was written anew: its hash is {actual}, and {expected} was kept elsewhere"
            ),
        }
    }
}
