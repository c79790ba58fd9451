//! A boundary that comes, changes or goes with the very change that it is to bound.
//!
//! Never: a change that is judged by what it brings along.

use std::{fmt::Write as _, fs};

use concordat::{
    ledger::{Replay, Until},
    store::{Read, Scope, sql::open_reader},
};

use crate::program::{Place, Ran, root};

const PARTNER: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";
const FABRIKAM: &str = "bbbbcccc-1111-dddd-2222-eeee3333ffff";
/// Beyond every count and share.
const HUGE: &str = "{revocations: {count: 100000, share: 100}, terminations: {count: 1000, share: 100}, \
                    privilegedGains: 1000, newGrantees: 1000, replacements: 1000}";

/// A folder with a team's manifests in `m`, and a store beside it.
struct Team {
    place: Place,
}

impl Team {
    /// The relationship of the quickstart, accepted, with eight grants.
    fn new() -> Self {
        let team = Self { place: Place::new() };
        for name in ["offer.yaml", "relationship.yaml", "acceptance.yaml"] {
            let path = root().join("examples/quickstart").join(name);
            team.write(name, &fs::read_to_string(path).unwrap());
        }
        team.grants(8);
        team
    }

    /// The same, applied, with these boundaries.
    fn applied(boundaries: &str) -> Self {
        let team = Self::new();
        if !boundaries.is_empty() {
            team.write("boundary.yaml", boundaries);
        }
        says(&team.apply(&[]), 0, &["8 gained"]);
        team
    }

    fn grants(&self, number: usize) {
        let mut text = String::new();
        for one in 0..number {
            let _ = write!(text, "{}", grant(&format!("g{one}"), one, "Message Center Reader", ""));
        }
        self.write("grants.yaml", &text);
    }

    fn write(&self, name: &str, text: &str) {
        self.place.write(&format!("m/{name}"), text);
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.place.path().join("m").join(name)).unwrap();
    }

    fn run(&self, words: &[&str]) -> Ran {
        let ran = self.place.run(words);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        ran
    }

    fn diff(&self, more: &[&str]) -> Ran {
        self.run(&[&["diff", "-f", "m"], more].concat())
    }

    fn apply(&self, more: &[&str]) -> Ran {
        self.run(&[&["apply", "-f", "m"], more].concat())
    }

    /// How many assignments there are.
    fn held(&self) -> usize {
        let text = self.run(&["get", "grants", "-o", "json"]).stdout;
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        document["items"].as_array().map_or(0, Vec::len)
    }

    fn holds(&self, role: &str) -> bool {
        self.run(&["get", "grants"]).stdout.contains(role)
    }
}

fn grant(name: &str, group: usize, role: &str, more: &str) -> String {
    format!(
        "---
apiVersion: concordat.dev/v1alpha1
kind: RoleGrant
metadata: {{name: {name}, namespace: msp-helpdesk}}
spec:
  relationshipRef: {{name: fabrikam}}
  grantee: {{securityGroup: {{id: 0a0a0a0a-1111-4222-8333-{group:012}, displayName: Group {group}}}}}
  roles: [{role}]
{more}"
    )
}

/// A boundary: each part as it is, or any.
#[derive(Clone, Default)]
struct Boundary {
    name: &'static str,
    namespaces: &'static str,
    partner: &'static str,
    certified_for: &'static str,
    customers: &'static str,
    grantees: &'static str,
    roles: &'static str,
    longest: &'static str,
    limits: &'static str,
}

/// A boundary that admits everything to the namespace, but for its limits.
fn limited(name: &'static str, limits: &'static str) -> Boundary {
    Boundary { name, limits, ..Boundary::default() }
}

impl Boundary {
    fn text(&self) -> String {
        let or =
            |text: &'static str, other: &'static str| if text.is_empty() { other } else { text };
        let any = |text| or(text, "{any: true}");
        let part = |name: &str, text: &str| match text {
            "" => String::new(),
            text => format!("  {name}: {text}\n"),
        };
        format!(
            "---
apiVersion: concordat.dev/v1alpha1
kind: PartnerBoundary
metadata: {{name: {}}}
spec:
  namespaces: [{}]
  partner: {{tenantId: {}, cloud: Global, certifiedFor: [{}]}}
  customers: {}
  grantees: {}
  roles: {}
{}{}",
            or(self.name, "helpdesk"),
            or(self.namespaces, "msp-helpdesk"),
            or(self.partner, PARTNER),
            or(self.certified_for, "GranularDelegatedAdmin"),
            any(self.customers),
            any(self.grantees),
            any(self.roles),
            part("privileged", self.longest),
            part("limits", self.limits),
        )
    }
}

