//! What goes wrong on purpose, as a client meets it.
//!
//! Never: a fault that is told from the emulator's side only.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{
    paths::{HELPDESK, MESSAGES, active},
    served::{ROOT, Served, WRITER, assignment, wish},
};

const GROUP: &str = "0a0a0a0a-1111-4222-8333-444444444444";

fn rule(method: &str, path: &str, fault: &Value) -> Value {
    json!({"method": method, "path": path, "times": 1, "fault": fault})
}

/// What a plain GET of this path gives: its status and its text, or that the line was cut.
async fn raw(served: &Served, path: &str) -> Result<(u16, String), ()> {
    let response = served.request("GET", &format!("{}/v1.0{path}", served.url)).send().await;
    let response = response.map_err(drop)?;
    let status = response.status().as_u16();
    response.text().await.map(|text| (status, text)).map_err(drop)
}

#[tokio::test]
async fn each_error_comes_with_and_without_its_effect() {
    let served = Served::new(&["--empty"]).await;
    for (number, status) in [401, 403, 409, 412, 429, 500, 503].into_iter().enumerate() {
        for effect in [false, true] {
            let fault =
                json!({"kind": "refuse", "status": status, "retryAfter": "3600", "effect": effect});
            served.fault(&rule("POST", ROOT, &fault)).await;
            let name = format!("number {number} {effect}");
            let refused = served.post(ROOT, &wish(&name, &[HELPDESK])).await;
            assert_eq!((refused.status, refused.header("retry-after")), (status, "3600"));
            let made = served.post(ROOT, &wish(&name, &[HELPDESK])).await;
            assert_eq!(made.status, if effect { 409 } else { 201 }, "{name}");
        }
    }
}

#[tokio::test]
async fn a_line_is_cut_before_the_effect_after_it_and_in_the_middle_of_the_answer() {
    let served = Served::new(&["--empty"]).await;
    for (cut, made) in [("before", 201), ("after", 409), ("half", 409)] {
        served.fault(&rule("POST", ROOT, &json!({"kind": "cut", "at": cut}))).await;
        let request = served.request("POST", &format!("{}/v1.0{ROOT}", served.url));
        let sent = request.json(&wish(cut, &[HELPDESK])).send().await;
        let whole = match sent {
            Ok(response) => response.bytes().await.is_ok(),
            Err(_) => false,
        };
        assert!(!whole, "{cut}");
        assert_eq!(served.post(ROOT, &wish(cut, &[HELPDESK])).await.status, made, "{cut}");
    }
}

#[tokio::test]
async fn a_late_write_lands_when_its_time_has_come() {
    let served = Served::new(&["--empty"]).await;
    served.fault(&rule("POST", ROOT, &json!({"kind": "late", "seconds": 120}))).await;
    let request = served.request("POST", &format!("{}/v1.0{ROOT}", served.url));
    assert!(request.json(&wish("late", &[HELPDESK])).send().await.is_err());
    served.pass("PT119S").await;
    assert_eq!(served.get(ROOT).await.list().len(), 0);
    served.pass("PT1S").await;
    assert_eq!(served.get(ROOT).await.list().len(), 1);
}

#[tokio::test]
async fn what_is_made_hangs_or_fails() {
    let mut served = Served::new(&["--empty"]).await;
    let path = active(&served, "active", &[HELPDESK, MESSAGES]).await;
    let all = format!("{path}/accessAssignments");
    served
        .fault(&rule("POST", &format!("{ROOT}/*/accessAssignments"), &json!({"kind": "fate"})))
        .await;
    served.post(&all, &assignment(GROUP, &[HELPDESK])).await;
    served.pass("PT30M").await;
    assert_eq!(served.get(&all).await.list()[0]["status"], "error");
    served.control("POST", "settings", &json!({"habits": {"hangsFrom": 2}})).await;
    let other = GROUP.replace("0a", "0b");
    let made = served.post(&all, &assignment(&other, &[HELPDESK, MESSAGES])).await;
    served.pass("PT240H").await;
    served.log_in(WRITER).await;
    assert_eq!(served.get(&format!("{all}/{}", made.id())).await.body["status"], "pending");
}

#[tokio::test]
async fn a_list_is_wrong_in_every_way_that_was_asked_for() {
    let served = Served::new(&[]).await;
    let first = format!("{ROOT}?$top=2");
    let cases = [
        (json!({"kind": "page", "how": "empty"}), 0, ""),
        (json!({"kind": "page", "how": "lost"}), 0, "skiptoken"),
        (json!({"kind": "page", "how": "repeated"}), 2, "$top=2"),
        (json!({"kind": "page", "how": "circular"}), 2, ROOT),
        (
            json!({"kind": "page", "how": "elsewhere", "origin": "https://evil.example"}),
            2,
            "evil.example",
        ),
        (json!({"kind": "page", "how": "twice"}), 3, "skiptoken"),
    ];
    for (fault, items, next) in cases {
        served.fault(&rule("GET", ROOT, &fault)).await;
        let page = served.get(&first).await;
        assert_eq!(page.list().len(), items, "{fault}");
        let link = page.body["@odata.nextLink"].as_str().unwrap_or_default();
        assert!(link.contains(next) && link.is_empty() == next.is_empty(), "{fault}: {link}");
    }
    served.fault(&rule("GET", ROOT, &json!({"kind": "page", "how": "noValue"}))).await;
    let (status, text) = raw(&served, ROOT).await.unwrap();
    assert!(status == 200 && !text.contains("\"value\""), "{text}");
}

