//! Who deletes an object that access rests on. The API server asks nobody else about a deletion before it is made, and
//! afterwards it is written down nowhere.
//!
//! Never: another name on an object that is on its way out already, or one for a deletion that is only tried.

use std::{future::Future, pin::Pin, sync::Arc};

use super::request::{Operation, Request};
use crate::{
    domain::{
        ids::{Kind, ObjectKey},
        state::Uid,
    },
    operator::world::DELETED_BY,
};

/// A name to be written on an object, for exactly the version that was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The object.
    pub object: ObjectKey,
    /// The very object.
    pub uid: Uid,
    /// Its version. Where it has another by now the API server asks again, since its own deletion fails as well.
    pub version: String,
    /// Who deletes it.
    pub by: String,
}

/// Why a name is not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotStamped(pub String);

/// What writes a stamp.
pub type Stamps = Arc<dyn Fn(Stamp) -> Writing + Send + Sync>;
/// A stamp under way.
pub type Writing = Pin<Box<dyn Future<Output = Result<(), NotStamped>> + Send>>;

/// What is to be written before this may be done, if anything.
///
/// An object that nothing holds back is gone at once. On one that is on its way out the first name stays, if it has one.
/// On one that is not, a name was left by a deletion that came to nothing.
pub fn stamp(request: &Request) -> Option<Stamp> {
    let kind = request.kind.filter(|kind| match kind {
        Kind::PartnerRelationship | Kind::RoleGrant => true,
        Kind::PartnerOffer | Kind::AgreementAcceptance | Kind::PartnerBoundary => false,
    })?;
    if request.operation != Operation::Delete || request.is_trial || request.user.is_empty() {
        return None;
    }
    let metadata = &request.old_object["metadata"];
    let word = |field: &str| metadata[field].as_str().unwrap_or_default().to_owned();
    let is_held = metadata["finalizers"].as_array().is_some_and(|held| !held.is_empty());
    let leaves = !metadata["deletionTimestamp"].is_null();
    let stands = metadata["annotations"][DELETED_BY].as_str().filter(|by| !by.is_empty());
    if !is_held || stands.is_some_and(|by| leaves || by == request.user) {
        return None;
    }
    let name = word("name");
    Some(Stamp {
        object: ObjectKey { kind, namespace: request.namespace.as_str().into(), name: name.into() },
        uid: Uid(word("uid").into()),
        version: word("resourceVersion"),
        by: request.user.clone(),
    })
}

/// What a person is told whose deletion goes on without a name.
pub fn warning(stamp: &Stamp, error: &NotStamped) -> String {
    let ObjectKey { kind, name, .. } = &stamp.object;
    format!(
        "who deleted {kind} `{name}` could not be written down ({error}): if its deletion waits for an approval, none \
         counts until it is deleted once more"
    )
}
