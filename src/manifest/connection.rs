//! The file that says how a partner's tenant is reached: from YAML to a [`Connection`], or everything that is wrong with it.
//!
//! Never: a secret that stands in the file, a key that is passed over, or a value in a message that may be a secret.

use std::{
    fmt, fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    broken::unloaded,
    explain::{Marked, shown, unusual_text},
    files::File,
    text::{Piece, TOO_LARGE, Text},
    value::load,
};
use crate::{
    api::{Cloud, holds_secret, nearest},
    domain::{
        connection::{Connection, Credential, Groups, Hosts, Pace, Proof},
        problem::{Code, FieldPath, Place, Problem},
    },
};

/// The file of a connection cannot be used.
pub const CONNECTION_FILE: Code = Code(633);

/// The most bytes of such a file: 64 KiB.
pub const CONNECTION_LIMIT: u64 = 64 * 1024;

/// Where the ledger is if nothing is said.
const LEDGER: &str = "sqlite:concordat.db";

const FIELDS: [&str; 9] =
    ["partner", "cloud", "ledger", "reader", "writer", "groups", "partnerCenter", "pace", "hosts"];
const CLOUDS: [(&str, Cloud); 4] = [
    ("Global", Cloud::Global),
    ("USGovL4", Cloud::USGovL4),
    ("USGovDoD", Cloud::USGovDoD),
    ("China21Vianet", Cloud::China21Vianet),
];
const PROOFS: [&str; 3] = ["certificate", "clientSecret", "workloadIdentity"];
/// Keys under which people write a secret itself.
const SECRETS: [&str; 14] = [
    "accesstoken",
    "assertion",
    "certificate",
    "clientsecret",
    "key",
    "passphrase",
    "password",
    "pem",
    "pfx",
    "privatekey",
    "pwd",
    "secret",
    "token",
    "value",
];

/// Everything that is wrong with the file of a connection: `file:line: path: message; help`, one a line.
#[derive(Debug, Clone, PartialEq)]
pub struct BadConnection {
    /// Each of them, in the order of their places; never empty.
    pub problems: Vec<Problem>,
}

impl BadConnection {
    /// The stable code of this error.
    pub const CODE: Code = CONNECTION_FILE;
}

