//! Whether a ledger is whole: the first bad entry is named, and why it is bad.
//!
//! Never: more memory for a longer ledger, or a later fault named before the first.

use std::{fmt, str::FromStr};

use serde::Serialize;

use crate::domain::{
    digest::Digest,
    entry::{Entry, Head, PersonRecord},
    ids::InvalidId,
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
/// A person's record is not the one that was recorded.
pub const PERSON_CHANGED: Code = Code(707);
/// An entry cannot be read.
pub const ENTRY_UNREADABLE: Code = Code(708);

/// A head that was kept elsewhere: `HASH`, or `SEQUENCE:HASH`, with which more can be said where it is not found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Expected {
    /// The number of the entry, where it is known.
    pub sequence: Option<i64>,
    /// Its hash.
    pub hash: Digest,
}

impl FromStr for Expected {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let Some((sequence, hash)) = text.split_once(':') else {
            return Ok(Self { sequence: None, hash: text.parse()? });
        };
        let expected = "the number of an entry, as in `42:HASH`";
        let sequence = sequence.parse().map_err(|_| InvalidId { text: text.to_owned(), expected });
        Ok(Self { sequence: Some(sequence?), hash: hash.parse()? })
    }
}

impl From<Head> for Expected {
    fn from(head: Head) -> Self {
        Self { sequence: Some(head.sequence), hash: head.hash }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sequence {
            Some(sequence) => write!(f, "{sequence}:{}", self.hash),
            None => write!(f, "{}", self.hash),
        }
    }
}

/// What verification found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The last entry up to which the chain is whole.
    pub whole_until: Head,
    /// How many entries were read.
    pub read: i64,
    /// The first bad entry; absent if there is none.
    pub fault: Option<Fault>,
    /// Heads kept elsewhere that were found.
    pub found: Vec<FoundHead>,
}

/// A head kept elsewhere that is in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FoundHead {
    /// The head.
    pub head: Head,
    /// How many entries follow it.
    pub followed_by: i64,
}

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
    /// A head kept elsewhere names this entry with another hash: it, or what is before it, was written anew.
    Rewritten {
        /// The hash that was kept.
        expected: Digest,
        /// The hash that is there now.
        actual: Digest,
    },
}

/// Reads a ledger entry by entry, in the order of the store or file.
#[derive(Debug, Clone)]
pub struct Verifier {
    head: Head,
    read: i64,
    fault: Option<Fault>,
    open: Vec<Expected>,
    met: Vec<Head>,
    rewritten: Option<Fault>,
}

impl Verifier {
    /// A verifier that also looks for these heads, which were kept elsewhere.
    pub fn new(expected: impl IntoIterator<Item = Expected>) -> Self {
        let mut verifier = Self {
            head: Head::empty(),
            read: 0,
            fault: None,
            open: expected.into_iter().collect(),
            met: Vec::new(),
            rewritten: None,
        };
        verifier.meet();
        verifier
    }

    /// Takes the next entry.
    pub fn push(&mut self, entry: &Entry) {
        self.read += 1;
        if let Some(fault) = &mut self.fault {
            fault.turns_up(entry.sequence);
            return;
        }
        let expected = self.head.sequence + 1;
        let computed = entry.computed_hash();
        let (sequence, reason) = if entry.sequence > expected {
            (expected, Reason::Missing { instead: entry.sequence })
        } else if entry.sequence < expected {
            (entry.sequence, Reason::Repeated)
        } else if entry.hash != computed {
            (expected, Reason::Changed { stated: entry.hash, computed })
        } else if entry.previous != self.head.hash {
            let (named, actual) = (entry.previous, self.head.hash);
            (expected, Reason::DoesNotFollow { named, actual })
        } else {
            self.head = entry.head();
            self.meet();
            return;
        };
        self.fault = Some(Fault { sequence: Some(sequence), reason });
    }

