//! What the planner found, as data: what a person should know, what it is about, and how much it matters. Each part of the
//! planner has an enumeration of its own; the words for all of them stand in `words`.
//!
//! Never: a sentence, or anybody who learns from a code what was found.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::{SignedDuration, Timestamp};

use crate::{
    api::{AcceptorRole, Cloud, PartnerType},
    domain::{
        digest::Digest,
        duration::Duration,
        ids::{GranteeId, Kind, ObjectKey, RoleId, TenantId},
        lifecycle::{Lifecycle, Phase},
        problem::{Code, Severity},
        state::{
            Flight, ObjectName, Owner, RelationshipKey, Tenant,
            seen::{ServiceId, Unread},
        },
        validate::acceptances::{ACCEPTED_IN_THE_FUTURE, OTHER_DOCUMENT},
    },
};

/// The row belongs to another object, namespace or cluster.
const OWNED_BY_ANOTHER: Code = Code(501);
/// Access was removed outside and is not restored by itself (L12).
const REMOVED_OUTSIDE: Code = Code(502);
/// Access that nobody declared stays.
const UNMANAGED: Code = Code(503);
/// Access that nobody declared is declared now.
const ADOPTED: Code = Code(504);
/// The object of a grant is gone; what it gave stays until its end.
const ORPHANED: Code = Code(505);
/// An acceptance names an invitation that is not the pending one.
const OTHER_INVITATION: Code = Code(506);
/// An acceptance counts once.
const ALREADY_USED: Code = Code(507);
/// The customer ended the relationship.
const ENDED_BY_CUSTOMER: Code = Code(508);
/// The customer declined, or did not answer in time.
const DECLINED_OR_LAPSED: Code = Code(509);
/// The relationship expired and is not renewed by itself.
const EXPIRED: Code = Code(510);
/// The agreement is not accepted: nothing can be bought.
const AGREEMENT_NOT_ACCEPTED: Code = Code(511);
/// The agreement is not accepted, and access waits for it.
const ACCESS_WAITS: Code = Code(512);
/// A change of ceiling or duration needs the customer.
const NEEDS_CUSTOMER: Code = Code(513);
/// A window is cut at the end of the relationship.
const CUT_AT_END: Code = Code(514);
/// The object is suspended: what is recorded stays, and still expires.
const SUSPENDED: Code = Code(516);
/// The object is only observed.
const OBSERVED_ONLY: Code = Code(517);
/// Roles resolve otherwise only because the catalogue is newer.
const NEWER_CATALOGUE: Code = Code(518);
/// The acceptance is so old that what it allowed is over.
const ACCEPTANCE_TOO_OLD: Code = Code(519);
/// The row under this name is another customer's, or of another type.
const ANOTHER_IDENTITY: Code = Code(520);
/// The relationship is ending, or in a stage that this version does not know.
const NOT_UNDERSTOOD: Code = Code(521);
/// A grant waits until the customer has accepted.
const GRANT_WAITS: Code = Code(522);
/// A grant gives roles from a later instant on.
const BEGINS_LATER: Code = Code(523);
/// A grant would begin when its relationship is over.
const NEVER_BEGINS: Code = Code(524);
/// The relationship ends soon.
const EXPIRING_SOON: Code = Code(525);
/// The declared role may not accept this ceiling (L13).
const MAY_NOT_ACCEPT: Code = Code(526);
/// The customer declines what was accepted, and access goes on.
const DECLINED_IN_FORCE: Code = Code(532);
/// The row of another object is claimed, which is gone.
const CLAIMS: Code = Code(533);
/// A relationship is declared by nobody, and goes on.
const UNDECLARED: Code = Code(534);
/// A namespace is not in the input, and what it owns goes on.
const NAMESPACE_UNDECLARED: Code = Code(535);
/// The store remembers a boundary that the input does not hold.
const BOUNDARY_ABSENT: Code = Code(550);
/// What was to be adopted is not there, or is not what the object says.
const NOT_ADOPTED: Code = Code(557);
/// What is planned stands elsewhere than in this store.
const OTHER_STORE: Code = Code(558);
/// Something could not be read, and nothing is planned for it.
pub const UNREAD: Code = Code(559);
/// Relationships stand at the service that nobody claims.
const UNCLAIMED: Code = Code(560);
/// An assignment is on its way.
const IN_FLIGHT: Code = Code(561);
/// The customer accepts at the service, and an object that says so gives nothing.
const ACCEPTED_THERE: Code = Code(562);
/// Somebody has switched the automatic extension.
const EXTENSION_SWITCHED: Code = Code(563);
/// Its time is over, and it still stands there.
const END_OVERDUE: Code = Code(564);
/// An invitation that is given up cannot be taken back there.
const NOT_WITHDRAWN: Code = Code(565);
/// Nothing outside is changed for a type of partner.
const ONLY_RECORDED: Code = Code(566);
/// The clocks of the service and of this machine differ.
const CLOCKS: Code = Code(567);
/// Changes are on their way at the service.
const UNDERWAY: Code = Code(568);
/// The service does not keep an end of access by itself.
const ENDS_AHEAD: Code = Code(569);
/// The ledger does not explain what the store holds: nothing is done about it, and nothing rests on it.
pub const UNEXPLAINED: Code = Code(570);

