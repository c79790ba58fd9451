//! From the text of one document to a value, refusing what YAML allows and a manifest must not do.
//!
//! Never: lets one key win over its double, or lets aliases grow a small text into a large value.

use std::{
    cell::{Cell, RefCell},
    fmt,
    ops::Range,
};

use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value, map::Entry};

use super::{
    explain::is_trap,
    placeholder::placeholder,
    text::{left_over, line_and_column},
    tokens::tokens,
};
use crate::api::holds_secret;

/// The parser refuses what is nested deeper.
const DEEPEST: usize = 128;

/// What a document holds.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// The values and their bytes: one for YAML, any number for a stream of JSON. Nulls are left out.
    pub values: Vec<(Value, Range<usize>)>,
    pub notice: Notice,
}

/// What deserves a closer look if the document is ours.
#[derive(Debug, Default)]
pub(super) struct Notice {
    /// Some text is one that YAML 1.1 reads as something else unless it is quoted.
    pub traps: bool,
    /// Some text is not printable ASCII.
    pub unusual: bool,
    /// Some text is a variable that was not replaced, a placeholder, encrypted, or may be a secret.
    pub not_meant: bool,
}

/// Why a document has no value.
#[derive(Debug)]
pub(super) struct Unloaded {
    pub refusal: Refusal,
    /// Line and column in the text.
    pub at: Option<(usize, usize)>,
}

impl Unloaded {
    fn is_syntax(&self) -> bool {
        matches!(self.refusal, Refusal::Syntax(_))
    }
}

/// The reasons.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Refusal {
    /// The parser's words.
    Syntax(String),
    DuplicateKey(String),
    KeyNotText(String),
    TooDeep,
    TooMuch,
    Tag(String),
    NotANumber(String),
    Merge,
}

/// Reads the text of one document.
pub(super) fn load(text: &str) -> Result<Loaded, Unloaded> {
    let start = text.trim_start();
    if !start.starts_with(['{', '[']) {
        return yaml(text);
    }
    // What is not JSON may still be YAML in flow style, which begins the same.
    let from_json = match json(text) {
        Err(unloaded) if unloaded.is_syntax() => unloaded,
        known => return known,
    };
    match yaml(text) {
        Err(unloaded) if unloaded.is_syntax() && looks_like_json(start) => Err(from_json),
        known => known,
    }
}

fn looks_like_json(start: &str) -> bool {
    start[1..].trim_start().starts_with(['"', '{', '[', '}', ']'])
}

/// One JSON value after the other.
fn json(text: &str) -> Result<Loaded, Unloaded> {
    let tally = Tally::new(text.len());
    let mut values = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let before = text.len() - rest.len();
        let mut deserializer = serde_json::Deserializer::from_str(rest);
        let value = Node(&tally)
            .deserialize(&mut deserializer)
            .map_err(|error| tally.because(json_failed(text, before, &error)))?;
        let length = deserializer.into_iter::<IgnoredAny>().byte_offset();
        if !value.is_null() {
            values.push((value, before..before + length));
        }
        rest = rest[length..].trim_start();
    }
    Ok(tally.loaded(values))
}

/// The parser counts lines from where it began, and columns in bytes.
fn json_failed(text: &str, before: usize, error: &serde_json::Error) -> Unloaded {
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(&*message, |(message, _)| message);
    let refusal = if message.contains("recursion limit") {
        Refusal::TooDeep
    } else {
        Refusal::Syntax(message.to_owned())
    };
    let lines = text[..before].matches('\n').count() + error.line().max(1);
    let begin = if error.line() > 1 {
        0
    } else {
        text[..before].rfind('\n').map_or(before, |end| before - end - 1)
    };
    let line = text.split('\n').nth(lines - 1).unwrap_or_default();
    let bytes = (begin + error.column()).saturating_sub(1);
    let column = line.char_indices().take_while(|(offset, _)| *offset < bytes).count() + 1;
    Unloaded { refusal, at: Some((lines, column)) }
}

fn yaml(text: &str) -> Result<Loaded, Unloaded> {
    refuse_deep_flow(text)?;
    let tally = Tally::new(text.len());
    let value =
        Node(&tally).deserialize(serde_yaml::Deserializer::from_str(text)).map_err(|error| {
            let at = error.location().map(|location| (location.line(), location.column()));
            let message = error.to_string();
            let refusal = if message.contains("recursion limit") {
                Refusal::TooDeep
            } else if message.contains("repetition limit") {
                Refusal::TooMuch
            } else {
                Refusal::Syntax(message)
            };
            tally.because(Unloaded { refusal, at })
        })?;
    let values = if value.is_null() { Vec::new() } else { vec![(value, 0..text.len())] };
    Ok(tally.loaded(values))
}

/// The parser may take time in the square of how deep `[` and `{` are nested, before it counts them. Only where there are
/// enough of them is it looked which are brackets and which are text.
fn refuse_deep_flow(text: &str) -> Result<(), Unloaded> {
    let brackets = text.bytes().filter(|byte| matches!(byte, b'[' | b'{'));
    if brackets.count() <= DEEPEST {
        return Ok(());
    }
    match tokens(text, text.len(), DEEPEST).too_deep {
        None => Ok(()),
        Some(offset) => {
            let at = Some(line_and_column(&text[..offset]));
            Err(Unloaded { refusal: Refusal::TooDeep, at })
        }
    }
}

/// What is counted and noticed while one document is read.
struct Tally {
    /// How much more the values may weigh. Without aliases a value never weighs much more than its text.
    left: Cell<usize>,
    traps: Cell<bool>,
    unusual: Cell<bool>,
    not_meant: Cell<bool>,
    refusal: RefCell<Option<Refusal>>,
}

