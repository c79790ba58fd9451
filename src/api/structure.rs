//! The structural part of a schema: types, required fields, values, lengths, forms, sets and defaults, in one walk.
//!
//! Never: stopping at the first thing that is wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use regex::Regex;
use serde_json::{Map, Value};

use super::{
    cel::Rules,
    field::{FORMS, TIMESTAMP},
    schema::{PathStep, Violation, ViolationKind},
};

/// One node of a schema, as far as structural schemas go.
#[derive(Debug, Default)]
pub struct Node {
    shape: Shape,
    description: Option<String>,
    default: Option<Value>,
    allowed: Vec<Value>,
    pub(super) rules: Rules,
    /// Whether this node or one below it has rules.
    pub(super) has_rules: bool,
}

#[derive(Debug, Default)]
pub(super) enum Shape {
    #[default]
    Anything,
    Object {
        fields: BTreeMap<String, Node>,
        required: Vec<String>,
    },
    Map {
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
        form: Option<(Regex, &'static str)>,
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

    pub(super) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The first sentence of the description.
    fn summary(&self) -> Option<String> {
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

    fn expected(&self) -> &'static str {
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
fn compiled_form(pattern: &str) -> (Regex, &'static str) {
    static COMPILED: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
        let forms = FORMS.iter().map(|form| {
            (Regex::new(form.pattern).expect("a test compiles every form"), form.expected)
        });
        forms.collect()
    });
    let position = FORMS.iter().position(|form| form.pattern == pattern);
    COMPILED[position.expect("a test shows that every pattern is one of the forms")].clone()
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The way from the object to the node being checked, on the stack.
#[derive(Clone, Copy)]
pub struct Way<'a> {
    before: Option<&'a Way<'a>>,
    step: Option<StepRef<'a>>,
}

#[derive(Clone, Copy)]
enum StepRef<'a> {
    Field(&'a str),
    Index(usize),
}

impl<'a> Way<'a> {
    pub(super) const ROOT: Self = Self { before: None, step: None };

    pub(super) fn field(&'a self, name: &'a str) -> Self {
        Self { before: Some(self), step: Some(StepRef::Field(name)) }
    }

    pub(super) fn index(&'a self, index: usize) -> Self {
        Self { before: Some(self), step: Some(StepRef::Index(index)) }
    }

    pub(super) fn path(&self) -> Vec<PathStep> {
        let mut path = self.before.map(Way::path).unwrap_or_default();
        path.extend(self.step.map(|step| match step {
            StepRef::Field(name) => PathStep::Field(name.to_owned()),
            StepRef::Index(index) => PathStep::Index(index),
        }));
        path
    }
}

/// One object being judged.
#[derive(Debug, Default)]
pub struct Check {
    /// What was found so far.
    pub violations: Vec<Violation>,
}

impl Check {
    /// Judges the structure of the object, and gives it its defaults.
    pub fn structure(&mut self, node: &Node, object: &mut Value) {
        self.node(node, object, Way::ROOT);
    }

    /// The API server judges the rules only where the structure is sound enough to make sense of them.
    pub fn rules_can_be_judged(&self) -> bool {
        !self.violations.iter().any(|violation| match violation.kind {
            ViolationKind::WrongType
            | ViolationKind::Missing
            | ViolationKind::NotOneOf
            | ViolationKind::TooLong
            | ViolationKind::TooMany => true,
            ViolationKind::UnknownField { .. }
            | ViolationKind::Pattern
            | ViolationKind::Format
            | ViolationKind::TooShort
            | ViolationKind::TooFew
            | ViolationKind::OutOfRange
            | ViolationKind::Duplicate
            | ViolationKind::Rule => false,
        })
    }

    pub(super) fn refuse(
        &mut self,
        way: Way<'_>,
        kind: ViolationKind,
        message: String,
        help: Option<String>,
    ) {
        self.violations.push(Violation { path: way.path(), kind, message, help });
    }

    fn node(&mut self, node: &Node, value: &mut Value, way: Way<'_>) {
        match (&node.shape, &mut *value) {
            (Shape::Anything, _) | (Shape::Boolean, Value::Bool(_)) => {}
            (Shape::Object { fields, required }, Value::Object(object)) => {
                self.object(fields, required, object, way);
            }
            (Shape::Map { values, least, most }, Value::Object(map)) => {
                map.retain(|_, value| !value.is_null());
                self.count(map.len(), *least, *most, "entry", "entries", way);
                for (name, value) in map.iter_mut() {
                    self.node(values, value, way.field(name));
                }
            }
            (Shape::List { items, least, most, unique }, Value::Array(list)) => {
                self.count(list.len(), *least, *most, "item", "items", way);
                for (index, item) in list.iter_mut().enumerate() {
                    self.node(items, item, way.index(index));
                }
                if let Some(keys) = unique {
                    self.duplicates(keys, list, way);
                }
            }
            (Shape::Text { .. }, Value::String(text)) => self.text(&node.shape, text, way),
            (Shape::Integer { least, most }, Value::Number(number)) => {
                let Some(number) = number.as_i64() else {
                    return self.wrong_type(&node.shape, value, way);
                };
                if number < *least || number > *most {
                    let message = format!("`{number}` is not a number from {least} to {most}");
                    self.refuse(way, ViolationKind::OutOfRange, message, None);
                }
            }
            _ => return self.wrong_type(&node.shape, value, way),
        }
        if !node.allowed.is_empty() && !node.allowed.contains(value) {
            self.not_one_of(&node.allowed, value, way);
        }
    }

    fn object(
        &mut self,
        fields: &BTreeMap<String, Node>,
        required: &[String],
        object: &mut Map<String, Value>,
        way: Way<'_>,
    ) {
        object.retain(|name, value| !(value.is_null() && fields.contains_key(name)));
        for (name, value) in object.iter_mut() {
            match fields.get(name) {
                Some(field) => self.node(field, value, way.field(name)),
                None => self.unknown_field(name, fields, way),
            }
        }
        for (name, field) in fields {
            if let Some(default) = &field.default
                && !object.contains_key(name)
            {
                object.insert(name.clone(), default.clone());
            }
        }
        for name in required.iter().filter(|name| !object.contains_key(*name)) {
            let help = fields.get(name).and_then(Node::summary);
            let message = format!("`{name}` is missing");
            self.refuse(way.field(name), ViolationKind::Missing, message, help);
        }
    }

    fn unknown_field(&mut self, name: &str, fields: &BTreeMap<String, Node>, way: Way<'_>) {
        let suggestion = nearest(name, fields.keys().map(String::as_str)).map(str::to_owned);
        let help = suggestion.as_ref().map_or_else(
            || format!("the fields here are {}", quoted(fields.keys().map(String::as_str))),
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("no field is called `{}`", shown(name));
        self.refuse(
            way.field(name),
            ViolationKind::UnknownField { suggestion },
            message,
            Some(help),
        );
    }

    fn wrong_type(&mut self, shape: &Shape, value: &Value, way: Way<'_>) {
        let (found, scalar) = match value {
            Value::Null => ("nothing".to_owned(), None),
            Value::Bool(truth) => (format!("`{truth}`"), Some(truth.to_string())),
            Value::Number(number) => (format!("the number `{number}`"), Some(number.to_string())),
            Value::String(text) => (format!("the text `{}`", shown(text)), None),
            Value::Array(_) => ("a list".to_owned(), None),
            Value::Object(_) => ("fields".to_owned(), None),
        };
        let help = match (shape, value, scalar) {
            (Shape::Text { .. }, _, Some(scalar)) => {
                Some(format!("put it in quotes: `\"{scalar}\"`"))
            }
            (Shape::Boolean | Shape::Integer { .. }, Value::String(text), _)
                if text.parse::<bool>().is_ok() || text.parse::<i64>().is_ok() =>
            {
                Some("write it without quotes".to_owned())
            }
            (Shape::List { .. }, Value::String(text), _) => {
                Some(format!("write it as a list: `[{}]`", shown(text)))
            }
            _ => None,
        };
        let message = format!("{} belongs here, not {found}", shape.expected());
        self.refuse(way, ViolationKind::WrongType, message, help);
    }

    fn not_one_of(&mut self, allowed: &[Value], value: &Value, way: Way<'_>) {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let allowed = || allowed.iter().filter_map(Value::as_str);
        let help = match nearest(&text, allowed()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("one of {}", quoted(allowed())),
        };
        let message = format!("`{}` is not a value of this field", shown(&text));
        self.refuse(way, ViolationKind::NotOneOf, message, Some(help));
    }

    fn text(&mut self, shape: &Shape, text: &str, way: Way<'_>) {
        let Shape::Text { shortest, longest, form, date_time } = shape else { return };
        if text.len() > *longest && text.chars().count() > *longest {
            let message = format!(
                "{} characters are too many, at most {longest} are allowed",
                text.chars().count()
            );
            return self.refuse(way, ViolationKind::TooLong, message, None);
        }
        if text.len() < *shortest {
            let message = "it is empty".to_owned();
            let help = Some("leave the field out where it is not required".to_owned());
            return self.refuse(way, ViolationKind::TooShort, message, help);
        }
        if let Some((form, expected)) = form
            && !form.is_match(text)
        {
            let message = format!("`{}` is not {expected}", shown(text));
            return self.refuse(way, ViolationKind::Pattern, message, None);
        }
        if *date_time && !is_date_time(text) {
            let message = format!("`{}` is no date and time that exists", shown(text));
            let help = Some(format!("write {}", TIMESTAMP.expected));
            self.refuse(way, ViolationKind::Format, message, help);
        }
    }

    fn count(
        &mut self,
        count: usize,
        least: usize,
        most: usize,
        one: &str,
        many: &str,
        way: Way<'_>,
    ) {
        if count < least {
            let message = format!("it is empty, at least {least} {one} is needed");
            let help = Some("leave the field out where it is not required".to_owned());
            self.refuse(way, ViolationKind::TooFew, message, help);
        } else if count > most {
            let message = format!("{count} {many} are too many, at most {most} are allowed");
            self.refuse(way, ViolationKind::TooMany, message, None);
        }
    }

    fn duplicates(&mut self, keys: &[String], list: &[Value], way: Way<'_>) {
        let mut seen = BTreeSet::new();
        for (index, item) in list.iter().enumerate() {
            let identity = if keys.is_empty() {
                item.as_str().map_or_else(|| item.to_string(), str::to_owned)
            } else {
                let values = keys.iter().map(|key| item[key].as_str().unwrap_or_default());
                values.collect::<Vec<_>>().join(", ")
            };
            if seen.contains(&identity) {
                let message = format!("`{}` stands here twice", shown(&identity));
                let help = Some("remove one of the two".to_owned());
                self.refuse(way.index(index), ViolationKind::Duplicate, message, help);
            }
            seen.insert(identity);
        }
    }
}

/// Whether a text with the form of a timestamp names a day and a time that exist. As for the API server, no minute has
/// a 61st second.
fn is_date_time(text: &str) -> bool {
    text.get(17..19).is_some_and(|seconds| seconds <= "59")
        && text.parse::<jiff::Timestamp>().is_ok()
}

/// The candidate that was probably meant.
fn nearest<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let text = text.to_lowercase();
    candidates
        .map(|candidate| {
            (strsim::normalized_damerau_levenshtein(&text, &candidate.to_lowercase()), candidate)
        })
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, candidate)| candidate)
}

fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A text as it may be printed: short, and with nothing that a terminal would obey.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (position, character) in text.chars().enumerate() {
        if position == 80 {
            shown.push('…');
            break;
        }
        match character {
            '"' | '\'' | '\\' => shown.push(character),
            _ => shown.extend(character.escape_debug()),
        }
    }
    shown
}
