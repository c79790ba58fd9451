//! How a store is named: `sqlite:PATH`, `postgres://…` or `cluster:`.
//!
//! Never: prints the password of a URL.

use std::{fmt, path::PathBuf, str::FromStr};

use secrecy::{ExposeSecret, SecretString};

/// A store.
#[derive(Clone)]
pub enum StoreUrl {
    /// A file.
    Sqlite(PathBuf),
    /// A PostgreSQL server; the whole URL, with its password if it has one.
    Postgres(SecretString),
    /// What the operator last observed, from the statuses in a cluster. It can only be read.
    Cluster,
}

/// How the cluster is named.
pub const CLUSTER: &str = "cluster:";

/// Why a text names no store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a store is `sqlite:PATH`, `postgres://HOST/DATABASE` or `cluster:`")]
pub struct InvalidUrl;

impl FromStr for StoreUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        if text == CLUSTER {
            return Ok(Self::Cluster);
        }
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            let is_file = !path.is_empty() && path != ":memory:" && !path.contains('?');
            return if is_file { Ok(Self::Sqlite(PathBuf::from(path))) } else { Err(InvalidUrl) };
        }
        let postgres = text.starts_with("postgres://") || text.starts_with("postgresql://");
        if postgres { Ok(Self::Postgres(text.to_owned().into())) } else { Err(InvalidUrl) }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Cluster => f.write_str(CLUSTER),
            Self::Postgres(url) => {
                let url = url.expose_secret();
                let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
                let (before, settings) = rest.split_once('?').unwrap_or((rest, ""));
                // A password with a bare `?`, `/` or `@` in it leaves open where it ends: then nothing is shown.
                let parts: Vec<&str> = before.split('@').collect();
                match parts[..] {
                    _ if settings.contains('@') => write!(f, "{scheme}://…"),
                    [place] => write!(f, "{scheme}://{place}"),
                    [login, place] if !login.contains('/') => write!(f, "{scheme}://{place}"),
                    _ => write!(f, "{scheme}://…"),
                }
            }
        }
    }
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
            let url = format!("postgres://app:{password}@db.example/concordat");
            let url: StoreUrl = url.parse().unwrap();
            assert!(!url.to_string().contains("hunter2"), "{url}");
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
}
