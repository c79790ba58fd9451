//! The rules of a relationship's life (docs/concepts.md, Lifecycle), each as a short story.
//!
//! Never: a rule without its number in the name of its test.

use concordat::{
    api::{AcceptanceDecision, AcceptorRole, Gates, RelationshipDeletionPolicy, RenewalMode},
    domain::{digest::Digest, ids::GLOBAL_ADMINISTRATOR, lifecycle::Lifecycle, state::Standing},
};

use super::{
    build::{Grant, Relationship, answer, day, key, roles},
    generate::{Step, World},
    told::{active_with, changes, codes, gives, of},
};

fn invited(relationship: Relationship) -> World {
    let mut world = World::new();
    world.declare(relationship);
    world
}

fn deleted(mut of: Relationship, policy: RelationshipDeletionPolicy) -> Relationship {
    of.standing = Standing::Deleted;
    of.policies.deletion = policy;
    of
}

#[test]
fn l1_the_partner_invites_and_only_an_acceptance_of_that_invitation_authorises() {
    let mut world = invited(of(&[0]));
    assert_eq!(world.stages(), "ApprovalPending");
    let other = answer(0, AcceptanceDecision::Accept, day(0), Some(Digest::ZERO));
    world.input.answers.push((0, other));
    let plan = world.plan();
    assert_eq!((changes(&plan).as_str(), codes(&plan).as_str()), ("", "C0506"));
    world.accept();
    assert_eq!(world.stages(), "Active");
    assert_eq!(world.rows()[0].ends_at, Some(day(365)));
}

#[test]
fn l1_an_acceptance_authorises_once_whatever_is_created_again() {
    let mut world = active_with(of(&[0]), &[]);
    world.declare(deleted(of(&[0]), RelationshipDeletionPolicy::Terminate));
    world.steps(&[Step::ForgetRelationship(0), Step::Apply]);
    world.declare(of(&[0]));
    assert_eq!(world.stages(), "Terminated (Deleted), ApprovalPending");
    let again = world.input.answers[0].clone();
    world.input.answers.push(again);
    let plan = world.plan();
    assert_eq!((changes(&plan).as_str(), codes(&plan).as_str()), ("", "C0507"));
}

#[test]
fn l2_no_assignment_exists_before_the_relationship_is_active() {
    let mut world = invited(of(&[0]));
    world.grant(0, gives(&[0], 100));
    assert!(world.rows()[0].assignments.is_empty());
    assert_eq!(codes(&world.plan()), "C0522");
    world.accept();
    assert_eq!(world.held(), "0 until 100");
}

#[test]
fn l3_a_changed_ceiling_is_a_replacement_and_the_old_row_keeps_what_both_allow() {
    let mut world = active_with(of(&[0, 1]), &[]);
    world.grant(0, gives(&[0, 1], 100));
    world.step(&Step::Grant(0, gives(&[1, 2], 100)));
    world.declare(of(&[1, 2]));
    assert_eq!(world.stages(), "Active, ApprovalPending");
    assert_eq!(world.held(), "1 until 100");
    assert_eq!(codes(&world.plan()), "C0513");
    world.accept();
    assert_eq!(world.stages(), "Terminated (Replaced), Active");
    assert_eq!(world.held(), "1 until 100, 2 until 100");
    assert_eq!(world.rows()[1].key.name, "customer 0-2");
}

#[test]
fn l3_the_predecessor_ends_last_and_a_changed_duration_is_a_replacement_too() {
    let mut world = active_with(of(&[0]), &[]);
    world.grant(0, gives(&[0], 100));
    world.declare(Relationship { days: 100, ..of(&[0]) });
    world.step(&Step::Answer(0, AcceptanceDecision::Accept));
    assert_eq!(
        changes(&world.plan()),
        "Authorise Answered, SetRoles Declared, SetRoles Replaced, Terminate Replaced"
    );
}

#[test]
fn l3_an_invitation_that_is_no_longer_wanted_is_withdrawn() {
    let mut world = active_with(of(&[0]), &[]);
    world.declare(of(&[0, 1]));
    world.declare(of(&[0, 2]));
    assert_eq!(world.stages(), "Active, Withdrawn (Replaced), ApprovalPending");
    world.declare(of(&[0]));
    assert_eq!(world.stages(), "Active, Withdrawn (Replaced), Withdrawn (Replaced)");
    assert_eq!(changes(&world.plan()), "");
}

