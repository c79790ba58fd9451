//! Whether a ledger is whole: the first bad entry is named, and why it is bad.
//!
//! Never: more memory for a longer ledger, or a later fault named before the first.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
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
        let invalid = |expected| InvalidId { text: text.to_owned(), expected };
        let (sequence, hash) = match text.split_once(':') {
            Some((sequence, hash)) => {
                let sequence = sequence.parse::<i64>();
                let number = "the number of an entry, as in `42:HASH`";
                (Some(sequence.map_err(|_| invalid(number))?), hash.parse()?)
            }
            None => (None, text.parse()?),
        };
        // Every ledger goes on from nothing.
        if hash == Digest::ZERO || sequence.is_some_and(|sequence| sequence < 1) {
            return Err(invalid("the head of a ledger that has an entry: any goes on from none"));
        }
        Ok(Self { sequence, hash })
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
    /// Where the time first goes back, if it does: a clock was wrong, there or before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub went_back: Option<WentBack>,
}

/// An entry that says that it was written before an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WentBack {
    /// Its number.
    pub sequence: i64,
    /// The latest time of an entry before it.
    pub from: Timestamp,
    /// Its own time.
    pub to: Timestamp,
    /// How often that is so.
    pub times: u32,
}

impl fmt::Display for WentBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sequence, from, to, times } = self;
        write!(f, "entry {sequence}: the time goes back, from {from} to {to}")?;
        if *times > 1 {
            write!(f, ", and again {} times", times - 1)?;
        }
        Ok(())
    }
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
    latest: Option<Timestamp>,
    went_back: Option<WentBack>,
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
            latest: None,
            went_back: None,
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
            self.tell_time(entry);
            self.meet();
            return;
        };
        self.fault = Some(Fault { sequence: Some(sequence), reason });
    }

    fn tell_time(&mut self, entry: &Entry) {
        let (sequence, to) = (entry.sequence, entry.time);
        match self.latest {
            Some(from) if to < from => {
                let first = WentBack { sequence, from, to, times: 0 };
                self.went_back.get_or_insert(first).times += 1;
            }
            Some(_) | None => self.latest = Some(to),
        }
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
        let Self { head, read, fault, open, met, rewritten, latest: _, went_back } = self;
        let after = met.iter().map(|head| head.sequence).max();
        let fault = rewritten
            .or(fault)
            .or_else(|| stored.and_then(|stored| head_fault(head, stored)))
            .or_else(|| open.first().map(|expected| not_found(*expected, head, after)));
        let found = met
            .into_iter()
            .map(|met| FoundHead { head: met, followed_by: head.sequence - met.sequence })
            .collect();
        Verdict { whole_until: head, read, fault, found, went_back }
    }

    /// Compares the heads kept elsewhere with the entry just read.
    fn meet(&mut self) {
        let Self { head, open, met, rewritten, .. } = self;
        open.retain(|expected| {
            if expected.hash == head.hash {
                match expected.sequence.filter(|stated| *stated != head.sequence) {
                    None => met.push(*head),
                    Some(stated) => {
                        let reason = Reason::Misnumbered { expected: expected.hash, stated };
                        let sequence = Some(head.sequence);
                        rewritten.get_or_insert(Fault { sequence, reason });
                    }
                }
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
        let Self { whole_until, read: _, fault, found, went_back } = self;
        match fault {
            Some(fault) => writeln!(f, "{fault}")?,
            None => writeln!(f, "the ledger is whole")?,
        }
        match whole_until.sequence {
            0 => writeln!(f, "no entry is proven")?,
            last => writeln!(f, "entries 1 to {last} are a chain; head {}", whole_until.hash)?,
        }
        if let Some(went_back) = went_back {
            writeln!(f, "{went_back}: `--as-of` cannot tell what was so in between")?;
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
