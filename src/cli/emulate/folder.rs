//! The files of an emulator: what clients trust, how they connect, and their secrets.
//!
//! Never: a secret that others can read, or a file that is left where it says that somebody still listens.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::super::output::yaml;
use crate::emulator::{Emulator, READER, WRITER};

/// The file that says where it listens.
const RUNNING: &str = "emulator.json";
/// The authority that clients trust.
pub const AUTHORITY: &str = "ca.pem";

/// Writes the files of an emulator that listens.
pub fn write(dir: &Path, emulator: &Emulator) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let port = emulator.address.port();
    let running = json!({
        "emulator": "none of Microsoft's",
        "address": emulator.address.to_string(),
        "partner": emulator.partner,
    });
    private(&dir.join(AUTHORITY), &emulator.authority)?;
    private(&dir.join("reader.secret"), emulator.reader.expose_secret())?;
    private(&dir.join("writer.secret"), emulator.writer.expose_secret())?;
    let connection = format!(
        "# Of the emulator, which is none of Microsoft's. It holds no longer than the emulator runs.\n{}",
        yaml(&connection(&emulator.partner, port))
    );
    private(&dir.join("graph.yaml"), &connection)?;
    private(&dir.join(RUNNING), &format!("{running:#}\n"))
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

/// Nobody listens any more.
pub fn gone(dir: &Path) {
    let _ = fs::remove_file(dir.join(RUNNING));
}

/// Where one listens that runs, and what it is to be trusted by.
///
/// # Errors
/// Where none runs.
pub fn running(dir: &Path) -> anyhow::Result<(std::net::SocketAddr, String)> {
    let none = || {
        let dir = dir.display();
        anyhow::anyhow!(
            "no emulator runs with `{dir}`: start one with `concordat emulate --dir {dir}`"
        )
    };
    let text = fs::read_to_string(dir.join(RUNNING)).map_err(|_| none())?;
    let running: Value = serde_json::from_str(&text).map_err(|_| none())?;
    let address = running["address"].as_str().and_then(|address| address.parse().ok());
    let authority = fs::read_to_string(dir.join(AUTHORITY)).map_err(|_| none())?;
    Ok((address.ok_or_else(none)?, authority))
}