#[test]
fn l4_dropping_global_administrator_and_automatic_extension_change_what_is_active() {
    let mut world = active_with(of(&[0, 3]), &[]);
    world.declare(Relationship { auto_extend: true, ..of(&[0]) });
    assert_eq!(world.stages(), "Active");
    let row = &world.rows()[0];
    assert!(!row.ceiling.contains(&GLOBAL_ADMINISTRATOR) && !row.auto_extend.is_zero());
    world.declare(of(&[0, 3]));
    assert_eq!(world.stages(), "Active, ApprovalPending", "it never comes back by itself");
}

#[test]
fn l4_a_pending_replacement_is_withdrawn_when_dropping_global_administrator_is_enough() {
    let mut world = active_with(of(&[0, 3]), &[]);
    world.declare(of(&[0, 1]));
    world.declare(of(&[0]));
    assert_eq!(world.stages(), "Active, Withdrawn (Replaced)");
    assert_eq!(world.rows()[0].ceiling, roles(&[0]));
}

#[test]
fn l5_removing_every_role_leaves_it_alive_and_ending_it_revokes_first() {
    let mut world = active_with(of(&[0]), &[]);
    world.grant(0, gives(&[0], 100));
    world.grant(0, Grant { standing: Standing::Deleted, ..gives(&[0], 100) });
    assert_eq!((world.held().as_str(), world.stages().as_str()), ("", "Active"));
    world.grant(0, gives(&[0], 100));
    let ended = deleted(of(&[0]), RelationshipDeletionPolicy::Terminate);
    world.step(&Step::Relationship(0, ended));
    assert_eq!(changes(&world.plan()), "SetRoles Deleted, Terminate Deleted");
}

#[test]
fn l5_pruning_needs_no_object_but_the_record() {
    for (policy, expected) in [
        (RelationshipDeletionPolicy::Revoke, "SetRoles Deleted"),
        (RelationshipDeletionPolicy::Terminate, "SetRoles Deleted, Terminate Deleted"),
        (RelationshipDeletionPolicy::Retain, ""),
    ] {
        let mut first = of(&[0]);
        first.policies.deletion = policy;
        let mut world = active_with(first, &[]);
        world.grant(0, gives(&[0], 100));
        world.steps(&[Step::ForgetRelationship(0), Step::ForgetGrant(0)]);
        assert_eq!(changes(&world.plan()), "", "absence alone, {policy:?}");
        world.step(&Step::Prune(true));
        assert_eq!(changes(&world.plan()), expected, "{policy:?}");
    }
}

#[test]
fn l6_an_invitation_that_nobody_accepted_is_withdrawn_whatever_ends_it() {
    for policy in [RelationshipDeletionPolicy::Revoke, RelationshipDeletionPolicy::Terminate] {
        let mut world = invited(of(&[0]));
        world.declare(deleted(of(&[0]), policy));
        assert_eq!(world.stages(), "Withdrawn (Deleted)");
    }
}

#[test]
fn l6_an_invitation_lapses_after_90_days_and_is_sent_again_only_where_that_is_asked_for() {
    for (mode, stages, told) in [
        (RenewalMode::Notify, "Withdrawn (Lapsed)", "C0509"),
        (RenewalMode::Invite, "Withdrawn (Lapsed), ApprovalPending", ""),
    ] {
        let mut world = invited(Relationship { renewal: mode, ..of(&[0]) });
        world.steps(&[Step::Days(89), Step::Apply]);
        assert_eq!(world.stages(), "ApprovalPending");
        world.steps(&[Step::Days(1), Step::Apply]);
        assert_eq!(world.stages(), stages, "{mode:?}");
        assert_eq!(codes(&world.plan()), told, "{mode:?}");
    }
}

#[test]
fn l7_what_expired_is_over_and_is_proposed_again_only_where_that_is_asked_for() {
    for (mode, stages, told) in [
        (RenewalMode::Notify, "Expired (Expired)", "C0510"),
        (RenewalMode::Invite, "Expired (Expired), ApprovalPending", "C0507"),
    ] {
        let mut world = active_with(Relationship { renewal: mode, ..of(&[0]) }, &[]);
        world.steps(&[Step::Days(365), Step::Apply]);
        assert_eq!(world.stages(), stages, "{mode:?}");
        assert_eq!(codes(&world.plan()), told, "{mode:?}");
    }
}

#[test]
fn l7_a_stage_that_is_not_understood_is_left_alone() {
    let mut world = active_with(of(&[0]), &[]);
    for stage in [Lifecycle::Terminating, Lifecycle::Unknown("frozen".to_owned())] {
        world.memory.row(&key(0)).unwrap().lifecycle = stage;
        world.step(&Step::Relationship(0, of(&[0, 1])));
        let plan = world.plan();
        assert_eq!((changes(&plan).as_str(), codes(&plan).as_str()), ("", "C0521"));
    }
}

