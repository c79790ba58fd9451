//! How a store is named: `sqlite:PATH`, `postgres://…`, `graph:FILE` or `cluster:`.
//!
//! Never: prints the password of a URL.

use std::{fmt, path::PathBuf, str::FromStr};

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};

use super::server::{Server, ServerFault};
use crate::api::tells_secret;

/// A store.
#[derive(Clone)]
pub enum StoreUrl {
    /// A file.
    Sqlite(PathBuf),
    /// A PostgreSQL server; the whole URL, with its password if it has one.
    Postgres(SecretString),
    /// Microsoft Graph, by the file that says how it is reached.
    Graph(PathBuf),
    /// What the operator last observed, from the statuses in a cluster. It can only be read.
    Cluster,
}

/// How the cluster is named.
pub const CLUSTER: &str = "cluster:";

/// Why a text names no store. Never holds any of the text, save for the name of a setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// It is something else.
    #[error("a store is `sqlite:PATH`, `postgres://HOST/DATABASE`, `graph:FILE` or `cluster:`")]
    NoStore,
    /// It is a list of keywords and values, as other programs take it.
    #[error(
        "a store is named by a URL: `host=HOST port=PORT user=USER dbname=DATABASE` is written \
         `postgres://USER@HOST:PORT/DATABASE`, and the password comes from PGPASSWORD or from a file"
    )]
    Keywords,
    /// It is the URL of a server as another program writes it, such as `jdbc:postgresql://…`.
    #[error(
        "a server is `postgres://USER@HOST:PORT/DATABASE` or `postgresql://…`, in lower case: leave out what stands \
         before it and between `postgresql` and `://`"
    )]
    Scheme,
    /// It stands in quotation marks, which no shell has taken away.
    #[error("a store is named without quotation marks: nothing takes them away here")]
    Quoted,
    /// It is a file with a user.
    #[error("a file has no user and no password: a store is `sqlite:PATH`")]
    FileWithLogin,
    /// It is the name of a file alone, or the URL of one.
    #[error(
        "a store is `sqlite:PATH`: write `sqlite:` before the path of the file, and nothing else"
    )]
    File,
    /// It has no path, or that of a folder.
    #[error("a store is `sqlite:PATH`: the name of the file is missing")]
    NoPath,
    /// It would not be kept.
    #[error("a store is `sqlite:PATH`: one in memory would be gone at the end of the command")]
    Memory,
    /// A file with settings.
    #[error(
        "a store is `sqlite:PATH`, without settings: what only reads writes nothing anyway, and `apply` makes the file"
    )]
    FileSettings,
    /// A home that no shell has put in.
    #[error(
        "a store is `sqlite:PATH`, and no shell puts in a home for `~` there: write `sqlite:$HOME/…`"
    )]
    Home,
    /// It is to be Microsoft Graph.
    #[error("Microsoft Graph is `graph:FILE`, where `FILE` says how it is reached: {0}")]
    Connection(&'static str),
    /// It names a cluster.
    #[error(
        "the cluster is `cluster:` and nothing else; which one, the kubeconfig and `--context` say"
    )]
    ClusterName,
    /// What it says of a server cannot be done.
    #[error(transparent)]
    Server(#[from] ServerFault),
}

/// Words that stand before a secret, in lower case.
const SECRETS: [&str; 13] = [
    "pw",
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "pass",
    "secret",
    "token",
    "key",
    "api_key",
    "api-key",
    "accesskey",
    "accountkey",
];

/// Whether a text may hold a password: something stands before an `@`, as in a URL, or a word such as `password` is
/// followed by a value, as in what other programs connect with, or it looks like a token. Also percent-encoded.
pub fn may_hold_secret(text: &str) -> bool {
    let text = decoded(&decoded(text));
    if tells_secret(&text) {
        return true;
    }
    let text = text.to_lowercase();
    has_login(&text) || SECRETS.iter().any(|word| has_value(&text, word))
}

/// Whether something with a colon in it stands before an `@`, or where a port should be.
fn has_login(text: &str) -> bool {
    if text.rsplit_once('@').is_some_and(|(before, _)| before.contains(':')) {
        return true;
    }
    let Some((_, place)) = text.split_once("://") else { return false };
    let server = place.split(['/', '?', '#']).next().unwrap_or_default();
    let port = server.rsplit_once(':').filter(|_| !server.ends_with(']'));
    port.is_some_and(|(_, port)| !port.bytes().all(|digit| digit.is_ascii_digit()))
}

/// Whether the word, or one that begins with it, is followed by a value: `password=`, `"password": `, `PGPASSWORD =`.
fn has_value(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let rest = &text[at + word.len()..];
        let rest = rest
            .trim_start_matches(|letter: char| letter.is_whitespace() || "\"'`".contains(letter));
        rest.starts_with(['=', ':'])
    })
}

