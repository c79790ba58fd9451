//! Approvals that persons wrote on objects: the annotation `concordat.dev/approve` with the hash of a batch.
//!
//! Never: an approval by a robot that is not named for it, by somebody who asked for the batch, or by nobody known.

use std::collections::BTreeMap;

use super::{
    Deletions, Settings,
    requester::{actor, askers, is_robot, unstamped_deletion},
};
use crate::{
    domain::{
        digest::Digest,
        entry::Actor,
        ids::{Kind, ObjectKey},
        plan::Change,
        state::{ObjectName, Uid},
    },
    operator::world::{APPROVE, APPROVED_BY, Concern, Seen, World, key},
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
    /// Nobody knows who deleted what it is about, and it may have been its author.
    #[error(
        "nobody stamped who deleted {0}: delete it once more while the operator's webhook is registered and running, \
         then approve"
    )]
    DeletedByNobody(ObjectKey),
    /// Nothing waits for it.
    #[error("nothing waits for `{0}`")]
    NothingWaits(String),
}

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
    pub fn learn(&mut self, concern: &Concern, written: &[Written]) {
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
pub fn written(concern: &Concern, world: &World) -> Vec<Written> {
    let tables = world.tables();
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

fn found<S>(kind: Kind, name: &ObjectName, seen: &Seen<S>) -> Option<Written> {
    Some(Written {
        object: key(kind, name),
        uid: seen.object.uid.clone(),
        text: seen.annotation(APPROVE)?.to_owned(),
        by: seen.annotation(APPROVED_BY).map(str::to_owned),
    })
}

/// The approvals that count, each with its author, and those that do not, each with the reason.
///
/// `waiting` are the changes of each batch that waits.
pub fn judged(
    written: &[Written],
    waiting: &BTreeMap<Digest, Vec<&Change>>,
    settings: &Settings,
    world: &World,
) -> (BTreeMap<Digest, Actor>, Vec<(Written, NotApproved)>) {
    let mut counted = BTreeMap::new();
    let mut refused = Vec::new();
    for approval in written {
        match judge(approval, waiting, settings, world) {
            Ok((hash, by)) => drop(counted.insert(hash, by)),
            Err(why) => refused.push((approval.clone(), why)),
        }
    }
    (counted, refused)
}

fn judge(
    approval: &Written,
    waiting: &BTreeMap<Digest, Vec<&Change>>,
    settings: &Settings,
    world: &World,
) -> Result<(Digest, Actor), NotApproved> {
    let hash: Digest =
        approval.text.parse().map_err(|_| NotApproved::NotAHash(approval.text.clone()))?;
    let changes = waiting.get(&hash).ok_or_else(|| NotApproved::NothingWaits(hash.short()))?;
    let by = approval.by.as_deref().ok_or(NotApproved::Unstamped)?;
    if is_robot(by) && !settings.robots.contains(by) {
        return Err(NotApproved::Robot(by.to_owned()));
    }
    if changes.iter().any(|change| askers(change, world).contains(by)) {
        return Err(NotApproved::OwnRequest(by.to_owned()));
    }
    let mut unstamped = changes.iter().filter_map(|change| unstamped_deletion(change, world));
    if settings.deletions == Deletions::Stamped
        && let Some(object) = unstamped.next()
    {
        return Err(NotApproved::DeletedByNobody(object));
    }
    Ok((hash, actor(by)))
}
