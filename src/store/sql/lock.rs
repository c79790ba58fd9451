//! The lock of an instance: one writer at a time, and a second one is told whom it waits for.
//!
//! Never: a lock that outlives its process.

use std::{
    env, fs,
    fs::{File, OpenOptions, TryLockError},
    io,
    io::{ErrorKind, Read as _, Seek as _, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use jiff::{Timestamp, Unit};
use serde::Deserialize;

use super::{
    open, server,
    session::{Bound, Purpose, Session, Statement, both},
    touched,
};
use crate::{
    domain::{digest::Digest, state::Instance},
    store::{StoreError, StoreUrl},
};

/// Held as long as this lives.
pub(super) enum Lock {
    /// A file beside the store.
    File { file: File },
    /// A transaction that has a row of the store, on a connection of its own: that of the work ends its transactions, and
    /// a pooler may give it to others.
    Row { session: Box<Session> },
}

impl Lock {
    /// Lets it go, and waits until the server has heard it.
    pub async fn release(self) -> Result<(), StoreError> {
        match self {
            Self::File { .. } => Ok(()),
            Self::Row { mut session } => {
                session.rollback().await;
                session.close().await
            }
        }
    }
}

const ASKS_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Who this process is, for those who wait for it.
pub(super) fn holder() -> String {
    let now = Timestamp::now().round(Unit::Second).unwrap_or_default();
    format!("{}, since {now}", process())
}

fn process() -> String {
    let user = env::var("USER").or_else(|_| env::var("USERNAME"));
    let user = user.unwrap_or_else(|_| "somebody".to_owned());
    format!("{PROCESS}{} of `{user}`", std::process::id())
}

/// Takes the lock of an instance. `waiting` is told once who holds it.
pub(super) async fn take(
    session: &Session,
    url: &StoreUrl,
    instance: &Instance,
    patience: Duration,
    mut waiting: impl FnMut(&str),
) -> Result<Lock, StoreError> {
    let store = &session.store;
    let (mut lock, path) = match url {
        StoreUrl::Sqlite(path) => {
            let (file, path) = lock_file(path, &Digest::of(&("lock", instance)), store)?;
            (Lock::File { file }, path)
        }
        StoreUrl::Postgres(_) | StoreUrl::Graph(_) | StoreUrl::Cluster => {
            (Lock::Row { session: Box::new(row(url, store, instance).await?) }, PathBuf::new())
        }
    };
    let started = Instant::now();
    let mut told = false;
    loop {
        let held_by = match &mut lock {
            Lock::File { file } => try_file(file, &path, store)?,
            Lock::Row { session } => try_row(session, instance).await?,
        };
        let Some(held_by) = held_by else { return Ok(lock) };
        if started.elapsed() >= patience {
            return Err(StoreError::Locked { store: store.clone(), holder: held_by });
        }
        if !std::mem::replace(&mut told, true) {
            waiting(&held_by);
        }
        tokio::time::sleep(ASKS_AGAIN_AFTER).await;
    }
}

fn lock_file(store: &Path, name: &Digest, called: &str) -> Result<(File, PathBuf), StoreError> {
    let mut path = store.as_os_str().to_owned();
    path.push(format!("-lock-{}", name.short()));
    let path = PathBuf::from(path);
    let refused = |reason: String| StoreError::ReadOnly { store: called.to_owned(), reason };
    let name = path.display();
    match own_file(&path) {
        Ok(Some(file)) => Ok((file, path)),
        Ok(None) => Err(refused(format!(
            "its lock file `{name}` is a link or something else that was not written as a lock: take it away"
        ))),
        Err(error) => Err(refused(format!("its lock file `{name}`: {error}"))),
    }
}

/// How each lock begins that was written here, so that nothing else is ever written over.
const PROCESS: &str = "process ";

/// A lock that is made, or one that was written here; nothing where something else stands there. The folder of a store
/// may be a checkout, and what lies in it somebody else's choice.
fn own_file(path: &Path) -> io::Result<Option<File>> {
    // Nothing is made behind a link like this.
    match open::private().create(false).create_new(true).read(true).write(true).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        made => return made.map(Some),
    }
    let named = fs::symlink_metadata(path)?;
    if !named.is_file() || named.nlink() > 1 {
        return Ok(None);
    }
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let opened = file.metadata()?;
    if (opened.dev(), opened.ino()) != (named.dev(), named.ino()) {
        return Ok(None);
    }
    let mut begin = Vec::new();
    (&file).take(PROCESS.len() as u64).read_to_end(&mut begin)?;
    file.rewind()?;
    Ok((begin.is_empty() || begin == PROCESS.as_bytes()).then_some(file))
}

/// Nobody, or who holds it.
fn try_file(mut file: &File, path: &Path, store: &str) -> Result<Option<String>, StoreError> {
    match file.try_lock() {
        Ok(()) => {
            // What stands in the file is for people; the lock counts without it.
            let written = file.set_len(0).and_then(|()| file.write_all(holder().as_bytes()));
            drop(written);
            Ok(None)
        }
        Err(TryLockError::WouldBlock) => {
            let holder = fs::read_to_string(path).ok().filter(|holder| !holder.is_empty());
            Ok(Some(holder.unwrap_or_else(|| "another process".to_owned())))
        }
        Err(TryLockError::Error(error)) => Err(StoreError::ReadOnly {
            store: store.to_owned(),
            reason: format!("its lock file `{}`: {error}", path.display()),
        }),
    }
}

/// A connection of its own, and the row that is to be locked.
async fn row(url: &StoreUrl, store: &str, instance: &Instance) -> Result<Session, StoreError> {
    let opened = server::postgres(url, store, &process(), Purpose::Write).await;
    let mut session = opened.map_err(|error| {
        // The connection before this one was answered.
        if let StoreError::Unreachable { store, .. } = error {
            StoreError::TooManyConnections { store }
        } else {
            error
        }
    })?;
    let row = both("INSERT INTO locks (instance) VALUES ($1) ON CONFLICT (instance) DO NOTHING");
    session.tell(row, &[Bound::Text(&instance.0)]).await?;
    Ok(session)
}

const TAKE: Statement =
    both("SELECT instance FROM locks WHERE instance = $1 FOR UPDATE SKIP LOCKED");

/// Whose transaction has the row. What a process calls itself is seen by those who may see it.
const HOLDER: Statement = both(
    "SELECT json_build_object('backend', t.pid, 'login', a.usename, 'name', a.application_name, \
     'since_ms', CAST(floor(extract(epoch FROM a.xact_start) * 1000) AS BIGINT))::text \
     FROM locks l JOIN pg_locks t ON t.locktype = 'transactionid' AND t.granted \
     AND t.transactionid = l.xmax LEFT JOIN pg_stat_activity a ON a.pid = t.pid \
     WHERE l.instance = $1",
);

#[derive(Deserialize)]
struct Holder {
    backend: i64,
    login: Option<String>,
    name: Option<String>,
    since_ms: Option<i64>,
}

impl Holder {
    fn told(&self) -> String {
        let login = self.login.as_deref().unwrap_or("unknown");
        let server = format!("backend {}, login `{login}`", self.backend);
        let plain = |letter: char| letter.is_ascii_alphanumeric() || " `._-".contains(letter);
        let named = |name: &&String| name.starts_with(PROCESS) && name.chars().all(plain);
        let who = match self.name.as_ref().filter(named) {
            Some(name) => format!("{name} ({server})"),
            None => format!("somebody ({server})"),
        };
        let since = self.since_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok());
        match since.and_then(|since| since.round(Unit::Second).ok()) {
            Some(since) => format!("{who}, since {since}"),
            None => who,
        }
    }
}

