//! One of everything that the planner tells: its code, and that its words name what it carries.
//!
//! Never: a plan; which of it is told when is shown by the tests of the planner.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::domain::{catalogue::Catalogue, pages::PAGES, state::Instance};

fn name(name: &str) -> ObjectName {
    ObjectName { namespace: "msp".into(), name: name.into() }
}

fn row() -> RelationshipKey {
    let partner = TenantId::from_u128(1);
    RelationshipKey { cloud: Cloud::Global, partner, name: "the-row".into() }
}

fn day(number: i64) -> Timestamp {
    Timestamp::from_second(number * 86_400).unwrap()
}

fn id() -> ServiceId {
    ServiceId("the-id".into())
}

fn unread() -> Unread {
    Unread("the-fault".to_owned())
}

fn owner() -> Owner {
    Owner { instance: Instance("other".into()), object: name("the-owner") }
}

fn roles() -> BTreeSet<RoleId> {
    [Catalogue::compiled().find("Reports Reader").unwrap().id].into()
}

const GROUP: u128 = 0xabc;

fn group_roles() -> GroupRoles {
    GroupRoles { row: row(), grantee: GranteeId::from_u128(GROUP), roles: roles() }
}

fn goes_on() -> GoesOn {
    let held = BTreeMap::from([(day(2), roles())]);
    let grantee = GranteeId::from_u128(GROUP);
    GoesOn {
        row: row(),
        customer: Tenant { id: TenantId::from_u128(2), name: Some("the-customer".to_owned()) },
        lifecycle: Lifecycle::Active,
        ends_at: Some(day(3)),
        holders: vec![Holding { grantee, name: Some("the-group".to_owned()), roles: held }],
        more: 7,
    }
}

/// A notice, its code, and what its words name besides the object.
type Told = (Notice, u16, &'static [&'static str]);

const ROLES: &[&str] = &["the-row", "000000000abc", "Reports Reader"];

fn ownership() -> Vec<Told> {
    let tell = |told| Notice::Ownership(name("acme"), told);
    let another = |owner, claim| tell(OwnershipNotice::OwnedByAnother { row: row(), owner, claim });
    let identity = |type_, customer| (type_, TenantId::from_u128(customer));
    vec![
        (another(Some(owner()), Claim::Never), 501, &["the-row", "other/msp/the-owner", "never"]),
        (another(None, Claim::ByAnnotation), 501, &["another object", "concordat.dev/adopt-from"]),
        (another(None, Claim::OnceSpokenFor), 501, &["namespace of its owner"]),
        (another(None, Claim::OnceGone), 501, &["is gone"]),
        (tell(OwnershipNotice::NotEnded(row())), 501, &["the-row"]),
        (tell(OwnershipNotice::SuccessorOfAnother(row())), 501, &["the-row"]),
        (tell(OwnershipNotice::NamedThere(row(), id())), 501, &["the-row", "the-id"]),
        (
            tell(OwnershipNotice::AnotherIdentity {
                row: row(),
                observed: identity(PartnerType::Advisor, 0xaa),
                declared: identity(PartnerType::Reseller, 0xbb),
            }),
            520,
            &["the-row", "Advisor", "0000000000aa", "Reseller", "0000000000bb"],
        ),
        (
            tell(OwnershipNotice::Claims { row: row(), from: owner() }),
            533,
            &["msp/acme", "the-row", "other/msp/the-owner"],
        ),
        (tell(OwnershipNotice::Suspended), 516, &["msp/acme", "expiry"]),
        (tell(OwnershipNotice::Invalid), 516, &["msp/acme", "take away"]),
        (tell(OwnershipNotice::Observed), 517, &["msp/acme"]),
    ]
}

