//! The structural part of a schema, compiled: what may stand at each node, and what it is by default.
//!
//! Never: a look at an object.

use std::{collections::BTreeMap, sync::OnceLock};

use regex::Regex;
use serde_json::Value;

use crate::api::{
    cel::Rules,
    copied,
    field::{self, FORMS},
    schema::PathStep,
};

/// A form, and its pattern as a regular expression.
pub type Form = (Regex, field::Form);

/// One node of a schema, as far as structural schemas go.
#[derive(Debug, Default)]
pub struct Node {
    pub(super) shape: Shape,
    description: Option<String>,
    pub(super) default: Option<Value>,
    pub(super) allowed: Vec<Value>,
    /// The rules that stand at it.
    pub rules: Rules,
    /// Whether this node or one below it has rules.
    pub has_rules: bool,
}

/// What may stand at a node.
#[derive(Debug, Default)]
pub enum Shape {
    #[default]
    Anything,
    Object {
        fields: BTreeMap<String, Node>,
        required: Vec<String>,
    },
    Map {
        /// What a key must be.
        names: Option<Form>,
        values: Box<Node>,
        least: usize,
        most: usize,
    },
    List {
        items: Box<Node>,
        least: usize,
        most: usize,
        /// What makes an item unique: nothing, the item itself (no keys), or the values of its keys.
        unique: Option<Vec<String>>,
    },
    Text {
        shortest: usize,
        longest: usize,
        form: Option<Form>,
        date_time: bool,
    },
    Integer {
        least: i64,
        most: i64,
    },
    Boolean,
}

impl Node {
    /// The node for a schema of ours.
    pub fn compile(schema: &Value) -> Self {
        let shape = Shape::compile(schema);
        let rules = Rules::compile(schema);
        let below = match &shape {
            Shape::Object { fields, .. } => fields.values().any(|field| field.has_rules),
            Shape::Map { values: inner, .. } | Shape::List { items: inner, .. } => inner.has_rules,
            Shape::Anything | Shape::Text { .. } | Shape::Integer { .. } | Shape::Boolean => false,
        };
        Self {
            has_rules: below || !rules.is_empty(),
            description: schema["description"].as_str().map(str::to_owned),
            default: schema.get("default").cloned(),
            allowed: schema["enum"].as_array().cloned().unwrap_or_default(),
            shape,
            rules,
        }
    }

    /// The node of a field or item below this one.
    pub fn below(&self, step: &PathStep) -> Option<&Self> {
        match (&self.shape, step) {
            (Shape::Object { fields, .. }, PathStep::Field(name)) => fields.get(name),
            (Shape::Map { values, .. }, PathStep::Field(_)) => Some(values),
            (Shape::List { items, .. }, PathStep::Index(_)) => Some(items),
            _ => None,
        }
    }

    /// Whether a text can stand here.
    pub(super) fn takes(&self, text: &str) -> bool {
        self.shape.takes(text)
    }

    /// A value that fits here and says nothing.
    pub fn stand_in(&self) -> Value {
        if let Some(value) = self.default.as_ref().or(self.allowed.first()) {
            return value.clone();
        }
        match &self.shape {
            Shape::Object { fields, required } => {
                let needed = fields.iter().filter(|(name, _)| required.contains(name));
                needed.map(|(name, field)| (name.clone(), field.stand_in())).collect()
            }
            Shape::Text { date_time: true, .. } => "2000-01-01T00:00:00Z".into(),
            Shape::Text { .. } => "".into(),
            Shape::Integer { least, .. } => (*least.max(&0)).into(),
            Shape::Boolean => true.into(),
            Shape::List { .. } => Value::Array(Vec::new()),
            Shape::Map { .. } | Shape::Anything => Value::Object(serde_json::Map::new()),
        }
    }

    /// What may stand here.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The first sentence of the description.
    pub(super) fn summary(&self) -> Option<String> {
        let text = self.description.as_ref()?;
        let sentence = text.split(". ").next().unwrap_or(text).lines().next()?;
        Some(sentence.trim_end_matches('.').to_owned())
    }
}

impl Shape {
    fn compile(schema: &Value) -> Self {
        let bound = |name: &str, otherwise: usize| {
            let bound = schema[name].as_u64().and_then(|bound| usize::try_from(bound).ok());
            bound.unwrap_or(otherwise)
        };
        let whole = |name: &str| {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "bounds of our schemas are whole numbers"
            )]
            schema[name].as_f64().map(|bound| bound as i64)
        };
        match schema["type"].as_str() {
            Some("object") if schema["additionalProperties"].is_object() => Self::Map {
                names: schema["propertyNames"]["pattern"].as_str().map(compiled_form),
                values: Box::new(Node::compile(&schema["additionalProperties"])),
                least: bound("minProperties", 0),
                most: bound("maxProperties", usize::MAX),
            },
            Some("object") => Self::Object {
                fields: schema["properties"]
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, field)| (name.clone(), Node::compile(field)))
                    .collect(),
                required: texts(&schema["required"]),
            },
            Some("array") => Self::List {
                items: Box::new(Node::compile(&schema["items"])),
                least: bound("minItems", 0),
                most: bound("maxItems", usize::MAX),
                unique: match schema["x-kubernetes-list-type"].as_str() {
                    Some("set") => Some(Vec::new()),
                    Some("map") => Some(texts(&schema["x-kubernetes-list-map-keys"])),
                    _ => None,
                },
            },
            Some("string") => Self::Text {
                shortest: bound("minLength", 0),
                longest: bound("maxLength", usize::MAX),
                form: schema["pattern"].as_str().map(compiled_form),
                date_time: schema["format"] == "date-time",
            },
            Some("integer") => Self::Integer {
                least: whole("minimum").unwrap_or(i64::MIN),
                most: whole("maximum").unwrap_or(i64::MAX),
            },
            Some("boolean") => Self::Boolean,
            _ => Self::Anything,
        }
    }

    /// Whether a text can stand here.
    pub(super) fn takes(&self, text: &str) -> bool {
        let Self::Text { form, longest, .. } = self else { return false };
        let has_form = form.as_ref().is_none_or(|(pattern, _)| pattern.is_match(text));
        has_form && text.chars().count() <= *longest
    }

    /// The text that can stand here for one that was written in another form.
    pub(super) fn meant(&self, text: &str) -> Option<String> {
        let Self::Text { form, .. } = self else { return None };
        let instead = || form.as_ref().and_then(|(_, form)| (form.instead)(text));
        let meant = if self.takes(text) { Some(text.to_owned()) } else { instead() };
        meant.filter(|meant| self.takes(meant) && !copied::tells_secret(text))
    }

    /// What belongs here, in words.
    pub(super) fn expected(&self) -> &'static str {
        match self {
            Self::Anything => "anything",
            Self::Object { .. } => "fields",
            Self::Map { .. } => "names with values",
            Self::List { .. } => "a list",
            Self::Text { .. } => "text",
            Self::Integer { .. } => "a whole number",
            Self::Boolean => "`true` or `false`",
        }
    }
}

/// The pattern as a regular expression, compiled once however often it stands in the schemas, and what it asks for.
fn compiled_form(pattern: &str) -> Form {
    static COMPILED: [OnceLock<Form>; FORMS.len()] = [const { OnceLock::new() }; FORMS.len()];
    let position = FORMS.iter().position(|form| form.pattern == pattern);
    let position = position.expect("a test shows that every pattern is one of the forms");
    let form = FORMS[position];
    let compiled = || (Regex::new(form.pattern).expect("a test compiles every form"), form);
    COMPILED[position].get_or_init(compiled).clone()
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