fn agreement(gates: Gates) -> Relationship {
    Relationship { agreement: Some(gates), ..of(&[0]) }
}

/// The relationship is authorised, and the agreement that the offer names by now is not accepted.
fn authorised(gates: Gates) -> World {
    let mut world = invited(of(&[0]));
    let mut accept = answer(0, AcceptanceDecision::Accept, day(0), Some(world.rows()[0].digest));
    accept.agreement = None;
    world.input.answers.push((0, accept));
    world.apply();
    world.declare(agreement(gates));
    world
}

#[test]
fn l1_an_answer_accepts_the_agreement_of_the_invitation_whatever_the_offer_says_by_now() {
    let mut world = invited(agreement(Gates::Access));
    let digest = world.rows()[0].digest;
    let accepts = answer(0, AcceptanceDecision::Accept, day(0), Some(digest));
    let mut silent = accepts.clone();
    silent.agreement = None;
    world.input.answers.push((0, silent));
    for wish in [agreement(Gates::Access), of(&[0])] {
        world.declare(wish);
        assert_eq!(
            (world.stages().as_str(), codes(&world.plan()).as_str()),
            ("ApprovalPending", "C0313")
        );
    }
    world.input.answers = vec![(0, accepts)];
    world.apply();
    assert_eq!(world.stages(), "Active");
}

#[test]
fn l8_the_gate_is_that_of_the_row_whatever_the_offer_says_by_now() {
    let mut world = invited(agreement(Gates::Access));
    world.accept();
    world.memory.observed.acceptances.clear();
    world.input.answers.clear();
    world.declare(of(&[0]));
    world.grant(0, gives(&[0], 100));
    assert_eq!((world.held().as_str(), codes(&world.plan()).as_str()), ("", "C0512"));
    world.input.agreements.push(answer(0, AcceptanceDecision::Accept, day(0), None));
    world.apply();
    assert_eq!(world.held(), "0 until 100");
}

#[test]
fn l1_what_lies_ahead_of_the_stores_clock_has_not_happened() {
    for decision in [AcceptanceDecision::Accept, AcceptanceDecision::Decline] {
        let mut world = invited(of(&[0]));
        let digest = world.rows()[0].digest;
        world.input.answers.push((0, answer(0, decision, day(1), Some(digest))));
        world.input.agreements.push(answer(0, AcceptanceDecision::Accept, day(2), None));
        let plan = world.plan();
        assert_eq!((changes(&plan).as_str(), codes(&plan).as_str()), ("", "C0401, C0401"));
        assert_eq!(plan.valid_until, Some(day(1)));
        world.steps(&[Step::Days(1), Step::Apply]);
        assert_ne!(world.stages(), "ApprovalPending", "{decision:?}");
    }
}

#[test]
fn a_plan_is_valid_until_an_agreement_that_lies_ahead_counts() {
    let mut world = invited(of(&[0]));
    world.input.agreements.push(answer(0, AcceptanceDecision::Accept, day(2), None));
    assert_eq!(world.plan().valid_until, Some(day(2)));
}

#[test]
fn l8_an_agreement_holds_back_grants_only_where_it_gates_access() {
    for (gates, held, told) in [(Gates::Purchase, "0 until 100", ""), (Gates::Access, "", "C0512")]
    {
        let mut world = authorised(gates);
        world.grant(0, gives(&[0], 100));
        assert_eq!(world.held(), held, "{gates:?}");
        assert_eq!(codes(&world.plan()), told, "{gates:?}");
        world.input.agreements.push(answer(0, AcceptanceDecision::Accept, day(0), None));
        world.apply();
        assert_eq!(world.held(), "0 until 100", "{gates:?}");
    }
}

#[test]
fn l9_a_new_text_of_an_agreement_takes_nothing_away() {
    let mut world = authorised(Gates::Access);
    world.input.agreements.push(answer(0, AcceptanceDecision::Accept, day(0), None));
    world.grant(0, gives(&[0], 100));
    world.input.agreements.clear();
    world.memory.observed.acceptances.retain(|_, accepted| accepted.used_for.is_some());
    let plan = world.plan();
    assert_eq!((changes(&plan).as_str(), codes(&plan).as_str()), ("", "C0512"));
}

