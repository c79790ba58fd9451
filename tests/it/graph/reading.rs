//! What stands at Microsoft, read by the program: `doctor`, `import`, and every answer that could deceive.
//!
//! Never: a fault of the service after which a file or a list looks whole.

use concordat::{render::checks::ChecksDocument, store::graph::everything};
use serde_json::{Value, json};

use super::{folder, harmless, reader, refuse, rule, stage};
use crate::{
    emulator::served::{ROOT, Served, assignment, wish},
    program::{Ran, finished},
};

const STORE: &str = "graph:emulator/graph.yaml";
const ASSIGNMENTS: &str = "/tenantRelationships/delegatedAdminRelationships/*/accessAssignments";
const HELPDESK: &str = "729827e3-9c14-49f7-bb1b-9608f156bbb8";

fn import(served: &Served, more: &[&str]) -> Ran {
    let words = ["import", "--store", STORE, "-o", "out"];
    let ran = served.place.run(&[&words, more].concat());
    harmless(served, &format!("{}{}", ran.stdout, ran.stderr));
    ran
}

fn doctor(served: &Served) -> Ran {
    let ran = served.place.run(&["doctor", "--store", STORE]);
    harmless(served, &format!("{}{}", ran.stdout, ran.stderr));
    ran
}

fn exists(served: &Served, name: &str) -> bool {
    served.place.path().join(name).exists()
}

fn text(served: &Served, name: &str) -> String {
    std::fs::read_to_string(served.place.path().join(name)).unwrap()
}

#[tokio::test]
async fn what_a_partner_has_becomes_sound_files_and_nothing_is_written_there() {
    let (served, _) = stage().await;
    let ran = import(&served, &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("7 relationships read, "), "{}", ran.stdout);
    for told in ["fabrikam-draft", "whoever-answers", "wide-by-provider", "adventure-old"] {
        assert!(ran.stderr.contains(told), "{told}: {}", ran.stderr);
    }
    let northwind = text(&served, "out/customers/northwind-traders.yaml");
    assert!(northwind.contains("concordat.dev/adopt-from: graph/"), "{northwind}");
    assert!(northwind.contains("managementPolicy: Observe"), "{northwind}");
    let grants = text(&served, "out/grants.yaml");
    for held in ["Message Center Reader", "Service Support Administrator", "Global Administrator"] {
        assert!(grants.contains(held), "{held}: {grants}");
    }
    let checked = served.place.run(&["validate", "-f", "out"]);
    assert_eq!(checked.code, Some(0), "{}{}", checked.stdout, checked.stderr);
    assert_eq!(
        served.count("calls", "GET /tenantRelationships/delegatedAdminRelationships").await,
        1
    );
    let counts = served.control("GET", "counts", &Value::Null).await;
    for (calls, count) in counts["calls"].as_object().unwrap() {
        let is_read =
            calls.starts_with("GET ") || calls.contains("$batch") || calls.contains("token");
        assert!(is_read || count == 0, "{counts:#}");
    }

    // Once more into the same folder: refused, then the same files to the letter.
    let refused = import(&served, &[]);
    assert!(
        refused.code == Some(2) && refused.stderr.contains("--overwrite"),
        "{}",
        refused.stderr
    );
    assert_eq!(import(&served, &["--overwrite"]).code, Some(0));
    assert_eq!(text(&served, "out/grants.yaml"), grants);
}

