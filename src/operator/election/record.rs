//! What stands in the Lease, and when it may be taken.
//!
//! Never: another machine's clock compared with this one's.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::ResourceExt;

use super::Trouble;
use crate::domain::entry::Head;

/// The annotation of a Lease with the epoch of whoever took it last.
pub const EPOCH: &str = "concordat.dev/epoch";
/// The annotation of a Lease with the time until which the leader has seen everything, in the store and in the cluster.
pub const OBSERVED_THROUGH: &str = "concordat.dev/observed-through";
/// The annotation of a Lease with the end of the ledger, as `SEQUENCE:HASH`.
pub const LEDGER_HEAD: &str = "concordat.dev/ledger-head";

/// What the leader lets everybody know with each renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// Everything that happened until then is accounted for; what was said last stays while there is work to do.
    pub observed_through: Option<Timestamp>,
    /// The end of the ledger.
    pub head: Head,
}

/// A Lease as it is, or is to be.
#[derive(Debug, Clone)]
pub(super) struct Record(pub Lease);

impl Record {
    /// One that is not there yet.
    pub fn new(name: &str) -> Self {
        let mut lease = Lease::default();
        lease.metadata.name = Some(name.to_owned());
        Self(lease)
    }

    pub fn holder(&self) -> Option<&str> {
        let holder = self.0.spec.as_ref()?.holder_identity.as_deref();
        holder.filter(|holder| !holder.is_empty())
    }

    /// 0 where nobody has taken it.
    pub fn epoch(&self) -> Result<i64, Trouble> {
        let epoch = self.annotation(EPOCH, |text| text.parse().ok().filter(|epoch| *epoch >= 0));
        Ok(epoch?.unwrap_or(0))
    }

    /// The published end of the ledger; that of an empty one where nothing was published.
    pub fn head(&self) -> Result<Head, Trouble> {
        let head = self.annotation(LEDGER_HEAD, |text| {
            let (sequence, hash) = text.split_once(':')?;
            Some(Head { sequence: sequence.parse().ok()?, hash: hash.parse().ok()? })
        });
        Ok(head?.unwrap_or(Head::empty()))
    }

