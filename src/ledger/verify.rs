//! Whether a ledger is whole: the first bad entry is named, and why it is bad.
//!
//! Never: more memory for a longer ledger, or a later fault named before the first.

use std::{fmt, str::FromStr};

use serde::Serialize;

use super::fault::{Fault, Reason};
use crate::domain::{
    digest::Digest,
    entry::{Entry, Head},
    ids::InvalidId,
};

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
    for entry in entries {
        verifier.push(entry);
    }
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

#[cfg(test)]
mod tests;