/// Nobody, or who holds it. A transaction that has the row stays open.
async fn try_row(session: &mut Session, instance: &Instance) -> Result<Option<String>, StoreError> {
    let bound = [Bound::Text(&instance.0)];
    session.begin(Purpose::Hold).await?;
    let held_by = match session.texts(TAKE, &bound).await {
        Ok(taken) if !taken.is_empty() => return Ok(None),
        Ok(_) => session.rows::<Holder>(HOLDER, &bound).await,
        Err(error) => Err(error),
    };
    session.rollback().await;
    let holder = held_by?.first().map(Holder::told);
    Ok(Some(holder.unwrap_or_else(|| "another session".to_owned())))
}

/// Which epoch a session begins.
#[derive(Clone, Copy)]
pub(super) enum Epoch {
    /// Whichever is next.
    Next,
    /// This one, if it is next or later.
    At(i64),
    /// This one, if it is the newest: a session of ours began it and lost its connection.
    Again(i64),
}

const NEXT: Statement = both(
    "INSERT INTO instances (instance, epoch, holder) VALUES ($1, 1, $2) \
     ON CONFLICT (instance) DO UPDATE SET epoch = instances.epoch + 1, holder = excluded.holder \
     RETURNING CAST(epoch AS TEXT)",
);

const AT: Statement = both(
    "INSERT INTO instances (instance, epoch, holder) VALUES ($1, $3, $2) \
     ON CONFLICT (instance) DO UPDATE SET epoch = excluded.epoch, holder = excluded.holder \
     WHERE instances.epoch < excluded.epoch RETURNING CAST(epoch AS TEXT)",
);

