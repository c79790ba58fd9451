//! `concordat emulate`: Microsoft Graph GDAP on this machine alone, to try things on and to test against.
//!
//! Never: a word that lets anybody take it for Microsoft's service, or a secret that others can read.

mod control;
mod folder;

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{ExitStatus, Output};
use crate::{
    emulator::{Content, Emulator, Options},
    render::escape,
};

/// Start the emulator, or play the people outside of one that runs.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Emulate {
    #[command(subcommand)]
    pub deed: Option<Deed>,
    #[command(flatten)]
    pub start: Start,
}

/// How it is started.
#[derive(Debug, Args)]
pub struct Start {
    /// Where it listens: an address of this machine alone. Port 0 takes any that is free.
    #[arg(long, default_value = "127.0.0.1:8443", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    #[command(flatten)]
    pub folder: Folder,
    /// How fast its clock goes: `real`, or seconds for each second; 0 stands still until it is moved.
    #[arg(long, default_value = "real", value_parser = factor, value_name = "real|FACTOR")]
    pub clock: u32,
    /// What ids and chance are made from: the same again with the same number.
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub seed: u64,
    /// Begin without any relationship.
    #[arg(long)]
    pub empty: bool,
    /// The partner's tenant.
    #[arg(long, default_value = "aaaabbbb-0000-cccc-1111-dddd2222eeee", value_name = "TENANT")]
    pub partner: uuid::Uuid,
}

/// Where the files of an emulator are.
#[derive(Debug, Clone, Args)]
pub struct Folder {
    /// The folder with its certificate, its connection file and its secrets.
    #[arg(long, default_value = "concordat-emulator", value_name = "DIR")]
    pub dir: PathBuf,
}

/// What is done in an emulator that runs.
#[derive(Debug, Subcommand)]
pub enum Deed {
    /// The customer approves a relationship.
    Approve(Approve),
    /// The customer removes the roles, which ends the relationship.
    RemoveRoles(Named),
    /// Somebody else of the partner does something that no manifest says.
    #[command(subcommand)]
    Outsider(Outsider),
    /// Move its clock on: `+PT1H`, `+P90D`.
    Clock(Clock),
    /// Tell what it holds.
    Status(Status),
}

/// Which relationship.
#[derive(Debug, Args)]
pub struct Named {
    /// Its name or its id.
    pub relationship: String,
    #[command(flatten)]
    pub folder: Folder,
}

/// What is approved.
#[derive(Debug, Args)]
pub struct Approve {
    /// The relationship, by its name or its id.
    pub relationship: String,
    /// The customer's tenant, where the relationship names none.
    #[arg(long, value_name = "TENANT")]
    pub customer: Option<uuid::Uuid>,
    #[command(flatten)]
    pub folder: Folder,
}

/// What somebody else does.
#[derive(Debug, Subcommand)]
pub enum Outsider {
    /// Gives a group roles, in place of those that it has.
    Assign(Assign),
    /// Takes a group's roles away.
    Delete(Delete),
    /// Ends a relationship.
    Terminate(Named),
    /// Switches the extension of a relationship.
    Extend(Extend),
}

/// Who is given what.
#[derive(Debug, Args)]
pub struct Assign {
    /// The relationship, by its name or its id.
    pub relationship: String,
    /// The group's id.
    pub group: uuid::Uuid,
    /// The template ids of the roles.
    #[arg(required = true)]
    pub roles: Vec<uuid::Uuid>,
    #[command(flatten)]
    pub folder: Folder,
}

/// From whom everything is taken.
#[derive(Debug, Args)]
pub struct Delete {
    /// The relationship, by its name or its id.
    pub relationship: String,
    /// The group's id.
    pub group: uuid::Uuid,
    #[command(flatten)]
    pub folder: Folder,
}

