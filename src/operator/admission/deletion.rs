//! Who deletes an object that access rests on. The API server asks nobody else about a deletion before it is made, and
//! afterwards it is written down nowhere.
//!
//! Never: a name taken away or changed, or one for a deletion that is only tried.

use std::{future::Future, pin::Pin, sync::Arc};

use super::request::{Operation, Request};
use crate::domain::{
    ids::{Kind, ObjectKey},
    limits::asker_names,
};

/// A deletion about which the API server asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// Of which object: its names are such as the API server gives.
    pub object: ObjectKey,
    /// Who deletes it.
    pub by: String,
}

/// Why a name is not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotStamped(pub String);

/// What writes down who deletes.
pub type Stamps = Arc<dyn Fn(Deletion) -> Writing + Send + Sync>;
/// A name that is being written.
pub type Writing = Pin<Box<dyn Future<Output = Result<(), NotStamped>> + Send>>;

/// The deletion that is asked about, if it is one that is to be written down. How the object stands is for the API server
/// to say, and not for the question.
pub fn deletion(request: &Request) -> Option<Deletion> {
    let kind = request.kind.filter(|kind| match kind {
        Kind::PartnerRelationship | Kind::RoleGrant => true,
        Kind::PartnerOffer | Kind::AgreementAcceptance | Kind::PartnerBoundary => false,
    })?;
    let Request { namespace, user, .. } = request;
    // Of many that are deleted together, as with a namespace, only the object that is shown says which it is.
    let shown = request.old_object["metadata"]["name"].as_str().unwrap_or_default();
    let name = if request.name.is_empty() { shown } else { request.name.as_str() };
    let is_meant = request.operation == Operation::Delete && !request.is_trial;
    let is_whole = request.subresource.is_empty() && !user.is_empty();
    let is_short = namespace.len() <= 63 && name.len() <= 253;
    let is_right = is_short && is_label(namespace) && name.split('.').all(is_label);
    if !is_meant || !is_whole || !is_right {
        return None;
    }
    let object = ObjectKey { kind, namespace: namespace.into(), name: name.into() };
    Some(Deletion { object, by: user.clone() })
}

/// Whether it is a part of a name as the API server gives them, and so of a path as well.
fn is_label(text: &str) -> bool {
    let inner = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    !text.is_empty() && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// A name as one line: they stand beneath each other.
pub fn as_line(name: &str) -> String {
    let escaped = |character: char| {
        let escaped = character.is_control().then(|| character.escape_default().to_string());
        escaped.unwrap_or_else(|| character.to_string())
    };
    name.chars().map(escaped).collect()
}

/// How an object stands with the API server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stands {
    /// Whether something holds it back once it is deleted.
    pub is_held: bool,
    /// Whether it is deleted.
    pub is_leaving: bool,
    /// Who has deleted it, one name a line.
    pub deleted_by: String,
}

/// What is to stand on an object that somebody deletes, if it does not stand there: each name that does stays.
///
/// An object that nothing holds back is gone at once. Whoever deletes what is on its way out has deleted nothing, unless
/// nobody knows who has. On one that is not, a name was left by a deletion that came to nothing.
pub fn stamp(stands: &Stands, by: &str) -> Option<String> {
    let Stands { is_held, is_leaving, deleted_by } = stands;
    let by = as_line(by);
    let mut known = asker_names(deleted_by);
    let is_known = if *is_leaving { known.next().is_some() } else { known.any(|name| name == by) };
    if !is_held || is_known {
        return None;
    }
    Some(if deleted_by.is_empty() { by } else { format!("{deleted_by}\n{by}") })
}

/// What a person is told whose deletion goes on without a name.
pub fn warning(deletion: &Deletion, error: &NotStamped) -> String {
    let ObjectKey { kind, name, .. } = &deletion.object;
    format!(
        "who deleted {kind} `{name}` could not be written down ({error}): if its deletion waits for an approval, none \
         counts until it is deleted once more"
    )
}
