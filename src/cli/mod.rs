//! The command line: what was typed, one thin file a command, and the only place that prints.
//!
//! Never: answers on standard error, or talks on standard output.

mod accept;
mod apply;
mod args;
mod boundaries;
mod cluster;
mod crd;
mod desired;
mod diff;
mod doctor;
mod emulate;
mod expire;
mod explain;
mod get;
mod habits;
mod import;
mod input;
mod kustomize;
mod ledger;
mod offer;
mod operator;
mod output;
mod plan_file;
mod planning;
mod roles;
mod store;
mod validate;
mod why;
mod workspace;

use std::path::Path;

use clap::{
    Args, CommandFactory, FromArgMatches, Parser, Subcommand,
    error::{ContextKind, ContextValue},
};

pub use args::{ClusterArgs, ColorChoice, InputArgs, StoreArgs};
pub use boundaries::BoundaryArgs;
pub use output::{Output, complain, tell_panics};

use crate::{
    render::{Colour, commands::Form, escape},
    store::{CLUSTER, url::may_hold_secret},
};

/// The name of the file by which `kubectl` finds its plugin.
const PLUGIN: &str = "kubectl-concordat";

/// Partner access as code: which partner may act in which customer tenant, with which roles, until when, and on the
/// strength of which accepted agreement.
#[derive(Debug, Parser)]
#[command(
    name = "concordat",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 it is as desired; 1 the answer is no (differences, problems, blocked); 2 it could not be told."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Say more on standard error; twice for everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    pub color: ColorChoice,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check manifests: every problem at once, each with its place and a way out.
    Validate(validate::Validate),
    /// Show what would change in the store, and who would gain and lose what. Writes nothing.
    Diff(diff::Diff),
    /// Make the store hold what the manifests say.
    Apply(apply::Apply),
    /// Take away what is over by now, whatever any manifest says: for a timer, where no operator runs.
    Expire(expire::Expire),
    /// List what the store holds.
    Get(get::Get),
    /// Print the request that a partner sends to a customer.
    Offer(offer::Offer),
    /// Write down that an offer or an agreement was accepted or declined.
    Accept(accept::Accept),
    /// Look at roles and tasks, and find the fewest rights for a task.
    #[command(subcommand)]
    Roles(roles::Roles),
    /// Tell why somebody holds a role, or why not.
    Why(why::Why),
    /// Tell who can do a task in a customer's tenant.
    WhoCan(why::WhoCan),
    /// Tell what happened, in order.
    History(why::History),
    /// Verify, export, show or erase from the ledger.
    #[command(subcommand)]
    Ledger(ledger::Ledger),
    /// Run the operator: make the store hold what a cluster's objects say.
    Operator(operator::Operator),
    /// Write what a partner has at Microsoft as files, to be reviewed and kept.
    Import(import::Import),
    /// Tell whether Microsoft Graph can be read and written, and what is missing.
    Doctor(doctor::Doctor),
    /// Emulate Microsoft Graph GDAP on this machine alone: to try things on, and to test against.
    Emulate(emulate::Emulate),
    /// Explain a code such as `C0309`.
    Explain(explain::Explain),
    /// Print the custom resource definitions for `kubectl apply -f -`.
    Crd(crd::Crd),
    /// Print a completion script for a shell.
    Completions(Completions),
}

/// Which shell.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// The answer, as an exit code: the same for every command, and `kubectl diff`'s convention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExitStatus {
    /// It is as desired.
    AsDesired = 0,
    /// The answer is no: differences, problems, or something is blocked.
    No = 1,
    /// It could not be told.
    Unknown = 2,
}

