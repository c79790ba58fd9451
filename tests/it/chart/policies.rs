//! Who may ask, accept, approve and adopt, tried by real users on a real cluster with the chart installed.
//!
//! Never: a refusal that does not say who was refused and what it takes.

use std::{fmt::Write as _, time::Instant};

use kube::{
    Api,
    api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams},
};
use serde_json::{Value, json};

use super::{Helm, NAMESPACE, RELEASE, chart, material};
use crate::{
    cluster::{Cluster, access::As},
    program::{Place, assert_file, finished},
};

const MSP: &str = "msp";
const FLUX: &str = "system:serviceaccount:flux:kustomize-controller";
const NAMED: &str = "system:serviceaccount:argocd:argocd-application-controller";

/// A cluster with the chart, people and robots.
struct Stage {
    cluster: Cluster,
    told: String,
}

impl Stage {
    fn new() -> Self {
        let cluster = Cluster::own();
        let values = Place::new();
        let values = values.write("values.yaml", format!("robots: [\"{NAMED}\"]\n"));
        let mut helm = std::process::Command::new(Helm::Four.program());
        let (chart, values) = (chart().display().to_string(), values.display().to_string());
        helm.args(["install", RELEASE, &chart, "--namespace", NAMESPACE, "--create-namespace"]);
        helm.args(["--values", &values]);
        cluster.prepare(&mut helm);
        let installed = finished(helm, b"");
        assert_eq!(installed.code, Some(0), "{}", installed.stderr);
        let definitions = ["wait", "customresourcedefinitions", "--all", "--timeout=60s"];
        cluster.said(&[&definitions[..], &["--for=condition=Established"]].concat());

        cluster.said(&["create", "namespace", MSP]);
        for namespace in ["flux", "argocd"] {
            cluster.said(&["create", "namespace", namespace]);
        }
        for (namespace, account) in
            [("flux", "kustomize-controller"), ("argocd", "argocd-application-controller")]
        {
            cluster.said(&["create", "serviceaccount", account, "-n", namespace]);
        }
        let stage = Self { cluster, told: String::new() };
        for person in ["ada", "bob", "eve"] {
            stage.bind(person, "edit");
        }
        stage.bind("ada", "concordat-acceptor");
        stage.bind("bob", "concordat-approver");
        stage.bind("bob", "concordat-adopter");
        for robot in [FLUX, NAMED] {
            let binding = format!("admin-{}", robot.rsplit(':').next().unwrap());
            let who = robot.trim_start_matches("system:serviceaccount:");
            stage.cluster.said(&[
                "create",
                "clusterrolebinding",
                &binding,
                "--clusterrole=cluster-admin",
                &format!("--serviceaccount={who}"),
            ]);
        }
        stage.wait_for_the_policies();
        stage
    }

    fn bind(&self, person: &str, role: &str) {
        let (name, role) = (format!("{person}-{role}"), format!("--clusterrole={role}"));
        let user = format!("--user={person}");
        self.cluster.said(&["create", "rolebinding", &name, &role, &user, "-n", MSP]);
    }

    /// The API server learns of a policy a moment after it is stored.
    fn wait_for_the_policies(&self) {
        let began = Instant::now();
        let forged = relationship("forged", json!({ "concordat.dev/requested-by": "somebody" }));
        let approved = relationship("approved", json!({ "concordat.dev/approve": "hash" }));
        let tries = [("eve", forged), ("eve", approved), ("eve", acceptance("early", None))];
        loop {
            let held = |(who, object): &(&str, Value)| {
                let create = ["create", "--dry-run=server", "-f", "-"];
                let answer = self.run(As::Person(who, &[]), &create, Some(object)).1;
                answer.contains("denied request")
            };
            if tries.iter().all(held) {
                return;
            }
            assert!(began.elapsed().as_secs() < 60, "the policies are not in force");
        }
    }

    /// Runs `kubectl` as somebody; whether it succeeded, and what it said.
    fn run(&self, who: As<'_>, words: &[&str], input: Option<&Value>) -> (bool, String) {
        let kubeconfig = self.cluster.kubeconfig_of("somebody", who);
        let mut command = self.cluster.kubectl_command();
        command.env("KUBECONFIG", kubeconfig).args(words).args(["-n", MSP]);
        let input = input.map(Value::to_string).unwrap_or_default();
        let ran = finished(command, input.as_bytes());
        (ran.code == Some(0), ran.stdout + &ran.stderr)
    }

