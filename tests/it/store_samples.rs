//! Desired states to plan from, and a store of either kind for one test.
//!
//! Never: a change written by hand where the planner can make it.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use concordat::{
    api::{
        AcceptanceDecision, AcceptorRole, Cloud, GrantDeletionPolicy, ManagementPolicy,
        PartnerType, RelationshipDeletionPolicy, RenewalMode, UnmanagedAssignments,
    },
    domain::{
        change::Change,
        digest::Digest,
        duration::Duration,
        entry::{Actor, ActorKind, ActorStanding, Intent},
        ids::{GranteeId, HELPDESK_ADMINISTRATOR, RoleId, TenantId},
        limits::{Admitted, Limits, check},
        plan::{Claimant, Foreign, plan},
        state::{
            Absence, Acceptance, Asked, BoundarySource, Desired, DesiredGrant, DesiredRelationship,
            GrantObject, Grantee, GranteeKind, Grants, Instance, Invitation, ObjectName, Observed,
            Person, Policies, RelationshipKey, Renewal, Standing, Tenant, Uid, Window,
        },
    },
    store::{
        Outcome, Read, Scope, Signature, StoreUrl, Write,
        apply::{Report, apply},
        sql::{POSTGRES_ROLES, SqlReader, SqlWriter, open_reader, open_writer},
    },
};
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Connection};

use crate::postgres::{Database, server};

/// Reads reports; not privileged.
pub const REPORTS_READER: RoleId = RoleId::from_u128(0x4a5d_8f65_41da_4de4_8968_e035_b653_39cf);

/// Where one test has its store.
pub enum Place {
    Sqlite(tempfile::TempDir),
    Postgres(Database),
}

impl Place {
    pub fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    pub fn postgres() -> Self {
        Self::Postgres(server().database("store"))
    }

    /// The same, where its owner has made the tables and somebody works with no more rights than `concordat_operator` has.
    pub async fn with_least_rights() -> Self {
        let mut database = server().database("least");
        let url = database.url().parse().unwrap();
        open_writer(&url, &Instance("owner".into()), |_| {}).await.unwrap().close().await.unwrap();
        server().administer(&database.name, POSTGRES_ROLES);
        database.user = server().login(&database, "operator");
        let grant = format!("GRANT concordat_operator TO {}", database.user.name);
        server().administer(&database.name, &grant);
        Self::Postgres(database)
    }

    pub fn url(&self) -> StoreUrl {
        match self {
            Self::Sqlite(folder) => StoreUrl::Sqlite(folder.path().join("store.db")),
            Self::Postgres(database) => database.url().parse().unwrap(),
        }
    }

    pub async fn writer(&self) -> SqlWriter {
        self.writer_of(&Instance::cli()).await
    }

    pub async fn writer_of(&self, instance: &Instance) -> SqlWriter {
        open_writer(&self.url(), instance, |_| {}).await.unwrap()
    }

    pub async fn reader(&self) -> SqlReader {
        open_reader(&self.url()).await.unwrap()
    }

    /// Says something to the database as somebody else would, and gives back how many rows it touched.
    pub async fn outside(&self, statement: &str) -> u64 {
        self.try_outside(statement).await.unwrap()
    }

    pub async fn try_outside(&self, statement: &str) -> Result<u64, sqlx::Error> {
        match self {
            Self::Sqlite(folder) => {
                let path = folder.path().join("store.db");
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
                let mut outsider = sqlx::SqliteConnection::connect_with(&options).await?;
                let query = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
                Ok(query.execute(&mut outsider).await?.rows_affected())
            }
            Self::Postgres(database) => {
                let mut outsider = sqlx::PgConnection::connect(&database.owner.url).await?;
                sqlx::raw_sql("SET search_path = concordat").execute(&mut outsider).await?;
                let query = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
                Ok(query.execute(&mut outsider).await?.rows_affected())
            }
        }
    }

    /// The one number that a query gives.
    pub async fn number(&self, query: &str) -> i64 {
        let query = AssertSqlSafe(format!("SELECT CAST(({query}) AS BIGINT)"));
        match self {
            Self::Sqlite(folder) => {
                let path = folder.path().join("store.db");
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
                let mut outsider = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
                sqlx::query_scalar(query).fetch_one(&mut outsider).await.unwrap()
            }
            Self::Postgres(database) => {
                let mut outsider = sqlx::PgConnection::connect(&database.owner.url).await.unwrap();
                sqlx::raw_sql("SET search_path = concordat").execute(&mut outsider).await.unwrap();
                sqlx::query_scalar(query).fetch_one(&mut outsider).await.unwrap()
            }
        }
    }
}

