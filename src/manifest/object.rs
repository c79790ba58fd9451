//! From a value to an object of ours, an object passed over, or a problem: what every Kubernetes object has.
//!
//! Never: looks into `spec` or `status`.

use std::{cell::OnceCell, collections::BTreeMap};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    Document, Origin, Outcome,
    explain::{Marked, shown, unloaded, unusual_text},
    text::{CONTROL_CHARACTER, DOCUMENT_LIMIT, Piece, TOO_LARGE, Text, is_plain},
    value::load,
};
use crate::domain::{
    ids::{Kind, ObjectKey},
    problem::{Code, FieldPath, Place, Problem, SourceId},
};

/// A document is no Kubernetes object.
pub const NOT_AN_OBJECT: Code = Code(14);
/// A version of our group that this program does not know.
pub const UNKNOWN_VERSION: Code = Code(16);
/// A kind of our group that does not exist.
pub const UNKNOWN_KIND: Code = Code(17);
/// A field of `metadata` is missing or has the wrong type.
pub const METADATA: Code = Code(18);
/// A name that Kubernetes does not accept.
pub const NAME: Code = Code(19);

/// The codes of this module.
pub const OBJECT_CODES: [Code; 5] = [NOT_AN_OBJECT, UNKNOWN_VERSION, UNKNOWN_KIND, METADATA, NAME];

const GROUP: &str = "concordat.dev";
const API_VERSION: &str = "concordat.dev/v1alpha1";

/// What one piece of text gives.
pub(super) fn outcome(
    text: &Text,
    number: usize,
    piece: &Piece,
    default_namespace: &str,
) -> Outcome {
    let content = text.of(piece);
    let mut outcome = Outcome::default();
    if content.len() > DOCUMENT_LIMIT {
        let message = format!("the document holds more than {} MiB", DOCUMENT_LIMIT >> 20);
        let place = Place { file: text.name.clone(), line: piece.first, column: 1 };
        outcome.problems.push(
            Problem::error(TOO_LARGE, message)
                .at(place)
                .help("write one document for each object, separated by `---`"),
        );
        return outcome;
    }
    let unusual = if is_plain(content) { Vec::new() } else { unusual_text(text, piece) };
    if unusual.iter().any(|problem| problem.code == CONTROL_CHARACTER) {
        outcome.problems = unusual;
        return outcome;
    }
    let loaded = match load(content) {
        Ok(loaded) => loaded,
        Err(_) if !unusual.is_empty() => {
            outcome.problems = unusual;
            return outcome;
        }
        Err(error) => {
            outcome.problems = unloaded(text, piece, error);
            return outcome;
        }
    };
    let mut reader = Reader {
        text,
        number,
        piece,
        default_namespace,
        marked: OnceCell::new(),
        outcome,
        ours: Ours::None,
    };
    for value in loaded.values {
        reader.object(value, &FieldPath::root());
    }
    if matches!(reader.ours, Ours::Some) {
        if loaded.traps {
            let traps = reader.marked().traps();
            reader.outcome.problems.extend(traps);
        }
        if unusual.is_empty() && loaded.unusual {
            let unusual = reader.marked().unusual_values();
            reader.outcome.problems.extend(unusual);
        }
        reader.outcome.problems.extend(unusual);
    }
    reader.outcome
}

/// Whether a piece holds an object that is meant for us.
enum Ours {
    None,
    Some,
}

struct Reader<'t> {
    text: &'t Text,
    number: usize,
    piece: &'t Piece,
    default_namespace: &'t str,
    marked: OnceCell<Marked<'t>>,
    outcome: Outcome,
    ours: Ours,
}

