//! What a URL says of a PostgreSQL server, in the words of libpq, whose URLs hosters print.
//!
//! Never: any part of a password in a message, or a setting that is passed over in silence.

use std::{collections::BTreeMap, net::Ipv6Addr};

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};

/// A server, as far as a URL names it. What it leaves open comes from the environment, as for every client of libpq.
#[derive(Debug, Clone, Default)]
pub struct Server {
    /// The login.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<SecretString>,
    /// A name, an address, or the folder of a socket.
    pub host: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// The database.
    pub database: Option<String>,
    /// What else was set that is heeded, by name.
    pub settings: BTreeMap<&'static str, String>,
}

/// Why a URL or an environment names no server that can be spoken with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServerFault {
    /// It cannot be told where its parts end.
    #[error(
        "its URL leaves open where a part of it ends: in a user, a password or a database `%40` is written for `@`, \
         `%2F` for `/`, `%3A` for `:`, `%3F` for `?` and `%23` for `#`; or leave the password to PGPASSWORD or a file"
    )]
    Unescaped,
    /// It has no port there.
    #[error(
        "its port is no number from 1 to 65535: a server is `postgres://USER@HOST:PORT/DATABASE`"
    )]
    Port,
    /// An address without brackets.
    #[error("an IPv6 address stands in brackets: `postgres://USER@[::1]:5432/DATABASE`")]
    Brackets,
    /// More than one host.
    #[error(
        "it names several hosts, and one store is one server: name the one that can be written, or the address that \
         always leads to it"
    )]
    SeveralHosts,
    /// What a hoster prints where the password belongs.
    #[error(
        "its password is still a placeholder: write the password there, or leave it to PGPASSWORD"
    )]
    Placeholder,
    /// A setting that is known and has no such value.
    #[error("`{name}` is one of {known}")]
    Value {
        /// Which.
        name: &'static str,
        /// What it can be.
        known: &'static str,
    },
    /// A setting that is known and not supported.
    #[error("`{name}` is not supported: {instead}")]
    NotSupported {
        /// Which, with its value where it is the value.
        name: &'static str,
        /// What to write instead.
        instead: &'static str,
    },
    /// A setting of another program.
    #[error("its URL has a setting that nobody knows: leave it out")]
    Unknown,
    /// The same, whose name can be shown.
    #[error("its URL has a setting that nobody knows: `{name}`; {}", way_out(*near))]
    UnknownName {
        /// Which.
        name: String,
        /// The one that may be meant.
        near: Option<&'static str>,
    },
}

fn way_out(near: Option<&str>) -> String {
    near.map_or_else(|| "leave it out".to_owned(), |near| format!("did you mean `{near}`?"))
}