fn says(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, Some(code), "{}{}", ran.stdout, ran.stderr);
    for word in words {
        let found = ran.stdout.contains(word) || ran.stderr.contains(word);
        assert!(found, "no `{word}` in\n{}{}", ran.stdout, ran.stderr);
    }
}

/// The first batch's hash that an answer tells how to approve.
fn hash_to_approve(ran: &Ran) -> String {
    let (_, rest) = ran.stdout.split_once("--approve ").expect("something waits");
    rest.chars().take_while(char::is_ascii_hexdigit).collect()
}

/// Applied twice, what the earlier boundary holds back waits, and `diff` names the boundary; once it is approved it runs,
/// and after that nothing is left to do.
fn waits(team: &Team, more: &[&str], name: &str, unchanged: impl Fn(&Team) -> bool) {
    let mut hash = String::new();
    for _ in 0..2 {
        let ran = team.apply(more);
        assert!(unchanged(team), "{}", ran.stdout);
        says(&ran, 1, &["blocked until a person approves"]);
        hash = hash_to_approve(&ran);
    }
    says(&team.diff(more), 1, &["blocked", name]);
    let fails = [more, &["--fail-on", "boundary"]].concat();
    says(&team.diff(&fails), 1, &["the plan has `boundary`"]);
    says(&team.apply(&fails), 1, &["the plan has `boundary`"]);
    says(&team.apply(&[more, &["--approve", &hash]].concat()), 0, &[]);
    assert!(!unchanged(team), "what was approved runs");
    let rest = team.diff(more);
    let is_done =
        ["Nothing changes", "nothing to do now"].iter().any(|word| rest.stdout.contains(word));
    assert!(rest.code == Some(0) && is_done, "{}", rest.stdout);
    says(&team.run(&["ledger", "verify"]), 0, &[]);
}

fn nobody_loses(team: &Team, name: &str) {
    waits(team, &["--prune"], name, |team| team.held() == 8);
}

#[test]
fn a_boundary_that_comes_does_not_let_its_own_change_through() {
    for limits in [
        HUGE,
        "{revocations: {count: 100, share: 100}}",
        "{window: PT1S, revocations: {share: 100}}",
    ] {
        let team = Team::applied("");
        team.remove("grants.yaml");
        team.write("boundary.yaml", &limited("wide", limits).text());
        nobody_loses(&team, "wide");
    }
}

#[test]
fn what_is_stored_as_blocked_stays_so_whatever_boundary_comes() {
    for limits in ["", HUGE] {
        let team = Team::applied("");
        team.remove("grants.yaml");
        says(&team.apply(&["--prune"]), 1, &["8 blocked"]);
        team.write("boundary.yaml", &limited("wide", limits).text());
        nobody_loses(&team, "wide");
    }
}

#[test]
fn limits_that_are_raised_by_any_name_do_not_govern_the_run_that_they_come_with() {
    let strict = limited("strict", "{revocations: {count: 1}}").text();
    let elsewhere =
        Boundary { namespaces: "elsewhere", ..limited("strict", "{revocations: {count: 1}}") };
    let wide = limited("wide", HUGE);
    let raised = [
        limited("strict", HUGE).text(),
        limited("strict", "{revocations: {count: 1000, share: 100}}").text(),
        wide.text(),
        format!("{}{}", elsewhere.text(), wide.text()),
    ];
    for after in raised {
        let team = Team::applied(&strict);
        team.remove("grants.yaml");
        team.write("boundary.yaml", &after);
        let name = if after.contains("wide") { "wide" } else { "strict" };
        nobody_loses(&team, name);
    }
}

