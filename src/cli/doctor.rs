//! `concordat doctor`: whether Microsoft Graph can be read and written as a connection file says, and what is missing.
//!
//! Never: a change at Microsoft or in a ledger, or a line that says that something is right which was not tried.

use clap::Args;
use jiff::SignedDuration;

use super::{
    ExitStatus, Output, StoreArgs,
    args::{DOCUMENT, one_of},
    store,
};
use crate::{
    domain::{connection::Connection, state::CLOCKS_DIFFER},
    render::{
        Format,
        checks::{self, Check, Subject, Verdict},
    },
    store::{
        Retry, StoreError, StoreUrl,
        graph::{self, As, Graph},
        sql,
    },
};

/// What to look at.
#[derive(Debug, Args)]
pub struct Doctor {
    #[command(flatten)]
    pub store: StoreArgs,
    /// The form of the answer.
    #[arg(short, long, value_parser = one_of(DOCUMENT), default_value_t = Format::Text)]
    pub output: Format,
}

/// Looks, and tells each thing in one line.
pub async fn doctor(args: &Doctor, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let connection = store::connection(&args.store.store)?;
    let checks = look(&connection, out).await;
    let worst = checks.iter().map(|check| check.verdict).max();
    out.rendered(checks::render(checks, args.output), args.output)?;
    Ok(match worst {
        None | Some(Verdict::Ok | Verdict::Warning) => ExitStatus::AsDesired,
        Some(Verdict::Missing) => ExitStatus::No,
        Some(Verdict::Unknown) => ExitStatus::Unknown,
    })
}

async fn look(connection: &Connection, out: &Output) -> Vec<Check> {
    let file = connection.file.display();
    let named =
        format!("`{file}` names the partner {} in {:?}", connection.partner, connection.cloud);
    let (reader, clock) = asked(connection, As::Reader, out).await;
    let writer = match &connection.writer {
        Some(_) => asked(connection, As::Writer, out).await.0,
        None => Check {
            what: Subject::Writer,
            verdict: Verdict::Warning,
            found: "none is named: this connection only reads".to_owned(),
        },
    };
    let file = Check { what: Subject::File, verdict: Verdict::Ok, found: named };
    let mut checks = vec![file, hosts(connection), rights(connection), reader, writer];
    checks.extend(clock);
    let _waiting = out.waiting("opening the ledger");
    checks.push(ledger(&connection.ledger).await);
    checks
}

fn hosts(connection: &Connection) -> Check {
    let (verdict, found) = if let Some(elsewhere) = connection.elsewhere() {
        (Verdict::Warning, elsewhere)
    } else {
        let (login, graph) = (connection.login_host(), connection.graph_host());
        (Verdict::Ok, format!("login is at `{login}`, Graph at `{graph}`"))
    };
    Check { what: Subject::Hosts, verdict, found }
}

fn rights(connection: &Connection) -> Check {
    let exposed = graph::exposed(connection);
    let (verdict, found) = if exposed.is_empty() {
        (Verdict::Ok, "nobody else can read the files with secrets".to_owned())
    } else {
        let way_out = store::kept_private(&exposed);
        (Verdict::Warning, format!("others may read secrets: `{way_out}`"))
    };
    Check { what: Subject::Secrets, verdict, found }
}

/// Logs in and reads one page; also what the service's clock says.
async fn asked(connection: &Connection, as_: As, out: &Output) -> (Check, Option<Check>) {
    let what = match as_ {
        As::Reader => Subject::Reader,
        As::Writer => Subject::Writer,
    };
    let _waiting = out.waiting(&format!("asking `{}` as the {what}", connection.graph_host()));
    match one_page(connection, as_).await {
        Ok(graph) => {
            let found = "logs in, and reads relationships".to_owned();
            (Check { what, verdict: Verdict::Ok, found }, Some(clock(&graph)))
        }
        Err(error) => {
            let found = format!("{error} [{}]", error.code());
            let verdict = match error.retry() {
                Retry::WithBackoff => Verdict::Unknown,
                Retry::WhenChanged => Verdict::Missing,
            };
            (Check { what, verdict, found }, None)
        }
    }
}

async fn one_page(connection: &Connection, as_: As) -> Result<Graph, StoreError> {
    let graph = Graph::open(connection, as_)?;
    graph::first(&graph).await?;
    Ok(graph)
}

fn clock(graph: &Graph) -> Check {
    let (verdict, found) = match graph.clock_difference() {
        None => (Verdict::Warning, "the service told no time".to_owned()),
        Some(difference) if difference.abs() <= CLOCKS_DIFFER => {
            (Verdict::Ok, "agrees with the service's to five minutes".to_owned())
        }
        Some(difference) => {
            let way = if difference.is_negative() { "behind" } else { "ahead of" };
            let by = SignedDuration::from_secs(difference.abs().as_secs());
            (
                Verdict::Missing,
                format!("the service's is {way} this machine's by {by:#}: set the clock"),
            )
        }
    };
    Check { what: Subject::Clock, verdict, found }
}

async fn ledger(named: &str) -> Check {
    let what = Subject::Ledger;
    let missing = |found: String| Check { what, verdict: Verdict::Missing, found };
    let url: StoreUrl = match named.parse() {
        Ok(url) => url,
        Err(error) => return missing(format!("{error}")),
    };
    match sql::open_reader(&url).await {
        Ok(_) => Check { what, verdict: Verdict::Ok, found: format!("`{url}` can be read") },
        Err(StoreError::Missing { .. }) => {
            let found = format!("`{url}` does not exist yet: the first who writes makes it");
            Check { what, verdict: Verdict::Warning, found }
        }
        Err(error) => missing(format!("{error} [{}]", error.code())),
    }
}
