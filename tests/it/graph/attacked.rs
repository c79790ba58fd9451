//! What a fresh pair of eyes found in the plans over Microsoft: wrong answers, ends that are none, and lost evidence.
//!
//! Never: "nobody" while a group holds a role there.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    planning::{
        ENGINEERS, FIRST_LINE, HELPDESK, adopted, document, effects, ends, head, outsider, run,
        tells,
    },
    refuse, rule, stage,
};
use crate::emulator::served::{ROOT, Served, assignment, wish};

const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
const USERS: &str = "fe930be7-5e62-47db-91af-98c3a49a38b1";
const WIDE: &str = "eeeeffff-4444-aaaa-5555-bbbb6666cccc";

async fn approve(served: &Served, name: &str) {
    outsider(served, json!({"kind": "approve", "relationship": name})).await;
}

/// Every relationship has this value from now on, in the list and alone.
async fn rewritten(served: &Served, property: &str, value: Value) {
    let fault = json!({"kind": "rewrite", "property": property, "value": value});
    served.fault(&rule("GET", ROOT, None, &fault)).await;
}

async fn as_it_is(served: &Served) {
    served.control("DELETE", "faults", &Value::Null).await;
}

fn is_whole(served: &Served) {
    tells(&ends(served, 0, &["ledger", "verify"]), &["the ledger is whole"]);
}

/// An instant so many seconds from now.
fn soon(seconds: i64) -> Value {
    json!(Timestamp::now() + SignedDuration::from_secs(seconds))
}

/// Ends are passed by waiting: the program counts them by this machine's clock.
async fn wait(seconds: u64) {
    tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
}

#[tokio::test]
async fn who_holds_what_is_told_by_what_stands_there_before_the_book_has_learnt_of_it() {
    let served = adopted(true).await;
    approve(&served, "wide-helpdesk").await;
    let given = json!({
        "kind": "assign", "relationship": "wide-helpdesk", "group": FIRST_LINE, "roles": [HELPDESK]
    });
    outsider(&served, given).await;
    let can = ends(&served, 0, &["who-can", "Helpdesk Administrator", "--customer", WIDE]);
    tells(&can, &[FIRST_LINE]);
    tells(
        &run(&served, &["why", FIRST_LINE, "--customer", WIDE]),
        &["holds Helpdesk Administrator"],
    );
    tells(&ends(&served, 0, &["get", "grants", "wide-helpdesk"]), &[FIRST_LINE]);

    outsider(&served, json!({"kind": "removeRoles", "relationship": "northwind-helpdesk"})).await;
    let can = run(&served, &["who-can", "Message Center Reader"]);
    assert!(!can.stdout.contains(FIRST_LINE), "{}", can.stdout);
    let plan = run(&served, &["diff", "-f", "out"]);
    tells(&plan, &["C0508"]);
    assert!(!format!("{plan:?}").contains("C0510"), "{plan:?}");
}

#[tokio::test]
async fn what_stands_there_beyond_its_end_is_held_and_only_what_was_granted_ends() {
    for manage in [false, true] {
        let (served, _) = stage().await;
        rewritten(&served, "endDateTime", soon(8)).await;
        let words: &[&str] = &["import", "-o", "out", "--manage"];
        ends(&served, 0, if manage { words } else { &words[..3] });
        ends(&served, 0, &["apply", "-f", "out"]);
        wait(9).await;
        tells(&ends(&served, 0, &["who-can", "Global Administrator"]), &[ENGINEERS]);
        tells(&ends(&served, 0, &["get", "grants"]), &[ENGINEERS]);
        let now = Timestamp::now().to_string();
        let then = run(&served, &["who-can", "Global Administrator", "--as-of", &now]);
        assert!(!then.stdout.contains(ENGINEERS), "{}", then.stdout);
        tells(&then, &["by the ledger alone", "beyond its end"]);
        let plan = run(&served, &["diff", "-f", "out"]);
        tells(&plan, &["C0564"]);
        assert_eq!(plan.stdout.contains("5 to lose"), manage, "{}", plan.stdout);
        // Microsoft has extended it: what lasts to the end lasts to the new one, and nobody is called for that.
        as_it_is(&served).await;
        ends(&served, 0, &["apply", "-f", "out"]);
        let rest = document(&served, 0, &["diff", "-f", "out"]);
        assert_eq!(effects(&rest), [""; 0], "manage: {manage}");
        is_whole(&served);
    }
}

