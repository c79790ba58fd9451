//! What statuses tell, in words that fit on a line of a table.
//!
//! Never: a condition left out of a line.

use concordat::{
    api::{Condition, ConditionStatus},
    domain::{ids::Kind, state::ObjectName},
};

use super::{
    build::object,
    generate::World,
    report::{Report, kstatus, report},
    told::{active_with, gives, of},
};

/// `InProgress WaitingForCustomer, Authorized=False WaitingForCustomer`: what kstatus makes of it, the reason of
/// `Ready`, and every further condition.
fn line(leaves: bool, observed: i64, conditions: &[Condition]) -> String {
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
    let mut told = vec![format!("{:?} {}", kstatus(leaves, 1, observed, conditions), ready.reason)];
    for condition in conditions {
        let Condition { type_, status, reason, .. } = condition;
        match (type_.as_str(), status) {
            ("Ready" | "Reconciling" | "Stalled", _) => {}
            (_, ConditionStatus::True) => told.push(format!("{type_} {reason}")),
            (_, ConditionStatus::False | ConditionStatus::Unknown) => {
                told.push(format!("{type_}={status:?} {reason}"));
            }
        }
    }
    told.join(", ")
}

/// All objects of a kind, one after the other.
pub fn of_kind(report: &Report, kind: Kind) -> String {
    let lines = report.conditions().into_iter().filter(|(of, ..)| *of == kind);
    let lines = lines.map(|(kind, name, observed, conditions)| {
        line(report.leaving.contains(&(kind, name.clone())), observed, conditions)
    });
    lines.collect::<Vec<_>>().join("; ")
}

/// Asserts what relationships and grants tell.
#[track_caller]
pub fn tells(world: &World, relationship: &str, grant: &str) {
    report_tells(&report(world, None), relationship, grant);
}

/// Asserts what relationships and grants of a report tell.
#[track_caller]
pub fn report_tells(report: &Report, relationship: &str, grant: &str) {
    assert_eq!(of_kind(report, Kind::PartnerRelationship), relationship);
    assert_eq!(of_kind(report, Kind::RoleGrant), grant);
}

#[track_caller]
pub fn acceptances(world: &World) -> String {
    of_kind(&report(world, None), Kind::AgreementAcceptance)
}

pub fn relationship_name() -> ObjectName {
    object("relationship-0")
}

/// The message of this condition, of the first object of a kind.
pub fn message(report: &Report, kind: Kind, type_: &str) -> String {
    let mut all = report.conditions().into_iter().filter(|(of, ..)| *of == kind);
    let (_, _, _, conditions) = all.next().unwrap();
    conditions.iter().find(|condition| condition.type_ == type_).unwrap().message.clone()
}

pub const IN_SYNC: &str = "Current InSync, Authorized Authorized";
pub const HELD: &str = "Current InSync, InForce Held";
pub const WAITS: &str = "InProgress WaitingForCustomer, Authorized=False WaitingForCustomer";

pub fn active() -> World {
    let mut world = active_with(of(&[0, 1]), &[]);
    world.grant(0, gives(&[0], 300));
    world
}
