//! Objects in a few words: the input of the planner, with days as the unit of time.
//!
//! Never: a rule of the planner.

use std::collections::{BTreeMap, BTreeSet};

use concordat::{
    api::{
        AcceptanceDecision, AcceptorRole, AgreementType, Cloud, Gates, GrantDeletionPolicy,
        ManagementPolicy, PartnerType, RelationshipDeletionPolicy, RenewalMode,
        UnmanagedAssignments,
    },
    domain::{
        catalogue::Catalogue,
        digest::Digest,
        duration::Duration,
        ids::{
            GLOBAL_ADMINISTRATOR, GranteeId, HELPDESK_ADMINISTRATOR, Kind, ObjectKey, RoleId,
            TenantId,
        },
        plan::{Claimant, Foreign},
        state::{
            Absence, Acceptance, AcceptedText, Agreement, Asked, BoundarySource, Desired,
            DesiredGrant, DesiredRelationship, Document, GrantObject, Grantee, GranteeKind,
            Instance, Invitation, ObjectName, Owner, Person, Policies, RelationshipKey, Renewal,
            Standing, Tenant, Uid, Window,
        },
    },
};
use jiff::{SignedDuration, Timestamp};

/// The instant so many days after the beginning of each test.
pub fn day(days: i64) -> Timestamp {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    start + SignedDuration::from_hours(24 * days)
}

/// The roles that tests use: Helpdesk Administrator and Global Administrator are privileged.
pub fn role(number: usize) -> RoleId {
    let named = |name| Catalogue::compiled().find(name).unwrap().id;
    match number {
        0 => HELPDESK_ADMINISTRATOR,
        1 => named("Reports Reader"),
        2 => named("Message Center Reader"),
        _ => GLOBAL_ADMINISTRATOR,
    }
}

pub fn roles(numbers: &[usize]) -> BTreeSet<RoleId> {
    numbers.iter().map(|number| role(*number)).collect()
}

pub fn group(number: u8) -> Grantee {
    let id = GranteeId::from_u128(0x1000 + u128::from(number));
    Grantee { id, kind: GranteeKind::SecurityGroup, name: Some(format!("group {number}")) }
}

pub fn instance() -> Instance {
    Instance("cluster".into())
}

pub fn claimant() -> Claimant {
    Claimant { instance: instance(), foreign: Foreign::Conflict }
}

pub fn object(name: impl Into<String>) -> ObjectName {
    ObjectName { namespace: "msp".into(), name: name.into().into() }
}

pub fn tenant(number: u128) -> Tenant {
    Tenant { id: TenantId::from_u128(number), name: Some(format!("tenant {number}")) }
}

pub fn asked(roles: &BTreeSet<RoleId>) -> Asked {
    Asked { words: roles.iter().map(ToString::to_string).collect(), catalogue: "1".to_owned() }
}

/// A relationship and its offer.
#[derive(Debug, Clone)]
pub struct Relationship {
    pub uid: u32,
    pub standing: Standing,
    pub roles: BTreeSet<RoleId>,
    /// The version of the catalogue that its roles were found in.
    pub catalogue: &'static str,
    pub days: u16,
    pub auto_extend: bool,
    pub agreement: Option<Gates>,
    pub terms: u8,
    pub renewal: RenewalMode,
    pub renew_before: u16,
    pub policies: Policies,
    pub namespace: String,
    pub adopt_from: Option<String>,
}

impl Default for Relationship {
    fn default() -> Self {
        Self {
            uid: 1,
            standing: Standing::Live,
            roles: roles(&[0, 1, 2]),
            catalogue: "1",
            days: 365,
            auto_extend: false,
            agreement: None,
            terms: 0,
            renewal: RenewalMode::Notify,
            renew_before: 5,
            policies: Policies {
                deletion: RelationshipDeletionPolicy::Revoke,
                unmanaged: UnmanagedAssignments::Keep,
                management: ManagementPolicy::Manage,
            },
            namespace: "msp".to_owned(),
            adopt_from: None,
        }
    }
}

