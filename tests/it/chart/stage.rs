//! A cluster with the chart, people and robots, and an account of who tried what there.
//!
//! Never: a refusal of the API server told in other words than its own.

use std::{fmt::Write as _, process::Command, time::Instant};

use kube::{
    Api,
    api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams},
};
use serde_json::{Value, json};

use super::{Helm, NAMESPACE, RELEASE, chart};
use crate::{
    cluster::{Cluster, access::As},
    program::{Place, finished},
};

pub const MSP: &str = "msp";
pub const FLUX: &str = "system:serviceaccount:flux:kustomize-controller";
pub const NAMED: &str = "system:serviceaccount:argocd:argocd-application-controller";

/// A cluster with the chart, people and robots.
pub struct Stage {
    pub cluster: Cluster,
    /// Who tried what, and what became of it.
    pub told: String,
}

impl Stage {
    pub fn new() -> Self {
        let cluster = Cluster::own();
        let values = Place::new();
        let values = values.write("values.yaml", format!("robots: [\"{NAMED}\"]\n"));
        let mut helm = Command::new(Helm::Four.program());
        let (chart, values) = (chart().display().to_string(), values.display().to_string());
        helm.args(["install", RELEASE, &chart, "--namespace", NAMESPACE, "--create-namespace"]);
        helm.args(["--values", &values]);
        cluster.prepare(&mut helm);
        let installed = finished(helm, b"");
        assert_eq!(installed.code, Some(0), "{}", installed.stderr);
        cluster.until_served();

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
        let forged = relationship("forged", &json!({ "concordat.dev/requested-by": "somebody" }));
        let approved = relationship("approved", &json!({ "concordat.dev/approve": "hash" }));
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
    pub fn operator_patches(&mut self, object: &str, part: &str, patch: &Value) -> bool {
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
    pub fn may(&mut self, who: &str, words: &[&str], input: Option<&Value>) {
        assert!(self.tell(who, words, input), "{}", self.told);
    }

    #[track_caller]
    pub fn may_not(&mut self, who: &str, words: &[&str], input: Option<&Value>) {
        assert!(!self.tell(who, words, input), "{}", self.told);
        let last = self.told.lines().last().unwrap();
        assert!(last.contains(who), "{last}");
    }

    /// What stands in an annotation.
    pub fn stands(&self, object: &str, annotation: &str) -> String {
        let path = format!("jsonpath={{.metadata.annotations.concordat\\.dev/{annotation}}}");
        self.cluster.said(&["get", object, "-n", MSP, "-o", &path])
    }

    pub fn chapter(&mut self, name: &str) {
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

pub fn relationship(name: &str, annotations: &Value) -> Value {
    let spec = json!({
        "customer": { "tenantId": CUSTOMER, "displayName": "Fabrikam" },
        "displayName": name,
        "offerRef": { "name": "helpdesk" },
    });
    object("PartnerRelationship", name, annotations, &spec)
}

pub fn grant(name: &str, annotations: &Value) -> Value {
    let group = json!({ "id": "0f4a2b1c-7d3e-4c5b-9a8f-112233445566", "displayName": "Helpdesk" });
    let spec = json!({
        "relationshipRef": { "name": "fabrikam" },
        "grantee": { "securityGroup": group },
        "roles": ["Message Center Reader"],
    });
    object("RoleGrant", name, annotations, &spec)
}

pub fn acceptance(name: &str, relationship: Option<&str>) -> Value {
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

pub const CREATE: [&str; 3] = ["create", "-f", "-"];
