//! Changes and entries for tests: a small story told by hand, and stories made at random with their outcome.
//!
//! Never: the code under test used to work out what it should find.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

use crate::{
    api::{
        AcceptanceDecision, AcceptorRole, AgreementType, Cloud, GrantDeletionPolicy,
        ManagementPolicy, PartnerType, RelationshipDeletionPolicy, UnmanagedAssignments,
    },
    domain::{
        catalogue::Catalogue,
        change::{Approval, Cause, Change, Effect, Precondition, Subject},
        digest::Digest,
        duration::{Days, Duration},
        entry::{self, Actor, ActorKind, ActorStanding, Draft, Entry, Head, Intent, PersonRecord},
        ids::{GranteeId, RoleId, TenantId},
        lifecycle::EndReason,
        state::{
            Acceptance, AcceptedText, Asked, Assignment, Contribution, Document, Grantee,
            GranteeKind, Instance, Invitation, ObjectName, Owner, Person, Policies,
            RelationshipKey, Roles, Tenant, Uid, Window,
        },
    },
};

/// A day of January 2026, at noon.
pub(super) fn day(day: i64) -> Timestamp {
    let first: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
    first + jiff::SignedDuration::from_hours(24 * (day - 1))
}

pub(super) fn role(name: &str) -> RoleId {
    Catalogue::compiled().find(name).unwrap().id
}

pub(super) fn object(name: &str) -> ObjectName {
    ObjectName { namespace: "msp".into(), name: name.into() }
}

pub(super) fn row(name: &str) -> RelationshipKey {
    RelationshipKey { cloud: Cloud::Global, partner: TenantId::from_u128(1), name: name.into() }
}

pub(super) fn contoso() -> Tenant {
    Tenant { id: TenantId::from_u128(2), name: Some("Contoso".to_owned()) }
}

pub(super) fn group(number: u128, name: &str) -> Grantee {
    let id = GranteeId::from_u128(number);
    Grantee { id, kind: GranteeKind::SecurityGroup, name: Some(name.to_owned()) }
}

pub(super) fn roles(roles: &[(&str, Timestamp)]) -> Roles {
    roles.iter().map(|(name, until)| (role(name), *until)).collect()
}

/// What one grant gives.
pub(super) fn assignment(grant: &str, held: &[(&str, Timestamp)]) -> Assignment {
    let contribution = Contribution {
        uid: Uid(format!("uid-of-{grant}").into()),
        roles: held.iter().map(|(name, _)| role(name)).collect(),
        asked: asked(held.iter().map(|(name, _)| *name)),
        window: Window { not_before: None, not_after: held.first().map(|(_, until)| *until) },
        deletion: GrantDeletionPolicy::Revoke,
        justification: None,
    };
    let contributions = [(object(grant), Box::new(contribution))].into_iter().collect();
    let recorded = roles(held);
    Assignment { roles: recorded.clone(), recorded, contributions }
}

fn asked<'a>(words: impl Iterator<Item = &'a str>) -> Asked {
    Asked { words: words.map(str::to_owned).collect(), catalogue: "2026-11-21".to_owned() }
}

pub(super) fn change(name: &str, effect: Effect, cause: Cause) -> Change {
    let owner = Owner { instance: Instance::cli(), object: object(name) };
    let partner = Tenant { id: TenantId::from_u128(1), name: Some("Fabrikam".to_owned()) };
    let type_ = Some(PartnerType::GranularDelegatedAdmin);
    Change {
        subject: Subject {
            relationship: Some(row(name)),
            owner,
            partner,
            customer: contoso(),
            type_,
        },
        effect,
        cause,
        approval: Approval::NotNeeded,
        expects: Precondition { uid: None, revision: 0, version: 0 },
    }
}

