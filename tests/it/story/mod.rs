//! The whole story, as a team lives it: real `kubectl`, real `helm`, a real API server, and the operator under the account
//! that the chart gives it, with every request written down.
//!
//! Never: a pause of a fixed length; always a wait for what is to be seen.

mod documents;
mod rights;
pub mod scene;

use jiff::{SignedDuration, Timestamp, Unit};

use crate::{cluster::kstatus::Status, operator::until, program::finished};
use rights::Rights;
use scene::{Scene, TEAM};

const PREL: &str = "partnerrelationship/fabrikam";
const FIRST: &str = "rolegrant/first-line";
const SECOND: &str = "rolegrant/second-line";

#[test]
fn a_partner_is_let_in_watched_limited_and_let_go() {
    let mut scene = Scene::new();
    let given = Rights::given(&scene.cluster);
    what_no_operator_has_seen_is_never_current(&mut scene);
    nothing_is_done_without_a_boundary(&scene);
    the_customer_is_invited(&scene);
    only_who_may_accepts(&scene);
    a_pull_request_is_looked_at_by_somebody_else(&scene);
    what_cannot_be_is_told_and_held_by_nobody(&scene);
    what_is_taken_away_outside_comes_back_when_a_person_says_so(&scene);
    what_is_given_outside_is_told_and_taken_away_when_asked(&scene);
    roles_go_and_the_relationship_stays(&scene);
    a_grant_ends_by_itself(&scene);
    a_mass_deletion_waits_for_somebody_else(&scene);
    another_replica_goes_on_with_a_certificate_of_its_own(&mut scene);
    the_relationship_ends_and_the_ledger_is_whole(&scene);
    rights::are_exactly_what_was_used(&given, &scene.cluster);
    an_uninstall_leaves_what_people_wrote(&mut scene);
}

fn what_no_operator_has_seen_is_never_current(scene: &mut Scene) {
    until("the API server knows the kinds and the policies", || {
        let (stored, said) = scene.tries("mia", &["apply", "-f", &scene.path("team/offer.yaml")]);
        assert!(stored || said.contains("There can be a delay"), "{said}");
        stored.then_some(())
    });
    scene.looks_now(Status::InProgress, &["partneroffer/helpdesk"]);
    scene.start_the_operator();
    // Whether the API server has heard of the certificate shows in an answer that only the webhook gives.
    let misspelt = scene.file(
        "misspelt.yaml",
        include_str!("../../../examples/quickstart/offer.yaml")
            .replace("Message Center", "Messages Center")
            .as_str(),
    );
    let misspelt = misspelt.display().to_string();
    let refused = until("the webhook answers", || {
        let words = ["create", "--dry-run=server", "-f", &misspelt];
        let (_, said) = scene.tries("mia", &words);
        said.contains("[C0201]").then_some(said)
    });
    assert!(refused.contains("did you mean `Message Center Reader`"), "{refused}");
}

fn nothing_is_done_without_a_boundary(scene: &Scene) {
    scene.waits_as("partneroffer/helpdesk", "NoBoundary");
    let boundary = scene.file("boundary.yaml", BOUNDARY).display().to_string();
    scene.may_not("mia", &["apply", "-f", &boundary]);
    scene.cluster.said(&["apply", "-f", &boundary]);
    scene.cluster.wait("", "partnerboundary/helpdesk", "condition=Ready");
    scene.wait("partneroffer/helpdesk", "condition=Ready");
    scene.looks_now(Status::Current, &["partneroffer/helpdesk"]);
}

fn the_customer_is_invited(scene: &Scene) {
    let said = scene.does("mia", &["apply", "-f", &scene.path("team")]);
    assert!(said.contains("Warning: C0304"), "{said}");
    scene.waits_as(PREL, "WaitingForCustomer");
    scene.looks(Status::InProgress, &[PREL, FIRST, SECOND]);
    assert!(!scene.held().contains("Helpdesk Administrator"));
    let invitation = scene.concordat(&[
        "offer",
        "--relationship",
        "fabrikam",
        "-f",
        &scene.path("team"),
        "-n",
        TEAM,
    ]);
    assert_eq!(invitation.code, Some(0), "{}", invitation.stderr);
    let digest = scene.object(PREL)["status"]["invitation"]["digest"].as_str().unwrap().to_owned();
    assert!(invitation.stdout.contains(&digest), "{}", invitation.stdout);
}

