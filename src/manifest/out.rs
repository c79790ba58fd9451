//! Values as YAML that every reader takes for the same.
//!
//! Never: a plain word that kubectl would take for a truth value or a number.

use serde::Serialize;

use super::{explain::is_trap, marks::Marks};

/// The YAML of a value: block style, fields in the order of their declaration.
///
/// # Panics
/// Where a value has keys that are no text, which none of ours has.
pub fn to_yaml<T: Serialize>(value: &T) -> String {
    let text = serde_yaml::to_string(value).expect("what we write has text keys and no cycles");
    let has_trap = |line: &str| line.split(' ').any(|word| is_trap(word.trim_end_matches(':')));
    if text.lines().any(has_trap) { quoted(&text) } else { text }
}

/// The same with quotes around the words that YAML 1.1 reads otherwise.
fn quoted(text: &str) -> String {
    let marks = Marks::new(text);
    let mut traps: Vec<(usize, usize, usize)> = marks
        .plain(is_trap)
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

    use super::to_yaml;

    #[test]
    fn words_that_yaml_1_1_reads_otherwise_are_quoted() {
        let value = json!({"name": "no", "y": ["on", "Off", "1_000", "not", "text: no"], "n": {"a": "yes"}});
        let text = to_yaml(&value);
        let expected = "n:\n  a: \"yes\"\nname: \"no\"\n\"y\":\n- \"on\"\n- \"Off\"\n- \"1_000\"\n- not\n- 'text: no'\n";
        assert_eq!(text.replace("\"n\":", "n:"), expected);
        assert_eq!(serde_yaml::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn a_text_of_many_lines_keeps_its_words() {
        let value = json!({"page": "first\n- no\nlast: no\n", "name": "no"});
        assert_eq!(to_yaml(&value), "name: \"no\"\npage: |\n  first\n  - no\n  last: no\n");
    }
}
