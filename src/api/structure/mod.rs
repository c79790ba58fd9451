//! The structural part of a schema: types, required fields, values, lengths, forms, sets and defaults, in one walk.
//!
//! Never: stopping at the first thing that is wrong.

mod node;
mod way;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

pub use node::{Node, Shape};
pub use way::Way;
use words::shown;

use super::{
    field::TIMESTAMP,
    schema::{Violation, ViolationKind},
};

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
        if object.values().any(Value::is_null) {
            object.retain(|name, value| !(value.is_null() && fields.contains_key(name)));
        }
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
