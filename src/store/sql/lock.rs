//! The lock of an instance: one writer at a time, and a second one is told whom it waits for.
//!
//! Never: a lock that outlives its process.

use std::{
    env, fs,
    fs::{File, OpenOptions, TryLockError},
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use jiff::{Timestamp, Unit};

use super::{
    session::{Bound, Purpose, Session, Statement, both},
    touched,
};
use crate::{
    domain::{digest::Digest, state::Instance},
    store::{StoreError, StoreUrl},
};

/// Held as long as this lives. On a server the connection itself holds it.
pub(super) struct Lock {
    _file: Option<File>,
}

const ASKS_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Who this process is, for those who wait for it.
pub(super) fn holder() -> String {
    let user = env::var("USER").or_else(|_| env::var("USERNAME"));
    let user = user.unwrap_or_else(|_| "somebody".to_owned());
    let now = Timestamp::now().round(Unit::Second).unwrap_or_default();
    format!("process {} of `{user}`, since {now}", std::process::id())
}

/// Takes the lock of an instance. `waiting` is told once who holds it.
pub(super) async fn take(
    session: &mut Session,
    url: &StoreUrl,
    instance: &Instance,
    patience: Duration,
    mut waiting: impl FnMut(&str),
) -> Result<Lock, StoreError> {
    let name = Digest::of(&("lock", instance));
    let file = match url {
        StoreUrl::Sqlite(path) => Some(lock_file(path, &name, &session.store)?),
        StoreUrl::Postgres(_) | StoreUrl::Cluster => None,
    };
    let started = Instant::now();
    let mut told = false;
    loop {
        let held_by = match &file {
            Some((file, path)) => try_file(file, path, &session.store)?,
            None => try_session(session, instance, &name).await?,
        };
        let Some(held_by) = held_by else { break };
        if started.elapsed() >= patience {
            return Err(StoreError::Locked { store: session.store.clone(), holder: held_by });
        }
        if !std::mem::replace(&mut told, true) {
            waiting(&held_by);
        }
        tokio::time::sleep(ASKS_AGAIN_AFTER).await;
    }
    Ok(Lock { _file: file.map(|(file, _)| file) })
}

fn lock_file(
    store: &Path,
    name: &Digest,
    called: &str,
) -> Result<(File, std::path::PathBuf), StoreError> {
    let mut path = store.as_os_str().to_owned();
    path.push(format!("-lock-{}", name.short()));
    let path = std::path::PathBuf::from(path);
    let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
    let read_only = |error: std::io::Error| StoreError::ReadOnly {
        store: called.to_owned(),
        reason: format!("its lock file `{}`: {error}", path.display()),
    };
    Ok((file.map_err(read_only)?, path.clone()))
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

/// Nobody, or who holds it.
async fn try_session(
    session: &mut Session,
    instance: &Instance,
    name: &Digest,
) -> Result<Option<String>, StoreError> {
    let digits = name.to_string();
    let key = u64::from_str_radix(&digits[..16], 16).expect("a digest is hexadecimal");
    let key = Bound::Number(key.cast_signed());
    let taken = both("SELECT CAST(pg_try_advisory_lock($1) AS TEXT)");
    if session.texts(taken, &[key]).await?.first().is_some_and(|taken| taken == "true") {
        return Ok(None);
    }
    let holder = both("SELECT holder FROM instances WHERE instance = $1");
    let holder = session.texts(holder, &[Bound::Text(&instance.0)]).await?;
    Ok(Some(holder.into_iter().next().unwrap_or_else(|| "another process".to_owned())))
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

/// Begins a session: from now on every older one of the same instance is refused.
pub(super) async fn begin_epoch(
    session: &mut Session,
    instance: &Instance,
    epoch: Epoch,
) -> Result<i64, StoreError> {
    if let Epoch::Next = epoch {
        return write_epoch(session, instance, epoch).await;
    }
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
