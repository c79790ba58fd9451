//! `concordat emulate` as people type it: start, approve, meddle, move the clock, and stop.
//!
//! Never: a secret on a stream, or a file with one that others can read.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::Value;

use super::{
    paths::HELPDESK,
    served::{READER, Served, WRITER},
};
use crate::program::Place;

#[tokio::test]
async fn it_says_what_it_is_writes_how_it_is_reached_and_goes_without_a_trace() {
    let served = Served::new(&[]).await;
    let folder = served.place.path().join("emulator");
    let secrets = [served.secret(READER), served.secret(WRITER)];
    for name in ["ca.pem", "graph.yaml", "reader.secret", "writer.secret", "emulator.json"] {
        let mode = fs::metadata(folder.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let connection = fs::read_to_string(folder.join("graph.yaml")).unwrap();
    let host = served.url.trim_start_matches("https://").to_owned();
    assert!(connection.contains(&format!("graph: {host}")), "{connection}");
    assert!(secrets.iter().all(|secret| !connection.contains(secret)));
    let (code, said) = served.stop();
    assert_eq!(code, Some(0));
    assert!(said.contains("none of Microsoft's") && said.contains("has stopped"), "{said}");
    assert!(secrets.iter().all(|secret| !said.contains(secret)), "{said}");
}

#[tokio::test]
async fn people_outside_are_played_from_another_terminal() {
    let served = Served::new(&[]).await;
    let status = |name: &str| {
        let all: Value = serde_json::from_str(&served.run(&["status", "--json"]).stdout).unwrap();
        let all = all["relationships"].as_array().unwrap().clone();
        all.into_iter().find(|it| it["name"] == name).unwrap()
    };
    let group = "0c0c0c0c-1111-4222-8333-444444444444";
    let steps: [(&[&str], i32, &str); 10] = [
        (&["approve", "wide-helpdesk"], 0, "`wide-helpdesk` is approved\n"),
        (&["approve", "wide-helpdesk"], 1, ""),
        (&["approve", "whoever-answers"], 1, ""),
        (&["clock", "+PT5M"], 0, "Z\n"),
        (&["outsider", "assign", "wide-helpdesk", group, HELPDESK], 0, "is being given its roles"),
        (&["outsider", "extend", "wide-helpdesk", "on"], 0, "extension of `wide-helpdesk` is on"),
        (&["outsider", "extend", "adventure-everything", "on"], 1, ""),
        (&["outsider", "delete", "wide-helpdesk", group], 0, "are being taken away"),
        (&["remove-roles", "northwind-helpdesk"], 0, "is being ended"),
        (&["outsider", "terminate", "wide-helpdesk"], 0, "is being ended"),
    ];
    for (words, code, said) in steps {
        let ran = served.run(words);
        assert_eq!(ran.code, Some(code), "{words:?}: {}", ran.stderr);
        assert!(ran.stdout.contains(said), "{words:?}: {}", ran.stdout);
        assert_eq!(ran.stderr.starts_with("error: "), code != 0, "{words:?}: {}", ran.stderr);
    }
    assert_eq!(served.run(&["clock", "+PT1H"]).code, Some(0));
    assert_eq!(status("northwind-helpdesk")["status"], "terminated");
    assert_eq!(status("wide-helpdesk")["assignments"][0]["status"], "deleted");
    let table = served.run(&["status"]).stdout;
    assert!(table.contains("northwind-helpdesk") && table.contains("Northwind Traders"), "{table}");
    let open = ["approve", "whoever-answers", "--customer", "bbbbcccc-1111-dddd-2222-eeee3333ffff"];
    assert_eq!(served.run(&open).code, Some(0));
}

#[test]
fn where_none_runs_and_where_others_could_reach_it_the_way_out_is_said() {
    let place = Place::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    let cases: [(&[&str], &str); 10] = [
        (&["emulate", "--listen", "127.0.0.2:0"], "listen on 127.0.0.1 or [::1]"),
        (&["emulate", "clock", "+P1M"], "say days, such as `+P30D`"),
        (&["emulate", "clock", "+P9000Y"], "say days, such as `+P30D`"),
        (&["emulate", "--dir", "a", "status"], "no emulator runs with `a`"),
        (&["emulate", "status"], "start one with `concordat emulate --dir concordat-emulator`"),
        (&["emulate", "--listen", "0.0.0.0:8443"], "listen on 127.0.0.1 or [::1]"),
        (&["emulate", "--clock", "fast"], "`real`, or a whole number"),
        (&["emulate", "clock", "PT1H"], "such as `+PT1H`"),
        (&["emulate", "outsider", "assign", "x", "y", "z"], "invalid value 'y'"),
        (&["emulate", "--empty", "status"], "cannot be used"),
    ];
    for (words, said) in cases {
        let ran = place.run(words);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{words:?}");
        assert!(ran.stderr.contains(said), "{words:?}: {}", ran.stderr);
        assert!(!ran.stderr.contains("tip:"), "{words:?}: {}", ran.stderr);
    }
    let ran = place.run(&["emulate", "--listen", &taken]);
    assert!(ran.code == Some(2) && ran.stderr.contains("`--listen 127.0.0.1:0`"), "{}", ran.stderr);
}

#[tokio::test]
async fn it_is_reset_and_begins_again_as_it_was() {
    let served = Served::new(&[]).await;
    let before = served.control("GET", "status", &Value::Null).await["relationships"].clone();
    served.run(&["remove-roles", "northwind-helpdesk"]);
    let changed = served.control("GET", "status", &Value::Null).await["relationships"].clone();
    assert_ne!(before, changed);
    let reset = served.control("POST", "reset", &Value::Null).await;
    assert_eq!(reset["relationships"].as_array().unwrap().len(), 7);
    let empty = served.control("POST", "reset", &serde_json::json!({"to": "empty"})).await;
    assert_eq!(empty["relationships"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn what_others_have_written_stays_and_its_own_old_files_go() {
    for name in
        ["ca.pem", "graph.yaml", "reader.secret", "writer.secret", "emulator.json", "emulator.lock"]
    {
        let place = Place::new();
        place.write(&format!("mine/{name}"), "precious");
        let ran = place.run(&["emulate", "--listen", "127.0.0.1:0", "--dir", "mine"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{name}: {}", ran.stderr);
        assert!(ran.stderr.contains(name) && ran.stderr.contains("--dir"), "{}", ran.stderr);
        let left: Vec<_> = fs::read_dir(place.path().join("mine")).unwrap().collect();
        assert_eq!(left.len(), 1, "{name}");
        assert_eq!(fs::read_to_string(place.path().join("mine").join(name)).unwrap(), "precious");
    }
    let served = Served::new(&[]).await;
    let secret = served.secret(WRITER);
    let served = served.again().await;
    assert_ne!(served.secret(WRITER), secret);
}

#[tokio::test]
async fn a_folder_is_for_one_emulator_at_a_time() {
    let served = Served::new(&[]).await;
    let secret = served.secret(WRITER);
    let ran = served.place.run(&["emulate", "--listen", "127.0.0.1:0", "--dir", "emulator"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("`emulator`") && ran.stderr.contains("--dir"), "{}", ran.stderr);
    assert_eq!(served.secret(WRITER), secret);
    assert_eq!(served.run(&["status"]).code, Some(0));
    let running = served.place.path().join("emulator/emulator.json");
    fs::write(&running, "another one's").unwrap();
    let place = served.place.path().to_owned();
    let (code, said) =
        served.stop_keeping(|| fs::read_to_string(place.join("emulator/emulator.json")));
    assert_eq!((code.0, code.1.unwrap().as_str()), (Some(0), "another one's"), "{said}");
}

#[tokio::test]
async fn what_is_typed_next_works_as_it_stands() {
    let served = Served::new(&[]).await;
    let ran = served.place.run(&["emulate", "--dir", "emulator", "status"]);
    assert!(ran.code == Some(0) && ran.stdout.contains("wide-helpdesk"), "{}", ran.stderr);
    let (_, said) = served.stop();
    for next in ["status", "approve wide-helpdesk", "clock +P90D"] {
        assert!(said.contains(&format!("concordat emulate --dir emulator {next} ")), "{said}");
    }
}
