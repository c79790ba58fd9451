//! Who takes a relationship or its name, and what an acceptance gives.
//!
//! Never: a living owner who loses anything to somebody else.

mod adoption;
mod answers;
mod cluster;

use std::{path::PathBuf, process::Command, sync::OnceLock};

use concordat::api::API_VERSION;
use serde_json::{Value, json};

use crate::{
    postgres,
    program::{Place, Ran, finished},
};

pub const PARTNER: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";
pub const CUSTOMER: &str = "bbbbcccc-1111-dddd-2222-eeee3333ffff";

/// The folders of several teams, and one store for all of them.
pub struct Teams {
    place: Place,
    pub store: String,
}

impl Teams {
    /// Does the same on SQLite and on PostgreSQL.
    pub fn on_each_store(name: &str, test: impl Fn(&Self)) {
        test(&Self::on(String::from("sqlite:concordat.db")));
        test(&Self::on(postgres::server().database(name).url().to_owned()));
    }

    fn on(store: String) -> Self {
        Self { place: Place::new(), store }
    }

    /// What a team's folder holds from now on.
    pub fn write(&self, team: &str, objects: &[Value]) {
        let documents: Vec<String> = objects.iter().map(Value::to_string).collect();
        self.place.write(&format!("{team}/all.yaml"), documents.join("\n---\n"));
    }

    /// Runs the program on the folders of some teams.
    pub fn run(&self, words: &[&str], teams: &[&str]) -> Ran {
        self.run_at(0, words, teams)
    }

    /// The same on a machine whose clock is ahead by so many seconds.
    pub fn run_at(&self, seconds_ahead: i64, words: &[&str], teams: &[&str]) -> Ran {
        let mut all: Vec<&str> = words.to_vec();
        all.extend(["--store", &self.store]);
        for team in teams {
            all.extend(["-f", team]);
        }
        let mut command = self.place.command(&all);
        if seconds_ahead != 0 {
            wrong_clock(&mut command, seconds_ahead);
        }
        let ran = finished(command, b"");
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        ran
    }

    #[track_caller]
    pub fn applies(&self, teams: &[&str]) -> Ran {
        let ran = self.run(&["apply"], teams);
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        ran
    }

    /// The digest of the invitation of a relationship of a team.
    #[track_caller]
    pub fn digest(&self, team: &str, relationship: &str) -> String {
        let words = ["offer", "--relationship", relationship, "-n", team];
        let ran = self.run(&words, &[team]);
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        let (_, rest) = ran.stdout.split_once("concordat:").expect("a link is shown");
        rest.chars().take_while(char::is_ascii_hexdigit).collect()
    }

    /// A team with an offer, a relationship `r1` called `acme` that the customer has accepted, and a grant for group 1.
    pub fn with_owner(&self, team: &str) -> Vec<Value> {
        let mut objects = vec![offer(team), relationship(team, "r1", "acme", None)];
        self.write(team, &objects);
        let digest = self.digest(team, "r1");
        objects.push(acceptance(team, "r1", "r1", &digest));
        objects.push(grant(team, "g1", "r1", 1));
        self.write(team, &objects);
        self.applies(&[team]);
        assert!(self.holds(1), "{}", self.grants());
        objects
    }

    pub fn grants(&self) -> String {
        self.run(&["get", "grants"], &[]).stdout
    }

    pub fn relationships(&self) -> String {
        self.run(&["get", "relationships", "-o", "json"], &[]).stdout
    }

    /// Whether a group holds anything.
    pub fn holds(&self, group: u32) -> bool {
        self.grants().contains(&group_id(group))
    }

    /// Who owns the row of this name.
    pub fn owner(&self, name: &str) -> String {
        let document: Value = serde_json::from_str(&self.relationships()).unwrap();
        let rows = document["items"].as_array().cloned().unwrap_or_default();
        let row = rows.iter().find(|row| row["name"] == name).expect("there is such a row");
        row["owner"].as_str().unwrap().to_owned()
    }
}

#[track_caller]
pub fn says(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, Some(code), "{}{}", ran.stdout, ran.stderr);
    for word in words {
        let found = ran.stdout.contains(word) || ran.stderr.contains(word);
        assert!(found, "no `{word}` in\n{}{}", ran.stdout, ran.stderr);
    }
}

fn object(kind: &str, namespace: &str, name: &str, spec: &Value) -> Value {
    let metadata = json!({ "name": name, "namespace": namespace });
    json!({ "apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec })
}

pub fn offer(namespace: &str) -> Value {
    let spec = json!({
        "partner": { "tenantId": PARTNER, "displayName": "Contoso" },
        "type": "GranularDelegatedAdmin",
        "duration": "P365D",
        "roles": ["Message Center Reader", "Service Support Administrator"],
    });
    object("PartnerOffer", namespace, "helpdesk", &spec)
}

pub fn relationship(
    namespace: &str,
    name: &str,
    display_name: &str,
    adopt_from: Option<&str>,
) -> Value {
    let spec = json!({
        "customer": { "tenantId": CUSTOMER, "displayName": "Fabrikam" },
        "displayName": display_name,
        "offerRef": { "name": "helpdesk" },
    });
    let mut object = object("PartnerRelationship", namespace, name, &spec);
    if let Some(owner) = adopt_from {
        object["metadata"]["annotations"] = json!({ "concordat.dev/adopt-from": owner });
    }
    object
}

pub fn group_id(group: u32) -> String {
    format!("0a0a0a0a-1111-4222-8333-{group:012}")
}

pub fn grant(namespace: &str, name: &str, relationship: &str, group: u32) -> Value {
    let group = json!({ "id": group_id(group), "displayName": format!("group {group}") });
    let spec = json!({
        "relationshipRef": { "name": relationship },
        "grantee": { "securityGroup": group },
        "roles": ["Message Center Reader"],
    });
    object("RoleGrant", namespace, name, &spec)
}

pub fn acceptance(namespace: &str, name: &str, relationship: &str, digest: &str) -> Value {
    let spec = json!({
        "decision": "Accept",
        "customer": { "tenantId": CUSTOMER },
        "partner": { "tenantId": PARTNER },
        "acceptedBy": {
            "firstName": "Ada", "lastName": "Lovelace", "email": "ada@fabrikam.example",
            "role": "GlobalAdministrator",
        },
        "acceptedAt": "2026-11-16T09:00:00Z",
        "readConfirmed": true,
        "relationshipRef": { "name": relationship },
        "invitation": digest,
    });
    object("AgreementAcceptance", namespace, name, &spec)
}

/// Makes a program see another time than the machine's.
fn wrong_clock(command: &mut Command, seconds_ahead: i64) {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap().keep();
        let (source, library) = (folder.join("clock.c"), folder.join("clock.so"));
        std::fs::write(&source, CLOCK).unwrap();
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source);
        assert!(compiler.status().unwrap().success());
        library
    });
    command.env("LD_PRELOAD", library).env("SECONDS_AHEAD", seconds_ahead.to_string());
}

const CLOCK: &str = r#"
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    int failed = syscall(SYS_clock_gettime, clock, time);
    const char *ahead = getenv("SECONDS_AHEAD");
    if (!failed && clock == CLOCK_REALTIME && ahead) time->tv_sec += atol(ahead);
    return failed;
}
"#;
