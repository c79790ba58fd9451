//! Each rule of the second opinion can fail: worlds that somebody has broken.
//!
//! Never: a rule without one.

use std::collections::BTreeSet;

use concordat::domain::state::Absence;
use serde_json::{Value, json};

use super::{
    cast::{
        answer, boundary, grant, group, limits, no_limits, object, proposal, relationship, written,
    },
    declared::Declared,
    folder::file_of,
    oracle::{Breach, Known, Oracle, Rule, Step, rests},
    sequence::ledger_fault,
    snapshot::Snapshot,
    world::{Command, Member, Told, World},
};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// A run that can be tampered with before it is judged.
struct Run {
    world: World,
    oracle: Oracle,
    before: Snapshot,
    after: Snapshot,
    declared: Declared,
    told: Told,
    absence: Absence,
}

#[track_caller]
fn nothing(breaches: &[Breach]) {
    assert!(breaches.is_empty(), "{breaches:#?}");
}

/// Two relationships that are accepted, and eight groups that read reports under the first for five days.
async fn scene() -> Run {
    let mut world = World::new().await;
    let empty = world.snapshot().await;
    let mut run = Run {
        world,
        oracle: Oracle::default(),
        before: empty.clone(),
        after: empty,
        declared: Declared::default(),
        told: Told::default(),
        absence: Absence::Keep,
    };
    run.put("PartnerBoundary", "", "b", boundary(&["msp"], 0, &no_limits()));
    run.put("PartnerOffer", "msp", "all", proposal(0, "all"));
    run.put("PartnerOffer", "msp", "few", proposal(0, "few"));
    for (number, name) in ["r0", "r1"].into_iter().enumerate() {
        run.put("PartnerRelationship", "msp", name, relationship(name, "msp", number, "all"));
    }
    run.applies().await;
    run.accepts_all();
    for number in 0..8 {
        run.grants(number, &[1], Some(5 * DAY));
    }
    nothing(&run.applied_and_judged().await);
    run.world.pass(2 * HOUR);
    run
}

impl Run {
    fn put(&mut self, kind: &str, namespace: &str, name: &str, spec: Value) {
        let object = object(kind, namespace, name, spec);
        self.world.folder.put(&file_of(kind, namespace, name), &object);
    }

    fn accepts_all(&mut self) {
        for (number, pending) in self.after.pending().iter().enumerate() {
            let spec = answer(pending, "Accept", self.world.now());
            self.put("AgreementAcceptance", "msp", &format!("a{number}-{}", pending.name), spec);
        }
    }

    fn grants(&mut self, number: usize, roles: &[usize], lasts: Option<i64>) {
        let mut spec = grant("r0", number, roles);
        if let Some(lasts) = lasts {
            spec["notAfter"] = json!(written(self.world.now() + lasts));
        }
        self.put("RoleGrant", "msp", &format!("g{number}"), spec);
    }

    fn removes(&mut self, numbers: impl IntoIterator<Item = usize>) {
        for number in numbers {
            self.world.folder.remove(&file_of("RoleGrant", "msp", &format!("g{number}")));
        }
    }

    fn forgets_acceptances(&mut self) {
        for file in self.world.folder.of_kind("AgreementAcceptance") {
            self.world.folder.remove(&file);
        }
    }

    async fn applies(&mut self) {
        let command = Command { absence: self.absence, ..Command::everything() };
        self.before = self.after.at(self.world.now());
        self.told = self.world.run(&command).await;
        assert_eq!(self.told.problems, Vec::<String>::new());
        self.after = self.world.snapshot().await;
        self.declared = Declared::read(self.world.folder.objects(&[]));
    }

    /// Somebody writes to the database, and it looks as if the run had.
    async fn tampers(&mut self, statement: &'static str) {
        sqlx::raw_sql(statement).execute(&mut self.world.eye).await.unwrap();
        self.after = self.world.snapshot().await;
    }

