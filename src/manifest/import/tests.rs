//! Imports that are read again: whether they are sound, say just what was seen, and are the same each time.
//!
//! Never: an import that is compared with itself only.

use std::{collections::BTreeMap, fs};

use ecow::EcoString;
use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::{
    domain::{
        ids::{GLOBAL_ADMINISTRATOR, HELPDESK_ADMINISTRATOR},
        problem::{Problem, Severity},
        state::{
            Absence, GranteeKind,
            seen::{AssignmentStatus, Provider, SeenAssignment, Unread},
        },
        validate::{
            Objects,
            grants::BEYOND_THE_OFFER,
            has_all,
            roles::{NOT_SUPPORTED_BY_GDAP, ROLE_NOT_ASSIGNABLE, UNKNOWN_ROLE},
            validate,
        },
    },
    manifest::{Source, read_objects},
};

const PARTNER: u128 = 0xaaaa_bbbb_0000_4ccc_8111_dddd_2222_eeee;

fn options() -> ImportOptions {
    ImportOptions {
        partner: Tenant {
            id: TenantId::from_u128(PARTNER),
            name: Some("Contoso Managed Services".to_owned()),
        },
        cloud: Cloud::Global,
        namespace: "msp".to_owned(),
        management: crate::api::ManagementPolicy::Observe,
        all: false,
        groups: None,
        today: "2026-12-01".to_owned(),
    }
}

fn role(name: &str) -> RoleId {
    Catalogue::compiled().find(name).unwrap().id
}

fn roles(names: &[&str]) -> BTreeSet<RoleId> {
    names.iter().map(|name| role(name)).collect()
}

fn customer(number: u128) -> TenantId {
    TenantId::from_u128(0x592e_7d4b_896c_43cd_898c_0000_0000_0000 + number)
}

fn group(number: u128) -> GranteeId {
    GranteeId::from_u128(0x1a2b_1a1a_1111_4222_8333_0000_0000_0000 + number)
}

fn relationship(number: u128, name: &str, customer_name: &str) -> SeenRelationship {
    let id = uuid::Uuid::from_u128((number + 1) << 96 | 0x4000_8000_0000_0000_0000);
    SeenRelationship {
        fault: None,
        id: ServiceId(format!("{id}-{id}").into()),
        name: name.to_owned(),
        customer: Some(Tenant { id: customer(number), name: Some(customer_name.to_owned()) }),
        stage: Lifecycle::Active,
        duration: Some(Duration::days(730)),
        auto_extend: Duration::ZERO,
        roles: roles(&["Helpdesk Administrator", "Reports Reader", "License Administrator"]),
        created_at: None,
        activated_at: None,
        ends_at: None,
        etag: None,
        provider: None,
        assignments: Ok(BTreeMap::new()),
    }
}

fn assignment(number: u128, names: &[&str]) -> SeenAssignment {
    SeenAssignment {
        grantee: group(number),
        kind: GranteeKind::SecurityGroup,
        roles: roles(names),
        status: AssignmentStatus::Active,
        etag: None,
        created_at: None,
    }
}

fn assigned(
    mut relationship: SeenRelationship,
    assignments: impl IntoIterator<Item = SeenAssignment>,
) -> SeenRelationship {
    let all = assignments.into_iter().enumerate();
    relationship.assignments =
        Ok(all.map(|(number, it)| (format!("assignment-{number}").into(), it)).collect());
    relationship
}

fn seen(relationships: impl IntoIterator<Item = SeenRelationship>) -> Seen {
    let all = relationships.into_iter().map(|it| (it.id.clone(), it));
    Seen { now: None, relationships: all.collect() }
}

/// What the files hold, and everything that is wrong with them.
fn read(files: &BTreeMap<String, String>) -> (Objects, Vec<Problem>) {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let source = Source::Path(folder.path().to_owned());
    let (input, objects, mut problems) =
        read_objects(&[source], "default", Absence::Prune).unwrap();
    problems.extend(input.problems);
    let now = "2026-12-01T12:00:00Z".parse().unwrap();
    problems.extend(validate(&objects, Catalogue::compiled(), now).problems);
    (objects, problems)
}