/// What becomes of a setting.
enum Heed {
    /// It is passed on.
    PassOn,
    /// It says what is so anyway, or what changes nothing here.
    AsIs,
    /// Only with one of these values; the sentence is for every other.
    Only(&'static [&'static str], &'static str),
    /// The same, and it is passed on.
    PassOnOnly(&'static [&'static str], &'static str),
    /// Never.
    Never(&'static str),
}

use Heed::{AsIs, Never, Only, PassOn, PassOnOnly};

/// The modes of TLS, as libpq calls them.
const MODES: &str = "`disable`, `allow`, `prefer`, `require`, `verify-ca` and `verify-full`, the only one that checks who answers";

/// Names this alike are suggested.
const NEAR: f64 = 0.9;

const SAFE: &str = "`sslmode=verify-full` with `sslrootcert=FILE` proves who answers";
const LEAVE_OUT: &str = "leave it out";
const ONE_SERVER: &str = "leave it out: a store is read where it is written";
const TABLES: &str = "leave it out: the tables stand in the schema `concordat`";
const POOL: &str = "leave it out: one command takes two connections at most";

/// Every setting of libpq's URLs, and what other programs put beside them, each under the name by which it is known here.
#[rustfmt::skip]
const SETTINGS: &[(&str, &str, Heed)] = &[
    ("user", "user", PassOn),
    ("password", "password", PassOn),
    ("host", "host", PassOn),
    ("hostaddr", "hostaddr", PassOn),
    ("port", "port", PassOn),
    ("dbname", "dbname", PassOn),
    ("sslmode", "sslmode", PassOnOnly(&["disable", "allow", "prefer", "require", "verify-ca", "verify-full"], MODES)),
    ("ssl-mode", "sslmode", PassOnOnly(&["disable", "allow", "prefer", "require", "verify-ca", "verify-full"], MODES)),
    ("ssl", "ssl", PassOnOnly(&["true"], "write `sslmode=require` for it, or `sslmode=disable`")),
    ("sslrootcert", "sslrootcert", PassOn),
    ("ssl-root-cert", "sslrootcert", PassOn),
    ("ssl-ca", "sslrootcert", PassOn),
    ("sslcert", "sslcert", PassOn),
    ("ssl-cert", "sslcert", PassOn),
    ("sslkey", "sslkey", PassOn),
    ("ssl-key", "sslkey", PassOn),
    ("options", "options", PassOn),
    ("target_session_attrs", "target_session_attrs", PassOnOnly(&["any", "read-write", "primary"], ONE_SERVER)),
    ("application_name", "application_name", AsIs),
    ("fallback_application_name", "fallback_application_name", AsIs),
    ("connect_timeout", "connect_timeout", AsIs),
    ("client_encoding", "client_encoding", AsIs),
    ("keepalives", "keepalives", AsIs),
    ("keepalives_idle", "keepalives_idle", AsIs),
    ("keepalives_interval", "keepalives_interval", AsIs),
    ("keepalives_count", "keepalives_count", AsIs),
    ("tcp_user_timeout", "tcp_user_timeout", AsIs),
    ("sslcompression", "sslcompression", AsIs),
    ("sslsni", "sslsni", AsIs),
    ("statement-cache-capacity", "statement-cache-capacity", AsIs),
    ("pgbouncer", "pgbouncer", AsIs),
    ("channel_binding", "channel_binding", Only(&["disable", "prefer"], "leave it out; `sslmode=verify-full` with `sslrootcert=FILE` proves who answers")),
    ("gssencmode", "gssencmode", Only(&["disable", "prefer"], "leave it out, and encrypt with `sslmode`")),
    ("sslnegotiation", "sslnegotiation", Only(&["postgres"], LEAVE_OUT)),
    ("sslcertmode", "sslcertmode", Only(&["disable", "allow"], "leave it out, and name `sslcert` and `sslkey`")),
    ("ssl_min_protocol_version", "ssl_min_protocol_version", Only(&["TLSv1", "TLSv1.1", "TLSv1.2"], "leave it out: TLS is 1.2 or 1.3")),
    ("ssl_max_protocol_version", "ssl_max_protocol_version", Only(&["TLSv1.3"], "leave it out: TLS is 1.2 or 1.3")),
    ("load_balance_hosts", "load_balance_hosts", Only(&["disable"], ONE_SERVER)),
    ("require_auth", "require_auth", Never(SAFE)),
    ("requirepeer", "requirepeer", Never(SAFE)),
    ("requiressl", "requiressl", Never("write `sslmode=require`")),
    ("sslcrl", "sslcrl", Never("what was revoked is not looked up; leave it out")),
    ("sslcrldir", "sslcrldir", Never("what was revoked is not looked up; leave it out")),
    ("sslpassword", "sslpassword", Never("name a key that is not encrypted with `sslkey=FILE`, and let nobody else read it")),
    ("service", "service", Never("write what the service file says into the URL")),
    ("servicefile", "servicefile", Never("write what the service file says into the URL")),
    ("passfile", "passfile", Never("name the file in PGPASSFILE")),
    ("replication", "replication", Never(LEAVE_OUT)),
    ("krbsrvname", "krbsrvname", Never("log in with a password or a client certificate")),
    ("gsslib", "gsslib", Never("log in with a password or a client certificate")),
    ("gssdelegation", "gssdelegation", Never("log in with a password or a client certificate")),
    ("schema", "schema", Never(TABLES)),
    ("currentSchema", "currentSchema", Never(TABLES)),
    ("search_path", "search_path", Never(TABLES)),
    ("connection_limit", "connection_limit", Never(POOL)),
    ("pool_timeout", "pool_timeout", Never(POOL)),
    ("pool_size", "pool_size", Never(POOL)),
    ("pool_max_conns", "pool_max_conns", Never(POOL)),
    ("statement_cache_size", "statement_cache_size", Never("leave it out: no statement outlives its transaction")),
    ("prepareThreshold", "prepareThreshold", Never("leave it out: no statement outlives its transaction")),
    ("prepared_statements", "prepared_statements", Never("leave it out: no statement outlives its transaction")),
    ("tls", "tls", Never("write `sslmode=require`")),
    ("use_ssl", "use_ssl", Never("write `sslmode=require`")),
    ("useSSL", "useSSL", Never("write `sslmode=require`")),
    ("sslaccept", "sslaccept", Never("write `sslmode=verify-full` for `strict`")),
    ("sslfactory", "sslfactory", Never("write `sslmode=verify-full`")),
    ("uselibpqcompat", "uselibpqcompat", Never(LEAVE_OUT)),
    ("supa", "supa", Never(LEAVE_OUT)),
    ("workaround", "workaround", Never(LEAVE_OUT)),
    ("loginTimeout", "loginTimeout", Never("write `connect_timeout`")),
];

/// The environment variables of libpq that say something which must not be passed over, with the settings that they stand
/// for.
const VARIABLES: &[(&str, &str)] = &[
    ("PGSSLMODE", "sslmode"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLKEY", "sslkey"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGGSSENCMODE", "gssencmode"),
    ("PGSSLNEGOTIATION", "sslnegotiation"),
    ("PGSSLMINPROTOCOLVERSION", "ssl_min_protocol_version"),
    ("PGSSLMAXPROTOCOLVERSION", "ssl_max_protocol_version"),
    ("PGREQUIREAUTH", "require_auth"),
    ("PGREQUIREPEER", "requirepeer"),
    ("PGSSLCRL", "sslcrl"),
    ("PGSERVICE", "service"),
];

/// What is printed by hosters where the password belongs.
const PLACEHOLDERS: [&str; 10] = [
    "[YOUR-PASSWORD]",
    "[YOUR_PASSWORD]",
    "YOUR-PASSWORD",
    "YOUR_PASSWORD",
    "your_password",
    "your-password",
    "<password>",
    "<PASSWORD>",
    "{your_password}",
    "{your-password}",
];

impl Server {
    /// Reads what stands behind `postgres://`.
    pub fn read(rest: &str) -> Result<Self, ServerFault> {
        let (place, settings) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = place.split_once('/').unwrap_or((place, ""));
        // An `@` later than where the login ends, and not in the value of a setting, means that the login ends there.
        let names = settings.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")).0);
        if database.contains('@') || names.clone().any(|name| name.contains('@')) {
            return Err(ServerFault::Unescaped);
        }
        let (login, server) = match authority.rsplit_once('@') {
            Some((login, server)) => (Some(login), server),
            None => (None, authority),
        };
        let mut read = Self::default();
        if let Some(login) = login {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            read.set("user", plain(user)?);
            read.set("password", plain(password)?);
        }
        let (host, port) = host_and_port(server)?;
        read.set("host", plain(host)?);
        read.port = match port {
            "" => None,
            // What should be a port may be the beginning of a password.
            port if login.is_none() && settings.contains('@') => {
                Some(port_of(port).map_err(|_| ServerFault::Unescaped)?)
            }
            port => Some(port_of(port)?),
        };
        read.set("dbname", part(database.trim_end_matches('/'))?);
        for pair in settings.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = plain(value)?;
            if let Some(name) = heeded(name, &value, settings)? {
                read.set(name, value);
            }
        }
        if let Some(port) = read.settings.remove("port") {
            read.port = Some(port_of(&port)?);
        }
        read.complete()
    }

