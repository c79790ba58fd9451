//! `cluster:` as a store to read: what `diff` says with a token that may only look is what the operator then does.
//!
//! Never: an answer where something could not be read.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use concordat::domain::{
    change::{Change, Effect},
    entry::{EntryKind, Recorded},
    state::Uid,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Site, acceptance, boundary, grant, offer, relationship, until};
use crate::{
    cluster::{Cluster, access::As, program},
    program::{BINARY, Ran, finished},
};

const KINDS: &str = "partneroffers.concordat.dev,partnerrelationships.concordat.dev,\
rolegrants.concordat.dev,agreementacceptances.concordat.dev,partnerboundaries.concordat.dev";

/// A kubeconfig of a service account that may read these kinds and the Lease, and nothing else.
fn reader(cluster: &Cluster, namespace: &str, kinds: &str) -> PathBuf {
    let account = format!("--serviceaccount={namespace}:reader");
    let role = format!("{namespace}-reader");
    let role_flag = format!("--clusterrole={role}");
    cluster.said(&["create", "serviceaccount", "reader", "-n", namespace]);
    let resource = format!("--resource={kinds}");
    cluster.said(&["create", "clusterrole", &role, "--verb=get,list", &resource]);
    cluster.said(&["create", "clusterrolebinding", &role, &role_flag, &account]);
    let lease =
        ["--verb=get", "--resource=leases.coordination.k8s.io", "--resource-name=concordat"];
    let system = ["-n", "concordat-system"];
    cluster.said(&[&["create", "role", &role][..], &lease, &system].concat());
    let role_flag = format!("--role={role}");
    cluster.said(&[&["create", "rolebinding", &role, &role_flag, &account][..], &system].concat());
    let token = cluster.service_account_token(namespace, "reader");
    cluster.kubeconfig_of(&format!("{namespace}-reader"), As::Token(&token))
}

pub fn concordat(cluster: &Cluster, kubeconfig: &Path, words: &[&str], input: &str) -> Ran {
    let mut command = Command::new(BINARY);
    cluster.prepare(&mut command);
    command.env("KUBECONFIG", kubeconfig).args(words).args(["--store", "cluster:"]);
    finished(command, input.as_bytes())
}

/// What of an effect does not depend on who makes it, and when.
fn essence(relationship: &str, effect: &Effect) -> Value {
    let mut effect = effect.clone();
    match &mut effect {
        Effect::Invite { uid, .. } | Effect::Adopt { uid, .. } => *uid = Uid::of_file(),
        Effect::SetRoles { before, after, .. } => {
            for state in [before, after] {
                state.contributions.iter_mut().for_each(|(_, given)| given.uid = Uid::of_file());
            }
        }
        Effect::Authorise { acceptance, .. } | Effect::Decline { acceptance } => {
            let person = &mut acceptance.accepted_by;
            for text in [&mut person.first_name, &mut person.last_name, &mut person.email] {
                text.clear();
            }
            person.phone_number = None;
        }
        Effect::Withdraw { .. }
        | Effect::SetAutoExtend { .. }
        | Effect::DropGlobalAdministrator { .. }
        | Effect::Extend { .. }
        | Effect::Claim { .. }
        | Effect::SetPolicies { .. }
        | Effect::Rename { .. }
        | Effect::Terminate { .. }
        | Effect::Expire { .. }
        | Effect::RecordAcceptance { .. }
        | Effect::Recognise { .. }
        | Effect::SetBoundary { .. } => {}
    }
    json!([relationship, effect])
}

/// What the store did about rows of a namespace after an entry of its ledger.
fn done(site: &Site, namespace: &str, after: i64) -> BTreeSet<String> {
    let (_, text) = site.concordat(&["ledger", "export"]);
    let entries = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    entries
        .filter(|entry| entry["sequence"].as_i64().is_some_and(|sequence| sequence > after))
        .filter(|entry| entry["subject"].as_str().is_some_and(|name| name.starts_with(namespace)))
        .filter(|entry| {
            serde_json::from_value::<EntryKind>(entry["kind"].clone()).unwrap().is_effect()
        })
        .map(|entry| {
            let recorded = Recorded::read(&entry["payload"]).unwrap();
            essence(entry["subject"].as_str().unwrap(), &recorded.effect).to_string()
        })
        .collect()
}

fn head(site: &Site) -> i64 {
    let (_, text) = site.concordat(&["ledger", "export"]);
    let entries = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    entries.filter_map(|entry| entry["sequence"].as_i64()).max().unwrap_or(0)
}