#[tokio::test]
async fn groups_are_called_as_the_directory_calls_them_and_one_that_it_does_not_know_is_told() {
    let (served, _) = stage().await;
    assert_eq!(import(&served, &[]).code, Some(0));
    let grants = text(&served, "out/grants.yaml");
    assert!(grants.contains("displayName: First line"), "{grants}");
    served.control("DELETE", "groups/0a0a0a0a-1111-4222-8333-444444444444", &Value::Null).await;
    let ran = import(&served, &["--overwrite"]);
    let told = "group `0a0a0a0a-1111-4222-8333-444444444444` holds roles, and the directory does not know it";
    assert!(ran.code == Some(0) && ran.stderr.contains(told), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("0a0a0a0a-1111").count(), 1, "told once: {}", ran.stderr);
    let refused =
        json!({"method": "GET", "path": "/groups/*", "scope": "batched", "fault": refuse(403)});
    served.fault(&refused).await;
    let ran = served.place.run(&["import", "--store", STORE, "-o", "other"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("`Group.Read.All`"), "{}", ran.stderr);
    assert!(ran.stderr.contains("[C0611]"), "{}", ran.stderr);
    assert!(!exists(&served, "other"));
    let file = folder(&served).join("graph.yaml");
    let off = std::fs::read_to_string(&file).unwrap().replace("groups: Read", "groups: \"Off\"");
    std::fs::write(&file, off).unwrap();
    let ran = served.place.run(&["import", "--store", STORE, "-o", "other"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(!text(&served, "other/grants.yaml").contains("First line"));
}

#[tokio::test]
async fn only_a_refusal_of_a_group_is_a_permission_that_is_missing() {
    let (served, _) = stage().await;
    let of = |fault: Value| json!({"method": "GET", "path": "/groups/*", "scope": "batched", "fault": fault});
    let strange = json!({"kind": "rewrite", "property": "id", "value": "0a0a0a0a-0000-4222-8333-444444444444"});
    for (fault, code, words) in [
        (refuse(403), "C0611", "`Group.Read.All`"),
        (refuse(418), "C0614", "it answers 418"),
        (refuse(503), "C0609", "503"),
        (strange, "C0632", "about another group"),
    ] {
        served.fault(&of(fault)).await;
        let ran = import(&served, &[]);
        assert!(ran.code == Some(2) && ran.stderr.contains(&format!("[{code}]")), "{}", ran.stderr);
        assert!(
            ran.stderr.contains("could not be looked up") && ran.stderr.contains(words),
            "{}",
            ran.stderr
        );
        assert!(code == "C0611" || !ran.stderr.contains("Group.Read.All"), "{}", ran.stderr);
        assert!(!exists(&served, "out"));
        served.control("DELETE", "faults", &Value::Null).await;
    }
}

#[tokio::test]
async fn what_an_import_has_written_goes_with_what_it_held_and_files_of_others_stay() {
    let (served, _) = stage().await;
    assert_eq!(import(&served, &[]).code, Some(0));
    let own = served.place.path().join("out/customers/mine.yaml");
    std::fs::write(&own, "# mine\n").unwrap();
    assert!(exists(&served, "out/customers/northwind-traders.yaml"));
    served.control("POST", "reset", &json!({"to": "empty"})).await;
    let ran = import(&served, &["--overwrite"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("northwind-traders.yaml"), "{}", ran.stderr);
    assert!(!exists(&served, "out/customers/northwind-traders.yaml") && own.exists());
    // What somebody has changed is neither written over nor taken away.
    served.control("POST", "reset", &json!({"to": "first"})).await;
    assert_eq!(import(&served, &["--overwrite"]).code, Some(0));
    let changed =
        text(&served, "out/grants.yaml").replace("as found on", "ticket 4711, as found on");
    std::fs::write(served.place.path().join("out/grants.yaml"), &changed).unwrap();
    let ran = import(&served, &["--overwrite"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("was changed since"), "{}", ran.stderr);
    served.control("POST", "reset", &json!({"to": "empty"})).await;
    let ran = import(&served, &["--overwrite"]);
    assert!(ran.stderr.contains("stays, since it was changed"), "{}", ran.stderr);
    assert_eq!(text(&served, "out/grants.yaml"), changed);
    std::fs::remove_file(served.place.path().join("out/grants.yaml")).unwrap();
    // Somebody has made a file by hand where an import would write one.
    served.control("POST", "reset", &json!({"to": "first"})).await;
    std::fs::write(served.place.path().join("out/grants.yaml"), "# mine\n").unwrap();
    let ran = import(&served, &["--overwrite"]);
    assert!(
        ran.code == Some(2) && ran.stderr.contains("no import has written it"),
        "{}",
        ran.stderr
    );
    assert_eq!(text(&served, "out/grants.yaml"), "# mine\n");
}

#[tokio::test]
async fn a_list_that_lacks_what_is_there_takes_nothing_out_of_an_earlier_import() {
    let (served, _) = stage().await;
    assert_eq!(import(&served, &[]).code, Some(0));
    let before = text(&served, "out/grants.yaml");
    served.fault(&rule("GET", ROOT, Some(1), &json!({"kind": "page", "how": "empty"}))).await;
    let ran = import(&served, &["--overwrite"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("its list lacks"), "{}", ran.stderr);
    assert!(ran.stderr.contains("[C0632]"), "{}", ran.stderr);
    assert_eq!(text(&served, "out/grants.yaml"), before);
    assert!(exists(&served, "out/customers/northwind-traders.yaml"));
}

#[tokio::test]
async fn what_is_not_understood_of_a_relationship_is_told_whatever_its_stage_and_nothing_of_it_is_written()
 {
    let (served, _) = stage().await;
    for (property, value, told) in [
        (
            "accessDetails.unifiedRoles",
            json!([{"roleDefinitionId": HELPDESK}, {"roleDefinitionId": "x"}]),
            "`x`",
        ),
        ("customer.tenantId", json!("junk"), "`customer.tenantId` is no GUID: `junk`"),
        ("duration", json!("P24M"), "`duration` is no length of time: `P24M`"),
        ("autoExtendDuration", json!("junk"), "`autoExtendDuration` is no length of time: `junk`"),
    ] {
        let fault = json!({"kind": "rewrite", "property": property, "value": value});
        served.fault(&rule("GET", ROOT, Some(1), &fault)).await;
        let ran = import(&served, &[]);
        assert_eq!(ran.code, Some(2), "{property}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("wide-helpdesk") && ran.stderr.contains(told),
            "{property}: {}",
            ran.stderr
        );
        assert!(!exists(&served, "out"), "{property}");
    }
}

#[tokio::test]
async fn a_certificate_is_never_sent_as_a_secret() {
    let (served, _) = stage().await;
    let secret = folder(&served).join("reader.secret");
    std::fs::write(&secret, "-----BEGIN PRIVATE KEY-----\nhunter2\n").unwrap();
    served.control("DELETE", "calls", &Value::Null).await;
    let ran = served.place.run(&["doctor", "--store", STORE]);
    assert!(ran.stdout.contains("named by `certificate`"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("hunter2"));
    assert_eq!(served.count("calls", super::LOGIN).await, 1, "the writer alone logs in");
}

#[tokio::test]
async fn what_is_being_taken_away_is_no_grant_and_is_told() {
    let (served, _) = stage().await;
    let fault = json!({"kind": "rewrite", "property": "status", "value": "deleting"});
    served
        .fault(&json!({"method": "GET", "path": ASSIGNMENTS, "scope": "batched", "fault": fault}))
        .await;
    let ran = import(&served, &[]);
    assert!(ran.stderr.contains("is being taken away at Microsoft"), "{}", ran.stderr);
    assert!(!exists(&served, "out/grants.yaml"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_that_leads_nowhere_is_found_before_anything_is_read() {
    let (served, _) = stage().await;
    std::os::unix::fs::symlink("nowhere", served.place.path().join("link")).unwrap();
    served.control("DELETE", "calls", &Value::Null).await;
    for folder in ["link", "link/below", "./link/"] {
        let ran = served.place.run(&["import", "--store", STORE, "-o", folder]);
        assert_eq!(ran.code, Some(2), "{folder}: {}", ran.stderr);
        assert!(ran.stderr.contains("is a link to what is not there"), "{folder}: {}", ran.stderr);
    }
    let counts = served.control("GET", "counts", &Value::Null).await;
    assert_eq!(counts["calls"], json!({}), "{counts}");
    std::fs::create_dir(served.place.path().join("nowhere")).unwrap();
    let ran = served.place.run(&["import", "--store", STORE, "-o", "link"]);
    assert!(ran.code == Some(0) && exists(&served, "nowhere/grants.yaml"), "{}", ran.stderr);
}

#[tokio::test]
async fn one_relationship_is_one_relationship() {
    let (served, _) = stage().await;
    served.control("POST", "reset", &json!({"to": "empty"})).await;
    served.post(ROOT, &wish("draft", &[HELPDESK])).await;
    served.pass("PT1S").await;
    let ran = import(&served, &[]);
    assert!(ran.stdout.starts_with("1 relationship read, 0 files written"), "{}", ran.stdout);
    let fault = json!({"kind": "rewrite", "property": "duration", "value": "junk"});
    served.fault(&rule("GET", ROOT, None, &fault)).await;
    let ran = import(&served, &["--overwrite"]);
    assert!(ran.stderr.contains("1 of 1 relationship could not be read whole"), "{}", ran.stderr);
}

/// Whoever watches a terminal is told what is waited for, in a line that goes with it; a file is not.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn whoever_watches_is_told_what_is_waited_for() {
    let (served, _) = stage().await;
    let slow = json!({"kind": "wait", "milliseconds": 700});
    served.fault(&rule("GET", ROOT, None, &slow)).await;
    let cases: [(&[&str], _); 2] = [
        (&["import", "-o", "out", "--overwrite"], "reading relationships at `localhost:"),
        (&["doctor"], "asking `localhost:"),
    ];
    for (words, waited) in cases {
        let words = [words, &["--store", STORE]].concat();
        let mut terminal = std::process::Command::new("script");
        terminal.args(["-qec", &format!("concordat {}", words.join(" ")), "/dev/null"]);
        served.place.prepare(&mut terminal);
        terminal.env("TERM", "xterm");
        let ran = finished(terminal, b"");
        assert!(ran.stdout.contains(waited), "{words:?}: {ran:?}");
        let ran = served.place.run(&words);
        assert!(!format!("{ran:?}").contains(waited), "{ran:?}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_is_written_through_a_link_that_somebody_has_laid() {
    use std::os::unix::fs::symlink;
    let (served, _) = stage().await;
    let place = served.place.path();
    std::fs::create_dir(place.join("elsewhere")).unwrap();
    std::fs::create_dir(place.join("out")).unwrap();
    symlink(place.join("elsewhere"), place.join("out/customers")).unwrap();
    let ran = import(&served, &["--overwrite"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("is no folder"), "{}", ran.stderr);
    std::fs::remove_file(place.join("out/customers")).unwrap();
    std::fs::write(place.join("elsewhere/mine"), "mine").unwrap();
    symlink(place.join("elsewhere/mine"), place.join("out/grants.concordat-unfinished")).unwrap();
    assert_eq!(import(&served, &["--overwrite"]).code, Some(0));
    assert_eq!(text(&served, "elsewhere/mine"), "mine");
    std::fs::remove_file(place.join("out/grants.yaml")).unwrap();
    symlink(place.join("elsewhere/mine"), place.join("out/grants.yaml")).unwrap();
    assert_eq!(import(&served, &["--overwrite"]).code, Some(2));
    assert_eq!(text(&served, "elsewhere/mine"), "mine");
}

#[tokio::test]
async fn an_answer_that_could_deceive_is_no_list_and_writes_no_file() {
    let (served, _) = stage().await;
    let faults = [
        json!({"kind": "page", "how": "noValue"}),
        json!({"kind": "page", "how": "repeated"}),
        json!({"kind": "page", "how": "circular"}),
        json!({"kind": "page", "how": "twice"}),
        json!({"kind": "page", "how": "elsewhere", "origin": "https://graph.example"}),
        json!({"kind": "deep", "depth": 100}),
        json!({"kind": "huge", "bytes": 17 << 20}),
        json!({"kind": "rewrite", "property": "id", "value": "../../users"}),
        json!({"kind": "rewrite", "property": "id"}),
        json!({"kind": "refuse", "status": 404}),
        json!({"kind": "refuse", "status": 400}),
    ];
    for fault in faults {
        served.fault(&rule("GET", ROOT, None, &fault)).await;
        let ran = import(&served, &[]);
        assert_eq!(ran.code, Some(2), "{fault}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains("localhost"), "{fault}: {}", ran.stderr);
        assert!(!exists(&served, "out"), "{fault}");
        served.control("DELETE", "faults", &Value::Null).await;
    }
}

#[tokio::test]
async fn a_permission_that_is_missing_is_named_and_never_taken_for_nothing() {
    let (served, _) = stage().await;
    served.fault(&rule("GET", ROOT, None, &refuse(403))).await;
    let ran = import(&served, &[]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("DelegatedAdminRelationship.Read.All"), "{}", ran.stderr);
    let ran = doctor(&served);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("missing  reader"), "{}", ran.stdout);
    assert!(ran.stdout.contains("DelegatedAdminRelationship.ReadWrite.All"), "{}", ran.stdout);
}

#[tokio::test]
async fn whose_holders_cannot_be_read_is_told_and_is_not_held_by_nobody() {
    let (served, connection) = stage().await;
    for status in [404, 403, 418] {
        let fault = json!({"method": "GET", "path": ASSIGNMENTS, "scope": "batched", "times": 1, "fault": refuse(status)});
        served.fault(&fault).await;
        let seen = everything(&reader(&connection)).await.unwrap();
        let unread: Vec<_> =
            seen.relationships.values().filter(|one| one.assignments.is_err()).collect();
        assert_eq!(unread.len(), 1, "{status}");
        let reason = unread[0].assignments.clone().unwrap_err().to_string();
        assert!(reason.contains(&status.to_string()), "{reason}");
        served.fault(&fault).await;
        let ran = import(&served, &["--overwrite"]);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(&status.to_string()), "{}", ran.stderr);
    }
    let malformed = json!({"kind": "rewrite", "property": "accessContainer.accessContainerId", "value": "first line"});
    served
        .fault(
            &json!({"method": "GET", "path": ASSIGNMENTS, "scope": "batched", "fault": malformed}),
        )
        .await;
    let seen = everything(&reader(&connection)).await.unwrap();
    assert!(seen.relationships.values().any(|one| one.assignments.is_err()));
}

#[tokio::test]
async fn an_answer_to_a_batch_that_is_not_whole_is_asked_for_again_and_order_counts_for_nothing() {
    let (served, connection) = stage().await;
    let whole = everything(&reader(&connection)).await.unwrap();
    assert!(
        whole
            .relationships
            .values()
            .any(|one| one.assignments.as_ref().is_ok_and(|all| all.len() == 2))
    );
    let batch = |how: &str| json!({"method": "POST", "path": "/$batch", "times": 1, "fault": {"kind": "batch", "how": how}});
    for how in ["missing", "shuffled", "twice"] {
        served.fault(&batch(how)).await;
        let read = everything(&reader(&connection)).await.unwrap();
        assert_eq!(read.relationships, whole.relationships, "{how}");
    }
    for status in [429, 503] {
        let fault = json!({"kind": "refuse", "status": status, "retryAfter": "1"});
        served.fault(&json!({"method": "GET", "path": ASSIGNMENTS, "scope": "batched", "times": 2, "fault": fault})).await;
        let read = everything(&reader(&connection)).await.unwrap();
        assert_eq!(read.relationships, whole.relationships, "{status}");
    }
    let fault = json!({"kind": "refuse", "status": 503});
    served.fault(&rule("GET", ROOT, Some(1), &fault)).await;
    assert_eq!(everything(&reader(&connection)).await.unwrap().relationships, whole.relationships);
}

#[tokio::test]
async fn the_services_own_ways_of_writing_change_nothing() {
    let (served, connection) = stage().await;
    let plain = everything(&reader(&connection)).await.unwrap();
    served.fault(&rule("GET", ROOT, Some(1), &json!({"kind": "upperCaseIds"}))).await;
    let upper = everything(&reader(&connection)).await.unwrap();
    let names = |seen: &concordat::domain::state::seen::Seen| -> Vec<_> {
        let mut all: Vec<_> = seen
            .relationships
            .values()
            .map(|one| (one.name.clone(), one.customer.as_ref().map(|it| it.id), one.roles.clone()))
            .collect();
        all.sort();
        all
    };
    assert_eq!(names(&upper), names(&plain));
    for (property, value) in [
        ("customer.displayName", json!(null)),
        ("activatedDateTime", json!("")),
        ("duration", json!("P2Y")),
        ("status", json!("frozen")),
    ] {
        let fault = json!({"kind": "rewrite", "property": property, "value": value});
        served.fault(&rule("GET", ROOT, Some(1), &fault)).await;
        let seen = everything(&reader(&connection)).await.unwrap();
        assert_eq!(names(&seen), names(&plain), "{property}");
        if property == "status" {
            served.fault(&rule("GET", ROOT, Some(1), &fault)).await;
            let ran = import(&served, &[]);
            assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        }
    }
}

#[tokio::test]
async fn each_call_is_a_page_or_a_batch_and_no_more() {
    let (mut served, connection) = stage().await;
    served.control("POST", "reset", &json!({"to": "empty"})).await;
    served.control("POST", "settings", &json!({"habits": {"anyGroup": true}})).await;
    let made = 47;
    for number in 0..made {
        let path = served.post(ROOT, &wish(&format!("customer {number}"), &[HELPDESK])).await;
        let path = format!("{ROOT}/{}", path.id());
        served.pass("PT1S").await;
        served.post(&format!("{path}/requests"), &json!({"action": "lockForApproval"})).await;
        served.pass("PT3S").await;
        let name = format!("customer {number}");
        served.control("POST", "people", &json!({"kind": "approve", "relationship": name})).await;
    }
    served.pass("PT5M").await;
    served.log_in(crate::emulator::served::WRITER).await;
    let all = served.get(&format!("{ROOT}?$top=300")).await;
    for one in all.list() {
        let path = format!("{ROOT}/{}/accessAssignments", one["id"].as_str().unwrap());
        let given = served
            .post(&path, &assignment("0a0a0a0a-1111-4222-8333-444444444444", &[HELPDESK]))
            .await;
        assert_eq!(given.status, 201, "{}", given.body);
    }
    served.control("DELETE", "calls", &Value::Null).await;
    let seen = everything(&reader(&connection)).await.unwrap();
    assert_eq!(seen.relationships.len(), made);
    assert!(
        seen.relationships
            .values()
            .all(|one| one.assignments.as_ref().is_ok_and(|all| all.len() == 1))
    );
    let counts = served.control("GET", "counts", &Value::Null).await;
    let calls: u64 = counts["calls"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| !name.contains("token"))
        .map(|(_, count)| count.as_u64().unwrap())
        .sum();
    assert_eq!(calls, 1 + 3, "{counts:#}");
}

#[tokio::test]
async fn the_doctor_says_in_a_line_each_what_works_and_what_is_missing() {
    let (served, _) = stage().await;
    let well = doctor(&served);
    assert_eq!(well.code, Some(0), "{}{}", well.stdout, well.stderr);
    let firsts: Vec<&str> = well.stdout.lines().map(|line| line[..20].trim_end()).collect();
    assert_eq!(
        firsts,
        [
            "ok       file",
            "warning  hosts",
            "ok       secrets",
            "ok       reader",
            "ok       writer",
            "ok       clock",
            "warning  ledger"
        ]
    );
    std::fs::write(folder(&served).join("reader.secret"), "wrong").unwrap();
    let ran = served.place.run(&["doctor", "--store", STORE]);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("missing  reader") && ran.stdout.contains("AADSTS7000215"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("ok       writer"), "{}", ran.stdout);
    let json = served.place.run(&["doctor", "--store", STORE, "-o", "json"]);
    let checks: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(
        (&checks["kind"], &checks["checks"][3]["verdict"]),
        (&json!("Checks"), &json!("missing"))
    );
    let mut schemas = concordat::render::schema::schemas().into_iter();
    let (_, schema) = schemas.find(|(name, _)| *name == "checks").unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&checks).map(|it| it.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new(), "{checks:#}");
    let known: ChecksDocument = serde_json::from_value(checks.clone()).unwrap();
    assert_eq!(json!(known), checks, "nothing is written that the schema does not tell");
}

#[tokio::test]
async fn a_clock_that_is_wrong_by_an_hour_is_told() {
    let (served, _) = stage().await;
    served.control("POST", "settings", &json!({"dateOff": 3600})).await;
    let ran = doctor(&served);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert!(ran.stdout.contains("missing  clock"), "{}", ran.stdout);
}

#[tokio::test]
async fn what_is_for_microsoft_graph_names_no_other_store() {
    let (served, _) = stage().await;
    for words in [&["import", "-o", "out"] as &[&str], &["doctor"]] {
        let ran = served.place.run(&[words, &["--store", "sqlite:concordat.db"]].concat());
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains("--store graph:FILE"), "{}", ran.stderr);
    }
}
