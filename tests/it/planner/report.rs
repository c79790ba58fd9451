//! A round of the operator without an operator: plans again, and gives the statuses of all objects of a world.
//!
//! Never: a status that was not built by `domain::status`.

use std::collections::{BTreeMap, BTreeSet};

use concordat::{
    api::{
        AgreementAcceptanceStatus, Condition, ConditionStatus, PartnerRelationshipStatus,
        RoleGrantStatus,
    },
    domain::{
        change::Change,
        ids::Kind,
        limits::check,
        plan::{Notice, Plan, plan},
        state::{ObjectName, Standing},
        status::{
            About, AcceptanceFacts, GrantFacts, GrantPart, RelationshipFacts, Reported, acceptance,
            grant, grant_part, relationship, unheld,
        },
        validate::Presence,
    },
};
use jiff::Timestamp;

use super::{
    build::{claimant, day, key, object},
    generate::World,
};

/// The statuses of all objects.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub relationships: BTreeMap<ObjectName, Reported<PartnerRelationshipStatus>>,
    pub grants: BTreeMap<ObjectName, Reported<RoleGrantStatus>>,
    pub parts: BTreeMap<(ObjectName, ObjectName), GrantPart>,
    pub acceptances: BTreeMap<ObjectName, Reported<AgreementAcceptanceStatus>>,
    pub leaving: BTreeSet<(Kind, ObjectName)>,
    pub left: Plan,
}

impl Report {
    /// When the first status would differ.
    pub fn next_change(&self) -> Option<Timestamp> {
        let relationships = self.relationships.values().filter_map(|reported| reported.next_change);
        let grants = self.grants.values().filter_map(|reported| reported.next_change);
        relationships.chain(grants).min()
    }

    /// The same without the instants.
    pub fn statuses(&self) -> String {
        let told = (
            self.relationships.values().map(|reported| &reported.status).collect::<Vec<_>>(),
            self.grants.values().map(|reported| &reported.status).collect::<Vec<_>>(),
            self.acceptances.values().map(|reported| &reported.status).collect::<Vec<_>>(),
        );
        serde_json::to_string_pretty(&told).unwrap()
    }

    /// All lists of conditions, with the observed generation.
    pub fn conditions(&self) -> Vec<(Kind, &ObjectName, i64, &[Condition])> {
        let relationships = self.relationships.iter().map(|(name, reported)| {
            let PartnerRelationshipStatus { observed_generation, conditions, .. } =
                &reported.status;
            (Kind::PartnerRelationship, name, *observed_generation, &conditions[..])
        });
        let grants = self.grants.iter().map(|(name, reported)| {
            let RoleGrantStatus { observed_generation, conditions, .. } = &reported.status;
            (Kind::RoleGrant, name, *observed_generation, &conditions[..])
        });
        let acceptances = self.acceptances.iter().map(|(name, reported)| {
            let AgreementAcceptanceStatus { observed_generation, conditions, .. } =
                &reported.status;
            (Kind::AgreementAcceptance, name, *observed_generation, &conditions[..])
        });
        relationships.chain(grants).chain(acceptances).collect()
    }
}

fn about(conditions: &[Condition], standing: Option<Standing>, now: Timestamp) -> About<'_> {
    let leaving = standing == Some(Standing::Deleted);
    About {
        generation: 1,
        presence: if leaving { Presence::Deleting } else { Presence::Present },
        created: Some(day(0)),
        now,
        conditions,
    }
}

/// The statuses after a round, with those that stood there before.
pub fn report(world: &World, before: Option<&Report>) -> Report {
    report_with(world, before, |_| {})
}

