//! What `concordat crd` prints, applied to a real server: served, explained, listed, selected, defaulted and guarded.
//!
//! Never: a column or a field selector that nobody tried.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    cluster::Cluster,
    program::{Place, assert_file, root},
    verdict::good::{acceptance, boundary, grant, offer, relationship},
};

/// Good objects of every kind in a namespace of their own. The boundary is named after it, since it has none.
fn applied(cluster: &Cluster, hint: &str) -> (String, Vec<Value>) {
    let namespace = cluster.namespace(hint);
    let mut objects = [offer(), relationship(), grant(), acceptance(), boundary()];
    for object in &mut objects {
        object["metadata"]["namespace"] = json!(namespace);
    }
    let boundary = objects[4]["metadata"].as_object_mut().unwrap();
    boundary.remove("namespace");
    boundary.insert("name".to_owned(), json!(namespace));
    let documents: Vec<_> = objects.iter().map(Value::to_string).collect();
    cluster.apply(&documents.join("\n---\n"));
    (namespace, objects.to_vec())
}

#[test]
fn what_the_program_prints_is_accepted_without_a_warning() {
    let cluster = Cluster::own();
    let printed = Place::new().run(&["crd"]);
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    let output = cluster.kubectl_with(&["apply", "--server-side", "-f", "-"], &printed.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
    let all = "customresourcedefinitions";
    for condition in ["Established", "NamesAccepted"] {
        let what = format!("--for=condition={condition}");
        cluster.said(&["wait", &what, all, "--all", "--timeout=60s"]);
    }
    let crds = cluster.said(&["get", all, "-o", "json"]);
    let crds: Value = serde_json::from_str(&crds).unwrap();
    assert_eq!(crds["items"].as_array().unwrap().len(), 5);
    for crd in crds["items"].as_array().unwrap() {
        let conditions = crd["status"]["conditions"].as_array().unwrap();
        for condition in conditions {
            let good = matches!(condition["type"].as_str(), Some("Established" | "NamesAccepted"));
            assert!(good && condition["status"] == "True", "{condition}");
        }
    }
}

#[test]
fn every_field_is_explained() {
    let cluster = Cluster::shared();
    for (kind, schema) in crate::crds::schemas() {
        let plural = schemas_plural(&kind);
        // The server publishes what it explains a moment after it takes the first object.
        let text = crate::operator::until("the kind is explained", || {
            let output = cluster.kubectl(&["explain", &format!("{plural}.spec"), "--recursive"]);
            output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
        });
        for name in schema["properties"]["spec"]["properties"].as_object().unwrap().keys() {
            assert!(text.contains(&format!("\n  {name}\t")), "{kind}: {name}:\n{text}");
        }
    }
    let grantee = cluster.said(&["explain", "rgrant.spec.grantee.securityGroup.id"]);
    assert!(grantee.contains("This alone decides who is meant."), "{grantee}");
}

fn schemas_plural(kind: &str) -> String {
    let crds = concordat::api::crds().into_iter();
    crds.map(|crd| crd.spec.names).find(|names| names.kind == kind).unwrap().plural
}

#[test]
fn objects_are_listed_with_their_columns_by_short_name_and_by_category() {
    let cluster = Cluster::shared();
    let (namespace, _) = applied(cluster, "columns");
    let statuses = [
        (
            "prel",
            r#"{"lifecycle":"Active","endsAt":"2027-11-21T10:00:00Z","invitation":{"link":"https://x","digest":"d"}}"#,
        ),
        (
            "rgrant",
            r#"{"expiresAt":"2027-01-01T00:00:00Z","roles":[{"id":"1","name":"A"},{"id":"2","name":"B"}]}"#,
        ),
    ];
    for (kind, status) in statuses {
        let patch = format!(r#"{{"status":{status}}}"#);
        let place = ["patch", kind, "sample", "-n", &namespace, "--subresource=status"];
        cluster.said(&[&place[..], &["--type=merge", "-p", &patch]].concat());
    }
    let mut tables = String::new();
    for short in ["poffer", "prel", "rgrant", "accept", "pbound"] {
        for wide in [&[][..], &["-o", "wide"]] {
            let of_cluster = short == "pbound";
            let mut words = vec!["get", short];
            words.extend(if of_cluster { [&namespace, ""] } else { ["-n", &namespace] });
            words.retain(|word| !word.is_empty());
            words.extend(wide);
            let table = cluster.said(&words);
            tables.push_str(
                &format!("$ kubectl get {short} {}\n", wide.join(" ")).replace(" \n", "\n"),
            );
            tables.push_str(&without_age(&table).replace(&namespace, "NAMESPACE"));
            tables.push('\n');
        }
    }
    assert_file(&root().join("tests/it/real_crds/columns.txt"), &tables);
    let all = cluster.said(&["get", "concordat", "-n", &namespace, "-o", "name"]);
    for name in ["partneroffer", "partnerrelationship", "rolegrant", "agreementacceptance"] {
        assert!(all.contains(&format!("{name}.concordat.dev/sample")), "{all}");
    }
    assert!(all.contains(&format!("partnerboundary.concordat.dev/{namespace}")), "{all}");
}

/// The table with `0s` for every age, and columns that do not depend on the width of one.
fn without_age(table: &str) -> String {
    let header = table.lines().next().unwrap();
    let begins = |at: &usize| {
        let before = &header[..*at];
        !header[*at..].starts_with(' ') && (before.is_empty() || before.ends_with("  "))
    };
    let mut starts: Vec<_> = (0..header.len()).filter(begins).collect();
    starts.push(usize::MAX);
    let rows = table.lines().map(|line| {
        let cells = starts.windows(2).map(|pair| {
            let end = pair[1].min(line.len());
            let cell = line.get(pair[0].min(end)..end).unwrap_or_default().trim();
            let seconds = cell.strip_suffix('s').and_then(|number| number.parse::<u32>().ok());
            if seconds.is_some() { "0s" } else { cell }
        });
        cells.collect::<Vec<_>>().join(" | ") + "\n"
    });
    rows.collect()
}

#[test]
fn every_selectable_field_selects() {
    let cluster = Cluster::shared();
    let (namespace, objects) = applied(cluster, "selectors");
    let lifecycle = r#"{"status":{"lifecycle":"Active"}}"#;
    let patch = ["patch", "prel", "sample", "-n", &namespace, "--subresource=status"];
    cluster.said(&[&patch[..], &["--type=merge", "-p", lifecycle]].concat());
    let of_kind: BTreeMap<_, _> =
        objects.iter().map(|object| (object["kind"].as_str().unwrap(), object)).collect();
    let mut tried = 0;
    for crd in concordat::api::crds() {
        let object = of_kind[crd.spec.names.kind.as_str()];
        for field in crd.spec.versions[0].selectable_fields.iter().flatten() {
            let path = field.json_path.trim_start_matches('.');
            let value = match object.pointer(&format!("/{}", path.replace('.', "/"))) {
                Some(value) => value.as_str().unwrap(),
                None if path == "status.lifecycle" => "Active",
                None => "",
            };
            let found = |value: &str| {
                let (kind, selector) = (&crd.spec.names.plural, format!("{path}={value}"));
                let words =
                    ["get", kind, "-n", &namespace, "--field-selector", &selector, "-o", "name"];
                cluster.said(&words)
            };
            let name = object["metadata"]["name"].as_str().unwrap();
            assert!(found(value).contains(&format!("/{name}\n")), "{path}={value}");
            assert_eq!(found("nothing-has-this"), "", "{path}");
            tried += 1;
        }
    }
    assert_eq!(tried, 13);
}

#[test]
fn a_status_that_nobody_wrote_says_so_and_keeps_to_itself() {
    let cluster = Cluster::shared();
    let (namespace, objects) = applied(cluster, "status");
    for object in &objects {
        let (kind, name) = (object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str());
        let place = [kind, name.unwrap(), "-n", &namespace];
        let is = || -> Value {
            let text = cluster.said(&[&["get"][..], &place, &["-o", "json"]].concat());
            serde_json::from_str(&text).unwrap()
        };
        let unseen = |status: &Value| {
            assert_eq!(status["observedGeneration"], -1, "{kind}");
            let ready = &status["conditions"][0];
            let told = ["type", "status", "reason"].map(|name| ready[name].as_str().unwrap());
            assert_eq!(told, ["Ready", "Unknown", "Pending"], "{kind}");
        };
        unseen(&is()["status"]);

        // Somebody applies a part of the status: the rest stays as it is by default.
        let mut part = json!({ "apiVersion": object["apiVersion"], "kind": kind, "metadata": object["metadata"] });
        part["status"]["conditions"] = json!([{
            "type": "Other", "status": "True", "reason": "Tried", "message": "",
            "lastTransitionTime": "2026-11-21T10:00:00Z",
        }]);
        let words =
            ["apply", "--server-side", "--subresource=status", "--field-manager=part", "-f", "-"];
        let output = cluster.kubectl_with(&words, &part.to_string());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let status = is()["status"].clone();
        assert_eq!(status["observedGeneration"], -1, "{kind}");
        assert_eq!(status["conditions"].as_array().unwrap().len(), 2, "{kind}: {status}");

        // What is written to one door does not come in by the other.
        let before = is();
        let patch = |door: &[&str], patch: &Value| {
            let text = patch.to_string();
            cluster.said(&[&["patch"][..], &place, &["--type=merge", "-p", &text], door].concat());
        };
        let label = json!({ "metadata": { "labels": { "team": "a" } } });
        patch(&["--subresource=status"], &json!({ "spec": { "suspend": true, "customer": null } }));
        patch(&["--subresource=status"], &label);
        let after = is();
        assert_eq!(after["spec"], before["spec"], "{kind}");
        assert_eq!(after["metadata"]["generation"], 1, "{kind}");
        patch(&[], &json!({ "status": { "observedGeneration": 7 } }));
        assert_eq!(is()["status"]["observedGeneration"], -1, "{kind}");
    }

    let suspend = r#"{"spec":{"suspend":true}}"#;
    let grant = ["rgrant", "sample", "-n", &namespace];
    cluster.said(&[&["patch"][..], &grant, &["--type=merge", "-p", suspend]].concat());
    let now = cluster.said(&[&["get"][..], &grant, &["-o", "json"]].concat());
    let now: Value = serde_json::from_str(&now).unwrap();
    assert_eq!(now["metadata"]["generation"], 2);
    assert_eq!(now["status"]["observedGeneration"], -1);
}

#[test]
fn what_cannot_change_is_refused_in_the_words_of_its_rule() {
    let cluster = Cluster::shared();
    let (namespace, _) = applied(cluster, "transitions");
    let cases = [
        (
            "poffer",
            r#"{"spec":{"cloud":"USGovL4"}}"#,
            "the partner's `tenantId`, `type` and `cloud` of an offer cannot change",
        ),
        (
            "poffer",
            r#"{"spec":{"duration":"P1D"}}"#,
            "`roles`, `tasks` and `duration` of an offer cannot change",
        ),
        (
            "prel",
            r#"{"spec":{"displayName":"other"}}"#,
            "the customer's `tenantId` and the `displayName` of a relationship cannot change",
        ),
        (
            "accept",
            r#"{"spec":{"acceptedAt":"2026-01-01T00:00:00Z"}}"#,
            "an acceptance is a fact and cannot change",
        ),
    ];
    for (kind, patch, expected) in cases {
        let output = cluster.kubectl(&[
            "patch",
            kind,
            "sample",
            "-n",
            &namespace,
            "--type=merge",
            "-p",
            patch,
        ]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(expected), "{kind}: {said}");
    }
    let turned = r#"{"spec":{"roles":["Helpdesk Administrator","User Administrator"]}}"#;
    cluster.said(&["patch", "poffer", "sample", "-n", &namespace, "--type=merge", "-p", turned]);
    for (kind, mended) in [
        ("poffer", r#"{"spec":{"partner":{"displayName":"Contoso Care"}}}"#),
        ("prel", r#"{"spec":{"customer":{"displayName":"Fabrikam Europe SE"}}}"#),
    ] {
        cluster.said(&["patch", kind, "sample", "-n", &namespace, "--type=merge", "-p", mended]);
    }
}

#[test]
fn the_field_never_takes_an_object_that_nobody_saw_for_current() {
    use crate::cluster::kstatus::{Status, kstatus};
    let cluster = Cluster::shared();
    let (namespace, objects) = applied(cluster, "unseen");
    let stored: Vec<Value> = objects
        .iter()
        .map(|object| {
            let (kind, name) =
                (object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str());
            let text = cluster.said(&["get", kind, name.unwrap(), "-n", &namespace, "-o", "json"]);
            serde_json::from_str(&text).unwrap()
        })
        .collect();
    for (object, (status, message)) in stored.iter().zip(kstatus(&stored)) {
        assert_eq!(status, Status::InProgress, "{}: {message}", object["kind"]);
    }
}
