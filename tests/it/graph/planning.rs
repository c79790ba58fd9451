//! Plans over what stands at Microsoft, and what is written of that into the book: adoption, recognition, drift.
//!
//! Never: a call that changes something there, or "nothing" for what could not be read.

use serde_json::{Value, json};

use super::{harmless, refuse, rule, stage};
use crate::{
    emulator::served::{ROOT, Served, assignment, wish},
    program::Ran,
};

pub const STORE: &str = "graph:emulator/graph.yaml";
pub const FIRST_LINE: &str = "0a0a0a0a-1111-4222-8333-444444444444";
pub const ENGINEERS: &str = "0c0c0c0c-1111-4222-8333-444444444444";
const NORTHWIND: &str = "ccccdddd-2222-eeee-3333-ffff4444aaaa";
pub const HELPDESK: &str = "729827e3-9c14-49f7-bb1b-9608f156bbb8";

pub fn run(served: &Served, words: &[&str]) -> Ran {
    let ran = served.place.run(&[words, &["--store", STORE]].concat());
    harmless(served, &format!("{}{}", ran.stdout, ran.stderr));
    ran
}

/// The same, and it ends as it should.
#[track_caller]
pub fn ends(served: &Served, code: i32, words: &[&str]) -> Ran {
    let ran = run(served, words);
    assert_eq!(ran.code, Some(code), "{words:?}: {}{}", ran.stdout, ran.stderr);
    ran
}

/// What `diff` or `apply` says, as a document.
pub fn document(served: &Served, code: i32, words: &[&str]) -> Value {
    let ran = ends(served, code, &[words, &["-o", "json"]].concat());
    serde_json::from_str(&ran.stdout).unwrap()
}

/// What the changes of a plan do.
pub fn effects(plan: &Value) -> Vec<String> {
    let effect = |change: &Value| change["effect"].as_object().unwrap().keys().next().cloned();
    plan["changes"].as_array().unwrap().iter().filter_map(effect).collect()
}

#[track_caller]
pub fn tells(ran: &Ran, expected: &[&str]) {
    let all = format!("{}{}", ran.stdout, ran.stderr);
    for text in expected {
        assert!(all.contains(text), "`{text}` is not in: {all}");
    }
}

/// No call since the counts began has changed anything there.
async fn nothing_was_written_there(served: &Served) {
    let counts = served.control("GET", "counts", &Value::Null).await;
    for (calls, count) in counts["calls"].as_object().unwrap() {
        let is_read =
            calls.starts_with("GET ") || calls.contains("$batch") || calls.contains("token");
        assert!(is_read || count == 0, "{counts:#}");
    }
}

/// The sample of the emulator, imported and adopted.
pub async fn adopted(manage: bool) -> Served {
    let (served, _) = stage().await;
    let words: &[&str] =
        if manage { &["import", "-o", "out", "--manage"] } else { &["import", "-o", "out"] };
    ends(&served, 0, words);
    ends(&served, 0, &["apply", "-f", "out"]);
    served
}

pub async fn outsider(served: &Served, body: Value) {
    served.control("POST", "people", &body).await;
    served.pass("PT5M").await;
}

#[tokio::test]
async fn what_was_imported_is_adopted_without_a_change_there_and_then_nothing_is_left_to_do() {
    for manage in [false, true] {
        let (served, _) = stage().await;
        let words: &[&str] =
            if manage { &["import", "-o", "out", "--manage"] } else { &["import", "-o", "out"] };
        ends(&served, 0, words);
        let plan = document(&served, 1, &["diff", "-f", "out"]);
        let adopts = effects(&plan).iter().filter(|effect| *effect == "Adopt").count();
        assert_eq!(adopts, 3, "{plan:#}");
        assert_eq!(plan["access"], json!([]), "nobody gains or loses anything");
        ends(&served, 0, &["apply", "-f", "out"]);
        let rest = document(&served, 0, &["diff", "-f", "out"]);
        assert_eq!(effects(&rest), [""; 0], "manage: {manage}");
        ends(&served, 0, &["apply", "-f", "out"]);
        tells(&ends(&served, 0, &["ledger", "verify"]), &["the ledger is whole"]);
        nothing_was_written_there(&served).await;
    }
}