/// Which extension, and how.
#[derive(Debug, Args)]
pub struct Extend {
    /// The relationship, by its name or its id.
    pub relationship: String,
    /// On, or off.
    #[arg(value_enum)]
    pub to: Switch,
    #[command(flatten)]
    pub folder: Folder,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Switch {
    /// It is extended on its last day.
    On,
    /// It ends.
    Off,
}

/// By how much.
#[derive(Debug, Args)]
pub struct Clock {
    /// How far: `+PT1H`, `+P90D`.
    #[arg(value_parser = ahead, value_name = "+DURATION")]
    pub by: String,
    #[command(flatten)]
    pub folder: Folder,
}

/// In which form.
#[derive(Debug, Args)]
pub struct Status {
    #[command(flatten)]
    pub folder: Folder,
    /// As JSON, with assignments.
    #[arg(long)]
    pub json: bool,
}

fn factor(text: &str) -> Result<u32, String> {
    if text == "real" {
        return Ok(1);
    }
    text.parse().map_err(|_| "it is `real`, or a whole number such as 60".to_owned())
}

fn ahead(text: &str) -> Result<String, String> {
    let wrong = || "a clock is moved on by a duration such as `+PT1H` or `+P90D`".to_owned();
    let by = text.strip_prefix('+').ok_or_else(wrong)?;
    by.parse::<jiff::Span>().map_err(|_| wrong())?;
    Ok(by.to_owned())
}

/// Serves, or asks one that does.
pub async fn emulate(args: &Emulate, out: &mut Output) -> anyhow::Result<ExitStatus> {
    match &args.deed {
        None => serve(&args.start, out).await,
        Some(deed) => act(deed, out).await,
    }
}

async fn serve(start: &Start, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let options = Options {
        listen: start.listen,
        seed: start.seed,
        factor: start.clock,
        content: if start.empty { Content::Empty } else { Content::Sample },
        partner: start.partner.to_string(),
    };
    let emulator = Emulator::listen(&options).await?;
    let dir = &start.folder.dir;
    folder::write(dir, &emulator)
        .with_context(|| format!("`{}` cannot be written", dir.display()))?;
    out.say(&banner(&emulator, dir));
    out.answer(&format!("https://localhost:{}", emulator.address.port()))?;
    let stop = CancellationToken::new();
    let serving = emulator.serve(stop.clone());
    let ending = async {
        super::operator::asked_to_stop().await;
        stop.cancel();
    };
    tokio::join!(serving, ending);
    folder::gone(dir);
    out.say("the emulator has stopped, and everything that it held is forgotten");
    Ok(ExitStatus::AsDesired)
}

fn banner(emulator: &Emulator, dir: &std::path::Path) -> String {
    let dir = dir.display();
    let port = emulator.address.port();
    format!(
        "This is an EMULATOR of Microsoft Graph GDAP. It is none of Microsoft's, gives access to nothing, and can be\n\
         reached from this machine alone. What it holds is forgotten when it stops (Ctrl-C).\n\
         \n  \
         Graph and login    https://localhost:{port}\n  \
         partner's tenant   {partner}\n  \
         trust              {dir}/ca.pem\n  \
         connection file    {dir}/graph.yaml\n\
         \n\
         In another terminal, from this folder:\n  \
         concordat emulate status                    what it holds\n  \
         concordat emulate approve wide-helpdesk     the customer approves\n  \
         concordat emulate clock +P90D               its clock goes on",
        partner = emulator.partner,
    )
}

async fn act(deed: &Deed, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let (folder, path, body) = match deed {
        Deed::Status(args) => return status(args, out).await,
        Deed::Clock(args) => (&args.folder, "clock", json!({"by": args.by})),
        Deed::Approve(args) => (
            &args.folder,
            "people",
            json!({
                "kind": "approve", "relationship": args.relationship, "customer": args.customer
            }),
        ),
        Deed::RemoveRoles(args) => (
            &args.folder,
            "people",
            json!({
                "kind": "removeRoles", "relationship": args.relationship
            }),
        ),
        Deed::Outsider(Outsider::Assign(args)) => (
            &args.folder,
            "people",
            json!({
                "kind": "assign", "relationship": args.relationship, "group": args.group, "roles": args.roles
            }),
        ),
        Deed::Outsider(Outsider::Delete(args)) => (
            &args.folder,
            "people",
            json!({
                "kind": "delete", "relationship": args.relationship, "group": args.group
            }),
        ),
        Deed::Outsider(Outsider::Terminate(args)) => (
            &args.folder,
            "people",
            json!({
                "kind": "terminate", "relationship": args.relationship
            }),
        ),
        Deed::Outsider(Outsider::Extend(args)) => (
            &args.folder,
            "people",
            json!({
                "kind": "extend", "relationship": args.relationship, "on": args.to == Switch::On
            }),
        ),
    };
    match control::ask(&folder.dir, "POST", path, &body).await? {
        Ok(answer) => {
            let told = answer["done"].as_str().or_else(|| answer["now"].as_str());
            out.answer(&escape::visible(told.unwrap_or_default()))?;
            Ok(ExitStatus::AsDesired)
        }
        Err(refused) => {
            out.say(&format!("error: {}", escape::visible(&refused)));
            Ok(ExitStatus::No)
        }
    }
}

async fn status(args: &Status, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let answer = control::ask(&args.folder.dir, "GET", "status", &Value::Null).await?;
    let status = answer.map_err(|refused| anyhow::anyhow!(refused))?;
    let text = if args.json { format!("{status:#}") } else { table(&status) };
    out.answer(&text)?;
    Ok(ExitStatus::AsDesired)
}

/// One line for each relationship.
fn table(status: &Value) -> String {
    let word = |value: &Value| escape::visible(value.as_str().unwrap_or("-")).into_owned();
    let all = status["relationships"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut lines: Vec<[String; 5]> = all
        .iter()
        .map(|it| {
            let groups = it["assignments"].as_array().map_or(0, Vec::len);
            let customer = &it["customerName"];
            let customer = if customer.is_null() { &it["customer"] } else { customer };
            [
                word(&it["name"]),
                word(customer),
                word(&it["status"]),
                word(&it["end"]),
                groups.to_string(),
            ]
        })
        .collect();
    lines.sort();
    lines.insert(0, ["NAME", "CUSTOMER", "STATUS", "END", "GROUPS"].map(str::to_owned));
    let wide = |column: usize| lines.iter().map(|it| it[column].chars().count()).max().unwrap_or(0);
    let widths = [wide(0), wide(1), wide(2), wide(3), 0];
    let line = |cells: &[String; 5]| {
        let cells = cells.iter().zip(widths).map(|(cell, wide)| format!("{cell:wide$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut text = format!("clock: {}\n\n", word(&status["clock"]["now"]));
    text.push_str(&lines.iter().map(line).collect::<Vec<_>>().join("\n"));
    text
}
