//! What the partner's directory says of groups: whether they are there, and what they are called.
//!
//! Never: a group that is not there because it could not be looked up.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    batch::{ask_each, implausible},
    call::Graph,
    wire::{self, Implausible, Part},
};
use crate::{
    domain::{ids::GranteeId, state::seen::Unread},
    store::StoreError,
};

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
    let mut failed = BTreeMap::new();
    ask_each(graph, ids.iter().map(url).collect(), |id, part| match group(graph, id, part) {
        Ok(group) => _ = known.insert(id, group),
        Err(error) => _ = failed.insert(id, error),
    })
    .await?;
    failed.into_values().next().map_or(Ok(known), Err)
}

/// What the directory says of a group, or why that is not known.
fn group(
    graph: &Graph,
    id: GranteeId,
    part: Result<Part, Unread>,
) -> Result<DirectoryGroup, StoreError> {
    let store = graph.host().to_owned();
    let because = |reason: String| format!("group `{id}` could not be looked up: {reason}");
    let part = part.map_err(|unread| StoreError::Unreachable {
        store: store.clone(),
        reason: because(unread.0),
    })?;
    let error = wire::error_in(&part.body);
    match part.status {
        200 => wire::group(&part.body, id)
            .map_err(|fault| implausible(graph, &Implausible(because(fault.0)))),
        404 => Ok(DirectoryGroup::Unknown),
        403 => {
            let reason = because(format!(
                "the app needs the application permission `Group.Read.All`, or `groups: Off` in the connection file \
                 ({error})"
            ));
            Err(StoreError::Forbidden { store, reason })
        }
        status => {
            let reason = because(format!("it answers {status} ({error})"));
            Err(StoreError::Unexpected { store, reason })
        }
    }
}
