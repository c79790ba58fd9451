//! `concordat emulate`: Microsoft Graph GDAP on this machine alone, to try things on and to test against.
//!
//! Never: a word that lets anybody take it for Microsoft's service, or a secret that others can read.

mod control;
mod folder;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{ExitStatus, Output};
use crate::{
    emulator::{Content, Emulator, Options},
    render::escape,
};

/// Where it listens where nobody says where.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8443);

/// Start the emulator, or play the people outside of one that runs.
#[derive(Debug, Args)]
pub struct Emulate {
    #[command(subcommand)]
    pub deed: Option<Deed>,
    /// The folder with its certificate, its connection file and its secrets.
    #[arg(long, global = true, default_value = folder::USUAL, value_name = "DIR")]
    pub dir: PathBuf,
    #[command(flatten)]
    pub start: Start,
}

/// How it is started. What is not said is as in [`Options::default`], and `--listen` is `127.0.0.1:8443`.
#[derive(Debug, Args)]
pub struct Start {
    /// Where it listens: an address of this machine alone. Port 0 takes any that is free. [default: 127.0.0.1:8443]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// How fast its clock goes: `real`, or seconds for each second; 0 stands still until it is moved. [default: real]
    #[arg(long, value_parser = factor, value_name = "real|FACTOR")]
    pub clock: Option<u32>,
    /// What ids and chance are made from: the same again with the same number. [default: 1]
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Begin without any relationship.
    #[arg(long)]
    pub empty: bool,
    /// The partner's tenant. [default: aaaabbbb-0000-cccc-1111-dddd2222eeee]
    #[arg(long, value_name = "TENANT")]
    pub partner: Option<uuid::Uuid>,
}

impl Start {
    /// The first that was said.
    fn said(&self) -> Option<&'static str> {
        let Self { listen, clock, seed, empty, partner } = self;
        let all = [
            ("--listen", listen.is_some()),
            ("--clock", clock.is_some()),
            ("--seed", seed.is_some()),
            ("--empty", *empty),
            ("--partner", partner.is_some()),
        ];
        all.into_iter().find(|(_, said)| *said).map(|(name, _)| name)
    }

    fn options(&self) -> Options {
        let usual = Options::default();
        Options {
            listen: self.listen.unwrap_or(LISTEN),
            seed: self.seed.unwrap_or(usual.seed),
            factor: self.clock.unwrap_or(usual.factor),
            content: if self.empty { Content::Empty } else { Content::Sample },
            partner: self.partner.map_or(usual.partner, |partner| partner.to_string()),
        }
    }
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
}

/// What is approved.
#[derive(Debug, Args)]
pub struct Approve {
    /// The relationship, by its name or its id.
    pub relationship: String,
    /// The customer's tenant, where the relationship names none.
    #[arg(long, value_name = "TENANT")]
    pub customer: Option<uuid::Uuid>,
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
}

/// From whom everything is taken.
#[derive(Debug, Args)]
pub struct Delete {
    /// The relationship, by its name or its id.
    pub relationship: String,
    /// The group's id.
    pub group: uuid::Uuid,
}

/// Which extension, and how.
#[derive(Debug, Args)]
pub struct Extend {
    /// The relationship, by its name or its id.
    pub relationship: String,
    /// On, or off.
    #[arg(value_enum)]
    pub to: Switch,
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
}

/// In which form.
#[derive(Debug, Args)]
pub struct Status {
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
    let span: jiff::Span = by.parse().map_err(|_| wrong())?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return Err("a month or a year is not always as long: say days, such as `+P30D`".to_owned());
    }
    Ok(by.to_owned())
}

/// Serves, or asks one that does.
pub async fn emulate(args: &Emulate, out: &mut Output) -> anyhow::Result<ExitStatus> {
    match (&args.deed, args.start.said()) {
        (None, _) => serve(&args.start, &args.dir, out).await,
        (Some(deed), None) => act(deed, &args.dir, out).await,
        (Some(_), Some(said)) => Err(anyhow::anyhow!(
            "`{said}` is for starting an emulator, and cannot be used with one that runs"
        )),
    }
}

async fn serve(start: &Start, dir: &Path, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let options = start.options();
    let emulator = Emulator::listen(&options).await?;
    let held = folder::hold(dir)?;
    let running =
        held.write(&emulator).with_context(|| format!("`{}` cannot be written", dir.display()))?;
    out.say(&banner(&emulator, dir));
    if options.token_life() < 60 {
        let seconds = options.token_life();
        out.say(&format!("note: with this clock a token is over after {seconds} s; clients ask for new ones all the time"));
    }
    out.answer(&format!("https://localhost:{}", emulator.address.port()))?;
    let stop = CancellationToken::new();
    let serving = emulator.serve(stop.clone());
    let ending = async {
        super::operator::asked_to_stop().await;
        stop.cancel();
        // Whoever asks again does not want to wait for what was begun.
        super::operator::asked_to_stop().await;
    };
    tokio::select! {
        () = serving => {}
        () = ending => {}
    }
    running.gone();
    out.say("the emulator has stopped, and everything that it held is forgotten");
    Ok(ExitStatus::AsDesired)
}

fn banner(emulator: &Emulator, dir: &Path) -> String {
    // What is typed next names the folder, unless it is the usual one.
    let words = match dir.to_str() {
        Some(folder::USUAL) => String::new(),
        Some(_) | None => format!(" --dir {}", quoted(dir)),
    };
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
         concordat emulate{words} status                    what it holds\n  \
         concordat emulate{words} approve wide-helpdesk     the customer approves\n  \
         concordat emulate{words} clock +P90D               its clock goes on",
        partner = emulator.partner,
    )
}

/// A path as a shell reads it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+".contains(letter);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

async fn act(deed: &Deed, dir: &Path, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let (path, body) = match deed {
        Deed::Status(args) => return status(args, dir, out).await,
        Deed::Clock(args) => ("clock", json!({"by": args.by})),
        Deed::Approve(args) => (
            "people",
            json!({
                "kind": "approve", "relationship": args.relationship, "customer": args.customer
            }),
        ),
        Deed::RemoveRoles(args) => (
            "people",
            json!({
                "kind": "removeRoles", "relationship": args.relationship
            }),
        ),
        Deed::Outsider(Outsider::Assign(args)) => (
            "people",
            json!({
                "kind": "assign", "relationship": args.relationship, "group": args.group, "roles": args.roles
            }),
        ),
        Deed::Outsider(Outsider::Delete(args)) => (
            "people",
            json!({
                "kind": "delete", "relationship": args.relationship, "group": args.group
            }),
        ),
        Deed::Outsider(Outsider::Terminate(args)) => (
            "people",
            json!({
                "kind": "terminate", "relationship": args.relationship
            }),
        ),
        Deed::Outsider(Outsider::Extend(args)) => (
            "people",
            json!({
                "kind": "extend", "relationship": args.relationship, "on": args.to == Switch::On
            }),
        ),
    };
    match control::ask(dir, "POST", path, &body).await? {
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

async fn status(args: &Status, dir: &Path, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let answer = control::ask(dir, "GET", "status", &Value::Null).await?;
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
