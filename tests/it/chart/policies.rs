//! Who may ask, accept, approve and adopt, tried by real users on a real cluster with the chart installed.
//!
//! Never: a refusal that does not say who was refused and what it takes.

use serde_json::{Value, json};

use super::{
    Helm, material, objects,
    stage::{CREATE, FLUX, MSP, NAMED, Stage, acceptance, grant, relationship},
};
use crate::{
    cluster::{Cluster, Options},
    program::{Place, assert_file},
};

#[test]
fn who_asked_is_stamped_and_acceptance_approval_and_adoption_are_rights_of_their_own() {
    let mut stage = Stage::new();
    who_asked_cannot_be_forged(&mut stage);
    only_who_holds_the_verb_accepts(&mut stage);
    only_who_holds_the_verb_approves_and_adopts(&mut stage);
    the_operator_writes_finalizers_and_status_only(&mut stage);
    what_is_being_deleted_can_go_and_can_be_approved(&mut stage);
    assert_file(&material().join("admission.txt"), &stage.told);
}

fn who_asked_cannot_be_forged(stage: &mut Stage) {
    let (prel, asked) = ("partnerrelationship/fabrikam", "requested-by");
    stage.chapter("who asked");
    stage.may("ada", &CREATE, Some(&relationship("fabrikam", &Value::Null)));
    assert_eq!(stage.stands(prel, asked), "ada");
    let forged = relationship("other", &json!({ "concordat.dev/requested-by": "bob" }));
    stage.may_not("ada", &CREATE, Some(&forged));
    let own = relationship("own", &json!({ "concordat.dev/requested-by": "ada" }));
    stage.may("ada", &CREATE, Some(&own));
    let claimed = format!("concordat.dev/{asked}=bob");
    stage.may_not("bob", &["annotate", prel, "--overwrite", &claimed], None);
    let dropped = format!("concordat.dev/{asked}-");
    stage.may("bob", &["annotate", prel, &dropped], None);
    assert_eq!(stage.stands(prel, asked), "ada");

    stage.chapter("who asked, by server-side apply");
    let apply = ["apply", "--server-side", "--field-manager=flux", "-f", "-"];
    stage.may("ada", &apply, Some(&relationship("applied", &json!({ "team": "a" }))));
    let applied = "partnerrelationship/applied";
    assert_eq!(stage.stands(applied, asked), "ada");
    stage.may("bob", &apply, Some(&relationship("applied", &Value::Null)));
    assert_eq!(stage.stands(applied, asked), "ada");
    let force = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    let forged = relationship("applied", &json!({ "concordat.dev/requested-by": "bob" }));
    stage.may_not("bob", &force, Some(&forged));
    let right = relationship("applied", &json!({ "concordat.dev/requested-by": "ada" }));
    stage.may("bob", &force, Some(&right));
    // Whoever owned the field and gives it up removes it: it comes back.
    stage.may("bob", &force, Some(&relationship("applied", &Value::Null)));
    assert_eq!(stage.stands(applied, asked), "ada");
    stage.may("bob", &["replace", "-f", "-"], Some(&relationship("applied", &Value::Null)));
    assert_eq!(stage.stands(applied, asked), "ada");

    stage.chapter("who changed it");
    let (own, changed) = ("partnerrelationship/own", "changed-by");
    let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    stage.may("bob", &apply, Some(&relationship("own", &Value::Null)));
    assert_eq!(stage.stands(own, changed), "", "nothing was changed");
    let suspend = ["patch", own, "--type=merge", "--patch", r#"{"spec":{"suspend":true}}"#];
    stage.may("bob", &suspend, None);
    assert_eq!(stage.stands(own, changed), "bob");
    stage.may("ada", &suspend, None);
    assert_eq!(stage.stands(own, changed), "bob", "nothing was changed");
    stage.may_not("bob", &["annotate", own, "--overwrite", "concordat.dev/changed-by=ada"], None);
    stage.may("bob", &["annotate", own, "concordat.dev/changed-by-"], None);
    assert_eq!(stage.stands(own, changed), "bob");
    stage.may("ada", &["label", own, "tier=standard"], None);
    assert_eq!(stage.stands(own, changed), "ada");
    let hidden = r#"{"metadata":{"annotations":{"concordat.dev/changed-by":"ada"}},"spec":{"suspend":false}}"#;
    stage.may("bob", &["patch", own, "--type=merge", "--patch", hidden], None);
    assert_eq!(stage.stands(own, changed), "bob", "whoever changes it is written down");
    assert_eq!(stage.stands(own, asked), "ada");
    let forged = relationship("forged", &json!({ "concordat.dev/changed-by": "bob" }));
    stage.may_not("ada", &CREATE, Some(&forged));

    stage.chapter("who asked, by a robot");
    stage.may(FLUX, &CREATE, Some(&grant("flux", &Value::Null)));
    assert_eq!(stage.stands("rolegrant/flux", asked), FLUX);
}

fn only_who_holds_the_verb_accepts(stage: &mut Stage) {
    stage.chapter("accept");
    stage.may_not("eve", &CREATE, Some(&acceptance("a", Some("fabrikam"))));
    stage.may_not("eve", &CREATE, Some(&acceptance("a", None)));
    stage.may("ada", &CREATE, Some(&acceptance("a", Some("fabrikam"))));
    stage.may("ada", &CREATE, Some(&acceptance("agreement", None)));
    assert_eq!(stage.stands("agreementacceptance/a", "requested-by"), "ada");
    // The verb on one relationship is neither the verb on others, nor on agreements alone.
    let role = ["create", "role", "one", "--verb=accept", "--resource-name=fabrikam", "-n", MSP];
    let resource = "--resource=partnerrelationships.concordat.dev";
    stage.cluster.said(&[&role[..], &[resource]].concat());
    stage.cluster.said(&["create", "rolebinding", "one", "--role=one", "--user=eve", "-n", MSP]);
    stage.may("eve", &CREATE, Some(&acceptance("one", Some("fabrikam"))));
    stage.may_not("eve", &CREATE, Some(&acceptance("other", Some("other"))));
    stage.may_not("eve", &CREATE, Some(&acceptance("none", None)));
    // Both are administrators of the cluster; one is named in the values.
    stage.may_not(FLUX, &CREATE, Some(&acceptance("robot", Some("fabrikam"))));
    stage.may(NAMED, &CREATE, Some(&acceptance("robot", Some("fabrikam"))));
}

fn only_who_holds_the_verb_approves_and_adopts(stage: &mut Stage) {
    let prel = "partnerrelationship/fabrikam";
    let by = |stage: &Stage| stage.stands(prel, "approved-by");
    stage.chapter("approve");
    let annotate = |what: &'static str| ["annotate", prel, "--overwrite", what];
    stage.may_not("eve", &annotate("concordat.dev/approve=first"), None);
    stage.may_not(FLUX, &annotate("concordat.dev/approve=first"), None);
    stage.may("bob", &annotate("concordat.dev/approve=first"), None);
    assert_eq!(by(stage), "bob");
    stage.may("eve", &annotate("team=partners"), None);
    stage.may_not("eve", &annotate("concordat.dev/approve=second"), None);
    stage.may_not("eve", &annotate("concordat.dev/approved-by=eve"), None);
    stage.may("eve", &annotate("concordat.dev/approved-by-"), None);
    assert_eq!(by(stage), "bob");
    stage.may(NAMED, &annotate("concordat.dev/approve=second"), None);
    assert_eq!(by(stage), NAMED);
    stage.may("eve", &annotate("concordat.dev/approve-"), None);
    assert_eq!(by(stage), "");
    stage.may_not("eve", &annotate("concordat.dev/approved-by=bob"), None);
    let approved = grant("approved", &json!({ "concordat.dev/approve": "hash" }));
    stage.may_not("eve", &CREATE, Some(&approved));
    stage.may("bob", &CREATE, Some(&approved));
    assert_eq!(stage.stands("rolegrant/approved", "approved-by"), "bob");

    stage.chapter("adopt");
    stage.may_not("eve", &annotate("concordat.dev/adopt-from=cli/msp/fabrikam"), None);
    let adopted =
        relationship("adopted", &json!({ "concordat.dev/adopt-from": "cli/msp/adopted" }));
    stage.may_not("eve", &CREATE, Some(&adopted));
    stage.may("bob", &CREATE, Some(&adopted));
    stage.may("eve", &annotate("concordat.dev/adopt-from-"), None);
}

fn the_operator_writes_finalizers_and_status_only(stage: &mut Stage) {
    stage.chapter("the operator");
    let held = json!({ "metadata": { "finalizers": ["concordat.dev/revoke"] } });
    for object in ["PartnerRelationship/fabrikam", "RoleGrant/flux", "RoleGrant/approved"] {
        assert!(stage.operator_patches(object, "", &held), "{}", stage.told);
    }
    let (approve, by) = ("concordat.dev/approve", "concordat.dev/approved-by");
    let used = json!({ "metadata": { "annotations": { approve: null, by: null } } });
    assert!(stage.operator_patches("RoleGrant/approved", "", &used), "{}", stage.told);
    assert_eq!(stage.stands("rolegrant/approved", "approve"), "");
    let status = json!({ "status": { "observedGeneration": 1 } });
    for object in ["PartnerRelationship/fabrikam", "RoleGrant/flux", "AgreementAcceptance/a"] {
        assert!(stage.operator_patches(object, "/status", &status), "{}", stage.told);
    }
    for other in [
        json!({ "spec": { "suspend": true } }),
        json!({ "metadata": { "annotations": { "concordat.dev/approve": "first" } } }),
        json!({ "metadata": { "annotations": { "concordat.dev/requested-by": null } } }),
        json!({ "metadata": { "labels": { "tier": "standard" } } }),
    ] {
        let object = "PartnerRelationship/fabrikam";
        assert!(!stage.operator_patches(object, "", &other), "{}", stage.told);
    }
    assert!(!stage.operator_patches("AgreementAcceptance/a", "", &held), "{}", stage.told);
}

fn what_is_being_deleted_can_go_and_can_be_approved(stage: &mut Stage) {
    stage.chapter("what is being deleted");
    let (grant, approve) = ("rolegrant/approved", "concordat.dev/approve=batch");
    stage.may("ada", &["delete", grant, "--wait=false"], None);
    let annotate = ["annotate", grant, "--overwrite", approve];
    stage.may_not("eve", &annotate, None);
    stage.may("bob", &annotate, None);
    assert_eq!(stage.stands(grant, "approved-by"), "bob");
    only_the_operator_says_who_deleted_it(stage);
    let status = json!({ "status": { "observedGeneration": 2 } });
    assert!(stage.operator_patches("RoleGrant/approved", "/status", &status), "{}", stage.told);
    let released = json!({ "metadata": { "finalizers": null } });
    assert!(stage.operator_patches("RoleGrant/approved", "", &released), "{}", stage.told);
    stage.cluster.wait(MSP, grant, "delete");
}

fn only_the_operator_says_who_deleted_it(stage: &mut Stage) {
    let (grant, deleted) = ("rolegrant/approved", "deleted-by");
    let claim = |who: &str| format!("concordat.dev/{deleted}={who}");
    let claimed = json!({ "concordat.dev/deleted-by": "bob" });
    stage.may_not("ada", &CREATE, Some(&self::grant("claimed", &claimed)));
    stage.may_not("ada", &["annotate", grant, &claim("bob")], None);
    let stamp = json!({ "metadata": { "annotations": { "concordat.dev/deleted-by": "ada" } } });
    assert!(stage.operator_patches("RoleGrant/approved", "", &stamp), "{}", stage.told);
    stage.may_not("ada", &["annotate", grant, "--overwrite", &claim("bob")], None);
    stage.may_not(NAMED, &["annotate", grant, "--overwrite", &claim("bob")], None);
    stage.may("ada", &["annotate", grant, &format!("concordat.dev/{deleted}-")], None);
    assert_eq!(stage.stands(grant, deleted), "ada");
}

#[test]
fn a_server_of_the_version_before_takes_the_policy_that_stamps_as_well() {
    let served = "--runtime-config=admissionregistration.k8s.io/v1beta1=true".to_owned();
    let cluster = Cluster::start(Options { audit_policy: None, api_server_flags: vec![served] });
    let values = Place::new();
    let beta = "policies: {mutatingApiVersion: admissionregistration.k8s.io/v1beta1}\n";
    let rendered = Helm::Four.template(&values.write("values.yaml", beta));
    assert_eq!(rendered.code, Some(0), "{}", rendered.stderr);
    let stamps: Vec<String> = objects(&rendered.stdout)
        .iter()
        .filter(|object| object["kind"].as_str().unwrap().starts_with("MutatingAdmission"))
        .map(ToString::to_string)
        .collect();
    assert_eq!(stamps.len(), 2);
    for object in &stamps {
        assert!(object.contains("admissionregistration.k8s.io/v1beta1"), "{object}");
        for how in [&["--dry-run=server"][..], &["--dry-run=server", "--server-side"]] {
            let apply = [&["apply", "--validate=strict", "-f", "-"][..], how].concat();
            let taken = cluster.kubectl_with(&apply, object);
            let said = String::from_utf8(taken.stderr).unwrap();
            assert!(taken.status.success(), "{said}");
        }
    }
}
