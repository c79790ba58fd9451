//! What is wrong with a document as text, in words and with places.
//!
//! Never: is called for a document that is right; it parses the text a second time.

use super::{
    marks::{Marks, Quoted, Spot},
    text::{Offence, Piece, Text, offence_in_value, offences},
    value::{Refusal, Unloaded},
};
use crate::domain::problem::{Code, FieldPath, Place, Problem, Step};

/// The text is neither YAML nor JSON.
pub const SYNTAX: Code = Code(7);
/// A tab stands where YAML counts spaces.
pub const TAB: Code = Code(8);
/// A key stands twice in one mapping.
pub const DUPLICATE_KEY: Code = Code(9);
/// Values are nested too deeply.
pub const TOO_DEEP: Code = Code(10);
/// Aliases make a small text a large value.
pub const TOO_MUCH: Code = Code(11);
/// YAML that JSON, and so a cluster, cannot hold.
pub const NOT_JSON: Code = Code(12);
/// A plain word that YAML 1.1 and YAML 1.2 read differently.
pub const AMBIGUOUS: Code = Code(13);

/// The codes of this module.
pub const CONTENT_CODES: [Code; 7] =
    [SYNTAX, TAB, DUPLICATE_KEY, TOO_DEEP, TOO_MUCH, NOT_JSON, AMBIGUOUS];

/// A scalar as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Where it stands.
    pub place: Place,
    /// Its text, without quotes.
    pub text: String,
    /// Whether it is plain, so that what it is depends on how it looks: `123`, `no`, `2026-01-01`.
    pub plain: bool,
}

/// A piece of text whose values are marked with their places.
pub(super) struct Marked<'t> {
    text: &'t Text,
    piece: Piece,
    marks: Marks,
}

impl<'t> Marked<'t> {
    pub fn new(text: &'t Text, piece: &Piece) -> Self {
        Self { text, piece: *piece, marks: Marks::new(text.of(piece)) }
    }

    /// Where `path` below `base` stands, or the nearest value around it.
    pub fn place(&self, base: &FieldPath, path: &FieldPath) -> Place {
        let steps = below(base, path);
        match self.marks.spot(&steps) {
            Some(spot) => self.at(spot),
            None => Place { file: self.text.name.clone(), line: self.piece.first, column: 1 },
        }
    }

    /// The scalar at `path` below `base`.
    pub fn written(&self, base: &FieldPath, path: &FieldPath) -> Option<Written> {
        let steps = below(base, path);
        let (spot, text, quoted) = self.marks.scalar(&steps)?;
        let (place, text) = (self.at(spot), text.to_owned());
        Some(Written { place, text, plain: quoted == Quoted::No })
    }

    /// The plain words that kubectl would read as something else.
    pub fn traps(&self) -> Vec<Problem> {
        let traps = self.marks.plain(is_trap).into_iter();
        traps.map(|(path, spot, word)| Self::trap(word).path(path).at(self.at(spot))).collect()
    }

    fn trap(word: &str) -> Problem {
        let meant = match word.to_ascii_lowercase().as_str() {
            "y" | "yes" | "on" => Some("true"),
            "n" | "no" | "off" => Some("false"),
            _ => None,
        };
        let (message, help) = match meant {
            Some(meant) => (
                format!(
                    "`{word}` is text in YAML 1.2 but `{meant}` for kubectl, which reads YAML 1.1"
                ),
                format!("put it in quotes, `\"{word}\"`, or write `{meant}`"),
            ),
            None => (
                format!(
                    "`{word}` is text in YAML 1.2 but a number for kubectl, which reads YAML 1.1"
                ),
                format!("put it in quotes, `\"{word}\"`, or write the number in plain digits"),
            ),
        };
        Problem::error(AMBIGUOUS, message).help(help)
    }

    /// The keys and values with characters that a reader cannot tell from others, or cannot see.
    pub fn unusual_values(&self) -> Vec<Problem> {
        let odd = self.marks.scalars(|text, _| offence_in_value(text).is_some()).into_iter();
        odd.filter_map(|(path, spot, text)| {
            let (code, what, help) = offence_in_value(text)?;
            let message = match code {
                super::text::LOOK_ALIKE => format!("in `{}`, {what}", shown(text)),
                _ => format!("`{}` holds {what}", shown(text)),
            };
            Some(Problem::error(code, message).help(help).path(path).at(self.at(spot)))
        })
        .collect()
    }

    fn duplicate_keys(&self) -> Vec<Problem> {
        let duplicates = self.marks.duplicate_keys().into_iter();
        duplicates
            .map(|(path, first, second)| {
                let Some(Step::Field(key)) = path.steps().last() else {
                    unreachable!("a key is a field")
                };
                let message =
                    format!("the key `{}` stands twice, first at {}", shown(key), self.at(first));
                let help = "keep one of the two; YAML does not say which one would count";
                Problem::error(DUPLICATE_KEY, message).help(help).at(self.at(second)).path(path)
            })
            .collect()
    }

    fn at(&self, (line, column): Spot) -> Place {
        self.text.place(&self.piece, line, column)
    }
}

fn below(base: &FieldPath, path: &FieldPath) -> Vec<Step> {
    base.steps().iter().chain(path.steps()).cloned().collect()
}