/// The same where a round knows something else of each relationship.
pub fn report_with(
    world: &World,
    before: Option<&Report>,
    alter: impl Fn(&mut RelationshipFacts<'_>),
) -> Report {
    let observed = &world.memory.observed;
    let desired = world.input.desired();
    let left = plan(&desired, observed, &claimant());
    let blocked = check(&left, &desired, &BTreeMap::new(), &BTreeSet::new()).blocked;
    let without_holds = unheld(&desired).map(|desired| plan(&desired, observed, &claimant()));
    let mut report = Report {
        relationships: BTreeMap::new(),
        grants: BTreeMap::new(),
        parts: BTreeMap::new(),
        acceptances: BTreeMap::new(),
        leaving: BTreeSet::new(),
        left,
    };
    let nothing = report.clone();
    let before = before.unwrap_or(&nothing);
    for (number, of) in &world.input.relationships {
        let wish = &desired.relationships[&key(*number)];
        let own = |change: &&Change| {
            change.subject.relationship.is_some() && change.subject.owner.object == wish.object
        };
        let mut facts = RelationshipFacts {
            object: &wish.object,
            declared: Some(wish),
            rows: observed.relationships.get(&key(*number)).map_or(&[][..], Vec::as_slice),
            acceptances: &observed.acceptances,
            problems: Vec::new(),
            notices: notices(&report.left, Kind::PartnerRelationship, &wish.object),
            left: report.left.changes.iter().filter(own).collect(),
            held_back: without_holds
                .iter()
                .flat_map(|plan| plan.changes.iter().filter(own))
                .collect(),
            blocked: blocked.iter().filter(|batch| batch.changes.iter().any(|c| own(&c))).collect(),
            awaited: report
                .left
                .awaited
                .iter()
                .filter(|awaited| awaited.relationship.name.starts_with(key(*number).name.as_str()))
                .collect(),
            refused: Vec::new(),
            hold: None,
            valid_until: report.left.valid_until,
            held_back_until: without_holds.as_ref().and_then(|plan| plan.valid_until),
            ledger: None,
        };
        alter(&mut facts);
        let old = before.relationships.get(&wish.object).map(|reported| &reported.status);
        let conditions = old.map_or(&[][..], |old| &old.conditions);
        let about = about(conditions, Some(of.standing), observed.now);
        let told = relationship(&about, &facts, old);
        for (name, _) in &wish.grants {
            let part = grant_part(name, &facts, observed.now);
            report.parts.insert((name.clone(), wish.object.clone()), part);
        }
        if of.standing == Standing::Deleted {
            report.leaving.insert((Kind::PartnerRelationship, wish.object.clone()));
        }
        report.relationships.insert(wish.object.clone(), told);
    }
    for (number, of) in &world.input.grants {
        let name = object(format!("grant-{number}"));
        let parts: Vec<_> = report
            .parts
            .iter()
            .filter(|((grant, _), _)| *grant == name)
            .map(|((_, relationship), part)| (relationship, part))
            .collect();
        let old = before.grants.get(&name).map(|reported| &reported.status);
        let conditions = old.map_or(&[][..], |old| &old.conditions);
        let about = about(conditions, Some(of.standing), observed.now);
        let facts = GrantFacts {
            object: &name,
            problems: Vec::new(),
            hold: None,
            selected: parts.len(),
            elsewhere: &[],
        };
        let told = grant(&about, &facts, parts, old);
        if of.standing == Standing::Deleted {
            report.leaving.insert((Kind::RoleGrant, name.clone()));
        }
        report.grants.insert(name, told);
    }
    for (_, answer) in &world.input.answers {
        let facts = AcceptanceFacts {
            recorded: observed.acceptances.get(&answer.content),
            notices: notices(&report.left, Kind::AgreementAcceptance, &answer.object),
            ..AcceptanceFacts::default()
        };
        let old = before.acceptances.get(&answer.object).map(|reported| &reported.status);
        let conditions = old.map_or(&[][..], |old| &old.conditions);
        let about = about(conditions, None, observed.now);
        report.acceptances.insert(answer.object.clone(), acceptance(&about, &facts));
    }
    report
}

fn notices<'a>(plan: &'a Plan, kind: Kind, name: &ObjectName) -> Vec<&'a Notice> {
    let about = |notice: &&Notice| {
        notice.about().is_some_and(|object| {
            object.kind == kind
                && (&object.namespace, &object.name) == (&name.namespace, &name.name)
        })
    };
    plan.notices.iter().filter(about).collect()
}

/// What kstatus makes of an object, and so Flux and Argo CD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kstatus {
    Current,
    InProgress,
    Failed,
    Terminating,
}

/// The rules of `sigs.k8s.io/cli-utils/pkg/kstatus` for a custom resource.
pub fn kstatus(leaves: bool, generation: i64, observed: i64, conditions: &[Condition]) -> Kstatus {
    if leaves {
        return Kstatus::Terminating;
    }
    if generation != observed {
        return Kstatus::InProgress;
    }
    for condition in conditions.iter().filter(|one| one.status == ConditionStatus::True) {
        match condition.type_.as_str() {
            "Reconciling" => return Kstatus::InProgress,
            "Stalled" => return Kstatus::Failed,
            _ => {}
        }
    }
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready");
    match ready.map(|ready| ready.status) {
        Some(ConditionStatus::True) | None => Kstatus::Current,
        Some(ConditionStatus::False | ConditionStatus::Unknown) => Kstatus::InProgress,
    }
}