    fn judged(&mut self) -> Vec<Breach> {
        let step = Step {
            before: &self.before,
            after: &self.after,
            declared: &self.declared,
            prunes: self.absence == Absence::Prune,
            approves: BTreeSet::new(),
            told: &self.told,
        };
        self.oracle.judge(&step)
    }

    async fn applied_and_judged(&mut self) -> Vec<Breach> {
        self.applies().await;
        self.judged()
    }

    #[track_caller]
    fn breaks(&mut self, rule: Rule) -> Breach {
        let breaches = self.judged();
        let found = breaches.iter().find(|breach| breach.rule == rule);
        found.unwrap_or_else(|| panic!("{rule:?} holds: {breaches:#?}")).clone()
    }

    /// The same run under limits that the program was not told.
    fn bounded_by(&mut self, limits: &Value) {
        let object = object("PartnerBoundary", "", "b", boundary(&["msp"], 0, limits));
        self.declared.boundaries = Declared::read([&object].into_iter()).boundaries;
        for (bounds, _) in self.oracle.limits.bounded.values_mut() {
            *bounds = self.declared.boundaries["b"].clone();
        }
    }
}

const ABOVE: &str = "INSERT INTO assignment_roles SELECT relationship_id, grantee_id, \
    '62e90394-69f5-4237-9190-012177145e10', until_ms FROM assignment_roles \
    WHERE relationship_id = (SELECT id FROM relationships ORDER BY id LIMIT 1) LIMIT 1";
const LONGER: &str = "UPDATE assignment_roles SET until_ms = until_ms + 1000 \
    WHERE relationship_id = (SELECT id FROM relationships ORDER BY id LIMIT 1)";

#[tokio::test]
async fn what_is_held_above_the_ceiling_is_found() {
    let mut run = scene().await;
    run.applies().await;
    run.tampers(ABOVE).await;
    run.breaks(Rule::Ceiling);
}

#[tokio::test]
async fn what_is_held_without_an_acceptance_is_found() {
    let mut run = scene().await;
    run.applies().await;
    run.oracle.answers.clear();
    run.forgets_acceptances();
    run.applies().await;
    run.breaks(Rule::Acceptance);

    let mut run = scene().await;
    run.applies().await;
    run.tampers("UPDATE relationships SET invitation = json_set(invitation, '$.customer', 'x')")
        .await;
    run.breaks(Rule::Acceptance);

    let mut run = scene().await;
    run.applies().await;
    run.tampers("UPDATE relationships SET lifecycle = 'ApprovalPending'").await;
    run.breaks(Rule::Acceptance);
}

#[tokio::test]
async fn what_is_held_for_longer_than_declared_or_accepted_is_found() {
    let mut run = scene().await;
    run.applies().await;
    run.tampers(LONGER).await;
    run.breaks(Rule::Declared);

    let mut run = scene().await;
    run.grants(0, &[1], Some(HOUR));
    run.applies().await;
    run.after = run.before.clone();
    run.breaks(Rule::Declared);

    let mut run = scene().await;
    run.grants(0, &[1], None);
    run.applies().await;
    run.tampers("UPDATE relationships SET ends_at_ms = ends_at_ms + 15552000000").await;
    run.tampers("UPDATE assignment_roles SET until_ms = until_ms + 15552000000").await;
    run.breaks(Rule::Accepted);
}

#[tokio::test]
async fn what_is_untold_or_told_and_not_so_is_found() {
    let mut run = scene().await;
    run.grants(0, &[2], Some(DAY));
    run.applies().await;
    assert!(run.told.access.len() > 1);
    let hidden = run.told.access.pop_first().unwrap();
    run.breaks(Rule::Truth);

    let mut run = scene().await;
    run.applies().await;
    run.told.access.insert(hidden.0, hidden.1);
    run.breaks(Rule::Truth);
}