#[tokio::test]
async fn no_end_is_taken_away_by_a_clock_that_nobody_trusts() {
    let (served, _) = stage().await;
    rewritten(&served, "endDateTime", soon(6)).await;
    ends(&served, 0, &["import", "-o", "out", "--manage"]);
    ends(&served, 0, &["apply", "-f", "out"]);
    served.control("POST", "settings", &json!({"dateOff": 3600})).await;
    wait(7).await;
    let plan = document(&served, 1, &["diff", "-f", "out"]);
    assert_eq!(effects(&plan), [""; 0], "{plan:#}");
    tells(&run(&served, &["diff", "-f", "out"]), &["C0567", "clock is ahead of ours by"]);
}

#[tokio::test]
async fn an_invitation_is_given_up_with_the_one_that_replaces_it_and_not_before() {
    let served = adopted(true).await;
    let offers = served.place.path().join("out/offers.yaml");
    let text = std::fs::read_to_string(&offers).unwrap();
    std::fs::write(&offers, text.replace("duration: P730D", "duration: P365D")).unwrap();
    let now = &["apply", "-f", "out", "--wait", "PT0S"];
    let ran = ends(&served, 1, now);
    tells(&ran, &["under way", "wide-helpdesk-2: invite"]);
    assert!(!ran.stdout.contains("withdrew"), "{}", ran.stdout);
    for _ in 0..2 {
        let waiting = run(&served, now);
        assert!(!waiting.stdout.contains("withdrew"), "{}", waiting.stdout);
        served.pass("PT1M").await;
    }
    tells(
        &run(&served, now),
        &["wide-helpdesk: withdrew the invitation, as another takes its place"],
    );
    // What was given up is not adopted a second time, which is told.
    let rest = document(&served, 1, &["diff", "-f", "out"]);
    assert_eq!(effects(&rest), [""; 0], "{rest:#}");
}

#[tokio::test]
async fn what_the_service_never_does_is_not_believed() {
    let cases = [
        ("accessDetails.unifiedRoles", json!([])),
        ("accessDetails.unifiedRoles", json!([{"roleDefinitionId": HELPDESK}])),
        ("customer.tenantId", json!("99999999-0000-4000-8000-000000000000")),
        ("endDateTime", json!("2026-01-01T00:00:00Z")),
        ("status", json!("created")),
        ("status", json!("approvalPending")),
    ];
    let served = adopted(true).await;
    let before = head(&served);
    for (property, value) in cases {
        rewritten(&served, property, value.clone()).await;
        for words in [&["diff", "-f", "out"] as &[&str], &["apply", "-f", "out"]] {
            tells(&ends(&served, 2, words), &["C0559"]);
        }
        tells(&ends(&served, 2, &["who-can", "Global Administrator"]), &["C0559"]);
        as_it_is(&served).await;
    }
    assert_eq!(head(&served), before);
    ends(&served, 0, &["diff", "-f", "out"]);
}

#[tokio::test]
async fn a_page_of_assignments_that_has_lost_what_it_held_is_not_nobody() {
    let (mut served, _) = stage().await;
    served.control("POST", "settings", &json!({"habits": {"anyGroup": true}})).await;
    ends(&served, 0, &["import", "-o", "out", "--manage"]);
    ends(&served, 0, &["apply", "-f", "out"]);
    served.log_in(crate::emulator::served::WRITER).await;
    let all = served.get(&format!("{ROOT}?$top=300")).await;
    let named = |one: &&Value| one["displayName"] == "northwind-helpdesk";
    let id = all.list().iter().find(named).unwrap()["id"].as_str().unwrap().to_owned();
    let path = format!("{ROOT}/{id}/accessAssignments");
    for group in 0..320 {
        let group = format!("0e0e0e0e-1111-4222-8333-{group:012}");
        assert_eq!(served.post(&path, &assignment(&group, &[HELPDESK])).await.status, 201);
    }
    served.pass("PT10M").await;
    for scope in ["batched", "calls"] {
        let fault = json!({"kind": "page", "how": "lost"});
        let rule = json!({"method": "GET", "path": path, "scope": scope, "fault": fault});
        served.fault(&rule).await;
        let listed = ends(&served, 2, &["get", "grants", "northwind-helpdesk"]);
        tells(&listed, &["C0559"]);
        tells(&ends(&served, 2, &["diff", "-f", "out"]), &["C0559"]);
        as_it_is(&served).await;
    }
}