/// What a person should know of a plan. The object that comes first is the one that it is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// Whose the row of a relationship is, and what may be done with it.
    Ownership(ObjectName, OwnershipNotice),
    /// In which stage a relationship is, and what it waits for.
    Stage(ObjectName, StageNotice),
    /// Who holds what under a relationship, and what they wait for.
    Access(ObjectName, AccessNotice),
    /// What becomes of one grant.
    Grant(ObjectName, GrantNotice),
    /// What becomes of one answer.
    Answer(ObjectName, AnswerNotice),
    /// Why nothing is planned for a relationship in this store.
    Elsewhere(ObjectName, ElsewhereNotice),
    /// What stands at the service beside what is declared.
    Beside(BesideNotice),
    /// What goes on and nobody declares.
    Undeclared(UndeclaredNotice),
    /// The store remembers a boundary that the input does not hold.
    BoundaryAbsent {
        /// What it bounds.
        namespace: EcoString,
        /// Its name.
        boundary: String,
        /// Whether it was read from a trusted place.
        trusted: bool,
    },
    /// The ledger does not explain what the store holds.
    Unexplained {
        /// The object that it is about, where it is about one.
        object: Option<ObjectKey>,
        /// What it does not explain, in the words of whoever compared them.
        what: String,
    },
}

/// How what is told bears on what is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bearing {
    /// Access is declared that the store does not hold, or holds otherwise, for as long as nobody outside does something
    /// about it.
    NotHeld,
    /// Access goes on without being declared.
    NotDeclared,
    /// Neither.
    Neither,
}

/// Whose a row is, and what may be done with it.
#[derive(Debug, Clone, PartialEq)]
pub enum OwnershipNotice {
    /// The row is another object's.
    OwnedByAnother {
        /// Which.
        row: RelationshipKey,
        /// Whose, as far as whoever asks may know.
        owner: Option<Owner>,
        /// How it can be had.
        claim: Claim,
    },
    /// The row is another object's than the one that goes, and so does not end with it.
    NotEnded(RelationshipKey),
    /// The name is that of a row which is the successor of another relationship.
    SuccessorOfAnother(RelationshipKey),
    /// The name is taken at the service.
    NamedThere(RelationshipKey, ServiceId),
    /// The row is about another customer, or of another type.
    AnotherIdentity {
        /// Which.
        row: RelationshipKey,
        /// What the store holds.
        observed: (PartnerType, TenantId),
        /// What is declared.
        declared: (PartnerType, TenantId),
    },
    /// The row is claimed from an owner that is gone.
    Claims {
        /// Which.
        row: RelationshipKey,
        /// Whose it was.
        from: Owner,
    },
    /// The object is suspended.
    Suspended,
    /// The object has problems: it is held, and only takes away.
    Invalid,
    /// The object is only observed.
    Observed,
}

/// How the row of another object can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Not at all: another instance wrote it.
    Never,
    /// By the annotation, once its owner is gone.
    ByAnnotation,
    /// Once the manifests speak for the namespace of its owner, and do not hold the owner.
    OnceSpokenFor,
    /// Once the object of its owner is gone.
    OnceGone,
}