fn stages() -> Vec<Told> {
    let tell = |told| Notice::Stage(name("acme"), told);
    let over = |over| tell(StageNotice::NotInvited { row: row(), over });
    let stage = Some(Lifecycle::Terminating);
    let (never, day_long) = (Duration::default(), Duration::from_days(1));
    let switched = |auto_extend| tell(StageNotice::ExtensionSwitched { row: row(), auto_extend });
    vec![
        (tell(StageNotice::NotUnderstood { row: row(), stage }), 521, &["the-row", "erminating"]),
        (tell(StageNotice::NeedsCustomer(row())), 513, &["the-row"]),
        (tell(StageNotice::NewerCatalogue(row())), 518, &["the-row"]),
        (
            tell(StageNotice::ExpiringSoon { row: row(), ends_at: day(1) }),
            525,
            &["the-row", "1970-01-02"],
        ),
        (over(Over::Expired), 510, &["the-row", "expired"]),
        (over(Over::Lapsed), 509, &["the-row", "not answered"]),
        (over(Over::Declined), 509, &["the-row", "declined"]),
        (over(Over::EndedOutside), 508, &["the-row", "outside"]),
        (switched(never), 563, &["the-row", "off"]),
        (switched(day_long), 563, &["the-row", "on"]),
        (
            tell(StageNotice::EndOverdue { row: row(), ended_at: day(1) }),
            564,
            &["the-row", "1970-01-02"],
        ),
        (tell(StageNotice::NotWithdrawn(row())), 565, &["the-row"]),
        (tell(StageNotice::CeilingLost(row())), 502, &["the-row", "Global Administrator"]),
    ]
}

fn access() -> Vec<Told> {
    let tell = |told| Notice::Access(name("acme"), told);
    let in_flight = |flight| {
        let grantee = GranteeId::from_u128(GROUP);
        tell(AccessNotice::InFlight { row: row(), grantee, flight })
    };
    vec![
        (tell(AccessNotice::RemovedOutside(group_roles())), 502, ROLES),
        (tell(AccessNotice::Unmanaged(group_roles())), 503, ROLES),
        (tell(AccessNotice::UnmanagedEnds(group_roles())), 503, ROLES),
        (tell(AccessNotice::Adopted(group_roles())), 504, ROLES),
        (tell(AccessNotice::AgreementNotAccepted), 511, &["msp/acme"]),
        (tell(AccessNotice::WaitsForAgreement), 512, &["msp/acme"]),
        (tell(AccessNotice::WaitsForCustomer(1)), 522, &["msp/acme", "1 grant ", "waits"]),
        (tell(AccessNotice::WaitsForCustomer(9)), 522, &["msp/acme", "9 grants", "wait "]),
        (in_flight(Flight::Leaving), 561, &["the-row", "000000000abc", "taken away"]),
        (in_flight(Flight::Arriving), 561, &["the-row", "000000000abc", "on its way"]),
        (in_flight(Flight::Unknown), 561, &["the-row", "000000000abc", "not understood"]),
    ]
}

fn grants() -> Vec<Told> {
    let tell = |told| Notice::Grant(name("helpdesk"), told);
    let (ends_at, from) = (day(1), day(2));
    let orphaned = |way_out| {
        tell(GrantNotice::Orphaned {
            grantee: GranteeId::from_u128(GROUP),
            name: Some("the-group".to_owned()),
            roles: roles(),
            until: None,
            ends_at: Some(ends_at),
            way_out,
        })
    };
    let gives = group_roles();
    vec![
        (tell(GrantNotice::NewerCatalogue), 518, &["msp/helpdesk"]),
        (
            orphaned(OrphanWayOut::Prune),
            505,
            &[
                "msp/helpdesk",
                "the-group",
                "000000000abc",
                "Reports Reader",
                "1970-01-02",
                "--prune",
            ],
        ),
        (orphaned(OrphanWayOut::Declare), 505, &["deletionPolicy: Revoke"]),
        (orphaned(OrphanWayOut::NotWhileHeld), 505, &["is held"]),
        (
            tell(GrantNotice::CutAtEnd { row: row(), ends_at, not_after: from }),
            514,
            &["msp/helpdesk", "the-row", "1970-01-02", "1970-01-03"],
        ),
        (
            tell(GrantNotice::NeverBegins { row: row(), ends_at, from }),
            524,
            &["msp/helpdesk", "the-row", "1970-01-02", "1970-01-03"],
        ),
        (
            tell(GrantNotice::BeginsLater { gives, from, until: Some(day(3)) }),
            523,
            &["the-row", "000000000abc", "Reports Reader", "1970-01-03", "1970-01-04"],
        ),
    ]
}