pub(super) fn invitation(name: &str) -> Invitation {
    Invitation {
        partner: TenantId::from_u128(1),
        customer: contoso().id,
        type_: PartnerType::GranularDelegatedAdmin,
        cloud: Cloud::Global,
        name: name.to_owned(),
        roles: ROLES.iter().map(|name| role(name)).collect(),
        duration: "P365D".parse::<Days>().ok(),
        auto_extend: Duration::default(),
        agreement: None,
        terms: None,
    }
}

pub(super) fn invite(name: &str) -> Change {
    let effect = Effect::Invite {
        invitation: Box::new(invitation(name)),
        asked: asked(ROLES.into_iter()),
        policies: policies(),
        first: row(name),
        number: 1,
        uid: Uid::of_file(),
    };
    change(name, effect, Cause::Declared)
}

pub(super) fn policies() -> Policies {
    Policies {
        deletion: RelationshipDeletionPolicy::Revoke,
        unmanaged: UnmanagedAssignments::Keep,
        management: ManagementPolicy::Manage,
    }
}

pub(super) fn ada() -> Person {
    Person {
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
        email: "ada@contoso.example".to_owned(),
        phone_number: None,
        role: AcceptorRole::GlobalAdministrator,
    }
}

pub(super) fn acceptance(name: &str, at: Timestamp) -> Acceptance {
    Acceptance {
        object: object("contoso-says-yes"),
        content: Digest::of(&name),
        decision: AcceptanceDecision::Accept,
        customer: contoso().id,
        partner: TenantId::from_u128(1),
        agreement: Some(AcceptedText {
            type_: AgreementType::MicrosoftCustomerAgreement,
            template_id: "template".to_owned(),
            document: Document {
                country: "DE".to_owned(),
                language: "de".to_owned(),
                sha256: Digest::of(&"text"),
            },
        }),
        accepted_by: ada(),
        accepted_at: at,
        invitation: Some(invitation(name).digest()),
    }
}

pub(super) fn authorise(name: &str, at: Timestamp, ends_at: Timestamp) -> Change {
    let effect =
        Effect::Authorise { acceptance: Box::new(acceptance(name, at)), ends_at: Some(ends_at) };
    change(name, effect, Cause::Answered)
}

pub(super) fn set_roles(
    name: &str,
    grantee: &Grantee,
    before: &Assignment,
    after: &Assignment,
    cause: Cause,
) -> Change {
    let (before, after) = (before.clone(), after.clone());
    change(name, Effect::SetRoles { grantee: grantee.clone(), before, after }, cause)
}

/// Ada's record beside the ledger.
pub(super) fn ada_recorded() -> PersonRecord {
    PersonRecord::new(&ada(), "0123456789abcdef".to_owned())
}

/// A ledger of these changes.
pub(super) fn ledger(changes: impl IntoIterator<Item = (Timestamp, Change)>) -> Vec<Entry> {
    let mut head = Head::empty();
    let entries = changes.into_iter().map(|(time, change)| {
        let person = entry::acceptance(&change.effect).map(|_| ada_recorded().hash);
        let (name, kind) = ("deploy-bot".to_owned(), ActorKind::Robot);
        let entry = Entry::after(
            head,
            Draft {
                time,
                kind: entry::kind(&change),
                subject: entry::subject(&change),
                actor: Actor { name, kind, standing: ActorStanding::Claimed },
                intent: Intent { catalogue: "2026-11-21".to_owned(), ..Intent::default() },
                payload: entry::payload(&change, change.id(), person, None),
            },
        );
        head = entry.head();
        entry
    });
    entries.collect()
}

/// A ledger of any kind, `length` long.
pub(super) fn chain(length: usize) -> Vec<Entry> {
    let group = group(7, "Tier 1");
    let nothing = Assignment::default();
    ledger((0..length).map(|index| {
        let at = day(i64::try_from(index).unwrap());
        let after = assignment("grant", &[(ROLES[index % ROLES.len()], at)]);
        (at, set_roles("contoso", &group, &nothing, &after, Cause::Declared))
    }))
}

/// The role names that random stories use.
pub(super) const ROLES: [&str; 4] =
    ["Helpdesk Administrator", "Directory Readers", "User Administrator", "Global Reader"];