#[tokio::test]
async fn what_waits_there_lapses_there_and_not_by_our_clock() {
    let (served, _) = stage().await;
    rewritten(&served, "createdDateTime", soon(-100 * 86_400)).await;
    ends(&served, 0, &["import", "-o", "out", "--manage"]);
    let plan = document(&served, 1, &["diff", "-f", "out"]);
    assert!(!effects(&plan).contains(&"Withdraw".to_owned()), "{plan:#}");
    ends(&served, 0, &["apply", "-f", "out"]);
    let rest = document(&served, 0, &["diff", "-f", "out"]);
    assert_eq!(effects(&rest), [""; 0], "{rest:#}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_stage_that_no_entry_gave_is_noticed_and_nothing_is_taken_over_it() {
    use sqlx::{Connection as _, SqliteConnection};
    for stage in ["Withdrawn", "Terminated", "Expired"] {
        let served = adopted(true).await;
        let file = served.place.path().join("emulator/concordat.db");
        let mut store =
            SqliteConnection::connect(&format!("sqlite:{}", file.display())).await.unwrap();
        let tamper = format!(
            "UPDATE relationships SET lifecycle = '{stage}' WHERE name = 'adventure-everything'"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(tamper)).execute(&mut store).await.unwrap();
        store.close().await.unwrap();
        for words in
            [&["diff", "-f", "out"] as &[&str], &["apply", "-f", "out"], &["ledger", "verify"]]
        {
            let ran = run(&served, words);
            assert_ne!(ran.code, Some(0), "{stage} {words:?}: {}{}", ran.stdout, ran.stderr);
            let all = format!("{}{}", ran.stdout, ran.stderr);
            assert!(
                all.contains("C0570") || all.contains("`lifecycle`"),
                "{stage} {words:?}: {all}"
            );
        }
        let can = run(&served, &["who-can", "Global Administrator"]);
        assert_ne!(can.code, Some(0), "{stage}: {}{}", can.stdout, can.stderr);
    }
}

/// Who holds Global Administrator by the ledger alone, as it is now.
fn by_the_ledger(served: &Served) -> String {
    let now = Timestamp::now().to_string();
    run(served, &["who-can", "Global Administrator", "--as-of", &now]).stdout
}

#[tokio::test]
async fn what_goes_and_comes_back_and_what_comes_and_goes_stands_in_the_ledger_each_time() {
    let served = adopted(true).await;
    let path = format!("{ROOT}/*/accessAssignments");
    let fault = json!({"kind": "rewrite", "property": "status", "value": "error"});
    served.fault(&json!({"method": "GET", "path": path, "scope": "batched", "fault": fault})).await;
    run(&served, &["apply", "-f", "out"]);
    assert!(!by_the_ledger(&served).contains(ENGINEERS));
    as_it_is(&served).await;
    for _ in 0..2 {
        ends(&served, 0, &["apply", "-f", "out"]);
        assert!(by_the_ledger(&served).contains(ENGINEERS), "it came back");
        is_whole(&served);
    }
    let quiet = head(&served);
    ends(&served, 0, &["apply", "-f", "out"]);
    assert_eq!(head(&served), quiet);

    let gives = json!({
        "kind": "assign", "relationship": "adventure-everything", "group": FIRST_LINE,
        "roles": [GLOBAL_ADMINISTRATOR],
    });
    let takes =
        json!({"kind": "delete", "relationship": "adventure-everything", "group": FIRST_LINE});
    for _ in 0..2 {
        outsider(&served, gives.clone()).await;
        ends(&served, 0, &["apply", "-f", "out"]);
        assert!(by_the_ledger(&served).contains(FIRST_LINE), "it came");
        outsider(&served, takes.clone()).await;
        ends(&served, 0, &["apply", "-f", "out"]);
        assert!(!by_the_ledger(&served).contains(FIRST_LINE), "it went");
        is_whole(&served);
    }
}

#[tokio::test]
async fn who_holds_what_is_in_the_ledger_from_the_adoption_on_also_of_what_is_only_watched() {
    let served = adopted(false).await;
    assert!(by_the_ledger(&served).contains(ENGINEERS), "{}", by_the_ledger(&served));
    let before = head(&served);
    ends(&served, 0, &["apply", "-f", "out"]);
    assert_eq!(head(&served), before, "a quiet system writes nothing");
    is_whole(&served);
}

#[tokio::test]
async fn what_was_changed_there_is_recorded_also_while_something_is_on_its_way() {
    let served = adopted(true).await;
    let file = served.place.path().join("out/customers/northwind-traders.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}  unmanagedAssignments: Revoke\n")).unwrap();
    ends(&served, 0, &["apply", "-f", "out"]);
    let given = json!({
        "kind": "assign", "relationship": "northwind-helpdesk", "group": ENGINEERS,
        "roles": [HELPDESK],
    });
    outsider(&served, given).await;
    ends(&served, 1, &["apply", "-f", "out", "--wait", "PT0S"]);
    tells(&run(&served, &["history", "northwind-helpdesk"]), &["Difference"]);
    tells(
        &run(&served, &["why", ENGINEERS, "--role", "Helpdesk Administrator"]),
        &["Difference by"],
    );
    is_whole(&served);
}

