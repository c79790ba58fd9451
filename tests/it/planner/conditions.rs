//! The rules of a relationship's life (docs/concepts.md, Lifecycle) as its statuses tell them, each as a short story.
//!
//! Never: a condition that no line of a table names.

use concordat::{
    api::{AcceptanceDecision, AcceptorRole, Gates, RelationshipDeletionPolicy, RenewalMode},
    domain::{digest::Digest, ids::Kind, state::Standing},
};

use super::{
    build::{Grant, Relationship, answer, day, document, object},
    generate::{Step, World},
    lines::{HELD, IN_SYNC, WAITS, acceptances, active, message, relationship_name, tells},
    report::report,
    told::{active_with, gives, of},
};

#[test]
fn l1_the_relationship_waits_for_the_customer_and_another_invitation_is_told_at_the_acceptance() {
    let mut world = World::new();
    world.declare(of(&[0]));
    tells(&world, WAITS, "");
    let told = report(&world, None);
    let status = &told.relationships[&relationship_name()].status;
    let digest = status.invitation.as_ref().unwrap().digest.clone();
    assert_eq!(
        (status.lifecycle.as_deref(), status.invited_at),
        (Some("ApprovalPending"), Some(day(0)))
    );
    assert_eq!(
        message(&told, Kind::PartnerRelationship, "Ready"),
        format!(
            "customer `00000000-0000-0000-0000-000000000064` was invited as `customer 0` to begin, \
             and is to accept invitation `{digest}`, until 2026-04-01T00:00:00Z"
        )
    );
    let other = answer(0, AcceptanceDecision::Accept, day(0), Some(Digest::ZERO));
    world.input.answers.push((0, other));
    world.apply();
    assert_eq!(acceptances(&world), "Failed OtherInvitation");
    tells(&world, WAITS, "");
    world.input.answers.clear();
    world.accept();
    assert_eq!(acceptances(&world), "Current Authorized");
    tells(&world, IN_SYNC, "");
    assert_eq!(report(&world, None).relationships[&relationship_name()].status.invitation, None);
}

#[test]
fn l1_an_acceptance_that_faces_a_new_relationship_is_recorded_and_authorises_nothing_more() {
    let mut world = active_with(of(&[0]), &[]);
    let mut gone = of(&[0]);
    gone.standing = Standing::Deleted;
    gone.policies.deletion = RelationshipDeletionPolicy::Terminate;
    world.declare(gone);
    tells(&world, "Terminating Deleting, Authorized=False Ended", "");
    world.steps(&[Step::ForgetRelationship(0), Step::Apply]);
    world.declare(of(&[0]));
    assert_eq!(acceptances(&world), "Current AlreadyUsed");
    tells(&world, WAITS, "");
}

#[test]
fn l2_a_grant_waits_visibly_until_the_relationship_is_active() {
    let mut world = World::new();
    world.declare(of(&[0]));
    world.grant(0, gives(&[0], 100));
    tells(&world, WAITS, "InProgress RelationshipNotActive, InForce=False NotHeld");
    world.accept();
    tells(&world, IN_SYNC, HELD);
}

#[test]
fn l3_a_replacement_waits_for_the_customer_while_the_old_row_stays_in_force() {
    let mut world = active_with(of(&[0, 1]), &[]);
    world.grant(0, gives(&[0, 1], 100));
    world.declare(of(&[1, 2]));
    world.step(&Step::Grant(0, gives(&[1, 2], 100)));
    world.apply();
    tells(
        &world,
        "InProgress WaitingForCustomer, Authorized Authorized",
        "InProgress WaitingForCustomer, InForce PartlyHeld",
    );
    let told = report(&world, None);
    let status = &told.relationships[&relationship_name()].status;
    assert_eq!(status.store_id.as_deref(), Some("customer 0"));
    assert!(status.invitation.is_some());
    world.accept();
    tells(&world, IN_SYNC, HELD);
    let told = report(&world, None);
    let status = &told.relationships[&relationship_name()].status;
    assert_eq!(status.store_id.as_deref(), Some("customer 0-2"));
}

#[test]
fn l4_what_is_offered_again_after_it_was_dropped_is_not_held_because_the_catalogue_is_newer() {
    let mut world = active_with(of(&[0, 3]), &[]);
    world.declare(of(&[0]));
    tells(&world, IN_SYNC, "");
    world.declare(Relationship { catalogue: "2", ..of(&[0, 3]) });
    assert_eq!(world.stages(), "Active, ApprovalPending");
    world.steps(&[Step::Answer(0, AcceptanceDecision::Decline), Step::Apply]);
    tells(&world, "Failed Declined, Authorized Authorized", "");
}

