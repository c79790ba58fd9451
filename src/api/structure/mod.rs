//! The structural part of a schema: types, required fields, values, lengths, forms, sets and defaults, in one walk.
//!
//! Never: stopping at the first thing that is wrong.

mod mend;
mod node;
mod way;
mod words;

use std::{collections::BTreeMap, sync::LazyLock};

use regex::Regex;
use serde_json::{Map, Number, Value};

use super::field::Form;
pub use mend::Mend;
pub use node::{Node, Shape};
pub use way::Way;
pub use words::nearest;
use words::{items_within, plain_or_quoted, shown};

use super::{
    copied,
    field::{COUNTRY, DAYS, DURATION, EMAIL, GUID, LANGUAGE, SHA256, TELEPHONE, TIMESTAMP, URL},
    schema::{PathStep, Violation, ViolationKind},
};

/// One object being judged.
#[derive(Debug, Default)]
pub struct Check {
    /// What was found so far.
    pub violations: Vec<Violation>,
    /// Where a value stands that nobody wrote, for one that makes no sense.
    pub stand_ins: Vec<Vec<PathStep>>,
    is_unsound: bool,
}

impl Check {
    /// Of an object in which values stand that nobody wrote.
    pub fn beside(stand_ins: Vec<Vec<PathStep>>) -> Self {
        Self { stand_ins, ..Self::default() }
    }

    /// Judges the structure of the object, and gives it its defaults.
    pub fn structure(&mut self, node: &Node, object: &mut Value) {
        self.node(node, object, Way::ROOT);
    }

    /// What would be wrong with a text at the field that `node` is for.
    pub fn text_at(node: &Node, path: &[PathStep], text: &str) -> Vec<Violation> {
        fn at(check: &mut Check, node: &Node, text: &str, path: &[PathStep], way: Way<'_>) {
            match path {
                [PathStep::Field(name), rest @ ..] => at(check, node, text, rest, way.field(name)),
                [PathStep::Index(index), rest @ ..] => {
                    at(check, node, text, rest, way.index(*index));
                }
                [] => check.node(node, &mut Value::from(text), way),
            }
        }
        let mut check = Self::default();
        at(&mut check, node, text, path, Way::ROOT);
        check.violations
    }