/// What a plan in JSON would do.
fn planned(text: &str) -> BTreeSet<String> {
    let document: Value = serde_json::from_str(text).unwrap();
    let changes: Vec<Change> = serde_json::from_value(document["changes"].clone()).unwrap();
    let line = |change: &Change| {
        essence(&change.subject.relationship.as_ref().unwrap().name, &change.effect).to_string()
    };
    changes.iter().map(line).collect()
}

/// Waits until the operator has reported on every object of the namespace as it is.
fn settled(site: &Site, namespace: &str) {
    until("every status is current", || {
        let kinds = "partnerrelationships,rolegrants,agreementacceptances";
        let text = site.cluster.said(&["get", kinds, "-n", namespace, "-o", "json"]);
        let list: Value = serde_json::from_str(&text).unwrap();
        let current = |object: &Value| {
            let ready = super::condition(&object["status"], "Ready");
            object["status"]["observedGeneration"] == object["metadata"]["generation"]
                && (ready["status"] == "True" || ready["reason"] == "WaitingForCustomer")
        };
        list["items"].as_array().unwrap().iter().all(current).then_some(())
    });
}

#[test]
fn what_diff_says_with_a_token_that_may_only_look_is_what_the_operator_then_does() {
    let site = Site::shared();
    let namespace = site.namespace("looks");
    let kubeconfig = reader(&site.cluster, &namespace, KINDS);
    site.active(&namespace, "acme", "");
    site.active(&namespace, "delta", "");
    site.cluster.apply(&relationship(&namespace, "beta", ""));
    let first = grant(&namespace, "first", "acme", 1, "");
    let second = grant(&namespace, "second", "acme", 2, "notAfter: \"2027-01-01T00:00:00.5Z\"");
    site.cluster.apply(&format!("{first}---\n{second}"));
    for name in ["first", "second"] {
        site.cluster.wait(&namespace, &format!("rolegrant/{name}"), "condition=InForce");
    }
    let beta = "partnerrelationship/beta";
    let awaits = "jsonpath={.status.conditions[?(@.type=='Ready')].reason}=WaitingForCustomer";
    site.cluster.wait(&namespace, beta, awaits);
    settled(site, &namespace);
    let digest = site.field(&namespace, beta, "/status/invitation/digest");

    let diff = |words: &[&str], input: &str| {
        let words = [&["diff", "-f", "-"][..], words].concat();
        until("the operator has seen everything", || {
            let ran = concordat(&site.cluster, &kubeconfig, &words, input);
            (!ran.stderr.contains("[C0618]")).then_some(ran)
        })
    };
    let at_rest = diff(&[], &format!("{first}---\n{second}"));
    assert_eq!(at_rest.code, Some(0), "{at_rest:?}");
    assert!(at_rest.stderr.contains("as the operator had observed it at "), "{at_rest:?}");

    // A role more, a shorter window, other groups, an answer, a relationship that nobody has seen, and one that moves to
    // an offer of fewer roles.
    let less = offer(&namespace)
        .replace("helpdesk", "less")
        .replace(", Service Support Administrator", "");
    let moved = relationship(&namespace, "delta", "").replace("helpdesk", "less");
    let input = [
        first.replace(
            "[Message Center Reader]",
            "[Message Center Reader, Service Support Administrator]",
        ),
        second.replace("2027-01-01", "2026-12-24"),
        grant(&namespace, "third", "acme", 3, ""),
        grant(&namespace, "fourth", "beta", 4, ""),
        acceptance(&namespace, "beta", digest.as_str().unwrap()),
        relationship(&namespace, "gamma", ""),
        less,
        moved,
    ]
    .join("---\n");
    let ran = diff(&["-o", "json"], &input);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("limits are not looked at"), "{ran:?}");
    let (expected, before) = (planned(&ran.stdout), head(site));
    println!("{} changes", expected.len());
    assert_eq!(expected.len(), 7, "{expected:#?}");

    site.cluster.apply(&input);
    for object in ["rolegrant/first", "rolegrant/third", "rolegrant/fourth"] {
        site.cluster.wait(&namespace, object, "condition=InForce");
    }
    site.cluster.wait(&namespace, "partnerrelationship/gamma", awaits);
    until("all of it is done", || {
        done(site, &namespace, before).is_superset(&expected).then_some(())
    });
    settled(site, &namespace);
    let made = done(site, &namespace, before);
    assert_eq!(made, expected);
    let after = diff(&[], &input);
    assert_eq!(after.code, Some(0), "{after:?}");

    let grants = concordat(&site.cluster, &kubeconfig, &["get", "grants", "-n", &namespace], "");
    let (_, from_store) = site.concordat(&["get", "grants", "-n", &namespace]);
    assert_eq!(grants.stdout, from_store);
}

