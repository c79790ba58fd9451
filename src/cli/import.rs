//! `concordat import`: what a partner has at Microsoft, as files.
//!
//! Never: a change at Microsoft or in a ledger, or a file of somebody else that is written over.

mod folder;

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::bail;
use clap::Args;
use folder::Folder;
use jiff::{Timestamp, tz::TimeZone};

use super::{ExitStatus, Output, StoreArgs, args::namespace, store};
use crate::{
    api::ManagementPolicy,
    domain::{
        connection::Groups,
        enumeration::counted,
        ids::GranteeId,
        lifecycle::Phase,
        state::{
            Tenant,
            seen::{Seen, SeenRelationship},
        },
    },
    manifest::import::{ImportOptions, import as files_of},
    render::Format,
    store::{
        StoreError,
        graph::{self, DirectoryGroup, Graph},
    },
};

/// What to import, and where to.
#[derive(Debug, Args)]
pub struct Import {
    #[command(flatten)]
    pub store: StoreArgs,
    /// The folder to write to. What stands there is not touched, unless `--overwrite` is given.
    #[arg(short, long, value_name = "DIR", value_parser = folder_name)]
    pub output: PathBuf,
    /// Put this import in the place of an earlier one: its files are written over, and those that are left of it go.
    #[arg(long)]
    pub overwrite: bool,
    /// The namespace of the objects.
    #[arg(short, long, value_name = "NAME", default_value = "msp", value_parser = namespace)]
    pub namespace: String,
    /// The partner's name, for people [default: `Partner`, and the first digits of its tenant].
    #[arg(long, value_name = "NAME")]
    pub partner_name: Option<String>,
    /// Also what has ended: held, and without grants.
    #[arg(long)]
    pub all: bool,
    /// Write objects that manage what they declare, and do not only watch it.
    #[arg(long)]
    pub manage: bool,
}

/// A folder, and no form of an answer: every other command has those under this name.
fn folder_name(text: &str) -> Result<PathBuf, String> {
    if text.parse::<Format>().is_ok() {
        return Err(format!(
            "an import has one form, which is files of YAML, and this is the folder for them: name one, or write \
             `./{text}` where that is meant"
        ));
    }
    Ok(text.into())
}

/// Reads what is there and writes files.
pub async fn import(args: &Import, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let connection = store::connection(&args.store.store)?;
    let folder = Folder::new(&args.output, args.overwrite)?;
    store::tell_elsewhere(&connection, out);
    let graph = Graph::open(&connection, graph::As::Reader)?;
    let waiting = out.waiting(&format!("reading relationships at `{}`", graph.host()));
    let seen = graph::everything(&graph).await?;
    graph::check_known(&graph, &seen, &folder.known()).await?;
    drop(waiting);
    let groups = match connection.groups {
        Groups::Off => None,
        Groups::Read => Some(names_of_groups(&graph, &seen, out).await?),
    };
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let imported = files_of(
        &seen,
        &ImportOptions {
            partner: Tenant { id: connection.partner, name: args.partner_name.clone() },
            cloud: connection.cloud,
            namespace: args.namespace.clone(),
            all: args.all,
            management: if args.manage {
                ManagementPolicy::Manage
            } else {
                ManagementPolicy::Observe
            },
            groups,
            today: today.to_string(),
        },
    );
    for told in &imported.told {
        out.say(&told.words());
    }
    let is_unread =
        |one: &SeenRelationship| one.assignments.is_err() || one.stage.phase() == Phase::Unknown;
    let unread = seen.relationships.values().filter(|one| is_unread(one)).count();
    let relationships = counted(seen.relationships.len(), "relationship");
    if unread > 0 && args.overwrite {
        bail!(
            "{unread} of {relationships} could not be read whole: `{}` stays as it is",
            args.output.display()
        );
    }
    folder.put(&imported.files, out)?;
    let files = counted(imported.files.len(), "file");
    let folder = args.output.display();
    out.answer(&format!("{relationships} read, {files} written to {folder}"))?;
    Ok(if unread == 0 { ExitStatus::AsDesired } else { ExitStatus::Unknown })
}

/// What the directory calls the groups that hold something. Those that it does not know are told with the files.
async fn names_of_groups(
    graph: &Graph,
    seen: &Seen,
    out: &mut Output,
) -> Result<BTreeMap<GranteeId, String>, StoreError> {
    let held = seen.relationships.values().filter_map(|one| one.assignments.as_ref().ok());
    let held = held.flat_map(BTreeMap::values).filter(|assignment| assignment.status.is_held());
    let ids = held.map(|assignment| assignment.grantee).collect();
    let waiting = out.waiting(&format!("looking up groups at `{}`", graph.host()));
    let groups = graph::groups(graph, &ids).await?;
    drop(waiting);
    let mut names = BTreeMap::new();
    for (id, group) in groups {
        let DirectoryGroup::Found { name, security_enabled } = group else { continue };
        if !security_enabled {
            out.say(&format!(
                "group `{id}` holds roles and is no security group: they may not work"
            ));
        }
        names.insert(id, name);
    }
    Ok(names)
}
