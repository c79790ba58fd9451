//! Values as YAML that every reader takes for the same.
//!
//! Never: a plain word that kubectl would take for a truth value or a number, or another program for a date.

use serde::Serialize;
use serde_yaml::Value;

use super::{
    explain::{is_time, is_trap},
    marks::Marks,
};

/// The YAML of a value: block style, fields in the order of their declaration.
///
/// # Panics
/// Where a value has keys that are no text, which none of ours has.
pub fn to_yaml<T: Serialize>(value: &T) -> String {
    let text = serde_yaml::to_string(value).expect("what we write has text keys and no cycles");
    let has_trap = |line: &str| {
        line.split(' ').any(|word| is_read_otherwise(word) || is_trap(word.trim_end_matches(':')))
    };
    if text.lines().any(has_trap) { quoted(&text) } else { text }
}

/// The same where some number signs and colons are spelled by their codes. `respell` puts what it is given, first for a
/// number sign and then for a colon, into each text.
///
/// # Panics
/// As [`to_yaml`].
pub fn to_yaml_respelled<T: Serialize>(
    value: &T,
    respell: &impl Fn(&str, &str, &str) -> String,
) -> String {
    // A text with a control character is written in double quotes, the only ones in which a sign has another spelling.
    // So one that is not there stands for each sign until it is written.
    let text = to_yaml(value);
    let spelled = |sign: char| format!("\\x{:02X}", u32::from(sign));
    let mut unused = ('\u{1}'..='\u{6}').filter(|control| !text.contains(&spelled(*control)));
    let (Some(number), Some(colon)) = (unused.next(), unused.next()) else { return text };
    let mut value = serde_yaml::to_value(value).expect("what was written once is written again");
    let (first, second) = (number.to_string(), colon.to_string());
    each_text(&mut value, &|text| respell(text, &first, &second));
    to_yaml(&value).replace(&spelled(number), &spelled('#')).replace(&spelled(colon), &spelled(':'))
}

fn each_text(value: &mut Value, edit: &impl Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = edit(text),
        Value::Sequence(items) => items.iter_mut().for_each(|item| each_text(item, edit)),
        Value::Mapping(fields) => {
            let edited = std::mem::take(fields).into_iter().map(|(mut key, mut value)| {
                each_text(&mut key, edit);
                each_text(&mut value, edit);
                (key, value)
            });
            *fields = edited.collect();
        }
        Value::Tagged(tagged) => each_text(&mut tagged.value, edit),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn is_read_otherwise(word: &str) -> bool {
    is_trap(word) || is_time(word)
}

/// The same with quotes around the words that YAML 1.1 reads otherwise.
fn quoted(text: &str) -> String {
    let marks = Marks::new(text);
    let mut traps: Vec<(usize, usize, usize)> = marks
        .plain(is_read_otherwise)
        .into_iter()
        .map(|(_, (line, column), word)| (line, column, word.chars().count()))
        .collect();
    traps.sort_unstable();
    let mut out = String::with_capacity(text.len() + 2 * traps.len());
    let mut traps = traps.into_iter().peekable();
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let mut letters = line.chars();
        let mut column = 1;
        while let Some((_, start, length)) = traps.next_if(|(at, ..)| *at == number + 1) {
            out.extend(letters.by_ref().take(start - column));
            out.push('"');
            out.extend(letters.by_ref().take(length));
            out.push('"');
            column = start + length;
        }
        out.extend(letters);
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{to_yaml, to_yaml_respelled};

    #[test]
    fn words_that_yaml_1_1_reads_otherwise_are_quoted() {
        let value = json!({"name": "no", "y": ["on", "Off", "1_000", "not", "text: no"], "n": {"a": "yes"}});
        let text = to_yaml(&value);
        let expected = "n:\n  a: \"yes\"\nname: \"no\"\n\"y\":\n- \"on\"\n- \"Off\"\n- \"1_000\"\n- not\n- 'text: no'\n";
        assert_eq!(text.replace("\"n\":", "n:"), expected);
        assert_eq!(serde_yaml::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn words_that_other_programs_read_as_dates_are_quoted() {
        let value = json!({"at": "2026-11-29T13:18:57Z", "day": "2026-11-29", "length": "1:30", "name": "acme-2026-11-29"});
        let expected = "at: \"2026-11-29T13:18:57Z\"\nday: \"2026-11-29\"\nlength: \"1:30\"\nname: acme-2026-11-29\n";
        assert_eq!(to_yaml(&value), expected);
    }

    #[test]
    fn a_sign_that_is_spelled_by_its_code_is_the_same_sign() {
        let value = json!({"#k": ["a # b", "\u{1}#", "\\x02 :", "first\n: #\n", "plain"]});
        let text = to_yaml_respelled(&value, &|text, number, colon| {
            text.replace('#', number).replace(':', colon)
        });
        assert!(!text.contains('#'), "{text}");
        assert_eq!(serde_yaml::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn a_text_of_many_lines_keeps_its_words() {
        let value = json!({"page": "first\n- no\nlast: no\n", "name": "no"});
        assert_eq!(to_yaml(&value), "name: \"no\"\npage: |\n  first\n  - no\n  last: no\n");
    }
}