    fn set(&mut self, name: &'static str, value: String) {
        if value.is_empty() {
            return;
        }
        match name {
            "user" => self.user = Some(value),
            "password" => self.password = Some(value.into()),
            "host" => self.host = Some(value),
            "dbname" => self.database = Some(value),
            name => drop(self.settings.insert(name, value)),
        }
    }

    /// What libpq concludes from some settings.
    fn complete(mut self) -> Result<Self, ServerFault> {
        if let Some(address) = self.settings.remove("hostaddr") {
            let full = self.settings.get("sslmode").is_some_and(|mode| mode == "verify-full");
            if full && self.host.is_some() {
                let instead =
                    "leave it out where `sslmode=verify-full` is to check the host's name";
                return Err(ServerFault::NotSupported { name: "hostaddr", instead });
            }
            self.host = Some(address);
        }
        if self.host.as_ref().is_some_and(|host| host.contains(',')) {
            return Err(ServerFault::SeveralHosts);
        }
        let password = self.password.as_ref().map(ExposeSecret::expose_secret);
        if password.is_some_and(|password| PLACEHOLDERS.contains(&password)) {
            return Err(ServerFault::Placeholder);
        }
        if self.settings.remove("ssl").is_some() {
            self.settings.entry("sslmode").or_insert_with(|| "require".to_owned());
        }
        // Some write the whole socket where its folder belongs.
        if let Some((folder, _)) = self.host.as_ref().and_then(|host| host.split_once("/.s.PGSQL."))
        {
            self.host = Some(folder.to_owned());
        }
        Ok(self)
    }

    /// The same with what the variables of libpq say where the URL says nothing.
    pub fn with_variables(
        mut self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ServerFault> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        if self.host.is_none() {
            self.host = variable("PGHOSTADDR").or_else(|| variable("PGHOST"));
        }
        if self.port.is_none()
            && let Some(port) = variable("PGPORT")
        {
            self.port = Some(port_of(&port)?);
        }
        for (name, setting) in VARIABLES {
            let Some(value) = variable(name).filter(|_| !self.settings.contains_key(setting))
            else {
                continue;
            };
            if let Some(setting) = heeded(setting, &value, "")? {
                self.settings.insert(setting, value);
            }
        }
        self.complete()
    }

