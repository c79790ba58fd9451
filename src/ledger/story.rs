//! One story told by `why`, `who-can` and `history`, word for word.
//!
//! Never: a sentence that a reader could take for more than was looked at.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    Ability, Filter, History, Question, Replay, Trail, Until,
    samples::{
        ada, ada_recorded, assignment, authorise, change, contoso, day, group, invite, ledger,
        role, set_roles,
    },
    who_can, why,
};
use crate::domain::{
    change::{Cause, Effect},
    digest::Digest,
    entry::Entry,
    ids::RoleId,
    lifecycle::EndReason,
    state::{Assignment, Grantee, Observed, Person, Roles},
};

fn tier_1() -> Grantee {
    group(0x11, "Tier 1")
}

/// Invited on day 1, accepted on day 2; Tier 1 gains two roles on day 3, Tier 2 one on day 4; Tier 1 loses one on
/// day 5, and the other is over on day 20; it ends on day 30.
fn entries() -> Vec<Entry> {
    let nothing = Assignment::default();
    let helpdesk = ("Helpdesk Administrator", day(20));
    let both = assignment("tier-1", &[helpdesk, ("User Administrator", day(20))]);
    let one = assignment("tier-1", &[helpdesk]);
    let other = assignment("tier-2", &[("Global Reader", day(25))]);
    let end = Effect::Terminate { reason: EndReason::Deleted };
    ledger([
        (day(1), invite("contoso")),
        (day(2), authorise("contoso", day(2), day(367))),
        (day(3), set_roles("contoso", &tier_1(), &nothing, &both, Cause::Declared)),
        (
            day(4),
            set_roles("contoso", &group(0x22, "Tier\u{202e} 2"), &nothing, &other, Cause::Declared),
        ),
        (day(5), set_roles("contoso", &tier_1(), &both, &one, Cause::Declared)),
        (day(30), change("contoso", end, Cause::Deleted)),
    ])
}

fn state(at: Timestamp) -> Observed {
    let mut replay = Replay::new(Until::instant(at));
    for entry in entries() {
        replay.push(&entry);
    }
    replay.finish(at).state
}

fn trail(at: Timestamp) -> Trail {
    let mut trail = Trail::new(tier_1().id, Until::instant(at));
    for entry in entries() {
        trail.push(&entry);
    }
    trail
}

fn persons() -> BTreeMap<Digest, Person> {
    BTreeMap::from([(ada_recorded().hash, ada())])
}

fn answer(at: Timestamp, role: Option<RoleId>) -> String {
    let question = Question { customer: Some(contoso().id), role };
    why(question, &state(at), &trail(at), &persons()).to_string()
}

/// Hashes differ whenever the form of an entry does.
fn settled(check: impl FnOnce()) {
    let filters = vec![("[0-9a-f]{64}", "DIGEST"), ("(hash|record) [0-9a-f]{12}", "$1 SHORT")];
    insta::with_settings!({filters => filters}, { check() });
}