#[tokio::test]
async fn who_holds_what_is_answered_by_what_stands_there_also_where_nobody_here_has_made_it() {
    let served = adopted(true).await;
    let why = ends(&served, 0, &["why", ENGINEERS]);
    tells(&why, &["holds Global Administrator", "accepted  at Microsoft", "Adopted by"]);
    let can = ends(&served, 0, &["who-can", "Global Administrator"]);
    tells(&can, &[ENGINEERS, "Adventure Works"]);
    let theirs = json!({
        "kind": "assign", "relationship": "wide-helpdesk", "group": FIRST_LINE, "roles": [HELPDESK]
    });
    served
        .control("POST", "people", &json!({"kind": "approve", "relationship": "wide-helpdesk"}))
        .await;
    served.pass("PT10M").await;
    outsider(&served, theirs).await;
    // Another ledger: nobody here has made any of it, and it is told all the same.
    let file = served.place.path().join("emulator/graph.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("concordat.db", "other.db")).unwrap();
    let can = ends(&served, 0, &["who-can", "Helpdesk Administrator"]);
    tells(&can, &[FIRST_LINE]);
    let listed = ends(&served, 0, &["get", "relationships", "--unmanaged"]);
    tells(&listed, &["wide-helpdesk", "northwind-helpdesk", "whoever-answers"]);
}

#[tokio::test]
async fn what_others_have_changed_there_is_told_and_taken_for_what_it_is() {
    let served = adopted(true).await;
    outsider(
        &served,
        json!({"kind": "delete", "relationship": "adventure-everything", "group": ENGINEERS}),
    )
    .await;
    let lost = ends(&served, 1, &["apply", "-f", "out"]);
    tells(&lost, &["C0502", "lost `Global Administrator`", "blocked"]);
    tells(&ends(&served, 0, &["ledger", "verify"]), &["the ledger is whole"]);
    tells(
        &ends(&served, 1, &["why", ENGINEERS, "--role", "Global Administrator"]),
        &["does not hold"],
    );

    outsider(
        &served,
        json!({"kind": "assign", "relationship": "northwind-helpdesk", "group": ENGINEERS, "roles": [HELPDESK]}),
    )
    .await;
    let more = run(&served, &["apply", "-f", "out"]);
    tells(&more, &["C0503", "holds `Helpdesk Administrator`, which nobody declared"]);
    tells(&ends(&served, 0, &["ledger", "verify"]), &["the ledger is whole"]);

    served
        .control(
            "POST",
            "people",
            &json!({"kind": "removeRoles", "relationship": "northwind-helpdesk"}),
        )
        .await;
    served.pass("PT1H").await;
    let ended = run(&served, &["apply", "-f", "out"]);
    tells(&ended, &["recorded how it stands at Microsoft: Active until"]);
    let after = run(&served, &["diff", "-f", "out"]);
    tells(&after, &["C0508", "was ended outside"]);
    tells(&ends(&served, 0, &["ledger", "verify"]), &["the ledger is whole"]);
}

#[tokio::test]
async fn an_approval_there_is_seen_and_taken_over_and_no_object_stands_in_its_place() {
    let served = adopted(true).await;
    let waiting = ends(&served, 0, &["diff", "-f", "out"]);
    tells(&waiting, &["waiting for a customer", "wide-helpdesk"]);
    served
        .control("POST", "people", &json!({"kind": "approve", "relationship": "wide-helpdesk"}))
        .await;
    served.pass("PT10M").await;
    let plan = document(&served, 1, &["diff", "-f", "out"]);
    assert_eq!(effects(&plan), ["Recognise"], "{plan:#}");
    ends(&served, 0, &["apply", "-f", "out"]);
    ends(&served, 0, &["diff", "-f", "out"]);
    let history = ends(&served, 0, &["history", "wide-helpdesk"]);
    tells(&history, &["Recognised by", "seen at Microsoft: ApprovalPending => Active"]);
}

/// The adopting object of northwind with one thing otherwise.
fn otherwise(served: &Served, from: &str, to: &str) {
    for name in ["out/customers/northwind-traders.yaml", "out/offers.yaml", "out/boundary.yaml"] {
        if name.ends_with("boundary.yaml") && !from.starts_with("cccc") {
            continue;
        }
        let path = served.place.path().join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, text.replace(from, to)).unwrap();
    }
}

#[tokio::test]
async fn only_the_very_same_is_adopted_and_nobody_is_invited_in_its_place() {
    let cases = [
        (NORTHWIND, "ccccdddd-2222-eeee-3333-ffff4444bbbb", "its customer is"),
        ("  - Service Support Administrator\n", "", "its roles are others"),
        ("duration: P730D", "duration: P365D", "it was made for `P730D`, and not for `P365D`"),
        ("adopt-from: graph/", "adopt-from: graph/x", "is not there at Microsoft"),
    ];
    for (from, to, why) in cases {
        let (served, _) = stage().await;
        ends(&served, 0, &["import", "-o", "out", "--manage"]);
        otherwise(&served, from, to);
        std::fs::remove_file(served.place.path().join("out/grants.yaml")).unwrap();
        let ran = run(&served, &["diff", "-f", "out"]);
        tells(&ran, &["C0557", why]);
        assert_eq!(ran.code, Some(1), "{from}");
        assert!(!ran.stdout.contains("northwind-helpdesk: invite"), "{}", ran.stdout);
    }
}