impl fmt::Display for BadConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.problems.iter().enumerate() {
            let newline = if number == 0 { "" } else { "\n" };
            f.write_str(newline)?;
            if let Some(Place { file, line, .. }) = &problem.place {
                write!(f, "{}:{line}: ", file.escape_debug())?;
            }
            let path = problem.path.to_string();
            if !path.is_empty() {
                write!(f, "{path}: ")?;
            }
            f.write_str(&problem.message)?;
            if let Some(help) = &problem.help {
                write!(f, "; {help}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for BadConnection {}

/// Reads the file of a connection. Paths in it are relative to its folder.
///
/// # Errors
/// With everything that is wrong, where anything is.
pub fn read_connection(file: &Path) -> Result<Connection, BadConnection> {
    let name = file.display().to_string();
    let start = Place { file: name.clone(), line: 1, column: 1 };
    let not_read = |message: String, help: &str| {
        let problem = Problem::error(CONNECTION_FILE, message).help(help).at(start.clone());
        BadConnection { problems: vec![problem] }
    };
    let bytes = bytes(file).map_err(|(message, help)| not_read(message, help))?;
    if bytes.len() as u64 > CONNECTION_LIMIT {
        let message = format!("the file holds more than {} KiB", CONNECTION_LIMIT >> 10);
        let problem = Problem::error(TOO_LARGE, message).at(start.clone());
        let problem = problem.help("a connection is a page at most: is it another file?");
        return Err(BadConnection { problems: vec![problem] });
    }
    let text = Text::new(File { name, bytes })
        .map_err(|problem| BadConnection { problems: vec![*problem] })?;
    let (piece, value) = document(&text, &start)?;
    let marked = Marked::new(&text, &piece);
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let mut reading = Reading { marked, folder, problems: unusual_text(&text, &piece) };
    let connection = reading.connection(file, &value);
    let mut problems = reading.problems;
    problems.sort_by(|one, other| one.place.cmp(&other.place));
    match connection {
        Some(connection) if problems.is_empty() => Ok(connection),
        Some(_) | None => Err(BadConnection { problems }),
    }
}

/// The bytes of a file, one more than allowed at most, or why there are none.
fn bytes(file: &Path) -> Result<Vec<u8>, (String, &'static str)> {
    const NAME_IT: &str = "name the file of the connection, as in `--store graph:graph.yaml`";
    let failed = |error: &std::io::Error| {
        let reason = if error.kind() == std::io::ErrorKind::NotFound {
            "the file is not there"
        } else if error.kind() == std::io::ErrorKind::PermissionDenied {
            "the file may not be read by this user"
        } else {
            "the file cannot be read"
        };
        (reason.to_owned(), NAME_IT)
    };
    let about = fs::metadata(file).map_err(|error| failed(&error))?;
    if about.is_dir() {
        return Err(("it is a folder".to_owned(), NAME_IT));
    }
    // A pipe could keep us waiting for ever, and has no folder beside it.
    if !about.is_file() {
        return Err(("it is no plain file".to_owned(), NAME_IT));
    }
    let mut bytes = Vec::new();
    let opened = fs::File::open(file).map_err(|error| failed(&error))?;
    opened.take(CONNECTION_LIMIT + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    Ok(bytes)
}

/// The one document of the file.
fn document(text: &Text, start: &Place) -> Result<(Piece, Value), BadConnection> {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for piece in &text.pieces {
        match load(text.of(piece)) {
            Ok(loaded) => found.extend(loaded.values.into_iter().map(|(value, _)| (*piece, value))),
            Err(error) => problems.extend(unloaded(text, piece, error)),
        }
    }
    if problems.is_empty() {
        let (message, help) = match found.len() {
            1 => return Ok(found.remove(0)),
            0 => ("the file is empty", "a connection has `partner` and `reader` at least"),
            _ => (
                "the file holds several documents",
                "one file is the connection to one partner tenant",
            ),
        };
        problems.push(Problem::error(CONNECTION_FILE, message).help(help).at(start.clone()));
    }
    Err(BadConnection { problems })
}

/// What is read so far, and what is wrong with it.
struct Reading<'t> {
    marked: Marked<'t>,
    folder: PathBuf,
    problems: Vec<Problem>,
}

/// One field: its path and its value, where it is there.
type Field<'v> = (FieldPath, Option<&'v Value>);

fn field<'v>(of: &FieldPath, fields: &'v Map<String, Value>, name: &str) -> Field<'v> {
    (of.clone().field(name), fields.get(name))
}

