//! `concordat roles`: the catalogue, and the fewest rights for a task.
//!
//! Never: a role set without its proof.

use anyhow::bail;
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::{ExitStatus, Output, args::one_of, why};
use crate::{
    domain::catalogue::{Catalogue, NotFound, Role, Support, Task},
    render::{
        Answer, Format,
        roles::{RolesAnswer, render},
    },
};

/// What to look at.
#[derive(Debug, Subcommand)]
pub enum Roles {
    /// List every role.
    List(List),
    /// Show one role: what it allows, and what is known of it.
    Show(Show),
    /// Compare what two roles allow.
    Compare(Compare),
    /// List every task.
    Tasks(List),
    /// Find the smallest set of roles for some tasks, with the proof.
    Solve(Solve),
}

/// Which of them.
#[derive(Debug, Args)]
pub struct List {
    /// Only those whose name contains this, in upper or lower case.
    pub containing: Option<String>,
    /// The form of the answer.
    #[arg(short, long, value_parser = one_of(Answer::Roles.formats()), default_value_t = Format::Text)]
    pub output: Format,
}

/// Which role.
#[derive(Debug, Args)]
pub struct Show {
    /// A name, a former name or a template id.
    pub role: String,
    /// The form of the answer.
    #[arg(short, long, value_parser = one_of(Answer::Roles.formats()), default_value_t = Format::Text)]
    pub output: Format,
}

/// Which two.
#[derive(Debug, Args)]
pub struct Compare {
    /// A name, a former name or a template id.
    pub a: String,
    /// Another.
    pub b: String,
    /// The form of the answer.
    #[arg(short, long, value_parser = one_of(Answer::Roles.formats()), default_value_t = Format::Text)]
    pub output: Format,
}

/// Which tasks, and where.
#[derive(Debug, Args)]
pub struct Solve {
    /// Tasks such as `users/reset-password-non-admin`; `roles tasks` lists them.
    #[arg(required = true)]
    pub tasks: Vec<String>,
    /// Which roles may be used.
    #[arg(long = "for", value_enum, default_value_t = Through::Gdap)]
    pub through: Through,
    /// The form of the answer.
    #[arg(short, long, value_parser = one_of(Answer::Roles.formats()), default_value_t = Format::Text)]
    pub output: Format,
}

/// How the roles would be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Through {
    /// By granular delegated administration: roles that it supports.
    Gdap,
    /// To accounts in the customer's own tenant: any built-in role.
    Accounts,
}

/// Looks it up and prints it.
pub fn roles(args: &Roles, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let catalogue = Catalogue::compiled();
    match args {
        Roles::List(args) => {
            let roles: Vec<&Role> =
                catalogue.roles().filter(|role| contains(args, role.name)).collect();
            tell(&RolesAnswer::List(&roles), args.output, out)
        }
        Roles::Show(args) => {
            let role = catalogue.find(&args.role).map_err(|error| not_found(&error))?;
            tell(&RolesAnswer::Show(role), args.output, out)
        }
        Roles::Compare(args) => {
            let a = catalogue.find(&args.a).map_err(|error| not_found(&error))?;
            let b = catalogue.find(&args.b).map_err(|error| not_found(&error))?;
            let comparison =
                catalogue.compare(a.id, b.id).expect("both roles are of the catalogue");
            tell(&RolesAnswer::Compare(&comparison), args.output, out)
        }
        Roles::Tasks(args) => {
            let tasks: Vec<&Task> =
                catalogue.tasks().filter(|task| contains(args, task.id.as_str())).collect();
            tell(&RolesAnswer::Tasks(&tasks), args.output, out)
        }
        Roles::Solve(args) => solve(args, out),
    }
}

fn solve(args: &Solve, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let catalogue = Catalogue::compiled();
    let found: Vec<Result<&Task, NotFound>> =
        args.tasks.iter().map(|task| catalogue.task(task)).collect();
    let unknown: Vec<String> = found
        .iter()
        .filter_map(|found| found.as_ref().err())
        .map(|error| format!("{error}\n  help: {}", error.help()))
        .collect();
    if !unknown.is_empty() {
        bail!(unknown.join("\n"));
    }
    let tasks: Vec<&Task> = found.into_iter().flatten().collect();
    let support = match args.through {
        Through::Gdap => Support::Gdap,
        Through::Accounts => Support::AnyBuiltIn,
    };
    match catalogue.solve(&tasks, &support) {
        Ok(solution) => tell(&RolesAnswer::Solve(&solution), args.output, out),
        Err(unsolvable) => {
            let message = unsolvable.to_string();
            match args.output {
                Format::Json | Format::Yaml => {
                    why::document("Unsolvable", &Message { message }, args.output, out)?;
                }
                Format::Text
                | Format::Short
                | Format::Markdown
                | Format::Sarif
                | Format::Junit
                | Format::Github
                | Format::Csv => out.answer(&message)?,
            }
            Ok(ExitStatus::No)
        }
    }
}

/// Why no set of roles does it.
#[derive(Serialize)]
struct Message {
    message: String,
}

fn contains(args: &List, name: &str) -> bool {
    let asked = args.containing.as_deref().unwrap_or_default().to_lowercase();
    name.to_lowercase().contains(&asked)
}

fn not_found(error: &NotFound) -> anyhow::Error {
    anyhow::anyhow!("{error}\n  help: {}", error.help())
}

fn tell(answer: &RolesAnswer<'_>, format: Format, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let rendered = render(answer, format, out.style())?;
    out.rendered(rendered, format)?;
    Ok(ExitStatus::AsDesired)
}
