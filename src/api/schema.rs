//! The verdict on one object without a cluster: structure, defaults and rules, from the same schema that the API server
//! is given.
//!
//! Never: a rule of its own. What is refused here is refused there.

use std::sync::OnceLock;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};

use super::{
    DEFINITIONS, field, served,
    structure::{Check, Mend, Node, Shape, Way},
};

/// The schemas of every kind. Each is compiled when it is first asked for: most commands need a few of them.
#[derive(Debug)]
pub struct Schemas([OnceLock<Kind>; DEFINITIONS.len()]);

/// The schemas of one kind.
#[derive(Debug)]
struct Kind {
    /// Of what people write.
    object: Node,
    status: Node,
}

impl Kind {
    fn compile(crd: CustomResourceDefinition) -> Self {
        let schema = crd.spec.versions.into_iter().next().and_then(|version| version.schema);
        let schema = schema.and_then(|schema| schema.open_api_v3_schema);
        let mut schema = serde_json::to_value(schema).expect("a schema is JSON");
        let fields = schema["properties"].as_object_mut().expect("a kind has fields");
        fields.insert("apiVersion".to_owned(), json!({ "type": "string" }));
        fields.insert("kind".to_owned(), json!({ "type": "string" }));
        fields.insert("metadata".to_owned(), metadata());
        let anything = json!({ "x-kubernetes-preserve-unknown-fields": true });
        let status = fields.insert("status".to_owned(), anything);
        let status = Node::compile(&status.expect("every kind has a status"));
        Self { object: Node::compile(&schema), status }
    }
}

/// What is wrong with an object, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// From the object to the field. The last step may name a field that is missing.
    pub path: Vec<PathStep>,
    /// What sort of thing is wrong.
    pub kind: ViolationKind,
    /// What is wrong: lower case, no full stop, names in backticks.
    pub message: String,
    /// The way out, in the same form.
    pub help: Option<String>,
    /// The value that was meant, where that is certain.
    pub instead: Option<Value>,
}

/// What is left of an object about which something was said.
#[derive(Debug, Clone, PartialEq)]
pub struct Rest {
    /// What else is wrong.
    pub violations: Vec<Violation>,
    /// The object as far as it can be read.
    pub readable: Value,
}

/// What sort of scalar belongs at a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Belongs {
    /// Text.
    Text,
    /// `true` or `false`.
    Truth,
    /// A whole number.
    Number,
}

/// One step of the way to a field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathStep {
    /// The value of a key.
    Field(String),
    /// The item at a position, counted from 0.
    Index(usize),
}

/// What sort of thing is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ViolationKind {
    /// No field has this name.
    UnknownField {
        /// The field that was probably meant.
        suggestion: Option<String>,
    },
    /// A list where text belongs, and the like.
    WrongType,
    /// A required field is not there.
    Missing,
    /// Not one of the values that are listed.
    NotOneOf,
    /// Text that does not have the form it should have.
    Pattern,
    /// Text with the right form that means nothing: the 30th of February.
    Format,
    /// More characters than allowed.
    TooLong,
    /// Fewer characters than needed.
    TooShort,
    /// More items than allowed.
    TooMany,
    /// Fewer items than needed.
    TooFew,
    /// A number that is too small or too large.
    OutOfRange,
    /// The same item twice.
    Duplicate,
    /// A rule of the kind is broken.
    Rule,
}