#[test]
fn a_boundary_that_goes_in_whatever_way_goes_on_holding() {
    let strict = limited("strict", "{privilegedGains: 0}");
    let ways = ["", &Boundary { namespaces: "elsewhere", ..strict.clone() }.text()];
    for (way, prune) in ways.iter().flat_map(|way| [(way, true), (way, false)]) {
        let team = Team::applied(&strict.text());
        if way.is_empty() {
            team.remove("boundary.yaml");
        } else {
            team.write("boundary.yaml", way);
        }
        team.write("more.yaml", &privileged());
        let more: &[&str] = if prune { &["--prune"] } else { &[] };
        let unchanged = |team: &Team| !team.holds("Helpdesk Administrator");
        let ran = team.apply(more);
        assert!(unchanged(&team), "{}", ran.stdout);
        says(&ran, 1, &["1 gain of a privileged role, 0 allowed", "strict"]);
        says(
            &team.diff(&[more, &["--fail-on", "boundary"]].concat()),
            1,
            &["the plan has `boundary`"],
        );
        says(&team.apply(more), 1, &["blocked"]);
        assert!(unchanged(&team));
        team.remove("more.yaml");
        if !prune {
            says(
                &team.apply(&[]),
                0,
                &["boundary `strict` goes on bounding namespace `msp-helpdesk`"],
            );
        }
    }
}

fn privileged() -> String {
    grant(
        "privileged",
        0,
        "Helpdesk Administrator",
        "  justification: because\n  notAfter: \"2027-06-30T22:00:00Z\"\n",
    )
}

#[test]
fn whatever_a_wider_boundary_admits_for_the_first_time_waits_with_it() {
    let reader = "{allowed: [Message Center Reader]}";
    let group = |number: usize| format!("0a0a0a0a-1111-4222-8333-{number:012}");
    let groups: Vec<String> = (0..8).map(group).collect();
    let groups: &'static str = format!("{{groupIds: [{}]}}", groups.join(", ")).leak();
    let fabrikam: &'static str = format!("{{tenantIds: [{FABRIKAM}]}}").leak();
    let other = |what: &str, from: &str, to: &str| {
        let path = root().join("examples/quickstart").join(what);
        fs::read_to_string(path).unwrap().replace(from, to)
    };
    let relationship = other("relationship.yaml", "fabrikam", "another")
        .replace(FABRIKAM, "cccccccc-1111-4222-8333-444444444444");
    let offer = other("offer.yaml", "GranularDelegatedAdmin", "DelegatedAdmin")
        .replace("name: helpdesk", "name: legacy")
        .replace(
            "  - Message Center Reader\n  - Service Support Administrator\n",
            "  - Global Administrator\n",
        );
    let legacy = format!("{offer}---\n{}", relationship.replace("name: helpdesk", "name: legacy"));
    let partner = "dddddddd-1111-4222-8333-444444444444";
    let stranger =
        other("offer.yaml", PARTNER, partner).replace("name: helpdesk", "name: stranger");
    let stranger =
        format!("{stranger}---\n{}", relationship.replace("name: helpdesk", "name: stranger"));
    let service = "Service Support Administrator";
    let of = Boundary::default;
    let cases = [
        ("roles", Boundary { roles: reader, ..of() }, of(), grant("more", 1, service, ""), service),
        (
            "grantees",
            Boundary { grantees: groups, ..of() },
            of(),
            grant("more", 99, "Message Center Reader", ""),
            "000000000099",
        ),
        (
            "privileged.maxWindow",
            Boundary { longest: "{maxWindow: PT8H}", ..of() },
            Boundary { longest: "{maxWindow: P730D}", ..of() },
            privileged().replace("  notAfter", "  notBefore: \"2026-11-01T00:00:00Z\"\n  notAfter"),
            "Helpdesk Administrator",
        ),
        ("customers", Boundary { customers: fabrikam, ..of() }, of(), relationship, "another"),
        (
            "partner.certifiedFor",
            of(),
            Boundary { certified_for: "GranularDelegatedAdmin, DelegatedAdmin", ..of() },
            legacy,
            "another",
        ),
    ];
    for (part, before, after, more, sign) in cases {
        let team = Team::applied(&before.text());
        team.write("boundary.yaml", &after.text());
        team.write("more.yaml", &more);
        let what = if sign == "another" { "relationships" } else { "grants" };
        let shown = |team: &Team| team.run(&["get", what]).stdout.contains(sign);
        waits(&team, &[], part, |team| !shown(team));
    }
    let team = Team::applied(&of().text());
    team.write("boundary.yaml", &Boundary { partner, ..of() }.text());
    team.write("more.yaml", &stranger);
    says(&team.apply(&[]), 1, &["lies outside boundary `helpdesk`"]);
    for name in ["offer.yaml", "relationship.yaml", "acceptance.yaml", "grants.yaml"] {
        team.remove(name);
    }
    says(&team.apply(&[]), 1, &["blocked", "partner"]);
    assert!(!team.run(&["get", "relationships"]).stdout.contains("another"));
}

