//! The whole story, as a team lives it: real `kubectl`, real `helm`, a real API server, and the operator under the account
//! that the chart gives it, with every request written down.
//!
//! Never: a pause of a fixed length; always a wait for what is to be seen.

mod rights;
mod scene;

use crate::{cluster::kstatus::Status, operator::until};
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
    rights::are_exactly_what_was_used(&given, &scene.cluster);
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
        said.contains("validate.concordat.dev").then_some(said)
    });
    assert!(refused.contains("did you mean `Message Center Reader`?"), "{refused}");
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