#[tokio::test]
async fn an_extension_lengthens_what_living_grants_give_and_nothing_past_their_own_end() {
    let (served, _) = stage().await;
    rewritten(&served, "endDateTime", soon(10)).await;
    ends(&served, 0, &["import", "-o", "out", "--manage"]);
    let grants = served.place.path().join("out/grants.yaml");
    let text = std::fs::read_to_string(&grants).unwrap();
    let until = soon(14);
    let until = until.as_str().unwrap();
    let ends_itself = format!("  justification: as found\n  notAfter: \"{until}\"\n");
    let mut parts: Vec<String> = text.split("---\n").map(str::to_owned).collect();
    for part in parts.iter_mut().filter(|part| part.contains("name: second-line")) {
        let kept: Vec<&str> = part.lines().filter(|line| !line.contains("justification")).collect();
        *part = format!("{}\n{ends_itself}", kept.join("\n"));
    }
    std::fs::write(&grants, parts.join("---\n")).unwrap();
    ends(&served, 0, &["apply", "-f", "out"]);
    as_it_is(&served).await;
    let before = run(&served, &["history"]).stdout.matches("Refused").count();
    ends(&served, 0, &["apply", "-f", "out"]);
    assert_eq!(run(&served, &["history"]).stdout.matches("Refused").count(), before);
    let rest = document(&served, 0, &["diff", "-f", "out"]);
    assert_eq!(effects(&rest), [""; 0], "{rest:#}");
    wait(15).await;
    let plan = document(&served, 1, &["diff", "-f", "out"]);
    assert_eq!(effects(&plan), ["SetRoles"], "{plan:#}");
    let lost = &plan["changes"][0]["effect"]["SetRoles"]["grantee"]["id"];
    assert_eq!(*lost, json!("0b0b0b0b-1111-4222-8333-444444444444"), "{plan:#}");
    is_whole(&served);
}

#[tokio::test]
async fn what_ends_there_is_told_and_recorded_also_where_nobody_declares_it_any_more() {
    let served = adopted(true).await;
    without_northwind(&served);
    ends(&served, 0, &["apply", "-f", "out"]);
    outsider(&served, json!({"kind": "removeRoles", "relationship": "northwind-helpdesk"})).await;
    let ran = run(&served, &["apply", "-f", "out"]);
    tells(&ran, &["northwind-helpdesk: recorded how it stands at Microsoft"]);
    let by_ledger = run(
        &served,
        &["who-can", "Message Center Reader", "--as-of", &Timestamp::now().to_string()],
    );
    assert!(!by_ledger.stdout.contains(FIRST_LINE), "{}", by_ledger.stdout);
    is_whole(&served);
}

/// A relationship of Northwind Traders that is active.
async fn made(served: &mut Served, name: &str) -> String {
    served.log_in(crate::emulator::served::WRITER).await;
    let mut body = wish(name, &[HELPDESK]);
    body["customer"] = json!({"tenantId": "ccccdddd-2222-eeee-3333-ffff4444aaaa"});
    body["duration"] = json!("P730D");
    let roles =
        [HELPDESK, "790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b", "f023fd81-a637-4b56-95fd-791ac0226033"];
    let roles = roles.map(|role| json!({"roleDefinitionId": role}));
    body["accessDetails"] = json!({"unifiedRoles": roles});
    let id = served.post(ROOT, &body).await.id();
    served.pass("PT1M").await;
    let lock = json!({"action": "lockForApproval"});
    served.post(&format!("{ROOT}/{id}/requests"), &lock).await;
    served.pass("PT1M").await;
    approve(served, name).await;
    id
}

