//! What the partner's directory says of groups: whether they are there, and what they are called.
//!
//! Never: a group that is not there because it could not be looked up.

use std::collections::{BTreeMap, BTreeSet};

use super::{batch::ask_each, call::Graph, wire};
use crate::{domain::ids::GranteeId, store::StoreError};

/// What the directory says of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectoryGroup {
    /// It is there.
    Found {
        /// Its name; empty where it has none.
        name: String,
        /// Whether it can hold roles.
        security_enabled: bool,
    },
    /// The directory does not know it.
    Unknown,
}

/// Looks groups up, twenty in a call (Graph: "Get group", permission `Group.Read.All`).
///
/// # Errors
/// Where any of them could not be looked up.
pub async fn groups(
    graph: &Graph,
    ids: &BTreeSet<GranteeId>,
) -> Result<BTreeMap<GranteeId, DirectoryGroup>, StoreError> {
    let url =
        |id: &GranteeId| (*id, format!("/groups/{id}?$select=id,displayName,securityEnabled"));
    let mut known = BTreeMap::new();
    let mut failed = None;
    ask_each(graph, ids.iter().map(url).collect(), |id, part| {
        let group = part.map_err(|unread| unread.0).and_then(|part| match part.status {
            200 => wire::group(&part.body, id).map_err(|fault| fault.0),
            404 => Ok(DirectoryGroup::Unknown),
            403 => Err(format!(
                "the app needs the application permission `Group.Read.All`, or `groups: Off` in the connection file \
                 ({})",
                wire::error_in(&part.body)
            )),
            status => Err(format!("it answers {status} ({})", wire::error_in(&part.body))),
        });
        match group {
            Ok(group) => _ = known.insert(id, group),
            Err(reason) => failed = Some(format!("group `{id}` could not be looked up: {reason}")),
        }
    })
    .await?;
    match failed {
        Some(reason) => Err(StoreError::Forbidden { store: graph.host().to_owned(), reason }),
        None => Ok(known),
    }
}
