//! From a value to an object of ours, an object passed over, or a problem: what every Kubernetes object has.
//!
//! Never: passes over an object that was meant for us.

use std::cell::OnceCell;

use serde_json::{Map, Value};

use super::{
    Outcome,
    broken::{Glued, glued, unloaded},
    explain::{DECRYPT, Marked, shown, unusual_text},
    text::{
        CONTROL_CHARACTER, DOCUMENT_LIMIT, ENCRYPTED, Piece, TOO_LARGE, Text, is_plain, left_over,
    },
    value::{Notice, load},
};
use crate::domain::{
    ids::Kind,
    problem::{Code, FieldPath, Place, Problem},
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

/// The group of what is ours.
pub(super) const GROUP: &str = "concordat.dev";
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
    let lost = || {
        let may_be_ours = content.contains(GROUP) && content.len() <= DOCUMENT_LIMIT;
        may_be_ours.then(|| Marked::new(text, piece).lost(&FieldPath::root())).into_iter().collect()
    };
    if content.starts_with("$ANSIBLE_VAULT;") {
        let place = Place { file: text.name.clone(), line: piece.first, column: 1 };
        let problem =
            Problem::error(ENCRYPTED, "the file is encrypted with Ansible Vault").at(place);
        let help = "decrypt it on the way: `ansible-vault view FILE | concordat validate -f -`";
        outcome.problems.push(problem.help(help));
        return outcome;
    }
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
        outcome.lost = lost();
        return outcome;
    }
    let loaded = match load(content) {
        Ok(loaded) => loaded,
        Err(_) if !unusual.is_empty() => {
            outcome.problems = unusual;
            outcome.lost = lost();
            return outcome;
        }
        Err(error) => {
            if let Some(Glued { problems, parts }) = glued(text, piece, &error.refusal) {
                outcome.problems = problems;
                let parts = parts.iter();
                parts.for_each(|part| {
                    outcome.add(self::outcome(text, number, part, default_namespace));
                });
                return outcome;
            }
            outcome.problems = unloaded(text, piece, error);
            outcome.lost = lost();
            return outcome;
        }
    };
    let one = loaded.values.len() == 1;
    for (value, range) in loaded.values {
        let piece = if one { *piece } else { text.part(piece, &range) };
        let marked = OnceCell::new();
        let mut reader =
            Reader { text, number, piece, default_namespace, marked, outcome, ours: Ours::None };
        reader.object(value, &FieldPath::root());
        if matches!(reader.ours, Ours::Some) {
            reader.look_closer(&loaded.notice, &unusual);
        }
        outcome = reader.outcome;
    }
    outcome
}

/// Whether a line may hold a comment in the place of a value.
fn comment_for_value(text: &str) -> bool {
    let begins = |before: &str| before.trim_end().ends_with([':', '-']);
    text.lines().any(|line| line.split_once(" #").is_some_and(|(before, _)| begins(before)))
}

/// Whether a piece holds an object that is meant for us.
enum Ours {
    None,
    Some,
}

/// Reads the objects of one piece of text.
pub(super) struct Reader<'t> {
    pub(super) text: &'t Text,
    pub(super) number: usize,
    pub(super) piece: Piece,
    pub(super) default_namespace: &'t str,
    marked: OnceCell<Marked<'t>>,
    pub(super) outcome: Outcome,
    ours: Ours,
}