impl<'t> Reader<'t> {
    fn marked(&self) -> &Marked<'t> {
        self.marked.get_or_init(|| Marked::new(self.text, self.piece))
    }

    fn problem(
        &mut self,
        code: Code,
        base: &FieldPath,
        path: FieldPath,
        message: String,
        help: impl Into<String>,
    ) {
        let place = self.marked().place(base, &path);
        self.outcome.problems.push(Problem::error(code, message).at(place).path(path).help(help));
    }

    /// An object, or a list of objects at any depth.
    fn object(&mut self, mut value: Value, base: &FieldPath) {
        let root = FieldPath::root;
        let Some(fields) = value.as_object_mut() else {
            let message = format!("a document must be a mapping, not {}", kind_of(&value));
            let help = "begin with `apiVersion: concordat.dev/v1alpha1` and `kind:`";
            return self.problem(NOT_AN_OBJECT, base, root(), message, help);
        };
        let (api_version, kind) = match (fields.get("apiVersion"), fields.get("kind")) {
            (Some(Value::String(api_version)), Some(Value::String(kind))) => {
                (api_version.clone(), kind.clone())
            }
            (None | Some(Value::String(_)), None) if is_kustomization(&self.text.name) => {
                return self.skip("kustomize.config.k8s.io", "Kustomization");
            }
            (api_version, kind) => {
                let (field, found) = if matches!(api_version, Some(Value::String(_))) {
                    ("kind", kind)
                } else {
                    ("apiVersion", api_version)
                };
                let message = match found {
                    None => format!("the document has no `{field}`, so it is no Kubernetes object"),
                    Some(found) => format!("`{field}` must be text, not {}", kind_of(found)),
                };
                let help = "every object begins with `apiVersion:` and `kind:`";
                return self.problem(NOT_AN_OBJECT, base, root().field(field), message, help);
            }
        };
        let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
        let item_kind = kind.strip_suffix("List");
        let known = |name: &str| Kind::ALL.into_iter().find(|known| known.to_string() == name);
        let is_list = api_version == "v1" && kind == "List"
            || group == GROUP && item_kind.is_some_and(|kind| known(kind).is_some());
        if is_list {
            return self.list(fields.remove("items"), base);
        }
        let meant = known(&kind);
        if group != GROUP {
            if meant.is_some() && is_near(group, GROUP) {
                self.ours = Ours::Some;
                let message =
                    format!("`{}` is not the API version of a {kind}", shown(&api_version));
                let help = format!("write `apiVersion: {API_VERSION}`");
                return self.problem(
                    UNKNOWN_VERSION,
                    base,
                    root().field("apiVersion"),
                    message,
                    help,
                );
            }
            return self.skip(&api_version, &kind);
        }
        self.ours = Ours::Some;
        if api_version != API_VERSION {
            let message = format!("no version of `{GROUP}` is called `{}`", shown(version));
            let help = format!("write `apiVersion: {API_VERSION}`");
            self.problem(UNKNOWN_VERSION, base, root().field("apiVersion"), message, help);
        }
        let Some(kind) = meant else {
            let help = nearest_kind(&kind).map_or_else(
                || {
                    format!(
                        "the kinds are {}",
                        Kind::ALL.map(|kind| format!("`{kind}`")).join(", ")
                    )
                },
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("no kind of `{GROUP}` is called `{}`", shown(&kind));
            return self.problem(UNKNOWN_KIND, base, root().field("kind"), message, help);
        };
        if api_version == API_VERSION {
            self.ours_with(kind, value, base);
        }
    }

    fn list(&mut self, items: Option<Value>, base: &FieldPath) {
        match items {
            None | Some(Value::Null) => {}
            Some(Value::Array(items)) => {
                let base = base.clone().field("items");
                for (index, item) in items.into_iter().enumerate() {
                    self.object(item, &base.clone().index(index));
                }
            }
            Some(other) => {
                let message = format!("`items` must be a list, not {}", kind_of(&other));
                self.problem(
                    NOT_AN_OBJECT,
                    base,
                    FieldPath::root().field("items"),
                    message,
                    "begin each item with `- `",
                );
            }
        }
    }

    fn skip(&mut self, api_version: &str, kind: &str) {
        let name = shown(&format!("{api_version} {kind}"));
        *self.outcome.skipped.entry(name).or_default() += 1;
    }

    fn ours_with(&mut self, kind: Kind, value: Value, base: &FieldPath) {
        let metadata = match value.get("metadata") {
            Some(Value::Object(metadata)) => metadata,
            Some(Value::Null) | None => {
                let message = format!("the {kind} has no `metadata.name`");
                let path = FieldPath::root().field("metadata").field("name");
                return self.problem(
                    METADATA,
                    base,
                    path,
                    message,
                    "write `metadata:` and below it `name:`",
                );
            }
            Some(other) => {
                let message = format!("`metadata` must be a mapping, not {}", kind_of(other));
                return self.problem(
                    METADATA,
                    base,
                    FieldPath::root().field("metadata"),
                    message,
                    "begin with `name:`",
                );
            }
        };
        let before = self.outcome.problems.len();
        let name = self.name(kind, metadata, base);
        let namespace = self.namespace(kind, metadata, base);
        let labels = self.text_map(metadata, "labels", base);
        let annotations = self.text_map(metadata, "annotations", base);
        let uid = self.text(metadata, "uid", base);
        let generation = match metadata.get("generation") {
            None | Some(Value::Null) => None,
            Some(found) => found.as_i64().or_else(|| {
                self.wrong_type("generation", "a whole number", found, base);
                None
            }),
        };
        let deletion_timestamp = self.text(metadata, "deletionTimestamp", base).and_then(|text| {
            let parsed = text.parse::<Timestamp>();
            if parsed.is_err() {
                let path = FieldPath::root().field("metadata").field("deletionTimestamp");
                let message = format!("`{}` is not a time", shown(&text));
                self.problem(
                    METADATA,
                    base,
                    path,
                    message,
                    "write it as in `2026-01-31T12:00:00Z`",
                );
            }
            parsed.ok()
        });
        let (Some(name), Some(namespace)) = (name, namespace) else { return };
        let key = ObjectKey { kind, namespace, name };
        for problem in &mut self.outcome.problems[before..] {
            problem.object = Some(key.clone());
        }
        self.outcome.documents.push(Document {
            source: SourceId(0),
            file: self.text.name.clone(),
            line: self.piece.first,
            key,
            labels,
            annotations,
            generation,
            uid,
            deletion_timestamp,
            value,
            origin: Origin { text: self.number, piece: *self.piece, base: base.clone() },
        });
    }

    fn name(
        &mut self,
        kind: Kind,
        metadata: &Map<String, Value>,
        base: &FieldPath,
    ) -> Option<String> {
        let path = || FieldPath::root().field("metadata").field("name");
        if metadata.get("name").is_none_or(Value::is_null) {
            let help = match metadata.get("generateName") {
                Some(_) => "write `name:`; a generated name would make a new object each time",
                None => "write `name:` below `metadata:`",
            };
            self.problem(
                METADATA,
                base,
                path(),
                format!("the {kind} has no `metadata.name`"),
                help,
            );
            return None;
        }
        let name = self.text(metadata, "name", base)?;
        let valid = name.len() <= 253 && name.split('.').all(|label| is_label(label, 253));
        if !valid {
            let message = format!("`{}` is not a name that Kubernetes accepts", shown(&name));
            let help = better_name(&name).map_or_else(
                || "use at most 253 of `a-z`, `0-9`, `-` and `.`, beginning and ending with a letter or digit".to_owned(),
                |better| format!("write it as `{better}`: only `a-z`, `0-9`, `-` and `.`"),
            );
            self.problem(NAME, base, path(), message, help);
            return None;
        }
        Some(name)
    }

    fn namespace(
        &mut self,
        kind: Kind,
        metadata: &Map<String, Value>,
        base: &FieldPath,
    ) -> Option<String> {
        let path = || FieldPath::root().field("metadata").field("namespace");
        let missing = metadata.get("namespace").is_none_or(|found| found.is_null() || found == "");
        match (kind, missing) {
            (Kind::PartnerBoundary, true) => Some(String::new()),
            (Kind::PartnerBoundary, false) => {
                let message = "a PartnerBoundary belongs to the whole cluster and has no namespace"
                    .to_owned();
                let help =
                    "remove `namespace:`; the namespaces it is about stand in `spec.namespaces`";
                self.problem(METADATA, base, path(), message, help);
                None
            }
            (_, true) => Some(self.default_namespace.to_owned()),
            (_, false) => {
                let namespace = self.text(metadata, "namespace", base)?;
                if !is_label(&namespace, 63) {
                    let message = format!(
                        "`{}` is not a namespace that Kubernetes accepts",
                        shown(&namespace)
                    );
                    let help = "use at most 63 of `a-z`, `0-9` and `-`, beginning and ending with a letter or digit";
                    self.problem(NAME, base, path(), message, help);
                    return None;
                }
                Some(namespace)
            }
        }
    }

    /// The text of a field of `metadata`; nothing where it is absent or no text, which is said.
    fn text(
        &mut self,
        metadata: &Map<String, Value>,
        field: &str,
        base: &FieldPath,
    ) -> Option<String> {
        match metadata.get(field) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => {
                self.wrong_type(field, "text", other, base);
                None
            }
        }
    }

    fn text_map(
        &mut self,
        metadata: &Map<String, Value>,
        field: &str,
        base: &FieldPath,
    ) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        match metadata.get(field) {
            None | Some(Value::Null) => {}
            Some(Value::Object(entries)) => {
                for (key, value) in entries {
                    if let Value::String(text) = value {
                        texts.insert(key.clone(), text.clone());
                    } else {
                        let path = FieldPath::root().field("metadata").field(field).field(key);
                        self.wrong_type_at(path, key, "text", value, base);
                    }
                }
            }
            Some(other) => self.wrong_type(field, "a mapping of texts", other, base),
        }
        texts
    }

    fn wrong_type(&mut self, field: &str, wanted: &str, found: &Value, base: &FieldPath) {
        let path = FieldPath::root().field("metadata").field(field);
        self.wrong_type_at(path, field, wanted, found, base);
    }

    fn wrong_type_at(
        &mut self,
        path: FieldPath,
        field: &str,
        wanted: &str,
        found: &Value,
        base: &FieldPath,
    ) {
        let message = format!("`{}` must be {wanted}, not {}", shown(field), kind_of(found));
        let typed = self.marked().written(base, &path);
        let help = match typed {
            Some(typed) if wanted == "text" && typed.plain && !typed.text.is_empty() => {
                format!("put it in quotes: `\"{}\"`", shown(&typed.text))
            }
            _ => format!("write {wanted}"),
        };
        self.problem(METADATA, base, path, message, help);
    }
}