/// What was typed. Where it cannot be understood, or help was asked for, that is told already.
///
/// # Errors
/// The exit code, when there is nothing to run.
pub fn parse() -> Result<Cli, ExitStatus> {
    let typed: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let parsed = command().try_get_matches().and_then(|mut matches| {
        Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command()))
    });
    match parsed {
        Ok(_) if misplaced_secret(&typed) => {
            complain(&anyhow::anyhow!(MISPLACED));
            Err(ExitStatus::Unknown)
        }
        Ok(cli) => Ok(cli),
        Err(error) => {
            let is_complaint = error.use_stderr();
            let error = habits::with_way_out(without_secrets(error));
            if is_complaint && quotes_secret(&error, &typed) {
                complain(&anyhow::anyhow!(MISPLACED));
            } else {
                output::usage(&error);
            }
            Err(if is_complaint { ExitStatus::Unknown } else { ExitStatus::AsDesired })
        }
    }
}

const MISPLACED: &str = "a word that was typed may hold a password, and so it is not shown and nothing is done\n  \
    help: a store is named with `--store postgres://USER@HOST/DATABASE`, and its password comes from PGPASSWORD or a file";

/// What is followed by a store, or by a name in a cluster, which may well be `oidc:ada@example.com`.
const HOLD_NO_SECRET: [&str; 4] = ["--store", "--as", "--as-group", "--robot-may"];

/// Whether a password may stand where no store is named: what is quoted from there may end up in a log.
fn misplaced_secret(typed: &[String]) -> bool {
    let is_free = |at: usize| {
        let before = at.checked_sub(1).map(|before| typed[before].as_str());
        let own = typed[at].split_once('=').map(|(name, _)| name);
        before.into_iter().chain(own).any(|name| HOLD_NO_SECRET.contains(&name))
    };
    let mut words = typed.iter().enumerate();
    words.any(|(at, word)| {
        // The name of an option that is known, such as `--webhook-secret`, is no sign.
        let value = word.strip_prefix("--").and_then(|word| word.split_once('='));
        !is_free(at) && may_hold_secret(value.map_or(word.as_str(), |(_, value)| value))
    })
}

/// Whether a complaint quotes a word that may hold a password, as it was typed.
fn quotes_secret(error: &clap::Error, typed: &[String]) -> bool {
    let told = error.render().to_string();
    let value = |word: &String| {
        let (_, value) = word.strip_prefix("--")?.split_once('=')?;
        Some(value.to_owned())
    };
    // A password with a blank in it goes on in the next words.
    let mut rest = false;
    let mut secret = Vec::new();
    for word in typed {
        rest &= !word.starts_with('-');
        if rest || word.contains('@') || may_hold_secret(word) {
            secret.push(word);
        }
        rest |= word.contains("://");
    }
    let words = secret.into_iter();
    words.clone().cloned().chain(words.filter_map(value)).any(|word| {
        let escaped = format!("{word:?}");
        word.len() > 2 && (told.contains(&word) || told.contains(escaped.trim_matches('"')))
    })
}

/// The tree of commands. As a plugin of `kubectl` it is called so, and its store is the cluster.
fn command() -> clap::Command {
    let program = std::env::args_os().next().unwrap_or_default();
    if Path::new(&program).file_stem().is_none_or(|name| name != PLUGIN) {
        return Cli::command();
    }
    with_cluster(Cli::command().bin_name("kubectl concordat"))
}

/// The same with `cluster:` where no store is named.
fn with_cluster(mut command: clap::Command) -> clap::Command {
    let names: Vec<String> =
        command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(name, with_cluster);
    }
    if command.get_arguments().any(|argument| argument.get_id() == "store") {
        command = command.mut_arg("store", |store| store.default_value(CLUSTER));
    }
    command
}