impl<'t> Reader<'t> {
    pub(super) fn marked(&self) -> &Marked<'t> {
        self.marked.get_or_init(|| Marked::new(self.text, &self.piece))
    }

    /// What is wrong with the text of an object of ours, not only with its values.
    fn look_closer(&mut self, notice: &Notice, unusual: &[Problem]) {
        let mut found = Vec::new();
        if notice.traps {
            found.extend(self.marked().traps());
        }
        if notice.unusual && unusual.is_empty() {
            found.extend(self.marked().unusual_values());
        }
        if notice.not_meant {
            found.extend(self.marked().secrets());
            found.extend(self.marked().left_over());
            found.extend(self.marked().placeholders());
        }
        let is_told = self.outcome.problems.iter().any(|problem| problem.code == ENCRYPTED);
        found.retain(|problem| {
            let is_twice = is_told && problem.code == ENCRYPTED;
            !(is_twice || self.marked().is_of_another(&problem.path))
        });
        self.outcome.problems.extend(found);
        if comment_for_value(self.text.of(&self.piece)) {
            let emptied = self.marked().emptied();
            self.outcome.problems.extend(emptied);
        }
        for problem in unusual {
            if !self.outcome.problems.contains(problem) {
                self.outcome.problems.push(problem.clone());
            }
        }
    }

    /// Notes that the object at `base` could not be read.
    pub(super) fn lose(&mut self, base: &FieldPath) {
        let lost = self.marked().lost(base);
        self.outcome.lost.push(lost);
    }

    /// Notes a problem at a field of the object at `base`.
    pub(super) fn problem(
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
            let message = format!("a document must be a mapping, not {}", unquoted(&value));
            let help = "begin with `apiVersion: concordat.dev/v1alpha1` and `kind:`";
            return self.problem(NOT_AN_OBJECT, base, root(), message, help);
        };
        if is_encrypted(fields) {
            self.ours = Ours::Some;
            self.lose(base);
            let message = "the object is encrypted with SOPS".to_owned();
            return self.problem(ENCRYPTED, base, root().field("sops"), message, DECRYPT);
        }
        if !fields.contains_key("apiVersion") {
            if let Some(answer) = answer(fields) {
                return self.skip("concordat", &answer);
            }
            if is_configuration(fields) {
                return self.skip("kustomize.config.k8s.io", "configuration");
            }
        }
        let (api_version, kind) = match (fields.get("apiVersion"), fields.get("kind")) {
            (Some(Value::String(api_version)), Some(Value::String(kind))) => {
                (api_version.clone(), kind.clone())
            }
            (None | Some(Value::String(_)), None) if is_kustomization(&self.text.name) => {
                return self.skip("kustomize.config.k8s.io", "Kustomization");
            }
            (api_version, kind) => {
                let found = [("apiVersion", api_version), ("kind", kind)];
                let wrong = found.map(|(field, found)| no_object(fields, field, found));
                let is_ours =
                    ["kind", "Kind", "KIND"].iter().find_map(|name| fields.get(*name)?.as_str());
                if is_ours.and_then(nearest_kind).is_some()
                    || self.text.of(&self.piece).contains(GROUP)
                {
                    self.lose(base);
                }
                // Where nothing is like either, one is enough.
                let is_near = |wrong: &&NoObject| wrong.is_near;
                let wrong: Vec<NoObject> = wrong.into_iter().flatten().collect();
                let others = wrong.iter().skip(1).filter(is_near);
                for NoObject { field, message, help, .. } in wrong.iter().take(1).chain(others) {
                    let path = root().field(*field);
                    self.problem(NOT_AN_OBJECT, base, path, message.clone(), help.clone());
                }
                return;
            }
        };
        let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
        let item_kind = kind.strip_suffix("List");
        let known = |name: &str| Kind::ALL.into_iter().find(|known| known.to_string() == name);
        let of_ours = group == GROUP && item_kind.is_some_and(|kind| known(kind).is_some());
        // With a `spec` it is an object, whose kind has a word too many.
        if api_version == "v1" && kind == "List" || of_ours && !fields.contains_key("spec") {
            if !fields.contains_key("items")
                && (of_ours || self.text.of(&self.piece).contains(GROUP))
            {
                self.ours = Ours::Some;
                self.lose(base);
                let message = format!("the {kind} has no `items`");
                let help = "put its objects under `items:`, each an item of its own";
                return self.problem(NOT_AN_OBJECT, base, root(), message, help);
            }
            return self.list(fields.remove("items"), base);
        }
        let exact = known(&kind);
        let is_meant = is_near(group, GROUP) || api_version.contains("concordat");
        if group != GROUP && !(exact.is_some() && is_meant) {
            return self.skip(&api_version, &kind);
        }
        self.ours = Ours::Some;
        if api_version != API_VERSION {
            let message = if group == GROUP {
                format!("no version of `{GROUP}` is called `{}`", shown(version))
            } else {
                format!("`{}` is not the API version of a {kind}", shown(&api_version))
            };
            let help = format!("write `apiVersion: {API_VERSION}`");
            let path = root().field("apiVersion");
            self.problem(UNKNOWN_VERSION, base, path, message, help);
        }
        let meant = exact.or_else(|| self.meant(&kind, base));
        match meant {
            Some(kind) => self.ours_with(kind, value, base),
            None => self.lose(base),
        }
    }

    /// The kind that was certainly meant by another word, which is told.
    fn meant(&mut self, kind: &str, base: &FieldPath) -> Option<Kind> {
        let near = nearest_kind(kind);
        let kinds = Kind::ALL.map(|kind| format!("`{kind}`")).join(", ");
        let help = near.map_or_else(
            || format!("the kinds are {kinds}"),
            |near| format!("did you mean `{near}`?"),
        );
        // A variable that was not replaced is told as one.
        if left_over(kind).is_none() {
            let message = format!("no kind of `{GROUP}` is called `{}`", shown(kind));
            self.problem(UNKNOWN_KIND, base, FieldPath::root().field("kind"), message, help);
        }
        near.filter(|near| nearness(kind, *near) > 0.8)
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
                let message = format!("`items` must be a list, not {}", unquoted(&other));
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
}

