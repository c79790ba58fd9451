//! What the planner found, in words: what is the matter, and the way out.
//!
//! Never: a name of a group without its id.

use std::{borrow::Cow, collections::BTreeMap};

use ecow::EcoString;
use jiff::{SignedDuration, Timestamp};

use super::notice::{
    AccessNotice, AnswerNotice, BesideNotice, Claim, ElsewhereNotice, GoesOn, GrantNotice,
    GroupRoles, Holding, NotAdopted, Notice, OrphanWayOut, Over, OwnershipNotice, StageNotice,
    UndeclaredNotice, WayOut,
};
use crate::domain::{
    duration::Duration,
    enumeration::{counted, enumeration, quoted},
    ids::GranteeId,
    lifecycle::Phase,
    partner_type::role_names,
    problem::Problem,
    state::{Flight, ObjectName, seen::ServiceId},
    validate::acceptances::WHERE_TEXTS_STAND,
};

/// What is the matter, and the way out where there is one.
struct Words {
    message: String,
    help: Option<Cow<'static, str>>,
}

impl Words {
    fn of(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    fn help(self, help: impl Into<Cow<'static, str>>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

impl Notice {
    /// What is the matter: lower case, no full stop, names in backticks.
    pub fn message(&self) -> String {
        self.words().message
    }

    /// The same as a problem: in words, with the object that it is about.
    pub fn problem(&self) -> Problem {
        let Words { message, help } = self.words();
        let mut problem = Problem::error(self.code(), message).severity(self.severity());
        if let Some(object) = self.about() {
            problem = problem.about(&object, None);
        }
        match help {
            Some(help) => problem.help(help),
            None => problem,
        }
    }

    fn words(&self) -> Words {
        match self {
            Self::Ownership(object, told) => told.words(object),
            Self::Stage(_, told) => told.words(),
            Self::Access(object, told) => told.words(object),
            Self::Grant(object, told) => told.words(object),
            Self::Answer(object, told) => told.words(object),
            Self::Elsewhere(object, told) => told.words(object),
            Self::Beside(told) => told.words(),
            Self::Undeclared(told) => told.words(),
            Self::BoundaryAbsent { namespace, boundary, trusted } => {
                boundary_absent(namespace, boundary, *trusted)
            }
            Self::Unexplained { object: _, what } => {
                Words::of(format!("the ledger does not explain the store: {what}")).help(
                    "nothing is done about it: `concordat ledger verify` names every such row, and whoever changed it \
                     must put it back, or a backup",
                )
            }
        }
    }
}

fn boundary_absent(namespace: &str, boundary: &str, trusted: bool) -> Words {
    let (why, help) = if trusted {
        (
            "which was read from `--boundary`",
            "give `--boundary` to every run; to be rid of it, change what that reads",
        )
    } else {
        ("though the input does not hold it", "put it back, or have it forgotten with `--prune`")
    };
    let message = format!("boundary `{boundary}` goes on bounding namespace `{namespace}`, {why}");
    Words::of(message).help(help)
}

impl OwnershipNotice {
    fn words(&self, object: &ObjectName) -> Words {
        match self {
            Self::OwnedByAnother { row, owner, claim } => {
                let whose = owner.as_ref().map_or("another object".to_owned(), quoted);
                Words::of(format!("`{row}` in the store belongs to {whose}")).help(claim.words())
            }
            Self::NotEnded(row) => {
                let message =
                    format!("`{row}` in the store belongs to another object: it is not ended");
                Words::of(message).help("delete the object that owns it")
            }
            Self::SuccessorOfAnother(row) => {
                let message =
                    format!("`{row}` in the store is the successor of another relationship");
                Words::of(message).help("choose another `displayName`")
            }
            Self::NamedThere(row, id) => {
                let message =
                    format!("`{row}` is the name of a relationship at Microsoft already: `{id}`");
                Words::of(message).help(
                    "choose another `displayName`; what is not over is adopted with the annotation \
                     `concordat.dev/adopt-from: graph/ID`",
                )
            }
            Self::AnotherIdentity { row, observed, declared } => {
                let message = format!(
                    "`{row}` in the store is a `{:?}` for customer `{}`, not a `{:?}` for `{}`",
                    observed.0, observed.1, declared.0, declared.1,
                );
                Words::of(message).help(
                    "a relationship never changes its customer or its type: declare a new one \
                     with another `displayName`",
                )
            }
            Self::Claims { row, from } => {
                let message = format!(
                    "`{object}` claims `{row}` from `{from}`: what is held under it is this one's from now on"
                );
                Words::of(message).help("make sure that its owner has given it up for good")
            }
            Self::Suspended => {
                Words::of(format!("`{object}` is held: nothing is changed but expiry"))
            }
            Self::Invalid => {
                Words::of(format!("`{object}` is held: nothing is done but to take away"))
            }
            Self::Observed => {
                Words::of(format!("`{object}` is observed: nothing is changed but expiry"))
            }
        }
    }
}

impl Claim {
    fn words(self) -> &'static str {
        match self {
            Self::Never => {
                "choose another `displayName`: what another instance wrote is never claimed"
            }
            Self::ByAnnotation => {
                "choose another `displayName`, or claim it with the annotation `concordat.dev/adopt-from` \
                 once its owner is gone"
            }
            Self::OnceSpokenFor => {
                "it can be claimed once the manifests hold the namespace of its owner, and not the owner"
            }
            Self::OnceGone => "it can be claimed once the object of its owner is gone",
        }
    }
}

impl StageNotice {
    fn words(&self) -> Words {
        match self {
            Self::NotUnderstood { row, stage } => {
                let stage = stage.as_ref().map(ToString::to_string).unwrap_or_default();
                Words::of(format!("`{row}` is in stage `{stage}`: nothing is written"))
            }
            Self::NeedsCustomer(row) => Words::of(format!(
                "`{row}` replaces the relationship that is active: it needs 1 customer approval, \
                 and until then what is active keeps what both allow"
            )),
            Self::NewerCatalogue(row) => {
                let message = format!(
                    "the ceiling of `{row}` resolves otherwise in the newer catalogue; it stays as accepted"
                );
                Words::of(message)
                    .help("ask for the roles by name in a new offer to have them proposed")
            }
            Self::ExpiringSoon { row, ends_at } => Words::of(format!("`{row}` ends at {ends_at}"))
                .help("propose a successor with `renewal: {mode: Invite}`"),
            Self::NotInvited { row, over } => {
                let what = match over {
                    Over::Expired => "has expired",
                    Over::Lapsed => "was not answered",
                    Over::Declined => "was declined",
                    Over::EndedOutside => "was ended outside",
                };
                let message =
                    format!("`{row}` {what}: no new invitation is sent until the spec changes");
                Words::of(message).help(
                    "agree with the customer first, then change the offer or the relationship",
                )
            }
            Self::ExtensionSwitched { row, auto_extend } => {
                let (state, help) = if auto_extend.is_zero() {
                    (
                        "off",
                        "find out who and why, and declare it so: it is not turned on again by itself",
                    )
                } else {
                    ("on", "find out who and why; where it is declared off it is turned off again")
                };
                let message =
                    format!("somebody has switched the automatic extension of `{row}` {state}");
                Words::of(message).help(help)
            }
            Self::EndOverdue { row, ended_at } => {
                Words::of(format!("`{row}` ended at {ended_at}, and still stands at Microsoft"))
            }
            Self::NotWithdrawn(row) => {
                let message = format!(
                    "`{row}` is given up here, and cannot be taken back at Microsoft: its link works until it lapses"
                );
                Words::of(message).help(
                    "tell the customer not to approve it; whatever becomes of it, nobody gets access under it",
                )
            }
            Self::CeilingLost(row) => {
                let message = format!(
                    "`{row}` lost `Global Administrator` outside; the customer is not asked for it again"
                );
                Words::of(message).help(
                    "find out who removed it and why, then take it out of the offer, or approve that it is asked for \
                     (`--approve HASH`, or on a cluster the annotation `concordat.dev/approve`)",
                )
            }
        }
    }
}

impl AccessNotice {
    fn words(&self, object: &ObjectName) -> Words {
        let who = |GroupRoles { row, grantee, .. }: &GroupRoles| {
            format!("group `{grantee}` under `{row}`")
        };
        match self {
            Self::RemovedOutside(of) => {
                let roles = role_names(&of.roles);
                let message = format!("{} lost {roles} outside; it is not restored", who(of));
                Words::of(message).help(
                    "find out who removed it and why, then approve it (`--approve HASH`, or on a cluster the \
                     annotation `concordat.dev/approve`) or change the grant",
                )
            }
            Self::Unmanaged(of) => {
                let roles = role_names(&of.roles);
                Words::of(format!("{} holds {roles}, which nobody declared", who(of)))
                    .help("declare it, or revoke it with `unmanagedAssignments: Revoke`")
            }
            Self::UnmanagedEnds(GroupRoles { row, grantee, roles }) => {
                let message = format!(
                    "group `{grantee}` holds {} under `{row}`, which nobody declared: it ends with it",
                    role_names(roles)
                );
                Words::of(message).help("declare it, so that it moves to the successor")
            }
            Self::Adopted(of) => {
                let roles = role_names(&of.roles);
                Words::of(format!("{} holds {roles} already; it is declared now", who(of)))
            }
            Self::AgreementNotAccepted => {
                let message = format!(
                    "`{object}` can neither purchase nor manage subscriptions: the customer has not accepted \
                     the agreement"
                );
                Words::of(message).help("record it with `concordat accept`")
            }
            Self::WaitsForAgreement => {
                Words::of(format!("the grants of `{object}` wait for the agreement"))
                    .help("record it with `concordat accept`")
            }
            Self::WaitsForCustomer(grants) => {
                let wait = if *grants == 1 { "waits" } else { "wait" };
                let grants = counted(*grants, "grant");
                Words::of(format!("{grants} of `{object}` {wait} until the customer has accepted"))
            }
            Self::InFlight { row, grantee, flight } => {
                let what = match flight {
                    Flight::Landed => "is in force",
                    Flight::Leaving => "is being taken away",
                    Flight::Arriving => "is on its way",
                    Flight::Unknown => "is in a state that is not understood",
                };
                let message =
                    format!("what group `{grantee}` holds under `{row}` {what} at Microsoft");
                Words::of(message)
            }
        }
    }
}

impl GrantNotice {
    fn words(&self, object: &ObjectName) -> Words {
        match self {
            Self::NewerCatalogue => {
                Words::of(format!("`{object}` resolves otherwise in the newer catalogue")).help(
                    "approve the change (`--approve HASH`, or on a cluster the annotation \
                     `concordat.dev/approve`), or ask for roles by name",
                )
            }
            Self::Orphaned { grantee, name, roles, until, ends_at, way_out } => {
                let until = match (until, ends_at) {
                    (Some(own), Some(end)) if end < own => {
                        format!("the end of the relationship, {end}")
                    }
                    (Some(own), _) => own.to_string(),
                    (None, Some(end)) => format!("the end of the relationship, {end}"),
                    (None, None) => "the end of the relationship".to_owned(),
                };
                let (who, roles) = (group(*grantee, name.as_deref()), role_names(roles));
                let message = format!(
                    "`{object}` is gone; what it gave stays until {until}: {who} holds {roles}"
                );
                Words::of(message).help(way_out.words())
            }
            Self::CutAtEnd { row, ends_at, not_after } => {
                Words::of(format!("`{object}` ends at {ends_at} with `{row}`, not at {not_after}"))
            }
            Self::NeverBegins { row, ends_at, from } => {
                let message = format!(
                    "`{object}` never begins: `{row}` ends at {ends_at}, and it would begin at {from}"
                );
                Words::of(message).help("let it begin earlier, or renew the relationship")
            }
            Self::BeginsLater { gives: GroupRoles { row, grantee, roles }, from, until } => {
                let end = until
                    .as_ref()
                    .map_or("the end of the relationship".to_owned(), Timestamp::to_string);
                Words::of(format!(
                    "`{object}` gives group `{grantee}` {} under `{row}` from {from} until {end}",
                    role_names(roles)
                ))
            }
        }
    }
}

impl OrphanWayOut {
    fn words(self) -> &'static str {
        match self {
            Self::Prune => "revoke it with `--prune`, or declare it again",
            Self::Declare => {
                "declare it again; with `deletionPolicy: Revoke` it can be taken away then"
            }
            Self::NotWhileHeld => {
                "declare it again; nothing of it is revoked while its relationship is held"
            }
        }
    }
}

impl AnswerNotice {
    fn words(&self, object: &ObjectName) -> Words {
        let where_it_pends =
            "show the pending invitation with `concordat offer --relationship NAME`";
        match self {
            Self::UsedBefore => {
                Words::of(format!("`{object}` was used before and authorises nothing more"))
                    .help(where_it_pends)
            }
            Self::AnsweredBefore => {
                Words::of(format!("`{object}` answers an invitation that was answered before"))
                    .help(where_it_pends)
            }
            Self::OtherInvitation(invitation) => {
                let message = format!(
                    "`{object}` names the invitation `{}`, which is not the one that is pending",
                    invitation.map(|digest| digest.short()).unwrap_or_default(),
                );
                Words::of(message).help(where_it_pends)
            }
            Self::DeclinedInForce => {
                let message = format!(
                    "`{object}` declines an invitation that was accepted before, and access goes on"
                );
                Words::of(message).help(
                    "end the relationship with `deletionPolicy: Terminate`, or delete the answer that \
                     does not hold",
                )
            }
            Self::InTheFuture { at, now } => Words::of(format!(
                "`{object}` was given at {at}, and the store's clock says {now}"
            ))
            .help(
                "write when it was given, or set the clock of the machine that it was written on",
            ),
            Self::OtherDocument(row) => {
                let message = format!(
                    "`{object}` does not accept the agreement that the invitation `{row}` names"
                );
                Words::of(message).help(WHERE_TEXTS_STAND)
            }
            Self::MayNotAccept(row, role) => {
                Words::of(format!("`{object}` may not accept `{row}` as `{role:?}`"))
                    .help(where_it_pends)
            }
            Self::TooOld => Words::of(format!("`{object}` is so old that what it allowed is over"))
                .help(where_it_pends),
            Self::AcceptedThere(relationship) => {
                let message = format!(
                    "`{object}` authorises nothing: the customer approves `{relationship}` at Microsoft"
                );
                Words::of(message)
                    .help("send the customer's administrator the link that the plan names")
            }
        }
    }
}

impl ElsewhereNotice {
    fn words(&self, object: &ObjectName) -> Words {
        match self {
            Self::NotAdopted { id, why } => {
                let (message, help) = why.words(object, id);
                Words::of(message).help(help)
            }
            Self::AdoptionUnread(id, unread) => {
                Words::of(format!("`{object}` is not adopted: `{id}` could not be read: {unread}"))
                    .help("plan again; nothing is planned for it until then")
            }
            Self::NotGraph => {
                let message = format!(
                    "`{object}` stands at Microsoft, and this store is not Microsoft Graph"
                );
                Words::of(message).help(
                    "name the connection with `--store graph:FILE`: here the customer would be invited once more",
                )
            }
            Self::OnlyLedger(row) => {
                Words::of(format!("`{row}` stands at Microsoft, and this store is only its ledger"))
                    .help("name the connection with `--store graph:FILE`")
            }
            Self::Unread(row, reason) => Words::of(format!(
                "`{row}` could not be read at Microsoft: {reason}"
            ))
            .help(
                "nothing is planned for it until that is so no more: see `concordat explain C0559`",
            ),
            Self::OtherConnection { declared, connected } => {
                let message = format!(
                    "`{object}` is of partner `{}` in {:?}, and this connection is of `{}` in {:?}",
                    declared.0, declared.1, connected.0, connected.1
                );
                Words::of(message).help("name the connection of that partner, or its store")
            }
            Self::WrittenWithoutGraph(row) => Words::of(format!(
                "`{row}` was written where there is no Microsoft Graph"
            ))
            .help("name another `ledger` in the connection: this database is a store by itself"),
        }
    }
}

impl NotAdopted {
    fn words(&self, object: &ObjectName, id: &ServiceId) -> (String, &'static str) {
        let differs = match self {
            Self::Claimed(row) => {
                return (
                    format!("`{object}` would adopt `{id}`, which `{row}` in this ledger is for"),
                    "adopt another one, or declare that row under its own name",
                );
            }
            Self::Shared(objects) => {
                let objects = objects.iter().map(quoted).collect::<Vec<_>>().join(" and ");
                return (
                    format!("`{id}` is adopted by {objects}: one relationship is one object's"),
                    "take the annotation away from all but one",
                );
            }
            Self::GivenUp(row) => {
                return (
                    format!(
                        "`{object}` would adopt `{id}`, which was given up here as `{row}` and stands at Microsoft"
                    ),
                    "let it lapse, and take the annotation away to invite the customer anew",
                );
            }
            Self::NameTaken(row) => {
                return (
                    format!(
                        "`{object}` would adopt `{id}` as `{row}`, which is another relationship"
                    ),
                    "choose another `displayName` for what is to be adopted",
                );
            }
            Self::HasRow(row) => {
                return (
                    format!("`{object}` would adopt `{id}`, and has a relationship: `{row}`"),
                    "choose another `displayName` for what is to be adopted",
                );
            }
            Self::Absent => {
                return (
                    format!("`{object}` would adopt `{id}`, which is not there at Microsoft"),
                    "write the id as `concordat import` finds it",
                );
            }
            Self::Faulty(fault) => fault.to_string(),
            Self::Type(type_) => {
                format!("it is granular delegated administration, and not `{type_:?}`")
            }
            Self::Stage(stage) => format!("it is `{stage}`"),
            Self::ConsentPending => {
                "its provider made it, and the partner has not yet agreed there".to_owned()
            }
            Self::Customer { found, declared } => {
                let theirs = found.as_ref().map_or("nobody yet".to_owned(), quoted);
                format!("its customer is {theirs}, and not `{declared}`")
            }
            Self::Roles { more, less } => {
                let told = [("more", more), ("less", less)];
                let told = told.into_iter().filter(|(_, of)| !of.is_empty());
                let told: Vec<String> =
                    told.map(|(how, of)| format!("{how}: {}", role_names(of))).collect();
                format!("its roles are others ({})", told.join("; "))
            }
            Self::Lasts { found, declared } => {
                let told = |lasts: &Option<Duration>| {
                    lasts.as_ref().map_or("no length that is understood".to_owned(), quoted)
                };
                format!("it was made for {}, and not for {}", told(found), told(declared))
            }
        };
        (
            format!("`{object}` cannot adopt `{id}`: {differs}"),
            "declare what stands there, and change it once it is adopted",
        )
    }
}

/// What is to be done where clocks differ.
const CLOCKS_AGREE: &str = "set the clock of this machine, or of the ledger's server; an emulator's clock that was moved on \
                            differs as well";

/// How far the service's clock is from ours.
fn apart(ahead: SignedDuration) -> String {
    let way = if ahead.is_negative() { "behind" } else { "ahead of" };
    format!("{way} ours by {:#}", SignedDuration::from_secs(ahead.abs().as_secs()))
}

impl BesideNotice {
    fn words(&self) -> Words {
        match self {
            Self::Clocks(ahead) => {
                let message = format!(
                    "Microsoft's clock is {}: every end here is counted by ours, and none is taken away",
                    apart(*ahead)
                );
                Words::of(message).help(CLOCKS_AGREE)
            }
            Self::EndsKept(ahead, grantees) => {
                let message = format!(
                    "Microsoft's clock is {}: what {} is over by ours, and is not taken away",
                    apart(*ahead),
                    if *grantees == 1 {
                        "1 grantee holds".to_owned()
                    } else {
                        format!("{grantees} grantees hold")
                    }
                );
                Words::of(message).help(CLOCKS_AGREE)
            }
            Self::EndsAhead(end) => Words::of(format!(
                "access ends at {end}, and Microsoft knows no such end: somebody must take it away then"
            ))
            .help("run `concordat expire --store graph:FILE` from a timer, or the operator"),
            Self::Underway(changes) => {
                let (are, they) = if *changes == 1 { ("is", "it") } else { ("are", "they") };
                let message = format!(
                    "{} of an earlier run {are} on the way at Microsoft: what is said here supposes that {they} will be made",
                    counted(*changes, "change")
                );
                let help = "`concordat apply` waits for it, and writes down what became of it";
                Words::of(message).help(help)
            }
            Self::Unclaimed(number) => {
                let stand = if *number == 1 { "stands" } else { "stand" };
                let message = format!(
                    "{} that nobody claims {stand} at Microsoft, besides what is over: nothing is done with that",
                    counted(*number, "relationship")
                );
                Words::of(message).help(
                    "`concordat get relationships --unmanaged --store graph:FILE` lists it, with what is over",
                )
            }
            Self::OnlyRecorded(type_, number) => Words::of(format!(
                "{} of type `{type_:?}` {} only recorded: nothing outside is changed for that type",
                counted(*number, "relationship"),
                if *number == 1 { "is" } else { "are" }
            )),
        }
    }
}

impl UndeclaredNotice {
    fn words(&self) -> Words {
        match self {
            Self::Relationship { object, goes_on, renamed, way_out } => {
                let now =
                    renamed.as_ref().map(|name| format!(": `{object}` declares `{name}` now"));
                let message = format!(
                    "{}, and nobody declares it{}{}",
                    goes_on.stage(),
                    now.unwrap_or_default(),
                    goes_on.holders()
                );
                Words::of(message).help(way_out.words(object, goes_on, renamed.as_ref()))
            }
            Self::More(namespace, number) => {
                let message = if *number == 1 {
                    format!(
                        "1 more relationship of namespace `{namespace}` goes on, and nobody declares it"
                    )
                } else {
                    format!(
                        "{number} more relationships of namespace `{namespace}` go on, and nobody declares them"
                    )
                };
                Words::of(message)
                    .help(format!("`concordat get grants -n {namespace}` lists who holds what"))
            }
            Self::Namespace { namespace, rows, number } => namespace_of(namespace, rows, *number),
            Self::Namespaces(owned) => namespaces(owned),
        }
    }
}

impl WayOut {
    fn words(
        self,
        object: &ObjectName,
        goes_on: &GoesOn,
        renamed: Option<&EcoString>,
    ) -> Cow<'static, str> {
        let declare = |what: &str| {
            format!("`--prune` leaves it: declare it again with `{what}`, apply, and prune it then")
        };
        match (self, renamed) {
            (Self::Prune, _) if goes_on.lifecycle.phase() == Phase::Pending => {
                "withdraw it with `--prune`, or declare it again".into()
            }
            (Self::Prune, Some(name)) => format!(
                "give `{object}` its former `displayName`, or end this one with `--prune` once \
                 `{name}` is accepted"
            )
            .into(),
            (Self::Prune, None) => "end its access with `--prune`, or declare it again".into(),
            (Self::Manage, _) => declare("managementPolicy: Manage").into(),
            (Self::Terminate, _) => declare("deletionPolicy: Terminate").into(),
        }
    }
}

