//! The program and a real PostgreSQL server.
//!
//! Never: a password in any answer, complaint or log.

use std::{
    fs,
    time::{Duration, Instant},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};

use super::{SECOND_LINE, Team, nothing_changes, says};
use crate::{
    postgres::{Server, server},
    program::finished,
};

#[test]
fn a_wrong_password_is_refused_and_not_shown() {
    let team = Team::new();
    let database = server().database("cli");
    let (right, name) = (&database.owner.url, &database.owner.name);
    let wrong = right.replace(&database.owner.password, "hunter2");
    assert_ne!(*right, wrong);
    for command in ["diff", "apply"] {
        let ran = team.run(&[command, "-f", "m", "-vv", "--store", &wrong]);
        says(&ran, 2, &["refuses the user or the password"]);
        assert!(!format!("{ran:?}").contains("hunter2"), "{name}: {}", ran.stderr);
    }
    for more in ["-vv", "-v"] {
        let ran = team.apply(&[more, "--store", right]);
        says(&ran, 0, &[]);
        assert!(!format!("{ran:?}").contains(&database.owner.password), "{}", ran.stderr);
    }
    nothing_changes(&team.diff(&["--store", right]));
}

#[test]
fn a_reader_is_answered_without_the_persons_and_may_not_apply() {
    let team = Team::new();
    let database = server().database("cli");
    assert_eq!(team.apply(&["--store", &database.owner.url]).code, Some(0));
    server().administer(&database.name, concordat::store::sql::POSTGRES_ROLES);
    let reader = server().login(&database, "reader");
    server().administer(&database.name, &format!("GRANT concordat_reader TO {}", reader.name));
    let with = |words: &[&str]| team.run(&[words, &["--store", &reader.url]].concat());
    nothing_changes(&with(&["diff", "-f", "m"]));
    let why = with(&["why", SECOND_LINE]);
    says(&why, 0, &["a person whose data is not here", "who accepted is not shown"]);
    assert!(!why.stdout.contains("Lovelace"));
    says(&with(&["ledger", "verify"]), 0, &["the ledger is whole"]);
    says(&with(&["history"]), 0, &["#4"]);
    says(&with(&["apply", "-f", "m"]), 2, &["does not allow it"]);
}

#[test]
fn a_server_is_reached_by_an_address_of_either_kind_and_by_its_socket_however_that_is_written() {
    let team = Team::new();
    let database = server().database("named");
    let url = &database.owner.url;
    assert_eq!(team.apply(&["--store", url]).code, Some(0));
    let (login, place) = url.rsplit_once('@').unwrap();
    let (folder, port) = server().socket();
    let name = place.split_once('/').unwrap().1;
    let encoded = folder.replace('/', "%2F");
    let ways = [
        url.replace("127.0.0.1", "[::1]"),
        url.replace("127.0.0.1", "localhost") + "/",
        url.replace("postgres://", "postgresql://"),
        format!("{login}@/{name}?host={folder}&port={port}"),
        format!("{login}@/{name}?host={encoded}&port={port}&sslmode=verify-full"),
        format!("{login}@/{name}?host={folder}/.s.PGSQL.{port}&port={port}"),
        format!("{login}@{encoded}:{port}/{name}"),
        format!("{login}@db.example:1/{name}?host={folder}&port={port}"),
        format!("{login}@db.example:{port}/nowhere?hostaddr=127.0.0.1&dbname={name}"),
        format!(
            "{url}?sslmode=require&application_name=ci&connect_timeout=10&target_session_attrs=read-write"
        ),
        format!(
            "{url}?sslmode=verify-full&sslrootcert={}&pgbouncer=true",
            server().ca_path().display()
        ),
        format!("{url}?channel_binding=prefer&gssencmode=disable&options=-c%20geqo%3Doff"),
    ];
    for way in &ways {
        nothing_changes(&team.diff(&["--store", way]));
    }
    let address = url.replace("127.0.0.1", "[::1]");
    let verified =
        format!("{address}?sslmode=verify-full&sslrootcert={}", server().ca_path().display());
    nothing_changes(&team.diff(&["--store", &verified]));
    // It is written to in the same ways.
    says(&team.apply(&["--store", &ways[3]]), 0, &[]);
    // What the URL leaves open comes from the environment, and is looked at in the same way.
    let with = |variables: &[(&str, &str)], store: &str| {
        let mut command = team.place.command(&["diff", "-f", "m", "--store", store]);
        command.envs(variables.iter().copied());
        finished(command, b"")
    };
    let port = port.to_string();
    let (user, password) = (database.owner.name.as_str(), database.owner.password.as_str());
    let socket = [
        ("PGHOST", folder.as_str()),
        ("PGPORT", &port),
        ("PGUSER", user),
        ("PGPASSWORD", password),
    ];
    nothing_changes(&with(&socket, &format!("postgres:///{name}")));
    says(&with(&[("PGSSLMODE", "verify")], url), 2, &["`sslmode` is one of `disable`", "[C0634]"]);
    says(
        &with(&[("PGPORT", "x")], &format!("postgres://127.0.0.1/{name}")),
        2,
        &["its port is no number"],
    );
    says(
        &with(&[("PGCHANNELBINDING", "require")], url),
        2,
        &["`channel_binding=require` is not supported"],
    );
    nothing_changes(&with(&[("PGSSLMODE", "verify")], &format!("{url}?sslmode=prefer")));
}