/// Why a document is no Kubernetes object.
struct NoObject {
    field: &'static str,
    /// Whether there is a field whose name is like the one that is missing.
    is_near: bool,
    message: String,
    help: String,
}

/// What is wrong with `apiVersion` or `kind`.
fn no_object(
    fields: &Map<String, Value>,
    field: &'static str,
    found: Option<&Value>,
) -> Option<NoObject> {
    let is_like = |key: &&String| {
        let key = key.to_lowercase().replace(['-', '_', ' '], "");
        strsim::normalized_damerau_levenshtein(&key, &field.to_lowercase()) > 0.7
    };
    let near = fields.keys().find(is_like).filter(|_| found.is_none());
    let message = match (found, near) {
        (Some(Value::String(_)), _) => return None,
        (Some(found), _) => format!("`{field}` must be text, not {}", unquoted(found)),
        (None, Some(near)) => format!("no field of an object is called `{}`", shown(near)),
        (None, None) => format!("the document has no `{field}`, so it is no Kubernetes object"),
    };
    let help = match near {
        Some(_) => format!("did you mean `{field}`?"),
        None => "every object begins with `apiVersion:` and `kind:`".to_owned(),
    };
    Some(NoObject { field, is_near: near.is_some(), message, help })
}

/// What a value is, of which nothing says that it is meant for us: it may be a secret, and is not quoted.
fn unquoted(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// What a value of an object of ours is, with its article.
pub(super) fn kind_of(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => format!("the truth value `{value}`"),
        Value::Number(number) => format!("the number `{number}`"),
        Value::String(text) => format!("the text `{}`", shown(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
    }
}

/// What a document is that this program has written as an answer, and somebody has kept beside the manifests.
fn answer(fields: &Map<String, Value>) -> Option<String> {
    let has = |names: &[&str]| names.iter().all(|name| fields.contains_key(*name));
    let kind = fields.get("kind").and_then(Value::as_str);
    let is_object = kind.is_some_and(|kind| nearest_kind(kind).is_some());
    if fields.get("formatVersion").is_some_and(Value::is_u64) && !is_object {
        return kind.map(str::to_owned);
    }
    if kind.is_none() && has(&["version", "runs"]) {
        return Some("SARIF log".to_owned());
    }
    if has(&["sequence", "previous", "payload", "hash"]) {
        return Some("ledger entry".to_owned());
    }
    (kind.is_none() && has(&["$schema"])).then(|| "JSON schema".to_owned())
}

/// Whether SOPS has encrypted an object that is ours, or whose kind cannot be told for that.
fn is_encrypted(fields: &Map<String, Value>) -> bool {
    let of = fields.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    fields.get("sops").is_some_and(Value::is_object)
        && (of.split('/').next() == Some(GROUP) || of.starts_with("ENC["))
}

/// Whether it tells kustomize in which fields names and labels stand.
fn is_configuration(fields: &Map<String, Value>) -> bool {
    const FIELDS: [&str; 10] = [
        "commonAnnotations",
        "commonLabels",
        "images",
        "labels",
        "namePrefix",
        "nameReference",
        "nameSuffix",
        "namespace",
        "replicas",
        "varReference",
    ];
    let known = |(name, value): (&String, &Value)| FIELDS.contains(&&**name) && value.is_array();
    !fields.is_empty() && fields.iter().all(known)
}

fn is_kustomization(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    matches!(name, "kustomization.yaml" | "kustomization.yml")
}

fn is_near(text: &str, other: &str) -> bool {
    strsim::normalized_damerau_levenshtein(&text.to_lowercase(), other) > 0.6
        || text.contains("concordat")
        || text.is_empty()
}

pub(super) fn nearest_kind(name: &str) -> Option<Kind> {
    /// No name that is near to one is longer.
    const LONGEST: usize = 60;
    Kind::ALL
        .into_iter()
        .filter(|_| name.len() <= LONGEST)
        .map(|kind| (nearness(name, kind), kind))
        .filter(|(nearness, _)| *nearness > 0.5)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, kind)| kind)
}

/// How alike a word and the name of a kind are, from 0 to 1.
fn nearness(name: &str, kind: Kind) -> f64 {
    strsim::normalized_damerau_levenshtein(&name.to_lowercase(), &kind.to_string().to_lowercase())
}
