//! What must hold whenever everything is done: nothing more is written, each effect stands in the ledger once, and every
//! status is well formed and up to date.
//!
//! Never: what the operator says of itself without a look at the store.

use std::collections::{BTreeMap, BTreeSet};

use concordat::{
    domain::{
        change::{Cause, Effect},
        ids::Kind,
        lifecycle::{EndReason, Phase},
    },
    ledger::Verifier,
    operator::index::FINALIZER,
    store::{Outcome, Read},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    operator::OBSERVES_EVERY,
    server::{finalizers, leaves},
    stage::Stage,
};

impl Stage {
    /// How much was written: to the server, and to the ledger.
    pub async fn written(&mut self) -> (usize, i64) {
        (self.server.writes, self.reader().await.head().await.unwrap().sequence)
    }

    /// Nothing goes wrong any more, and nothing is written for so long, besides what time asks for; and that is done within one settling each.
    pub async fn rests_for(&mut self, time: SignedDuration, thoroughly: bool) {
        self.weather().fails_one_in = 0;
        let end = self.passed + time;
        while self.passed < end {
            let operator = self.operator.as_ref().unwrap();
            let due = operator.due_in(self.passed).unwrap_or(SignedDuration::MAX);
            let observes = operator.observes_in(self.passed);
            let observes = if thoroughly { observes } else { SignedDuration::MAX };
            let step = due.min(observes).min(end - self.passed);
            let before = self.written().await;
            self.pass(step.max(SignedDuration::from_millis(1)));
            self.settle().await;
            if step == due && !self.exact {
                // What differs outside is recorded again, once, after each change of the same relationship.
                self.live(OBSERVES_EVERY).await;
            }
            if step < due {
                let after = self.written().await;
                let last = self.told.iter().rfind(|done| !done.reports.is_empty());
                let last = last.map(|done| (done.now, &done.reports, &done.effects));
                assert_eq!(after, before, "at rest\n{}{last:#?}", self.story);
            }
        }
        // A look at everything finds nothing that the rounds of some objects have left.
        let before = self.written().await;
        let operator = self.operator.as_mut().unwrap();
        operator.looks_at_everything();
        self.settle().await;
        let after = self.written().await;
        assert_eq!(
            after,
            before,
            "a look at everything found something\n{}\n{:#?}",
            self.story,
            self.told.last()
        );
    }

    /// The store holds what the second opinion expects, and nothing else.
    pub async fn holds_what_is_expected(&mut self) {
        let observed = self.observed().await;
        self.model.settled(&self.server, &observed);
        let expected = self.model.everything(&observed);
        self.held += expected.len();
        let mut held = BTreeMap::new();
        for row in observed.relationships.values().flatten() {
            for (grantee, assignment) in &row.assignments {
                let roles = &assignment.state.roles;
                if !roles.is_empty() {
                    held.insert((row.key.name.to_string(), grantee.to_string()), roles.clone());
                }
            }
        }
        assert_eq!(held, expected, "held and expected\n{}\n{:#?}", self.story, self.model);
        self.tells_what_is_expected(&observed);
    }

    /// The chain is whole, and no change stands in it twice.
    pub async fn ledger_is_sound(&mut self) {
        let reader = self.reader().await;
        let entries = reader.entries(0, u32::MAX).await.unwrap();
        let mut verifier = Verifier::new([]);
        let mut made = BTreeSet::new();
        for entry in &entries {
            verifier.push(entry);
            if entry.kind.is_effect() {
                let change = entry.payload["change"].to_string();
                assert!(made.insert(change), "{} is made twice\n{}", entry.payload, self.story);
            }
        }
        let verdict = verifier.finish(Some(reader.head().await.unwrap()));
        assert_eq!(verdict.fault, None, "{}", self.story);
    }

