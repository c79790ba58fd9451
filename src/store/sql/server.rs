//! A connection to a PostgreSQL server, as its URL, the environment and some files say.
//!
//! Never: a password in a message, a setting that is passed over, or a certificate that is not looked at where it was asked for.

use std::{
    borrow::Cow,
    env, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use secrecy::ExposeSecret;
use sqlx::{ConnectOptions, Connection as _, PgConnection, postgres::PgConnectOptions};

use super::{
    error::failure,
    open::unreachable,
    session::{Connection, Purpose, Session, both},
};
use crate::store::{
    StoreError, StoreUrl,
    server::{Server, ServerFault},
    url::may_hold_secret,
};

/// How long is waited for a server at each step of the beginning.
pub(super) const CONNECTS_WITHIN: Duration = Duration::from_secs(15);

/// The environment variable that names the file of the password; it wins over the URL and `PGPASSWORD`.
pub const PASSWORD_FILE: &str = "CONCORDAT_STORE_PASSWORD_FILE";

/// A connection to a server under a name by which it is known there. Nothing is set for the session, and no parameter is
/// sent that a pooler does not know.
pub(super) async fn postgres(
    url: &StoreUrl,
    store: &str,
    name: &str,
    may: Purpose,
) -> Result<Session, StoreError> {
    let misnamed = |reason: String| StoreError::Misnamed { store: store.to_owned(), reason };
    let named = url.server().expect("only a URL of a server comes here");
    let server = named
        .and_then(|server| server.with_variables(|name| env::var(name).ok()))
        .map_err(|fault| misnamed(fault.to_string()))?;
    let tls = Tls::of(&server).map_err(misnamed)?;
    let mut options: PgConnectOptions = server
        .url(&tls.settings())
        .expose_secret()
        .parse()
        .map_err(|_| misnamed(ServerFault::Unescaped.to_string()))?;
    let mut given = server.password.is_some() || env::var_os("PGPASSWORD").is_some();
    if let Some(file) = env::var_os(PASSWORD_FILE) {
        given = true;
        let password = fs::read_to_string(&file).map_err(|error| {
            misnamed(format!("the file that {PASSWORD_FILE} names {}", unread(&error)))
        })?;
        options = options.password(password.trim_end_matches(['\r', '\n']));
    }
    let options = options
        .application_name(name)
        .extra_float_digits(None)
        .statement_cache_capacity(0)
        .disable_statement_logging();
    let connecting = tokio::time::timeout(CONNECTS_WITHIN, PgConnection::connect_with(&options));
    let connection =
        connecting.await.map_err(|_| unreachable(store, "it does not answer in time"))?;
    let connection = connection.map_err(|error| {
        if is_no_database(&error) {
            let database = options.get_database().unwrap_or(options.get_username()).to_owned();
            return StoreError::NoDatabase { store: store.to_owned(), database };
        }
        let error = failure(store, &error).into_error(store);
        if let StoreError::Unauthenticated { store, reason } = &error
            && reason.is_empty()
            && !given
        {
            let reason = format!("none came from the URL, PGPASSWORD or {PASSWORD_FILE}");
            return StoreError::Unauthenticated { store: store.clone(), reason };
        }
        error
    })?;
    let connection = Connection::Postgres(Box::new(connection));
    let mut session = Session::new(connection, store.to_owned(), may);
    let wanted = server.settings.get("target_session_attrs").map(String::as_str);
    if matches!(wanted, Some("read-write" | "primary")) {
        let standby = both("SELECT CAST(pg_is_in_recovery() AS TEXT)");
        if session.texts(standby, &[]).await? == ["true"] {
            let reason = "it is a standby, and `target_session_attrs` asks for the primary";
            return Err(unreachable(store, reason));
        }
    }
    Ok(session)
}

/// How a connection is encrypted, and whose certificates count.
struct Tls<'a> {
    mode: &'a str,
    root: Option<Cow<'a, str>>,
    own: Option<(&'a str, &'a str)>,
}

