//! The sequences that the runners of CI obey in what a program prints, made harmless.
//!
//! Never: a sequence that a form could carry by another spelling, lost.
//!
//! GitHub's runner obeys `::word::` at the beginning of a line and `##[word]` anywhere in it, Azure's agent `##vso[` and
//! `##[`, `TeamCity` `##teamcity[`. They end lines at each line feed and carriage return, pass over blanks at the beginning, and compare texts
//! without the characters that cannot be seen.

use std::{borrow::Cow, iter};

use crate::domain::visible::{is_hidden, is_ignorable};

/// The form of an answer, which says how a sign can be spelled otherwise in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Words for people.
    Text,
    /// JSON, one document or one a line.
    Json,
    /// XML.
    Xml,
    /// Commands of our own, `::error …`, which are to be obeyed.
    Commands,
}

/// The commands that are ours.
const OURS: [&str; 3] = ["::error ", "::warning ", "::notice "];

/// The same text with the second sign of every such sequence spelled otherwise.
pub fn harmless(text: &str, form: Form) -> Cow<'_, str> {
    let (number, colon) = match form {
        Form::Text | Form::Commands => ("\\u{23}", "\\u{3a}"),
        Form::Json => ("\\u0023", "\\u003a"),
        Form::Xml => ("&#35;", "&#58;"),
    };
    respelled(text, form, number, colon)
}

/// The same with these in place of a number sign and of a colon.
pub fn respelled<'t>(text: &'t str, form: Form, number: &str, colon: &str) -> Cow<'t, str> {
    let signs = signs(text, form);
    if signs.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 6 * signs.len());
    let mut done = 0;
    for sign in signs {
        safe.push_str(&text[done..sign]);
        safe.push_str(if text[sign..].starts_with('#') { number } else { colon });
        done = sign + 1;
    }
    safe.push_str(&text[done..]);
    Cow::Owned(safe)
}

/// Whether a runner would obey something in it.
pub fn acts(text: &str) -> bool {
    !signs(text, Form::Text).is_empty()
}

/// Where in its line a character stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Nothing but blanks.
    Blanks,
    /// One colon, and before it nothing but blanks.
    Colon,
    /// A number sign.
    Number,
    /// Anything else.
    Other,
}

/// The second sign of each sequence, by its byte.
fn signs(text: &str, form: Form) -> Vec<usize> {
    let mut found = Vec::new();
    let mut before = Before::Blanks;
    let mut begin = 0;
    for (offset, character) in visible(text) {
        before = match (character, before) {
            ('\n' | '\r', _) => Before::Blanks,
            ('#', Before::Number) => {
                if opens(&text[offset + 1..]) {
                    found.push(offset);
                }
                Before::Number
            }
            ('#', Before::Blanks | Before::Colon | Before::Other) => Before::Number,
            (':', Before::Blanks) => {
                begin = offset;
                Before::Colon
            }
            (':', Before::Colon) => {
                // Outside of its texts JSON has no two colons, and in them no line begins.
                let ours = form == Form::Commands
                    && OURS.iter().any(|ours| text[begin..].starts_with(ours));
                if !ours && form != Form::Json {
                    found.push(offset);
                }
                Before::Other
            }
            (blank, Before::Blanks) if blank.is_whitespace() => Before::Blanks,
            _ => Before::Other,
        };
    }
    found
}

/// Whether two number signs and this are a command, in large letters too.
fn opens(text: &str) -> bool {
    ["[", "vso[", "teamcity["].iter().any(|command| {
        let next = visible(text).map(|(_, character)| character.to_ascii_lowercase());
        next.take(command.len()).eq(command.chars())
    })
}

/// The characters that a runner compares, each with its byte: no colour, and nothing that cannot be seen.
fn visible(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut rest = text.char_indices();
    iter::from_fn(move || {
        loop {
            let (offset, character) = rest.next()?;
            if character == '\u{1b}' {
                let colour = colour(rest.as_str());
                rest.by_ref().take(colour).for_each(drop);
            } else if character.is_whitespace() || !is_hidden(character) && !is_ignorable(character)
            {
                return Some((offset, character));
            }
        }
    })
}

