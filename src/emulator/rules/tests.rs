//! Every edge of the state machine, as tables, and sequences of calls that nobody thought of.
//!
//! Never: an edge that is tried on one status only.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::emulator::{
    clock::later,
    lifecycle,
    people::{Deed, act},
    wire,
};

const PARTNER: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";
const CUSTOMER: &str = "bbbbcccc-1111-dddd-2222-eeee3333ffff";
const GROUP: &str = "0a0a0a0a-1111-4222-8333-444444444444";
const OTHER_GROUP: &str = "0b0b0b0b-1111-4222-8333-444444444444";
const A: &str = "729827e3-9c14-49f7-bb1b-9608f156bbb8";
const B: &str = "790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b";
const ELSE: &str = "f023fd81-a637-4b56-95fd-791ac0226033";

fn start() -> Timestamp {
    "2026-12-01T00:00:00Z".parse().unwrap()
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

fn set(roles: &[&str]) -> BTreeSet<String> {
    roles.iter().map(|role| (*role).to_owned()).collect()
}

fn wish(name: &str, roles: &[&str]) -> Wish {
    Wish {
        display_name: Some(name.to_owned()),
        duration: Some((Days(30), "P30D".to_owned())),
        extension: None,
        customer: Whose::Tenant(CUSTOMER.to_owned()),
        roles: Some(set(roles)),
    }
}

/// A world with one relationship, and the time.
struct Stage {
    world: World,
    id: String,
    now: Timestamp,
}

impl Stage {
    /// One with these roles that was just asked for.
    fn with(roles: &[&str]) -> Self {
        let mut world = World::new(PARTNER, 7);
        for group in [GROUP, OTHER_GROUP] {
            let group_ = super::super::world::Group {
                display_name: group.to_owned(),
                security_enabled: true,
                is_assignable_to_role: false,
                membership_rule: None,
            };
            world.groups.insert(group.to_owned(), group_);
        }
        let id = create(&mut world, &wish("one", roles), start()).unwrap();
        Self { world, id, now: start() }
    }

    /// One that stands there.
    fn at(status: Status) -> Self {
        Self::with(&[A, B]).brought_to(status)
    }

    fn brought_to(mut self, status: Status) -> Self {
        let path = match status {
            Status::Expiring | Status::Expired => "active expire",
            Status::TerminationRequested | Status::Terminating | Status::Terminated => "active end",
            Status::Active | Status::Activating | Status::Approved => "active",
            Status::New | Status::Created | Status::ApprovalPending => "",
        };
        if status >= Status::Created {
            self.pass(1);
        }
        if status >= Status::ApprovalPending {
            request(&mut self.world, &self.id, Action::LockForApproval, self.now).unwrap();
            self.pass(3);
        }
        if !path.is_empty() {
            self.do_(&Deed::Approve {
                relationship: "one".to_owned(),
                customer: None,
                stays: None,
            });
            self.until(if path == "active" { status } else { Status::Active });
        }
        if path == "active expire" {
            self.until(status);
        }
        if path == "active end" {
            self.do_(&Deed::RemoveRoles { relationship: "one".to_owned() });
            self.until(status);
        }
        assert_eq!(self.status(), status);
        self
    }

    /// Steps from event to event until it stands there.
    fn until(&mut self, status: Status) {
        while self.status() != status {
            self.now = lifecycle::next(&self.world).unwrap_or_else(|| panic!("never {status:?}"));
            advance(&mut self.world, self.now);
        }
    }

    fn pass(&mut self, seconds: i64) {
        self.pass_by(SignedDuration::from_secs(seconds));
    }

    fn pass_by(&mut self, by: SignedDuration) {
        self.now = later(self.now, by);
        advance(&mut self.world, self.now);
    }

    fn do_(&mut self, deed: &Deed) {
        act(&mut self.world, deed, self.now).unwrap();
    }

    fn it(&self) -> &Relationship {
        &self.world.relationships[&self.id]
    }

    fn status(&self) -> Status {
        self.it().status
    }

    fn etag(&self) -> Match {
        Match::OneOf([wire::etag(self.it().etag)].into())
    }

    fn assigned(&mut self, roles: &[&str]) -> String {
        assign(&mut self.world, &self.id, GROUP, &set(roles), self.now).unwrap()
    }

    fn assignment(&self, own: &str) -> &Assignment {
        &self.it().assignments[own]
    }

    fn assignment_etag(&self, own: &str) -> Match {
        Match::OneOf([wire::etag(self.assignment(own).etag)].into())
    }
}

/// A name, a change of a good wish, and the status of the refusal; 0 where it is taken.
type Case = (&'static str, fn(&mut Wish), u16);

fn code<T>(result: Result<T, Refusal>) -> u16 {
    result.map_or_else(|refusal| refusal.status, |_| 0)
}

#[test]
fn a_relationship_is_made_within_the_rules_only() {
    let long = "n".repeat(51);
    let cases: [Case; 16] = [
        ("as it should be", |_| {}, 0),
        ("two years", |it| it.duration = Some((Days(730), String::new())), 0),
        ("a day", |it| it.duration = Some((Days(1), String::new())), 0),
        ("too long", |it| it.duration = Some((Days(731), String::new())), 400),
        ("too short", |it| it.duration = Some((Days(0), String::new())), 400),
        ("no duration", |it| it.duration = None, 400),
        ("no name", |it| it.display_name = None, 400),
        ("an empty name", |it| it.display_name = Some(" ".to_owned()), 400),
        ("a name with a control sign", |it| it.display_name = Some("a\u{7}".to_owned()), 400),
        ("a name of 50 letters", |it| it.display_name = Some("é".repeat(50)), 0),
        ("no roles", |it| it.roles = Some(BTreeSet::new()), 400),
        ("nothing said of roles", |it| it.roles = None, 400),
        ("extended", |it| it.extension = Some(Days(180)), 0),
        ("extended otherwise", |it| it.extension = Some(Days(90)), 400),
        ("for anybody", |it| it.customer = Whose::Anybody, 0),
        ("a name that is taken, in capitals", |it| it.display_name = Some("ONE".to_owned()), 409),
    ];
    for (name, change, expected) in cases {
        let mut stage = Stage::with(&[A]);
        let mut wish = wish("two", &[A]);
        change(&mut wish);
        let made = create(&mut stage.world, &wish, stage.now);
        assert_eq!(code(made), expected, "{name}");
        let there = if expected == 0 { 2 } else { 1 };
        assert_eq!(stage.world.relationships.len(), there, "{name}: an effect of a refusal");
    }
    let mut stage = Stage::with(&[A]);
    assert_eq!(code(create(&mut stage.world, &wish(&long, &[A]), start())), 400);
    let mut both = wish("two", &[A, GLOBAL_ADMINISTRATOR]);
    both.extension = Some(Days(180));
    assert_eq!(code(create(&mut stage.world, &both, start())), 400);
    both.extension = Some(Days(0));
    assert_eq!(code(create(&mut stage.world, &both, start())), 0);
}

#[test]
fn each_request_is_taken_in_the_status_for_it_and_in_no_other() {
    for status in Status::ALL {
        for action in Action::ALL {
            let mut stage = Stage::at(status);
            let expected = match (action, status) {
                (Action::LockForApproval, Status::Created)
                | (Action::Terminate, Status::Active) => 0,
                _ => 400,
            };
            let taken = request(&mut stage.world, &stage.id, action, stage.now);
            assert_eq!(code(taken), expected, "{action:?} in {status:?}");
            let again = request(&mut stage.world, &stage.id, action, stage.now);
            let expected = if expected == 0 { 409 } else { 400 };
            assert_eq!(code(again), expected, "{action:?} in {status:?} again");
        }
    }
}

#[test]
fn only_what_nobody_was_asked_about_is_deleted() {
    for status in Status::ALL {
        let mut stage = Stage::at(status);
        let etag = stage.etag();
        let expected = if status == Status::Created { 0 } else { 400 };
        assert_eq!(code(delete(&mut stage.world, &stage.id, &etag)), expected, "{status:?}");
        let gone = stage.world.relationships.is_empty();
        assert_eq!(gone, expected == 0, "{status:?}");
        assert_eq!(stage.world.names.is_empty(), gone, "{status:?}: the name");
    }
    let mut stage = Stage::at(Status::Created);
    let stale = Match::OneOf([wire::etag(99)].into());
    for (given, expected) in [(Match::Absent, 400), (stale, 412), (Match::Any, 0)] {
        assert_eq!(code(delete(&mut stage.world, &stage.id, &given)), expected, "{given:?}");
    }
    assert_eq!(code(delete(&mut stage.world, &stage.id, &Match::Any)), 404);
}

#[test]
fn a_patch_changes_what_the_status_admits_and_ignores_the_rest() {
    let all = Wish {
        display_name: Some("new".to_owned()),
        duration: Some((Days(60), "P60D".to_owned())),
        extension: Some(Days(180)),
        customer: Whose::Anybody,
        roles: Some(set(&[ELSE])),
    };
    for status in Status::ALL {
        let mut stage = Stage::at(status);
        let before = stage.it().clone();
        let etag = stage.etag();
        let patched = patch(&mut stage.world, &stage.id, &etag, &all, stage.now).unwrap();
        assert_eq!(patched, Patched::Done, "{status:?}");
        let it = stage.it();
        let changed = [
            it.display_name != before.display_name,
            it.duration != before.duration,
            it.extension != before.extension,
            it.customer != before.customer,
            it.roles != before.roles,
        ];
        let expected = if status == Status::Created {
            [true; 5]
        } else {
            [false, false, status == Status::Active, false, false]
        };
        assert_eq!(changed, expected, "{status:?}");
        assert_eq!(it.etag != before.etag, expected.contains(&true), "{status:?}: the etag");
    }
}

#[test]
fn a_patch_in_created_keeps_the_rules_and_the_names() {
    let cases: [Case; 6] = [
        ("its own name", |it| it.display_name = Some("one".to_owned()), 0),
        ("a name that is taken", |it| it.display_name = Some("two".to_owned()), 409),
        ("too long", |it| it.duration = Some((Days(731), String::new())), 400),
        ("no roles", |it| it.roles = Some(BTreeSet::new()), 400),
        ("an odd extension", |it| it.extension = Some(Days(1)), 400),
        ("nothing", |_| {}, 0),
    ];
    for (name, change, expected) in cases {
        let mut stage = Stage::at(Status::Created);
        create(&mut stage.world, &wish("two", &[A]), stage.now).unwrap();
        let mut wish = Wish::default();
        change(&mut wish);
        let etag = stage.etag();
        let patched = patch(&mut stage.world, &stage.id, &etag, &wish, stage.now);
        assert_eq!(code(patched), expected, "{name}");
        assert_eq!(stage.world.names.len(), 2, "{name}");
    }
}

#[test]
fn global_administrator_goes_in_the_form_that_is_set_and_in_no_other() {
    let minus: &[&str] = &[A];
    let naming: &[&str] = &[GLOBAL_ADMINISTRATOR];
    let cases = [
        (Removal::WithoutIt, minus, "operation", false),
        (Removal::WithoutIt, naming, "ignored", true),
        (Removal::WithoutIt, &[A, B], "ignored", true),
        (Removal::NamingIt, naming, "operation", false),
        (Removal::NamingIt, minus, "ignored", true),
        (Removal::Fails, minus, "operation", true),
        (Removal::AtOnce, minus, "done", false),
    ];
    for (removal, roles, expected, stays) in cases {
        let mut stage = Stage::with(&[A, GLOBAL_ADMINISTRATOR]).brought_to(Status::Active);
        stage.world.settings.habits.removal = removal;
        let own = stage.assigned(&[A, GLOBAL_ADMINISTRATOR]);
        stage.pass(60);
        let (before, etag) = (stage.it().etag, stage.etag());
        let wish = Wish { roles: Some(set(roles)), ..Wish::default() };
        let patched = patch(&mut stage.world, &stage.id, &etag, &wish, stage.now).unwrap();
        let found = match patched {
            Patched::Operation(_) => "operation",
            Patched::Done if stage.it().etag == before => "ignored",
            Patched::Done => "done",
        };
        assert_eq!(found, expected, "{removal:?} {roles:?}");
        stage.pass(60);
        let has = stage.it().roles.contains(GLOBAL_ADMINISTRATOR);
        assert_eq!(has, stays, "{removal:?} {roles:?}");
        let held = stage.assignment(&own).roles.contains(GLOBAL_ADMINISTRATOR);
        assert_eq!(held, stays, "{removal:?}: the assignment");
    }
}

#[test]
fn with_global_administrator_nothing_is_extended() {
    let mut stage = Stage::with(&[A, GLOBAL_ADMINISTRATOR]).brought_to(Status::Active);
    let on = Wish { extension: Some(Days(180)), ..Wish::default() };
    assert_eq!(code(patch(&mut stage.world, &stage.id, &Match::Any, &on, stage.now)), 400);
    let minus = Wish { roles: Some(set(&[A])), ..Wish::default() };
    patch(&mut stage.world, &stage.id, &Match::Any, &minus, stage.now).unwrap();
    stage.pass(60);
    assert_eq!(code(patch(&mut stage.world, &stage.id, &Match::Any, &on, stage.now)), 0);
    assert_eq!(stage.it().extension, Extension::HalfYear);
}

#[test]
fn roles_are_assigned_in_an_active_relationship_within_its_ceiling_and_once_a_group() {
    for status in Status::ALL {
        let mut stage = Stage::at(status);
        let expected = if status == Status::Active { 0 } else { 400 };
        let made = assign(&mut stage.world, &stage.id, GROUP, &set(&[A]), stage.now);
        assert_eq!(code(made), expected, "{status:?}");
    }
    let cases: [(&str, &str, &[&str], u16); 5] = [
        ("all of it", GROUP, &[A, B], 0),
        ("beyond the ceiling", GROUP, &[A, ELSE], 400),
        ("no role", GROUP, &[], 400),
        ("no such group", PARTNER, &[A], 400),
        ("a group in capitals", "0A0A0A0A-1111-4222-8333-444444444444", &[A], 0),
    ];
    for (name, group, roles, expected) in cases {
        let mut stage = Stage::at(Status::Active);
        let made = assign(&mut stage.world, &stage.id, group, &set(roles), stage.now);
        assert_eq!(code(made), expected, "{name}");
        assert_eq!(stage.it().assignments.is_empty(), expected != 0, "{name}");
    }
    let mut stage = Stage::at(Status::Active);
    stage.world.settings.habits.any_group = true;
    assert_eq!(code(assign(&mut stage.world, &stage.id, PARTNER, &set(&[A]), stage.now)), 0);
}

/// An assignment that stands there.
fn assignment_at(status: AssignmentStatus) -> (Stage, String) {
    let mut stage = Stage::at(Status::Active);
    if status == AssignmentStatus::Error {
        stage.world.fate = Fate::Fails;
    }
    let own = stage.assigned(&[A]);
    let deleted = matches!(status, AssignmentStatus::Deleting | AssignmentStatus::Deleted);
    if status != AssignmentStatus::Pending {
        stage.pass(30);
    }
    if deleted {
        let etag = stage.assignment_etag(&own);
        unassign(&mut stage.world, &stage.id, &own, &etag, stage.now).unwrap();
    }
    if status == AssignmentStatus::Deleted {
        stage.pass(20);
    }
    assert_eq!(stage.assignment(&own).status, status);
    (stage, own)
}

#[test]
fn each_status_of_an_assignment_takes_what_it_takes() {
    use AssignmentStatus::{Active, Deleted, Deleting, Error, Pending};
    // PATCH, DELETE, and POST of the same group.
    let cases = [
        (Pending, 400, 0, 409),
        (Active, 0, 0, 409),
        (Deleting, 400, 409, 409),
        (Deleted, 400, 404, 0),
        (Error, 400, 0, 409),
    ];
    for (status, patched, deleted, posted) in cases {
        let (mut stage, own) = assignment_at(status);
        let etag = stage.assignment_etag(&own);
        let done = reassign(&mut stage.world, &stage.id, &own, &etag, &set(&[B]), stage.now);
        assert_eq!(code(done), patched, "PATCH in {status:?}");
        let (mut stage, own) = assignment_at(status);
        let etag = stage.assignment_etag(&own);
        let done = unassign(&mut stage.world, &stage.id, &own, &etag, stage.now);
        assert_eq!(code(done), deleted, "DELETE in {status:?}");
        let (mut stage, _) = assignment_at(status);
        let done = assign(&mut stage.world, &stage.id, GROUP, &set(&[B]), stage.now);
        assert_eq!(code(done), posted, "POST in {status:?}");
        let done = assign(&mut stage.world, &stage.id, OTHER_GROUP, &set(&[B]), stage.now);
        assert_eq!(code(done), 0, "POST of another group in {status:?}");
    }
}

#[test]
fn the_habits_of_a_pending_assignment_can_be_switched() {
    let (mut stage, own) = assignment_at(AssignmentStatus::Pending);
    stage.world.settings.habits.delete_pending = Taken::Refused;
    stage.world.settings.habits.patch_pending = Refused::Taken;
    let etag = stage.assignment_etag(&own);
    assert_eq!(code(unassign(&mut stage.world, &stage.id, &own, &etag, stage.now)), 400);
    let done = reassign(&mut stage.world, &stage.id, &own, &etag, &set(&[B]), stage.now);
    assert_eq!(code(done), 0);
}

#[test]
fn roles_are_changed_by_an_operation_and_with_the_right_etag() {
    let (mut stage, own) = assignment_at(AssignmentStatus::Active);
    let (id, now) = (stage.id.clone(), stage.now);
    let etag = stage.assignment_etag(&own);
    let stale = Match::OneOf([wire::etag(99_999)].into());
    let mut tried = |given: &Match, roles: &[&str]| {
        code(reassign(&mut stage.world, &id, &own, given, &set(roles), now))
    };
    assert_eq!(tried(&Match::Absent, &[B]), 400);
    assert_eq!(tried(&stale, &[B]), 412);
    assert_eq!(tried(&etag, &[ELSE]), 400);
    assert_eq!(tried(&etag, &[]), 400);
    let same = reassign(&mut stage.world, &id, &own, &etag, &set(&[A]), now);
    assert_eq!(same, Ok(None));
    let operation = reassign(&mut stage.world, &id, &own, &etag, &set(&[A, B]), now);
    let operation = operation.unwrap().unwrap();
    let steps = [
        (0, OperationStatus::NotStarted, 1),
        (2, OperationStatus::Running, 1),
        (8, OperationStatus::Succeeded, 2),
    ];
    for (seconds, status, roles) in steps {
        stage.pass(seconds);
        assert_eq!(stage.it().operations[&operation].status, status);
        assert_eq!(stage.assignment(&own).roles.len(), roles, "{status:?}");
    }
    assert_ne!(stage.assignment_etag(&own), etag);
}

#[test]
fn an_operation_whose_assignment_has_gone_meanwhile_fails() {
    let (mut stage, own) = assignment_at(AssignmentStatus::Active);
    let etag = stage.assignment_etag(&own);
    let id = stage.id.clone();
    let operation = reassign(&mut stage.world, &id, &own, &etag, &set(&[B]), stage.now);
    unassign(&mut stage.world, &id, &own, &etag, stage.now).unwrap();
    stage.pass(60);
    let operation = &stage.it().operations[&operation.unwrap().unwrap()];
    assert_eq!(operation.status, OperationStatus::Failed);
    assert_eq!(stage.assignment(&own).roles, set(&[A]));
}

#[test]
fn what_is_to_fail_or_to_hang_does() {
    let mut stage = Stage::at(Status::Created);
    stage.world.fate = Fate::Fails;
    let own = request(&mut stage.world, &stage.id, Action::LockForApproval, stage.now).unwrap();
    stage.pass(60);
    assert_eq!(stage.it().requests[&own].status, RequestStatus::Failed);
    assert_eq!(stage.status(), Status::Created);

    let mut stage = Stage::at(Status::Active);
    stage.world.fate = Fate::Slow(86_400);
    let own = stage.assigned(&[A]);
    stage.pass(86_399);
    assert_eq!(stage.assignment(&own).status, AssignmentStatus::Pending);
    stage.pass(1);
    assert_eq!(stage.assignment(&own).status, AssignmentStatus::Active);

    let mut stage = Stage::at(Status::Active);
    stage.world.settings.habits.hangs_from = Some(2);
    let own = stage.assigned(&[A, B]);
    stage.pass_by(days(20));
    assert_eq!(stage.assignment(&own).status, AssignmentStatus::Pending);

    let mut stage = Stage::at(Status::ApprovalPending);
    let stays = Some(86_400 * 3);
    stage.do_(&Deed::Approve { relationship: "one".to_owned(), customer: None, stays });
    stage.pass_by(days(3) - SignedDuration::from_secs(1));
    assert_eq!(stage.status(), Status::Approved);
    stage.pass(1);
    assert_eq!(stage.status(), Status::Activating);
}

#[test]
fn the_whole_life_goes_by_the_book() {
    let mut stage = Stage::with(&[A]);
    let mut seen = vec![stage.status()];
    stage.pass(1);
    seen.push(stage.status());
    request(&mut stage.world, &stage.id, Action::LockForApproval, stage.now).unwrap();
    stage.pass(3);
    seen.push(stage.status());
    stage.do_(&Deed::Approve { relationship: "ONE".to_owned(), customer: None, stays: None });
    let since = |stage: &Stage, end: Timestamp| stage.now.duration_since(end);
    loop {
        if Some(&stage.status()) != seen.last() {
            seen.push(stage.status());
        }
        let Some(next) = lifecycle::next(&stage.world) else { break };
        stage.now = next;
        advance(&mut stage.world, next);
        if stage.world.relationships.is_empty() {
            break;
        }
        if let Some(end) = stage.it().end {
            assert_eq!(end, later(stage.it().activated.unwrap(), days(30)));
            assert!(stage.status() == Status::Active || since(&stage, end) >= SignedDuration::ZERO);
        }
    }
    let expected = [
        Status::New,
        Status::Created,
        Status::ApprovalPending,
        Status::Approved,
        Status::Activating,
        Status::Active,
        Status::Expiring,
        Status::Expired,
    ];
    assert_eq!(seen, expected);
    assert!(stage.world.names.is_empty(), "the name is free again");
    let ended = start() + days(30);
    let gone = since(&stage, ended);
    assert!(gone > days(365) && gone < days(366), "{gone:?}");
}

#[test]
fn what_is_extended_goes_on_for_half_a_year_until_that_is_switched_off() {
    let mut stage = Stage::at(Status::Active);
    let own = stage.assigned(&[A]);
    let end = stage.it().end.unwrap();
    stage.do_(&Deed::Extend { relationship: "one".to_owned(), on: true });
    for half_years in 0..3 {
        let end = later(end, days(180 * half_years));
        stage.now = later(end, days(-1) - SignedDuration::from_secs(1));
        advance(&mut stage.world, stage.now);
        assert_eq!(stage.it().end, Some(end), "{half_years}");
        stage.pass(1);
        assert_eq!(stage.it().end, Some(later(end, days(180))), "{half_years}");
        assert_eq!(stage.assignment(&own).status, AssignmentStatus::Active);
    }
    stage.do_(&Deed::Extend { relationship: "one".to_owned(), on: false });
    stage.until(Status::Expired);
    assert_eq!(stage.assignment(&own).status, AssignmentStatus::Deleted);
    assert!(stage.now > later(end, days(540)));
}

#[test]
fn who_switches_it_on_in_the_last_hour_is_in_time_and_who_is_late_is_late() {
    let mut stage = Stage::at(Status::Active);
    let end = stage.it().end.unwrap();
    stage.now = later(end, SignedDuration::from_hours(-1));
    advance(&mut stage.world, stage.now);
    stage.do_(&Deed::Extend { relationship: "one".to_owned(), on: true });
    stage.pass_by(days(1));
    assert_eq!((stage.status(), stage.it().end), (Status::Active, Some(later(end, days(180)))));

    let mut stage = Stage::at(Status::Expiring);
    let late = Deed::Extend { relationship: "one".to_owned(), on: true };
    assert_eq!(code(act(&mut stage.world, &late, stage.now)), 400);
}

#[test]
fn an_invitation_that_nobody_answers_is_forgotten_after_90_days_and_its_name_is_free() {
    let mut stage = Stage::at(Status::ApprovalPending);
    stage.pass_by(days(90) - SignedDuration::from_secs(1));
    assert_eq!(stage.status(), Status::ApprovalPending);
    stage.pass(1);
    assert!(stage.world.relationships.is_empty());
    assert_eq!(code(create(&mut stage.world, &wish("one", &[A]), stage.now)), 0);
    let mut stage = Stage::at(Status::ApprovalPending);
    stage.pass_by(days(89));
    stage.do_(&Deed::Approve { relationship: "one".to_owned(), customer: None, stays: None });
    stage.pass_by(days(5));
    assert_eq!(stage.status(), Status::Active);
}

#[test]
fn what_was_ended_takes_its_assignments_along_and_is_forgotten_after_a_year() {
    let (mut stage, own) = assignment_at(AssignmentStatus::Active);
    let asked = request(&mut stage.world, &stage.id, Action::Terminate, stage.now).unwrap();
    assert_eq!(stage.status(), Status::Active);
    stage.pass(1);
    assert_eq!(stage.status(), Status::TerminationRequested);
    stage.until(Status::Terminated);
    assert_eq!(stage.assignment(&own).status, AssignmentStatus::Deleted);
    stage.pass(1);
    assert_eq!(stage.it().requests[&asked].status, RequestStatus::Succeeded);
    assert_eq!(code(create(&mut stage.world, &wish("one", &[A]), stage.now)), 409);
    stage.pass_by(days(364));
    assert_eq!(stage.world.relationships.len(), 1);
    stage.pass_by(days(1));
    assert_eq!(stage.world.relationships.len(), 0);
}

#[test]
fn a_request_to_end_what_the_customer_has_ended_already_fails() {
    let mut stage = Stage::at(Status::Active);
    let asked = request(&mut stage.world, &stage.id, Action::Terminate, stage.now).unwrap();
    stage.do_(&Deed::RemoveRoles { relationship: "one".to_owned() });
    stage.pass(1);
    assert_eq!(stage.it().requests[&asked].status, RequestStatus::Failed);
    stage.until(Status::Terminated);
}

#[test]
fn the_reseller_is_asked_before_the_customer() {
    let provided = || {
        let mut stage = Stage::at(Status::Created);
        stage.do_(&Deed::Provide {
            relationship: "two".to_owned(),
            provider: PARTNER.to_owned(),
            customer: CUSTOMER.to_owned(),
            roles: vec![A.to_owned()],
        });
        stage.pass(60);
        stage.id = stage.world.names["two"].clone();
        stage
    };
    let approve = Deed::Approve { relationship: "two".to_owned(), customer: None, stays: None };
    let mut stage = provided();
    assert_eq!(stage.status(), Status::ApprovalPending);
    assert_eq!(code(act(&mut stage.world, &approve, stage.now)), 400);
    for (action, expected) in
        [(Action::Approve, Status::Active), (Action::Reject, Status::Terminated)]
    {
        let mut stage = provided();
        request(&mut stage.world, &stage.id, action, stage.now).unwrap();
        stage.until(expected);
        assert!(!stage.it().reseller.as_ref().unwrap().consent_pending);
        let again = request(&mut stage.world, &stage.id, action, stage.now);
        assert_eq!(code(again), 400);
    }
}

#[test]
fn a_customer_is_there_while_something_of_his_is_live() {
    for status in Status::ALL {
        let stage = Stage::at(status);
        assert_eq!(stage.world.customers().len(), usize::from(status.is_live()), "{status:?}");
    }
}

#[test]
fn whoever_approves_an_open_invitation_becomes_its_customer() {
    let mut stage = Stage::at(Status::Created);
    let mut open = wish("open", &[A]);
    open.customer = Whose::Anybody;
    let id = create(&mut stage.world, &open, stage.now).unwrap();
    stage.pass(1);
    request(&mut stage.world, &id, Action::LockForApproval, stage.now).unwrap();
    stage.pass(3);
    let by = |customer: Option<&str>| Deed::Approve {
        relationship: "open".to_owned(),
        customer: customer.map(str::to_owned),
        stays: None,
    };
    assert_eq!(code(act(&mut stage.world, &by(None), stage.now)), 400);
    assert_eq!(code(act(&mut stage.world, &by(Some(GROUP)), stage.now)), 0);
    assert_eq!(stage.world.relationships[&id].customer.as_deref(), Some(GROUP));
    assert_eq!(code(act(&mut stage.world, &by(Some(CUSTOMER)), stage.now)), 400);
}

/// Something that somebody does, with whatever numbers.
#[derive(Debug, Clone)]
enum Move {
    Create(u8, u8, bool),
    Patch(u8, u8, bool),
    Delete(u8),
    Ask(u8, u8),
    Assign(u8, u8, u8),
    Reassign(u8, u8),
    Unassign(u8),
    Deed(u8, u8),
    Pass(u32),
}

fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        (0..4_u8, 1..8_u8, any::<bool>()).prop_map(|(n, r, x)| Move::Create(n, r, x)),
        (any::<u8>(), 0..8_u8, any::<bool>()).prop_map(|(w, r, x)| Move::Patch(w, r, x)),
        any::<u8>().prop_map(Move::Delete),
        (any::<u8>(), 0..4_u8).prop_map(|(w, a)| Move::Ask(w, a)),
        (any::<u8>(), 0..2_u8, 0..16_u8).prop_map(|(w, g, r)| Move::Assign(w, g, r)),
        (any::<u8>(), 0..16_u8).prop_map(|(w, r)| Move::Reassign(w, r)),
        any::<u8>().prop_map(Move::Unassign),
        (any::<u8>(), 0..4_u8).prop_map(|(w, d)| Move::Deed(w, d)),
        prop_oneof![0..10_u32, 0..600_u32, 0..40_000_000_u32].prop_map(Move::Pass),
    ]
}

