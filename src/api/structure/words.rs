//! What is said where a field, a type or a value is not one that the schema knows: what was found and the way out.
//!
//! Never: text of the user that a terminal would obey.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Check, Node, Shape, Way};
use crate::api::schema::ViolationKind;

impl Check {
    pub(super) fn unknown_field(
        &mut self,
        name: &str,
        fields: &BTreeMap<String, Node>,
        way: Way<'_>,
    ) {
        let suggestion = nearest(name, fields.keys().map(String::as_str)).map(str::to_owned);
        let help = match &suggestion {
            Some(near) => format!("did you mean `{near}`?"),
            None if fields.is_empty() => "no field belongs here".to_owned(),
            None => {
                format!("the fields here are {}", quoted(fields.keys().map(String::as_str)))
            }
        };
        let message = format!("no field is called `{}`", shown(name));
        self.refuse(
            way.field(name),
            ViolationKind::UnknownField { suggestion },
            message,
            Some(help),
        );
    }

    pub(super) fn wrong_type(&mut self, shape: &Shape, value: &Value, way: Way<'_>) {
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

    pub(super) fn not_one_of(&mut self, allowed: &[Value], value: &Value, way: Way<'_>) {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let allowed = || allowed.iter().filter_map(Value::as_str);
        let help = match nearest(&text, allowed()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("one of {}", quoted(allowed())),
        };
        let message = format!("`{}` is not a value of this field", shown(&text));
        self.refuse(way, ViolationKind::NotOneOf, message, Some(help));
    }
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
pub(super) fn shown(text: &str) -> String {
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