/// In which stage a relationship is, and what it waits for.
#[derive(Debug, Clone, PartialEq)]
pub enum StageNotice {
    /// Nothing is written in this stage.
    NotUnderstood {
        /// The row.
        row: RelationshipKey,
        /// The stage that was read.
        stage: Option<Lifecycle>,
    },
    /// What takes the place of the active row waits for the customer.
    NeedsCustomer(RelationshipKey),
    /// The ceiling of the row resolves otherwise in the newer catalogue.
    NewerCatalogue(RelationshipKey),
    /// The row ends soon.
    ExpiringSoon {
        /// Which.
        row: RelationshipKey,
        /// When.
        ends_at: Timestamp,
    },
    /// No new invitation is sent until the spec changes.
    NotInvited {
        /// The row that is over.
        row: RelationshipKey,
        /// Why it is over.
        over: Over,
    },
    /// Somebody has switched the automatic extension.
    ExtensionSwitched {
        /// The row.
        row: RelationshipKey,
        /// By how much it is extended now; zero is never.
        auto_extend: Duration,
    },
    /// The time of the row is over, and it still stands at the service.
    EndOverdue {
        /// Which.
        row: RelationshipKey,
        /// When it was over.
        ended_at: Timestamp,
    },
    /// The invitation is given up, and stays open at the service.
    NotWithdrawn(RelationshipKey),
    /// Somebody took Global Administrator out of the ceiling of the row, and it is not asked for again.
    CeilingLost(RelationshipKey),
}

/// Why a row is over, so that no invitation follows it by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// Its time was over.
    Expired,
    /// Nobody answered in time.
    Lapsed,
    /// The customer declined.
    Declined,
    /// Somebody ended it outside.
    EndedOutside,
}

/// Who holds what under a relationship, and what they wait for.
#[derive(Debug, Clone, PartialEq)]
pub enum AccessNotice {
    /// Somebody took roles away outside, and they are not restored.
    RemovedOutside(GroupRoles),
    /// Roles are held that nobody declared.
    Unmanaged(GroupRoles),
    /// The same in a row that is replaced: they end with it.
    UnmanagedEnds(GroupRoles),
    /// Roles were held already that are declared now.
    Adopted(GroupRoles),
    /// Nothing can be bought until the agreement is accepted.
    AgreementNotAccepted,
    /// Access waits for the agreement.
    WaitsForAgreement,
    /// So many grants wait for the customer.
    WaitsForCustomer(usize),
    /// What a group holds is on its way at the service.
    InFlight {
        /// The row.
        row: RelationshipKey,
        /// The group.
        grantee: GranteeId,
        /// Which way.
        flight: Flight,
    },
}

/// Roles of a group under a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRoles {
    /// The row.
    pub row: RelationshipKey,
    /// The group.
    pub grantee: GranteeId,
    /// The roles.
    pub roles: BTreeSet<RoleId>,
}

/// What becomes of one grant.
#[derive(Debug, Clone, PartialEq)]
pub enum GrantNotice {
    /// Its roles resolve otherwise in the newer catalogue.
    NewerCatalogue,
    /// Its object is gone, and what it gave stays.
    Orphaned {
        /// The group.
        grantee: GranteeId,
        /// What the group was last called, where that is known.
        name: Option<String>,
        /// What it holds by the grant.
        roles: BTreeSet<RoleId>,
        /// The end of the grant itself.
        until: Option<Timestamp>,
        /// The end of the relationship.
        ends_at: Option<Timestamp>,
        /// What has to be done to have it revoked.
        way_out: OrphanWayOut,
    },
    /// Its window is cut at the end of the relationship.
    CutAtEnd {
        /// The row.
        row: RelationshipKey,
        /// When that ends.
        ends_at: Timestamp,
        /// What was asked for.
        not_after: Timestamp,
    },
    /// It would begin when the relationship is over.
    NeverBegins {
        /// The row.
        row: RelationshipKey,
        /// When that ends.
        ends_at: Timestamp,
        /// When it would begin.
        from: Timestamp,
    },
    /// It gives roles from a later instant on.
    BeginsLater {
        /// Which, to whom, where.
        gives: GroupRoles,
        /// From when.
        from: Timestamp,
        /// Until when, where it has an end of its own.
        until: Option<Timestamp>,
    },
}

/// How what a grant gave is revoked when its object is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrphanWayOut {
    /// By pruning.
    Prune,
    /// By declaring it again with another policy.
    Declare,
    /// Not while its relationship is held.
    NotWhileHeld,
}