fn some_roles(bits: u8) -> BTreeSet<String> {
    let all = [A, B, GLOBAL_ADMINISTRATOR, ELSE];
    let chosen = all.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0);
    chosen.map(|(_, role)| (*role).to_owned()).collect()
}

fn make(stage: &mut Stage, step: &Move) {
    let ids: Vec<String> = stage.world.relationships.keys().cloned().collect();
    let nobody = "nobody".to_owned();
    let which = |number: &u8| ids.get(usize::from(*number) % (ids.len() + 1)).unwrap_or(&nobody);
    let live = |world: &World, number: &u8| {
        let all = world.relationships.values();
        let all: Vec<(String, String)> = all
            .flat_map(|it| it.assignments.keys().map(|own| (it.id.clone(), own.clone())))
            .collect();
        all.get(usize::from(*number) % (all.len() + 1)).cloned().unwrap_or_default()
    };
    let now = stage.now;
    let world = &mut stage.world;
    let extension = |on: bool| Some(Days(if on { 180 } else { 0 }));
    match step {
        Move::Create(name, roles, extend) => {
            let mut wish = wish(&format!("name {name}"), &[]);
            wish.roles = Some(some_roles(*roles));
            wish.extension = extension(*extend);
            _ = create(world, &wish, now);
        }
        Move::Patch(number, roles, extend) => {
            let roles = Some(some_roles(*roles));
            let wish = Wish { roles, extension: extension(*extend), ..Wish::default() };
            _ = patch(world, which(number), &Match::Any, &wish, now);
        }
        Move::Delete(number) => _ = delete(world, which(number), &Match::Any),
        Move::Ask(number, action) => {
            _ = request(world, which(number), Action::ALL[usize::from(*action)], now);
        }
        Move::Assign(number, group, roles) => {
            let group = [GROUP, OTHER_GROUP][usize::from(*group)];
            _ = assign(world, which(number), group, &some_roles(*roles), now);
        }
        Move::Reassign(number, roles) => {
            let (id, own) = live(world, number);
            _ = reassign(world, &id, &own, &Match::Any, &some_roles(*roles), now);
        }
        Move::Unassign(number) => {
            let (id, own) = live(world, number);
            _ = unassign(world, &id, &own, &Match::Any, now);
        }
        Move::Deed(number, deed) => {
            let relationship = which(number).clone();
            let deed = match deed {
                0 | 1 => Deed::Approve { relationship, customer: None, stays: None },
                2 => Deed::RemoveRoles { relationship },
                _ => Deed::Extend { relationship, on: true },
            };
            _ = act(world, &deed, now);
        }
        Move::Pass(seconds) => stage.pass((*seconds).into()),
    }
}