    /// Looks for fields that the schema does not know, and for nothing else.
    pub fn unknown_fields(&mut self, node: &Node, value: &Value, way: Way<'_>) {
        for (name, value) in value.as_object().into_iter().flatten() {
            match &node.shape {
                Shape::Anything => {}
                Shape::Map { values, .. } => self.unknown_fields(values, value, way.field(name)),
                Shape::Object { fields, .. } => match fields.get(name) {
                    Some(field) => self.unknown_fields(field, value, way.field(name)),
                    None => self.unknown_field(name, fields, way),
                },
                Shape::List { .. }
                | Shape::Text { .. }
                | Shape::Integer { .. }
                | Shape::Boolean => {
                    self.unknown_field(name, &BTreeMap::new(), way);
                }
            }
        }
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            let items = if let Shape::List { items, .. } = &node.shape { items } else { node };
            self.unknown_fields(items, item, way.index(index));
        }
    }

    /// The API server judges the rules only where the structure is sound enough to make sense of them.
    pub fn rules_can_be_judged(&self) -> bool {
        !self.is_unsound
    }

    pub(super) fn refuse(
        &mut self,
        way: Way<'_>,
        kind: ViolationKind,
        message: String,
        help: Option<String>,
    ) {
        let path = way.path();
        self.is_unsound |= match kind {
            ViolationKind::WrongType
            | ViolationKind::Missing
            | ViolationKind::NotOneOf
            | ViolationKind::Format
            | ViolationKind::TooMany => true,
            ViolationKind::TooLong => path[0] != PathStep::Field("metadata".to_owned()),
            ViolationKind::UnknownField { .. }
            | ViolationKind::Pattern
            | ViolationKind::TooShort
            | ViolationKind::TooFew
            | ViolationKind::OutOfRange
            | ViolationKind::Duplicate
            | ViolationKind::Rule => false,
        };
        self.violations.push(Violation { path, kind, message, help, instead: None });
    }

    /// Refuses a value where it is known what was meant.
    pub(super) fn refuse_for(
        &mut self,
        way: Way<'_>,
        kind: ViolationKind,
        message: String,
        instead: Option<Value>,
        help: Option<String>,
    ) {
        self.refuse(way, kind, message, help);
        if let Some(violation) = self.violations.last_mut() {
            violation.instead = instead;
        }
    }

    fn node(&mut self, node: &Node, value: &mut Value, way: Way<'_>) {
        match (&node.shape, &mut *value) {
            (Shape::Anything, _) | (Shape::Boolean, Value::Bool(_)) => {}
            (Shape::Object { fields, required }, Value::Object(object)) => {
                self.object(fields, required, object, way);
            }
            (Shape::Map { names, values, least, most }, Value::Object(map)) => {
                if names.is_some() {
                    // In metadata the API server reads `null` as the empty text.
                    map.values_mut().filter(|value| value.is_null()).for_each(|it| *it = "".into());
                }
                map.retain(|_, value| !value.is_null());
                self.count(map.len(), *least, *most, "entry", "entries", way);
                for (name, value) in map.iter_mut() {
                    if let Some((pattern, form)) = names
                        && !pattern.is_match(name)
                    {
                        self.misses(form, name, &|value| pattern.is_match(value), way.field(name));
                    }
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
            (Shape::Integer { least, most }, Value::Number(written)) => {
                let Some(number) = whole(written) else {
                    return self.wrong_type(&node.shape, value, way);
                };
                *written = number.into();
                if number < *least || number > *most {
                    let message = format!("`{number}` is not a number from {least} to {most}");
                    self.refuse(way, ViolationKind::OutOfRange, message, None);
                }
            }
            (Shape::Text { date_time: true, .. }, Value::Array(_)) => {
                // The API server leaves the type of such a list to the rules, which are judged.
                let was_unsound = self.is_unsound;
                self.wrong_type(&node.shape, value, way);
                self.is_unsound = was_unsound;
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
        let is_too_long = text.len() > *longest && text.chars().count() > *longest;
        if let Some((pattern, form)) = form
            && !pattern.is_match(text)
        {
            // The form says more than the length, and no problem is told twice.
            let fits =
                |value: &String| pattern.is_match(value) && value.chars().count() <= *longest;
            self.is_unsound |= *date_time && !is_date_time(text)
                || is_too_long && way.path()[0] != PathStep::Field("metadata".to_owned());
            return self.misses(form, text, &fits, way);
        }
        if is_too_long {
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
        if *date_time && !is_date_time(text) {
            let message = format!("`{}` is no date and time that exists", shown(text));
            let instead = (TIMESTAMP.instead)(text).filter(|instead| is_date_time(instead));
            let help = match &instead {
                Some(instead) => format!("write `{}`", plain_or_quoted(instead)),
                None => format!("write {}", TIMESTAMP.expected),
            };
            let instead = instead.map(Value::String);
            self.refuse_for(way, ViolationKind::Format, message, instead, Some(help));
        }
    }

    /// Refuses a text that does not have the form, with what to write instead.
    fn misses(&mut self, form: &Form, text: &str, fits: &impl Fn(&String) -> bool, way: Way<'_>) {
        let message = if form.pattern == URL.pattern && copied::may_hold_secret(text) {
            format!(
                "the value, which may hold a password and is not shown, is not {}",
                form.expected
            )
        } else {
            format!("`{}` is not {}", shown(text), form.expected)
        };
        let items = items_within(text);
        if way.is_item() && text.contains('\n') && items.len() > 1 {
            let items: Vec<String> =
                items.iter().map(|item| format!("`- {}`", shown(item))).collect();
            let help = format!("write each as an item of its own: {}", items.join(", "));
            return self.refuse_for(way, ViolationKind::Pattern, message, None, Some(help));
        }
        let instead = (form.instead)(text).filter(fits).filter(|_| !copied::tells_secret(text));
        let ways =
            [GUID, SHA256, TIMESTAMP, DAYS, DURATION, EMAIL, TELEPHONE, URL, COUNTRY, LANGUAGE];
        let has_a_way = ways.iter().any(|it| it.pattern == form.pattern);
        let aside = || has_a_way.then(|| copied::aside(way.last_field(), text)).flatten();
        let written = || instead.as_ref().map(|it| format!("write `{}`", plain_or_quoted(it)));
        // A date alone may mean its beginning or its end.
        let help = match way.last_field() {
            "notAfter" => aside().or_else(written),
            _ => written().or_else(aside),
        };
        let instead = instead.map(Value::String);
        self.refuse_for(way, ViolationKind::Pattern, message, instead, help);
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
            let help = Some(format!("write at least {least}"));
            self.refuse(way, ViolationKind::TooFew, message, help);
        } else if count > most {
            let message = format!("{count} {many} are too many, at most {most} are allowed");
            self.refuse(way, ViolationKind::TooMany, message, None);
        }
    }

    /// Tells each item that stands there more than once, at its second place.
    fn duplicates(&mut self, keys: &[String], list: &[Value], way: Way<'_>) {
        let mut seen = BTreeMap::new();
        for (index, item) in list.iter().enumerate() {
            let identity = if keys.is_empty() {
                item.as_str().map_or_else(|| item.to_string(), str::to_owned)
            } else {
                let values = keys.iter().map(|key| item[key].as_str().unwrap_or_default());
                values.collect::<Vec<_>>().join(", ")
            };
            match seen.get_mut(&identity) {
                None => drop(seen.insert(identity, false)),
                Some(true) => {}
                Some(told) => {
                    *told = true;
                    let message = format!("`{}` stands here twice", shown(&identity));
                    let help = Some("remove one of the two".to_owned());
                    self.refuse(way.index(index), ViolationKind::Duplicate, message, help);
                }
            }
        }
    }
}

/// The number, if it is a whole one; `1.0` is.
fn whole(number: &Number) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_991.0;
    let whole = |number: &f64| number.fract() == 0.0 && number.abs() <= EXACT;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole, and exact up to there")]
    number.as_i64().or_else(|| number.as_f64().filter(whole).map(|number| number as i64))
}

/// Whether a text names a day and a time that exist, in a form that the API server knows as one. As for it, no minute
/// has a 61st second.
fn is_date_time(text: &str) -> bool {
    static TIME: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](.[0-9]+)?([zZ]|[+-][0-9]{2}:[0-9]{2})$",
        )
        .expect("it is a regular expression")
    });
    let Some((day, time)) = text.split_once(['T', 't']) else { return false };
    day.len() == 10 && day.parse::<jiff::civil::Date>().is_ok() && TIME.is_match(time)
}
