//! Canonical JSON and its SHA-256: the one way in which things are identified by what they say.
//!
//! Never: two texts for one value. Keys are sorted, nothing is indented, numbers are integers.

use std::{borrow::Cow, fmt, ops::Range, str::FromStr};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::ids::{InvalidId, as_text};

/// A SHA-256, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// What stands before the first entry of a chain.
    pub const ZERO: Self = Self([0; 32]);

    /// The digest of these bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of the canonical JSON of `value`.
    pub fn of<T: Serialize>(value: &T) -> Self {
        Self::of_bytes(canonical(value).as_bytes())
    }

    /// The digest itself.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The first twelve digits: enough for a person to tell two apart, never enough to accept or approve.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..6])
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 64];
        hex::encode_to_slice(self.0, &mut digits).expect("two digits for each byte");
        f.write_str(str::from_utf8(&digits).expect("digits are ASCII"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut bytes = [0; 32];
        let lower = text.bytes().all(|byte| !byte.is_ascii_uppercase());
        match hex::decode_to_slice(text, &mut bytes) {
            Ok(()) if lower => Ok(Self(bytes)),
            Ok(()) | Err(_) => Err(InvalidId {
                text: text.to_owned(),
                expected: "a SHA-256: 64 lower-case hexadecimal digits",
            }),
        }
    }
}

as_text!(Digest);

/// The canonical JSON of `value`: keys sorted by their UTF-8 bytes, no white space.
///
/// It is written once and put in order as text: values of JSON in between would be many small pieces of memory.
pub fn canonical<T: Serialize>(value: &T) -> String {
    let text = serde_json::to_vec(value);
    let text = text.expect("our own types have text keys and finite numbers");
    let mut sorted = Vec::with_capacity(text.len());
    let rest = write_sorted(&text, &mut sorted);
    assert!(rest.is_empty(), "one value was written");
    String::from_utf8(sorted).expect("JSON is UTF-8")
}

/// Writes the first value of a text without white space, and gives what comes after it.
fn write_sorted<'a>(text: &'a [u8], sorted: &mut Vec<u8>) -> &'a [u8] {
    match text {
        [b'{', rest @ ..] => write_object(rest, sorted),
        [b'[', rest @ ..] => write_list(rest, sorted),
        _ => {
            let (scalar, rest) = text.split_at(scalar_length(text));
            sorted.extend_from_slice(scalar);
            rest
        }
    }
}

fn write_list<'a>(mut rest: &'a [u8], sorted: &mut Vec<u8>) -> &'a [u8] {
    sorted.push(b'[');
    loop {
        rest = match rest {
            [end @ b']', rest @ ..] => {
                sorted.push(*end);
                return rest;
            }
            [comma @ b',', rest @ ..] => {
                sorted.push(*comma);
                rest
            }
            item => write_sorted(item, sorted),
        }
    }
}

fn write_object<'a>(mut rest: &'a [u8], sorted: &mut Vec<u8>) -> &'a [u8] {
    sorted.push(b'{');
    let begin = sorted.len();
    let mut fields: Vec<(&[u8], Range<usize>)> = Vec::new();
    loop {
        rest = match rest {
            [b'}', after @ ..] => {
                rest = after;
                break;
            }
            [b',', field @ ..] | field => field,
        };
        if !fields.is_empty() {
            sorted.push(b',');
        }
        let field = sorted.len();
        let (name, value) = rest.split_at(scalar_length(rest));
        sorted.extend_from_slice(name);
        sorted.push(b':');
        rest = write_sorted(&value[1..], sorted);
        fields.push((name, field..sorted.len()));
    }
    if !fields.is_sorted_by_key(|(name, _)| plain(name)) {
        fields.sort_by_cached_key(|(name, _)| plain(name));
        let unsorted = sorted.split_off(begin);
        for (position, (_, field)) in fields.into_iter().enumerate() {
            if position > 0 {
                sorted.push(b',');
            }
            sorted.extend_from_slice(&unsorted[field.start - begin..field.end - begin]);
        }
    }
    sorted.push(b'}');
    rest
}

/// How much of a text the text, number or word is with which it begins.
fn scalar_length(text: &[u8]) -> usize {
    if text.first() != Some(&b'"') {
        let end = text.iter().position(|byte| matches!(byte, b',' | b']' | b'}'));
        return end.unwrap_or(text.len());
    }
    let mut escaped = false;
    let end = text.iter().skip(1).position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    end.expect("a text ends with a quotation mark") + 2
}

/// A name without its quotation marks and escapes.
fn plain(name: &[u8]) -> Cow<'_, [u8]> {
    if name.contains(&b'\\') {
        let name: String = serde_json::from_slice(name).expect("a name is a text");
        return Cow::Owned(name.into_bytes());
    }
    Cow::Borrowed(&name[1..name.len() - 1])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    /// Any JSON, with names that want care: empty, escaped, and such that differ in their first odd sign.
    fn any_json() -> impl Strategy<Value = Value> {
        let name =
            prop_oneof!["[a-c \"\\\\!{}\\[\\],:\n\u{1}é\u{ffff}\u{10000}]{0,3}", any::<String>()];
        let scalar = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            name.clone().prop_map(Value::from),
        ];
        scalar.prop_recursive(4, 40, 6, move |inner| {
            let field = (name.clone(), inner.clone());
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(Value::from),
                prop::collection::vec(field, 0..6).prop_map(|fields| Map::from_iter(fields).into()),
            ]
        })
    }

    /// Fields in the order in which they stand.
    struct AsTheyStand<'a>(&'a Value, bool);

    impl Serialize for AsTheyStand<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let Self(value, backwards) = *self;
            match value {
                Value::Array(items) => {
                    serializer.collect_seq(items.iter().map(|item| AsTheyStand(item, !backwards)))
                }
                Value::Object(fields) => {
                    let mut fields: Vec<_> = fields
                        .iter()
                        .map(|(name, value)| (name, AsTheyStand(value, !backwards)))
                        .collect();
                    if backwards {
                        fields.reverse();
                    }
                    serializer.collect_map(fields)
                }
                scalar @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                    scalar.serialize(serializer)
                }
            }
        }
    }

    proptest! {
        #[test]
        fn canonical_json_says_the_same_in_one_order_whatever_order_it_comes_in(value in any_json()) {
            let text = canonical(&value);
            prop_assert_eq!(&serde_json::from_str::<Value>(&text).unwrap(), &value);
            prop_assert_eq!(&text, &serde_json::to_string(&value).unwrap(), "its maps are sorted");
            prop_assert_eq!(&canonical(&AsTheyStand(&value, false)), &text);
            prop_assert_eq!(&canonical(&AsTheyStand(&value, true)), &text);
        }
    }

    #[test]
    fn canonical_json_has_sorted_keys_and_no_white_space() {
        let value = json!({"b": [1, {"z": null, "a": "é\n"}], "a": true});
        assert_eq!(canonical(&value), r#"{"a":true,"b":[1,{"a":"é\n","z":null}]}"#);
    }

    #[test]
    fn a_digest_is_read_back_only_from_64_lower_case_digits() {
        let digest = Digest::of(&json!({}));
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert!(digest.to_string().to_uppercase().parse::<Digest>().is_err());
        assert!("abc".parse::<Digest>().is_err());
    }
}