#[test]
fn why_tells_what_is_held_and_what_took_the_rest_away() {
    settled(|| {
        insta::assert_snapshot!(answer(day(6), None), @r"
        Tier 1 (group 00000000-0000-0000-0000-000000000011) at 2026-01-06T12:00:00Z

        holds Helpdesk Administrator (729827e3-9c14-49f7-bb1b-9608f156bbb8, privileged)
          in        Contoso (tenant 00000000-0000-0000-0000-000000000002)
          until     2026-01-20T12:00:00Z
          under     `contoso` of Fabrikam (tenant 00000000-0000-0000-0000-000000000001), GranularDelegatedAdmin, ends 2027-01-02T12:00:00Z
          asked by  RoleGrant `msp/tier-1`: `Helpdesk Administrator`, to 2026-01-20T12:00:00Z
          accepted  by Ada Lovelace <ada@contoso.example>, declared as GlobalAdministrator, at 2026-01-02T12:00:00Z (`msp/contoso-says-yes`); invitation DIGEST
          entry     #1 2026-01-01T12:00:00Z Invited by deploy-bot (claimed), hash SHORT
          entry     #2 2026-01-02T12:00:00Z Authorised by deploy-bot (claimed), hash SHORT
          entry     #3 2026-01-03T12:00:00Z RolesSet by deploy-bot (claimed), hash SHORT

        does not hold User Administrator (fe930be7-5e62-47db-91af-98c3a49a38b1, privileged)
          in        Contoso (tenant 00000000-0000-0000-0000-000000000002)
          under     `contoso`
          because   it was revoked: it is declared no longer
          entry     #5 2026-01-05T12:00:00Z RolesSet by deploy-bot (claimed), hash SHORT

        not looked at:
          - who is a member or an owner of the group
          - access given outside this store: by other partners, by role assignments in the customer's tenant, by Privileged Identity Management or Azure RBAC
          - conditional access and other policies that may stand in the way
        ");
    });
}

#[test]
fn why_of_an_erased_person_still_tells_the_rest() {
    let question = Question { customer: None, role: Some(role("Helpdesk Administrator")) };
    let answer = why(question, &state(day(6)), &trail(day(6)), &BTreeMap::new());
    assert_eq!((answer.held.len(), answer.not_held.len()), (1, 0));
    let text = answer.to_string();
    assert!(text.contains("accepted  by a person whose data is not here (record "), "{text}");
    assert!(!text.contains("Ada"));
}

#[test]
fn why_not_names_the_end_of_a_window_to_the_millisecond() {
    let helpdesk = Some(role("Helpdesk Administrator"));
    let moment = jiff::SignedDuration::from_millis(1);
    assert!(answer(day(20) - moment, helpdesk).contains("\nholds Helpdesk Administrator"));
    let text = answer(day(20), helpdesk);
    assert!(text.contains("because   its time was over at 2026-01-20T12:00:00Z"), "{text}");
}

#[test]
fn why_not_tells_what_was_removed_outside_from_what_was_revoked() {
    let mut state = state(day(6));
    let rows = state.relationships.values_mut().flatten();
    for assignment in rows.flat_map(|row| row.assignments.values_mut()) {
        assignment.state.roles = Roles::new();
    }
    let question = Question { customer: None, role: Some(role("Helpdesk Administrator")) };
    let text = why(question, &state, &trail(day(6)), &persons()).to_string();
    assert!(text.contains("because   it was removed outside"), "{text}");
}

#[test]
fn why_tells_access_that_was_given_outside() {
    let mut state = state(day(6));
    let rows = state.relationships.values_mut().flatten();
    for assignment in rows.flat_map(|row| row.assignments.values_mut()) {
        assignment.state.roles.insert(role("Global Reader"), day(9));
    }
    let question = Question { customer: None, role: Some(role("Global Reader")) };
    let text = why(question, &state, &trail(day(6)), &persons()).to_string();
    assert!(text.contains("asked by  no grant: it was given outside"), "{text}");
}

#[test]
fn why_not_before_the_customer_accepts_names_the_invitation() {
    let text = answer(day(1), Some(role("Helpdesk Administrator")));
    assert!(text.contains("because   the customer has yet to accept the invitation "), "{text}");
}

#[test]
fn why_not_of_what_was_never_given_says_so() {
    let text = answer(day(6), Some(role("Exchange Administrator")));
    assert!(text.contains("does not hold Exchange Administrator ("), "{text}");
    assert!(text.contains("because   no entry ever gave it"), "{text}");
    assert!(text.contains("\nnot looked at:\n  - who is a member or an owner of the group\n"));
}

#[test]
fn who_can_lists_groups_and_roles_with_their_ids() {
    let ability = Ability::find("users/reset-password-non-admin").unwrap();
    let answer = who_can(ability, contoso().id, &state(day(4))).to_string();
    settled(|| {
        insta::assert_snapshot!(answer, @r"
        who can do `users/reset-password-non-admin` in Contoso (tenant 00000000-0000-0000-0000-000000000002) at 2026-01-04T12:00:00Z

        Tier 1 (group 00000000-0000-0000-0000-000000000011) until 2026-01-20T12:00:00Z
          Helpdesk Administrator (729827e3-9c14-49f7-bb1b-9608f156bbb8, privileged) until 2026-01-20T12:00:00Z, not documented for it, but allows all that Password Administrator does
            under `contoso` of Fabrikam (tenant 00000000-0000-0000-0000-000000000001)
          User Administrator (fe930be7-5e62-47db-91af-98c3a49a38b1, privileged) until 2026-01-20T12:00:00Z
            under `contoso` of Fabrikam (tenant 00000000-0000-0000-0000-000000000001)

        not looked at:
          - who is a member or an owner of these groups
          - access given outside this store: by other partners, by role assignments in the customer's tenant, by Privileged Identity Management or Azure RBAC
          - roles that the customer has made, and conditional access
          - whom a role reaches: some act on users without an administrative role only
          - roles that allow less than a documented one, and may be enough all the same
        ");
    });
}

#[test]
fn who_can_asks_for_every_part_of_a_task_that_needs_two_roles() {
    let able = |held: &[(&str, Timestamp)]| {
        let given = assignment("grant", held);
        let entries = ledger([
            (day(1), invite("contoso")),
            (day(2), authorise("contoso", day(2), day(367))),
            (
                day(3),
                set_roles("contoso", &tier_1(), &Assignment::default(), &given, Cause::Declared),
            ),
        ]);
        let mut replay = Replay::new(Until::end());
        for entry in entries {
            replay.push(&entry);
        }
        let ability = Ability::find("custom-domain-names/manage-subscriptions").unwrap();
        let answer = who_can(ability, contoso().id, &replay.finish(day(4)).state);
        answer.able.first().map(|able| able.until)
    };
    let (domains, billing) = ("Domain Name Administrator", "Billing Administrator");
    assert_eq!(able(&[(domains, day(9))]), None);
    assert_eq!(able(&[(domains, day(9)), (billing, day(7))]), Some(day(7)));
    assert_eq!(able(&[("Global Administrator", day(8))]), Some(day(8)));
}

#[test]
fn who_can_takes_an_action_with_what_roles_inherit() {
    let action = Ability::find("microsoft.directory/users/password/update").unwrap();
    let answer = who_can(action, contoso().id, &state(day(6)));
    let names: Vec<_> = answer.able.iter().map(|able| able.grantee.id).collect();
    assert_eq!(names, [tier_1().id]);
}

#[test]
fn an_ability_that_does_not_exist_gets_a_suggestion_or_a_way_out() {
    let cases = [
        ("Helpdesk Adminstrator", "did you mean `Helpdesk Administrator`?"),
        ("users/reset-pasword-non-admin", "did you mean `users/reset-password-non-admin`"),
        ("microsoft.directory/nothing", "`concordat roles show ROLE`"),
    ];
    for (text, help) in cases {
        let error = Ability::find(text).unwrap_err();
        assert!(error.help().starts_with(help), "{text}: {}", error.help());
    }
}

#[test]
fn history_tells_each_entry_in_words() {
    let mut history = History::new(Filter::default(), Until::end());
    let lines = entries().into_iter().filter_map(|entry| history.push(&entry));
    let text: String = lines.map(|line| line.to_string()).collect();
    settled(|| {
        insta::assert_snapshot!(text, @r"
        #1 2026-01-01T12:00:00Z Invited by deploy-bot (claimed), hash SHORT
          `contoso` in Contoso (tenant 00000000-0000-0000-0000-000000000002)
            Fabrikam (tenant 00000000-0000-0000-0000-000000000001) asks Contoso (tenant 00000000-0000-0000-0000-000000000002) for GranularDelegatedAdmin; invitation DIGEST
            up to Helpdesk Administrator (729827e3-9c14-49f7-bb1b-9608f156bbb8, privileged)
            up to Directory Readers (88d8e3e3-8f55-4a1e-953a-9b9898b8876b)
            up to Global Reader (f2ef992c-3afb-46b9-b7cf-a126ee74c451, privileged)
            up to User Administrator (fe930be7-5e62-47db-91af-98c3a49a38b1, privileged)
        #2 2026-01-02T12:00:00Z Authorised by deploy-bot (claimed), hash SHORT
          `contoso` in Contoso (tenant 00000000-0000-0000-0000-000000000002)
            accepted by a declared GlobalAdministrator at 2026-01-02T12:00:00Z, until 2027-01-02T12:00:00Z
            by a person whose data is not here (record SHORT) (`msp/contoso-says-yes`); invitation DIGEST
        #3 2026-01-03T12:00:00Z RolesSet by deploy-bot (claimed), hash SHORT
          `contoso` in Contoso (tenant 00000000-0000-0000-0000-000000000002)
            Tier 1 (group 00000000-0000-0000-0000-000000000011)
            + Helpdesk Administrator (729827e3-9c14-49f7-bb1b-9608f156bbb8, privileged) until 2026-01-20T12:00:00Z
            + User Administrator (fe930be7-5e62-47db-91af-98c3a49a38b1, privileged) until 2026-01-20T12:00:00Z
        #4 2026-01-04T12:00:00Z RolesSet by deploy-bot (claimed), hash SHORT
          `contoso` in Contoso (tenant 00000000-0000-0000-0000-000000000002)
            Tier\u{202e} 2 (group 00000000-0000-0000-0000-000000000022)
            + Global Reader (f2ef992c-3afb-46b9-b7cf-a126ee74c451, privileged) until 2026-01-25T12:00:00Z
        #5 2026-01-05T12:00:00Z RolesSet by deploy-bot (claimed), hash SHORT
          `contoso` in Contoso (tenant 00000000-0000-0000-0000-000000000002)
            Tier 1 (group 00000000-0000-0000-0000-000000000011)
            - User Administrator (fe930be7-5e62-47db-91af-98c3a49a38b1, privileged)
        #6 2026-01-30T12:00:00Z Terminated by deploy-bot (claimed), hash SHORT
          `contoso` in Contoso (tenant 00000000-0000-0000-0000-000000000002)
            ended: its object was deleted
        ");
    });
}

#[test]
fn history_is_filtered_by_relationship_customer_and_grantee() {
    let count = |filter: Filter| {
        let mut history = History::new(filter, Until::end());
        entries().iter().filter_map(|entry| history.push(entry)).count()
    };
    let by_name = |name: &str| Filter { relationship: Some(name.to_owned()), ..Filter::default() };
    assert_eq!([count(by_name("contoso")), count(by_name("contos"))], [6, 0]);
    assert_eq!(count(Filter { customer: Some(contoso().id), ..Filter::default() }), 6);
    assert_eq!(count(Filter { grantee: Some(tier_1().id), ..Filter::default() }), 2);
}

#[test]
fn answers_have_a_form_for_programs() {
    let answer = why(Question::default(), &state(day(6)), &trail(day(6)), &persons());
    let json = serde_json::to_value(&answer).unwrap();
    assert_eq!(json["held"][0]["role"]["name"], "Helpdesk Administrator");
    assert_eq!(
        json["notHeld"][0]["because"],
        serde_json::json!({"kind": "revoked", "cause": "Declared"})
    );
    assert_eq!(json["held"][0]["entries"].as_array().map(Vec::len), Some(3));
}