#[test]
fn l10_a_plan_knows_whose_answer_is_awaited_and_whether_the_invitation_is_out() {
    let mut world = World::new();
    world.step(&Step::Relationship(0, of(&[0])));
    let sent = |world: &World| format!("{:?}", world.plan().awaited[0].sent);
    assert_eq!(sent(&world), "Now");
    world.apply();
    assert_eq!(sent(&world), "Before");
    world.accept();
    assert!(world.plan().awaited.is_empty());
}

#[test]
fn l11_a_grant_holds_from_its_beginning_to_its_end_and_never_past_the_relationship() {
    let mut world = active_with(Relationship { days: 20, ..of(&[0]) }, &[]);
    let window = |from, until| Grant { window: (from, until), ..gives(&[0], None) };
    world.grant(0, window(Some(2), Some(5)));
    world.grant(1, window(Some(5), Some(8)));
    world.grant(2, window(Some(10), Some(99)));
    assert_eq!(codes(&world.plan()), "C0514, C0523, C0523, C0523");
    let days = [(0, ""), (2, "0 until 8"), (7, "0 until 8"), (8, ""), (10, "0 until 20"), (20, "")];
    for (on, held) in days {
        let passed = on - world.today;
        world.steps(&[Step::Days(passed), Step::Apply]);
        assert_eq!(world.held(), held, "day {on}");
    }
    assert_eq!(world.stages(), "Expired (Expired)");
}

#[test]
fn l11_an_expired_grant_is_never_created() {
    let mut world = active_with(of(&[0]), &[Step::Days(10)]);
    world.step(&Step::Grant(0, gives(&[0], 10)));
    assert_eq!(changes(&world.plan()), "");
}

#[test]
fn l12_access_added_outside_is_kept_or_revoked_as_asked_for() {
    use concordat::api::UnmanagedAssignments::{Keep, Revoke};
    for (unmanaged, planned, told) in [(Keep, "", "C0503"), (Revoke, "SetRoles Unmanaged", "")] {
        let mut first = of(&[0]);
        first.policies.unmanaged = unmanaged;
        let mut world = active_with(first, &[]);
        world.step(&Step::Outside(0, 0, 0, Some(10)));
        let plan = world.plan();
        assert_eq!((changes(&plan).as_str(), codes(&plan).as_str()), (planned, told));
    }
}

#[test]
fn l12_declaring_what_is_held_already_adopts_it_and_says_so() {
    let mut world = active_with(of(&[0]), &[]);
    world.step(&Step::Outside(0, 0, 0, Some(10)));
    world.step(&Step::Grant(0, gives(&[0], 100)));
    assert_eq!(codes(&world.plan()), "C0504");
    world.apply();
    assert_eq!(world.held(), "0 until 100");
}

#[test]
fn l12_what_was_removed_outside_waits_for_an_approval() {
    let mut world = active_with(of(&[0]), &[]);
    world.grant(0, gives(&[0], 100));
    world.steps(&[Step::Outside(0, 0, 0, None), Step::Apply]);
    assert_eq!(world.held(), "");
    let plan = world.plan();
    assert_eq!(codes(&plan), "C0502");
    for change in &plan.changes {
        world.memory.apply(change);
    }
    assert_eq!(world.held(), "0 until 100");
    assert_eq!(changes(&world.plan()), "");
}

#[test]
fn l12_what_the_customer_ended_is_proposed_again_only_when_the_spec_changes() {
    let mut world = active_with(of(&[0]), &[Step::EndOutside(0), Step::Apply]);
    assert_eq!(codes(&world.plan()), "C0508");
    world.declare(of(&[0, 1]));
    assert_eq!(world.stages(), "Terminated, ApprovalPending");
}

#[test]
fn l13_a_privileged_ceiling_needs_an_administrator_to_accept_it() {
    use AcceptorRole::{
        BillingAdministrator, CustomerDelegatedAdminRelationshipAdministrator, GlobalAdministrator,
    };
    for (by, numbers, stages) in [
        (BillingAdministrator, &[0][..], "ApprovalPending"),
        (BillingAdministrator, &[1], "Active"),
        (CustomerDelegatedAdminRelationshipAdministrator, &[0], "Active"),
        (GlobalAdministrator, &[0], "Active"),
    ] {
        let mut world = invited(of(numbers));
        let mut accept =
            answer(0, AcceptanceDecision::Accept, day(0), Some(world.rows()[0].digest));
        accept.accepted_by.role = by;
        world.input.answers.push((0, accept));
        world.apply();
        assert_eq!(world.stages(), stages, "{by:?} {numbers:?}");
    }
}