pub fn by(name: &str) -> Signature {
    let actor =
        Actor { name: name.to_owned(), kind: ActorKind::Person, standing: ActorStanding::Claimed };
    Signature { actor, intent: Intent { catalogue: "test".to_owned(), ..Intent::default() } }
}

pub fn object(name: &str) -> ObjectName {
    ObjectName { namespace: "msp".into(), name: name.into() }
}

pub fn partner() -> TenantId {
    TenantId::from_u128(0xaaaa)
}

pub fn key(name: &str) -> RelationshipKey {
    RelationshipKey { cloud: Cloud::Global, partner: partner(), name: name.into() }
}

pub fn group(number: u128) -> GranteeId {
    GranteeId::from_u128(0x9999_0000 + number)
}

/// Nothing, from files of the namespace `msp`.
pub fn nothing() -> Desired {
    Desired {
        relationships: BTreeMap::new(),
        leaving: BTreeMap::new(),
        gone: BTreeSet::new(),
        grant_objects: BTreeMap::new(),
        acceptances: Vec::new(),
        namespaces: BTreeSet::from(["msp".into()]),
        absence: Absence::Keep,
        boundaries: BTreeMap::new(),
        boundary_source: BoundarySource::Input,
    }
}

/// A relationship of that name with the customer of that number.
pub fn relationship(name: &str, customer: u128) -> DesiredRelationship {
    let customer = TenantId::from_u128(customer);
    let words = BTreeSet::from(["Helpdesk Administrator".to_owned(), "Reports Reader".to_owned()]);
    DesiredRelationship {
        object: object(name),
        uid: Uid::of_file(),
        standing: Standing::Live,
        invitation: Invitation {
            partner: partner(),
            customer,
            type_: PartnerType::GranularDelegatedAdmin,
            cloud: Cloud::Global,
            name: name.to_owned(),
            roles: BTreeSet::from([HELPDESK_ADMINISTRATOR, REPORTS_READER]),
            duration: Some("P365D".parse().unwrap()),
            auto_extend: Duration::default(),
            agreement: None,
            terms: None,
        },
        asked: Asked { words, catalogue: "test".to_owned() },
        partner: Tenant { id: partner(), name: Some("The partner".to_owned()) },
        customer: Tenant { id: customer, name: Some("Ünïcode \"& Söhne\"\n".to_owned()) },
        renewal: Renewal { mode: RenewalMode::Notify, before: Duration::from_days(60) },
        policies: Policies {
            deletion: RelationshipDeletionPolicy::Revoke,
            unmanaged: UnmanagedAssignments::Keep,
            management: ManagementPolicy::Manage,
        },
        adopt_from: None,
        grants: Grants::default(),
        answers: Vec::new(),
        agreements: Vec::new(),
    }
}

/// What a person at the customer says to the invitation of `wish`.
pub fn answer(wish: &DesiredRelationship, decision: AcceptanceDecision) -> Acceptance {
    // A moment ago: what lies ahead of the store's clock when it is read has not happened.
    let now = Timestamp::from_millisecond(Timestamp::now().as_millisecond() - 1_000).unwrap();
    Acceptance {
        object: object(&format!("{}-answer", wish.invitation.name)),
        content: Digest::of(&(wish.invitation.digest(), format!("{decision:?}"))),
        decision,
        customer: wish.invitation.customer,
        partner: wish.invitation.partner,
        agreement: None,
        accepted_by: Person {
            first_name: "Ada".to_owned(),
            last_name: "Lovelace".to_owned(),
            email: "Ada@customer.example".to_owned(),
            phone_number: None,
            role: AcceptorRole::GlobalAdministrator,
        },
        accepted_at: now,
        invitation: Some(wish.invitation.digest()),
    }
}

/// The same, accepted.
pub fn accepted(mut wish: DesiredRelationship) -> DesiredRelationship {
    wish.answers.push(answer(&wish, AcceptanceDecision::Accept));
    wish
}

/// What is wanted, with one relationship.
pub fn only(wish: DesiredRelationship) -> Desired {
    all([wish])
}