#[test]
fn l3_a_replacement_that_the_customer_declines_leaves_what_is_active_and_has_failed() {
    let mut world = active_with(of(&[0, 1]), &[]);
    world.grant(0, gives(&[1], 100));
    world.declare(of(&[1, 2]));
    world.steps(&[Step::Answer(0, AcceptanceDecision::Decline), Step::Apply]);
    assert_eq!(world.stages(), "Active, Withdrawn (Declined)");
    tells(&world, "Failed Declined, Authorized Authorized", HELD);
    assert_eq!(
        message(&report(&world, None), Kind::PartnerRelationship, "Ready"),
        "`customer 0-2` was declined by the customer: no new invitation is sent until the spec \
         changes; agree with the customer first; `customer 0` stays active"
    );
    world.grant(0, gives(&[1, 2], 100));
    tells(
        &world,
        "Failed Declined, Authorized Authorized",
        "Failed RelationshipNotActive, InForce PartlyHeld",
    );
}

#[test]
fn a_renewal_that_waits_does_not_make_what_is_held_less_ready() {
    let mut relationship = of(&[0]);
    relationship.renewal = RenewalMode::Invite;
    relationship.renew_before = 60;
    let mut world = active_with(relationship, &[]);
    world.steps(&[Step::Days(310), Step::Apply]);
    assert_eq!(world.stages(), "Active, ApprovalPending");
    tells(&world, IN_SYNC, "");
    let told = report(&world, None);
    assert_eq!(
        message(&told, Kind::PartnerRelationship, "Ready"),
        "the store holds what is asked for; the customer is invited to renew it as `customer 0-2`"
    );
}

#[test]
fn l6_a_deleted_invitation_is_withdrawn_and_nothing_is_in_the_way() {
    let mut world = World::new();
    world.declare(of(&[0]));
    let mut gone = of(&[0]);
    gone.standing = Standing::Deleted;
    world.step(&Step::Relationship(0, gone));
    tells(&world, "Terminating Deleting, Authorized=False WaitingForCustomer", "");
    assert_eq!(
        message(&report(&world, None), Kind::PartnerRelationship, "Ready"),
        "still to be done before it can go: 1 change: withdraw the invitation `customer 0`"
    );
    world.apply();
    assert_eq!(
        message(&report(&world, None), Kind::PartnerRelationship, "Ready"),
        "nothing is in the way any more"
    );
}

#[test]
fn l6_an_invitation_that_nobody_answers_is_in_progress_until_it_lapses_and_failed_after() {
    let mut world = World::new();
    world.declare(of(&[0]));
    let lapses = report(&world, None).next_change();
    assert_eq!(lapses, Some(day(90)));
    world.steps(&[Step::Days(89), Step::Apply]);
    tells(&world, WAITS, "");
    world.steps(&[Step::Days(1), Step::Apply]);
    tells(&world, "Failed InvitationLapsed, Authorized=False InvitationLapsed", "");
}

#[test]
fn l7_what_was_declined_or_has_expired_has_failed_until_the_spec_changes() {
    let mut world = World::new();
    world.declare(of(&[0]));
    world.steps(&[Step::Answer(0, AcceptanceDecision::Decline), Step::Apply]);
    tells(&world, "Failed Declined, Authorized=False Declined", "");
    assert_eq!(acceptances(&world), "Current Declined");
    let mut world = active();
    world.steps(&[Step::Days(365), Step::Apply]);
    tells(
        &world,
        "Failed Expired, Authorized=False Expired",
        "Current Expired, InForce=False Expired",
    );
}

#[test]
fn l8_access_that_waits_for_the_agreement_says_so_and_l9_another_text_does_not_count() {
    let mut relationship = of(&[0]);
    let mut world = World::new();
    world.declare(relationship.clone());
    let row = world.rows()[0].digest;
    let mut given = answer(0, AcceptanceDecision::Accept, day(0), Some(row));
    given.agreement = None;
    world.input.answers.push((0, given));
    world.apply();
    relationship.agreement = Some(Gates::Access);
    world.declare(relationship);
    world.grant(0, gives(&[0], 100));
    let waits =
        "Current InSync, Authorized Authorized, AgreementAccepted=False AgreementNotAccepted";
    tells(&world, waits, "InProgress AgreementNotAccepted, InForce=False NotHeld");
    let mut older = answer(0, AcceptanceDecision::Accept, day(0), None);
    let text = older.agreement.as_mut().unwrap();
    text.document.sha256 = Digest::ZERO;
    world.input.agreements.push(older);
    world.apply();
    tells(&world, waits, "InProgress AgreementNotAccepted, InForce=False NotHeld");
    let right = answer(0, AcceptanceDecision::Accept, day(0), None);
    assert_eq!(right.agreement.as_ref().unwrap().document, document());
    world.input.agreements.push(right);
    world.apply();
    tells(&world, "Current InSync, Authorized Authorized, AgreementAccepted Accepted", HELD);
}

#[test]
fn l10_ready_means_read_back() {
    let mut world = active_with(of(&[0]), &[]);
    world.step(&Step::Grant(0, gives(&[0], 100)));
    let pending = "InProgress Pending, Authorized Authorized";
    tells(&world, pending, "InProgress Pending, InForce=False NotHeld");
    assert_eq!(
        message(&report(&world, None), Kind::RoleGrant, "Ready"),
        "still to be done: 1 change: group `00000000-0000-0000-0000-000000001000` gains \
         `Helpdesk Administrator`"
    );
    world.apply();
    tells(&world, IN_SYNC, HELD);
    world.step(&Step::Grant(0, gives(&[0], 90)));
    tells(&world, pending, "InProgress Pending, InForce Held");
}