#[test]
fn what_cannot_be_given_yet_holds_the_wider_boundary_back_as_well() {
    let team = Team::new();
    team.remove("acceptance.yaml");
    team.grants(0);
    team.write(
        "boundary.yaml",
        &Boundary { roles: "{allowed: [Message Center Reader]}", ..Boundary::default() }.text(),
    );
    says(&team.apply(&[]), 0, &["1 invitation"]);
    team.write("boundary.yaml", &Boundary::default().text());
    team.write("grants.yaml", &grant("more", 1, "Service Support Administrator", ""));
    says(&team.apply(&[]), 1, &["blocked", "roles"]);
    let path = root().join("examples/quickstart/acceptance.yaml");
    team.write("acceptance.yaml", &fs::read_to_string(path).unwrap());
    for _ in 0..2 {
        says(&team.apply(&[]), 1, &["blocked"]);
        assert!(!team.holds("Service Support Administrator"));
    }
}

#[test]
fn two_boundaries_for_a_namespace_and_one_with_problems_change_nothing() {
    let team = Team::applied("");
    team.remove("grants.yaml");
    let two = format!("{}{}", limited("one", HUGE).text(), limited("two", "").text());
    let broken = Boundary { partner: "nobody", ..limited("wide", HUGE) }.text();
    for text in [two, broken] {
        team.write("boundary.yaml", &text);
        says(&team.apply(&["--prune"]), 1, &[]);
        assert_eq!(team.held(), 8);
    }
}

#[test]
fn a_row_that_moves_into_a_namespace_with_a_wider_boundary_waits() {
    let strict = Boundary { roles: "{allowed: [Message Center Reader]}", ..Boundary::default() };
    let same = Boundary { name: "two", namespaces: "two", ..strict.clone() };
    let wide = Boundary { namespaces: "two", ..limited("two", HUGE) };
    let moved = |boundaries: &str, trusted: bool| {
        let team = Team::applied(&strict.text());
        for name in ["acceptance.yaml", "relationship.yaml", "grants.yaml"] {
            team.remove(name);
        }
        for name in ["offer.yaml", "relationship.yaml"] {
            let path = root().join("examples/quickstart").join(name);
            let text = fs::read_to_string(path).unwrap().replace("msp-helpdesk", "two");
            let annotated =
                "  annotations: {concordat.dev/adopt-from: cli/msp-helpdesk/fabrikam}\n  labels:";
            team.write(&format!("two-{name}"), &text.replace("  labels:", annotated));
        }
        let service = grant("more", 1, "Service Support Administrator", "");
        team.write("two-grants.yaml", &service.replace("msp-helpdesk", "two"));
        if trusted {
            team.remove("boundary.yaml");
            team.place.write("trusted/both.yaml", boundaries);
        } else {
            team.write("boundary.yaml", boundaries);
        }
        team
    };
    for (trusted, more) in [(false, &[][..]), (true, &["--boundary", "trusted"])] {
        let team = moved(&format!("{}{}", strict.text(), wide.text()), trusted);
        for _ in 0..2 {
            says(&team.apply(more), 1, &["blocked", "claim the relationship"]);
            assert!(!team.holds("Service Support Administrator"));
        }
        // Another name is another budget, of which nothing was there before.
        let team = moved(&format!("{}{}", strict.text(), same.text()), trusted);
        team.remove("two-grants.yaml");
        let ran = team.apply(more);
        says(&ran, 1, &["blocked", "claim the relationship"]);
        let hash = hash_to_approve(&ran);
        let approve = [more, &["--approve", &hash]].concat();
        says(&team.apply(&approve), 0, &["claimed the relationship"]);
    }
}