fn only_who_may_accepts(scene: &Scene) {
    let acceptance = ["create", "-f", &scene.path("customer/acceptance.yaml")];
    let refused = scene.may_not("eve", &acceptance);
    assert!(refused.contains("`eve` may not accept or decline `fabrikam`"), "{refused}");
    let refused = scene.may_not(scene::ROBOT, &acceptance);
    assert!(refused.contains("is a robot and may not accept"), "{refused}");
    scene.does("ada", &acceptance);
    let all = [PREL, FIRST, SECOND, "agreementacceptance/fabrikam"];
    for object in all {
        scene.wait(object, "condition=Ready");
    }
    for grant in [FIRST, SECOND] {
        scene.wait(grant, "condition=InForce");
    }
    scene.looks_now(Status::Current, &all);
    assert!(scene.held().contains("Helpdesk Administrator"), "{}", scene.held());
}

fn a_pull_request_is_looked_at_by_somebody_else(scene: &Scene) {
    let reviewed = || scene.concordat(&["diff", "-f", &scene.path("team")]);
    let ran = reviewed();
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    scene.edit("team/grants.yaml", "  - Service Support Administrator\n", "");
    let ran = reviewed();
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.contains("    - Service Support Administrator  was until "),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("Plan: 1 to lose;"), "{}", ran.stdout);
    // Whoever may only look at the cluster is told the same, without the store.
    let looked = until("the statuses are current", || {
        let ran = scene.looks_at_the_cluster(&["diff", "-f", &scene.path("team")]);
        (ran.code != Some(2)).then_some(ran)
    });
    assert_eq!(looked.code, Some(1), "{}{}", looked.stdout, looked.stderr);
    assert!(looked.stderr.contains("as the operator had observed it at "), "{}", looked.stderr);
    assert!(
        looked.stdout.contains("    - Service Support Administrator  was until "),
        "{}",
        looked.stdout
    );
    let said = scene.does("mia", &["apply", "-f", &scene.path("team")]);
    assert!(said.contains("Warning:   - Service Support Administrator"), "{said}");
    until("it is as reviewed", || (reviewed().code == Some(0)).then_some(()));
    scene.wait(FIRST, "condition=Ready");
    scene.looks(Status::Current, &[PREL, FIRST, SECOND]);
}

fn what_cannot_be_is_told_and_held_by_nobody(scene: &Scene) {
    let outside = grant("outside", 9, "Exchange Administrator", "");
    let outside = scene.file("outside.yaml", &outside).display().to_string();
    let said = scene.does("mia", &["apply", "-f", &outside]);
    assert!(said.contains("Warning: C0308"), "{said}");
    scene.wait("rolegrant/outside", "condition=Stalled");
    scene.looks_now(Status::Failed, &["rolegrant/outside"]);
    scene.looks_now(Status::Current, &[PREL, FIRST]);
    scene.does("mia", &["delete", "-f", &outside]);
}

fn what_is_taken_away_outside_comes_back_when_a_person_says_so(scene: &Scene) {
    scene.outside(&format!(
        "DELETE FROM assignment_roles WHERE role_id = '{HELPDESK_ADMINISTRATOR}'"
    ));
    look_now(scene, "first");
    scene.wait(PREL, "condition=Drifted");
    assert!(scene.message(PREL, "Drifted").contains("lost `Helpdesk Administrator` outside"));
    scene.wait(SECOND, "condition=InForce=false");
    scene.looks(Status::Failed, &[PREL]);
    assert!(!scene.held().contains("Helpdesk Administrator"));
    approved_by_bob_alone(scene);
    scene.wait(SECOND, "condition=InForce");
    scene.wait(PREL, "condition=Ready");
    scene.looks(Status::Current, &[PREL, SECOND]);
}

fn what_is_given_outside_is_told_and_taken_away_when_asked(scene: &Scene) {
    let given = "INSERT INTO assignment_roles SELECT relationship_id, grantee_id, \
                 'f023fd81-a637-4b56-95fd-791ac0226033', until_ms FROM assignment_roles";
    scene.outside(&format!("{given} WHERE role_id = '{HELPDESK_ADMINISTRATOR}'"));
    look_now(scene, "second");
    scene.wait(PREL, "condition=Unmanaged");
    scene.looks_now(Status::Current, &[PREL]);
    scene.edit(
        "team/relationship.yaml",
        "  offerRef:",
        "  unmanagedAssignments: Revoke\n  offerRef:",
    );
    scene.does("mia", &["apply", "-f", &scene.path("team/relationship.yaml")]);
    until("it is taken away", || {
        (!scene.held().contains("Service Support Administrator")).then_some(())
    });
    scene.wait(PREL, "condition=Ready");
}