/// Whether YAML 1.1, which kubectl speaks, reads this unquoted text as a truth value or another number than YAML 1.2.
pub(super) fn is_trap(text: &str) -> bool {
    match text.len() {
        0 => false,
        1..=3 if text.as_bytes()[0].is_ascii_alphabetic() => {
            let lower = text.to_ascii_lowercase();
            let capital = text[..1].to_ascii_uppercase() + &lower[1..];
            matches!(&*lower, "y" | "n" | "yes" | "no" | "on" | "off")
                && (text == lower || text == capital || text == text.to_ascii_uppercase())
        }
        _ => {
            let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
            let leading_zero = digits.len() > 1 && digits.starts_with('0');
            digits.starts_with(|first: char| first.is_ascii_digit())
                && (leading_zero || digits.contains('_'))
                && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
        }
    }
}

/// A text for a message: short, on one line, with nothing that cannot be seen.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short.chars().flat_map(show).collect()
}

fn show(character: char) -> Vec<char> {
    let visible =
        character == ' ' || offence_in_value(character.encode_utf8(&mut [0; 4])).is_none();
    if visible && !character.is_control() {
        vec![character]
    } else {
        character.escape_unicode().collect()
    }
}

/// The characters that no document of ours holds, not even in a comment.
pub(super) fn unusual_text(text: &Text, piece: &Piece) -> Vec<Problem> {
    offences(text.of(piece))
        .into_iter()
        .map(|Offence { code, line, column, message, help }| {
            let problem = Problem::error(code, format!("the text holds {message}")).help(help);
            problem.at(text.place(piece, line, column))
        })
        .collect()
}

/// Why a document could not be read: at least one problem.
pub(super) fn unloaded(
    text: &Text,
    piece: &Piece,
    Unloaded { refusal, at }: Unloaded,
) -> Vec<Problem> {
    let place = match at {
        Some((line, column)) => text.place(piece, line, column.max(1)),
        None => Place { file: text.name.clone(), line: piece.first, column: 1 },
    };
    let (code, message, help) = match refusal {
        Refusal::DuplicateKey(key) => {
            let duplicates = Marked::new(text, piece).duplicate_keys();
            if !duplicates.is_empty() {
                return duplicates;
            }
            let message = format!("the key `{}` stands twice", shown(&key));
            (DUPLICATE_KEY, message, "keep one of the two".to_owned())
        }
        Refusal::Syntax(message) => return vec![syntax(text, piece, &message, at).at(place)],
        Refusal::TooDeep => (
            TOO_DEEP,
            "values are nested more than 128 levels deep, or an alias holds itself".to_owned(),
            "no resource needs more than ten levels".to_owned(),
        ),
        Refusal::MuchFlow => (
            TOO_DEEP,
            "the document opens more than 4096 lists and mappings with `[` and `{`".to_owned(),
            "write them in block style, or the whole document as JSON".to_owned(),
        ),
        Refusal::TooMuch => (
            TOO_MUCH,
            "the aliases (`*name`) make the document many times larger than its text".to_owned(),
            "write the values out".to_owned(),
        ),
        Refusal::KeyNotText(key) => (
            NOT_JSON,
            format!("the key `{}` is not text", shown(&key)),
            format!("put it in quotes: `\"{}\"`", shown(&key)),
        ),
        Refusal::Tag(tag) => (
            NOT_JSON,
            format!("the tag `!{}` is not supported", shown(tag.trim_start_matches('!'))),
            "write the value without a tag".to_owned(),
        ),
        Refusal::NotANumber(number) => (
            NOT_JSON,
            format!("`{number}` is not a number that JSON can hold"),
            "put it in quotes if it is meant as text".to_owned(),
        ),
        Refusal::Merge => (
            NOT_JSON,
            "the merge key `<<` takes a mapping or a list of mappings".to_owned(),
            "merge an alias of a mapping, `<<: *name`".to_owned(),
        ),
    };
    vec![Problem::error(code, message).help(help).at(place)]
}

fn syntax(text: &Text, piece: &Piece, message: &str, at: Option<Spot>) -> Problem {
    let words = message.split_once(" at line ").map_or(message, |(words, _)| words);
    let line = at.and_then(|(line, _)| text.of(piece).split('\n').nth(line.saturating_sub(1)));
    let indentation = line.map(|line| &line[..line.len() - line.trim_start().len()]);
    if indentation.is_some_and(|indentation| indentation.contains('\t')) {
        return Problem::error(TAB, "the line is indented with a tab").help("indent with spaces");
    }
    let help = if words.contains("mapping values are not allowed") {
        Some("check the indentation, and put a value that holds `: ` in quotes")
    } else if words.contains("did not find expected key") {
        Some("check the indentation of this line and of those before it")
    } else if words.contains("more than one document") {
        Some("separate documents with a line `---`")
    } else if words.contains("unknown anchor") {
        Some(
            "an alias `*name` needs an anchor `&name` before it; put text that begins with `*` in quotes",
        )
    } else if words.contains("cannot start any token") {
        Some("put a value that begins with this character in quotes")
    } else if words.contains("unexpected end of stream") || words.contains("EOF while parsing") {
        Some("a quote or a bracket is not closed")
    } else {
        None
    };
    let problem = Problem::error(SYNTAX, format!("this is not YAML: {words}"));
    match help {
        Some(help) => problem.help(help),
        None => problem,
    }
}
