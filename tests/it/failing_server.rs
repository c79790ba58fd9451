//! The real program before a PostgreSQL server that goes away: at each message, and for good.
//!
//! Never: a lost answer that is taken for an answer.

#![allow(clippy::print_stdout, reason = "a sweep says how much it tried")]

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use concordat::store::StoreUrl;
use serde_json::Value;

use crate::{
    postgres::{Database, Server, server},
    program::{Ran, finished},
    store_samples::Place,
    work::{Gate, Told, Work, entries, large, small, told, typed},
};

/// Stands between the program and the server, and cuts the line at one message of the program.
struct Line {
    port: u16,
    messages: Arc<AtomicUsize>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Cut {
    /// The message does not come to the server.
    Before,
    /// The server hears it, and its answer is lost.
    After,
}

impl Line {
    fn to(server: u16, at: usize, cut: Cut) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let messages = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&messages);
        thread::spawn(move || {
            let Ok((client, _)) = listener.accept() else { return };
            // The lock has a line of its own, which holds.
            thread::spawn(move || {
                for client in listener.incoming().flatten() {
                    let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
                    thread::spawn(move || {
                        carry(&client, &server, &AtomicUsize::new(0), usize::MAX, Cut::Before);
                    });
                }
            });
            let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
            carry(&client, &server, &counted, at, cut);
            let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
        });
        Self { port, messages }
    }
}

fn carry(client: &TcpStream, server: &TcpStream, messages: &AtomicUsize, at: usize, cut: Cut) {
    let deaf = Arc::new(AtomicBool::new(false));
    let back = {
        let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        let deaf = Arc::clone(&deaf);
        thread::spawn(move || {
            let mut bytes = vec![0; 65_536];
            while let Ok(many @ 1..) = from.read(&mut bytes) {
                if !deaf.load(Ordering::SeqCst) && to.write_all(&bytes[..many]).is_err() {
                    break;
                }
            }
        })
    };
    let (mut from, mut to) = (client, server);
    let mut bytes = vec![0; 65_536];
    while let Ok(many @ 1..) = from.read(&mut bytes) {
        let is_last = messages.fetch_add(1, Ordering::SeqCst) + 1 == at;
        deaf.store(is_last, Ordering::SeqCst);
        if is_last && cut == Cut::Before || to.write_all(&bytes[..many]).is_err() {
            break;
        }
        if is_last {
            thread::sleep(Duration::from_millis(40));
            break;
        }
    }
    let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
    back.join().unwrap();
}

fn apply(work: &Work, url: &str) -> Ran {
    work.place.run(&["apply", "-f", "work", "--store", url])
}

/// Applies with the line cut at one message, and then without; the number of messages.
async fn cut(
    work: &Work,
    database: &Database,
    at: usize,
    how: Cut,
    expected: Option<&Told>,
) -> usize {
    let url: StoreUrl = database.url().parse().unwrap();
    let (_, port) = database.url().split_once("127.0.0.1:").unwrap();
    let port = port.split('/').next().unwrap();
    let line = Line::to(port.parse().unwrap(), at, how);
    let through = database.url().replace(&format!(":{port}/"), &format!(":{}/", line.port));
    let ran = apply(work, &through);
    let all = format!("{ran:?}");
    assert!(!all.contains(&database.owner.password), "the password is shown: {all}");
    let messages = line.messages.load(Ordering::SeqCst);
    let Some(expected) = expected else {
        assert_eq!(ran.code, Some(0), "{all}");
        return messages;
    };
    let made = entries(&url).await;
    if ran.code == Some(0) {
        assert_eq!(made, i64::try_from(work.changes).unwrap(), "{how:?} {at}: {all}");
    } else {
        assert_eq!(ran.code, Some(2), "{how:?} {at}: {all}");
        assert!(ran.stderr.contains("cannot be reached"), "{how:?} {at}: {all}");
        assert!(!ran.stdout.contains("Nothing changes"), "{how:?} {at}: {all}");
    }
    let again = apply(work, database.url());
    assert_eq!(again.code, Some(0), "{how:?} {at}: {again:?}");
    assert_eq!(told(&url).await, *expected, "{how:?} {at}");
    messages
}