fn answers() -> Vec<Told> {
    let tell = |told| Notice::Answer(name("yes"), told);
    let (at, now) = (day(2), day(1));
    let digest = Digest::of(&"an invitation");
    let role = AcceptorRole::BillingAdministrator;
    vec![
        (tell(AnswerNotice::UsedBefore), 507, &["msp/yes", "used before"]),
        (tell(AnswerNotice::AnsweredBefore), 507, &["msp/yes", "answered before"]),
        (tell(AnswerNotice::OtherInvitation(Some(digest))), 506, &["msp/yes", "the invitation `"]),
        (tell(AnswerNotice::DeclinedInForce), 532, &["msp/yes"]),
        (tell(AnswerNotice::InTheFuture { at, now }), 401, &["1970-01-03", "1970-01-02"]),
        (tell(AnswerNotice::OtherDocument(row())), 313, &["msp/yes", "the-row"]),
        (
            tell(AnswerNotice::MayNotAccept(row(), role)),
            526,
            &["msp/yes", "the-row", "BillingAdministrator"],
        ),
        (tell(AnswerNotice::TooOld), 519, &["msp/yes"]),
        (tell(AnswerNotice::AcceptedThere(name("acme"))), 562, &["msp/yes", "msp/acme"]),
    ]
}

fn elsewhere() -> Vec<Told> {
    let tell = |told| Notice::Elsewhere(name("acme"), told);
    let not_adopted = |why| tell(ElsewhereNotice::NotAdopted { id: id(), why });
    let tenant = TenantId::from_u128;
    let customer = |found| NotAdopted::Customer { found, declared: tenant(0xbb) };
    let other = NotAdopted::Roles { more: roles(), less: BTreeSet::new() };
    let lasts = NotAdopted::Lasts { found: None, declared: Some(Duration::from_days(9)) };
    let (declared, connected) = ((tenant(0xaa), Cloud::Global), (tenant(0xbb), Cloud::USGovL4));
    vec![
        (not_adopted(NotAdopted::Claimed(row())), 557, &["msp/acme", "the-id", "the-row"]),
        (not_adopted(NotAdopted::HasRow(row())), 557, &["msp/acme", "the-id", "the-row"]),
        (not_adopted(NotAdopted::Shared(vec![name("acme")])), 557, &["the-id", "msp/acme"]),
        (not_adopted(NotAdopted::GivenUp(row())), 557, &["msp/acme", "the-id", "the-row"]),
        (not_adopted(NotAdopted::NameTaken(row())), 557, &["msp/acme", "the-id", "the-row"]),
        (not_adopted(NotAdopted::Absent), 557, &["msp/acme", "the-id"]),
        (not_adopted(NotAdopted::Faulty(unread())), 557, &["the-id", "the-fault"]),
        (not_adopted(NotAdopted::Type(PartnerType::Advisor)), 557, &["the-id", "Advisor"]),
        (not_adopted(NotAdopted::Stage(Lifecycle::Terminating)), 557, &["the-id", "erminating"]),
        (not_adopted(NotAdopted::ConsentPending), 557, &["the-id", "provider"]),
        (not_adopted(customer(None)), 557, &["the-id", "nobody yet", "0000000000bb"]),
        (not_adopted(customer(Some(tenant(0xaa)))), 557, &["0000000000aa", "0000000000bb"]),
        (not_adopted(other), 557, &["the-id", "more: `Reports Reader`"]),
        (not_adopted(lasts), 557, &["the-id", "no length", "9"]),
        (tell(ElsewhereNotice::AdoptionUnread(id(), unread())), 559, &["the-id", "the-fault"]),
        (tell(ElsewhereNotice::Unread(row(), "the-fault".into())), 559, &["the-row", "the-fault"]),
        (tell(ElsewhereNotice::NotGraph), 558, &["msp/acme"]),
        (tell(ElsewhereNotice::OnlyLedger(row())), 558, &["the-row"]),
        (
            tell(ElsewhereNotice::OtherConnection { declared, connected }),
            558,
            &["msp/acme", "0000000000aa", "Global", "0000000000bb", "USGovL4"],
        ),
        (tell(ElsewhereNotice::WrittenWithoutGraph(row())), 558, &["the-row"]),
    ]
}