#[test]
fn a_file_that_a_setting_names_is_told_by_its_name_where_it_cannot_be_used() {
    let team = Team::new();
    team.place.write("empty.crt", "");
    team.place.write(
        "secret.key",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nhunter2\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    fs::copy(server().ca_path(), team.place.path().join("ca.crt")).unwrap();
    let url = "postgres://u:hunter2@127.0.0.1:1/db";
    let cases = [
        (
            "sslmode=verify-full&sslrootcert=/nope.crt",
            "the file `/nope.crt` of `sslrootcert` is not there",
        ),
        ("sslmode=require&sslrootcert=nope.crt", "the file `nope.crt` of `sslrootcert` in `"),
        ("sslmode=verify-ca&sslrootcert=empty.crt", "holds no certificate in PEM"),
        ("sslmode=verify-ca&sslrootcert=m", "is a folder"),
        ("sslmode=require&sslrootcert=system", "`sslrootcert=system` needs `sslmode=verify-full`"),
        ("sslmode=require&sslcert=ca.crt", "`sslcert` needs its key beside it"),
        ("sslmode=require&sslkey=secret.key", "`sslkey` needs its certificate beside it"),
        ("sslmode=require&sslcert=ca.crt&sslkey=nope.key", "the file `nope.key` of `sslkey`"),
        (
            "sslmode=require&sslcert=ca.crt&sslkey=secret.key",
            "is encrypted: write the key without a passphrase",
        ),
        ("sslmode=require&sslcert=ca.crt&sslkey=ca.crt", "holds no private key in PEM"),
        (
            "sslmode=verify-ca&sslrootcert=password%3Dhunter2",
            "the file of `sslrootcert` is not there",
        ),
    ];
    for (settings, expected) in cases {
        for command in ["diff", "apply"] {
            let ran =
                team.run(&[command, "-f", "m", "-vv", "--store", &format!("{url}?{settings}")]);
            says(&ran, 2, &[expected, "cannot be opened as it is named", "[C0634]"]);
            assert!(!format!("{ran:?}").contains("hunter2"), "{settings}: {}", ran.stderr);
        }
    }
    let mut command =
        team.place.command(&["diff", "-f", "m", "--store", "postgres://u@127.0.0.1:1/db"]);
    command.env("CONCORDAT_STORE_PASSWORD_FILE", "/hunter2");
    let ran = finished(command, b"");
    says(&ran, 2, &["the file that CONCORDAT_STORE_PASSWORD_FILE names is not there"]);
    assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
}

#[test]
fn what_is_wrong_with_a_certificate_is_told_in_words_with_a_way_out() {
    let team = Team::new();
    let server = Server::private();
    let database = server.database("tls");
    let key = KeyPair::generate().unwrap();
    let authority = |name: &str| {
        let mut of_authority = CertificateParams::new(vec![name.to_owned()]).unwrap();
        of_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(of_authority, KeyPair::generate().unwrap()).unwrap()
    };
    let ours = authority("127.0.0.1");
    let signed = |name: &str, from: i32, until: i32| {
        let mut of_server = CertificateParams::new(vec![name.to_owned()]).unwrap();
        of_server.not_before = date_time_ymd(from, 1, 1);
        of_server.not_after = date_time_ymd(until, 1, 1);
        of_server.signed_by(&key, &ours).unwrap().pem()
    };
    let root = team.place.path().join("root.crt");
    let url = &database.owner.url;
    let verified = |mode: &str| format!("{url}?sslmode={mode}&sslrootcert={}", root.display());
    fs::write(&root, ours.pem()).unwrap();
    let own = (ours.pem(), ours.key().serialize_pem());
    let with_key = |certificate: String| (certificate, key.serialize_pem());
    let cases = [
        (own, "verify-full", "is that of an authority (`CA:TRUE`)"),
        (
            with_key(signed("127.0.0.1", 2000, 2001)),
            "verify-full",
            "its certificate was over at 2001-01-01T00:00:00Z",
        ),
        (
            with_key(signed("127.0.0.1", 2400, 2500)),
            "verify-ca",
            "its certificate begins at 2400-01-01T00:00:00Z",
        ),
        (with_key(signed("db.example", 2000, 2500)), "verify-full", "and not for `127.0.0.1`"),
    ];
    for ((certificate, key), mode, expected) in cases {
        server.show_certificate(&certificate, &key);
        let began = Instant::now();
        loop {
            let ran = team.run(&["diff", "-f", "m", "--store", &verified(mode)]);
            if ran.stderr.contains(expected) || began.elapsed() > Duration::from_secs(20) {
                says(&ran, 2, &[expected, "[C0609]"]);
                let foreign = ["Error(", "Context", "CaUsed", "invalid peer"];
                assert!(!foreign.iter().any(|word| ran.stderr.contains(word)), "{}", ran.stderr);
                break;
            }
        }
    }
    // The last one is signed as it should be, and for another name.
    says(&team.diff(&["--store", &verified("verify-ca")]), 1, &[]);
    fs::copy(server.strange_ca_path(), &root).unwrap();
    for mode in ["verify-ca", "require"] {
        says(&team.diff(&["--store", &verified(mode)]), 2, &["`sslrootcert=FILE` names"]);
    }
    says(&team.diff(&["--store", &format!("{url}?sslmode=require")]), 1, &[]);
}

#[test]
fn who_answers_in_another_way_or_not_at_all_is_told_in_words() {
    let team = Team::new();
    let (folder, _) = server().socket();
    let database = server().database("words");
    let tls_only = server().tls_only_login(&database, "client");
    let (user, place) =
        database.owner.url.split_once(&format!(":{}", database.owner.password)).unwrap();
    let without_password = format!("{user}{place}");
    let cases = [
        ("postgres://u@127.0.0.1:1/db".to_owned(), "nothing listens there"),
        ("postgres://u@nowhere.invalid/db".to_owned(), "its host has no address"),
        (format!("postgres://u@/db?host={folder}&port=1"), "there is no socket"),
        (format!("{}?sslmode=disable", tls_only.url), "admits no such login without TLS"),
        (without_password, "refuses the user or the password: none came from the URL, PGPASSWORD"),
    ];
    for (store, expected) in &cases {
        let ran = team.run(&["diff", "-f", "m", "--store", store]);
        says(&ran, 2, &[expected]);
        assert!(
            !ran.stderr.contains("os error") && !ran.stderr.contains("C0614"),
            "{}",
            ran.stderr
        );
    }
}