impl Tally {
    fn new(bytes: usize) -> Self {
        Self {
            left: Cell::new(bytes.saturating_mul(4).saturating_add(64 * 1024)),
            traps: Cell::new(false),
            unusual: Cell::new(false),
            not_meant: Cell::new(false),
            refusal: RefCell::new(None),
        }
    }

    fn loaded(&self, values: Vec<(Value, Range<usize>)>) -> Loaded {
        let notice = Notice {
            traps: self.traps.get(),
            unusual: self.unusual.get(),
            not_meant: self.not_meant.get(),
        };
        Loaded { values, notice }
    }

    fn refuse<E: de::Error>(&self, refusal: Refusal) -> E {
        self.refusal.borrow_mut().get_or_insert(refusal);
        E::custom("refused")
    }

    /// The same failure with our own reason, where there is one.
    fn because(&self, unloaded: Unloaded) -> Unloaded {
        match self.refusal.take() {
            Some(refusal) => Unloaded { refusal, ..unloaded },
            None => unloaded,
        }
    }

    fn weigh<E: de::Error>(&self, weight: usize) -> Result<(), E> {
        match self.left.get().checked_sub(weight) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(self.refuse(Refusal::TooMuch)),
        }
    }

    fn notice<E: de::Error>(&self, text: &str) -> Result<(), E> {
        self.weigh(text.len() + 1)?;
        if is_trap(text) {
            self.traps.set(true);
        }
        if !text.bytes().all(|byte| matches!(byte, b'\t' | b'\n' | b' '..=b'~')) {
            self.unusual.set(true);
        }
        if left_over(text).is_some()
            || text.starts_with("ENC[")
            || placeholder(text).is_some()
            || holds_secret(text)
        {
            self.not_meant.set(true);
        }
        Ok(())
    }
}

/// Reads one value.
#[derive(Clone, Copy)]
struct Node<'t>(&'t Tally);

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;
    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON can hold")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        self.0.weigh(1)?;
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        self.0.weigh(1)?;
        Ok(value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        self.0.weigh(1)?;
        Ok(value.into())
    }

    // Whoever has a field for it knows what was typed, and says so.
    #[expect(clippy::cast_precision_loss, reason = "no field takes a number of this size")]
    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Value, E> {
        self.visit_f64(value as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "no field takes a number of this size")]
    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Value, E> {
        self.visit_f64(value as f64)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        self.0.weigh(1)?;
        let number = Number::from_f64(value);
        number.map(Value::Number).ok_or_else(|| self.0.refuse(Refusal::NotANumber(in_yaml(value))))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        self.0.notice(text)?;
        Ok(Value::String(text.to_owned()))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        self.0.weigh(1)?;
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.0.weigh(1)?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        self.0.weigh(1)?;
        let mut map = Map::new();
        while let Some(key) = fields.next_key_seed(Key(self.0))? {
            match map.entry(key) {
                Entry::Vacant(entry) => {
                    entry.insert(fields.next_value_seed(self)?);
                }
                Entry::Occupied(entry) => {
                    return Err(self.0.refuse(Refusal::DuplicateKey(entry.key().clone())));
                }
            }
        }
        match map.remove("<<") {
            None => Ok(Value::Object(map)),
            Some(merged) => {
                merge(map, merged).map(Value::Object).ok_or_else(|| self.0.refuse(Refusal::Merge))
            }
        }
    }

    fn visit_enum<A: de::EnumAccess<'de>>(self, data: A) -> Result<Value, A::Error> {
        let (tag, _) = data.variant::<String>()?;
        Err(self.0.refuse(Refusal::Tag(tag)))
    }
}

/// A number that is none, as it is typed.
fn in_yaml(number: f64) -> String {
    let text = if number.is_nan() { ".nan" } else { ".inf" };
    if number < 0.0 { format!("-{text}") } else { text.to_owned() }
}

/// Fields of one or several mappings below those written out; the first mapping wins.
fn merge(mut map: Map<String, Value>, merged: Value) -> Option<Map<String, Value>> {
    let sources = if let Value::Array(sources) = merged { sources } else { vec![merged] };
    for source in sources {
        let Value::Object(fields) = source else { return None };
        for (key, value) in fields {
            map.entry(key).or_insert(value);
        }
    }
    Some(map)
}

/// Reads one key of a mapping.
struct Key<'t>(&'t Tally);

impl Key<'_> {
    fn refuse<E: de::Error>(&self, key: impl fmt::Display) -> E {
        self.0.refuse(Refusal::KeyNotText(key.to_string()))
    }
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = String;
    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Key<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key that is text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        self.0.notice(text)?;
        Ok(text.to_owned())
    }

    fn visit_bool<E: de::Error>(self, key: bool) -> Result<String, E> {
        Err(self.refuse(key))
    }

    fn visit_i64<E: de::Error>(self, key: i64) -> Result<String, E> {
        Err(self.refuse(key))
    }

    fn visit_u64<E: de::Error>(self, key: u64) -> Result<String, E> {
        Err(self.refuse(key))
    }

    fn visit_f64<E: de::Error>(self, key: f64) -> Result<String, E> {
        Err(self.refuse(key))
    }

    fn visit_unit<E: de::Error>(self) -> Result<String, E> {
        Err(self.refuse("null"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<String, A::Error> {
        Err(self.refuse("[…]"))
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<String, A::Error> {
        Err(self.refuse("{…}"))
    }
}
