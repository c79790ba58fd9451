//! An object about which something was said, made fit to be looked at further.
//!
//! Never: something in its place that could be taken for what was written.

use serde_json::Value;

use super::{Node, Shape};
use crate::api::schema::{PathStep, Violation, ViolationKind};

/// What becomes of a value that makes no sense, where none need be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mend {
    /// Another stands in for it, so that it is seen that there is one.
    KeepPresent,
    /// It is left out.
    LeaveOut,
}

impl Node {
    /// Mends what `violation` is about, at `path` below this node.
    pub fn mend(&self, value: &mut Value, path: &[PathStep], violation: &Violation, how: Mend) {
        let [step, rest @ ..] = path else { return };
        match (&self.shape, value, step) {
            (Shape::Object { fields, required }, Value::Object(object), PathStep::Field(name)) => {
                let Some(field) = fields.get(name) else {
                    object.remove(name);
                    return;
                };
                if let ([_, ..], Some(value)) = (rest, object.get_mut(name)) {
                    return field.mend(value, rest, violation, how);
                }
                let present = object.contains_key(name);
                match field.mended(violation) {
                    Mended::AsItIs => {}
                    Mended::Meant(value) => drop(object.insert(name.clone(), value)),
                    Mended::Senseless if required.contains(name) => {
                        object.insert(name.clone(), field.stand_in());
                    }
                    Mended::Senseless if present && how == Mend::KeepPresent => {
                        object.insert(name.clone(), field.stand_in());
                    }
                    Mended::Senseless => drop(object.remove(name)),
                }
            }
            (Shape::Map { values, .. }, Value::Object(map), PathStep::Field(name)) => {
                let Some(value) = map.get_mut(name) else { return };
                values.mend_item(value, rest, violation, how);
            }
            (Shape::List { items, .. }, Value::Array(list), PathStep::Index(index)) => {
                let Some(value) = list.get_mut(*index) else { return };
                items.mend_item(value, rest, violation, how);
            }
            _ => {}
        }
    }

    fn mend_item(&self, value: &mut Value, rest: &[PathStep], violation: &Violation, how: Mend) {
        if !rest.is_empty() {
            return self.mend(value, rest, violation, how);
        }
        match self.mended(violation) {
            Mended::AsItIs => {}
            Mended::Meant(meant) => *value = meant,
            Mended::Senseless => *value = self.stand_in(),
        }
    }

    /// A text of the wrong form is a text still: whoever reads it knows what to do.
    fn mended(&self, violation: &Violation) -> Mended {
        if let Some(value) = &violation.instead {
            return Mended::Meant(value.clone());
        }
        let is_time = matches!(self.shape, Shape::Text { date_time: true, .. });
        match violation.kind {
            ViolationKind::Pattern
            | ViolationKind::TooLong
            | ViolationKind::TooShort
            | ViolationKind::Format
                if is_time =>
            {
                Mended::Senseless
            }
            ViolationKind::WrongType
            | ViolationKind::Missing
            | ViolationKind::NotOneOf
            | ViolationKind::OutOfRange
            // Nobody reads through a list that is far too long.
            | ViolationKind::TooMany => Mended::Senseless,
            ViolationKind::UnknownField { .. }
            | ViolationKind::Pattern
            | ViolationKind::Format
            | ViolationKind::TooLong
            | ViolationKind::TooShort
            | ViolationKind::TooFew
            | ViolationKind::Duplicate
            | ViolationKind::Rule => Mended::AsItIs,
        }
    }
}

enum Mended {
    AsItIs,
    Meant(Value),
    Senseless,
}