impl<'a> Tls<'a> {
    /// What libpq makes of the settings; what is wrong with the files is told here.
    fn of(server: &'a Server) -> Result<Self, String> {
        let setting = |name| server.settings.get(name).map(String::as_str);
        // Nobody listens in on a socket of this machine, and no server encrypts there.
        if server.is_local() {
            return Ok(Self { mode: "disable", root: None, own: None });
        }
        let root = setting("sslrootcert");
        let mode = match (setting("sslmode"), root) {
            (None | Some("verify-full"), Some("system")) => "verify-full",
            (Some(_), Some("system")) => {
                return Err("`sslrootcert=system` needs `sslmode=verify-full`".to_owned());
            }
            // Who names a root wants it to count.
            (Some("require"), Some(_)) => "verify-ca",
            (Some(mode), _) => mode,
            (None, _) => "prefer",
        };
        let own = match (setting("sslcert"), setting("sslkey")) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) => {
                return Err("`sslcert` needs its key beside it: `sslkey=FILE`".to_owned());
            }
            (None, Some(_)) => {
                return Err("`sslkey` needs its certificate beside it: `sslcert=FILE`".to_owned());
            }
        };
        if matches!(mode, "disable" | "allow") {
            return Ok(Self { mode, root: None, own: None });
        }
        let root = match root {
            Some("system") => Some(Cow::Owned(of_this_machine()?)),
            Some(root) if mode.starts_with("verify") => Some(Cow::Borrowed(root)),
            Some(_) | None => None,
        };
        if let Some(root) = root.as_deref() {
            certificates("sslrootcert", root)?;
        }
        if let Some((certificate, key)) = own {
            certificates("sslcert", certificate)?;
            private_key(key)?;
        }
        Ok(Self { mode, root, own })
    }

    fn settings(&self) -> Vec<(&str, &str)> {
        let mut settings = vec![("sslmode", self.mode)];
        settings.extend(self.root.as_deref().map(|root| ("sslrootcert", root)));
        if let Some((certificate, key)) = self.own {
            settings.extend([("sslcert", certificate), ("sslkey", key)]);
        }
        settings
    }
}

/// The file with the certificates that this machine trusts.
fn of_this_machine() -> Result<String, String> {
    let file = openssl_probe::probe().cert_file;
    file.and_then(|file| file.into_os_string().into_string().ok()).ok_or_else(|| {
        "`sslrootcert=system`: this machine has no file of certificates that it trusts: name one, \
         `sslrootcert=FILE`"
            .to_owned()
    })
}

/// Whether the text is no path, but what should stand in the file. The driver takes both.
fn is_inline(text: &str) -> bool {
    text.trim().starts_with("-----BEGIN")
}

fn bytes(setting: &str, file: &str) -> Result<Vec<u8>, String> {
    if is_inline(file) {
        return Ok(file.as_bytes().to_vec());
    }
    fs::read(file).map_err(|error| format!("{} {}", the_file(setting, file), unread(&error)))
}

fn certificates(setting: &str, file: &str) -> Result<(), String> {
    let bytes = bytes(setting, file)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(()),
        Ok(_) | Err(_) => Err(format!(
            "{} holds no certificate in PEM (`-----BEGIN CERTIFICATE-----`)",
            the_file(setting, file)
        )),
    }
}

fn private_key(file: &str) -> Result<(), String> {
    let bytes = bytes("sslkey", file)?;
    if PrivateKeyDer::from_pem_slice(&bytes).is_ok() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&bytes);
    let what = if text.contains("ENCRYPTED") {
        "is encrypted: write the key without a passphrase, in a file that nobody else may read"
    } else {
        "holds no private key in PEM (`-----BEGIN PRIVATE KEY-----`)"
    };
    Err(format!("{} {what}", the_file("sslkey", file)))
}

/// The file that a setting names, by its path where that holds nothing else.
fn the_file(setting: &str, file: &str) -> String {
    if is_inline(file) || may_hold_secret(file) {
        return format!("the file of `{setting}`");
    }
    let absolute = Path::new(file).is_absolute();
    let place = if absolute { None } else { env::current_dir().ok() };
    let from = place.map(|place: PathBuf| format!(" in `{}`", place.display())).unwrap_or_default();
    format!("the file `{file}` of `{setting}`{from}")
}

/// Why a file was not read.
#[expect(clippy::wildcard_enum_match_arm, reason = "the system's errors are not ours to list")]
fn unread(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::NotFound => "is not there",
        ErrorKind::PermissionDenied => "may not be read by this user",
        ErrorKind::IsADirectory => "is a folder",
        ErrorKind::InvalidData => "is no text",
        _ => "cannot be read",
    }
}

/// Whether a server answers, or a pooler before it, and has no such database.
fn is_no_database(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else { return false };
    let pooler = error.message().starts_with("no such database");
    error.code().is_some_and(|code| code == "3D000") || pooler
}