fn roles_go_and_the_relationship_stays(scene: &Scene) {
    let said = scene.does("mia", &["delete", SECOND]);
    assert!(said.contains("Warning:   - Helpdesk Administrator"), "{said}");
    assert!(!scene.held().contains("Helpdesk Administrator"));
    scene.looks(Status::Current, &[PREL]);
    assert_eq!(scene.object(PREL)["status"]["lifecycle"], "Active");
}

fn a_grant_ends_by_itself(scene: &Scene) {
    let end = Timestamp::now() + SignedDuration::from_secs(6);
    let end = end.round(Unit::Second).unwrap();
    let short = grant("short", 8, "Message Center Reader", &format!("notAfter: \"{end}\""));
    let short = scene.file("short.yaml", &short).display().to_string();
    scene.does("mia", &["apply", "-f", &short]);
    scene.wait("rolegrant/short", "condition=InForce");
    scene.waits_as("rolegrant/short", "Expired");
    assert!(Timestamp::now() >= end);
    assert!(!scene.held().contains("group 8"), "{}", scene.held());
    scene.looks(Status::Current, &["rolegrant/short", PREL]);
    scene.does("mia", &["delete", "-f", &short]);
}

fn a_mass_deletion_waits_for_somebody_else(scene: &Scene) {
    let names: Vec<String> = (1..=6).map(|number| format!("g{number}")).collect();
    let all: String = names
        .iter()
        .zip(10..)
        .map(|(name, group)| grant(name, group, "Message Center Reader", "") + "---\n")
        .collect();
    let all = scene.file("many.yaml", &all).display().to_string();
    scene.does("mia", &["apply", "-f", &all]);
    let objects: Vec<String> = names.iter().map(|name| format!("rolegrant/{name}")).collect();
    let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
    for object in &objects {
        scene.wait(object, "condition=InForce");
    }
    scene.does("mia", &["delete", "-f", &all, "--wait=false"]);
    scene.wait(PREL, "condition=PlanBlocked");
    let left = || scene.held().matches("group 1").count();
    assert!(left() >= 3, "{}", scene.held());
    scene.looks(Status::Terminating, &objects[3..]);
    scene.looks(Status::Failed, &[PREL]);
    approved_by_bob_alone(scene);
    for object in objects {
        scene.wait(object, "delete");
    }
    assert_eq!(left(), 0, "{}", scene.held());
    scene.wait(PREL, "condition=Ready");
    let history = scene.concordat(&["history", "-o", "json"]).stdout;
    assert!(history.contains("\"bob\"") && !history.contains(scene::ROBOT), "{history}");
}

/// What waits is refused to who may not approve, to a robot and to who asked, and runs once another person approves it.
fn approved_by_bob_alone(scene: &Scene) {
    scene.wait(PREL, "condition=PlanBlocked");
    let hash = scene.object(PREL)["status"]["plan"]["blocked"].as_str().unwrap().to_owned();
    let told = scene.message(PREL, "PlanBlocked");
    assert!(told.contains(&format!("concordat.dev/approve={hash}")), "{told}");
    let approve = format!("concordat.dev/approve={hash}");
    let approve = ["annotate", "--overwrite", PREL, &approve];
    assert!(scene.may_not("eve", &approve).contains("`eve` may not approve"));
    assert!(scene.may_not(scene::ROBOT, &approve).contains("is a robot and may not approve"));
    let refused =
        |scene: &Scene| scene.operator().log().matches("`mia` asked for some of it").count();
    let before = refused(scene);
    scene.does("mia", &approve);
    until("who asked is refused", || (refused(scene) > before).then_some(()));
    let stands =
        || !scene.object(PREL)["metadata"]["annotations"]["concordat.dev/approve"].is_null();
    until("the refused approval is taken off", || (!stands()).then_some(()));
    assert_eq!(scene.object(PREL)["status"]["plan"]["blocked"], hash.as_str());
    scene.does("bob", &approve);
    until("the used approval is taken off", || (!stands()).then_some(()));
}