    /// What was taken away because its object was deleted came from that very object, and no customer has two
    /// invitations to answer.
    pub async fn takes_only_what_left(&mut self) {
        let left: BTreeSet<&str> = self
            .server
            .log
            .values()
            .flatten()
            .filter(|told| leaves(&told.object))
            .filter_map(|told| told.object["metadata"]["uid"].as_str())
            .collect();
        let done = self.told.iter().flat_map(|done| &done.effects);
        for change in done.filter(|it| it.outcome == Outcome::Done).map(|it| &it.change) {
            let own = change.expects.uid.iter();
            let mut by: Vec<&str> = own.map(|uid| uid.0.as_str()).collect();
            let ends = matches!(
                change.effect,
                Effect::Terminate { reason: EndReason::Deleted }
                    | Effect::Withdraw { reason: EndReason::Deleted }
            );
            let taken = change.effect.roles_set().filter(|_| change.cause == Cause::Deleted);
            if let Some((_, before, after)) = taken {
                let before = before.contributions.iter();
                let gone = before.filter(|(it, _)| !after.contributions.contains_key(*it));
                by.extend(gone.map(|(_, given)| given.uid.0.as_str()));
            } else if !ends {
                continue;
            }
            assert!(by.iter().any(|uid| left.contains(uid)), "{change:#?}\n{}", self.story);
        }
        for (first, rows) in self.observed().await.relationships {
            let pending = rows.iter().filter(|row| row.lifecycle.phase() == Phase::Pending);
            assert!(pending.count() <= 1, "{first}\n{}", self.story);
        }
    }

    /// Every status is about the spec that stands, with conditions as Kubernetes wants them.
    pub fn statuses_are_sound(&self) {
        for (key, object) in &self.server.objects {
            let (status, metadata) = (&object["status"], &object["metadata"]);
            let told = || format!("{key}: {object:#}\n{}", self.story);
            assert_eq!(status["observedGeneration"], metadata["generation"], "{}", told());
            let conditions = status["conditions"].as_array().unwrap();
            let types: BTreeSet<&str> =
                conditions.iter().map(|condition| condition["type"].as_str().unwrap()).collect();
            assert_eq!(types.len(), conditions.len(), "{}", told());
            assert!(types.contains("Ready"), "{}", told());
            for condition in conditions {
                assert_ne!(condition["reason"], json!(""), "{}", told());
                let waits = key.kind == Kind::AgreementAcceptance;
                assert!(waits || condition["reason"] != json!("Pending"), "{}", told());
            }
            assert!(!(types.contains("Reconciling") && types.contains("Stalled")), "{}", told());
            let held = finalizers(object).iter().any(|finalizer| finalizer == FINALIZER);
            if !leaves(object) {
                let spec = &object["spec"];
                let needed = match key.kind {
                    Kind::PartnerRelationship => {
                        spec["managementPolicy"] == json!("Manage")
                            && spec["deletionPolicy"] != json!("Retain")
                    }
                    Kind::RoleGrant => spec["deletionPolicy"] == json!("Revoke"),
                    Kind::PartnerOffer | Kind::AgreementAcceptance | Kind::PartnerBoundary => false,
                };
                assert_eq!(held, needed, "{}", told());
            }
        }
    }

    /// The time of a condition moves with its status, and with nothing else.
    pub fn times_move_with_statuses(&self) {
        for log in self.server.log.values() {
            let mut last: BTreeMap<(String, String), (Value, Value)> = BTreeMap::new();
            for told in log {
                let uid = told.object["metadata"]["uid"].to_string();
                let Some(conditions) = told.object["status"]["conditions"].as_array() else {
                    continue;
                };
                for condition in conditions {
                    let now =
                        (condition["status"].clone(), condition["lastTransitionTime"].clone());
                    let at = (uid.clone(), condition["type"].to_string());
                    if let Some(before) = last.insert(at, now.clone())
                        && before.0 == now.0
                    {
                        // A condition that was away in between begins anew.
                        assert!(before.1 == now.1 || instant(&now.1) > instant(&before.1));
                    }
                }
            }
        }
    }
}

fn instant(of: &Value) -> Timestamp {
    of.as_str().unwrap().parse().unwrap()
}