/// The text with what is percent-encoded in it.
fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// What stands behind the scheme of a server's URL.
fn behind_scheme(text: &str) -> Option<&str> {
    text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"))
}

impl StoreUrl {
    /// What the URL of a server says, and nothing where it is another store.
    pub(super) fn server(&self) -> Option<Result<Server, ServerFault>> {
        match self {
            Self::Postgres(url) => behind_scheme(url.expose_secret()).map(Server::read),
            Self::Sqlite(_) | Self::Graph(_) | Self::Cluster => None,
        }
    }
}

impl FromStr for StoreUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        // What was read from a file or a Secret may end with a line break.
        let text = text.trim_end_matches(['\n', '\r']);
        if text == CLUSTER {
            return Ok(Self::Cluster);
        }
        if let Some(path) = text.strip_prefix("sqlite:") {
            return file(path.strip_prefix("//").unwrap_or(path)).map(Self::Sqlite);
        }
        if let Some(path) = text.strip_prefix("graph:") {
            return connection_file(path).map(Self::Graph);
        }
        let url = text.trim();
        if let Some(rest) = behind_scheme(url) {
            Server::read(rest)?;
            return Ok(Self::Postgres(url.to_owned().into()));
        }
        Err(no_store(text))
    }
}

/// The file that says how Microsoft Graph is reached: a path, and no URL within a URL.
fn connection_file(path: &str) -> Result<PathBuf, InvalidUrl> {
    if may_hold_secret(path) {
        return Err(InvalidUrl::Connection("secrets stand in files of their own, which it names"));
    }
    if path.starts_with("//") {
        return Err(InvalidUrl::Connection("it is a path without `//` before it"));
    }
    if path.starts_with('~') && path.contains('/') {
        return Err(InvalidUrl::Connection("no shell puts in a home for `~` there: write `$HOME`"));
    }
    if path.is_empty() || path.ends_with('/') {
        return Err(InvalidUrl::Connection("the name of the file is missing"));
    }
    Ok(PathBuf::from(path))
}

fn file(path: &str) -> Result<PathBuf, InvalidUrl> {
    if may_hold_secret(path) {
        return Err(InvalidUrl::FileWithLogin);
    }
    if path == ":memory:" {
        return Err(InvalidUrl::Memory);
    }
    if path.contains('?') {
        return Err(InvalidUrl::FileSettings);
    }
    if path.starts_with("file:") {
        return Err(InvalidUrl::File);
    }
    // `~/c.db` and `~ada/c.db`; a folder that is called so is `./~`.
    if path.starts_with('~') && path.contains('/') {
        return Err(InvalidUrl::Home);
    }
    if path.is_empty() || path.ends_with('/') {
        return Err(InvalidUrl::NoPath);
    }
    Ok(PathBuf::from(path))
}

/// What somebody has taken for the name of a store, as far as it can be recognised.
fn no_store(text: &str) -> InvalidUrl {
    let lower = text.trim().to_lowercase();
    if lower.starts_with(['"', '\'', '`', '“', '‘', '„', '«']) {
        return InvalidUrl::Quoted;
    }
    let of_postgres = ["postgres://", "postgresql://", "postgres+", "postgresql+", "postgis://"];
    if of_postgres.iter().any(|scheme| lower.contains(scheme)) {
        return InvalidUrl::Scheme;
    }
    if lower == "graph" || lower.starts_with("graph:") || lower.contains("graph.microsoft") {
        return InvalidUrl::Connection("write `graph:` and the path of the file");
    }
    if lower == "cluster" || lower.starts_with(CLUSTER) {
        return InvalidUrl::ClusterName;
    }
    if lower == ":memory:" {
        return InvalidUrl::Memory;
    }
    let keywords = ["host", "hostaddr", "server", "data source", "dbname", "database", "user"];
    let is_url = lower.contains("://");
    if !is_url && keywords.iter().any(|word| has_value(&lower, word)) {
        return InvalidUrl::Keywords;
    }
    if may_hold_secret(text) {
        return InvalidUrl::NoStore;
    }
    if !is_url && [".yaml", ".yml"].iter().any(|ending| lower.ends_with(ending)) {
        return InvalidUrl::Connection("write `graph:` before the path of the file");
    }
    let beginnings = ["file:", "sqlite3:", ".", "/", "~"];
    let endings = [".db", ".db3", ".sqlite", ".sqlite3"];
    let is_path = beginnings.iter().any(|beginning| lower.starts_with(beginning))
        || !is_url && (endings.iter().any(|ending| lower.ends_with(ending)) || lower.contains('/'));
    if is_path { InvalidUrl::File } else { InvalidUrl::NoStore }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Graph(path) => write!(f, "graph:{}", path.display()),
            Self::Cluster => f.write_str(CLUSTER),
            Self::Postgres(url) => {
                let url = url.expose_secret();
                let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
                let (before, settings) = rest.split_once('?').unwrap_or((rest, ""));
                // A password with a bare `?`, `/` or `@` in it leaves open where it ends: then nothing is shown.
                let parts: Vec<&str> = before.split('@').collect();
                let place = match parts[..] {
                    _ if settings.contains('@') => None,
                    [place] => Some(place),
                    [login, place] if !login.contains('/') => Some(place),
                    _ => None,
                };
                match place.filter(|place| is_place(place)) {
                    Some(place) => write!(f, "{scheme}://{place}"),
                    None => write!(f, "{scheme}://…"),
                }
            }
        }
    }
}

