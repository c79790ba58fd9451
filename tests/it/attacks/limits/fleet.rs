//! A team's relationships in any number, in files, with a store beside them.
//!
//! Never: an invitation that is accepted by another digest than its own.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::Value;

use crate::program::{Place, Ran};

pub const CONTOSO: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";
pub const OTHER_PARTNER: &str = "aaaabbbb-0000-cccc-1111-dddd2222ffff";
/// Ends long before any relationship does.
pub const END: &str = "2028-06-30T22:00:00Z";
pub const LATER: &str = "2028-08-31T22:00:00Z";
pub const EARLIER: &str = "2028-05-31T22:00:00Z";

/// A folder with manifests in `m`.
pub struct Fleet {
    place: Place,
    store: String,
    acceptances: BTreeMap<String, String>,
    /// What happens to a relationship that is no longer declared.
    pub deletion: &'static str,
}

impl Fleet {
    /// On SQLite, with no boundary.
    pub fn new() -> Self {
        Self::on("sqlite:concordat.db")
    }

    /// On this store.
    pub fn on(store: &str) -> Self {
        let fleet = Self {
            place: Place::new(),
            store: store.to_owned(),
            acceptances: BTreeMap::new(),
            deletion: "Revoke",
        };
        fleet.offer(
            "standard",
            CONTOSO,
            "P730D",
            "Message Center Reader, Reports Reader, Helpdesk Administrator",
        );
        fleet
    }

    pub fn write(&self, name: &str, text: &str) {
        self.place.write(&format!("m/{name}.yaml"), text);
    }

    pub fn remove(&self, name: &str) {
        std::fs::remove_file(self.place.path().join(format!("m/{name}.yaml"))).unwrap();
    }

    pub fn offer(&self, name: &str, partner: &str, duration: &str, roles: &str) {
        let spec = format!(
            "  partner: {{tenantId: {partner}, displayName: Partner}}\n  \
             type: GranularDelegatedAdmin\n  duration: {duration}\n  roles: [{roles}]\n"
        );
        self.write(&format!("offer-{name}"), &object("PartnerOffer", name, &spec));
    }

    /// What the boundary says besides that it admits everything.
    pub fn bound(&self, more: &str) {
        let text = format!(
            "apiVersion: concordat.dev/v1alpha1\nkind: PartnerBoundary\nmetadata: {{name: all}}\n\
             spec:\n  namespaces: [msp]\n  \
             partner: {{tenantId: {CONTOSO}, cloud: Global, certifiedFor: [GranularDelegatedAdmin]}}\n  \
             customers: {{any: true}}\n  grantees: {{any: true}}\n  roles: {{any: true}}\n{more}"
        );
        self.write("boundary", &text);
    }

    /// So many relationships by this offer, whose customers accept it.
    pub fn relationships(&mut self, numbers: std::ops::Range<usize>, offer: &str) {
        for number in numbers.clone() {
            self.relationship(&format!("r{number}"), number, offer);
        }
        self.accept();
    }

    /// One relationship with the customer of that number.
    pub fn relationship(&self, name: &str, customer: usize, offer: &str) {
        let spec = format!(
            "  customer: {{tenantId: {}, displayName: Customer}}\n  displayName: {name}\n  \
             offerRef: {{name: {offer}}}\n  deletionPolicy: {}\n",
            self::customer(customer),
            self.deletion,
        );
        self.write(&format!("relationship-{name}"), &object("PartnerRelationship", name, &spec));
    }

    /// Has every customer accept who is asked.
    pub fn accept(&mut self) {
        let asked = self.run(&["diff", "-f", "m", "-o", "json"]);
        let plan: Value = serde_json::from_str(&asked.stdout).expect(&asked.stderr);
        for one in plan["awaited"].as_array().unwrap() {
            let row = one["relationship"].as_str().unwrap();
            let digest = one["invitation"].as_str().unwrap();
            let customer = one["customer"]["id"].as_str().unwrap();
            let partner = plan_partner(&plan, row).unwrap_or(CONTOSO);
            let name = self.object_of(row);
            let text = acceptance(&name, row, customer, partner, digest);
            self.acceptances.insert(row.to_owned(), text);
        }
        let all: String = self.acceptances.values().map(String::as_str).collect();
        self.write("acceptances", &all);
    }

    /// The object that a row is of: a successor is called `NAME-N`.
    fn object_of(&self, row: &str) -> String {
        let there =
            |name: &str| self.place.path().join(format!("m/relationship-{name}.yaml")).exists();
        match row.rsplit_once('-') {
            Some((name, _)) if !there(row) && there(name) => name.to_owned(),
            _ => row.to_owned(),
        }
    }

    /// One grant in a file of its own.
    pub fn grant(&self, name: &str, relationship: &str, group: usize, role: &str, window: &str) {
        let text = grant(name, relationship, group, role, window);
        self.write(&format!("grant-{name}"), &text);
    }