    /// Runs it and tells it.
    fn tell(&mut self, who: &str, words: &[&str], input: Option<&Value>) -> bool {
        let token = self.token(who);
        let as_whom = match &token {
            Some(token) => As::Token(token),
            None => As::Person(who, &["system:authenticated"]),
        };
        let (succeeded, said) = self.run(as_whom, words, input);
        let what = words.join(" ").replace("-f -", &input.map(described).unwrap_or_default());
        self.note(who, what.trim(), succeeded, &said)
    }

    /// The token of a service account; people have none.
    fn token(&self, who: &str) -> Option<String> {
        let (namespace, name) = who.strip_prefix("system:serviceaccount:")?.split_once(':')?;
        Some(self.cluster.service_account_token(namespace, name))
    }

    fn note(&mut self, who: &str, what: &str, succeeded: bool, said: &str) -> bool {
        // What is refused is told in the words of the policy.
        let reason = said.split_once("denied request: ").map_or(said, |(_, reason)| reason).trim();
        let verdict = if succeeded { "may".to_owned() } else { format!("may not: {reason}") };
        writeln!(self.told, "{who}: {what}\n  {verdict}").unwrap();
        succeeded
    }

    /// A patch by the operator, which may not read what it patches, as `kubectl` would.
    fn operator_patches(&mut self, object: &str, part: &str, patch: &Value) -> bool {
        let operator = format!("system:serviceaccount:{NAMESPACE}:{RELEASE}");
        let token = self.token(&operator).unwrap();
        let (kind, name) = object.split_once('/').unwrap();
        let kind = GroupVersionKind::gvk("concordat.dev", "v1alpha1", kind);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answer = runtime.block_on(async {
            let client = self.cluster.client_of(As::Token(&token)).await;
            let kind = ApiResource::from_gvk(&kind);
            let objects = Api::<DynamicObject>::namespaced_with(client, MSP, &kind);
            let (how, patch) = (PatchParams::default(), Patch::Merge(patch));
            match part {
                "" => objects.patch(name, &how, &patch).await,
                _ => objects.patch_status(name, &how, &patch).await,
            }
        });
        let said = match &answer {
            Ok(_) => String::new(),
            Err(kube::Error::Api(status)) => status.message.clone(),
            Err(error) => panic!("{object}: {error}"),
        };
        self.note(&operator, &format!("patch {object}{part} {patch}"), answer.is_ok(), &said)
    }

    #[track_caller]
    fn may(&mut self, who: &str, words: &[&str], input: Option<&Value>) {
        assert!(self.tell(who, words, input), "{}", self.told);
    }

    #[track_caller]
    fn may_not(&mut self, who: &str, words: &[&str], input: Option<&Value>) {
        assert!(!self.tell(who, words, input), "{}", self.told);
        let last = self.told.lines().last().unwrap();
        assert!(last.contains(who), "{last}");
    }

    /// What stands in an annotation.
    fn stands(&self, object: &str, annotation: &str) -> String {
        let path = format!("jsonpath={{.metadata.annotations.concordat\\.dev/{annotation}}}");
        self.cluster.said(&["get", object, "-n", MSP, "-o", &path])
    }

    fn chapter(&mut self, name: &str) {
        let gap = if self.told.is_empty() { "" } else { "\n" };
        writeln!(self.told, "{gap}# {name}").unwrap();
    }
}

fn object(kind: &str, name: &str, annotations: &Value, spec: &Value) -> Value {
    let mut object = json!({
        "apiVersion": "concordat.dev/v1alpha1",
        "kind": kind,
        "metadata": { "name": name },
        "spec": spec,
    });
    if !annotations.is_null() {
        object["metadata"]["annotations"] = annotations.clone();
    }
    object
}

const CUSTOMER: &str = "bbbbcccc-1111-dddd-2222-eeee3333ffff";
const PARTNER: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";

fn relationship(name: &str, annotations: Value) -> Value {
    let spec = json!({
        "customer": { "tenantId": CUSTOMER, "displayName": "Fabrikam" },
        "displayName": name,
        "offerRef": { "name": "helpdesk" },
    });
    object("PartnerRelationship", name, &annotations, &spec)
}

fn grant(name: &str, annotations: Value) -> Value {
    let group = json!({ "id": "0f4a2b1c-7d3e-4c5b-9a8f-112233445566", "displayName": "Helpdesk" });
    let spec = json!({
        "relationshipRef": { "name": "fabrikam" },
        "grantee": { "securityGroup": group },
        "roles": ["Message Center Reader"],
    });
    object("RoleGrant", name, &annotations, &spec)
}