#[test]
fn a_run_that_is_bound_to_its_namespace_speaks_for_no_other() {
    let team = Team::applied("");
    // Another team plants an object of this one's namespace among its own, so that all the rest is absent.
    for name in ["acceptance.yaml", "relationship.yaml", "grants.yaml"] {
        team.remove(name);
    }
    let only = ["--only-namespace", "two"];
    let held = team.held();
    for words in [
        &["validate", "-f", "m"][..],
        &["diff", "-f", "m", "--prune"],
        &["apply", "-f", "m", "--prune"],
    ] {
        let ran = team.run(&[words, &only].concat());
        says(&ran, 1, &["C0554", "namespace `msp-helpdesk` is not one of `--only-namespace`"]);
    }
    assert_eq!(team.held(), held);
    let ours = ["--only-namespace", "msp-helpdesk", "--only-namespace", "two"];
    says(&team.diff(&ours), 0, &["goes on"]);
}

/// Seven relationships of the quickstart's offer, each with one group.
fn seven(namespace: &str, grants: bool, claims: bool) -> String {
    let path = root().join("examples/quickstart");
    let read = |name: &str| fs::read_to_string(path.join(name)).unwrap();
    let mut text = read("offer.yaml");
    for number in 0..7 {
        let id = format!("bbbbcccc-1111-dddd-2222-eeee3333ff{number:02}");
        let relationship = read("relationship.yaml")
            .replace("fabrikam", &format!("customer-{number}"))
            .replace("bbbbcccc-1111-dddd-2222-eeee3333ffff", &id);
        let annotated = format!(
            "  annotations: {{concordat.dev/adopt-from: cli/msp-helpdesk/customer-{number}}}\n  labels:"
        );
        text.push_str("---\n");
        text.push_str(&if claims {
            relationship.replace("  labels:", &annotated)
        } else {
            relationship
        });
        if grants {
            let one = grant(&format!("g{number}"), number, "Message Center Reader", "");
            text.push_str(
                &one.replace("{name: fabrikam}", &format!("{{name: customer-{number}}}")),
            );
        }
    }
    text.replace("msp-helpdesk", namespace).replace(&format!("cli/{namespace}"), "cli/msp-helpdesk")
}

#[test]
fn a_row_that_moves_to_another_budget_loses_nothing_there_uncounted() {
    let two = Boundary { namespaces: "two", ..limited("two", "{}") };
    let trusted: [&[&str]; 2] = [&[], &["--boundary", "trusted"]];
    for more in trusted {
        let team = Team::new();
        for name in ["acceptance.yaml", "relationship.yaml", "grants.yaml", "offer.yaml"] {
            team.remove(name);
        }
        team.write("all.yaml", &seven("msp-helpdesk", true, false));
        let both = format!("{}{}", limited("helpdesk", "{}").text(), two.text());
        team.place.write("trusted/both.yaml", &both);
        team.apply(more);
        for number in 0..7 {
            let customer = format!("customer-{number}");
            let ran = team.run(&[
                "accept",
                &customer,
                "-f",
                "m",
                "-n",
                "msp-helpdesk",
                "--first-name",
                "Ada",
                "--last-name",
                "Lovelace",
                "--email",
                "ada@fabrikam.example",
                "--role",
                "GlobalAdministrator",
                "--read-confirmed",
                "--name",
                &format!("a{number}"),
                "--write",
                &format!("m/accepted-{number}.yaml"),
            ]);
            assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        }
        says(&team.apply(more), 0, &["7 gained"]);
        assert_eq!(team.held(), 7);
        // Somebody else still stands in the old namespace, so that its owners are known to be gone.
        let left = fs::read_to_string(root().join("examples/quickstart/offer.yaml")).unwrap();
        for number in 0..7 {
            team.remove(&format!("accepted-{number}.yaml"));
        }
        team.write("all.yaml", &format!("{left}---\n{}", seven("two", false, true)));
        if more.is_empty() {
            team.write("boundary.yaml", &two.text());
        }
        for _ in 0..3 {
            let ran = team.apply(&[&["--prune"], more].concat());
            says(&ran, 1, &["blocked"]);
            assert_eq!(team.held(), 7, "{}", ran.stdout);
        }
        says(&team.run(&["ledger", "verify"]), 0, &["whole"]);
    }
}