    /// The same grant for so many groups, spread evenly over so many relationships.
    pub fn grants(
        &self,
        groups: std::ops::Range<usize>,
        relationships: usize,
        role: &str,
        end: &str,
    ) {
        for group in groups {
            let relationship = format!("r{}", group % relationships);
            let window = format!("  notAfter: \"{end}\"\n");
            self.grant(&format!("g{group}"), &relationship, group, role, &window);
        }
    }

    pub fn remove_grants(&self, groups: std::ops::Range<usize>) {
        for group in groups {
            self.remove(&format!("grant-g{group}"));
        }
    }

    pub fn run(&self, words: &[&str]) -> Ran {
        let ran = self.place.run(&[words, &["--store", &self.store]].concat());
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        ran
    }

    pub fn diff(&self, more: &[&str]) -> Ran {
        self.run(&[&["diff", "-f", "m", "--prune"], more].concat())
    }

    pub fn apply(&self, more: &[&str]) -> Ran {
        self.run(&[&["apply", "-f", "m", "--prune"], more].concat())
    }

    /// Everything that is asked for is made.
    pub fn applied(&self) {
        let ran = self.apply(&[]);
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    }

    pub fn validate(&self) -> Ran {
        self.place.run(&["validate", "-f", "m"])
    }

    /// How many assignments there are.
    pub fn held(&self) -> usize {
        let ran = self.run(&["get", "grants", "-o", "json"]);
        let grants: Value = serde_json::from_str(&ran.stdout).expect(&ran.stderr);
        grants["items"].as_array().unwrap().len()
    }

    /// The payloads of the entries of this kind.
    pub fn entries(&self, kind: &str) -> Vec<Value> {
        let ran = self.run(&["ledger", "export"]);
        let entries = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        entries
            .filter(|entry| entry["kind"] == kind)
            .map(|entry| entry["payload"].clone())
            .collect()
    }
}

fn plan_partner<'a>(plan: &'a Value, row: &str) -> Option<&'a str> {
    let changes = plan["changes"].as_array()?;
    let of_row = |change: &&Value| {
        change["relationship"].as_str() == Some(row)
            || change["subject"]["relationship"]["name"].as_str() == Some(row)
    };
    let change = changes.iter().find(of_row)?;
    change["partner"]["id"].as_str().or_else(|| change["subject"]["partner"]["id"].as_str())
}

pub fn customer(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

pub fn group(number: usize) -> String {
    format!("00000000-0000-4000-9000-{number:012}")
}

fn object(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: concordat.dev/v1alpha1\nkind: {kind}\n\
         metadata: {{name: {name}, namespace: msp}}\nspec:\n{spec}"
    )
}

pub fn grant(name: &str, relationship: &str, group: usize, role: &str, window: &str) -> String {
    let mut spec = String::new();
    let id = self::group(group);
    writeln!(spec, "  relationshipRef: {{name: {relationship}}}").unwrap();
    writeln!(spec, "  grantee: {{securityGroup: {{id: {id}, displayName: Staff}}}}").unwrap();
    writeln!(spec, "  roles: [{role}]\n  justification: they need it").unwrap();
    object("RoleGrant", name, &(spec + window))
}

fn acceptance(name: &str, row: &str, customer: &str, partner: &str, digest: &str) -> String {
    let document = "ab".repeat(32);
    let spec = format!(
        "  decision: Accept\n  customer: {{tenantId: {customer}}}\n  \
         partner: {{tenantId: {partner}}}\n  \
         agreement: {{type: MicrosoftCustomerAgreement, country: US, language: en-US, \
         templateId: 117a77b0-9360-443b-8795-c6dedc750cf9, documentSha256: {document}}}\n  \
         acceptedBy: {{firstName: Ada, lastName: Lovelace, email: ada@customer.example, \
         role: GlobalAdministrator}}\n  \
         acceptedAt: \"2026-11-16T09:00:00Z\"\n  readConfirmed: true\n  \
         relationshipRef: {{name: {name}}}\n  invitation: {digest}\n"
    );
    object("AgreementAcceptance", &format!("accepts-{row}"), &spec)
}

/// The exit code, and words that are said.
pub fn says(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, Some(code), "{}{}", ran.stdout, ran.stderr);
    for word in words {
        let found = ran.stdout.contains(word) || ran.stderr.contains(word);
        assert!(found, "no `{word}` in\n{}{}", ran.stdout, ran.stderr);
    }
}

/// The hash that an answer tells how to approve.
pub fn hash(ran: &Ran) -> String {
    let (_, rest) = ran.stdout.split_once("--approve ").expect("something waits");
    rest.chars().take_while(char::is_ascii_hexdigit).collect()
}