/// What becomes of one answer.
#[derive(Debug, Clone, PartialEq)]
pub enum AnswerNotice {
    /// It was used before.
    UsedBefore,
    /// What it answers was answered before.
    AnsweredBefore,
    /// It names an invitation that is not the pending one.
    OtherInvitation(Option<Digest>),
    /// It declines what was accepted, and access goes on.
    DeclinedInForce,
    /// It was given later than it is now.
    InTheFuture {
        /// When it says that it was given.
        at: Timestamp,
        /// The store's clock.
        now: Timestamp,
    },
    /// It does not accept the agreement that the invitation of this row names.
    OtherDocument(RelationshipKey),
    /// The declared role may not accept the invitation of this row.
    MayNotAccept(RelationshipKey, AcceptorRole),
    /// It is so old that what it allowed is over.
    TooOld,
    /// It authorises nothing: the customer approves this relationship at the service.
    AcceptedThere(ObjectName),
}

/// Why nothing is planned for a relationship in this store.
#[derive(Debug, Clone, PartialEq)]
pub enum ElsewhereNotice {
    /// It is not adopted.
    NotAdopted {
        /// What was to be adopted.
        id: ServiceId,
        /// Why.
        why: NotAdopted,
    },
    /// It is not adopted, because what it is could not be read.
    AdoptionUnread(ServiceId, Unread),
    /// It stands at the service, and this store is another one.
    NotGraph,
    /// The row stands at the service, and this store is only its ledger.
    OnlyLedger(RelationshipKey),
    /// The row could not be read at the service, for this reason.
    Unread(RelationshipKey, String),
    /// It is of another partner, or in another cloud, than the connection.
    OtherConnection {
        /// Its own.
        declared: (TenantId, Cloud),
        /// The connection's.
        connected: (TenantId, Cloud),
    },
    /// The row was written where there is no service.
    WrittenWithoutGraph(RelationshipKey),
}

/// Why something is not adopted.
#[derive(Debug, Clone, PartialEq)]
pub enum NotAdopted {
    /// A row is for it already.
    Claimed(RelationshipKey),
    /// More objects than one ask for it.
    Shared(Vec<ObjectName>),
    /// It was given up here, under this row.
    GivenUp(RelationshipKey),
    /// The name that its row would have is another's.
    NameTaken(RelationshipKey),
    /// The object has a row already.
    HasRow(RelationshipKey),
    /// It is not there.
    Absent,
    /// It cannot be understood, for this reason.
    Faulty(Unread),
    /// It is granular delegated administration, and not of this type.
    Type(PartnerType),
    /// It is in this stage.
    Stage(Lifecycle),
    /// Its provider made it, and the partner has not agreed there.
    ConsentPending,
    /// It is another customer's.
    Customer {
        /// Whose it is.
        found: Option<TenantId>,
        /// Whose it should be.
        declared: TenantId,
    },
    /// Its ceiling is another.
    Roles {
        /// What stands there beyond what is declared.
        more: BTreeSet<RoleId>,
        /// What is declared beyond what stands there.
        less: BTreeSet<RoleId>,
    },
    /// It lasts otherwise.
    Lasts {
        /// How long it lasts.
        found: Option<Duration>,
        /// How long it should.
        declared: Option<Duration>,
    },
}

/// What stands at the service beside what is declared.
#[derive(Debug, Clone, PartialEq)]
pub enum BesideNotice {
    /// By how much its clock is ahead of ours.
    Clocks(SignedDuration),
    /// The same, and what so many grantees hold is over by ours and is not taken away.
    EndsKept(SignedDuration, usize),
    /// The first end of access that it does not keep by itself.
    EndsAhead(Timestamp),
    /// So many changes are on their way there.
    Underway(usize),
    /// So many relationships stand there that nobody claims.
    Unclaimed(usize),
    /// So many relationships of a type are only recorded.
    OnlyRecorded(PartnerType, usize),
}

/// What goes on and nobody declares.
#[derive(Debug, Clone, PartialEq)]
pub enum UndeclaredNotice {
    /// One relationship of a namespace that the input speaks for.
    Relationship {
        /// The object that declared it.
        object: ObjectName,
        /// What goes on.
        goes_on: Box<GoesOn>,
        /// The name in the store that its object declares now.
        renamed: Option<EcoString>,
        /// How it is ended.
        way_out: WayOut,
    },
    /// So many more in a namespace that the input speaks for.
    More(EcoString, usize),
    /// A namespace that the input does not speak for.
    Namespace {
        /// Which.
        namespace: EcoString,
        /// The relationships that were read.
        rows: Vec<GoesOn>,
        /// How many there are.
        number: usize,
    },
    /// Namespaces of which nothing was read, each with how many relationships it owns.
    Namespaces(BTreeMap<EcoString, usize>),
}