fn another_replica_goes_on_with_a_certificate_of_its_own(scene: &mut Scene) {
    let before = scene.bundle();
    scene.stop_the_operator();
    scene.break_the_certificate();
    scene.start_the_operator();
    until("the API server is told of a new certificate", || {
        (scene.bundle() != before).then_some(())
    });
    scene.looks_now(Status::Current, &[PREL, FIRST]);
}

fn the_relationship_ends_and_the_ledger_is_whole(scene: &Scene) {
    let terminate = "  deletionPolicy: Terminate\n  offerRef:";
    scene.edit("team/relationship.yaml", "  offerRef:", terminate);
    scene.does("mia", &["apply", "-f", &scene.path("team/relationship.yaml")]);
    scene.does("mia", &["delete", PREL, "--wait=false"]);
    scene.looks(Status::Terminating, &[PREL]);
    // So much was taken away within the hour that this waits, too.
    scene.wait(PREL, "condition=PlanBlocked");
    let hash = scene.object(PREL)["status"]["plan"]["blocked"].as_str().unwrap().to_owned();
    let approve = format!("concordat.dev/approve={hash}");
    scene.does("bob", &["annotate", "--overwrite", PREL, &approve]);
    scene.wait(PREL, "delete");
    let ran = scene.concordat(&["get", "relationships"]);
    assert!(ran.stdout.contains("Terminated"), "{}", ran.stdout);
    assert!(!scene.held().contains("Message Center Reader"), "{}", scene.held());
    scene.waits_as(FIRST, "RelationshipNotFound");
    scene.looks(Status::InProgress, &[FIRST]);
    let ran = scene.concordat(&["ledger", "verify"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("the ledger is whole"), "{}", ran.stdout);
}

fn an_uninstall_leaves_what_people_wrote(scene: &mut Scene) {
    scene.stop_the_operator();
    let mut prepare = scene.place.command(&["operator", "--remove-finalizers"]);
    prepare.env("KUBECONFIG", scene.cluster.kubeconfig());
    let ran = finished(prepare, b"");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("removed the finalizer of 1 objects"), "{}", ran.stderr);
    scene.helm(&["uninstall", "concordat"]);
    let left = scene.cluster.said(&["get", "concordat", "-n", TEAM, "-o", "name"]);
    for object in ["partneroffer", "rolegrant", "agreementacceptance", "partnerboundary"] {
        assert!(left.contains(object), "{left}");
    }
    scene.cluster.said(&["delete", FIRST, "-n", TEAM, "--timeout=60s"]);
    let definitions = scene.cluster.said(&["get", "customresourcedefinitions", "-o", "name"]);
    assert_eq!(definitions.lines().count(), 5, "{definitions}");
}

/// Applies a file as administrator, once the API server knows the kinds.
fn stored(scene: &Scene, file: &str) {
    until("it is stored", || {
        let output = scene.cluster.kubectl(&["apply", "-f", file]);
        output.status.success().then_some(())
    });
}

/// Asks for a look at the store.
fn look_now(scene: &Scene, when: &str) {
    let asks = format!("reconcile.concordat.dev/requestedAt={when}");
    scene.does("mia", &["annotate", "--overwrite", PREL, &asks]);
}

const HELPDESK_ADMINISTRATOR: &str = "729827e3-9c14-49f7-bb1b-9608f156bbb8";

fn grant(name: &str, group: u32, role: &str, more: &str) -> String {
    format!(
        "apiVersion: concordat.dev/v1alpha1
kind: RoleGrant
metadata: {{name: {name}, namespace: {TEAM}}}
spec:
  relationshipRef: {{name: fabrikam}}
  grantee: {{securityGroup: {{id: 0c0c0c0c-1111-4222-8333-{group:012}, displayName: group {group}}}}}
  roles: [{role}]
  {more}
"
    )
}

/// What a platform team gives a team: few losses at once, and everything else.
const BOUNDARY: &str = "apiVersion: concordat.dev/v1alpha1
kind: PartnerBoundary
metadata:
  name: helpdesk
spec:
  namespaces: [msp-helpdesk]
  partner:
    tenantId: aaaabbbb-0000-cccc-1111-dddd2222eeee
    certifiedFor: [GranularDelegatedAdmin]
  customers: {any: true}
  grantees: {any: true}
  roles: {any: true}
  limits:
    revocations: {count: 3, share: 30}
";