impl GoesOn {
    /// What it is for, and how long it goes on.
    fn stage(&self) -> String {
        let Self { row, customer, lifecycle, ends_at, holders: _, more: _ } = self;
        let customer = match &customer.name {
            Some(name) => format!("`{name}` (`{}`)", customer.id),
            None => format!("customer `{}`", customer.id),
        };
        let how = match (lifecycle.phase(), ends_at) {
            (Phase::Pending, _) => "waits for the customer's answer".to_owned(),
            (Phase::Active, Some(end)) => format!("goes on until {end}"),
            (_, None) | (Phase::Ending | Phase::Ended | Phase::Unknown, _) => {
                format!("goes on as `{lifecycle}`")
            }
        };
        format!("`{row}` for {customer} {how}")
    }

    /// Who holds what under it, until when.
    fn holders(&self) -> String {
        if self.is_idle() {
            return "; nobody holds a role under it".to_owned();
        }
        let told = self.holders.iter().map(|Holding { grantee, name, roles }| {
            let roles: Vec<String> = roles
                .iter()
                .map(|(until, roles)| format!("{} until {until}", role_names(roles)))
                .collect();
            format!("; {} holds {}", group(*grantee, name.as_deref()), roles.join(" and "))
        });
        let more = (self.more > 0).then(|| format!("; {} more hold roles", self.more));
        told.chain(more).collect()
    }
}