/// What everybody sees of the world: each thing by its id, without its etag, and its etag.
fn seen(world: &World) -> BTreeMap<String, (String, u64)> {
    let mut all = BTreeMap::new();
    for it in world.relationships.values() {
        let mut value = wire::relationship(it, world);
        value["@odata.etag"] = serde_json::Value::Null;
        all.insert(it.id.clone(), (value.to_string(), it.etag));
        for own in it.assignments.values() {
            let mut value = wire::assignment(own);
            value["@odata.etag"] = serde_json::Value::Null;
            all.insert(own.id.clone(), (value.to_string(), own.etag));
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_rules_hold(steps in prop::collection::vec(moves(), 1..80)) {
        let mut stage = Stage::with(&[A, B]);
        for step in &steps {
            let before = seen(&stage.world);
            make(&mut stage, step);
            for (id, (value, etag)) in seen(&stage.world) {
                if let Some((old, old_etag)) = before.get(&id) {
                    prop_assert_eq!(*old != value, *old_etag != etag, "{:?}: {} {}", step, old, value);
                }
            }
            let names: BTreeSet<_> =
                stage.world.relationships.values().map(|it| it.display_name.to_lowercase()).collect();
            prop_assert_eq!(names.len(), stage.world.relationships.len());
            prop_assert_eq!(stage.world.names.len(), stage.world.relationships.len());
            for it in stage.world.relationships.values() {
                prop_assert!(it.approved || it.status <= Status::ApprovalPending);
                prop_assert_eq!(it.activated.is_some(), it.end.is_some());
                prop_assert!(it.status != Status::Active || it.end > Some(stage.now));
                let extended = it.extension == Extension::HalfYear;
                prop_assert!(!extended || !it.roles.contains(GLOBAL_ADMINISTRATOR));
                let mut groups = BTreeSet::new();
                for own in it.assignments.values() {
                    let over = own.status == AssignmentStatus::Deleted;
                    prop_assert!(over || own.roles.is_subset(&it.roles));
                    prop_assert!(over || groups.insert(&own.group), "two live ones of a group");
                    prop_assert!(it.activated.is_some(), "an assignment without approval");
                }
            }
        }
    }
}

#[test]
fn a_change_back_while_another_is_under_way_is_a_change_and_the_later_one_wins() {
    for slow in [None, Some(60)] {
        let mut stage = Stage::at(Status::Active);
        let own = assign(&mut stage.world, &stage.id, GROUP, &set(&[A]), stage.now).unwrap();
        stage.pass(60);
        stage.world.fate = slow.map_or(Fate::Ordinary, Fate::Slow);
        let change = |stage: &mut Stage, roles: &[&str]| {
            reassign(&mut stage.world, &stage.id, &own, &Match::Any, &set(roles), stage.now)
                .unwrap()
        };
        assert!(change(&mut stage, &[B]).is_some());
        assert!(change(&mut stage, &[A]).is_some(), "it is not as it will be");
        stage.pass(300);
        assert_eq!(assignment(&stage.world, &stage.id, &own).unwrap().roles, set(&[A]));
        assert!(change(&mut stage, &[A]).is_none());
    }
}

#[test]
fn one_that_is_extended_ends_with_time_itself() {
    let mut stage = Stage::at(Status::Active);
    stage.do_(&Deed::Extend { relationship: "one".to_owned(), on: true });
    advance(&mut stage.world, Timestamp::MAX);
    assert_ne!(stage.world.relationships.get(&stage.id).map(|it| it.status), Some(Status::Active));
}

#[test]
fn what_a_provider_makes_moves_nothing_else_on() {
    let mut stage = Stage::with(&[A]);
    stage.world.settings.delays.created = 600;
    stage.do_(&Deed::Provide {
        relationship: "two".to_owned(),
        provider: PARTNER.to_owned(),
        customer: CUSTOMER.to_owned(),
        roles: vec![A.to_owned()],
    });
    assert_eq!(stage.status(), Status::New);
    stage.pass(3);
    let id = stage.world.names["two"].clone();
    assert_eq!(stage.world.relationships[&id].status, Status::ApprovalPending);
}

#[test]
fn a_group_that_is_no_security_group_holds_no_roles() {
    let mut stage = Stage::at(Status::Active);
    stage.world.groups.get_mut(GROUP).unwrap().security_enabled = false;
    let made = assign(&mut stage.world, &stage.id, GROUP, &set(&[A]), stage.now);
    assert_eq!(made.map_err(|it| it.status), Err(400));
}