    /// Takes note that the next entry cannot be read.
    pub fn push_unreadable(&mut self, why: impl Into<String>) {
        self.read += 1;
        if self.fault.is_none() {
            let reason = Reason::Unreadable { why: why.into() };
            self.fault = Some(Fault { sequence: Some(self.head.sequence + 1), reason });
        }
    }

    /// The verdict. `stored` is the head as the store keeps it; a file has none.
    pub fn finish(self, stored: Option<Head>) -> Verdict {
        let Self { head, read, fault, open, met, rewritten } = self;
        let after = met.iter().map(|head| head.sequence).max();
        let fault = rewritten
            .or(fault)
            .or_else(|| stored.and_then(|stored| head_fault(head, stored)))
            .or_else(|| open.first().map(|expected| not_found(*expected, head, after)));
        let found = met
            .into_iter()
            .map(|met| FoundHead { head: met, followed_by: head.sequence - met.sequence })
            .collect();
        Verdict { whole_until: head, read, fault, found }
    }

    /// Compares the heads kept elsewhere with the entry just read.
    fn meet(&mut self) {
        let Self { head, open, met, rewritten, .. } = self;
        open.retain(|expected| {
            if expected.hash == head.hash {
                met.push(*head);
                return false;
            }
            if expected.sequence == Some(head.sequence) {
                let reason = Reason::Rewritten { expected: expected.hash, actual: head.hash };
                rewritten.get_or_insert(Fault { sequence: expected.sequence, reason });
                return false;
            }
            true
        });
    }
}

/// Reads a whole ledger at once.
pub fn verify<'a>(
    entries: impl IntoIterator<Item = &'a Entry>,
    stored: Option<Head>,
    expected: impl IntoIterator<Item = Expected>,
) -> Verdict {
    let mut verifier = Verifier::new(expected);
    entries.into_iter().for_each(|entry| verifier.push(entry));
    verifier.finish(stored)
}

/// How the store's own head disagrees with the last entry.
fn head_fault(last: Head, stored: Head) -> Option<Fault> {
    let (sequence, reason) = if stored.sequence > last.sequence {
        let reason = Reason::TailCut { last: last.sequence, stated: stored.sequence };
        (last.sequence + 1, reason)
    } else if stored.sequence < last.sequence {
        (stored.sequence + 1, Reason::BeyondHead { stated: stored.sequence })
    } else if stored.hash != last.hash {
        let reason = Reason::HeadDiffers { stated: stored.hash, actual: last.hash };
        (last.sequence, reason)
    } else {
        return None;
    };
    Some(Fault { sequence: Some(sequence), reason })
}

fn not_found(expected: Expected, last: Head, after: Option<i64>) -> Fault {
    let cut = expected.sequence.filter(|sequence| *sequence > last.sequence);
    let reason = Reason::HeadNotFound { expected: expected.hash, last: last.sequence, after };
    Fault { sequence: cut.map(|_| last.sequence + 1), reason }
}

impl Fault {
    /// Takes note that an entry that seemed to be missing comes later.
    fn turns_up(&mut self, sequence: i64) {
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
            Reason::HeadNotFound { .. } | Reason::Rewritten { .. } => HEAD_NOT_FOUND,
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
            Reason::Rewritten { expected, actual } => write!(
                f,
                "it, or an entry before it, was written anew: its hash is {actual}, and {expected} was kept elsewhere"
            ),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { whole_until, read: _, fault, found } = self;
        match fault {
            Some(fault) => writeln!(f, "{fault}")?,
            None => writeln!(f, "the ledger is whole")?,
        }
        match whole_until.sequence {
            0 => writeln!(f, "no entry is proven")?,
            last => writeln!(f, "entries 1 to {last} are a chain; head {}", whole_until.hash)?,
        }
        for FoundHead { head, followed_by } in found {
            let (sequence, hash) = (head.sequence, head.hash);
            writeln!(f, "the head {hash} is entry {sequence}; {followed_by} follow it")?;
        }
        Ok(())
    }
}

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