fn beside() -> Vec<Told> {
    let clocks = |seconds| BesideNotice::Clocks(SignedDuration::from_secs(seconds));
    let absent = |trusted| {
        let (namespace, boundary) = ("msp".into(), "the-boundary".to_owned());
        Notice::BoundaryAbsent { namespace, boundary, trusted }
    };
    let told = vec![
        (clocks(61), 567, &["ahead of", "1m 1s"][..]),
        (clocks(-61), 567, &["behind", "1m 1s"]),
        (BesideNotice::EndsKept(SignedDuration::from_secs(600), 2), 567, &["2 grantees hold"]),
        (BesideNotice::EndsAhead(Timestamp::UNIX_EPOCH), 569, &["1970-01-01", "concordat expire"]),
        (BesideNotice::Underway(1), 568, &["1 change of an earlier run is", "`concordat apply`"]),
        (BesideNotice::Unclaimed(1), 560, &["1 relationship that nobody claims stands"]),
        (BesideNotice::Unclaimed(9), 560, &["9 relationships that nobody claims stand"]),
        (BesideNotice::OnlyRecorded(PartnerType::Advisor, 9), 566, &["9 relationships", "Advisor"]),
    ];
    let mut told: Vec<Told> =
        told.into_iter().map(|(told, code, words)| (Notice::Beside(told), code, words)).collect();
    told.push((absent(true), 550, &["msp", "the-boundary", "--boundary"]));
    told.push((absent(false), 550, &["msp", "the-boundary", "--prune"]));
    let (object, what) = (None, "the-fault".to_owned());
    told.push((Notice::Unexplained { object, what }, 570, &["the-fault"]));
    told
}

fn undeclared() -> Vec<Told> {
    let one = |renamed: Option<&str>, way_out| {
        let (object, goes_on) = (name("acme"), Box::new(goes_on()));
        let renamed = renamed.map(EcoString::from);
        Notice::Undeclared(UndeclaredNotice::Relationship { object, goes_on, renamed, way_out })
    };
    let namespace = EcoString::from("elsewhere");
    let more = |number| Notice::Undeclared(UndeclaredNotice::More(namespace.clone(), number));
    let owned = BTreeMap::from([(namespace.clone(), 3), ("msp".into(), 4)]);
    let rows = vec![goes_on()];
    let whole = UndeclaredNotice::Namespace { namespace: namespace.clone(), rows, number: 3 };
    vec![
        (
            one(None, WayOut::Prune),
            534,
            &[
                "the-row",
                "the-customer",
                "000000000002",
                "1970-01-04",
                "the-group",
                "000000000abc",
                "Reports Reader",
                "1970-01-03",
                "7 more hold roles",
                "--prune",
            ],
        ),
        (one(Some("the-name"), WayOut::Prune), 534, &["msp/acme", "the-name", "displayName"]),
        (one(None, WayOut::Manage), 534, &["managementPolicy: Manage"]),
        (one(None, WayOut::Terminate), 534, &["deletionPolicy: Terminate"]),
        (more(1), 534, &["elsewhere", "1 more relationship of"]),
        (more(9), 534, &["elsewhere", "9 more relationships of"]),
        (
            Notice::Undeclared(whole),
            535,
            &["elsewhere", "the-row", "the-group", "2 more relationships"],
        ),
        (
            Notice::Undeclared(UndeclaredNotice::Namespaces(owned)),
            535,
            &["elsewhere", "msp", "7 relationships"],
        ),
    ]
}

