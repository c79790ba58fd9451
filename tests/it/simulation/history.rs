//! What people, customers, outsiders and time do.
//!
//! Never: an edit that the server's own rules refuse.

use std::fmt;

use concordat::{
    domain::ids::{Kind, ObjectKey},
    operator::index::APPROVE,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    cast::{
        APPROVER, ASKER, GRANTS, NAMESPACES, OFFERS, RELATIONSHIPS, ROBOT, TIERS, Under,
        acceptance, boundary, boundary_key, grant, grant_key, key, no_limits, offer, other_digest,
        relationship, relationship_key,
    },
    chance::Chance,
    cluster::Cluster,
    server::{leaves, texts},
    stage::Stage,
};

/// One thing that happens in the cluster.
#[derive(Debug, Clone)]
pub enum Step {
    /// An object is made, or its spec and labels are replaced.
    Put(ObjectKey, Value, Value),
    /// A field of a spec is set.
    Set(ObjectKey, &'static str, Value),
    Label(ObjectKey, &'static str),
    /// Somebody asks for a look now.
    Touch(ObjectKey),
    Delete(ObjectKey),
    /// The customer answers what the status shows: namespace, relationship, decision.
    Answer(&'static str, &'static str, &'static str),
    /// The customer answers something else.
    WrongAnswer(&'static str, &'static str),
    /// Any approval that a status asks for, by somebody.
    Approve(&'static str),
    Pass(SignedDuration),
    /// Time passes, and no operator runs.
    Down(SignedDuration),
    Crash,
    LeadAgain,
    /// Another process leads, which has seen what it has seen.
    TakeOver,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put(key, labels, spec) => write!(f, "put {key} {labels} {spec}"),
            Self::Set(key, field, value) => write!(f, "set {key} {field} = {value}"),
            Self::Label(key, tier) => write!(f, "label {key} {tier}"),
            Self::Delete(key) => write!(f, "delete {key}"),
            Self::Touch(_)
            | Self::Answer(..)
            | Self::WrongAnswer(..)
            | Self::Approve(_)
            | Self::Pass(_)
            | Self::Down(_)
            | Self::Crash
            | Self::LeadAgain
            | Self::TakeOver => write!(f, "{self:?}"),
        }
    }
}

impl Step {
    /// Whether the end is known whatever of what went before was seen, as long as nothing is held.
    pub fn is_free(&self, stage: &Stage) -> bool {
        match self {
            Self::Put(key, _, spec) => {
                let mut server = stage.server.as_it_is();
                server.objects.remove(key);
                server.create(key, &json!({}), spec, ASKER);
                key.kind == Kind::RoleGrant && Cluster::of(&server).is_free()
            }
            Self::Delete(key) => key.kind == Kind::RoleGrant,
            Self::Answer(..)
            | Self::WrongAnswer(..)
            | Self::Touch(_)
            | Self::Down(_)
            | Self::Crash
            | Self::LeadAgain
            | Self::TakeOver => true,
            Self::Set(..) | Self::Label(..) | Self::Approve(_) | Self::Pass(_) => false,
        }
    }
}

/// Everything that stands before a history begins.
pub fn scene(stage: &mut Stage) {
    for namespace in NAMESPACES {
        let spec = boundary(namespace, &no_limits());
        stage.server.create(&boundary_key(namespace), &json!({}), &spec, ASKER);
        for name in OFFERS {
            let key = key(Kind::PartnerOffer, namespace, name);
            stage.server.create(&key, &json!({}), &offer(name), ASKER);
        }
    }
}

/// Some relationships that their customers have accepted, with some grants.
pub async fn beginning(stage: &mut Stage) {
    for _ in 0..stage.chance.between(1, 5) {
        let step = some_relationship(&mut stage.chance);
        stage.happens(&step).await;
    }
    stage.calm().await;
    for (namespace, name) in NAMESPACES
        .into_iter()
        .flat_map(|namespace| RELATIONSHIPS.into_iter().map(move |name| (namespace, name)))
    {
        if !stage.chance.one_in(6) {
            stage.happens(&Step::Answer(namespace, name, "Accept")).await;
        }
    }
    for _ in 0..stage.chance.between(1, 6) {
        let now = stage.now();
        let step = some_grant(&mut stage.chance, now);
        stage.happens(&step).await;
    }
    stage.calm().await;
}

fn whole_hours(chance: &mut Chance, from: i64, to: i64) -> SignedDuration {
    SignedDuration::from_hours(chance.between(from, to))
}

/// Some roles, at least one.
fn some_roles(chance: &mut Chance) -> Vec<usize> {
    let some: Vec<usize> = (0..3).filter(|_| chance.one_in(2)).collect();
    if some.is_empty() { vec![chance.below(3)] } else { some }
}

fn some_namespace(chance: &mut Chance) -> &'static str {
    if chance.one_in(5) { NAMESPACES[1] } else { NAMESPACES[0] }
}

fn some_relationship(chance: &mut Chance) -> Step {
    let namespace = some_namespace(chance);
    let name = chance.pick(&RELATIONSHIPS);
    let mut spec = relationship(namespace, name, chance.pick(&OFFERS));
    if chance.one_in(4) {
        spec["deletionPolicy"] = json!(chance.pick(&["Terminate", "Retain"]));
    }
    if chance.one_in(5) {
        spec["renewal"]["mode"] = json!("Invite");
    }
    if chance.one_in(4) {
        spec["unmanagedAssignments"] = json!("Revoke");
    }
    if chance.one_in(6) {
        spec["autoExtendDuration"] = json!("P180D");
    }
    let labels = texts(&[("tier", chance.pick(&TIERS))]);
    Step::Put(relationship_key(namespace, name), labels, spec)
}

fn some_grant(chance: &mut Chance, now: Timestamp) -> Step {
    let namespace = some_namespace(chance);
    let under = if chance.one_in(3) {
        Under::Labelled(chance.pick(&TIERS))
    } else {
        Under::Named(chance.pick(&RELATIONSHIPS))
    };
    let roles = some_roles(chance);
    let mut spec = grant(under, chance.below(2), &roles);
    let mut from = now;
    if chance.one_in(3) {
        from = now + whole_hours(chance, -48, 72);
        spec["notBefore"] = json!(from.to_string());
    }
    if chance.one_in(2) {
        from += whole_hours(chance, 1, 200);
        spec["notAfter"] = json!(from.to_string());
    }
    if chance.one_in(6) {
        spec["deletionPolicy"] = json!("Retain");
    }
    Step::Put(grant_key(namespace, chance.pick(&GRANTS)), json!({}), spec)
}

/// An object of this kind that is there, if there is one.
fn existing(stage: &mut Stage, kinds: &[Kind]) -> Option<ObjectKey> {
    let keys: Vec<ObjectKey> =
        stage.server.objects.keys().filter(|key| kinds.contains(&key.kind)).cloned().collect();
    (!keys.is_empty()).then(|| stage.chance.pick(&keys))
}

const MANAGED: [Kind; 2] = [Kind::PartnerRelationship, Kind::RoleGrant];

/// Something that may happen now.
pub fn some_step(stage: &mut Stage) -> Step {
    loop {
        let now = stage.now();
        let chance = &mut stage.chance;
        let step = match chance.below(40) {
            0..=5 => Some(some_relationship(chance)),
            6..=14 => Some(some_grant(chance, now)),
            15..=20 => {
                let decision = if chance.one_in(8) { "Decline" } else { "Accept" };
                let (namespace, name) = (some_namespace(chance), chance.pick(&RELATIONSHIPS));
                Some(Step::Answer(namespace, name, decision))
            }
            21 => {
                let (namespace, name) = (some_namespace(chance), chance.pick(&RELATIONSHIPS));
                Some(Step::WrongAnswer(namespace, name))
            }
            22..=24 => existing(stage, &MANAGED).map(Step::Delete),
            25 => existing(stage, &[Kind::AgreementAcceptance]).map(Step::Delete),
            26 | 27 => {
                let on = chance.one_in(2);
                existing(stage, &MANAGED).map(|key| Step::Set(key, "suspend", json!(on)))
            }
            28 => {
                let policy = chance.pick(&["Observe", "Manage", "Manage"]);
                existing(stage, &[Kind::PartnerRelationship])
                    .map(|key| Step::Set(key, "managementPolicy", json!(policy)))
            }
            29 => existing(stage, &[Kind::RoleGrant])
                .map(|key| Step::Set(key, "roles", json!(["No Such Role"]))),
            30 => {
                let tier = chance.pick(&TIERS);
                existing(stage, &[Kind::PartnerRelationship]).map(|key| Step::Label(key, tier))
            }
            31 => existing(stage, &MANAGED).map(Step::Touch),
            32 => {
                let namespace = some_namespace(chance);
                let key = boundary_key(namespace);
                let is_there = stage.server.get(&key).is_some();
                Some(if is_there && stage.chance.one_in(2) {
                    Step::Delete(key)
                } else {
                    Step::Put(key, json!({}), boundary(namespace, &no_limits()))
                })
            }
            33..=35 => Some(Step::Pass(whole_hours(chance, 0, 60))),
            36 => Some(Step::Pass(SignedDuration::from_millis(chance.between(1, 100_000)))),
            37 => Some(Step::Down(whole_hours(chance, 1, 120))),
            38 => Some(Step::Crash),
            _ => Some(chance.pick(&[Step::LeadAgain, Step::TakeOver])),
        };
        if let Some(step) = step {
            return step;
        }
    }
}

impl Stage {
    /// Lets it happen. Nobody has to notice yet.
    pub async fn happens(&mut self, step: &Step) {
        self.tell(&step.to_string());
        match step {
            Step::Put(key, labels, spec) => {
                let is_new = self.server.create(key, labels, spec, ASKER);
                let unchangeable = [Kind::PartnerOffer, Kind::AgreementAcceptance];
                if !is_new && !unchangeable.contains(&key.kind) {
                    self.server.edit(key, ASKER, |object| {
                        object["spec"] = spec.clone();
                        object["metadata"]["labels"] = labels.clone();
                    });
                }
            }
            Step::Set(key, field, value) => {
                self.server.edit(key, ASKER, |object| object["spec"][field] = value.clone());
            }
            Step::Label(key, tier) => {
                let labels = texts(&[("tier", tier)]);
                self.server.edit(key, ASKER, |object| object["metadata"]["labels"] = labels);
            }
            Step::Touch(key) => {
                let now = self.now().to_string();
                let name = concordat::operator::index::REQUESTED_AT;
                self.server.edit(key, ASKER, |object| {
                    object["metadata"]["annotations"][name] = json!(now);
                });
            }
            Step::Delete(key) => drop(self.server.delete(key)),
            Step::Answer(namespace, name, decision) => self.answers(namespace, name, decision),
            Step::WrongAnswer(namespace, name) => {
                let digest = other_digest();
                self.accept(namespace, name, "Accept", &digest);
            }
            Step::Approve(user) => self.approve(user),
            Step::Pass(time) if self.operator.is_some() => {
                let one_in = std::mem::take(&mut self.weather().fails_one_in);
                self.live(*time).await;
                self.weather().fails_one_in = one_in;
            }
            Step::Pass(time) => self.pass(*time),
            Step::Down(time) => {
                self.crash();
                self.pass(*time);
            }
            Step::Crash => self.crash(),
            Step::LeadAgain => self.lead_again(),
            Step::TakeOver => self.take_over().await,
        }
    }