/// A grant for one or more relationships.
#[derive(Debug, Clone)]
pub struct Grant {
    pub uid: u32,
    pub selects: BTreeSet<u8>,
    pub grantee: u8,
    pub roles: BTreeSet<RoleId>,
    pub asked: Option<Asked>,
    /// From and until, in days.
    pub window: (Option<i64>, Option<i64>),
    pub standing: Standing,
    pub deletion: GrantDeletionPolicy,
}

impl Default for Grant {
    fn default() -> Self {
        Self {
            uid: 1,
            selects: BTreeSet::from([0]),
            grantee: 0,
            roles: roles(&[0]),
            asked: None,
            window: (None, None),
            standing: Standing::Live,
            deletion: GrantDeletionPolicy::Revoke,
        }
    }
}

impl Grant {
    pub fn window(&self) -> Window {
        Window { not_before: self.window.0.map(day), not_after: self.window.1.map(day) }
    }

    /// What it says wherever something was recorded for it.
    fn said(&self) -> GrantObject {
        GrantObject {
            standing: self.standing,
            not_after: self.window().not_after,
            deletion: Some(self.deletion),
        }
    }
}

/// All objects of the input. Relationships and grants are known by number.
#[derive(Debug, Clone, Default)]
pub struct Input {
    pub relationships: BTreeMap<u8, Relationship>,
    pub grants: BTreeMap<u8, Grant>,
    pub answers: Vec<(u8, Acceptance)>,
    pub agreements: Vec<Acceptance>,
    pub prune: bool,
}

pub fn key(number: u8) -> RelationshipKey {
    let name = format!("customer {number}");
    RelationshipKey { cloud: Cloud::Global, partner: tenant(1).id, name: name.into() }
}

pub fn document() -> Document {
    Document { country: "DE".into(), language: "de".into(), sha256: Digest::of(&"text") }
}

pub fn invitation(number: u8, relationship: &Relationship) -> Invitation {
    Invitation {
        partner: tenant(1).id,
        customer: tenant(100 + u128::from(number)).id,
        type_: PartnerType::GranularDelegatedAdmin,
        cloud: Cloud::Global,
        name: key(number).name.to_string(),
        roles: relationship.roles.clone(),
        duration: Some(format!("P{}D", relationship.days).parse().unwrap()),
        auto_extend: Duration::from_days(if relationship.auto_extend { 180 } else { 0 }),
        agreement: relationship.agreement.map(|gates| Agreement {
            type_: AgreementType::MicrosoftCustomerAgreement,
            template_id: "template".to_owned(),
            documents: BTreeSet::from([document()]),
            gates,
        }),
        terms: (relationship.terms > 0).then(|| concordat::domain::state::Terms {
            url: "https://example.com/terms".to_owned(),
            sha256: Digest::of(&relationship.terms),
        }),
    }
}

/// What somebody at the customer says on this day, to an invitation or to the agreement alone.
pub fn answer(
    number: u8,
    decision: AcceptanceDecision,
    accepted_at: Timestamp,
    invitation: Option<Digest>,
) -> Acceptance {
    let customer = tenant(100 + u128::from(number)).id;
    Acceptance {
        object: object(format!("answer-{accepted_at}-{decision:?}").to_lowercase()),
        content: Digest::of(&(number, decision, accepted_at, invitation)),
        decision,
        customer,
        partner: tenant(1).id,
        agreement: Some(AcceptedText {
            type_: AgreementType::MicrosoftCustomerAgreement,
            template_id: "template".to_owned(),
            document: document(),
        }),
        accepted_by: Person {
            first_name: "Ada".to_owned(),
            last_name: "Example".to_owned(),
            email: "ada@example.com".to_owned(),
            phone_number: None,
            role: AcceptorRole::GlobalAdministrator,
        },
        accepted_at,
        invitation,
    }
}

/// The UID of so many-th object that declares a relationship.
pub fn relationship_uid(number: u8, uid: u32) -> Uid {
    Uid(format!("relationship-{number}-{uid}").into())
}

