//! The real program before a PostgreSQL server that goes away: at each message, and for good.
//!
//! Never: a lost answer that is taken for an answer.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use concordat::store::StoreUrl;

use crate::{
    postgres::{Database, Server, server},
    program::Ran,
    work::{Told, Work, entries, large, small, told},
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
    for at in 1..=messages {
        let how = if at % 2 == 0 { Cut::Before } else { Cut::After };
        cut(work, &server.database("line"), at, how, Some(&expected)).await;
    }
    println!("{messages} cuts");
}