fn acceptance(name: &str, relationship: Option<&str>) -> Value {
    let sha256 = "ab".repeat(32);
    let mut spec = json!({
        "decision": "Accept",
        "customer": { "tenantId": CUSTOMER },
        "partner": { "tenantId": PARTNER },
        "agreement": {
            "type": "MicrosoftCustomerAgreement", "country": "US", "language": "en",
            "templateId": "117a77b0-9360-443b-8795-c6dedc750cf9", "documentSha256": sha256,
        },
        "acceptedBy": {
            "firstName": "Ada", "lastName": "Lovelace", "email": "ada@fabrikam.example",
            "role": "GlobalAdministrator",
        },
        "acceptedAt": "2026-11-16T09:00:00Z",
        "readConfirmed": true,
    });
    if let Some(name) = relationship {
        spec["relationshipRef"] = json!({ "name": name });
        spec["invitation"] = json!(sha256);
    }
    object("AgreementAcceptance", name, &Value::Null, &spec)
}

/// What is asked for, in short.
fn described(object: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut text = format!("{}/{}", word(&object["kind"]), word(&object["metadata"]["name"]));
    if object["kind"] == "AgreementAcceptance" {
        let of = object["spec"]["relationshipRef"]["name"].as_str();
        write!(text, " of {}", of.unwrap_or("an agreement alone")).unwrap();
    }
    if let Some(annotations) = object["metadata"].get("annotations") {
        write!(text, " with {annotations}").unwrap();
    }
    text
}

const CREATE: [&str; 3] = ["create", "-f", "-"];

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
    stage.may("ada", &CREATE, Some(&relationship("fabrikam", Value::Null)));
    assert_eq!(stage.stands(prel, asked), "ada");
    let forged = relationship("other", json!({ "concordat.dev/requested-by": "bob" }));
    stage.may_not("ada", &CREATE, Some(&forged));
    let own = relationship("own", json!({ "concordat.dev/requested-by": "ada" }));
    stage.may("ada", &CREATE, Some(&own));
    let claimed = format!("concordat.dev/{asked}=bob");
    stage.may_not("bob", &["annotate", prel, "--overwrite", &claimed], None);
    let dropped = format!("concordat.dev/{asked}-");
    stage.may("bob", &["annotate", prel, &dropped], None);
    assert_eq!(stage.stands(prel, asked), "ada");

    stage.chapter("who asked, by server-side apply");
    let apply = ["apply", "--server-side", "--field-manager=flux", "-f", "-"];
    stage.may("ada", &apply, Some(&relationship("applied", json!({ "team": "a" }))));
    let applied = "partnerrelationship/applied";
    assert_eq!(stage.stands(applied, asked), "ada");
    stage.may("bob", &apply, Some(&relationship("applied", Value::Null)));
    assert_eq!(stage.stands(applied, asked), "ada");
    let force = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    let forged = relationship("applied", json!({ "concordat.dev/requested-by": "bob" }));
    stage.may_not("bob", &force, Some(&forged));
    let right = relationship("applied", json!({ "concordat.dev/requested-by": "ada" }));
    stage.may("bob", &force, Some(&right));
    // Whoever owned the field and gives it up removes it: it comes back.
    stage.may("bob", &force, Some(&relationship("applied", Value::Null)));
    assert_eq!(stage.stands(applied, asked), "ada");
    stage.may("bob", &["replace", "-f", "-"], Some(&relationship("applied", Value::Null)));
    assert_eq!(stage.stands(applied, asked), "ada");

    stage.chapter("who asked, by a robot");
    stage.may(FLUX, &CREATE, Some(&grant("flux", Value::Null)));
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
    let approved = grant("approved", json!({ "concordat.dev/approve": "hash" }));
    stage.may_not("eve", &CREATE, Some(&approved));
    stage.may("bob", &CREATE, Some(&approved));
    assert_eq!(stage.stands("rolegrant/approved", "approved-by"), "bob");

    stage.chapter("adopt");
    stage.may_not("eve", &annotate("concordat.dev/adopt-from=cli/msp/fabrikam"), None);
    let adopted = relationship("adopted", json!({ "concordat.dev/adopt-from": "cli/msp/adopted" }));
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
    let status = json!({ "status": { "observedGeneration": 1 } });
    for object in ["PartnerRelationship/fabrikam", "RoleGrant/flux", "AgreementAcceptance/a"] {
        assert!(stage.operator_patches(object, "/status", &status), "{}", stage.told);
    }
    for other in [
        json!({ "spec": { "suspend": true } }),
        json!({ "metadata": { "annotations": { "concordat.dev/approve": "first" } } }),
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
    let status = json!({ "status": { "observedGeneration": 2 } });
    assert!(stage.operator_patches("RoleGrant/approved", "/status", &status), "{}", stage.told);
    let released = json!({ "metadata": { "finalizers": null } });
    assert!(stage.operator_patches("RoleGrant/approved", "", &released), "{}", stage.told);
    stage.cluster.wait(MSP, grant, "delete");
}