/// What a story did, told by days: for each row, whether it is active, and what each grantee holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Told {
    pub(super) active: BTreeMap<String, bool>,
    pub(super) held: BTreeMap<(String, u128), Vec<(usize, i64)>>,
}

impl Told {
    /// Who holds what at noon of this day.
    pub(super) fn on(&self, day: i64) -> Vec<(String, u128, usize, i64)> {
        let active = |name: &str| self.active.get(name) == Some(&true);
        let rows = self.held.iter().filter(|((name, _), _)| active(name));
        let mut held: Vec<_> = rows
            .flat_map(|((name, group), roles)| {
                roles.iter().map(|(role, until)| (name.clone(), *group, *role, *until))
            })
            .filter(|(_, _, _, until)| *until > day)
            .collect();
        held.sort();
        held
    }
}

/// One step of a random story; each takes place on its own day.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Invite(usize),
    Authorise(usize),
    SetRoles(usize, u128, Vec<(usize, i64)>),
    End(usize),
}

/// Steps at random, in any order: those that make no sense where they stand are left out by [`story`].
pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let roles = proptest::collection::btree_map(0..ROLES.len(), 0_i64..60, 0..3);
    let set = (0_usize..3, 1_u128..4, roles);
    let step = prop_oneof![
        2 => (0_usize..3).prop_map(Step::Invite),
        2 => (0_usize..3).prop_map(Step::Authorise),
        8 => set.prop_map(|(row, group, roles)| {
            Step::SetRoles(row, group, roles.into_iter().collect())
        }),
        1 => (0_usize..3).prop_map(Step::End),
    ];
    proptest::collection::vec(step, 0..40)
}

/// The ledger of a story, and what was so on each of its days. Day 0 is before the first step.
pub(super) fn story(steps: &[Step]) -> (Vec<Entry>, Vec<Told>) {
    let (mut changes, mut told) = (Vec::new(), vec![Told::default()]);
    let mut now = Told::default();
    for step in steps {
        let today = i64::try_from(told.len()).unwrap();
        let change = match step {
            Step::Invite(index) => {
                let name = format!("row-{index}");
                let new = !now.active.contains_key(&name);
                new.then(|| {
                    now.active.insert(name.clone(), false);
                    invite(&name)
                })
            }
            Step::Authorise(index) => {
                let name = format!("row-{index}");
                let pending = now.active.get(&name) == Some(&false);
                let fresh = !now.held.contains_key(&(name.clone(), 0));
                (pending && fresh).then(|| {
                    now.active.insert(name.clone(), true);
                    authorise(&name, day(today), day(1000))
                })
            }
            Step::SetRoles(index, number, held) => {
                let name = format!("row-{index}");
                (now.active.get(&name) == Some(&true)).then(|| {
                    now.held.insert((name.clone(), *number), held.clone());
                    let held: Vec<_> =
                        held.iter().map(|(role, until)| (ROLES[*role], day(*until))).collect();
                    let after = assignment("grant", &held);
                    let group = group(*number, "Tier");
                    set_roles(&name, &group, &Assignment::default(), &after, Cause::Declared)
                })
            }
            Step::End(index) => {
                let name = format!("row-{index}");
                (now.active.get(&name) == Some(&true)).then(|| {
                    now.active.insert(name.clone(), false);
                    now.held.insert((name.clone(), 0), Vec::new());
                    let effect = Effect::Terminate { reason: EndReason::Deleted };
                    change(&name, effect, Cause::Deleted)
                })
            }
        };
        if let Some(change) = change {
            changes.push((day(today), change));
            told.push(now.clone());
        }
    }
    (ledger(changes), told)
}

/// The payload of an entry, to be tampered with.
pub(super) fn tampered(entry: &Entry, subject: &str) -> Entry {
    let payload = Value::from("nothing happened here");
    Entry { subject: subject.to_owned(), payload, ..entry.clone() }
}
