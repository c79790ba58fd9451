//! Approvals that persons wrote on objects: the annotation `concordat.dev/approve` with the hash of a batch.
//!
//! Never: an approval by a robot that is not named for it, by somebody who asked for the batch, or by nobody known; nor
//! one that counts in another namespace than the one whose right to approve it was written with.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;

use super::{
    Deletions, Settings,
    actors::{actor, askers, is_robot, unstamped_deletion},
};
use crate::{
    domain::{
        change::Change,
        digest::Digest,
        entry::Actor,
        ids::{Kind, ObjectKey},
        state::{ObjectName, Uid},
    },
    operator::{
        admission::deletion::as_line,
        index::{ACTS_FOR, APPROVE, APPROVED_BY, Affected, Index, Indexed, key},
    },
};

/// An approval as it stands on an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// Where.
    pub object: ObjectKey,
    /// The very object.
    pub uid: Uid,
    /// What was written, a hash if it is right.
    pub text: String,
    /// Who wrote it, as the API server knows.
    pub by: Option<String>,
    /// The namespaces of whose service accounts that is no other than they, as the API server knows.
    pub acts_for: String,
}

/// Why an approval does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotApproved {
    /// It is no hash.
    #[error(
        "`{0}` is not the hash of a batch: copy all 64 digits from the condition `PlanBlocked`"
    )]
    NotAHash(String),
    /// Nobody knows who wrote it.
    #[error("nobody stamped who approved it: are the admission policies of the chart installed?")]
    Unstamped,
    /// A program wrote it.
    #[error("`{0}` is a robot: a person must approve it")]
    Robot(String),
    /// It approves what its own author asked for.
    #[error("`{0}` asked for some of it: somebody else must approve it")]
    OwnRequest(String),
    /// It approves what its own author may have asked for as a robot.
    #[error(
        "`{by}` may act as `{robot}`, which asked for some of it: somebody else must approve it"
    )]
    OwnRobot {
        /// Who wrote it.
        by: String,
        /// The robot.
        robot: String,
    },
    /// Nobody knows who deleted what it is about, and it may have been its author.
    #[error(
        "nobody stamped who deleted {0}: delete it once more while the operator's webhook is registered and running, \
         then approve"
    )]
    DeletedByNobody(ObjectKey),
    /// Nothing waits for it.
    #[error("nothing waits for `{0}`")]
    NothingWaits(String),
    /// What waits for it is not where its author may approve.
    #[error(
        "nothing of `{hash}` is in namespace `{namespace}`, and an approval counts in its own namespace only: approve \
         it on an object that `PlanBlocked` stands on"
    )]
    Elsewhere {
        /// The first digits of the hash.
        hash: String,
        /// Where it was written.
        namespace: EcoString,
    },
}

/// A batch that waits, as far as a round sees it.
#[derive(Debug, Default)]
pub struct Waiting<'a> {
    /// Its changes.
    pub changes: Vec<&'a Change>,
    /// Whoever asked for any of it, also of what this round does not see.
    pub asked: BTreeSet<&'a str>,
}

/// The approvals that count: who approves a batch, for each namespace.
pub type Counted = BTreeMap<Digest, BTreeMap<EcoString, Actor>>;

/// What was read of approvals before, so that each is told of once although it stands there until the operator has taken
/// it off.
#[derive(Debug, Default)]
pub struct Read(BTreeMap<ObjectKey, Written>);

impl Read {
    /// Whether this very approval was read before.
    pub fn knows(&self, approval: &Written) -> bool {
        self.0.get(&approval.object) == Some(approval)
    }

    /// What stands on the objects of a concern by now.
    pub fn learn(&mut self, concern: &Affected, written: &[Written]) {
        let relationships =
            concern.relationships.iter().map(|name| key(Kind::PartnerRelationship, name));
        let grants = concern.grants.iter().map(|name| key(Kind::RoleGrant, name));
        if !self.0.is_empty() {
            for object in relationships.chain(grants) {
                self.0.remove(&object);
            }
        }
        self.0.extend(written.iter().map(|approval| (approval.object.clone(), approval.clone())));
    }
}