#[test]
fn l11_a_grant_is_ready_before_and_after_its_window_and_in_force_within() {
    let mut world = active_with(of(&[0]), &[]);
    world.grant(0, Grant { window: (Some(10), Some(20)), ..gives(&[0], None) });
    tells(&world, IN_SYNC, "Current Scheduled, InForce=False Scheduled");
    let told = report(&world, None);
    assert_eq!(told.next_change(), Some(day(10)));
    world.steps(&[Step::Days(10), Step::Apply]);
    tells(&world, IN_SYNC, HELD);
    let told = report(&world, Some(&told));
    let status = &told.grants[&object("grant-0")].status;
    assert_eq!((status.effective_since, status.expires_at), (Some(day(10)), Some(day(20))));
    assert_eq!(status.roles[0].name, "Helpdesk Administrator");
    world.steps(&[Step::Days(9), Step::Apply]);
    tells(&world, IN_SYNC, "Current InSync, InForce Held, ExpiringSoon Within1Day");
    world.step(&Step::Days(1));
    tells(
        &world,
        "InProgress Pending, Authorized Authorized",
        "InProgress Pending, InForce=False NotHeld",
    );
    world.apply();
    tells(&world, IN_SYNC, "Current Expired, InForce=False Expired");
}

#[test]
fn l11_a_window_past_the_end_of_the_relationship_is_cut_and_says_so() {
    let mut world = active_with(of(&[0]), &[]);
    world.grant(0, gives(&[0], 400));
    tells(&world, IN_SYNC, HELD);
    assert_eq!(
        message(&report(&world, None), Kind::RoleGrant, "Ready"),
        "it is held under `customer 0` until 2027-01-01T00:00:00Z, when the relationship ends"
    );
    let soon = ["Within30Days", "Within7Days", "Within1Day"];
    for (days, reason) in [335, 23, 6].into_iter().zip(soon) {
        world.steps(&[Step::Days(days), Step::Apply]);
        let soon = format!("ExpiringSoon {reason}");
        tells(&world, &format!("{IN_SYNC}, {soon}"), &format!("{HELD}, {soon}"));
    }
}

#[test]
fn l12_access_added_outside_is_counted_and_changes_nothing_else() {
    let mut world = active();
    world.steps(&[Step::Outside(0, 0, 1, Some(50)), Step::Apply]);
    tells(&world, "Current InSync, Authorized Authorized, Unmanaged AddedOutside", HELD);
    assert_eq!(
        message(&report(&world, None), Kind::PartnerRelationship, "Unmanaged"),
        "1 role is held that no grant declares: group `00000000-0000-0000-0000-000000001000` holds \
         `Reports Reader`"
    );
}

#[test]
fn l12_access_removed_outside_waits_for_an_approval_with_the_whole_hash() {
    let mut world = active();
    world.steps(&[Step::Outside(0, 0, 0, None), Step::Apply]);
    let blocked = "PlanBlocked Blocked, Drifted RemovedOutside";
    tells(
        &world,
        &format!("Failed Blocked, Authorized Authorized, {blocked}"),
        &format!("Failed Blocked, InForce=False NotHeld, {blocked}"),
    );
    let told = report(&world, None);
    let hash = told.relationships[&relationship_name()].status.plan.as_ref().unwrap();
    let hash = hash.blocked.as_ref().unwrap();
    assert_eq!(hash.len(), 64);
    for (kind, name) in [
        (Kind::PartnerRelationship, "partnerrelationship relationship-0"),
        (Kind::RoleGrant, "rolegrant grant-0"),
    ] {
        let how =
            format!("`kubectl annotate --overwrite -n msp {name} concordat.dev/approve={hash}`");
        let message = message(&told, kind, "PlanBlocked");
        assert!(message.contains(&how), "{message}");
    }
}

#[test]
fn l12_what_the_customer_ended_has_failed_and_is_not_proposed_again() {
    let mut world = active();
    world.steps(&[Step::EndOutside(0), Step::Apply]);
    tells(
        &world,
        "Failed EndedByCustomer, Authorized=False EndedByCustomer, Drifted EndedByCustomer",
        "Failed RelationshipNotActive, InForce=False NotHeld",
    );
}

#[test]
fn l13_who_may_not_accept_is_told_at_the_acceptance() {
    let mut world = World::new();
    world.declare(of(&[0]));
    let mut given = answer(0, AcceptanceDecision::Accept, day(0), Some(world.rows()[0].digest));
    given.accepted_by.role = AcceptorRole::BillingAdministrator;
    world.input.answers.push((0, given));
    world.apply();
    assert_eq!(acceptances(&world), "Failed MayNotAccept");
    tells(&world, WAITS, "");
}