/// The errors in what the files say. Who is adopted from Microsoft is judged elsewhere.
fn errors(problems: &[Problem]) -> Vec<String> {
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
    errors.map(|it| format!("{} {:?} {}: {}", it.code, it.object, it.path, it.message)).collect()
}

/// Who holds what by the grants of the files: by the id at Microsoft, the group and the roles.
fn access(objects: &Objects) -> BTreeSet<(String, String, BTreeSet<RoleId>)> {
    let mut access = BTreeSet::new();
    for grant in &objects.grants {
        for relationship in &objects.relationships {
            let name = grant.spec.relationship_ref.as_ref().map(|it| it.name.as_str());
            let selector = grant.spec.relationship_selector.as_ref();
            let is_meant = name == Some(relationship.name.name.as_str())
                || selector.is_some_and(|it| has_all(&relationship.labels, &it.match_labels));
            if is_meant {
                let group = grant.spec.grantee.security_group.as_ref().unwrap().id.clone();
                let roles = grant.spec.roles.iter();
                let roles = roles.map(|it| {
                    let known = Catalogue::compiled().find_exactly(it);
                    known.map_or_else(|_| it.parse().unwrap(), |role| role.id)
                });
                let id = relationship.annotations[&EcoString::from("concordat.dev/adopt-from")]
                    .to_string();
                access.insert((id.replace("graph/", ""), group, roles.collect()));
            }
        }
    }
    access
}

fn counts(objects: &Objects) -> (usize, usize, usize) {
    (objects.offers.len(), objects.relationships.len(), objects.grants.len())
}

fn words(import: &Import) -> String {
    import.told.iter().map(|told| told.words() + "\n").collect()
}

#[test]
fn four_hundred_customers_with_six_groups_under_one_offer_are_407_objects() {
    let all = (0..400).map(|number| {
        let groups = (0..6).map(|group| assignment(group, &["Helpdesk Administrator"]));
        assigned(relationship(number, &format!("gdap {number}"), &format!("Firm {number}")), groups)
    });
    let import = import(&seen(all), &options());
    let (objects, problems) = read(&import.files);
    assert_eq!(counts(&objects), (1, 400, 6));
    assert_eq!(errors(&problems), [""; 0]);
    assert_eq!(import.told, []);
    assert_eq!(access(&objects).len(), 2400);
    assert_eq!(import.files.len(), 400 + 3);
}

#[test]
fn a_small_partner_is_written_like_this() {
    let first = assigned(
        relationship(0, "gdap-fabrikam", "Fabrikam"),
        [
            assignment(0, &["Helpdesk Administrator", "Reports Reader"]),
            assignment(1, &["Reports Reader"]),
        ],
    );
    let mut second = assigned(
        relationship(1, "CIPP_0b1f2ab6-5a4c-4f7e-9a57-0f6b3f2a1c11", "Tailspin: #1"),
        [assignment(0, &["Helpdesk Administrator", "Reports Reader"])],
    );
    second.auto_extend = Duration::days(180);
    let third = relationship(2, "gdap/wingtip", "no");
    let mut pending = relationship(3, "gdap-northwind", "Northwind");
    pending.stage = Lifecycle::ApprovalPending;
    let from = ImportOptions {
        groups: Some(BTreeMap::from([(group(0), "First line".to_owned())])),
        ..options()
    };
    let import = import(&seen([first, second, third, pending]), &from);
    let (_, problems) = read(&import.files);
    assert_eq!(errors(&problems), [""; 0]);
    let files = import.files.iter().map(|(path, text)| format!("=== {path}\n{text}"));
    assert_snapshot!(files.collect::<String>() + "=== told\n" + &words(&import));
}