#[test]
fn as_a_plugin_of_kubectl_it_takes_the_usual_flags() {
    let site = Site::shared();
    let namespace = site.namespace("plugin");
    let kubeconfig = reader(&site.cluster, &namespace, KINDS);
    site.active(&namespace, "acme", "");
    settled(site, &namespace);
    let folder = tempfile::tempdir().unwrap();
    symlink(BINARY, folder.path().join("kubectl-concordat")).unwrap();
    let own =
        grant(&namespace, "first", "acme", 1, "").replace(&format!(", namespace: {namespace}"), "");
    fs::write(folder.path().join("grant.yaml"), own).unwrap();
    let path = std::env::var("PATH").unwrap();
    let kubectl = |words: &[&str]| {
        let mut command = Command::new(program("kubectl"));
        command.env_clear().env("HOME", folder.path()).current_dir(folder.path());
        command.env("PATH", format!("{}:{path}", folder.path().display()));
        command.arg("concordat").args(words);
        finished(command, b"")
    };
    let kubeconfig = kubeconfig.display().to_string();
    let flags = ["--kubeconfig", &kubeconfig, "--context", "tests", "-n", &namespace];
    let ran = until("the operator has seen everything", || {
        let ran = kubectl(&[&["diff", "-f", "grant.yaml"][..], &flags].concat());
        (!ran.stderr.contains("[C0618]")).then_some(ran)
    });
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("Message Center Reader"), "{ran:?}");

    let usage = kubectl(&["diff", "--help"]);
    assert!(usage.stdout.contains("Usage: kubectl concordat diff"), "{usage:?}");
    assert!(usage.stdout.contains("[default: cluster:]"), "{usage:?}");
    let write = kubectl(&["apply", "-f", "grant.yaml"]);
    assert_eq!(write.code, Some(2), "{write:?}");
    let nowhere = kubectl(&["get", "grants", "--kubeconfig", &kubeconfig, "--context", "nowhere"]);
    assert!(nowhere.stderr.contains("[C0616]"), "{nowhere:?}");
    let nobody = kubectl(&["get", "grants", "--kubeconfig", "nowhere"]);
    assert!(nobody.stderr.contains("[C0616]"), "{nobody:?}");
    let as_another = ["get", "grants", "--kubeconfig", &kubeconfig, "--as", "grace"];
    let as_another = kubectl(&as_another);
    assert!(as_another.stderr.contains("impersonate"), "{as_another:?}");
}

#[test]
fn what_cannot_be_read_is_never_read_as_empty() {
    let site = Site::shared();
    let namespace = site.namespace("blind");
    let some = KINDS.replace("rolegrants.concordat.dev,", "");
    let kubeconfig = reader(&site.cluster, &namespace, &some);
    let admin = site.cluster.kubeconfig();
    let input = grant(&namespace, "first", "acme", 1, "");
    let says = |kubeconfig: &Path, words: &[&str], code: &str, what: &str| {
        let words = [&["diff", "-f", "-"][..], words].concat();
        let ran = concordat(&site.cluster, kubeconfig, &words, &input);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{words:?}: {ran:?}");
        assert!(ran.stderr.contains(code) && ran.stderr.contains(what), "{words:?}: {ran:?}");
    };
    site.cluster.apply(&offer(&namespace));
    until("the operator has seen everything", || {
        let ran = concordat(&site.cluster, &admin, &["get", "grants"], "");
        (ran.code == Some(0)).then_some(())
    });
    says(&kubeconfig, &[], "[C0611]", "`list` on `rolegrants.concordat.dev`");
    says(&kubeconfig, &["--lease", "other"], "[C0611]", "`get` on the Lease");
    says(&admin, &["--lease", "other"], "[C0618]", "concordat-system/other");
    let lease = format!(
        "{{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {{name: old, namespace: \
         {namespace}, annotations: {{concordat.dev/observed-through: \"2026-01-01T00:00:00Z\"}}}}}}"
    );
    site.cluster.apply(&lease);
    let old = ["--lease-namespace", &namespace, "--lease", "old"];
    says(&admin, &old, "[C0619]", "more than PT15M");
    let enough = [&["get", "grants", "--max-age", "P9999D"][..], &old].concat();
    assert_eq!(concordat(&site.cluster, &admin, &enough, "").code, Some(0));
    let prune = concordat(&site.cluster, &admin, &["diff", "-f", "-", "--prune"], &input);
    assert!(prune.stderr.contains("`--prune`"), "{prune:?}");
}