/// A relationship that goes on, and who holds what under it.
#[derive(Debug, Clone, PartialEq)]
pub struct GoesOn {
    /// The row.
    pub row: RelationshipKey,
    /// Whose.
    pub customer: Tenant,
    /// Its stage.
    pub lifecycle: Lifecycle,
    /// When it ends.
    pub ends_at: Option<Timestamp>,
    /// The first who hold something under it.
    pub holders: Vec<Holding>,
    /// How many more do.
    pub more: usize,
}

impl GoesOn {
    /// Whether it is active, and nobody holds anything under it.
    pub(super) fn is_idle(&self) -> bool {
        self.lifecycle.phase() == Phase::Active && self.holders.is_empty()
    }
}

/// What somebody holds, by when it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Who.
    pub grantee: GranteeId,
    /// What they were last called, where that is known.
    pub name: Option<String>,
    /// The roles.
    pub roles: BTreeMap<Timestamp, BTreeSet<RoleId>>,
}

/// How a relationship that nobody declares is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WayOut {
    /// By pruning.
    Prune,
    /// Once it was declared to be managed.
    Manage,
    /// Once it was declared to be terminated.
    Terminate,
}

/// What is fixed for a kind of notice.
type Fixed = (Code, Severity, Bearing);

impl Notice {
    /// Its stable code.
    pub fn code(&self) -> Code {
        self.fixed().0
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        self.fixed().1
    }

    /// How it bears on what is declared.
    pub fn bearing(&self) -> Bearing {
        self.fixed().2
    }

    fn fixed(&self) -> Fixed {
        match self {
            Self::Ownership(_, told) => told.fixed(),
            Self::Stage(_, told) => told.fixed(),
            Self::Access(_, told) => told.fixed(),
            Self::Grant(_, told) => told.fixed(),
            Self::Answer(_, told) => told.fixed(),
            Self::Elsewhere(_, told) => told.fixed(),
            Self::Beside(told) => told.fixed(),
            Self::Undeclared(told) => told.fixed(),
            Self::BoundaryAbsent { .. } => (BOUNDARY_ABSENT, Severity::Warning, Bearing::Neither),
            Self::Unexplained { .. } => (UNEXPLAINED, Severity::Error, Bearing::Neither),
        }
    }

    /// The object that it is about, where it is about one.
    pub fn about(&self) -> Option<ObjectKey> {
        let (kind, object) = match self {
            Self::Ownership(object, _)
            | Self::Stage(object, _)
            | Self::Access(object, _)
            | Self::Elsewhere(object, _)
            | Self::Undeclared(UndeclaredNotice::Relationship { object, .. }) => {
                (Kind::PartnerRelationship, object)
            }
            Self::Grant(object, _) => (Kind::RoleGrant, object),
            Self::Answer(object, _) => (Kind::AgreementAcceptance, object),
            Self::BoundaryAbsent { boundary, .. } => {
                let (namespace, name) = (EcoString::new(), boundary.as_str().into());
                return Some(ObjectKey { kind: Kind::PartnerBoundary, namespace, name });
            }
            Self::Unexplained { object, .. } => return object.clone(),
            Self::Beside(_)
            | Self::Undeclared(
                UndeclaredNotice::More(..)
                | UndeclaredNotice::Namespace { .. }
                | UndeclaredNotice::Namespaces(_),
            ) => return None,
        };
        let ObjectName { namespace, name } = object.clone();
        Some(ObjectKey { kind, namespace, name })
    }