/// The approvals on the objects of a concern.
pub fn written(concern: &Affected, index: &Index) -> Vec<Written> {
    let tables = index.tables();
    let relationships = concern
        .relationships
        .iter()
        .filter_map(|name| found(Kind::PartnerRelationship, name, tables.relationships.get(name)?));
    let grants = concern
        .grants
        .iter()
        .filter_map(|name| found(Kind::RoleGrant, name, tables.grants.get(name)?));
    relationships.chain(grants).collect()
}

fn found<S>(kind: Kind, name: &ObjectName, seen: &Indexed<S>) -> Option<Written> {
    Some(Written {
        object: key(kind, name),
        uid: seen.object.uid.clone(),
        text: seen.annotation(APPROVE)?.to_owned(),
        by: seen.annotation(APPROVED_BY).map(str::to_owned),
        acts_for: seen.annotation(ACTS_FOR).unwrap_or_default().to_owned(),
    })
}

/// The approvals that count, each with its author and its namespace, and those that do not, each with the reason.
pub fn judged(
    written: &[Written],
    waiting: &BTreeMap<Digest, Waiting<'_>>,
    settings: &Settings,
    index: &Index,
) -> (Counted, Vec<(Written, NotApproved)>) {
    let mut counted = Counted::new();
    let mut refused = Vec::new();
    for approval in written {
        match judge(approval, waiting, settings, index) {
            Ok((hash, by)) => {
                let namespace = approval.object.namespace.clone();
                counted.entry(hash).or_default().insert(namespace, by);
            }
            Err(why) => refused.push((approval.clone(), why)),
        }
    }
    (counted, refused)
}

fn judge(
    approval: &Written,
    waiting: &BTreeMap<Digest, Waiting<'_>>,
    settings: &Settings,
    index: &Index,
) -> Result<(Digest, Actor), NotApproved> {
    let hash: Digest =
        approval.text.parse().map_err(|_| NotApproved::NotAHash(approval.text.clone()))?;
    let waits = waiting.get(&hash).ok_or_else(|| NotApproved::NothingWaits(hash.short()))?;
    let by = approval.by.as_deref().ok_or(NotApproved::Unstamped)?;
    if is_robot(by) && !settings.robots.contains(by) {
        return Err(NotApproved::Robot(by.to_owned()));
    }
    let namespace = &approval.object.namespace;
    if waits.changes.iter().all(|change| change.subject.owner.object.namespace != *namespace) {
        let (hash, namespace) = (hash.short(), namespace.clone());
        return Err(NotApproved::Elsewhere { hash, namespace });
    }
    if waits.asked.contains(as_line(by).as_str())
        || waits.changes.iter().any(|change| askers(change, index).contains(by))
    {
        return Err(NotApproved::OwnRequest(by.to_owned()));
    }
    let known = waits.changes.iter().flat_map(|change| askers(change, index));
    let mut asked = waits.asked.iter().map(|name| (*name).to_owned()).chain(known);
    if let Some(robot) = asked.find(|name| is_own_robot(name, &approval.acts_for)) {
        return Err(NotApproved::OwnRobot { by: by.to_owned(), robot });
    }
    let mut unstamped = waits.changes.iter().filter_map(|change| unstamped_deletion(change, index));
    if settings.deletions == Deletions::Stamped
        && let Some(object) = unstamped.next()
    {
        return Err(NotApproved::DeletedByNobody(object));
    }
    Ok((hash, actor(by)))
}

/// Whether a name is of a service account of one of these namespaces.
fn is_own_robot(name: &str, namespaces: &str) -> bool {
    let account = name.strip_prefix("system:serviceaccount:");
    let of = account.and_then(|account| account.split_once(':'));
    of.is_some_and(|(of, _)| namespaces.split(',').any(|one| one == of || one == "*"))
}