#[test]
fn what_is_left_out_or_odd_is_told_in_words() {
    let of = |number, name: &str, edit: &dyn Fn(&mut SeenRelationship)| {
        let mut relationship = relationship(number, name, &format!("Firm {number}"));
        edit(&mut relationship);
        relationship
    };
    let consent = Provider { tenant: None, consent_pending: true };
    let all = [
        of(0, "over", &|it| it.stage = Lifecycle::Expired),
        of(1, "made", &|it| it.stage = Lifecycle::Created),
        of(2, "odd", &|it| it.stage = Lifecycle::Unknown("frozen\u{202e}".to_owned())),
        of(3, "waits", &|it| {
            it.stage = Lifecycle::ApprovalPending;
            it.provider = Some(consent);
        }),
        of(4, "anybody", &|it| it.customer = None),
        of(5, "itself", &|it| {
            it.customer = Some(Tenant { id: TenantId::from_u128(PARTNER), name: None });
        }),
        of(6, "hours", &|it| it.duration = Some(Duration::hours(30))),
        of(7, "endless", &|it| it.duration = None),
        of(8, "bare", &|it| it.roles.clear()),
        of(9, "MLT_firm", &|_| ()),
        of(10, "unread", &|it| it.assignments = Err(Unread("503\nlater".to_owned()))),
        of(11, "extended", &|it| it.auto_extend = Duration::days(90)),
        of(12, "acme", &|_| ()),
        of(13, "acme-2", &|_| ()),
        of(14, "new role", &|it| {
            it.roles.insert(RoleId::from_u128(0x1234_5678_9abc_4def_8123_4567_89ab_cdef));
        }),
        of(15, "line\nfeed", &|_| ()),
        of(16, "Acme!", &|_| ()),
        assigned(
            of(17, "groups", &|_| ()),
            [
                SeenAssignment {
                    status: AssignmentStatus::Error,
                    ..assignment(0, &["Reports Reader"])
                },
                SeenAssignment {
                    status: AssignmentStatus::Unknown("stuck".to_owned()),
                    ..assignment(1, &["Reports Reader"])
                },
                assignment(2, &["Global Administrator"]),
                assignment(3, &["Global Administrator", "Reports Reader"]),
                SeenAssignment {
                    kind: GranteeKind::CustomerUser,
                    ..assignment(4, &["Reports Reader"])
                },
                SeenAssignment {
                    grantee: GranteeId::from_u128(PARTNER),
                    ..assignment(5, &["Reports Reader"])
                },
                assignment(6, &["Reports Reader"]),
                assignment(6, &["License Administrator"]),
            ],
        ),
    ];
    let import = import(&seen(all), &options());
    assert_snapshot!(words(&import));
}

#[test]
fn what_has_ended_is_written_where_it_is_asked_for_and_held() {
    let mut over = relationship(0, "over", "Over");
    over.stage = Lifecycle::Terminated;
    let from = ImportOptions { all: true, ..options() };
    let (objects, problems) = read(&import(&seen([over.clone()]), &from).files);
    assert_eq!(errors(&problems), [""; 0]);
    let spec = &objects.relationships[0].spec;
    assert!(spec.suspend && spec.management_policy == crate::api::ManagementPolicy::Observe);
    assert_eq!(import(&seen([over]), &options()).files, BTreeMap::new());
}

#[test]
fn a_group_under_some_customers_of_an_offer_has_a_label_of_theirs_and_under_one_a_reference() {
    let all = (0..5).map(|number| {
        let mut groups = vec![assignment(0, &["Reports Reader"])];
        groups.extend((number < 3).then(|| assignment(1, &["Reports Reader"])));
        groups.extend((number == 4).then(|| assignment(2, &["Reports Reader"])));
        assigned(relationship(number, &format!("gdap {number}"), "Firm"), groups)
    });
    let all = seen(all);
    let (objects, problems) = read(&import(&all, &options()).files);
    assert_eq!(errors(&problems), [""; 0]);
    assert_eq!(counts(&objects), (1, 5, 3));
    let mut labels: Vec<usize> = objects.relationships.iter().map(|it| it.labels.len()).collect();
    labels.sort_unstable();
    assert_eq!(labels, [1, 1, 2, 2, 2]);
    assert_eq!(access(&objects).len(), 5 + 3 + 1);
    let by_reference = objects.grants.iter().filter(|it| it.spec.relationship_ref.is_some());
    assert_eq!(by_reference.count(), 1);
}

