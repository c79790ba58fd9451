//! The ledger as text: one line of canonical JSON for each entry, and back.
//!
//! Never: a line read that export would not have written, to the byte; only a number sign may be spelled otherwise.

use std::borrow::Cow;

use crate::domain::{digest::canonical, entry::Entry};

/// Why a line is not an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct LineError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

/// An entry as a line, without the end of the line.
pub fn line(entry: &Entry) -> String {
    canonical(entry)
}

/// The entry that a line holds. `number` is only for the message.
pub fn read_line(number: usize, text: &str) -> Result<Entry, LineError> {
    let error = |why: String| LineError { line: number, why };
    let text = text.strip_suffix('\r').unwrap_or(text);
    let entry: Entry = serde_json::from_str(text).map_err(|cause| {
        let column = cause.column();
        // What is no entry may be anything, a secret too, and is not quoted.
        let cause = if cause.is_data() {
            "other fields than those of an entry".to_owned()
        } else {
            cause.to_string()
        };
        error(format!("not an entry, at column {column}: {cause}"))
    })?;
    if canonical(&entry) != number_signs(text) {
        return Err(error("not as `concordat ledger export` writes it: it was edited".to_owned()));
    }
    Ok(entry)
}

/// A line as it is hashed. What is printed spells a number sign otherwise where a runner of CI would obey it.
fn number_signs(text: &str) -> Cow<'_, str> {
    const SPELLED: &str = "\\u0023";
    let mut signs = String::new();
    let mut done = 0;
    for (offset, _) in text.match_indices(SPELLED) {
        let slashes = text[..offset].bytes().rev().take_while(|byte| *byte == b'\\').count();
        if slashes % 2 == 0 {
            signs.push_str(&text[done..offset]);
            signs.push('#');
            done = offset + SPELLED.len();
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    signs.push_str(&text[done..]);
    Cow::Owned(signs)
}

/// The entries of a whole text. Empty lines at its end are fine.
pub fn read(text: &str) -> impl Iterator<Item = Result<Entry, LineError>> {
    let lines = text.trim_end_matches(['\n', '\r']).split('\n').enumerate();
    let lines = lines.filter(move |_| !text.trim().is_empty());
    lines.map(|(index, text)| read_line(index + 1, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::samples::{authorise, chain, day, ledger};

    fn exported(entries: &[Entry]) -> String {
        entries.iter().map(|entry| line(entry) + "\n").collect()
    }

    #[test]
    fn what_was_exported_is_read_back() {
        let entries = chain(4);
        let text = exported(&entries);
        for text in [text.clone(), text.replace('\n', "\r\n"), text.trim_end().to_owned()] {
            assert_eq!(read(&text).collect::<Result<Vec<_>, _>>(), Ok(entries.clone()));
        }
        assert_eq!(read("").count() + read("\n").count(), 0);
    }

    #[test]
    fn a_number_sign_that_is_spelled_otherwise_is_the_same_entry() {
        let text = line(&chain(1)[0]);
        let with = |sign: &str| {
            let marked = text.replacen("\"kind\":\"", &format!("\"kind\":\"#{sign}["), 1);
            assert_ne!(marked, text);
            number_signs(&marked).into_owned()
        };
        assert_eq!(with("\\u0023"), with("#"));
        assert_ne!(with("\\\\u0023"), with("#"));
        assert_eq!(with("\\\\\\u0023"), with("\\\\#"));
    }

    #[test]
    fn a_line_that_is_no_entry_is_not_quoted() {
        for text in
            ["\"hunter2\"", "1234567", "{\"sequence\":\"hunter2\"}", "{\"hunter2\":1234567}"]
        {
            let error = read_line(1, text).unwrap_err().to_string();
            assert!(!error.contains("hunter2") && !error.contains("1234567"), "{error}");
        }
    }

    #[test]
    fn an_edited_line_is_refused_with_its_number() {
        let text = exported(&chain(3));
        let second = text.lines().nth(1).unwrap();
        let cases = [
            ("cut", &second[..40]),
            ("a space", &second.replace("\"kind\":", "\"kind\": ")),
            ("a field more", &second.replacen('{', "{\"a\":1,", 1)),
            ("a key twice", &second.replacen("\"cause\":", "\"cause\":\"Expired\",\"cause\":", 1)),
            ("a number written otherwise", &second.replace("\"sequence\":2", "\"sequence\":2.0")),
            ("empty", ""),
        ];
        for (name, edited) in cases {
            let text = text.replace(second, edited);
            let error = read(&text).find_map(Result::err);
            assert_eq!(error.map(|error| error.line), Some(2), "{name}");
        }
    }

    #[test]
    fn an_export_names_no_person() {
        let text = exported(&ledger([(day(1), authorise("contoso", day(1), day(9)))]));
        for word in ["Ada", "Lovelace", "ada@contoso.example"] {
            assert!(!text.contains(word), "{word}");
        }
        assert!(text.contains("GlobalAdministrator"));
    }
}