#[test]
fn what_begins_later_or_waits_for_a_customer_holds_the_wider_limits_back_as_well() {
    let strict = limited("helpdesk", "{privilegedGains: 0, newGrantees: 0}");
    let later = "  justification: on call\n  notBefore: \"2027-06-01T00:00:00Z\"\n";
    let privileged = grant("later", 77, "Helpdesk Administrator", later);
    let suspended =
        grant("held", 78, "Helpdesk Administrator", "  justification: on call\n  suspend: true\n");
    for wish in [privileged, suspended] {
        for wider in [limited("helpdesk", HUGE).text(), String::new()] {
            let team = Team::applied("");
            says(&team.apply(&[]), 0, &[]);
            team.write("boundary.yaml", &strict.text());
            says(&team.apply(&[]), 0, &[]);
            team.write("boundary.yaml", &wider);
            team.write("more.yaml", &wish);
            for _ in 0..2 {
                let ran = team.apply(&["--prune"]);
                says(&ran, 1, &["1 blocked", "boundary that becomes wider"]);
            }
        }
    }
}

#[test]
fn what_begins_later_is_told_and_refused_where_that_is_asked_for() {
    let team = Team::applied("");
    let later = "  justification: on call\n  notBefore: \"2027-06-01T00:00:00Z\"\n";
    team.write("more.yaml", &grant("later", 77, "Helpdesk Administrator", later));
    for format in ["text", "json", "markdown", "sarif", "github"] {
        let ran = team.diff(&["-o", format]);
        says(&ran, 0, &["from 2027-06-01T00:00:00Z until the end of the relationship", "C0523"]);
    }
    for word in ["privileged", "no-expiry"] {
        says(&team.diff(&["--fail-on", word]), 1, &[&format!("the plan has `{word}`")]);
    }
    let never = "  justification: on call\n  notBefore: \"2099-06-01T00:00:00Z\"\n";
    team.write("more.yaml", &grant("later", 77, "Helpdesk Administrator", never));
    says(&team.diff(&[]), 0, &["never begins", "C0524"]);
}

#[test]
fn a_saved_plan_is_no_way_around_the_earlier_boundary() {
    let team = Team::applied(&limited("strict", "{revocations: {count: 1}}").text());
    team.remove("grants.yaml");
    team.place.write("plan.json", team.diff(&["--prune", "-o", "json"]).stdout);
    team.write("boundary.yaml", &limited("wide", HUGE).text());
    says(
        &team.apply(&["--prune", "--plan", "plan.json"]),
        2,
        &["no longer those of the saved plan"],
    );
    let ran = team.diff(&["--prune", "-o", "json"]);
    assert!(ran.stdout.contains("SetBoundary") && ran.stdout.contains("wide"), "{}", ran.stdout);
    team.place.write("plan.json", ran.stdout);
    says(&team.apply(&["--prune", "--plan", "plan.json"]), 1, &["blocked"]);
    assert_eq!(team.held(), 8);
}

#[test]
fn every_form_of_the_answer_names_the_boundary() {
    let team = Team::applied(&limited("strict", "{revocations: {count: 1}}").text());
    team.write("boundary.yaml", &limited("wide", HUGE).text());
    for form in ["text", "json", "yaml", "markdown", "sarif", "junit", "github"] {
        says(&team.diff(&["-o", form]), 1, &["wide"]);
    }
    team.remove("boundary.yaml");
    for form in ["text", "json", "yaml", "markdown", "sarif", "github"] {
        says(&team.diff(&["-o", form]), 0, &["strict", "msp-helpdesk"]);
    }
    says(&team.diff(&["--fail-on", "boundary"]), 1, &["the plan has `boundary`"]);
}

#[test]
fn a_boundary_that_is_widened_alone_is_told_and_serves_the_next_change() {
    let team = Team::applied(&limited("strict", "{privilegedGains: 0}").text());
    team.write("boundary.yaml", &limited("strict", "{privilegedGains: 5}").text());
    let told = "limits.privilegedGains 0 => 5 (wider)";
    says(&team.diff(&[]), 1, &[told]);
    says(&team.apply(&[]), 0, &[told]);
    says(&team.diff(&["--fail-on", "boundary"]), 0, &["Nothing changes"]);
    team.write("more.yaml", &privileged());
    says(&team.apply(&[]), 0, &["1 gained"]);
    let history = team.run(&["history"]).stdout;
    assert!(history.contains("BoundarySet"), "{history}");
}