    /// The customer answers what the status shows.
    pub fn answers(&mut self, namespace: &str, name: &str, decision: &str) {
        let relationship = self.server.get(&relationship_key(namespace, name));
        let Some(relationship) = relationship else { return };
        let digest = relationship["status"]["invitation"]["digest"].as_str();
        let Some(digest) = digest.map(str::to_owned) else { return };
        self.accept(namespace, name, decision, &digest);
    }

    fn accept(&mut self, namespace: &str, name: &str, decision: &str, digest: &str) {
        let number = self.server.changes(Kind::AgreementAcceptance);
        let key = key(Kind::AgreementAcceptance, namespace, &format!("a{number}"));
        let spec = acceptance(namespace, name, decision, self.now() + self.skew, digest);
        self.server.create(&key, &json!({}), &spec, ASKER);
    }

    /// Writes the approval of every batch that a status names.
    fn approve(&mut self, user: &str) {
        let blocked: Vec<(ObjectKey, Value)> = self
            .server
            .of_kind(Kind::PartnerRelationship)
            .filter_map(|(key, object)| {
                let hash = object["status"]["plan"].get("blocked")?;
                (!leaves(object) || !hash.is_null()).then(|| (key.clone(), hash.clone()))
            })
            .collect();
        for (key, hash) in blocked {
            self.server.edit(&key, user, |object| {
                object["metadata"]["annotations"][APPROVE] = hash;
            });
        }
    }
}

/// Who may approve.
pub const USERS: [&str; 4] = [ASKER, APPROVER, APPROVER, ROBOT];