fn odd_name() -> impl Strategy<Value = String> {
    let known = vec![
        "",
        " ",
        "no",
        "a",
        "A",
        "acme",
        "acme-2",
        "acme_2",
        "acme  x",
        "acme x",
        "Acme: #1",
        "1e5",
        "null",
        "~",
        "- a",
        "\u{202e}gnp",
        "a\0b",
        "a\nb: c",
        "${NAME}",
        "{{x}}",
        "__X__",
        "ENC[x]",
        "Hеlpdesk",
        "東京\u{3000}IT",
        "Müller & Söhne",
        "con",
        "kustomization",
        "---",
        "tbd",
        "%A%",
        "CIPP_0b1f2ab6-5a4c-4f7e-9a57-0f6b3f2a1c11",
        "MLT_a",
        "“x”",
        "a\u{a0}#b",
        "2026-12-01",
        "🦀",
    ];
    prop_oneof![
        4 => prop::sample::select(known).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => "[a-z -]{0,300}",
    ]
}

fn any_stage() -> impl Strategy<Value = Lifecycle> {
    prop::sample::select(vec![
        Lifecycle::Active,
        Lifecycle::Active,
        Lifecycle::Active,
        Lifecycle::ApprovalPending,
        Lifecycle::Expired,
        Lifecycle::Unknown("x\u{202e}".to_owned()),
    ])
}

fn any_roles() -> impl Strategy<Value = BTreeSet<RoleId>> {
    let some = vec![
        HELPDESK_ADMINISTRATOR,
        GLOBAL_ADMINISTRATOR,
        role("Reports Reader"),
        role("License Administrator"),
        RoleId::from_u128(77),
    ];
    prop::collection::btree_set(prop::sample::select(some), 0..4)
}

fn any_assignment() -> impl Strategy<Value = SeenAssignment> {
    let status = prop::sample::select(vec![
        AssignmentStatus::Active,
        AssignmentStatus::Active,
        AssignmentStatus::Deleting,
        AssignmentStatus::Error,
        AssignmentStatus::Unknown("x".to_owned()),
    ]);
    (0_u128..4, any_roles(), status).prop_map(|(grantee, roles, status)| SeenAssignment {
        grantee: group(grantee),
        roles,
        status,
        ..assignment(0, &[])
    })
}