#[tokio::test]
async fn another_answer_of_apply_than_of_diff_is_found() {
    let mut run = scene().await;
    run.grants(0, &[2], Some(DAY));
    run.applies().await;
    run.told.announced.pop();
    run.breaks(Rule::OneAnswer);
}

#[tokio::test]
async fn each_limit_that_is_passed_is_found() {
    let mut run = scene().await;
    run.absence = Absence::Prune;
    run.removes(0..3);
    run.applies().await;
    run.bounded_by(&limits("PT1H", 2, 100, 100));
    let found = run.breaks(Rule::Limits);
    assert!(found.words.starts_with("Revocations") && found.known.is_empty(), "{found:?}");

    let mut run = scene().await;
    run.absence = Absence::Prune;
    run.put("PartnerRelationship", "msp", "r0", {
        let mut spec = relationship("r0", "msp", 0, "all");
        spec["deletionPolicy"] = json!("Terminate");
        spec
    });
    run.applied_and_judged().await;
    run.world.folder.remove(&file_of("PartnerRelationship", "msp", "r0"));
    run.removes(0..8);
    run.forgets_acceptances();
    run.applies().await;
    run.bounded_by(
        &json!({ "terminations": { "count": 0 }, "revocations": { "count": 99, "share": 100 } }),
    );
    assert!(run.breaks(Rule::Limits).words.starts_with("Terminations"));

    let mut run = scene().await;
    run.grants(0, &[0], Some(DAY));
    run.grants(8, &[1], Some(DAY));
    run.applies().await;
    run.bounded_by(&limits("PT1H", 100, 100, 0));
    let words: Vec<String> = run.judged().into_iter().map(|breach| breach.words).collect();
    assert!(words.iter().any(|words| words.starts_with("PrivilegedGains")), "{words:?}");
    assert!(words.iter().any(|words| words.starts_with("NewGrantees")), "{words:?}");

    let mut run = scene().await;
    run.put("PartnerRelationship", "msp", "r0", relationship("r0", "msp", 0, "few"));
    run.applies().await;
    run.bounded_by(&json!({ "replacements": 0 }));
    assert!(run.breaks(Rule::Limits).words.starts_with("Replacements"));
}

#[tokio::test]
async fn a_budget_that_is_forgotten_is_found() {
    let mut run = scene().await;
    run.put("PartnerBoundary", "", "b", boundary(&["msp"], 0, &limits("PT1H", 2, 100, 100)));
    run.absence = Absence::Prune;
    nothing(&run.applied_and_judged().await);
    run.world.pass(2 * HOUR);
    run.removes(0..2);
    nothing(&run.applied_and_judged().await);
    run.tampers("DELETE FROM spent").await;
    run.removes(2..4);
    run.applies().await;
    assert!(run.told.waiting.is_empty());
    let found = run.breaks(Rule::Limits);
    assert!(found.words.contains("4, allowed 2"), "{found:?}");
}

#[tokio::test]
async fn losses_under_a_replacement_longer_gains_and_shares_of_the_new_are_counted() {
    let mut run = scene().await;
    run.put("PartnerRelationship", "msp", "r0", relationship("r0", "msp", 0, "few"));
    nothing(&run.applied_and_judged().await);
    run.absence = Absence::Prune;
    run.accepts_all();
    run.removes(0..4);
    run.applies().await;
    run.bounded_by(&limits("PT1H", 2, 100, 100));
    assert_eq!(run.breaks(Rule::Limits).known, BTreeSet::from([Known::LossUnderReplacement]));

    let mut run = scene().await;
    run.grants(8, &[0], Some(HOUR));
    nothing(&run.applied_and_judged().await);
    run.grants(8, &[0], Some(2 * DAY));
    run.applies().await;
    run.bounded_by(&limits("PT1H", 100, 100, 0));
    let found = run.breaks(Rule::Limits);
    assert!(found.words.starts_with("PrivilegedGains"), "{found:?}");
    assert_eq!(found.known, BTreeSet::from([Known::LongerIsNoGain]));

    let mut run = scene().await;
    for number in 8..60 {
        run.grants(number, &[1], None);
    }
    nothing(&run.applied_and_judged().await);
    run.absence = Absence::Prune;
    run.removes(0..8);
    run.applies().await;
    run.bounded_by(&limits("PT1H", 100, 30, 100));
    assert_eq!(run.breaks(Rule::Limits).known, BTreeSet::from([Known::DilutedShare]));
}