    fn annotation<T>(
        &self,
        annotation: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Trouble> {
        let Some(text) = self.0.annotations().get(annotation) else { return Ok(None) };
        read(text).map(Some).ok_or(Trouble::Unreadable { annotation })
    }

    /// The same, taken by `identity`.
    pub fn taken(&self, identity: &str, lasts: Duration, epoch: i64) -> Self {
        let mut lease = self.0.clone();
        lease.annotations_mut().insert(EPOCH.to_owned(), epoch.to_string());
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() != Some(identity) {
            let transitions = spec.lease_transitions.unwrap_or(0);
            spec.lease_transitions = Some(transitions.saturating_add(1));
        }
        let now = Some(MicroTime(Timestamp::now()));
        spec.holder_identity = Some(identity.to_owned());
        spec.acquire_time.clone_from(&now);
        spec.renew_time = now;
        spec.lease_duration_seconds = Some(whole_seconds(lasts));
        Self(lease)
    }

    /// The same, for another while.
    pub fn renewed(&self, published: Option<Published>) -> Self {
        let mut lease = self.0.clone();
        if let Some(Published { observed_through, head }) = published {
            let annotations = lease.annotations_mut();
            if let Some(through) = observed_through {
                annotations.insert(OBSERVED_THROUGH.to_owned(), through.to_string());
            }
            let head = format!("{}:{}", head.sequence, head.hash);
            annotations.insert(LEDGER_HEAD.to_owned(), head);
        }
        let spec = lease.spec.get_or_insert_default();
        spec.renew_time = Some(MicroTime(Timestamp::now()));
        Self(lease)
    }

    /// The same, free for whoever comes next.
    pub fn released(&self, published: Option<Published>) -> Self {
        let Self(mut lease) = self.renewed(published);
        lease.spec.get_or_insert_default().holder_identity = None;
        Self(lease)
    }
}

/// Rounded up, since nobody may take it too early.
fn whole_seconds(duration: Duration) -> i32 {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

/// What a candidate has seen of the Lease, by its own clock.
#[derive(Debug, Default)]
pub(super) struct Watched {
    last: Option<(LeaseSpec, Instant)>,
}

impl Watched {
    /// Whether `identity` may take it: nobody has it, or it was its own, or its holder has not renewed it for as long
    /// as it lasts.
    pub fn may_take(&mut self, record: &Record, identity: &str, now: Instant) -> bool {
        let spec = record.0.spec.clone().unwrap_or_default();
        let lasts = u64::try_from(spec.lease_duration_seconds.unwrap_or(0)).unwrap_or(0);
        let since = match &self.last {
            Some((seen, since)) if *seen == spec => *since,
            Some(_) | None => {
                self.last = Some((spec, now));
                now
            }
        };
        let holder = record.holder();
        let lapsed = now.duration_since(since) >= Duration::from_secs(lasts);
        holder.is_none_or(|holder| holder == identity || lapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::digest::Digest;

    const LASTS: Duration = Duration::from_secs(15);

    fn taken() -> Record {
        Record::new("concordat").taken("ada", LASTS, 7)
    }

    #[test]
    fn a_lease_is_taken_only_when_its_holder_has_not_renewed_it_before_our_own_eyes() {
        let (start, mut record) = (Instant::now(), taken());
        // However long ago its holder says it was: only this machine's clock counts.
        let long_ago = "2020-01-01T00:00:00Z".parse().unwrap();
        record.0.spec.as_mut().unwrap().renew_time = Some(MicroTime(long_ago));
        let mut watched = Watched::default();
        let mut may = |record: &Record, after| {
            watched.may_take(record, "grace", start + Duration::from_secs(after))
        };
        assert!(!may(&record, 0));
        assert!(!may(&record, 14));
        let renewed = record.renewed(None);
        assert!(!may(&renewed, 14));
        assert!(!may(&renewed, 28));
        assert!(may(&renewed, 29));
    }

    #[test]
    fn a_lease_is_free_for_whoever_had_it_and_for_anybody_once_it_is_released() {
        let now = Instant::now();
        assert!(Watched::default().may_take(&Record::new("concordat"), "grace", now));
        assert!(Watched::default().may_take(&taken(), "ada", now));
        assert!(!Watched::default().may_take(&taken(), "grace", now));
        assert!(Watched::default().may_take(&taken().released(None), "grace", now));
    }

    #[test]
    fn what_is_published_is_read_again_and_outlives_the_holder() {
        let head = Head { sequence: 42, hash: Digest::of(&"entry") };
        let observed_through = Some("2026-11-21T14:00:00Z".parse().unwrap());
        let before = Published { observed_through, head: Head { sequence: 41, ..head } };
        let later = Published { observed_through: None, head };
        let record = taken().renewed(Some(before)).renewed(Some(later)).renewed(None);
        let record = record.released(None);
        let record = record.taken("grace", Duration::from_millis(1_500), 8);
        assert_eq!((record.head(), record.epoch()), (Ok(head), Ok(8)));
        assert_eq!(record.0.annotations()[OBSERVED_THROUGH], "2026-11-21T14:00:00Z");
        let spec = record.0.spec.unwrap();
        assert_eq!((spec.lease_transitions, spec.lease_duration_seconds), (Some(2), Some(2)));
    }

    #[test]
    fn an_annotation_that_cannot_be_read_is_named() {
        for (annotation, text) in
            [(EPOCH, "-1"), (EPOCH, "x"), (LEDGER_HEAD, "42"), (LEDGER_HEAD, "")]
        {
            let mut record = taken();
            record.0.annotations_mut().insert(annotation.to_owned(), text.to_owned());
            let read = record.epoch().and_then(|_| record.head());
            assert_eq!(read, Err(Trouble::Unreadable { annotation }), "{text}");
        }
    }
}
