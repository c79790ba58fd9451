//! The files of an emulator: what clients trust, how they connect, and their secrets.
//!
//! Never: a secret that others can read, or a file that is left where it says that somebody still listens.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::super::output::yaml;
use crate::emulator::{Emulator, READER, WRITER};

/// The folder where nobody names one.
pub const USUAL: &str = "concordat-emulator";
/// The file that says where it listens.
const RUNNING: &str = "emulator.json";
/// The authority that clients trust.
pub const AUTHORITY: &str = "ca.pem";
/// How clients connect.
const CONNECTION: &str = "graph.yaml";
const SECRETS: [&str; 2] = ["reader.secret", "writer.secret"];
/// The file that is locked as long as one runs, and by which a folder of an emulator is known.
const LOCK: &str = "emulator.lock";
/// What the connection file and the lock begin with.
const MARK: &str = "# Of the emulator, which is none of Microsoft's.";

/// A folder that no other emulator writes to as long as this is held.
#[derive(Debug)]
pub struct Held {
    dir: PathBuf,
    lock: File,
}

/// The files of one that runs.
#[derive(Debug)]
pub struct Running {
    held: Held,
    text: SecretString,
}

/// Takes a folder for one emulator alone.
///
/// # Errors
/// Where another one runs with it, or it has files that no emulator has written; nothing is touched then.
pub fn hold(dir: &Path) -> anyhow::Result<Held> {
    if let Some(name) = foreign(dir) {
        let dir = dir.display();
        return Err(anyhow!(
            "`{dir}/{name}` is there, and no emulator has written it: name another folder with `--dir`"
        ));
    }
    let lock = locked(dir).with_context(|| format!("`{}` cannot be written", dir.display()))?;
    let lock = lock.ok_or_else(|| {
        let dir = dir.display();
        anyhow!(
            "an emulator runs with `{dir}` already: stop it, or name another folder with `--dir`"
        )
    })?;
    Ok(Held { dir: dir.to_owned(), lock })
}

/// A file of somebody else that would be overwritten.
fn foreign(dir: &Path) -> Option<&'static str> {
    let is_there = |name: &str| fs::symlink_metadata(dir.join(name)).is_ok();
    let is_marked =
        |name: &str| fs::read_to_string(dir.join(name)).is_ok_and(|text| text.starts_with(MARK));
    if let Some(name) =
        [CONNECTION, LOCK].into_iter().find(|name| is_there(name) && !is_marked(name))
    {
        return Some(name);
    }
    let own = is_marked(CONNECTION) || is_marked(LOCK);
    let mut others = [AUTHORITY, RUNNING].into_iter().chain(SECRETS);
    if own { None } else { others.find(|name| is_there(name)) }
}

fn locked(dir: &Path) -> io::Result<Option<File>> {
    fs::create_dir_all(dir)?;
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut lock = options.open(dir.join(LOCK))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    if lock.metadata()?.len() == 0 {
        lock.write_all(format!("{MARK}\n").as_bytes())?;
    }
    Ok(Some(lock))
}

impl Held {
    /// Writes the files of an emulator that listens.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn write(self, emulator: &Emulator) -> io::Result<Running> {
        let (dir, port) = (&self.dir, emulator.address.port());
        let running = json!({
            "emulator": "none of Microsoft's",
            "address": emulator.address.to_string(),
            "partner": emulator.partner,
            "token": emulator.control.expose_secret(),
        });
        private(&dir.join(AUTHORITY), &emulator.authority)?;
        for (name, secret) in SECRETS.into_iter().zip([&emulator.reader, &emulator.writer]) {
            private(&dir.join(name), secret.expose_secret())?;
        }
        let connection = format!(
            "{MARK} It holds no longer than the emulator runs.\n{}",
            yaml(&connection(&emulator.partner, port))
        );
        private(&dir.join(CONNECTION), &connection)?;
        let text = format!("{running:#}\n");
        private(&dir.join(RUNNING), &text)?;
        Ok(Running { held: self, text: text.into() })
    }
}

impl Running {
    /// Nobody listens any more: what says so goes, and the folder is free.
    pub fn gone(self) {
        let Self { held: Held { dir, lock }, text } = self;
        let path = dir.join(RUNNING);
        if fs::read_to_string(&path).is_ok_and(|own| own == text.expose_secret()) {
            let _ = fs::remove_file(path);
        }
        drop(lock);
    }
}

fn connection(partner: &str, port: u16) -> Value {
    let app =
        |client: &str, file: &str| json!({"clientSecret": {"clientId": client, "file": file}});
    let host = format!("localhost:{port}");
    json!({
        "partner": partner,
        "cloud": "Global",
        "ledger": "sqlite:concordat.db",
        "reader": app(READER, "reader.secret"),
        "writer": app(WRITER, "writer.secret"),
        "groups": "Read",
        "hosts": {"login": host, "graph": host, "ca": AUTHORITY},
    })
}

/// Writes a file that nobody else can read, in place of one that is there.
fn private(path: &Path, text: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

/// Where one listens, what it is to be trusted by, and what opens its own paths.
#[derive(Debug)]
pub struct Reached {
    pub address: SocketAddr,
    pub authority: String,
    pub token: SecretString,
}

/// How one is reached that runs.
///
/// # Errors
/// Where none runs.
pub fn running(dir: &Path) -> anyhow::Result<Reached> {
    let none = || {
        let dir = dir.display();
        anyhow!("no emulator runs with `{dir}`: start one with `concordat emulate --dir {dir}`")
    };
    let text = fs::read_to_string(dir.join(RUNNING)).map_err(|_| none())?;
    let running: Value = serde_json::from_str(&text).map_err(|_| none())?;
    let address = running["address"].as_str().and_then(|address| address.parse().ok());
    let authority = fs::read_to_string(dir.join(AUTHORITY)).map_err(|_| none())?;
    let token = running["token"].as_str().ok_or_else(none)?.into();
    Ok(Reached { address: address.ok_or_else(none)?, authority, token })
}