/// A group by its id, with the name where one is known.
fn group(id: GranteeId, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("`{name}` (`{id}`)"),
        None => format!("`{id}`"),
    }
}

fn namespace_of(namespace: &EcoString, rows: &[GoesOn], number: usize) -> Words {
    let told = rows.iter().flat_map(|row| [": ".to_owned(), row.stage(), row.holders()]);
    let told: String = told.collect();
    let more = match number.saturating_sub(rows.len()) {
        0 => String::new(),
        more => format!(": {}", counted(more, "more relationship")),
    };
    let message = format!(
        "namespace `{namespace}` is not in the input, and what it owns stays as it is{told}{more}"
    );
    if number == rows.len() && rows.iter().all(GoesOn::is_idle) {
        return Words::of(message).help(
            "to end it for good declare it again with `deletionPolicy: Terminate`, apply, and prune it \
             then",
        );
    }
    Words::of(message).help(format!(
        "`concordat get grants -n {namespace}` lists who holds what; to end it, add \
         `--prune --prune-namespace {namespace}`"
    ))
}

/// Of so many namespaces the name is told.
const NAMED: usize = 20;

fn namespaces(owned: &BTreeMap<EcoString, usize>) -> Words {
    let names: Vec<String> = owned.keys().take(NAMED).map(quoted).collect();
    let others = owned.len() - names.len();
    let names = if others > 0 {
        format!("{} and {others} others", names.join(", "))
    } else {
        enumeration(&names, "and").unwrap_or_default()
    };
    let relationships: usize = owned.values().sum();
    Words::of(format!(
        "more namespaces are not in the input, and what they own stays as it is: {names}, with {relationships} relationships"
    ))
    .help("`concordat get grants` lists who holds what")
}