#[tokio::test]
async fn what_takes_the_place_of_an_ended_one_is_adopted_as_its_second_row() {
    let mut served = adopted(true).await;
    outsider(&served, json!({"kind": "removeRoles", "relationship": "northwind-helpdesk"})).await;
    run(&served, &["apply", "-f", "out"]);
    let id = made(&mut served, "northwind-new").await;
    let file = served.place.path().join("out/customers/northwind-traders.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, _) = text.split_once("graph/").unwrap();
    let (_, after) = text.split_once("graph/").unwrap().1.split_once('\n').unwrap();
    std::fs::write(&file, format!("{before}graph/{id}\n{after}")).unwrap();
    std::fs::remove_file(served.place.path().join("out/grants.yaml")).unwrap();
    let applied = run(&served, &["apply", "-f", "out"]);
    tells(&applied, &["northwind-helpdesk-2: adopted what stands at Microsoft already"]);
    let rest = document(&served, 0, &["diff", "-f", "out"]);
    assert_eq!(effects(&rest), [""; 0]);
    is_whole(&served);
}

#[tokio::test]
async fn what_was_given_up_here_is_not_taken_over_again_and_nobody_is_invited_twice() {
    let served = adopted(true).await;
    let file = std::fs::read_dir(served.place.path().join("out/customers")).unwrap();
    let file = file.map(|entry| entry.unwrap().path());
    let wide = |path: &std::path::PathBuf| path.to_string_lossy().contains("eeeeffff");
    let file = file.into_iter().find(wide).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    ends(&served, 0, &["apply", "-f", "out", "--prune"]);
    std::fs::write(&file, &text).unwrap();
    let plan = run(&served, &["diff", "-f", "out"]);
    tells(&plan, &["C0557", "was given up here"]);
    assert!(!plan.stdout.contains(": invite "), "{}", plan.stdout);

    // The customer has approved it all the same, and nobody declares it: it is to be ended.
    std::fs::remove_file(&file).unwrap();
    approve(&served, "wide-helpdesk").await;
    let plan = document(&served, 1, &["diff", "-f", "out", "--prune"]);
    assert_eq!(effects(&plan), ["Recognise", "Terminate"], "{plan:#}");
}

#[tokio::test]
async fn one_relationship_is_adopted_by_one_object_and_two_that_ask_are_both_told() {
    let (served, _) = stage().await;
    ends(&served, 0, &["import", "-o", "out", "--manage"]);
    let text =
        std::fs::read_to_string(served.place.path().join("out/customers/northwind-traders.yaml"))
            .unwrap();
    let second = text
        .replace("name: northwind-helpdesk", "name: aa-two")
        .replace("displayName: northwind-helpdesk", "displayName: aa-two");
    std::fs::write(served.place.path().join("out/customers/second.yaml"), second).unwrap();
    let plan = run(&served, &["diff", "-f", "out"]);
    tells(&plan, &["C0557", "`msp/aa-two` and `msp/northwind-helpdesk`"]);
    assert!(!plan.stdout.contains("aa-two: adopt"), "{}", plan.stdout);
}

#[tokio::test]
async fn a_name_is_taken_at_microsoft_in_letters_of_either_case() {
    let served = adopted(true).await;
    let file = served.place.path().join("out/customers/northwind-traders.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("adopt-from") && *line != "  annotations:")
        .collect();
    let other = lines
        .join("\n")
        .replace("name: northwind-helpdesk", "name: another")
        .replace("displayName: northwind-helpdesk", "displayName: Whoever-Answers");
    std::fs::write(served.place.path().join("out/customers/another.yaml"), other).unwrap();
    tells(
        &run(&served, &["diff", "-f", "out"]),
        &["C0501", "is the name of a relationship at Microsoft"],
    );
}

#[tokio::test]
async fn a_store_by_itself_is_no_ledger_and_a_ledger_no_store_by_itself() {
    let served = adopted(true).await;
    let words = ["apply", "-f", "examples/quickstart", "--store", "sqlite:emulator/concordat.db"];
    let quickstart = crate::documents::with_examples();
    for name in ["offer.yaml", "relationship.yaml"] {
        let from = quickstart.path().join("examples/quickstart").join(name);
        served
            .place
            .write(&format!("examples/quickstart/{name}"), std::fs::read_to_string(from).unwrap());
    }
    let ran = served.place.run(&words);
    assert_eq!(ran.code, Some(2), "{}{}", ran.stdout, ran.stderr);
    tells(&ran, &["--store graph:FILE"]);

    let alone = ["apply", "-f", "examples/quickstart", "--store", "sqlite:emulator/alone.db"];
    assert_eq!(served.place.run(&alone).code, Some(0));
    let file = served.place.path().join("emulator/graph.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("concordat.db", "alone.db")).unwrap();
    for words in [&["diff", "-f", "out"] as &[&str], &["apply", "-f", "out"], &["get", "grants"]] {
        tells(&ends(&served, 2, words), &["is a store by itself"]);
    }
}

/// Relationships that are active, with these numbers.
async fn active(served: &Served, numbers: std::ops::Range<u32>) {
    let mut paths = Vec::new();
    for number in numbers.clone() {
        let made = served.post(ROOT, &wish(&format!("known {number}"), &[HELPDESK])).await;
        paths.push(format!("{ROOT}/{}", made.id()));
    }
    served.pass("PT1M").await;
    for path in paths {
        served.post(&format!("{path}/requests"), &json!({"action": "lockForApproval"})).await;
    }
    served.pass("PT1M").await;
    for number in numbers {
        let approve = json!({"kind": "approve", "relationship": format!("known {number}")});
        served.control("POST", "people", &approve).await;
    }
    served.pass("PT10M").await;
}

#[tokio::test]
async fn where_a_third_is_unknown_there_nothing_is_planned_and_where_a_fifth_is_the_others_are() {
    for (told, lacking) in [("C0632", 10), ("C0559", 6)] {
        let (mut served, _) = stage().await;
        served.control("POST", "reset", &json!({"to": "empty"})).await;
        served.log_in(crate::emulator::served::WRITER).await;
        active(&served, 0..30 - lacking).await;
        // The list without those that come, once they were imported and adopted.
        let mut stale = rule("GET", ROOT, None, &json!({"kind": "stale"}));
        stale["skip"] = json!(2);
        served.fault(&stale).await;
        active(&served, 30 - lacking..30).await;
        tells(&ends(&served, 0, &["import", "-o", "out", "--manage"]), &["30 relationships read"]);
        let applied = ends(&served, 0, &["apply", "-f", "out"]);
        assert_eq!(applied.stdout.matches(": adopted").count(), 30, "{}", applied.stdout);
        served.fault(&rule("GET", &format!("{ROOT}/*"), None, &refuse(404))).await;
        std::fs::remove_dir_all(served.place.path().join("out/customers")).unwrap();
        let before = head(&served);
        for words in
            [&["diff", "-f", "out", "--prune"] as &[&str], &["apply", "-f", "out", "--prune"]]
        {
            let ran = ends(&served, 2, words);
            tells(&ran, &[told]);
            assert_eq!(ran.stdout.is_empty(), told == "C0632", "{}", ran.stdout);
        }
        assert_eq!(head(&served), before);
    }
}

/// Somebody takes Global Administrator out of `adventure-everything`, and of who holds it.
async fn without_global_administrator(served: &mut Served) {
    served.log_in(crate::emulator::served::WRITER).await;
    let all = served.get(&format!("{ROOT}?$top=300")).await;
    let named = |one: &&Value| one["displayName"] == "adventure-everything";
    let path = format!("{ROOT}/{}", all.list().iter().find(named).unwrap()["id"].as_str().unwrap());
    let etag = served.get(&path).await.etag();
    let left = json!({"accessDetails": {"unifiedRoles": [{"roleDefinitionId": USERS}]}});
    let sent = served.call("PATCH", &path, &[("If-Match", &etag)], Some(&left)).await;
    assert_eq!(sent.status, 202, "{}", sent.body);
    served.pass("PT10M").await;
}

#[tokio::test]
async fn global_administrator_that_was_taken_out_there_is_asked_for_again_only_once_that_is_approved()
 {
    let mut served = adopted(true).await;
    without_global_administrator(&mut served).await;
    for _ in 0..2 {
        let plan = ends(&served, 1, &["diff", "-f", "out"]);
        tells(
            &plan,
            &[
                "C0502",
                "`adventure-everything` lost `Global Administrator` outside",
                "blocked until a person approves",
                "+ adventure-everything-2: invite",
                "it restores what was removed outside",
            ],
        );
        assert!(!plan.stdout.contains("C0513"), "nobody is to be asked: {}", plan.stdout);
        run(&served, &["apply", "-f", "out"]);
        is_whole(&served);
    }

    // The same where the customer has ended what was left.
    outsider(&served, json!({"kind": "removeRoles", "relationship": "adventure-everything"})).await;
    run(&served, &["apply", "-f", "out"]);
    let plan = ends(&served, 1, &["diff", "-f", "out"]);
    tells(&plan, &["C0502", "it restores what was removed outside"]);

    // The way out: it is offered without.
    let offers = served.place.path().join("out/offers.yaml");
    let text = std::fs::read_to_string(&offers).unwrap();
    std::fs::write(&offers, text.replace("  - Global Administrator\n", "")).unwrap();
    let plan = run(&served, &["diff", "-f", "out"]);
    assert!(!plan.stdout.contains("lost `Global Administrator`"), "{}", plan.stdout);
}

#[tokio::test]
async fn what_microsoft_has_forgotten_while_nobody_looked_is_left_behind_with_a_new_ledger() {
    let served = adopted(true).await;
    outsider(&served, json!({"kind": "removeRoles", "relationship": "northwind-helpdesk"})).await;
    served.pass("P366D").await;
    for words in [&["diff", "-f", "out"] as &[&str], &["apply", "-f", "out"]] {
        tells(&ends(&served, 2, words), &["C0559", "does not know it (404)"]);
    }
    // As `concordat explain C0559` says.
    let file = served.place.path().join("emulator/graph.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("concordat.db", "second.db")).unwrap();
    without_northwind(&served);
    // The invitation that nobody answered has lapsed.
    std::fs::remove_file(served.place.path().join(format!("out/customers/customer-{WIDE}.yaml")))
        .unwrap();
    let applied = run(&served, &["apply", "-f", "out"]);
    tells(&applied, &["adventure-everything: adopted"]);
    let rest = ends(&served, 0, &["diff", "-f", "out"]);
    assert!(!rest.stdout.contains("C0559"), "{}", rest.stdout);
    is_whole(&served);
}

/// Nobody declares Northwind Traders any more.
fn without_northwind(served: &Served) {
    std::fs::remove_file(served.place.path().join("out/customers/northwind-traders.yaml")).unwrap();
    let grants = served.place.path().join("out/grants.yaml");
    let text = std::fs::read_to_string(&grants).unwrap();
    let kept: Vec<&str> =
        text.split("---\n").filter(|part| !part.contains("name: northwind")).collect();
    std::fs::write(&grants, kept.join("---\n")).unwrap();
}

#[tokio::test]
async fn an_extension_there_is_recorded_with_all_that_is_held_also_where_nobody_declares_it() {
    let (served, _) = stage().await;
    let early = soon(60);
    rewritten(&served, "endDateTime", early.clone()).await;
    ends(&served, 0, &["import", "-o", "out", "--manage"]);
    ends(&served, 0, &["apply", "-f", "out"]);
    let gives = json!({
        "kind": "assign", "relationship": "adventure-everything", "group": FIRST_LINE,
        "roles": [GLOBAL_ADMINISTRATOR],
    });
    outsider(&served, gives).await;
    ends(&served, 0, &["apply", "-f", "out"]);
    without_northwind(&served);
    as_it_is(&served).await;
    let applied = ends(&served, 0, &["apply", "-f", "out"]);
    for name in ["adventure-everything", "northwind-helpdesk"] {
        tells(&applied, &[&format!("{name}: recorded how it stands at Microsoft: Active until")]);
    }
    let held = by_the_ledger(&served);
    assert!(held.contains(FIRST_LINE) && held.contains(ENGINEERS), "{held}");
    assert!(!held.contains(&early.as_str().unwrap()[..19]), "until the earlier end: {held}");
    let quiet = head(&served);
    ends(&served, 0, &["apply", "-f", "out"]);
    assert_eq!(head(&served), quiet);
    is_whole(&served);
}
