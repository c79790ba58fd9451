//! Several names in one sentence: `` `a` ``, `` `a` and `b` ``, `` `a`, `b` and `c` ``; and how many there are.
//!
//! Never: an order of its own; the names come in the one that they are read in.

use std::fmt::Display;

/// What is enumerated, with a word such as `and` before the last; nothing where there is nothing.
pub fn enumeration(parts: &[String], word: &str) -> Option<String> {
    let (last, others) = parts.split_last()?;
    Some(match others {
        [] => last.clone(),
        _ => format!("{} {word} {last}", others.join(", ")),
    })
}

/// `1 change`, `2 changes`: the word takes an `s`.
pub fn counted(number: usize, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}

/// A name in backticks.
pub fn quoted(name: impl Display) -> String {
    format!("`{name}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_stands_before_the_last_of_several() {
        for (names, expected) in [
            (&[][..], None),
            (&["a"], Some("`a`")),
            (&["a", "b"], Some("`a` or `b`")),
            (&["a", "b", "c"], Some("`a`, `b` or `c`")),
        ] {
            let parts: Vec<_> = names.iter().map(quoted).collect();
            assert_eq!(enumeration(&parts, "or").as_deref(), expected);
        }
    }
}