#[tokio::test]
async fn the_line_may_be_cut_at_any_message_from_an_empty_database_on() {
    let (work, server) = (small(), server());
    let database = server.database("line");
    let messages = cut(work, &database, 0, Cut::Before, None).await;
    let expected = told(&database.url().parse().unwrap()).await;
    let mut cuts = 0;
    for at in (1..=messages).step_by(2) {
        let how = if (at / 2) % 2 == 0 { Cut::After } else { Cut::Before };
        cut(work, &server.database("line"), at, how, Some(&expected)).await;
        cuts += 1;
    }
    println!("{messages} messages, {cuts} cuts");
}

#[tokio::test]
async fn a_server_that_is_gone_in_the_middle_is_an_error_with_a_report_of_what_was_done() {
    let (work, server) = (large(), Server::private());
    let database = server.database("gone");
    let url: StoreUrl = database.url().parse().unwrap();
    let empty = work.place.run(&["apply", "-f", "work/frame.yaml", "--store", database.url()]);
    assert_eq!(empty.code, Some(0), "{}", empty.stderr);
    let mut gate = Gate::shut_after_the_first(database.url()).await;
    let words = ["apply", "-f", "work", "-o", "json", "--store", database.url()];
    let child = work.place.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    gate.is_waited_for().await;
    let done = entries(&url).await;
    assert!(done > 1, "one transaction went through after that of the boundary");
    server.stop_hard();
    drop(gate);
    let output = child.unwrap().wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("error: `postgres://") && stderr.contains("apply again"), "{stderr}");
    assert!(!stderr.contains('\x1b'), "colours without a terminal: {stderr}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let count = |field: &str| i64::try_from(report[field].as_array().unwrap().len()).unwrap();
    assert_eq!(count("tried"), done - 1);
    assert_eq!(count("left"), i64::try_from(work.changes).unwrap() - done);
    assert!(report["stopped"].is_string());

    let asked = work.place.run(&["diff", "-f", "work", "--store", database.url()]);
    assert_eq!((asked.code, asked.stdout.as_str()), (Some(2), ""), "{}", asked.stderr);
    server.restart();
    assert_eq!(entries(&url).await, done, "what was reported is there");
    assert_eq!(apply(work, database.url()).code, Some(0));
    assert_eq!(told(&url).await.effects.len(), work.changes);
}

#[tokio::test]
async fn a_report_shows_no_yaml_of_what_was_not_done() {
    let (work, database) = (small(), server().database("yaml"));
    let empty = work.place.run(&["apply", "-f", "work/frame.yaml", "--store", database.url()]);
    assert_eq!(empty.code, Some(0), "{}", empty.stderr);
    let words = ["-f", "work", "-o", "markdown", "--store", database.url()];
    let planned = work.place.run(&[&["diff"][..], &words].concat());
    assert!(planned.stdout.contains("```diff"), "{}", planned.stdout);
    let mut gate = Gate::shut(database.url()).await;
    let command = work.place.command(&[&["apply"][..], &words].concat());
    let running = thread::spawn(move || finished(command, b""));
    gate.is_waited_for().await;
    gate.open_after(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE application_name = 'concordat' AND datname = current_database()",
    )
    .await;
    let failed = running.join().unwrap();
    assert_eq!(failed.code, Some(2), "{}", failed.stderr);
    assert!(failed.stdout.contains("not tried"), "{}", failed.stdout);
    assert!(!failed.stdout.contains("```diff"), "{}", failed.stdout);
}

#[tokio::test]
async fn a_store_that_cannot_be_read_is_never_one_that_has_nothing_to_change() {
    let work = small();
    for (name, table) in [("roles", "assignment_roles"), ("head", "ledger_head"), ("all", "")] {
        let place = Place::postgres();
        assert_eq!(apply(work, &typed(&place)).code, Some(0));
        let statement = match table {
            "" => "DROP TABLE _sqlx_migrations".to_owned(),
            table => format!("DROP TABLE {table} CASCADE"),
        };
        place.outside(&statement).await;
        for form in ["text", "json"] {
            let words = ["diff", "-f", "work", "-o", form, "--store", &typed(&place)];
            let asked = work.place.run(&words);
            assert_eq!((asked.code, asked.stdout.as_str()), (Some(2), ""), "{name}: {asked:?}");
            assert!(asked.stderr.starts_with("error: "), "{name}: {asked:?}");
        }
    }
}