/// Whether it is `HOST:PORT/DATABASE`, or a part of that, and nothing that something else may be hidden in.
fn is_place(text: &str) -> bool {
    let plain =
        |text: &str| text.chars().all(|letter| letter.is_alphanumeric() || "._-%".contains(letter));
    let (server, database) = text.split_once('/').unwrap_or((text, ""));
    let address = |text: &str| {
        let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        inner.map_or_else(|| plain(text), |inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
    };
    let server = match server.rsplit_once(':') {
        Some((host, port)) if !server.ends_with(']') => {
            address(host) && port.bytes().all(|digit| digit.is_ascii_digit())
        }
        Some(_) | None => address(server),
    };
    server && plain(database.trim_end_matches('/'))
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_printed() {
        let url =
            "postgres://app:hunter2@db.example:5432/concordat?password=hunter2&sslmode=require";
        let url: StoreUrl = url.parse().unwrap();
        assert_eq!(url.to_string(), "postgres://db.example:5432/concordat");
        assert_eq!(format!("{url:?}"), "postgres://db.example:5432/concordat");
    }

    #[test]
    fn where_a_password_may_end_anywhere_nothing_is_shown() {
        for password in ["p/hunter2", "p@hunter2", "p?hunter2", "p#/hunter2@", "p?@hunter2"] {
            let text = format!("postgres://app:{password}@db.example/concordat");
            let url = StoreUrl::Postgres(text.clone().into());
            assert!(!url.to_string().contains("hunter2"), "{url}");
            let parsed = text.parse::<StoreUrl>();
            assert!(!format!("{parsed:?}").contains("hunter2"), "{parsed:?}");
        }
    }

    #[test]
    fn what_names_no_store_is_refused() {
        let none = ["", "sqlite:", "concordat.db", "mysql://host/db", "graph://", "cluster:a"];
        for text in none.into_iter().chain(["sqlite://", "sqlite::memory:", "sqlite:a.db?mode=rw"])
        {
            assert!(text.parse::<StoreUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn two_slashes_before_a_path_do_not_lead_to_the_root() {
        for (text, path) in [("sqlite://a.db", "a.db"), ("sqlite:///tmp/a.db", "/tmp/a.db")] {
            assert_eq!(text.parse::<StoreUrl>().unwrap().to_string(), format!("sqlite:{path}"));
        }
    }

    #[test]
    fn what_is_not_plainly_a_place_is_not_shown() {
        let hidden = [
            "postgres://app:hunter2/concordat",
            "postgres://db.example/concordat password=hunter2",
            "postgres://db.example/concordat;pwd=hunter2",
            "postgres://db.example/a/hunter2",
            "postgres://app:1/hunter2@db.example/concordat",
            "postgresql://[hunter2]/concordat",
            "postgres://db.example/concordat#hunter2",
        ];
        for text in hidden {
            let url = StoreUrl::Postgres(text.into());
            assert!(!format!("{url} {url:?}").contains("hunter2"), "{url}");
            let refused = text.parse::<StoreUrl>().unwrap_err();
            assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused}");
        }
        let shown = [
            ("postgres://app@[::1]:5432/concordat", "postgres://[::1]:5432/concordat"),
            ("postgres:///concordat?host=/run/postgresql", "postgres:///concordat"),
            (
                "postgres://u:p@%2Frun%2Fpostgresql/concordat",
                "postgres://%2Frun%2Fpostgresql/concordat",
            ),
            ("postgres://db-1.example:6432", "postgres://db-1.example:6432"),
            ("postgres://u:p%40q@db/ünïcode_1", "postgres://db/ünïcode_1"),
        ];
        for (text, place) in shown {
            assert_eq!(text.parse::<StoreUrl>().unwrap().to_string(), place);
        }
    }

    #[test]
    fn what_may_hold_a_password_is_known_in_every_form_and_what_holds_none_is_not() {
        let secrets = [
            "postgres://u:p@h/d",
            "postgres%3A%2F%2Fu%3Ap%40h",
            "https://token@host/repository",
            "postgres://u:p/d",
            "u:p@h",
            "host=db user=app password=x",
            "host=db password = 'x y'",
            "Server=db;User Id=app;Pwd=x",
            "jdbc:postgresql://db/d?user=u&password=x",
            "{\"host\": \"db\", \"password\": \"x\"}",
            "PGPASSWORD=x",
            "pass%77ord=x",
            "sslpassword=x",
            "--token=x",
            "sqlite:///x?key=x",
            "postgres://db.example/concordat?sslkey=x",
            "sslkey = 'x'",
            "apikey=x",
            "ghp_hunter2hunter2hunter2",
            "eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.x",
        ];
        for text in secrets {
            assert!(may_hold_secret(text), "{text}");
        }
        let none = [
            "ada@fabrikam.example",
            "users/password/update",
            "git@github.com",
            "m/grants.yaml",
            "2026-11-21T17:00:00Z",
            "postgres://db.example:5432/concordat?sslmode=require",
            "postgres://[::1]/concordat",
            "Password Administrator",
            "100%",
            "",
        ];
        for text in none {
            assert!(!may_hold_secret(text), "{text}");
        }
    }

    #[test]
    fn a_file_has_no_password_and_keywords_are_told_how_a_url_is_written() {
        for text in ["sqlite://u:hunter2@h/d", "sqlite:u%3Ahunter2%40h", "sqlite:password=hunter2"]
        {
            assert_eq!(text.parse::<StoreUrl>().unwrap_err(), InvalidUrl::FileWithLogin);
        }
        let lists =
            ["host=db password=hunter2", "Server=db;Pwd=hunter2", "dbname = 'd' password = 'a b'"];
        for text in lists {
            assert_eq!(text.parse::<StoreUrl>().unwrap_err(), InvalidUrl::Keywords, "{text}");
        }
    }
    #[test]
    fn what_is_taken_for_a_store_is_told_how_it_is_written() {
        use InvalidUrl::*;
        let cases = [
            ("jdbc:postgresql://db.example/concordat", Scheme),
            ("postgresql+psycopg2://db.example/concordat", Scheme),
            ("postgresql+asyncpg://u:hunter2@db.example/concordat", Scheme),
            ("POSTGRES://db.example/concordat", Scheme),
            ("psql postgresql://u:hunter2@db.example/concordat", Scheme),
            ("DATABASE_URL=postgres://u:hunter2@db.example/concordat", Scheme),
            ("'postgres://db.example/concordat'", Quoted),
            ("\"sqlite:c.db\"", Quoted),
            ("concordat.db", File),
            ("./concordat", File),
            ("/var/lib/concordat", File),
            ("~/concordat.db", File),
            ("file:concordat.db", File),
            ("file:///var/lib/concordat.db", File),
            ("sqlite3:concordat.db", File),
            ("sqlite:file:concordat.db", File),
            ("stores/concordat", File),
            (":memory:", Memory),
            ("sqlite::memory:", Memory),
            ("sqlite://:memory:", Memory),
            ("sqlite:", NoPath),
            ("sqlite://", NoPath),
            ("sqlite:stores/", NoPath),
            ("sqlite:c.db?mode=ro", FileSettings),
            ("sqlite:~/c.db", Home),
            ("sqlite://~ada/c.db", Home),
            ("graph:", Connection("the name of the file is missing")),
            ("graph:tenants/", Connection("the name of the file is missing")),
            ("graph://graph.yaml", Connection("it is a path without `//` before it")),
            (
                "graph:~/graph.yaml",
                Connection("no shell puts in a home for `~` there: write `$HOME`"),
            ),
            (
                "graph:secret=hunter2",
                Connection("secrets stand in files of their own, which it names"),
            ),
            ("graph", Connection("write `graph:` and the path of the file")),
            ("Graph:graph.yaml", Connection("write `graph:` and the path of the file")),
            (
                "https://graph.microsoft.com/v1.0",
                Connection("write `graph:` and the path of the file"),
            ),
            ("cluster", ClusterName),
            ("cluster:production", ClusterName),
            ("cluster://", ClusterName),
            ("mysql://db.example/concordat", NoStore),
            ("", NoStore),
            ("store", NoStore),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<StoreUrl>().unwrap_err(), expected, "{text}");
        }
        for text in [
            "sqlite:./~/c.db",
            "sqlite:a b.db",
            "sqlite:./rel.db",
            "sqlite:c.db\n",
            "graph:a b/graph.yaml",
        ] {
            assert!(text.parse::<StoreUrl>().is_ok(), "{text}");
        }
    }
}