    /// The row in which somebody changed something outside (L12) that the ledger is to say, where that is what is told. How
    /// long a relationship is extended by is no such thing: that is seen there whenever it matters.
    pub fn outside(&self) -> Option<&RelationshipKey> {
        match self {
            Self::Access(
                _,
                AccessNotice::RemovedOutside(GroupRoles { row, .. })
                | AccessNotice::Unmanaged(GroupRoles { row, .. })
                | AccessNotice::UnmanagedEnds(GroupRoles { row, .. }),
            )
            | Self::Stage(_, StageNotice::NotInvited { row, over: Over::EndedOutside }) => {
                Some(row)
            }
            Self::Ownership(..)
            | Self::Stage(..)
            | Self::Access(..)
            | Self::Grant(..)
            | Self::Answer(..)
            | Self::Elsewhere(..)
            | Self::Beside(_)
            | Self::Undeclared(_)
            | Self::BoundaryAbsent { .. }
            | Self::Unexplained { .. } => None,
        }
    }

    /// Whether the row in the store belongs to another object, or is about others, so that nothing is done.
    pub fn is_conflict(&self) -> bool {
        matches!(
            self,
            Self::Ownership(
                _,
                OwnershipNotice::OwnedByAnother { .. }
                    | OwnershipNotice::SuccessorOfAnother(_)
                    | OwnershipNotice::NamedThere(..)
                    | OwnershipNotice::AnotherIdentity { .. }
            )
        )
    }

    /// Whether somebody took roles away outside.
    pub fn is_removed_outside(&self) -> bool {
        matches!(
            self,
            Self::Access(_, AccessNotice::RemovedOutside(_))
                | Self::Stage(_, StageNotice::CeilingLost(_))
        )
    }

    /// Whether roles are held that nobody declared.
    pub fn is_unmanaged(&self) -> bool {
        matches!(self, Self::Access(_, AccessNotice::Unmanaged(_) | AccessNotice::UnmanagedEnds(_)))
    }

    /// Whether something is on its way at a service, so that it is not yet as it should be.
    pub fn is_in_flight(&self) -> bool {
        matches!(self, Self::Access(_, AccessNotice::InFlight { .. }))
    }

    /// Whether something could not be read, so that nothing is planned for it.
    pub fn is_unread(&self) -> bool {
        matches!(
            self,
            Self::Elsewhere(_, ElsewhereNotice::AdoptionUnread(..) | ElsewhereNotice::Unread(..))
        )
    }
}

impl OwnershipNotice {
    fn fixed(&self) -> Fixed {
        match self {
            Self::OwnedByAnother { .. } | Self::SuccessorOfAnother(_) | Self::NamedThere(..) => {
                (OWNED_BY_ANOTHER, Severity::Error, Bearing::NotHeld)
            }
            Self::NotEnded(_) => (OWNED_BY_ANOTHER, Severity::Warning, Bearing::NotHeld),
            Self::AnotherIdentity { .. } => (ANOTHER_IDENTITY, Severity::Error, Bearing::NotHeld),
            Self::Claims { .. } => (CLAIMS, Severity::Warning, Bearing::Neither),
            Self::Suspended | Self::Invalid => (SUSPENDED, Severity::Notice, Bearing::Neither),
            Self::Observed => (OBSERVED_ONLY, Severity::Notice, Bearing::Neither),
        }
    }
}

impl StageNotice {
    fn fixed(&self) -> Fixed {
        match self {
            Self::NotUnderstood { .. } => (NOT_UNDERSTOOD, Severity::Notice, Bearing::NotHeld),
            Self::NeedsCustomer(_) => (NEEDS_CUSTOMER, Severity::Notice, Bearing::NotHeld),
            Self::NewerCatalogue(_) => (NEWER_CATALOGUE, Severity::Notice, Bearing::Neither),
            Self::ExpiringSoon { .. } => (EXPIRING_SOON, Severity::Notice, Bearing::Neither),
            Self::NotInvited { over, .. } => {
                let code = match over {
                    Over::Expired => EXPIRED,
                    Over::Lapsed | Over::Declined => DECLINED_OR_LAPSED,
                    Over::EndedOutside => ENDED_BY_CUSTOMER,
                };
                (code, Severity::Warning, Bearing::NotHeld)
            }
            Self::ExtensionSwitched { .. } => {
                (EXTENSION_SWITCHED, Severity::Warning, Bearing::Neither)
            }
            Self::EndOverdue { .. } => (END_OVERDUE, Severity::Warning, Bearing::Neither),
            Self::NotWithdrawn(_) => (NOT_WITHDRAWN, Severity::Notice, Bearing::Neither),
            Self::CeilingLost(_) => (REMOVED_OUTSIDE, Severity::Warning, Bearing::NotHeld),
        }
    }
}

