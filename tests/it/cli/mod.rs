//! The program as people meet it: words typed, exit code, standard output and standard error.
//!
//! Never: looks behind the program, but for what somebody else does to its store.

mod acceptance;
mod answers;
mod approval;
mod builds;
mod input;
mod ledger;
mod lifecycle;
mod names;
mod outside;
mod server;
mod stores;
mod undeclared;
mod usage;

use std::{fs, process::Command};

use sqlx::{AssertSqlSafe, Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::program::{Place, Ran, finished, root};

/// The security groups of the quickstart.
const FIRST_LINE: &str = "0a0a0a0a-1111-4222-8333-444444444444";
const SECOND_LINE: &str = "0b0b0b0b-1111-4222-8333-444444444444";
/// Its customer.
const FABRIKAM: &str = "bbbbcccc-1111-dddd-2222-eeee3333ffff";
/// What `accept` asks for.
const ADA: [&str; 9] = [
    "--first-name",
    "Ada",
    "--last-name",
    "Lovelace",
    "--email",
    "ada@fabrikam.example",
    "--role",
    "GlobalAdministrator",
    "--read-confirmed",
];

/// A folder with a team's manifests in `m`, and a store beside it.
struct Team {
    place: Place,
}

impl Team {
    /// The manifests of the quickstart; nothing is applied yet.
    fn new() -> Self {
        let team = Self { place: Place::new() };
        for name in ["offer.yaml", "relationship.yaml", "grants.yaml", "acceptance.yaml"] {
            let path = root().join("examples/quickstart").join(name);
            team.write(name, &fs::read_to_string(path).unwrap());
        }
        team
    }

    /// The same before the customer has answered.
    fn unanswered() -> Self {
        let team = Self::new();
        team.remove("acceptance.yaml");
        team
    }

    /// The same, applied.
    fn applied() -> Self {
        let team = Self::new();
        assert_eq!(team.apply(&[]).code, Some(0));
        team
    }

    fn write(&self, name: &str, text: &str) {
        self.place.write(&format!("m/{name}"), text);
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.place.path().join("m").join(name)).unwrap();
    }

    fn edit(&self, name: &str, from: &str, to: &str) {
        let path = self.place.path().join("m").join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{name} has no {from}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    fn run(&self, words: &[&str]) -> Ran {
        let ran = self.place.run(words);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        ran
    }

    fn with_manifests(&self, words: &[&str], more: &[&str]) -> Ran {
        self.run(&[words, &["-f", "m"], more].concat())
    }

    fn validate(&self, more: &[&str]) -> Ran {
        self.with_manifests(&["validate"], more)
    }

    fn diff(&self, more: &[&str]) -> Ran {
        self.with_manifests(&["diff"], more)
    }

    fn apply(&self, more: &[&str]) -> Ran {
        self.with_manifests(&["apply"], more)
    }

    fn accept(&self, more: &[&str]) -> Ran {
        self.with_manifests(&["accept", "fabrikam"], &[&ADA[..], more].concat())
    }

    /// Runs it on a terminal, which types `typed`.
    fn on_terminal(&self, words: &[&str], typed: &str) -> Ran {
        let mut command = Command::new("script");
        let line = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
        command.args(["-qefc", &format!("concordat {line}"), "/dev/null"]);
        self.place.prepare(&mut command);
        finished(command, typed.as_bytes())
    }

    /// What somebody else does to the store.
    fn sql(&self, statements: &str) {
        let options = SqliteConnectOptions::new()
            .filename(self.place.path().join("concordat.db"))
            .pragma("ignore_check_constraints", "ON");
        let work = async {
            let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(statements.to_owned()))
                .execute(&mut connection)
                .await
                .unwrap();
            connection.close().await.unwrap();
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(work);
    }

    fn grants(&self) -> String {
        self.run(&["get", "grants"]).stdout
    }

    fn relationships(&self) -> String {
        self.run(&["get", "relationships"]).stdout
    }
}

fn says(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, Some(code), "{}{}", ran.stdout, ran.stderr);
    for word in words {
        let found = ran.stdout.contains(word) || ran.stderr.contains(word);
        assert!(found, "no `{word}` in\n{}{}", ran.stdout, ran.stderr);
    }
}

fn nothing_changes(ran: &Ran) {
    says(ran, 0, &["Nothing changes"]);
}

/// The first batch's hash that an answer tells how to approve.
fn hash_to_approve(ran: &Ran) -> String {
    let (_, rest) = ran.stdout.split_once("--approve ").expect("something waits");
    rest.chars().take_while(char::is_ascii_hexdigit).collect()
}