/// What a value is, with its article.
fn kind_of(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => format!("the truth value `{value}`"),
        Value::Number(number) => format!("the number `{number}`"),
        Value::String(text) => format!("the text `{}`", shown(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
    }
}

fn is_kustomization(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    matches!(name, "kustomization.yaml" | "kustomization.yml")
}

/// A label as RFC 1123 has it: lower case letters, digits and hyphens, a letter or digit at both ends.
fn is_label(text: &str, longest: usize) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    (1..=longest).contains(&bytes.len())
        && bytes.iter().all(|byte| inner(*byte) || *byte == b'-')
        && inner(bytes[0])
        && inner(bytes[bytes.len() - 1])
}

/// The name in the form that Kubernetes accepts, where little has to change.
fn better_name(name: &str) -> Option<String> {
    let better = name.trim().to_ascii_lowercase().replace([' ', '_'], "-");
    (better.len() <= 253 && better.split('.').all(|label| is_label(label, 253))).then_some(better)
}

fn is_near(text: &str, other: &str) -> bool {
    strsim::normalized_damerau_levenshtein(&text.to_lowercase(), other) > 0.6
        || text.contains("concordat")
        || text.is_empty()
}

fn nearest_kind(name: &str) -> Option<Kind> {
    let name = name.to_lowercase();
    Kind::ALL
        .into_iter()
        .map(|kind| {
            (strsim::normalized_damerau_levenshtein(&name, &kind.to_string().to_lowercase()), kind)
        })
        .filter(|(nearness, _)| *nearness > 0.5)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, kind)| kind)
}