/// What is wanted, with these relationships.
pub fn all(wishes: impl IntoIterator<Item = DesiredRelationship>) -> Desired {
    let mut desired = nothing();
    for wish in wishes {
        let said = |grant: &DesiredGrant| GrantObject {
            standing: grant.standing,
            not_after: grant.window.not_after,
            deletion: Some(grant.deletion),
        };
        let grants = wish.grants.iter().map(|(object, grant)| (object.clone(), said(grant)));
        desired.grant_objects.extend(grants);
        desired.relationships.insert(key(&wish.invitation.name), wish);
    }
    desired
}

/// The relationship with a grant to the group of that number.
pub fn grant(
    mut wish: DesiredRelationship,
    number: u128,
    roles: &[RoleId],
    not_after: Option<Timestamp>,
) -> DesiredRelationship {
    let grant = DesiredGrant {
        uid: Uid::of_file(),
        standing: Standing::Live,
        grantee: Grantee {
            id: group(number),
            kind: GranteeKind::SecurityGroup,
            name: Some(format!("group {number}")),
        },
        roles: roles.iter().copied().collect(),
        asked: Asked {
            words: roles.iter().map(ToString::to_string).collect(),
            catalogue: "test".to_owned(),
        },
        window: Window { not_before: None, not_after },
        deletion: GrantDeletionPolicy::Revoke,
        justification: None,
    };
    let name = format!("{}-grant-{number}", wish.invitation.name);
    wish.grants.insert(object(&name), grant);
    wish
}

/// In so many seconds, in whole milliseconds.
pub fn in_seconds(seconds: i64) -> Timestamp {
    let now = Timestamp::now().as_millisecond();
    Timestamp::from_millisecond(now + seconds * 1_000).unwrap()
}

/// What has to change and needs nobody's approval.
pub fn changes(desired: &Desired, observed: &Observed, instance: &Instance) -> Vec<Change> {
    let claimant = Claimant { instance: instance.clone(), foreign: Foreign::Conflict };
    let mut changes = plan(desired, observed, &claimant).changes;
    changes.retain(|change| !change.approval.is_needed());
    changes
}

/// Free of limits.
pub fn free(changes: impl IntoIterator<Item = Change>) -> Vec<Admitted> {
    let scope = "default".to_owned();
    changes.into_iter().map(|change| Admitted::free(change, scope.clone())).collect()
}

/// The changes that the command line would make now.
pub async fn planned(store: &mut impl Read, desired: &Desired) -> Vec<Admitted> {
    let observed = store.observe(&Scope::All).await.unwrap();
    free(changes(desired, &observed, &Instance::cli()))
}

/// Plans and applies without limits; every change is made.
pub async fn bring(store: &mut impl Write, desired: &Desired) -> Observed {
    let changes = planned(store, desired).await;
    let (limits, by) = (BTreeMap::new(), by("ada").into());
    let report = apply(store, changes, &limits, &by, |_| ControlFlow::Continue(())).await;
    assert_eq!(report.stopped, None);
    for (admitted, outcome) in &report.tried {
        assert_eq!(*outcome, Outcome::Done, "{:?}", admitted.change);
    }
    store.observe(&Scope::All).await.unwrap()
}

/// Plans, checks against limits and applies what may run.
pub async fn within(store: &mut impl Write, desired: &Desired, limits: &Limits) -> Report {
    let limits = BTreeMap::from([("default".to_owned(), limits.clone())]);
    let observed = store.observe(&Scope::All).await.unwrap();
    let claimant = Claimant { instance: Instance::cli(), foreign: Foreign::Conflict };
    let plan = plan(desired, &observed, &claimant);
    let budgets = store.budgets(&limits).await.unwrap();
    let checked = check(&plan, desired, &budgets, &BTreeSet::new());
    store.block(&checked.blocked, &by("ada")).await.unwrap();
    apply(store, checked.run, &limits, &by("ada").into(), |_| ControlFlow::Continue(())).await
}

/// The chain has this many entries, each follows the one before, and each effect stands in it once.
pub async fn chain_is_whole(store: &mut impl Read, expected: usize) {
    let mut head = concordat::domain::entry::Head::empty();
    let mut made = BTreeSet::new();
    let entries = store.entries(0, u32::MAX >> 1).await.unwrap();
    assert_eq!(entries.len(), expected);
    for entry in &entries {
        assert_eq!((entry.sequence, entry.previous), (head.sequence + 1, head.hash));
        assert_eq!(entry.computed_hash(), entry.hash);
        if let (Some(change), None) = (entry.payload.get("change"), entry.payload.get("refused")) {
            assert!(made.insert(change.to_string()), "{change} stands in the ledger twice");
        }
        head = entry.head();
    }
    assert_eq!(store.head().await.unwrap(), head);
}