#[test]
fn an_observation_from_an_hour_ago_is_used_where_that_is_allowed_and_its_age_is_told() {
    let site = Site::shared();
    let namespace = site.namespace("rested");
    site.active(&namespace, "acme", "");
    site.cluster.apply(&grant(&namespace, "first", "acme", 1, ""));
    site.cluster.wait(&namespace, "rolegrant/first", "condition=InForce");
    let admin = site.cluster.kubeconfig();
    let ago = Timestamp::now() - SignedDuration::from_hours(1);
    let lease = format!(
        "{{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {{name: rested, namespace: \
         {namespace}, annotations: {{concordat.dev/observed-through: \"{ago}\"}}}}}}"
    );
    site.cluster.apply(&lease);
    let first = grant(&namespace, "first", "acme", 1, "");
    let input = first + "---\n" + &grant(&namespace, "second", "acme", 2, "");
    let diff = |age: &str| {
        let lease = ["--lease-namespace", &namespace, "--lease", "rested", "--max-age", age];
        concordat(&site.cluster, &admin, &[&["diff", "-f", "-"][..], &lease].concat(), &input)
    };
    let used = until("the statuses are current", || {
        let ran = diff("PT2H");
        (ran.code != Some(2)).then_some(ran)
    });
    assert_eq!(used.code, Some(1), "{used:?}");
    assert!(used.stderr.contains(&format!("observed it at {ago}, 1h ")), "{used:?}");
    let gained = used.stdout.matches("+ Message Center Reader").count();
    assert_eq!(gained, 1, "what is held already is no difference: {used:?}");
    let refused = diff("PT15M");
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{refused:?}");
    assert!(refused.stderr.contains("[C0619]"), "{refused:?}");
}

#[test]
fn a_namespace_without_a_boundary_and_a_broken_input_are_told() {
    let site = Site::shared();
    let namespace = site.cluster.namespace("outside");
    let admin = site.cluster.kubeconfig();
    let diff = |input: &str| {
        until("the operator has seen everything", || {
            let ran = concordat(&site.cluster, &admin, &["diff", "-f", "-"], input);
            (!ran.stderr.contains("[C0618]")).then_some(ran)
        })
    };
    let input = offer(&namespace) + "---\n" + &relationship(&namespace, "acme", "");
    let ran = diff(&input);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("no PartnerBoundary admits"), "{ran:?}");
    let with = diff(&(boundary(&namespace, "") + "---\n" + &input));
    assert_eq!(with.code, Some(1), "{with:?}");
    assert!(with.stdout.contains(&format!("{namespace}-acme")), "{with:?}");
    let broken = diff(&grant(&namespace, "first", "nobody", 1, ""));
    assert_eq!(broken.code, Some(1), "{broken:?}");
    assert!(broken.stderr.contains("-:") && broken.stderr.contains("nobody"), "{broken:?}");
    site.cluster.apply(&input);
    settled_at(site, &namespace, "partneroffers,partnerrelationships");
    let changed = diff(&relationship(&namespace, "acme", "").replace("-acme", "-other"));
    assert_eq!(changed.code, Some(1), "{changed:?}");
    assert!(
        changed.stderr.contains("cannot change") && changed.stderr.contains("[C0105]"),
        "{changed:?}"
    );
}

/// Waits until the operator has seen these kinds as they are.
fn settled_at(site: &Site, namespace: &str, kinds: &str) {
    until("every status is current", || {
        let text = site.cluster.said(&["get", kinds, "-n", namespace, "-o", "json"]);
        let list: Value = serde_json::from_str(&text).unwrap();
        let current = |object: &Value| {
            object["status"]["observedGeneration"] == object["metadata"]["generation"]
        };
        list["items"].as_array().unwrap().iter().all(current).then_some(())
    });
}

#[test]
fn a_cluster_without_the_definitions_is_not_an_empty_one() {
    let cluster = Cluster::own();
    let lease = "{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: concordat, \
                 namespace: default, annotations: {concordat.dev/observed-through: \
                 \"2026-01-01T00:00:00Z\"}}}";
    cluster.apply(lease);
    let words = ["get", "grants", "--lease-namespace", "default"];
    let ran = concordat(&cluster, &cluster.kubeconfig(), &words, "");
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("[C0617]"), "{ran:?}");
    cluster.kill_api_server();
    let ran = concordat(&cluster, &cluster.kubeconfig(), &words, "");
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("[C0609]"), "{ran:?}");
}