#[test]
fn a_narrower_boundary_counts_at_once_and_is_remembered() {
    let team = Team::applied(&limited("helpdesk", "").text());
    team.write("boundary.yaml", &limited("helpdesk", "{privilegedGains: 0}").text());
    team.write("more.yaml", &privileged());
    says(&team.apply(&[]), 1, &["1 gain of a privileged role, 0 allowed"]);
    team.write("boundary.yaml", &limited("helpdesk", "").text());
    says(&team.apply(&[]), 1, &["blocked", "limits.privilegedGains 0 => 25 (wider)"]);
    assert!(!team.holds("Helpdesk Administrator"));
}

#[test]
fn an_empty_store_takes_its_first_boundary_as_it_is() {
    let team = Team::new();
    team.write("more.yaml", &privileged());
    team.write("boundary.yaml", &limited("wide", HUGE).text());
    says(&team.apply(&[]), 0, &["9 gained"]);
    team.remove("grants.yaml");
    says(&team.apply(&["--prune"]), 0, &["8 lost"]);
}

#[test]
fn another_name_is_neither_a_new_budget_nor_a_smaller_whole() {
    let team = Team::applied(&limited("one", "").text());
    team.grants(6);
    says(&team.apply(&["--prune"]), 0, &["2 lost"]);
    team.write("boundary.yaml", &limited("two", "").text());
    says(&team.apply(&["--prune"]), 0, &["`one` => `two`"]);
    team.grants(5);
    says(&team.apply(&["--prune"]), 1, &["3 assignments that lose something"]);
    assert_eq!(team.held(), 6);
}

#[test]
fn what_waited_under_one_name_waits_under_another_and_the_rest_does_not() {
    let team = Team::applied(&limited("one", "{revocations: {count: 1}}").text());
    team.grants(6);
    says(&team.apply(&["--prune"]), 1, &["2 blocked"]);
    team.grants(8);
    team.write("boundary.yaml", &limited("two", HUGE).text());
    says(&team.apply(&["--prune"]), 0, &["`one` => `two`"]);
    team.grants(5);
    says(&team.apply(&["--prune"]), 1, &["1 lost; 2 blocked", "by the limits of `two`"]);
    assert_eq!(team.held(), 7);
}

#[test]
fn a_trusted_boundary_governs_as_it_stands_and_no_other_counts() {
    let team = Team::applied("");
    team.place.write("trusted/boundary.yaml", limited("helpdesk", "{privilegedGains: 0}").text());
    let trusted = ["--boundary", "trusted"];
    team.write("more.yaml", &privileged());
    for _ in 0..2 {
        says(&team.apply(&trusted), 1, &["1 blocked"]);
        assert!(!team.holds("Helpdesk Administrator"));
    }
    team.write("boundary.yaml", &limited("wide", HUGE).text());
    for command in ["validate", "diff", "apply"] {
        let ran = team.run(&[command, "-f", "m", "--boundary", "trusted"]);
        says(&ran, 1, &["boundary `wide` does not count"]);
    }
    team.write("boundary.yaml", &limited("helpdesk", "{privilegedGains: 0}").text());
    says(&team.run(&["validate", "-f", "m", "--boundary", "trusted"]), 0, &["no problems"]);
    team.remove("boundary.yaml");
    team.remove("more.yaml");
    team.remove("grants.yaml");
    team.place.write("trusted/boundary.yaml", limited("helpdesk", HUGE).text());
    says(
        &team.diff(&["--prune", "--boundary", "trusted", "--fail-on", "boundary"]),
        1,
        &["boundary"],
    );
    says(&team.apply(&["--prune", "--boundary", "trusted"]), 0, &["8 lost"]);
}