/// How long the rest of an escape sequence for a colour is, `[31m`; nothing where it is none.
fn colour(text: &str) -> usize {
    let Some(code) = text.strip_prefix('[') else { return 0 };
    let end = code.find(|letter: char| !(letter.is_ascii_digit() || letter == ';'));
    end.filter(|end| code[*end..].starts_with('m')).map_or(0, |end| end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_runner_obeys_is_broken_and_stays_readable() {
        let cases = [
            ("##[add-mask]a", r"#\u{23}[add-mask]a"),
            ("a ##vso[task.prependpath]/x", r"a #\u{23}vso[task.prependpath]/x"),
            ("##VSO[x]", r"#\u{23}VSO[x]"),
            ("##teamcity[buildStop]", r"#\u{23}teamcity[buildStop]"),
            ("#\u{34f}#[x]", "#\u{34f}\\u{23}[x]"),
            ("##\u{fe0f}team\u{180b}city[x]", "#\\u{23}\u{fe0f}team\u{180b}city[x]"),
            (":\u{17b4}:\u{fe00}error::a", ":\u{17b4}\\u{3a}\u{fe00}error::a"),
            ("####[x]", r"###\u{23}[x]"),
            ("#\u{200b}#\u{1}[x]", "#\u{200b}\\u{23}\u{1}[x]"),
            ("#\u{1b}[31m#\u{1b}[0m[x]", "#\u{1b}[31m\\u{23}\u{1b}[0m[x]"),
            ("::add-mask::a", r":\u{3a}add-mask::a"),
            (
                " \t\u{a0}\u{3000}::set-output name=a::b",
                " \t\u{a0}\u{3000}:\\u{3a}set-output name=a::b",
            ),
            (
                "a\n::error::b\r::error::c\r\n\n  ::d::",
                "a\n:\\u{3a}error::b\r:\\u{3a}error::c\r\n\n  :\\u{3a}d::",
            ),
            ("\u{1b}[1m::error::x", "\u{1b}[1m:\\u{3a}error::x"),
            ("\u{feff}:\u{200d}:error::x", "\u{feff}:\u{200d}\\u{3a}error::x"),
            (
                "a\u{b}\n\u{b}\u{c}\u{85}\u{2028}::e::",
                "a\u{b}\n\u{b}\u{c}\u{85}\u{2028}:\\u{3a}e::",
            ),
        ];
        for (text, safe) in cases {
            assert_eq!(harmless(text, Form::Text), safe, "{text:?}");
            assert!(acts(text) && !acts(safe), "{text:?}");
        }
    }

    #[test]
    fn what_nobody_obeys_stays_as_it_is() {
        let texts = [
            "",
            "# a\n## [b](c)\n",
            "a::b::c",
            "a\n- ::b::",
            ": :a",
            "#[a]",
            "# #[a]",
            "##vs[",
            "##teamcity",
            "## teamcity[",
            "#\n#[",
            "https://a.example/#x",
        ];
        for text in texts {
            for form in [Form::Text, Form::Json, Form::Xml, Form::Commands] {
                assert_eq!(harmless(text, form), text, "{form:?}");
            }
        }
    }

    #[test]
    fn each_form_keeps_its_meaning() {
        let value = serde_json::json!({"##[a]": ["::error::b\n::c::", "##vso[d", "\\##["]});
        for text in [value.to_string(), format!("{value:#}")] {
            let safe = harmless(&text, Form::Json);
            assert!(!safe.contains("##"), "{safe}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
        }
        assert_eq!(harmless("<a>\n::b:: ##[", Form::Xml), "<a>\n:&#58;b:: #&#35;[");
        assert_eq!(
            harmless("::error file=a::b ##[c]\n::add-mask::d\n::errors ::e\n", Form::Commands),
            "::error file=a::b #\\u{23}[c]\n:\\u{3a}add-mask::d\n:\\u{3a}errors ::e\n"
        );
    }

    proptest::proptest! {
        #[test]
        fn nothing_acts_once_it_is_harmless(text in r"([#:\[ \n\r]|vso\[|teamcity\[|\u{34f}|\u{fe0f}|\x1b\[0m|\u{200b}|a|::error |\PC){0,24}") {
            for form in [Form::Text, Form::Xml] {
                proptest::prop_assert!(!acts(&harmless(&text, form)));
            }
            for form in [Form::Json, Form::Commands] {
                proptest::prop_assert!(signs(&harmless(&text, form), form).is_empty());
            }
        }
    }
}