fn any_relationship() -> impl Strategy<Value = SeenRelationship> {
    let assignments = prop::collection::vec(any_assignment(), 0..4);
    let days = prop::sample::select(vec![1_u32, 365, 730, 731]);
    let extended = prop::sample::select(vec![0_u32, 180, 90]);
    (
        (0_u128..1000, 0_u128..5),
        (odd_name(), odd_name()),
        any_stage(),
        any_roles(),
        (days, extended),
        assignments,
    )
        .prop_map(
            |((id, tenant), (name, firm), stage, roles, (days, extended), assignments)| {
                let mut seen = relationship(id, &name, &firm);
                seen.customer = Some(Tenant { id: customer(tenant), name: Some(firm) });
                seen.stage = stage;
                seen.roles = roles;
                seen.duration = Some(Duration::days(days));
                seen.auto_extend = Duration::days(extended);
                assigned(seen, assignments)
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whatever_was_seen_is_sound_and_just_that(
        all in prop::collection::vec(any_relationship(), 0..8),
        names in prop::collection::btree_map((0_u128..4).prop_map(group), odd_name(), 0..4),
        partner in odd_name(),
        ended in any::<bool>(),
    ) {
        let mut from = ImportOptions { groups: Some(names), all: ended, ..options() };
        from.partner.name = Some(partner);
        let forth = seen(all.clone());
        // Of those with one id the last counts.
        let back = seen(forth.relationships.values().rev().cloned().collect::<Vec<_>>());
        let made = import(&forth, &from);
        prop_assert_eq!(&made, &import(&back, &from));
        for told in &made.told {
            let words = told.words();
            prop_assert!(!words.is_empty() && !words.chars().any(char::is_control), "{words}");
        }
        let of_roles = [UNKNOWN_ROLE, NOT_SUPPORTED_BY_GDAP, ROLE_NOT_ASSIGNABLE, BEYOND_THE_OFFER];
        let has_odd_roles = made.told.iter().any(|it| matches!(it, Told::UnknownRole { .. }));
        let mut without = made.files.clone();
        without.remove("boundary.yaml");
        for files in [&made.files, &without] {
            let (objects, mut problems) = read(files);
            problems.retain(|it| !(has_odd_roles && of_roles.contains(&it.code)));
            prop_assert_eq!(errors(&problems), Vec::<String>::new(), "{:#?}", files);
            let wanted = forth.relationships.values().filter(|it| it.stage == Lifecycle::Active);
            let wanted = wanted.filter(|it| {
                let is_kept = |told: &Told| matches!(told, Told::LeftOut(which, _) if which.id == it.id);
                !made.told.iter().any(is_kept)
            });
            let wanted = wanted.flat_map(|it| {
                let held = it.assignments.as_ref().unwrap().values();
                let held = held.filter(|one| one.status.is_held());
                held.filter(|one| one.status != AssignmentStatus::Deleting).filter_map(|one| {
                    let roles: BTreeSet<_> = one.roles.intersection(&it.roles).copied().collect();
                    let group = one.grantee.to_string();
                    (!roles.is_empty()).then(|| (it.id.to_string(), group, roles))
                })
            });
            prop_assert_eq!(access(&objects), wanted.collect::<BTreeSet<_>>());
        }
    }
}

#[test]
fn names_differ_also_where_nobody_looks_at_case_or_marks() {
    let names = ["Straße", "STRASSE", "STRAẞE", "strasse", "Müller", "MULLER", "müller-2"];
    let all = (0_u128..).zip(names).map(|(number, name)| relationship(number, name, name));
    let import = import(&seen(all), &options());
    let (objects, problems) = read(&import.files);
    assert_eq!(errors(&problems), [""; 0]);
    let plain = |name: &str| {
        assert!(name.is_ascii(), "{name}");
        name.to_ascii_lowercase()
    };
    let files: BTreeSet<String> = import.files.keys().map(|path| plain(path)).collect();
    assert_eq!(files.len(), names.len() + 1, "{files:#?}");
    let relationships = || objects.relationships.iter();
    let own: BTreeSet<String> = relationships().map(|it| plain(&it.name.name)).collect();
    let in_store: BTreeSet<String> =
        relationships().map(|it| plain(&it.spec.display_name)).collect();
    assert_eq!((own.len(), in_store.len()), (names.len(), names.len()), "{own:#?}{in_store:#?}");
}

#[test]
fn a_partner_without_a_name_has_one_name_and_a_group_is_told_once() {
    let named = |name: Option<&str>| {
        let mut from = ImportOptions { groups: Some(BTreeMap::new()), ..options() };
        from.partner.name = name.map(str::to_owned);
        let held = assigned(relationship(0, "a", "A"), [assignment(0, &["Reports Reader"])]);
        import(&seen([held]), &from)
    };
    for name in [None, Some(" "), Some("\u{202e}\0")] {
        let import = named(name);
        let offers = &import.files["offers.yaml"];
        assert!(offers.contains("displayName: Partner aaaabbbb\n"), "{name:?}: {offers}");
    }
    let told = words(&named(None));
    let expected = format!(
        "group `{}` holds roles, and the directory does not know it: take its grants away\n",
        group(0)
    );
    assert_eq!(told, expected);
}

#[test]
fn names_are_made_of_what_can_be_read() {
    for (name, slug) in [
        ("Müller & Söhne", "muller-sohne"),
        ("Straße", "strasse"),
        ("STRAẞE", "strasse"),
        ("  --A_b--  ", "a-b"),
        ("東京", ""),
        ("a\u{202e}b", "a-b"),
    ] {
        assert_eq!(names::slug(name, names::LABEL), slug, "{name}");
    }
    assert_eq!(names::for_people("Hеlpdesk").as_deref(), Some("Helpdesk"));
    assert_eq!(names::for_people("a\u{202e}\0b\nc").as_deref(), Some("ab c"));
    assert_eq!(names::for_people("\u{202e}\0"), None);
    assert_eq!(names::for_people(&"x".repeat(300)), Some("x".repeat(256)));
    assert_eq!(names::store_name("Müller: gdap").as_deref(), Some("Muller gdap"));
    assert_eq!(names::file("con"), "con-customer");
}
