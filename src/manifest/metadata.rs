//! The `metadata` of an object of ours: its name, namespace, labels, annotations, and what a cluster adds.
//!
//! Never: looks into `spec` or `status`, or takes the word of a file that an object is being deleted.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    Document, Origin,
    explain::shown,
    object::{METADATA, NAME, Reader, kind_of},
};
use crate::{
    api::tells_secret,
    domain::{
        ids::{Kind, ObjectKey},
        problem::{Code, FieldPath, SourceId},
    },
};

/// A file that says of an object that it is being deleted.
pub const BEING_DELETED: Code = Code(20);

impl Reader<'_> {
    /// The document of an object of ours, or what is wrong with its `metadata`.
    pub(super) fn ours_with(&mut self, kind: Kind, value: Value, base: &FieldPath) {
        let metadata = match value.get("metadata") {
            Some(Value::Object(metadata)) => metadata,
            Some(Value::Null) | None => {
                self.lose(base);
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
                self.lose(base);
                let message = format!("`metadata` must be a mapping, not {}", kind_of(other));
                let is_field =
                    |text: &str| ["name:", "namespace:"].iter().any(|it| text.starts_with(it));
                let help = if other.as_str().is_some_and(is_field) {
                    "no blank follows the colon of a field: write `name: value`, each on a line of its own"
                } else {
                    "begin with `name:`"
                };
                let path = FieldPath::root().field("metadata");
                return self.problem(METADATA, base, path, message, help);
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
        if metadata.get("deletionTimestamp").is_some_and(|at| !at.is_null()) {
            let path = FieldPath::root().field("metadata").field("deletionTimestamp");
            let message = format!("a file cannot say that the {kind} is being deleted");
            let help = "remove the field; what is to go is taken out of the files, and `apply --prune` takes it away";
            self.problem(BEING_DELETED, base, path, message, help);
        }
        let (Some(name), Some(namespace)) = (name, namespace) else { return self.lose(base) };
        let key = ObjectKey { kind, namespace: namespace.into(), name: name.into() };
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
            value,
            origin: Origin { text: self.number, piece: self.piece, base: base.clone() },
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
                None if metadata.keys().any(|key| key.starts_with("name:")) => {
                    "no blank follows the colon of `name:`: write one"
                }
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

    /// The API server clears the namespace of what belongs to the whole cluster, and `kustomize` writes one there.
    fn namespace(
        &mut self,
        kind: Kind,
        metadata: &Map<String, Value>,
        base: &FieldPath,
    ) -> Option<String> {
        let path = || FieldPath::root().field("metadata").field("namespace");
        let missing = metadata.get("namespace").is_none_or(|found| found.is_null() || found == "");
        match (kind, missing) {
            (Kind::PartnerBoundary, _) => Some(String::new()),
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
        let typed = self.marked().written(base, &path);
        let found = match &typed {
            Some(typed) if found.is_number() => format!("the number `{}`", shown(&typed.text)),
            _ => kind_of(found),
        };
        let message = format!("`{}` must be {wanted}, not {found}", shown(field));
        let help = match typed {
            Some(typed) if wanted == "text" && typed.plain && !typed.text.is_empty() => {
                format!("put it in quotes: `\"{}\"`", shown(&typed.text))
            }
            _ => format!("write {wanted}"),
        };
        self.problem(METADATA, base, path, message, help);
    }
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

/// The name in the form that Kubernetes accepts, where little has to change; never of what may be a secret.
fn better_name(name: &str) -> Option<String> {
    if tells_secret(name) {
        return None;
    }
    let better = name.trim().to_ascii_lowercase().replace([' ', '_'], "-");
    (better.len() <= 253 && better.split('.').all(|label| is_label(label, 253))).then_some(better)
}
