//! Manifests in any number, and what a store says once they were applied.
//!
//! Never: a comparison of what differs between two runs that did the same, such as the time of an entry.

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf, sync::OnceLock, time::Duration};

use concordat::{
    ledger::Verifier,
    render::{
        Format, Rendered,
        get::{assignments, relationships},
        plan::Detail,
    },
    store::{Read, Scope, StoreUrl, sql::open_reader},
};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::{program::Place, store_samples};

/// More changes than fit in two transactions.
pub fn large() -> &'static Work {
    static LARGE: OnceLock<Work> = OnceLock::new();
    LARGE.get_or_init(|| Work::new(40, 24))
}

/// A few changes of each sort.
pub fn small() -> &'static Work {
    static SMALL: OnceLock<Work> = OnceLock::new();
    SMALL.get_or_init(|| Work::new(2, 3))
}

/// Manifests on disk.
pub struct Work {
    /// Where they are, and where the program runs.
    pub place: Place,
    /// How many changes they ask of an empty store.
    pub changes: usize,
}

impl Work {
    /// So many relationships that their customers have accepted, each with so many grants.
    pub fn new(many: usize, grants_each: usize) -> Self {
        let place = Place::new();
        place.write("work/frame.yaml", FRAME);
        let mut objects = String::new();
        for number in 0..many {
            objects.push_str(&relationship(number));
            for group in 0..grants_each {
                objects.push_str(&grant(number, group, "2028-06-30T22:00:00Z"));
            }
        }
        place.write("work/objects.yaml", &objects);
        // And the first boundary of the namespace.
        let work = Self { place, changes: 1 + many * (2 + grants_each) };
        work.place.write("work/acceptances.yaml", work.acceptances(many));
        work
    }

    /// The folder of the manifests.
    pub fn folder(&self) -> PathBuf {
        self.place.path().join("work")
    }

    /// What the customers say to the invitations that would be sent.
    fn acceptances(&self, many: usize) -> String {
        let asked =
            self.place.run(&["diff", "-f", "work", "--store", "sqlite:none.db", "-o", "json"]);
        let plan: Value = serde_json::from_str(&asked.stdout).expect(&asked.stderr);
        let awaited: BTreeMap<_, _> = plan["awaited"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["relationship"].as_str().unwrap(), one["invitation"].as_str().unwrap()))
            .collect();
        (0..many)
            .map(|number| acceptance(number, awaited[format!("customer-{number}").as_str()]))
            .collect()
    }
}

/// How a place is typed after `--store`, with its password.
pub fn typed(place: &store_samples::Place) -> String {
    match place {
        store_samples::Place::Sqlite(folder) => {
            format!("sqlite:{}", folder.path().join("store.db").display())
        }
        store_samples::Place::Postgres(database) => database.url().to_owned(),
    }
}

/// What a store holds, and what its ledger says of how that came to be.
#[derive(Debug, PartialEq)]
pub struct Told {
    /// `get relationships -o json`, without the time.
    pub relationships: Value,
    /// `get grants -o json`, without the time.
    pub grants: Value,
    /// How often each effect stands in the ledger.
    pub effects: BTreeMap<String, usize>,
}

/// Reads a store. Its ledger is whole, and has no change twice.
pub async fn told(url: &StoreUrl) -> Told {
    let mut reader = open_reader(url).await.unwrap();
    let state = reader.observe(&Scope::All).await.unwrap();
    let timeless = |rendered| {
        let Rendered::Document(mut document) = rendered else { panic!("no document") };
        document.as_object_mut().unwrap().remove("now").unwrap();
        document
    };
    let relationships = relationships(&state, Format::Json, Detail::Short).unwrap();
    let grants = assignments(&state, Format::Json, Detail::Short).unwrap();
    let entries = reader.entries(0, u32::MAX).await.unwrap();
    let mut verifier = Verifier::new([]);
    let (mut effects, mut changes) = (BTreeMap::new(), BTreeMap::new());
    for entry in &entries {
        verifier.push(entry);
        let effect = without_person(entry.payload["effect"].clone());
        *effects.entry(format!("{} {} {effect}", entry.kind, entry.subject)).or_default() += 1;
        if entry.kind.is_effect() {
            *changes.entry(entry.payload["change"].to_string()).or_insert(0) += 1;
        }
    }
    let verdict = verifier.finish(Some(reader.head().await.unwrap()));
    assert_eq!(verdict.fault, None);
    changes.retain(|_, times| *times > 1);
    assert!(changes.is_empty(), "these changes are in the ledger more than once: {changes:?}");
    Told { relationships: timeless(relationships), grants: timeless(grants), effects }
}

/// Keeps everybody from writing to a PostgreSQL store: the end of its ledger is taken.
pub struct Gate {
    outsider: PgConnection,
}

impl Gate {
    /// Waits for whoever writes now, and lets nobody else write from then on.
    pub async fn shut(url: &str) -> Self {
        Self::shut_by(url, "SELECT * FROM ledger_head FOR UPDATE").await
    }

    /// The same by another lock.
    pub async fn shut_by(url: &str, lock: &'static str) -> Self {
        let mut outsider = PgConnection::connect(url).await.unwrap();
        for statement in ["BEGIN", "SET LOCAL search_path = concordat", lock] {
            sqlx::raw_sql(statement).execute(&mut outsider).await.unwrap();
        }
        Self { outsider }
    }