impl Input {
    /// The input as the planner takes it.
    pub fn desired(&self) -> Desired {
        let relationships =
            self.relationships.iter().map(|(number, of)| (key(*number), self.wish(*number, of)));
        let absence = if self.prune { Absence::Prune } else { Absence::Keep };
        Desired {
            relationships: relationships.collect(),
            leaving: self.leaving(),
            gone: self.gone(),
            grant_objects: self
                .grants
                .iter()
                .map(|(number, grant)| (object(format!("grant-{number}")), grant.said()))
                .collect(),
            acceptances: self.agreements.clone(),
            namespaces: BTreeSet::from(["msp".into()]),
            absence,
            boundaries: BTreeMap::new(),
            boundary_source: BoundarySource::Input,
        }
    }

    /// Owners that are claimed from and not in the input.
    fn gone(&self) -> BTreeSet<ObjectName> {
        let names = self.relationships.iter().map(|(number, of)| ObjectName {
            namespace: of.namespace.as_str().into(),
            name: format!("relationship-{number}").into(),
        });
        let names: BTreeSet<ObjectName> = names.collect();
        let claims = self.relationships.values().filter_map(|of| of.adopt_from.as_ref());
        let owners = claims.filter_map(|claim| claim.parse::<Owner>().ok());
        owners.map(|owner| owner.object).filter(|object| !names.contains(object)).collect()
    }

    fn leaving(&self) -> BTreeMap<ObjectKey, Uid> {
        let key =
            |kind, name: ObjectName| ObjectKey { kind, namespace: name.namespace, name: name.name };
        let relationships = self.relationships.iter().map(|(number, of)| {
            let name = format!("relationship-{number}");
            let name = ObjectName { namespace: of.namespace.as_str().into(), name: name.into() };
            let uid = relationship_uid(*number, of.uid);
            (key(Kind::PartnerRelationship, name), uid, of.standing)
        });
        let grants = self.grants.iter().map(|(number, grant)| {
            let uid = Uid(format!("grant-{number}-{}", grant.uid).into());
            (key(Kind::RoleGrant, object(format!("grant-{number}"))), uid, grant.standing)
        });
        let leaves = |(key, uid, standing)| (standing == Standing::Deleted).then_some((key, uid));
        relationships.chain(grants).filter_map(leaves).collect()
    }

    fn wish(&self, number: u8, of: &Relationship) -> DesiredRelationship {
        let selected = self.grants.iter().filter(|(_, grant)| grant.selects.contains(&number));
        let answers = self.answers.iter().filter(|(to, _)| *to == number);
        let customer = tenant(100 + u128::from(number));
        DesiredRelationship {
            object: ObjectName {
                namespace: of.namespace.as_str().into(),
                name: format!("relationship-{number}").into(),
            },
            uid: relationship_uid(number, of.uid),
            standing: of.standing,
            invitation: invitation(number, of),
            asked: Asked { catalogue: of.catalogue.to_owned(), ..asked(&of.roles) },
            partner: tenant(1),
            renewal: Renewal { mode: of.renewal, before: Duration::from_days(of.renew_before) },
            policies: of.policies.clone(),
            adopt_from: of.adopt_from.clone(),
            grants: selected
                .map(|(name, grant)| (object(format!("grant-{name}")), desired_grant(*name, grant)))
                .collect(),
            answers: answers.map(|(_, answer)| answer.clone()).collect(),
            agreements: self
                .agreements
                .iter()
                .filter(|acceptance| acceptance.customer == customer.id)
                .cloned()
                .collect(),
            customer,
        }
    }
}

fn desired_grant(name: u8, grant: &Grant) -> DesiredGrant {
    DesiredGrant {
        uid: Uid(format!("grant-{name}-{}", grant.uid).into()),
        standing: grant.standing,
        grantee: group(grant.grantee),
        roles: grant.roles.clone(),
        asked: grant.asked.clone().unwrap_or_else(|| asked(&grant.roles)),
        window: grant.window(),
        deletion: grant.deletion,
        justification: None,
    }
}