impl Schemas {
    /// The schemas, compiled once in the life of the process.
    pub fn compiled() -> &'static Self {
        static SCHEMAS: Schemas = Schemas([const { OnceLock::new() }; DEFINITIONS.len()]);
        &SCHEMAS
    }

    fn kind(&self, name: &str) -> Option<&Kind> {
        let position = DEFINITIONS.iter().position(|(kind, _)| *kind == name)?;
        Some(self.0[position].get_or_init(|| Kind::compile(served(DEFINITIONS[position].1()))))
    }

    /// Everything that is wrong with `object`, which is left with its defaults. With `old`, what stood there before, the
    /// rules about changes are judged too.
    ///
    /// Of the status only the names of the fields are looked at: the rest is the operator's.
    pub fn verdict(&self, kind: &str, object: &mut Value, old: Option<&Value>) -> Vec<Violation> {
        self.judged(kind, object, old).violations
    }

    /// What is left to say of an object about which something was said, and the object as far as it can be read: with
    /// what was meant where that is certain, and without what makes no sense. The rules are judged that look at nothing
    /// else.
    pub fn rest(&self, kind: &str, object: &Value, told: &[Violation]) -> Option<Rest> {
        let node = &self.kind(kind)?.object;
        object.get("spec")?;
        let (mut whole, mut readable) = (object.clone(), object.clone());
        let mut stand_ins = Vec::new();
        for violation in told.iter().rev() {
            let in_spec = violation.path.first() == Some(&PathStep::Field("spec".to_owned()));
            if !in_spec || violation.kind == ViolationKind::Rule {
                continue;
            }
            if violation.instead.is_none() {
                stand_ins.push(violation.path.clone());
            }
            node.mend(&mut whole, &violation.path, violation, Mend::KeepPresent);
            node.mend(&mut readable, &violation.path, violation, Mend::LeaveOut);
        }
        let mut check = Check::beside(stand_ins);
        check.structure(node, &mut whole);
        let before = check.violations.len();
        if check.rules_can_be_judged() {
            check.rules(node, &whole, None);
        }
        let found = check.violations.drain(before..);
        let is_new = |found: &Violation| !told.iter().any(|told| told.message == found.message);
        let violations = found.filter(is_new).collect();
        Check::default().structure(node, &mut readable);
        Some(Rest { violations, readable })
    }

    /// What would be wrong with the text `text` at a field of an object; nothing where no text belongs there.
    pub fn text_at(&self, kind: &str, path: &[PathStep], text: &str) -> Option<Vec<Violation>> {
        let node = self.node(kind, path)?;
        matches!(node.shape(), Shape::Text { .. }).then(|| Check::text_at(node, path, text))
    }

    /// What belongs at a field of an object.
    pub fn belongs(&self, kind: &str, path: &[PathStep]) -> Option<Belongs> {
        match self.node(kind, path)?.shape() {
            Shape::Text { .. } => Some(Belongs::Text),
            Shape::Boolean => Some(Belongs::Truth),
            Shape::Integer { .. } => Some(Belongs::Number),
            Shape::Anything | Shape::Object { .. } | Shape::Map { .. } | Shape::List { .. } => None,
        }
    }

    fn node(&self, kind: &str, path: &[PathStep]) -> Option<&Node> {
        path.iter().try_fold(&self.kind(kind)?.object, |node, step| node.below(step))
    }

    fn judged(&self, kind: &str, object: &mut Value, old: Option<&Value>) -> Check {
        let mut check = Check::default();
        let Some(Kind { object: node, status }) = self.kind(kind) else {
            check.violations.push(Violation {
                path: vec![PathStep::Field("kind".to_owned())],
                kind: ViolationKind::NotOneOf,
                message: format!("no kind is called `{kind}`"),
                help: None,
                instead: None,
            });
            return check;
        };
        if let Some(fields) = object.as_object_mut()
            && fields.get("metadata").is_none_or(Value::is_null)
        {
            fields.insert("metadata".to_owned(), json!({}));
        }
        check.structure(node, object);
        if let Some(value) = object.get("status") {
            check.unknown_fields(status, value, Way::ROOT.field("status"));
        }
        if check.rules_can_be_judged() {
            let old = old.map(|old| {
                let mut old = old.clone();
                Check::default().structure(node, &mut old);
                old
            });
            check.rules(node, object, old.as_ref());
        }
        check
    }
}

/// The part of `metadata` that users write. The API server has a schema of its own for it.
fn metadata() -> Value {
    let written_by_the_server = json!({ "x-kubernetes-preserve-unknown-fields": true });
    let qualified = json!({ "type": "string", "pattern": field::QUALIFIED_NAME.pattern });
    let annotation = json!({ "type": "string", "pattern": field::ANNOTATION_KEY.pattern });
    let mut fields = json!({
        "name": { "type": "string", "minLength": 1, "maxLength": 253, "pattern": field::OBJECT_NAME.pattern,
            "description": "The name of the object." },
        "namespace": { "type": "string", "maxLength": 63, "pattern": field::NAMESPACE.pattern },
        "labels": { "type": "object", "propertyNames": qualified, "additionalProperties": { "type": "string", "maxLength": 63, "pattern": field::LABEL.pattern } },
        "annotations": { "type": "object", "propertyNames": annotation, "additionalProperties": { "type": "string" } },
        "finalizers": { "type": "array", "items": qualified },
    });
    for name in [
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "generateName",
        "generation",
        "managedFields",
        "ownerReferences",
        "resourceVersion",
        "selfLink",
        "uid",
    ] {
        fields[name] = written_by_the_server.clone();
    }
    json!({ "type": "object", "properties": fields, "required": ["name"] })
}