#[tokio::test]
async fn what_another_object_has_claimed_or_is_over_is_not_adopted() {
    let served = adopted(true).await;
    let path = served.place.path().join("out/customers/northwind-traders.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let second = text
        .replace("name: northwind-helpdesk", "name: northwind-second")
        .replace("displayName: northwind-helpdesk", "displayName: northwind-second");
    std::fs::write(served.place.path().join("out/customers/second.yaml"), second).unwrap();
    let ran = run(&served, &["diff", "-f", "out"]);
    tells(&ran, &["C0557", "which `northwind-helpdesk` in this ledger is for"]);

    let (served, _) = stage().await;
    ends(&served, 0, &["import", "-o", "out", "--manage"]);
    served
        .control(
            "POST",
            "people",
            &json!({"kind": "removeRoles", "relationship": "northwind-helpdesk"}),
        )
        .await;
    served.pass("PT1H").await;
    let ran = run(&served, &["apply", "-f", "out"]);
    tells(&ran, &["C0557", "it is `T"]);
}

#[tokio::test]
async fn what_cannot_be_read_of_one_relationship_holds_back_that_one_and_ends_with_2() {
    let served = adopted(true).await;
    let listed = ends(&served, 0, &["get", "relationships", "-o", "json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    let northwind = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "northwind-helpdesk")
        .unwrap();
    let id = northwind["atMicrosoft"].as_str().unwrap();
    let path = format!("{ROOT}/{id}/accessAssignments");
    served.fault(&rule("GET", &path, None, &refuse(500))).await;
    for words in [&["diff", "-f", "out"] as &[&str], &["apply", "-f", "out"]] {
        let ran = ends(&served, 2, words);
        tells(&ran, &["C0559", "`northwind-helpdesk` could not be read at Microsoft"]);
        assert!(!ran.stdout.contains("lost"), "{}", ran.stdout);
    }
    let asked = [
        &["who-can", "Helpdesk Administrator"] as &[&str],
        &["who-can", "Helpdesk Administrator", "--customer", NORTHWIND],
        &["get", "grants"],
        &["get", "relationships"],
        &["why", FIRST_LINE],
    ];
    served.control("DELETE", "faults", &Value::Null).await;
    for words in asked {
        assert!(document(&served, 0, words).get("unread").is_none(), "{words:?}");
    }
    served.fault(&rule("GET", &path, None, &refuse(403))).await;
    for words in asked {
        tells(&ends(&served, 2, words), &["C0559"]);
        let unread = &document(&served, 2, words)["unread"];
        assert_eq!(unread[0]["relationship"], "northwind-helpdesk", "{words:?}: {unread}");
        assert!(unread[0]["reason"].as_str().unwrap().contains("403"), "{words:?}: {unread}");
    }
}

#[tokio::test]
async fn a_list_without_what_was_there_plans_nothing_and_one_that_is_gone_is_unread() {
    let served = adopted(true).await;
    served.fault(&rule("GET", ROOT, None, &json!({"kind": "page", "how": "empty"}))).await;
    let ran = ends(&served, 2, &["diff", "-f", "out", "--prune"]);
    tells(&ran, &["C0632"]);
    assert_eq!(ran.stdout, "");
    nothing_was_written_there(&served).await;
}

#[tokio::test]
async fn a_ledger_of_an_emulator_is_never_one_of_microsoft_and_no_database_is_both() {
    let served = adopted(true).await;
    // The database by itself: what stands at Microsoft is not planned there.
    let words = ["diff", "-f", "out", "--store", "sqlite:emulator/concordat.db"];
    let alone = served.place.run(&words);
    assert_eq!(alone.code, Some(1), "{}{}", alone.stdout, alone.stderr);
    tells(&alone, &["C0558", "this store is not Microsoft Graph"]);

    // The same ledger behind Microsoft's own hosts.
    let text = std::fs::read_to_string(served.place.path().join("emulator/graph.yaml")).unwrap();
    let microsoft: Vec<&str> = text
        .lines()
        .filter(|line| {
            !["hosts:", "  ca:", "  graph:", "  login:"].iter().any(|it| line.starts_with(it))
        })
        .collect();
    let file = served.place.path().join("emulator/microsoft.yaml");
    std::fs::write(file, microsoft.join("\n")).unwrap();
    let words = ["get", "relationships", "--store", "graph:emulator/microsoft.yaml"];
    let ran = served.place.run(&words);
    assert_eq!(ran.code, Some(2), "{}{}", ran.stdout, ran.stderr);
    tells(&ran, &["at other hosts than Microsoft's, such as an emulator", "name another `ledger`"]);
}

/// What a ledger ends with: nothing was written where it stays the same.
pub fn head(served: &Served) -> String {
    ends(served, 0, &["ledger", "show", "--last", "1"]).stdout
}

#[tokio::test]
async fn an_answer_that_could_deceive_makes_no_plan_and_writes_nothing() {
    let served = adopted(true).await;
    std::fs::remove_file(served.place.path().join("out/customers/northwind-traders.yaml")).unwrap();
    std::fs::remove_file(served.place.path().join("out/grants.yaml")).unwrap();
    let before = head(&served);
    let faults = [
        json!({"kind": "page", "how": "empty"}),
        json!({"kind": "page", "how": "noValue"}),
        json!({"kind": "page", "how": "repeated"}),
        json!({"kind": "page", "how": "circular"}),
        json!({"kind": "page", "how": "twice"}),
        json!({"kind": "page", "how": "elsewhere", "origin": "https://graph.example"}),
        json!({"kind": "deep", "depth": 100}),
        json!({"kind": "rewrite", "property": "id", "value": "../../users"}),
        json!({"kind": "rewrite", "property": "id"}),
        json!({"kind": "refuse", "status": 403}),
        json!({"kind": "refuse", "status": 404}),
        json!({"kind": "refuse", "status": 500}),
    ];
    for fault in faults {
        served.fault(&rule("GET", ROOT, None, &fault)).await;
        for words in
            [&["diff", "-f", "out", "--prune"] as &[&str], &["apply", "-f", "out", "--prune"]]
        {
            let ran = ends(&served, 2, words);
            assert_eq!(ran.stdout, "", "{fault}: a plan");
        }
        tells(&ends(&served, 2, &["who-can", "Global Administrator"]), &["error: "]);
        served.control("DELETE", "faults", &Value::Null).await;
    }
    assert_eq!(head(&served), before);
    nothing_was_written_there(&served).await;
}

#[tokio::test]
async fn what_the_service_writes_in_its_own_way_is_no_change() {
    let served = adopted(true).await;
    served
        .control("POST", "people", &json!({"kind": "approve", "relationship": "wide-helpdesk"}))
        .await;
    served.pass("PT10M").await;
    ends(&served, 0, &["apply", "-f", "out"]);
    let before = head(&served);
    for fault in [
        json!({"kind": "upperCaseIds"}),
        json!({"kind": "rewrite", "property": "customer.displayName", "value": null}),
        json!({"kind": "rewrite", "property": "activatedDateTime", "value": ""}),
        json!({"kind": "rewrite", "property": "endDateTime", "value": ""}),
        json!({"kind": "rewrite", "property": "duration", "value": "P2Y"}),
        json!({"kind": "rewrite", "property": "newProperty", "value": {"a": 1}}),
    ] {
        served.fault(&rule("GET", ROOT, None, &fault)).await;
        let plan = document(&served, 0, &["diff", "-f", "out"]);
        assert_eq!(effects(&plan), [""; 0], "{fault}");
        ends(&served, 0, &["apply", "-f", "out"]);
        served.control("DELETE", "faults", &Value::Null).await;
    }
    assert_eq!(head(&served), before);
}

#[tokio::test]
async fn a_stage_or_a_status_that_nobody_knows_is_carried_and_nothing_rests_on_it() {
    let served = adopted(true).await;
    let frozen = json!({"kind": "rewrite", "property": "status", "value": "frozenSolid"});
    served.fault(&rule("GET", ROOT, None, &frozen)).await;
    let before = head(&served);
    for words in [&["diff", "-f", "out"] as &[&str], &["apply", "-f", "out"]] {
        tells(&ends(&served, 2, words), &["C0559", "stands there as `frozenSolid`"]);
    }
    assert_eq!(head(&served), before);
    served.control("DELETE", "faults", &Value::Null).await;

    std::fs::remove_file(served.place.path().join("out/grants.yaml")).unwrap();
    for status in ["pending", "deleting", "error", "frozenSolid"] {
        let path = format!("{ROOT}/*/accessAssignments");
        let fault = json!({"kind": "rewrite", "property": "status", "value": status});
        served
            .fault(&json!({"method": "GET", "path": path, "scope": "batched", "fault": fault}))
            .await;
        let ran = run(&served, &["diff", "-f", "out"]);
        let held = run(&served, &["who-can", "Global Administrator"]);
        assert_eq!(held.stdout.contains(ENGINEERS), status != "error", "{status}: {}", held.stdout);
        match status {
            "error" => tells(&ran, &["C0502"]),
            "deleting" => tells(&ran, &["C0561", "is being taken away"]),
            _ => tells(&ran, &["C0561"]),
        }
        served.control("DELETE", "faults", &Value::Null).await;
    }
}

#[tokio::test]
async fn a_plan_that_adopts_what_has_ended_meanwhile_is_refused() {
    let (served, _) = stage().await;
    ends(&served, 0, &["import", "-o", "out", "--manage"]);
    let plan = ends(&served, 1, &["diff", "-f", "out", "-o", "json"]);
    std::fs::write(served.place.path().join("plan.json"), plan.stdout).unwrap();
    let ended = json!({"kind": "removeRoles", "relationship": "northwind-helpdesk"});
    outsider(&served, ended).await;
    let ran = run(&served, &["apply", "-f", "out", "--plan", "plan.json"]);
    assert_eq!(ran.code, Some(2), "{}{}", ran.stdout, ran.stderr);
    let rows = ends(&served, 0, &["get", "relationships", "-o", "json"]);
    let rows: Value = serde_json::from_str(&rows.stdout).unwrap();
    let owned = rows["items"].as_array().unwrap().iter().filter(|row| row["owner"] != "").count();
    assert_eq!(owned, 0, "{rows:#}");
}

#[tokio::test]
async fn odd_names_and_lengths_go_around_without_a_call_that_writes() {
    let (mut served, _) = stage().await;
    served.control("POST", "reset", &json!({"to": "empty"})).await;
    served.control("POST", "settings", &json!({"habits": {"anyGroup": true}})).await;
    let odd = |number: usize| match number % 6 {
        0 => format!("CIPP_0b1f2ab6-5a4c-4f7e-9a57-0f6b3f2a{number:04}"),
        1 => format!("Straße {number} (alt)"),
        2 => format!("MLT_{number}"),
        3 => format!("a {number}  b"),
        4 => format!("{number}"),
        _ => format!("contoso-{number}"),
    };
    let made = 30;
    for number in 0..made {
        let path = served.post(ROOT, &wish(&odd(number), &[HELPDESK])).await;
        assert_eq!(path.status, 201, "{}", path.body);
        let path = format!("{ROOT}/{}", path.id());
        served.pass("PT1S").await;
        served.post(&format!("{path}/requests"), &json!({"action": "lockForApproval"})).await;
        served.pass("PT3S").await;
        if number % 5 != 4 {
            let approve = json!({"kind": "approve", "relationship": odd(number)});
            served.control("POST", "people", &approve).await;
        }
    }
    served.pass("PT5M").await;
    served.log_in(crate::emulator::served::WRITER).await;
    let all = served.get(&format!("{ROOT}?$top=300")).await;
    for (number, one) in all.list().iter().enumerate() {
        for group in 0..=number % 3 {
            let path = format!("{ROOT}/{}/accessAssignments", one["id"].as_str().unwrap());
            let group = format!("0a0a0a0a-1111-4222-8333-{group:012}");
            served.post(&path, &assignment(&group, &[HELPDESK])).await;
        }
    }
    served.pass("PT10M").await;
    served.control("DELETE", "calls", &Value::Null).await;
    ends(&served, 0, &["import", "-o", "out", "--manage"]);
    ends(&served, 0, &["apply", "-f", "out"]);
    let rest = document(&served, 0, &["diff", "-f", "out"]);
    assert_eq!(effects(&rest), [""; 0]);
    tells(&ends(&served, 0, &["ledger", "verify"]), &["the ledger is whole"]);
    nothing_was_written_there(&served).await;
    // None of it is there any more, by an answer of 200: that is no reason to plan anything.
    served.control("POST", "reset", &json!({"to": "empty"})).await;
    for words in [&["diff", "-f", "out", "--prune"] as &[&str], &["apply", "-f", "out", "--prune"]]
    {
        let ran = ends(&served, 2, words);
        tells(&ran, &["C0632"]);
        assert_eq!(ran.stdout, "");
    }
}
