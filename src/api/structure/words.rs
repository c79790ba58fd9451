//! What is said where a field, a type or a value is not one that the schema knows: what was found and the way out.
//!
//! Never: text of the user that a terminal would obey.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Check, Node, Shape, Way};
use crate::api::{copied, schema::ViolationKind};

impl Check {
    pub(super) fn unknown_field(
        &mut self,
        name: &str,
        fields: &BTreeMap<String, Node>,
        way: Way<'_>,
    ) {
        let names = || fields.keys().map(String::as_str);
        let suggestion = copied::field(name, names()).or_else(|| nearest(name, names()));
        let suggestion = suggestion.map(str::to_owned);
        let glued = name.split_once(':').filter(|(field, _)| fields.contains_key(*field));
        let help = match (&suggestion, glued) {
            (_, Some((field, value))) => without_blank(field, value),
            (Some(near), None) => format!("did you mean `{near}`?"),
            (None, None) if fields.is_empty() => "no field belongs here".to_owned(),
            (None, None) => {
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
        let (help, instead) = match (shape, value, scalar) {
            (Shape::Text { .. }, _, Some(scalar)) => {
                (Some(format!("put it in quotes: `\"{scalar}\"`")), None)
            }
            (Shape::Text { .. }, Value::Array(list), _) => match &list[..] {
                [Value::String(text)] => {
                    let meant = shape.meant(text);
                    let help = |text: &String| {
                        format!("write `{}`: one value, not a list", plain_or_quoted(text))
                    };
                    (meant.as_ref().map(help), meant.map(Value::String))
                }
                _ => (None, None),
            },
            (Shape::Text { .. }, Value::Object(fields), _) => match text_within(shape, fields, way)
            {
                Some((text, way)) => {
                    (Some(format!("{way} `{}`", plain_or_quoted(text))), Some(text.into()))
                }
                None => (None, None),
            },
            (Shape::Boolean, Value::String(_) | Value::Number(_), _) => {
                let meant = truth(value.as_str().unwrap_or(&value.to_string()));
                let written = value.as_str().is_some_and(|text| text.parse::<bool>().is_ok());
                if way.last_field() == "readConfirmed" && meant == Some(false) {
                    (Some(copied::NOT_READ.to_owned()), None)
                } else {
                    let help = meant.map(|meant| unquoted_or(written, &meant));
                    (help, meant.map(Value::Bool))
                }
            }
            (Shape::Integer { least, most }, Value::String(text), _) => {
                let plain: String =
                    text.chars().filter(|sign| !matches!(sign, '_' | ',' | '%' | ' ')).collect();
                let number = plain.parse::<i64>().ok().filter(|it| (least..=most).contains(&it));
                let help = number.map(|number| unquoted_or(plain == *text, &number));
                (help, number.map(Value::from))
            }
            (Shape::List { items, .. }, Value::String(text), _) => {
                let is_text = matches!(items.shape, Shape::Text { .. });
                let (help, list) = as_list(text);
                (Some(help), list.filter(|_| is_text))
            }
            (Shape::Object { fields, required }, Value::String(text), _) => {
                object_for_text(fields, required, text)
            }
            _ => (None, None),
        };
        let message = format!("{} belongs here, not {found}", shape.expected());
        self.refuse_for(way, ViolationKind::WrongType, message, instead, help);
    }

    pub(super) fn not_one_of(&mut self, allowed: &[Value], value: &Value, way: Way<'_>) {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let allowed: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
        let known = copied::choice(way.last_field(), &text, &allowed);
        let help = match known.or_else(|| nearest(&text, allowed.iter().copied())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("one of {}", quoted(allowed.iter().copied())),
        };
        let message = format!("`{}` is not a value of this field", shown(&text));
        let instead = known.map(Value::from);
        self.refuse_for(way, ViolationKind::NotOneOf, message, instead, Some(help));
    }
}

/// The object that a text was written for: its one field, or one whose colon has no blank behind it.
fn object_for_text(
    fields: &BTreeMap<String, Node>,
    required: &[String],
    text: &str,
) -> (Option<String>, Option<Value>) {
    let glued = text.split_once(':').filter(|(field, _)| fields.contains_key(*field));
    match (glued, required) {
        (Some((field, rest)), _) => (Some(without_blank(field, rest)), None),
        (None, [only]) if fields.get(only).is_some_and(|field| field.takes(text)) => {
            let help = format!("write `{{{only}: {}}}`", plain_or_quoted(text));
            (Some(help), Some([(only.clone(), Value::from(text))].into_iter().collect()))
        }
        (None, _) => (None, None),
    }
}

/// What to do about a field and its value that no blank keeps apart.
fn without_blank(field: &str, value: &str) -> String {
    let value = value.split_whitespace().next().unwrap_or_default();
    let value = shown(value);
    format!("no blank follows the colon: write `{field}: {value}`, each field on a line of its own")
}

/// How to write a text as the list that belongs in its place, and that list.
fn as_list(text: &str) -> (String, Option<Value>) {
    /// What other programs write before the items of a list.
    const SIGNS: [char; 9] = ['–', '—', '•', '‐', '‑', '−', '·', '▪', '*'];
    if let Some(sign) = text.chars().next().filter(|sign| SIGNS.contains(sign)) {
        let between = format!(" {sign}");
        let items = text[sign.len_utf8()..].split(&*between).map(str::trim);
        let items: Vec<&str> = items.filter(|item| !item.is_empty()).collect();
        let what = format!("`{sign}` begins no item for YAML");
        let list = (!copied::tells_secret(text)).then(|| items.into());
        return (format!("{what}: write each as `- value`"), list);
    }
    let after_dash = text.strip_prefix('-').and_then(|rest| rest.chars().next());
    if let Some(sign) = after_dash.filter(|sign| *sign != ' ') {
        let what = if sign.is_whitespace() {
            format!(
                "U+{:04X} follows the `-` of an item, which is no blank for YAML",
                u32::from(sign)
            )
        } else {
            "no blank follows the `-` of an item".to_owned()
        };
        let list = Some(Value::Array(vec![text.into()]));
        return (format!("{what}: write a blank after it, `- value`"), list);
    }
    let items = items_within(text);
    if items.is_empty() {
        return ("write a list, each item on a line that begins with `- `".to_owned(), None);
    }
    let shown: Vec<String> = items.iter().map(|item| shown(item)).collect();
    let help = format!("write it as a list: `[{}]`", shown.join(", "));
    (help, Some(items.into_iter().map(Value::from).collect()))
}

/// The items that somebody has written into one text; none of what may be a secret, which no longer looks like one in
/// parts.
pub(super) fn items_within(text: &str) -> Vec<&str> {
    if copied::tells_secret(text) {
        return Vec::new();
    }
    let text = text.trim();
    let within = |open: char, close: char| text.strip_prefix(open)?.strip_suffix(close);
    let parts =
        within('[', ']').or_else(|| within('(', ')')).unwrap_or(text).split([',', ';', '\n']);
    let parts = parts.map(|part| part.trim().trim_start_matches("- ").trim());
    parts.filter(|part| !part.is_empty()).collect()
}

/// The text that fields were written for: in braces, or as other programs write an object for it; and what to do.
fn text_within<'v>(
    shape: &Shape,
    fields: &'v Map<String, Value>,
    way: Way<'_>,
) -> Option<(&'v str, &'static str)> {
    const NAMES: [&str; 9] = [
        "displayName",
        "roleDisplayName",
        "name",
        "roleTemplateId",
        "templateId",
        "roleDefinitionId",
        "objectId",
        "id",
        "value",
    ];
    let mut all = fields.iter();
    if let (Some((key, Value::Null)), None) = (all.next(), all.next()) {
        let is_meant = uuid::Uuid::parse_str(key).is_ok() || way.last_field() == "roles";
        return (is_meant && shape.takes(key)).then_some((key, "remove the braces: write"));
    }
    let texts = NAMES.iter().filter_map(|name| fields.get(*name)?.as_str());
    let mut fits = texts.filter(|text| shape.takes(text));
    fits.next().map(|text| (text, "one value belongs here, not an object: write"))
}

/// How to write a value for which text was written.
fn unquoted_or(only_the_quotes_are_wrong: bool, value: &dyn std::fmt::Display) -> String {
    if only_the_quotes_are_wrong {
        "write it without quotes".to_owned()
    } else {
        format!("write `{value}`")
    }
}

/// What a word for a truth value means.
fn truth(text: &str) -> Option<bool> {
    match &*text.trim().to_lowercase() {
        "true" | "yes" | "y" | "on" | "1" | "enabled" | "ja" | "wahr" | "oui" | "vrai" | "sí"
        | "si" | "sim" | "sì" | "tak" | "ano" | "igen" | "evet" | "da" | "да" | "так" | "ναι"
        | "是" | "はい" | "예" | "✓" | "✔" | "✅" | "☑" => Some(true),
        "false" | "no" | "n" | "off" | "0" | "disabled" | "nein" | "falsch" | "non" | "faux"
        | "não" | "nie" | "nem" | "hayır" | "нет" | "ні" | "όχι" | "否" | "いいえ" | "아니요"
        | "❌" => Some(false),
        _ => None,
    }
}

/// What is left of a text without what many values have in common.
fn telling(text: &str) -> &str {
    let ends = ["administrator", "administration", "admin"];
    let begin = ends.iter().find_map(|end| text.strip_suffix(end)).unwrap_or(text);
    begin.trim_end_matches([' ', '-', '_'])
}

/// The candidate that was probably meant: never one with another number, or the opposite.
pub fn nearest<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let text = text.to_lowercase();
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let denies = |text: &str, other: &str| {
        let denials = ["un", "not", "non", "no", "dis", "de", "in"];
        denials.iter().any(|denial| {
            text.strip_prefix(denial).is_some_and(|rest| {
                let rest = rest.trim_start_matches(['-', '_', ' ']);
                other.starts_with(rest) || rest.starts_with(other)
            })
        })
    };
    let is_like = |candidate: &str| {
        let (text, other) = (telling(&text), telling(candidate));
        !text.is_empty() && strsim::normalized_damerau_levenshtein(text, other) >= 0.6
    };
    candidates
        .filter(|candidate| {
            digits(candidate) == digits(&text) && is_like(&candidate.to_lowercase())
        })
        .filter(|candidate| {
            let candidate = candidate.to_lowercase();
            candidate == text || !denies(&text, &candidate) && !denies(&candidate, &text)
        })
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

/// A text as it is written in YAML: in quotes where it would be read as something else without them.
pub(super) fn plain_or_quoted(text: &str) -> String {
    let word = text.to_lowercase();
    let is_word = matches!(
        &*word,
        "" | "~" | "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n"
    );
    let begins = text.starts_with(|first: char| {
        first.is_ascii_digit() || first.is_whitespace() || "+-.?:,[]{}#&*!|>'\"%@`".contains(first)
    });
    let is_number = begins && !text.chars().any(|character| character.is_ascii_alphabetic());
    let is_sign = begins && !text.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    let holds = text.contains(": ") || text.contains(" #") || text.ends_with([':', ' ']);
    // What is to be written is shown to its end.
    let text = text.escape_debug().to_string().replace("\\'", "'");
    if is_word || is_number || is_sign || holds || text.parse::<f64>().is_ok() {
        format!("\"{text}\"")
    } else {
        text
    }
}

/// A text as it may be printed: short, and with nothing that a terminal would obey.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::new();
    let text = copied::without_secret(text);
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