#[tokio::test]
async fn what_is_odd_in_the_field_is_written_into_every_object() {
    let served = Served::new(&[]).await;
    let cases = [
        ("customer.displayName", Value::Null, "\"displayName\":null"),
        ("activatedDateTime", json!(""), "\"activatedDateTime\":\"\""),
        ("duration", json!("P2Y"), "\"duration\":\"P2Y\""),
        ("autoExtendDuration", json!("PT0S"), "\"autoExtendDuration\":\"PT0S\""),
        ("status", json!("frozen"), "\"status\":\"frozen\""),
    ];
    for (property, value, expected) in cases {
        let fault = json!({"kind": "rewrite", "property": property, "value": value});
        served.fault(&rule("GET", ROOT, &fault)).await;
        let (_, text) = raw(&served, ROOT).await.unwrap();
        assert!(text.contains(expected), "{property}: {text}");
    }
    served.fault(&rule("GET", ROOT, &json!({"kind": "upperCaseIds"}))).await;
    let (_, text) = raw(&served, ROOT).await.unwrap();
    assert!(text.contains("AAAABBBB-0000-CCCC-1111-DDDD2222EEEE"), "{text}");
    served.fault(&rule("GET", ROOT, &json!({"kind": "huge", "bytes": 100_000_000}))).await;
    assert!(raw(&served, ROOT).await.unwrap().1.len() > 100_000_000);
    served.fault(&rule("GET", ROOT, &json!({"kind": "deep", "depth": 10_000}))).await;
    assert!(raw(&served, ROOT).await.unwrap().1.contains(&"[".repeat(10_000)));
    served
        .fault(&rule(
            "GET",
            ROOT,
            &json!({"kind": "header", "name": "Location", "value": "https://evil.example"}),
        ))
        .await;
    assert_eq!(served.get(ROOT).await.header("location"), "https://evil.example");
}

#[tokio::test]
async fn a_reader_sees_the_past_for_a_while_and_an_id_is_gone_for_a_while() {
    let served = Served::new(&["--empty"]).await;
    served.fault(&json!({"path": "/tenantRelationships/**", "method": "GET", "forSeconds": 30, "fault": {"kind": "stale"}})).await;
    let made = served.post(ROOT, &wish("new", &[HELPDESK])).await;
    let path = format!("{ROOT}/{}", made.id());
    assert_eq!((served.get(ROOT).await.list().len(), served.get(&path).await.status), (0, 404));
    served.pass("PT30S").await;
    assert_eq!((served.get(ROOT).await.list().len(), served.get(&path).await.status), (1, 200));
    served
        .fault(&json!({"path": path, "forSeconds": 60, "fault": {"kind": "refuse", "status": 404}}))
        .await;
    assert_eq!(served.get(&path).await.status, 404);
    served.pass("PT60S").await;
    assert_eq!(served.get(&path).await.status, 200);
}

#[tokio::test]
async fn a_batch_answers_less_more_and_otherwise_than_it_was_asked() {
    let served = Served::new(&["--empty"]).await;
    let requests: Vec<_> =
        (0..20).map(|id| json!({"id": id.to_string(), "method": "GET", "url": ROOT})).collect();
    let batch = json!({"requests": requests});
    let asked: Vec<_> = (0..20).map(|id| id.to_string()).collect();
    let ids = |body: &Value| -> Vec<String> {
        let all = body["responses"].as_array().unwrap().iter();
        all.map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    };
    for (how, number) in [("missing", 19), ("twice", 21), ("shuffled", 20)] {
        served
            .fault(&rule("POST", "/$batch", &json!({"kind": "batch", "how": how, "index": 3})))
            .await;
        let found = ids(&served.post("/$batch", &batch).await.body);
        assert!(found.len() == number && found != asked, "{how}: {found:?}");
    }
    let mut failing =
        rule("GET", ROOT, &json!({"kind": "refuse", "status": 429, "retryAfter": "7"}));
    failing["times"] = json!(3);
    failing["skip"] = json!(5);
    failing["scope"] = json!("batched");
    served.fault(&failing).await;
    let body = served.post("/$batch", &batch).await.body;
    let all = body["responses"].as_array().unwrap();
    let failed: Vec<_> = all.iter().filter(|it| it["status"] == 429).collect();
    assert_eq!(failed.len(), 3);
    assert_eq!(failed[0]["headers"]["Retry-After"], "7");
    assert_eq!(ids(&body), asked);
}

#[tokio::test]
async fn a_call_takes_as_long_as_was_set_and_the_date_is_as_far_off() {
    let served = Served::new(&["--empty"]).await;
    let latency = json!({"latency": {"call": 200, "subRequest": 10}, "dateOff": -3600});
    served.control("POST", "settings", &latency).await;
    let requests: Vec<_> =
        (0..20).map(|id| json!({"id": id.to_string(), "method": "GET", "url": ROOT})).collect();
    let began = Instant::now();
    let answer = served.post("/$batch", &json!({"requests": requests})).await;
    assert!(began.elapsed() >= Duration::from_millis(400), "{:?}", began.elapsed());
    let clock = served.control("GET", "clock", &Value::Null).await;
    let now: jiff::Timestamp = clock["now"].as_str().unwrap().parse().unwrap();
    let date = jiff::fmt::rfc2822::parse(answer.header("date")).unwrap().timestamp();
    assert_eq!(now.as_second() - date.as_second(), 3600);
}

#[tokio::test]
async fn by_chance_the_same_happens_again_with_the_same_seed() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let served = Served::new(&["--empty"]).await;
        let fault = json!({"kind": "refuse", "status": 503});
        served.fault(&json!({"path": ROOT, "inAMillion": 300_000, "fault": fault})).await;
        let mut run = Vec::new();
        for _ in 0..30 {
            run.push(served.get(ROOT).await.status);
        }
        assert!(run.contains(&503) && run.contains(&200), "{run:?}");
        runs.push(run);
    }
    assert_eq!(runs[0], runs[1]);
}