fn everything() -> Vec<Told> {
    let all =
        [ownership(), stages(), access(), grants(), answers(), elsewhere(), beside(), undeclared()];
    all.into_iter().flatten().collect()
}

/// `Access(RemovedOutside`: what distinguishes one notice from another, without what it carries.
fn variant(notice: &Notice) -> String {
    let told = format!("{notice:?}");
    let words = told.split([' ', '(', ')', '{', '}', ',']).filter(|word| !word.is_empty());
    let named = words.filter(|word| word.chars().all(char::is_alphabetic));
    let is_variant = |word: &&str| {
        word.starts_with(char::is_uppercase) && !["ObjectName", "RelationshipKey"].contains(word)
    };
    named.filter(is_variant).take(2).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_found_is_told_under_its_code_in_words_that_name_what_it_carries() {
    for (notice, code, named) in everything() {
        let problem = notice.problem();
        assert_eq!(problem.code, Code(code), "{notice:?}");
        assert_eq!(problem.object, notice.about(), "{notice:?}");
        let words = format!("{} ({})", problem.message, problem.help.unwrap_or_default());
        for name in named {
            assert!(words.contains(name), "{name}: {words}");
        }
        assert!(!problem.message.ends_with('.'), "{words}");
    }
}

/// Codes of a plan that no notice has: what a front end tells of it.
const OF_FRONT_ENDS: [u16; 8] = [530, 531, 551, 552, 553, 554, 555, 556];

#[test]
fn every_code_of_the_planner_is_told_here() {
    let told: BTreeSet<u16> = everything().iter().map(|(_, code, _)| *code).collect();
    let of_plans = PAGES.iter().map(|(code, _)| code.0).filter(|code| (501..600).contains(code));
    let missing: Vec<u16> =
        of_plans.filter(|code| !told.contains(code) && !OF_FRONT_ENDS.contains(code)).collect();
    assert_eq!(missing, [0; 0]);
}

#[test]
fn a_code_stands_for_one_thing_or_for_several_on_purpose() {
    let mut variants: BTreeMap<u16, BTreeSet<String>> = BTreeMap::new();
    for (notice, code, _) in everything() {
        variants.entry(code).or_default().insert(variant(&notice));
    }
    let several = variants.into_iter().filter(|(_, variants)| variants.len() > 1);
    let several: Vec<String> = several
        .map(|(code, variants)| {
            let variants: Vec<String> = variants.into_iter().collect();
            format!("{code}: {}", variants.join(", "))
        })
        .collect();
    assert_eq!(
        several,
        [
            "501: Ownership NamedThere, Ownership NotEnded, Ownership OwnedByAnother, Ownership SuccessorOfAnother",
            "502: Access RemovedOutside, Stage CeilingLost",
            "503: Access Unmanaged, Access UnmanagedEnds",
            "507: Answer AnsweredBefore, Answer UsedBefore",
            "516: Ownership Invalid, Ownership Suspended",
            "518: Grant NewerCatalogue, Stage NewerCatalogue",
            "534: Undeclared More, Undeclared Relationship",
            "535: Undeclared Namespace, Undeclared Namespaces",
            "558: Elsewhere NotGraph, Elsewhere OnlyLedger, Elsewhere OtherConnection, Elsewhere WrittenWithoutGraph",
            "559: Elsewhere AdoptionUnread, Elsewhere Unread",
            "567: Beside Clocks, Beside EndsKept",
        ]
    );
}

#[test]
fn what_was_changed_outside_is_told_of_its_row() {
    let outside: BTreeSet<u16> = everything()
        .iter()
        .filter(|(notice, _, _)| notice.outside() == Some(&row()))
        .map(|(_, code, _)| *code)
        .collect();
    assert_eq!(outside, BTreeSet::from([502, 503, 508]));
    assert!(
        everything().iter().all(|(notice, _, _)| notice.outside().is_none_or(|it| *it == row()))
    );
}