    /// Lets whoever writes to a store whose ledger tells of its boundary at the most through once, and nobody after that.
    pub async fn shut_after_the_first(url: &str) -> Self {
        let gate = Self::shut_by(url, "SELECT pg_advisory_xact_lock(1)").await;
        let mut outsider = PgConnection::connect(url).await.unwrap();
        sqlx::raw_sql(STOP_THE_SECOND).execute(&mut outsider).await.unwrap();
        gate
    }

    /// Returns once a program stands before it.
    pub async fn is_waited_for(&mut self) {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                       AND application_name = 'concordat' AND wait_event_type = 'Lock'";
        loop {
            // Within one transaction the statistics stay as they are when first seen.
            sqlx::raw_sql("SELECT pg_stat_clear_snapshot()")
                .execute(&mut self.outsider)
                .await
                .unwrap();
            let many: i64 =
                sqlx::query_scalar(waiting).fetch_one(&mut self.outsider).await.unwrap();
            if many > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Writes something itself, and lets everybody in.
    pub async fn open_after(mut self, statement: &'static str) {
        sqlx::raw_sql(statement).execute(&mut self.outsider).await.unwrap();
        sqlx::raw_sql("COMMIT").execute(&mut self.outsider).await.unwrap();
    }
}

const STOP_THE_SECOND: &str = "
SET search_path = concordat;
CREATE FUNCTION wait_at_the_gate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1);
    RETURN NEW;
END $$;
CREATE TRIGGER gate BEFORE UPDATE ON ledger_head
    FOR EACH ROW WHEN (OLD.sequence > 1) EXECUTE FUNCTION wait_at_the_gate();
";

/// How many entries the ledger has; none where there is no store yet.
pub async fn entries(url: &StoreUrl) -> i64 {
    let Ok(mut reader) = open_reader(url).await else { return 0 };
    reader.head().await.map_or(0, |head| head.sequence)
}

/// The hash of a person is salted anew each time.
fn without_person(mut effect: Value) -> Value {
    let fields = effect.as_object_mut().and_then(|effect| effect.values_mut().next());
    if let Some(person) = fields.and_then(|fields| fields.pointer_mut("/acceptance/accepted_by")) {
        person["person"] = json!(null);
    }
    effect
}

const PARTNER: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";

const FRAME: &str = "\
apiVersion: concordat.dev/v1alpha1
kind: PartnerOffer
metadata: {name: all, namespace: msp}
spec:
  partner: {tenantId: aaaabbbb-0000-cccc-1111-dddd2222eeee, displayName: Contoso}
  type: GranularDelegatedAdmin
  duration: P730D
  roles: [Message Center Reader, Reports Reader]
---
apiVersion: concordat.dev/v1alpha1
kind: PartnerBoundary
metadata: {name: all}
spec:
  namespaces: [msp]
  partner:
    tenantId: aaaabbbb-0000-cccc-1111-dddd2222eeee
    cloud: Global
    certifiedFor: [GranularDelegatedAdmin]
  customers: {any: true}
  grantees: {any: true}
  roles: {any: true}
  limits:
    newGrantees: 1000000
    revocations: {count: 1000000, share: 100}
";

fn object(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: concordat.dev/v1alpha1\nkind: {kind}\n\
         metadata: {{name: {name}, namespace: msp}}\nspec:\n{spec}"
    )
}

fn relationship(number: usize) -> String {
    let mut spec = String::new();
    writeln!(spec, "  customer: {{tenantId: {}, displayName: Customer}}", customer(number))
        .unwrap();
    writeln!(spec, "  displayName: customer-{number}\n  offerRef: {{name: all}}").unwrap();
    object("PartnerRelationship", &format!("customer-{number}"), &spec)
}

/// A grant to the group of that number at the customer of that number.
pub fn grant(number: usize, group: usize, not_after: &str) -> String {
    let role = ["Message Center Reader", "Reports Reader"][group % 2];
    let spec = format!(
        "  relationshipRef: {{name: customer-{number}}}\n  \
         grantee: {{securityGroup: {{id: 00000000-0000-4000-9000-{group:012}, displayName: Staff}}}}\n  \
         roles: [{role}]\n  notAfter: \"{not_after}\"\n"
    );
    object("RoleGrant", &format!("grant-{number}-{group}"), &spec)
}

fn acceptance(number: usize, invitation: &str) -> String {
    let customer = customer(number);
    let document = "ab".repeat(32);
    let spec = format!(
        "  decision: Accept\n  customer: {{tenantId: {customer}}}\n  \
         partner: {{tenantId: {PARTNER}}}\n  \
         agreement: {{type: MicrosoftCustomerAgreement, country: US, language: en-US, \
         templateId: 117a77b0-9360-443b-8795-c6dedc750cf9, documentSha256: {document}}}\n  \
         acceptedBy: {{firstName: Ada, lastName: Lovelace, email: ada@customer.example, \
         role: GlobalAdministrator}}\n  \
         acceptedAt: \"2026-11-16T09:00:00Z\"\n  readConfirmed: true\n  \
         relationshipRef: {{name: customer-{number}}}\n  invitation: {invitation}\n"
    );
    object("AgreementAcceptance", &format!("acceptance-{number}"), &spec)
}

fn customer(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}