    /// Whether it is reached by a socket of this machine.
    pub fn is_local(&self) -> bool {
        self.host.as_ref().is_some_and(|host| host.starts_with('/'))
    }

    /// The same as a URL in which everything is a setting, so that nothing depends on where it stood. Mode and root are
    /// those that were decided on.
    pub fn url(&self, tls: &[(&str, &str)]) -> SecretString {
        let port = self.port.map(|port| port.to_string());
        let own = [
            ("user", self.user.as_deref()),
            ("password", self.password.as_ref().map(ExposeSecret::expose_secret)),
            ("host", self.host.as_deref()),
            ("port", port.as_deref()),
            ("dbname", self.database.as_deref()),
            ("options", self.settings.get("options").map(String::as_str)),
        ];
        let own = own.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let pairs = own.chain(tls.iter().copied()).map(|(name, value)| {
            format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC))
        });
        let pairs: Vec<String> = pairs.collect();
        format!("postgres:///?{}", pairs.join("&")).into()
    }
}

/// The name by which a setting is known, where it is passed on.
fn heeded(name: &str, value: &str, settings: &str) -> Result<Option<&'static str>, ServerFault> {
    if name.starts_with("options[") {
        let instead = "write `options=-c%20NAME%3DVALUE`";
        return Err(ServerFault::NotSupported { name: "options[…]", instead });
    }
    let Some(&(_, name, ref heed)) = SETTINGS.iter().find(|(known, ..)| *known == name) else {
        // A name can be a part of a password only where that is followed by an `@`.
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let shown = name.bytes().all(is_word) && !settings.contains('@');
        if !shown {
            return Err(ServerFault::Unknown);
        }
        let heeded = SETTINGS.iter().filter(|(.., heed)| !matches!(heed, Never(_)));
        let alike = heeded.map(|(_, known, _)| (strsim::jaro_winkler(name, known), *known));
        let near = alike.filter(|(likeness, _)| *likeness >= NEAR);
        let near = near.max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, known)| known);
        return Err(ServerFault::UnknownName { name: name.to_owned(), near });
    };
    let refused = |instead: &'static str| ServerFault::NotSupported { name, instead };
    let is_one = |known: &[&str]| value.is_empty() || known.contains(&value);
    match heed {
        PassOn => Ok(Some(name)),
        AsIs => Ok(None),
        PassOnOnly(known, _) if is_one(known) => Ok(Some(name)),
        Only(known, _) if is_one(known) => Ok(None),
        &PassOnOnly(_, known) if name == "sslmode" => Err(ServerFault::Value { name, known }),
        PassOnOnly(_, instead) | Only(_, instead) => Err(match name {
            "channel_binding" if value == "require" => {
                ServerFault::NotSupported { name: "channel_binding=require", instead }
            }
            _ => refused(instead),
        }),
        Never(instead) => Err(refused(instead)),
    }
}

fn host_and_port(server: &str) -> Result<(&str, &str), ServerFault> {
    if server.contains(',') {
        return Err(ServerFault::SeveralHosts);
    }
    if let Some((address, rest)) = server.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let number = address.split('%').next().unwrap_or_default();
        let port = if rest.is_empty() { Some("") } else { rest.strip_prefix(':') };
        return match (number.parse::<Ipv6Addr>(), port) {
            (Ok(_), Some(port)) => Ok((address, port)),
            _ => Err(ServerFault::Brackets),
        };
    }
    if server.parse::<Ipv6Addr>().is_ok() || server.matches(':').count() > 1 {
        return Err(ServerFault::Brackets);
    }
    Ok(server.split_once(':').unwrap_or((server, "")))
}

fn port_of(text: &str) -> Result<u16, ServerFault> {
    if text.contains(',') {
        return Err(ServerFault::SeveralHosts);
    }
    text.parse().ok().filter(|port| *port > 0).ok_or(ServerFault::Port)
}

/// A part that only holds what is plainly one word, once it is decoded.
fn part(text: &str) -> Result<String, ServerFault> {
    let is_plain = |letter: char| letter.is_alphanumeric() || "._-%$+~".contains(letter);
    if text.chars().all(is_plain) { plain(text) } else { Err(ServerFault::Unescaped) }
}

fn plain(text: &str) -> Result<String, ServerFault> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| ServerFault::Unescaped)?;
    if text.contains('\0') { Err(ServerFault::Unescaped) } else { Ok(text.into_owned()) }
}

#[cfg(test)]
mod tests;