impl AccessNotice {
    fn fixed(&self) -> Fixed {
        match self {
            Self::RemovedOutside(_) => (REMOVED_OUTSIDE, Severity::Warning, Bearing::NotHeld),
            Self::Unmanaged(_) | Self::UnmanagedEnds(_) => {
                (UNMANAGED, Severity::Warning, Bearing::NotDeclared)
            }
            Self::Adopted(_) => (ADOPTED, Severity::Notice, Bearing::Neither),
            Self::AgreementNotAccepted => {
                (AGREEMENT_NOT_ACCEPTED, Severity::Notice, Bearing::NotHeld)
            }
            Self::WaitsForAgreement => (ACCESS_WAITS, Severity::Notice, Bearing::NotHeld),
            Self::WaitsForCustomer(_) => (GRANT_WAITS, Severity::Notice, Bearing::NotHeld),
            Self::InFlight { .. } => (IN_FLIGHT, Severity::Notice, Bearing::NotHeld),
        }
    }
}

impl GrantNotice {
    fn fixed(&self) -> Fixed {
        match self {
            Self::NewerCatalogue => (NEWER_CATALOGUE, Severity::Notice, Bearing::Neither),
            Self::Orphaned { .. } => (ORPHANED, Severity::Notice, Bearing::NotDeclared),
            Self::CutAtEnd { .. } => (CUT_AT_END, Severity::Notice, Bearing::Neither),
            Self::NeverBegins { .. } => (NEVER_BEGINS, Severity::Warning, Bearing::NotHeld),
            Self::BeginsLater { .. } => (BEGINS_LATER, Severity::Notice, Bearing::Neither),
        }
    }
}

impl AnswerNotice {
    fn fixed(&self) -> Fixed {
        match self {
            Self::UsedBefore | Self::AnsweredBefore => {
                (ALREADY_USED, Severity::Notice, Bearing::Neither)
            }
            Self::OtherInvitation(_) => (OTHER_INVITATION, Severity::Warning, Bearing::NotHeld),
            Self::DeclinedInForce => (DECLINED_IN_FORCE, Severity::Error, Bearing::NotHeld),
            Self::InTheFuture { .. } => (ACCEPTED_IN_THE_FUTURE, Severity::Error, Bearing::Neither),
            Self::OtherDocument(_) => (OTHER_DOCUMENT, Severity::Error, Bearing::Neither),
            Self::MayNotAccept(..) => (MAY_NOT_ACCEPT, Severity::Error, Bearing::NotHeld),
            Self::TooOld => (ACCEPTANCE_TOO_OLD, Severity::Warning, Bearing::NotHeld),
            Self::AcceptedThere(_) => (ACCEPTED_THERE, Severity::Warning, Bearing::Neither),
        }
    }
}

impl ElsewhereNotice {
    fn fixed(&self) -> Fixed {
        let code = match self {
            Self::NotAdopted { .. } => NOT_ADOPTED,
            Self::AdoptionUnread(..) | Self::Unread(..) => UNREAD,
            Self::NotGraph
            | Self::OnlyLedger(_)
            | Self::OtherConnection { .. }
            | Self::WrittenWithoutGraph(_) => OTHER_STORE,
        };
        (code, Severity::Error, Bearing::NotHeld)
    }
}

impl BesideNotice {
    fn fixed(&self) -> Fixed {
        match self {
            Self::Clocks(_) => (CLOCKS, Severity::Warning, Bearing::Neither),
            Self::EndsKept(_, _) => (CLOCKS, Severity::Error, Bearing::Neither),
            Self::EndsAhead(_) => (ENDS_AHEAD, Severity::Notice, Bearing::Neither),
            Self::Underway(_) => (UNDERWAY, Severity::Warning, Bearing::Neither),
            Self::Unclaimed(_) => (UNCLAIMED, Severity::Notice, Bearing::Neither),
            Self::OnlyRecorded(..) => (ONLY_RECORDED, Severity::Notice, Bearing::Neither),
        }
    }
}

impl UndeclaredNotice {
    fn fixed(&self) -> Fixed {
        let code = match self {
            Self::Relationship { .. } | Self::More(..) => UNDECLARED,
            Self::Namespace { .. } | Self::Namespaces(_) => NAMESPACE_UNDECLARED,
        };
        (code, Severity::Notice, Bearing::NotDeclared)
    }
}