const AGAIN: Statement = both(
    "UPDATE instances SET holder = $2 WHERE instance = $1 AND epoch = $3 \
     RETURNING CAST(epoch AS TEXT)",
);

/// A pooler that has one connection has given it to the lock, and says nothing.
const ANSWERS_WITHIN: Duration = Duration::from_secs(40);

/// Begins the session of whoever has the lock: from now on every older one of the same instance is refused.
pub(super) async fn begin_next_epoch(
    session: &mut Session,
    instance: &Instance,
) -> Result<i64, StoreError> {
    let store = session.store.clone();
    let beginning = write_epoch(session, instance, Epoch::Next);
    let begun = tokio::time::timeout(ANSWERS_WITHIN, beginning).await;
    begun.map_err(|_| StoreError::TooManyConnections { store })?
}

/// Begins a session without a lock: from now on every older one of the same instance is refused.
pub(super) async fn begin_epoch(
    session: &mut Session,
    instance: &Instance,
    epoch: Epoch,
) -> Result<i64, StoreError> {
    // No lock keeps older sessions out: whatever one of them is writing is there before this begins, or never will be.
    session.begin(Purpose::Write).await?;
    let begun = match touched::lock(session).await {
        Ok(_) => write_epoch(session, instance, epoch).await,
        Err(error) => Err(error),
    };
    if begun.is_ok() {
        session.commit().await?;
    } else {
        session.rollback().await;
    }
    begun
}

async fn write_epoch(
    session: &mut Session,
    instance: &Instance,
    epoch: Epoch,
) -> Result<i64, StoreError> {
    let holder = holder();
    let (name, holder) = (Bound::Text(&instance.0), Bound::Text(&holder));
    let begun: Vec<i64> = match epoch {
        Epoch::Next => session.rows(NEXT, &[name, holder]).await?,
        Epoch::At(epoch) => session.rows(AT, &[name, holder, Bound::Number(epoch)]).await?,
        Epoch::Again(epoch) => session.rows(AGAIN, &[name, holder, Bound::Number(epoch)]).await?,
    };
    let stale = || StoreError::StaleEpoch { instance: instance.to_string() };
    begun.into_iter().next().ok_or_else(stale)
}

/// The epoch of the last session; 0 if there was none.
pub(super) async fn epoch(session: &mut Session, instance: &Instance) -> Result<i64, StoreError> {
    let epoch = both("SELECT CAST(epoch AS TEXT) FROM instances WHERE instance = $1");
    let epoch: Vec<i64> = session.rows(epoch, &[Bound::Text(&instance.0)]).await?;
    Ok(epoch.into_iter().next().unwrap_or(0))
}