impl Reading<'_> {
    fn wrong(&mut self, path: &FieldPath, message: impl Into<String>, help: impl Into<String>) {
        let place = self.marked.place(&FieldPath::root(), path);
        let problem = Problem::error(CONNECTION_FILE, message).help(help);
        self.problems.push(problem.path(path.clone()).at(place));
    }

    /// The fields of a mapping, each of which is known.
    fn fields<'v>(
        &mut self,
        path: &FieldPath,
        value: &'v Value,
        known: &[&str],
    ) -> Option<&'v Map<String, Value>> {
        let Value::Object(fields) = value else {
            let list = quoted(known);
            self.wrong(path, "it must be a mapping", format!("write fields below it: {list}"));
            return None;
        };
        let place_of = |name: &str| path.clone().field(name);
        for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
            let message = format!("there is no field `{}` here", shown(name));
            let help = nearest(name, known.iter().copied()).map_or_else(
                || format!("leave it out; the fields here are {}", quoted(known)),
                |near| format!("did you mean `{near}`?"),
            );
            self.wrong(&place_of(name), message, help);
        }
        Some(fields)
    }

    fn connection(&mut self, file: &Path, value: &Value) -> Option<Connection> {
        let root = FieldPath::root();
        let fields = self.fields(&root, value, &FIELDS)?;
        let of = |name: &str| field(&root, fields, name);
        let partner = self.needed(of("partner"), "the id of the partner's tenant, a GUID");
        let partner = partner.and_then(|(path, text)| self.guid(&path, text));
        let cloud = self.cloud(&of("cloud"));
        let ledger = self.ledger(&of("ledger"));
        let reader = match of("reader") {
            (path, Some(value)) => self.credential(&path, value),
            (path, None) => {
                let help = "say who reads: `reader: {certificate: {clientId: GUID, file: FILE}}`";
                self.wrong(&path, "it is missing", help);
                None
            }
        };
        let writer = match of("writer") {
            (path, Some(value)) => self.credential(&path, value).map(Some),
            (_, None) => Some(None),
        };
        let groups = self.groups(&of("groups"));
        self.partner_center(&of("partnerCenter"));
        let pace = self.pace(&of("pace"));
        let hosts = match of("hosts") {
            (path, Some(value)) => self.hosts(&path, value).map(Some),
            (_, None) => Some(None),
        };
        Some(Connection {
            file: file.to_owned(),
            partner: partner?.to_string().parse().ok()?,
            cloud: cloud?,
            ledger: ledger?,
            reader: reader?,
            writer: writer?,
            groups: groups?,
            pace: pace?,
            hosts: hosts?,
        })
    }

    /// The text of a field that has to be there.
    fn needed<'v>(&mut self, field: Field<'v>, what: &str) -> Option<(FieldPath, &'v str)> {
        let (path, value) = field;
        let Some(value) = value else {
            self.wrong(&path, "it is missing", format!("write {what}"));
            return None;
        };
        let text = self.text(&path, value, what)?;
        Some((path, text))
    }

    fn text<'v>(&mut self, path: &FieldPath, value: &'v Value, what: &str) -> Option<&'v str> {
        let (message, help) = match value {
            Value::String(text) if !text.trim().is_empty() => return Some(text),
            Value::String(_) | Value::Null => ("it has no value", format!("write {what}")),
            Value::Bool(_) | Value::Number(_) => {
                ("it must be text", format!("write {what}, in quotes"))
            }
            Value::Array(_) | Value::Object(_) => ("it must be text", format!("write {what}")),
        };
        self.wrong(path, message, help);
        None
    }

    fn guid(&mut self, path: &FieldPath, text: &str) -> Option<Uuid> {
        let id = Uuid::try_parse(text).ok().filter(|id| text.len() == 36 && !id.is_nil());
        if id.is_none() {
            let help = "it has this form: `729827e3-9c14-49f7-bb1b-9608f156bbb8`";
            self.wrong(path, "it is no GUID", help);
        }
        id
    }

    /// One of some words, or the first where nothing is said.
    fn one_of<T: Copy>(&mut self, field: &Field<'_>, words: &[(&str, T)]) -> Option<T> {
        let (path, value) = field;
        let Some(value) = value else { return words.first().map(|(_, it)| *it) };
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let list = format!("one of {}", quoted(&names));
        let text = self.text(path, value, &list)?;
        let found = words.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            let message = if holds_secret(text) || text.len() > 40 {
                "it has no such value".to_owned()
            } else {
                format!("there is no `{}`", shown(text))
            };
            let help = nearest(text, names.iter().copied())
                .map_or_else(|| format!("write {list}"), |near| format!("did you mean `{near}`?"));
            self.wrong(path, message, help);
        }
        found.map(|(_, it)| *it)
    }

    fn cloud(&mut self, field: &Field<'_>) -> Option<Cloud> {
        self.one_of(field, &CLOUDS)
    }

    fn groups(&mut self, field: &Field<'_>) -> Option<Groups> {
        self.one_of(field, &[("Off", Groups::Off), ("Read", Groups::Read)])
    }

    fn partner_center(&mut self, (path, value): &Field<'_>) {
        if value.is_some_and(|value| value != "Off") {
            self.wrong(path, "Partner Center is not supported yet", "leave it out, or write `Off`");
        }
    }

    fn credential(&mut self, path: &FieldPath, value: &Value) -> Option<Credential> {
        let fields = self.fields(path, value, &PROOFS)?;
        let found: Vec<&str> =
            PROOFS.into_iter().filter(|name| fields.contains_key(*name)).collect();
        let [kind] = found[..] else {
            let message = match found.len() {
                0 => "it has no proof".to_owned(),
                _ => format!("it has several proofs: {}", quoted(&found)),
            };
            self.wrong(path, message, format!("write exactly one of {}", quoted(&PROOFS)));
            // What is wrong in each of them is told as well.
            for name in found {
                self.proof(&path.clone().field(name), name, &fields[name]);
            }
            return None;
        };
        self.proof(&path.clone().field(kind), kind, &fields[kind])
    }

    fn proof(&mut self, path: &FieldPath, kind: &str, value: &Value) -> Option<Credential> {
        let file = if kind == "workloadIdentity" { "tokenFile" } else { "file" };
        let known = ["clientId", file];
        if let Value::String(_) = value {
            let help = format!(
                "write it to a file, and the name of that file to `{file}` below `{kind}`, beside `clientId`"
            );
            self.wrong(path, "a secret does not stand in this file", help);
            return None;
        }
        let mut plain = value.clone();
        let secrets = match &mut plain {
            Value::Object(fields) => self.without_secrets(path, fields, file, &known),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => 0,
        };
        let fields = self.fields(path, &plain, &known)?;
        let client = self.needed(field(path, fields, "clientId"), "the id of the app, a GUID");
        let client = client.and_then(|(path, text)| self.guid(&path, text));
        let told = match field(path, fields, file) {
            (at, Some(value)) => self.path(&at, value).map(Some),
            (_, None) => Some(None),
        };
        let proof = match (kind, told?) {
            ("workloadIdentity", token_file) => Proof::WorkloadIdentity { token_file },
            ("certificate", Some(file)) => Proof::Certificate { file },
            (_, Some(file)) => Proof::ClientSecret { file },
            (_, None) => {
                if secrets == 0 {
                    let at = path.clone().field(file);
                    self.wrong(&at, "it is missing", "name the file with the proof");
                }
                return None;
            }
        };
        Some(Credential { client_id: client?, proof })
    }

    /// Takes out what is written under a key for secrets, says so, and gives how much that is.
    fn without_secrets(
        &mut self,
        path: &FieldPath,
        fields: &mut Map<String, Value>,
        file: &str,
        known: &[&str],
    ) -> usize {
        let is_secret = |name: &String| {
            let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
            !known.contains(&name.as_str()) && SECRETS.contains(&plain.to_lowercase().as_str())
        };
        let names: Vec<String> = fields.keys().filter(|name| is_secret(name)).cloned().collect();
        for name in &names {
            let at = path.clone().field(name);
            let help = format!("write it to a file, and the name of that file to `{file}`");
            self.wrong(&at, "a secret does not stand in this file", help);
            fields.remove(name);
        }
        names.len()
    }

    /// A path, as seen from the folder of the file.
    fn path(&mut self, path: &FieldPath, value: &Value) -> Option<PathBuf> {
        let text = self.text(path, value, "the name of a file")?;
        let is_inline = text.contains(['\n', '\r', '\0'])
            || text.trim_start().starts_with("-----BEGIN")
            || !text.contains('/') && holds_secret(text);
        if is_inline {
            let help = "write it to a file and name the file";
            self.wrong(path, "it is no name of a file, and may be a secret itself", help);
            return None;
        }
        self.at_home(path, text)?;
        Some(self.folder.join(text))
    }

    /// Says where a name begins with a home, which no shell puts in here.
    fn at_home(&mut self, path: &FieldPath, text: &str) -> Option<()> {
        if text.starts_with('~') {
            let help = "write the whole path: no shell puts in a home here";
            self.wrong(path, "the name of a file cannot begin with `~`", help);
            return None;
        }
        Some(())
    }

    fn ledger(&mut self, (path, value): &Field<'_>) -> Option<String> {
        const FORMS: &str = "`sqlite:FILE` or `postgres://USER@HOST/DATABASE`";
        let usual = Value::from(LEDGER);
        let text = self.text(path, value.unwrap_or(&usual), FORMS)?.trim();
        let Some(file) = text.strip_prefix("sqlite:") else {
            let is_server = text.starts_with("postgres://") || text.starts_with("postgresql://");
            if is_server && has_password(text) {
                let help = "leave it out, and give it in PGPASSWORD or in a file that \
                            CONCORDAT_STORE_PASSWORD_FILE names";
                self.wrong(path, "a password does not stand in this file", help);
                return None;
            }
            if !is_server {
                self.wrong(path, "it names no database", format!("write {FORMS}"));
                return None;
            }
            return Some(text.to_owned());
        };
        let file = file.strip_prefix("//").unwrap_or(file);
        self.at_home(path, file)?;
        if file.is_empty() || file.ends_with('/') || file == ":memory:" || file.contains('?') {
            self.wrong(path, "it names no file", "write `sqlite:FILE`, without settings");
            return None;
        }
        let whole = self.folder.join(file);
        let Some(whole) = whole.to_str() else {
            self.wrong(path, "the folder of this file has a name that is no UTF-8", "move it");
            return None;
        };
        Some(format!("sqlite:{whole}"))
    }

    fn pace(&mut self, (path, value): &Field<'_>) -> Option<Pace> {
        let usual = Pace::default();
        let Some(value) = value else { return Some(usual) };
        let fields =
            self.fields(path, value, &["inFlight", "readsPerSecond", "writesPerSecond"])?;
        let in_flight =
            self.number(&field(path, fields, "inFlight"), u16::from(usual.in_flight), 64);
        let reads =
            self.number(&field(path, fields, "readsPerSecond"), usual.reads_per_second, 10_000);
        let writes =
            self.number(&field(path, fields, "writesPerSecond"), usual.writes_per_second, 10_000);
        Some(Pace {
            in_flight: u8::try_from(in_flight?).ok()?,
            reads_per_second: reads?,
            writes_per_second: writes?,
        })
    }

    fn number(&mut self, (path, value): &Field<'_>, usual: u16, most: u16) -> Option<u16> {
        let Some(value) = value else { return Some(usual) };
        let number = value.as_u64().and_then(|it| u16::try_from(it).ok());
        let number = number.filter(|it| (1..=most).contains(it));
        if number.is_none() {
            let help = format!("write a whole number from 1 to {most}");
            self.wrong(path, "it is out of range, or no number", help);
        }
        number
    }

    fn hosts(&mut self, path: &FieldPath, value: &Value) -> Option<Hosts> {
        let fields = self.fields(path, value, &["login", "graph", "partnerCenter", "ca"])?;
        if let (at, Some(_)) = field(path, fields, "partnerCenter") {
            self.wrong(&at, "Partner Center is not supported yet", "leave it out");
        }
        let login = match field(path, fields, "login") {
            (at, Some(value)) => self.host(&at, value).map(Some),
            (_, None) => Some(None),
        };
        let graph = match field(path, fields, "graph") {
            (at, Some(value)) => self.host(&at, value).map(Some),
            (_, None) => Some(None),
        };
        let ca = match field(path, fields, "ca") {
            (at, Some(value)) => self.path(&at, value).map(Some),
            (_, None) => Some(None),
        };
        let hosts = Hosts { login: login?, graph: graph?, ca: ca? };
        if hosts.ca.is_some() && hosts.login.is_none() && hosts.graph.is_none() {
            let help = "name `login` or `graph` beside it, or leave it out: for Microsoft's hosts those count whom this \
                        machine trusts, and SSL_CERT_FILE names others";
            self.wrong(&path.clone().field("ca"), "it vouches for no host", help);
            return None;
        }
        Some(hosts)
    }

    fn host(&mut self, path: &FieldPath, value: &Value) -> Option<String> {
        const FORM: &str = "`HOST` or `HOST:PORT`, without a scheme and without a path";
        let text = self.text(path, value, FORM)?;
        let host = host(text);
        if host.is_none() {
            self.wrong(path, "it is no host", format!("write {FORM}"));
        }
        host
    }
}

/// A host in lower case, with its port where it has one. The port of TLS is left out.
fn host(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        Some(_) | None => (text.as_str(), None),
    };
    let port = match port {
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(port.parse::<u16>().ok().filter(|port| *port > 0)?)
        }
        Some(_) => return None,
        None => None,
    };
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let is_host = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => name.len() <= 253 && name.split('.').all(is_label),
    };
    let port = port.filter(|port| *port != 443).map(|port| format!(":{port}")).unwrap_or_default();
    is_host.then(|| format!("{name}{port}"))
}

/// Whether the URL of a server may have a password in it: in its login, or as a setting.
fn has_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let login = rest.rsplit_once('@').map_or("", |(login, _)| login);
    let login = login.to_lowercase();
    let settings = rest.split_once('?').map_or("", |(_, settings)| settings).to_lowercase();
    login.contains(':') || login.contains("%3a") || settings.contains("pass") || holds_secret(url)
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