#[tokio::test]
async fn what_waits_and_is_made_without_an_approval_is_found() {
    let mut run = scene().await;
    run.grants(0, &[2], Some(DAY));
    run.applies().await;
    let id = *run.after.rows.keys().next().unwrap();
    let at = (id, group(0));
    let member = Member {
        row: (run.after.rows[&id].partner.clone(), run.after.rows[&id].name.clone()),
        grantee: Some(group(0)),
        before: run.before.written[&at].clone(),
        after: run.after.written[&at].clone(),
        approved: None,
    };
    run.oracle.shown.insert("ab".repeat(32), vec![member.clone()]);
    run.breaks(Rule::Waits);

    let approved = Some("ab".repeat(32));
    run.told.approved = vec![Member { approved, ..member.clone() }];
    let found = run.breaks(Rule::Approval);
    assert!(found.words.contains("nobody gave"), "{found:?}");

    run.oracle.approved.insert("ab".repeat(32), run.world.now());
    let longer = member.after.iter().map(|(role, until)| (role.clone(), until + 1_000)).collect();
    run.told.approved[0].after = longer;
    let found = run.breaks(Rule::Approval);
    assert_eq!(found.known, BTreeSet::from([Known::ApprovalWithoutTime]), "{found:?}");

    run.told.approved[0].grantee = Some(group(1));
    let found = run.breaks(Rule::Approval);
    assert!(found.words.contains("not in the batch"), "{found:?}");
}

#[tokio::test]
async fn what_is_taken_away_because_it_is_absent_is_found() {
    let mut run = scene().await;
    run.removes([0]);
    run.applies().await;
    nothing(&run.judged());
    run.tampers(
        "DELETE FROM assignment_roles WHERE grantee_id = '00000000-0000-4000-8000-000000000100'",
    )
    .await;
    run.breaks(Rule::Absence);

    let mut run = scene().await;
    run.world.folder.remove(&file_of("PartnerRelationship", "msp", "r1"));
    run.forgets_acceptances();
    run.applies().await;
    nothing(&run.judged());
    run.tampers("UPDATE relationships SET lifecycle = 'Terminated' WHERE owner_name = 'r1'").await;
    run.breaks(Rule::Absence);
}

#[tokio::test]
async fn a_row_that_goes_from_one_living_owner_to_another_is_found() {
    let mut run = scene().await;
    run.applies().await;
    run.tampers("UPDATE relationships SET owner_namespace = 'lab'").await;
    run.breaks(Rule::Owner);
}

#[tokio::test]
async fn a_refused_input_or_a_second_run_that_changes_something_is_found() {
    let mut run = scene().await;
    run.applies().await;
    run.tampers(LONGER).await;
    let mut breaches = Vec::new();
    rests(&run.before, &run.before, &Told::default(), &mut breaches);
    nothing(&breaches);
    rests(&run.before, &run.after, &Told::default(), &mut breaches);
    assert_eq!(breaches[0].rule, Rule::Rest);
    run.told.problems = vec!["something is wrong".to_owned()];
    run.breaks(Rule::Refused);
}

#[tokio::test]
async fn a_ledger_that_was_changed_is_found() {
    let mut run = scene().await;
    assert_eq!(ledger_fault(&mut run.world).await, None);
    run.tampers(
        "DROP TRIGGER ledger_is_not_changed; UPDATE ledger SET time_ms = 1 WHERE sequence = 2",
    )
    .await;
    assert_eq!(ledger_fault(&mut run.world).await.unwrap().rule, Rule::Ledger);
}
