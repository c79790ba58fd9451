//! Whole runs of the program in which everything goes wrong, with all logs on: what is said and written holds no secret.
//!
//! Never: a file that is passed over because it is not expected to hold one.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{LOGIN_PATH, certificate, folder, refuse, register, rule, stage};
use crate::{
    emulator::served::{READER, ROOT, Served, WRITER},
    program::{Ran, finished},
};

/// The files below a folder.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { [path].into() }).collect()
}

/// A run with every log that there is.
fn loud(served: &Served, words: &[&str]) -> Ran {
    let mut command = served.place.command(words);
    command.env("CONCORDAT_LOG", "trace").env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
    finished(command, b"")
}

/// `doctor` and `import` by a connection, after something was made to go wrong.
async fn sequence(served: &Served, file: &str, number: usize, faults: &[Value]) -> String {
    for fault in faults {
        served.fault(fault).await;
    }
    let store = format!("graph:emulator/{file}");
    let folder = format!("{file}-{number}");
    let mut said = String::new();
    let all =
        [["doctor", "--store", &store, "-o", "json"], ["import", "--store", &store, "-o", &folder]];
    for words in all {
        let ran = loud(served, &words);
        assert!(ran.code.is_some(), "{words:?}: {}", ran.stderr);
        said = said + &ran.stdout + &ran.stderr;
    }
    served.control("DELETE", "faults", &Value::Null).await;
    said
}

fn all_faults() -> Vec<Vec<Value>> {
    let lists = |fault: &Value| rule("GET", ROOT, Some(2), fault);
    let logins = |fault: &Value| rule("POST", LOGIN_PATH, Some(2), fault);
    let batches = |fault: &Value| rule("POST", "/$batch", Some(1), fault);
    let half = json!({"kind": "cut", "at": "half"});
    let strange = json!({"kind": "rewrite", "property": "access_token", "value": "a b\r\nX: y"});
    let endless = json!({"kind": "rewrite", "property": "expires_in", "value": -1});
    vec![
        vec![],
        vec![lists(&refuse(401))],
        vec![lists(&refuse(403))],
        vec![lists(&refuse(500))],
        vec![lists(&half), batches(&half)],
        vec![lists(&json!({"kind": "deep", "depth": 100}))],
        vec![logins(&refuse(401))],
        vec![logins(&refuse(403))],
        vec![logins(&refuse(500))],
        vec![logins(&half)],
        vec![logins(&strange)],
        vec![logins(&endless)],
    ]
}

/// The lines of a private key in PEM.
fn key(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let (_, key) = text.split_once("-----BEGIN PRIVATE KEY-----\n").unwrap();
    let (key, _) = key.split_once("-----END").unwrap();
    key.lines().filter(|line| line.len() > 16).map(str::to_owned).collect()
}

#[tokio::test]
async fn no_secret_no_key_and_no_token_is_said_logged_or_written_whatever_goes_wrong() {
    let (served, _) = stage().await;
    let (file, own) = certificate(&served, "reader.pem");
    let (other, _) = certificate(&served, "other.pem");
    let secret = served.secret(READER);
    register(&served, &json!({"certificates": [own], "secret": secret})).await;
    let by_secret = fs::read_to_string(folder(&served).join("graph.yaml")).unwrap();
    let by_certificate = by_secret.replacen("clientSecret", "certificate", 1);
    let by_certificate = by_certificate.replace("reader.secret", "reader.pem");
    fs::write(folder(&served).join("certificate.yaml"), by_certificate).unwrap();

    let mut secrets = key(&file);
    secrets.extend(key(&other));
    secrets.extend([secret.clone(), served.secret(WRITER), "wrong-Sesame9".to_owned()]);
    // What every token of the emulator, every assertion and every header with one begins with.
    secrets.extend(["emulator-eyJ", "eyJ", "Bearer e"].map(str::to_owned));
    let before = files(served.place.path());
    let mut said = String::new();
    for (number, faults) in all_faults().iter().enumerate() {
        for file in ["graph.yaml", "certificate.yaml"] {
            said += &sequence(&served, file, number, faults).await;
        }
    }
    let place = folder(&served).join("reader.secret");
    fs::write(&place, "wrong-Sesame9").unwrap();
    fs::rename(&other, &file).unwrap();
    for file in ["graph.yaml", "certificate.yaml"] {
        said += &sequence(&served, file, 99, &[]).await;
    }
    assert!(said.contains("AADSTS7000215") && said.contains("AADSTS700027"), "no proof was wrong");
    assert!(said.contains("TRACE"), "nothing was logged");
    let written = files(served.place.path());
    let written: Vec<&PathBuf> = written.difference(&before).collect();
    assert!(written.iter().any(|path| path.ends_with("grants.yaml")), "{written:?}");
    for path in written {
        said += &String::from_utf8_lossy(&fs::read(path).unwrap());
    }
    for secret in secrets {
        let at = said.find(&secret);
        let around = at.map(|at| {
            let begin = said[..at].rfind('\n').unwrap_or_default();
            said[begin..].lines().take(2).collect::<String>()
        });
        assert_eq!(around, None, "`{secret}` is told");
    }
}