/// The same complaint without what may hold a password, whatever its form, and with what hides made visible: what is no
/// store is never quoted where one is to be named.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the context of a complaint is not ours to list"
)]
fn without_secrets(mut error: clap::Error) -> clap::Error {
    let about_store = matches!(
        error.get(ContextKind::InvalidArg),
        Some(ContextValue::String(name)) if name.starts_with("--store")
    );
    let context: Vec<(ContextKind, ContextValue)> =
        error.context().map(|(kind, value)| (kind, value.clone())).collect();
    // What stands before an `@` may be the rest of a password that a blank has cut in two.
    let hidden = |text: &str| {
        let is_shown = !may_hold_secret(text) && !text.contains('@');
        if is_shown { escape::visible(text).into_owned() } else { "…".to_owned() }
    };
    for (kind, value) in context {
        match value {
            ContextValue::String(_) if about_store && kind == ContextKind::InvalidValue => {
                error.insert(kind, ContextValue::String("…".to_owned()));
            }
            ContextValue::String(text) => {
                error.insert(kind, ContextValue::String(hidden(&text)));
            }
            ContextValue::Strings(texts) => {
                let texts = texts.iter().map(|text| hidden(text)).collect();
                error.insert(kind, ContextValue::Strings(texts));
            }
            ContextValue::StyledStr(text) if may_hold_secret(&text.to_string()) => {
                error.remove(kind);
            }
            ContextValue::StyledStrs(texts)
                if texts.iter().any(|text| may_hold_secret(&text.to_string())) =>
            {
                error.remove(kind);
            }
            _ => {}
        }
    }
    error
}

/// Runs one command.
///
/// # Errors
/// When it could not be told: exit code 2.
pub async fn run(cli: Cli) -> anyhow::Result<ExitStatus> {
    let out = &mut Output::new(cli.color);
    match cli.command {
        Command::Validate(args) => validate::validate(&args, out),
        Command::Diff(args) => diff::diff(&args, out).await,
        Command::Apply(args) => apply::apply(&args, out).await,
        Command::Expire(args) => expire::expire(&args, out).await,
        Command::Get(args) => get::get(&args, out).await,
        Command::Offer(args) => offer::offer(&args, out).await,
        Command::Accept(args) => accept::accept(&args, out).await,
        Command::Roles(args) => roles::roles(&args, out),
        Command::Why(args) => why::why(&args, out).await,
        Command::WhoCan(args) => why::who_can(&args, out).await,
        Command::History(args) => why::history(&args, out).await,
        Command::Ledger(args) => ledger::ledger(&args, out).await,
        Command::Operator(args) => operator::operator(&args, out).await,
        Command::Import(args) => import::import(&args, out).await,
        Command::Doctor(args) => doctor::doctor(&args, out).await,
        Command::Emulate(args) => emulate::emulate(&args, out).await,
        Command::Explain(args) => explain::explain(&args, out),
        Command::Crd(args) => crd::crd(&args, out),
        Command::Completions(args) => {
            let mut script = Vec::new();
            clap_complete::generate(args.shell, &mut Cli::command(), "concordat", &mut script);
            out.answer(&String::from_utf8_lossy(&script))?;
            Ok(ExitStatus::AsDesired)
        }
    }
}

/// Sends logs to standard error, as much as was asked for; where that has gone there is nobody to tell.
///
/// The operator has log lines of its own, and begins them itself.
pub fn log(cli: &Cli) {
    if let Command::Operator(_) = &cli.command {
        return;
    }
    let level = match cli.verbose {
        0 => "warn",
        1 => "concordat=info",
        _ => "concordat=debug,sqlx=info",
    };
    let coloured = Output::new(cli.color).style_of_talk().colour == Colour::Always;
    tracing_subscriber::fmt()
        .with_env_filter(log_filter(level))
        .with_ansi(coloured)
        .with_writer(output::Log(Form::Text))
        .log_internal_errors(false)
        .init();
}

/// These quote the settings of a URL, the lines of a file of passwords or those of a kubeconfig.
const QUOTE_SECRETS: [&str; 4] = [
    "sqlx_postgres::options",
    "sqlx_postgres::options::parse",
    "sqlx_postgres::options::pgpass",
    "kube_client::config",
];

/// What is logged: `level`, or what `CONCORDAT_LOG` says.
fn log_filter(level: &str) -> tracing_subscriber::EnvFilter {
    let filter = tracing_subscriber::EnvFilter::try_from_env("CONCORDAT_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    QUOTE_SECRETS.iter().fold(filter, |filter, target| {
        let off = format!("{target}=off").parse().expect("a fixed directive that is right");
        filter.add_directive(off)
    })
}