#[test]
fn a_trusted_boundary_is_neither_forgotten_nor_replaced_by_a_run_that_does_not_read_it() {
    let team = Team::applied("");
    team.place.write("trusted/boundary.yaml", limited("helpdesk", "{privilegedGains: 0}").text());
    says(&team.apply(&["--boundary", "trusted"]), 0, &["read from the manifests => `--boundary`"]);
    let others = [String::new(), limited("wide", HUGE).text(), limited("helpdesk", HUGE).text()];
    for (other, prune) in others.iter().flat_map(|other| [(other, true), (other, false)]) {
        team.write("boundary.yaml", other);
        let more: &[&str] = if prune { &["--prune"] } else { &[] };
        let told =
            "boundary `helpdesk` goes on bounding namespace `msp-helpdesk`, which was read from";
        says(&team.apply(more), 0, &[told, "give `--boundary` to every run"]);
        let fail_on = [more, &["--fail-on", "boundary"]].concat();
        says(&team.diff(&fail_on), 1, &["the plan has `boundary`"]);
        team.write("more.yaml", &privileged());
        says(&team.diff(more), 1, &["1 gain of a privileged role, 0 allowed"]);
        says(&team.apply(more), 1, &["1 blocked"]);
        assert!(!team.holds("Helpdesk Administrator"));
        team.remove("more.yaml");
    }
    team.write("boundary.yaml", "");
    team.place.write("trusted/boundary.yaml", limited("helpdesk", HUGE).text());
    says(&team.apply(&["--boundary", "trusted"]), 0, &["privilegedGains 0 => "]);
    says(&team.apply(&[]), 0, &["goes on bounding"]);
    says(&team.run(&["ledger", "verify"]), 0, &["whole"]);
}

#[test]
fn with_a_trusted_boundary_nothing_is_done_in_a_namespace_that_it_does_not_name() {
    let team = Team::new();
    team.place.write("trusted.yaml", limited("helpdesk", "").text());
    let moved = grant("g", 1, "Message Center Reader", "").replace("msp-helpdesk", "another");
    team.write("more.yaml", &moved);
    let trusted = ["--boundary", "trusted.yaml"];
    says(&team.apply(&trusted), 1, &["names the namespace `another`"]);
    team.remove("more.yaml");
    says(&team.apply(&trusted), 0, &["8 gained"]);
    says(&team.apply(&["--boundary", "nowhere.yaml"]), 2, &["nowhere.yaml"]);
    team.place.write("empty.yaml", "");
    says(&team.apply(&["--boundary", "empty.yaml"]), 2, &["no boundary was found"]);
}

#[test]
fn the_same_holds_on_a_server() {
    let team = Team::new();
    let database = crate::postgres::server().database("boundaries");
    let store = ["--prune", "--store", &database.owner.url];
    team.write("boundary.yaml", &limited("strict", "{revocations: {count: 1}}").text());
    says(&team.apply(&store), 0, &["8 gained"]);
    team.remove("grants.yaml");
    team.write("boundary.yaml", &limited("wide", HUGE).text());
    for _ in 0..2 {
        says(&team.apply(&store), 1, &["blocked", "wide"]);
    }
    let ran = team.diff(&store);
    says(&ran, 1, &["blocked"]);
    says(
        &team.apply(&[&store[..], &["--approve", &hash_to_approve(&ran)]].concat()),
        0,
        &["8 lost"],
    );
    says(&team.diff(&store), 0, &["Nothing changes"]);
    says(&team.run(&["ledger", "verify", "--store", &database.owner.url]), 0, &[]);
}

#[tokio::test]
async fn the_ledger_explains_what_the_store_remembers() {
    let team = Team::applied("");
    for boundary in [limited("one", ""), limited("two", HUGE), limited("two", "")] {
        team.write("boundary.yaml", &boundary.text());
        says(&team.apply(&[]), 0, &[]);
    }
    let url = format!("sqlite:{}", team.place.path().join("concordat.db").display());
    let mut store = open_reader(&url.parse().unwrap()).await.unwrap();
    let observed = store.observe(&Scope::All).await.unwrap();
    let mut replay = Replay::new(Until::end());
    for entry in store.entries(0, 1_000).await.unwrap() {
        replay.push(&entry);
    }
    let replayed = replay.finish(observed.now);
    assert!(replayed.not_understood.is_empty());
    assert_eq!(replayed.state.boundaries, observed.boundaries);
    let revisions: Vec<i64> = observed.boundaries.values().map(|known| known.revision).collect();
    assert_eq!(revisions, [3]);
}
