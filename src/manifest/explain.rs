//! What is wrong with a document as text, in words and with places.
//!
//! Never: is called for a document that is right; it parses the text a second time.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    marks::{Marks, Quoted, Spot},
    object::{GROUP, nearest_kind},
    placeholder::{Placeholder, placeholder},
    text::{
        ENCRYPTED, HIDDEN_CHARACTER, LEFT_OVER, Offence, Piece, Text, left_over, offence_in_value,
        offences, unseen_in_value,
    },
};
use crate::{
    api::{Belongs, NOT_READ, PathStep, Schemas, aside, holds_secret, without_secret},
    domain::{
        ids::Kind,
        problem::{Code, FieldPath, Place, Problem, Severity, Step},
    },
};

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
/// A comment stands where a value was meant.
pub const EMPTIED: Code = Code(24);

/// A value may hold a secret.
pub const SECRET: Code = Code(25);

/// The codes of this module for which a document is refused.
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

    /// What was written of an object that could not be read, as far as it can be made out.
    pub fn lost(&self, base: &FieldPath) -> Lost {
        let text = |path: FieldPath| self.written(base, &path).map(|written| written.text);
        let metadata = || FieldPath::root().field("metadata");
        let kind = text(FieldPath::root().field("kind"));
        let known = |name: &String| {
            let exact = Kind::ALL.into_iter().find(|kind| kind.to_string() == *name);
            exact.or_else(|| nearest_kind(name))
        };
        Lost {
            kinds: kind.as_ref().and_then(known).map_or(Kind::ALL.to_vec(), |kind| vec![kind]),
            namespace: text(metadata().field("namespace")).filter(|name| !name.is_empty()),
            name: text(metadata().field("name")).filter(|name| !name.is_empty()),
        }
    }

    /// Where a field has nothing for a value: why, and the way out.
    pub fn nothing(&self, base: &FieldPath, path: &FieldPath) -> Option<(Place, String)> {
        let steps = below(base, path);
        let (spot, typed, quoted) = self.marks.scalar(&steps)?;
        let is_nothing = matches!(typed, "" | "~" | "null" | "Null" | "NULL");
        if quoted == Quoted::Yes || !is_nothing {
            return None;
        }
        let lines: Vec<&str> = self.text.of(&self.piece).split('\n').collect();
        let rest = |(line, column): Spot| -> Option<String> {
            Some(lines.get(line.checked_sub(1)?)?.chars().skip(column - 1).collect())
        };
        let (place, comment) = if let Some(key) = self.marks.key(&steps) {
            let after = rest(key)?;
            (key, after.split_once(':').map(|(_, after)| after.trim().to_owned()))
        } else {
            let before = lines.iter().enumerate().take(spot.0).rev();
            let mut items = before.filter(|(_, line)| line.trim_start().starts_with('-'));
            let (index, line) = items.next()?;
            let indent = line.chars().take_while(|character| *character != '-').count();
            let text = line.trim_start().trim_start_matches('-').trim();
            ((index + 1, indent + 1), Some(text.to_owned()))
        };
        let comment = comment
            .filter(|after| after.strip_prefix('#').is_some_and(|after| !after.trim().is_empty()));
        let is_item = matches!(steps.last(), Some(Step::Index(_)));
        let help = match comment {
            Some(_) if is_item => {
                "what follows `#` is a comment: remove the `#`, or the whole line".to_owned()
            }
            Some(comment) if placeholder(&comment).is_some() => {
                format!("`{}` is a placeholder: write what is meant in its place", shown(&comment))
            }
            Some(comment) => {
                let comment = comment.replace('"', "'");
                match self.takes(&steps, &comment) {
                    Ok(()) => format!(
                        "what follows `#` is a comment; put it in quotes: `\"{}\"`",
                        visible(&comment)
                    ),
                    Err(_) => "what follows `#` is a comment: write the value before it".to_owned(),
                }
            }
            None if matches!(typed, "null" | "Null" | "NULL") => {
                let is_reason = steps.last() == Some(&Step::Field("justification".to_owned()));
                match self.takes(&steps, typed) {
                    Ok(()) if is_reason => return None,
                    Ok(()) => format!(
                        "`{typed}` without quotes is nothing; put it in quotes: `\"{typed}\"`"
                    ),
                    Err(help) => help?,
                }
            }
            None => return None,
        };
        Some((self.at(place), help))
    }

    /// Whether a field takes a text, or what is to be done where it does not.
    fn takes(&self, steps: &[Step], text: &str) -> Result<(), Option<String>> {
        let path = steps.iter().fold(FieldPath::root(), |path, step| match step {
            Step::Field(name) => path.field(name),
            Step::Index(index) => path.index(*index),
        });
        let Some((kind, path)) = self.object(&path) else { return Ok(()) };
        let refused = Schemas::compiled().text_at(&kind, &path, text).ok_or(None)?;
        refused
            .into_iter()
            .next()
            .map_or(Ok(()), |refused| Err(Some(refused.help.unwrap_or(refused.message))))
    }

    /// The fields of our objects that are left empty by a comment in the place of a value.
    pub fn emptied(&self) -> Vec<Problem> {
        let found = self.marks.plain(str::is_empty).into_iter();
        let found = found.filter(|(path, ..)| {
            let Some((kind, path)) = self.object(path) else { return false };
            let is_ours = Kind::ALL.into_iter().any(|known| known.to_string() == kind);
            is_ours && path.first() == Some(&PathStep::Field("spec".to_owned()))
        });
        found
            .filter_map(|(path, ..)| {
                let (place, help) = self.nothing(&FieldPath::root(), &path)?;
                let message = "there is no value, and a comment in its place";
                let problem = Problem::error(EMPTIED, message).severity(Severity::Warning);
                Some(problem.help(help).path(path).at(place))
            })
            .collect()
    }

    /// The plain words that kubectl would read as something else.
    pub fn traps(&self) -> Vec<Problem> {
        let traps = self.marks.plain(is_trap).into_iter();
        traps
            .map(|(path, spot, word)| self.trap(word, &path, spot).path(path).at(self.at(spot)))
            .collect()
    }

    /// The kind of the object around a path, and the path from that object.
    fn object(&self, path: &FieldPath) -> Option<(String, Vec<PathStep>)> {
        let (base, path) = in_lists(path);
        let kind: Vec<Step> =
            base.iter().cloned().chain([Step::Field("kind".to_owned())]).collect();
        let (_, kind, _) = self.marks.scalar(&kind)?;
        let path = path.iter().map(|step| match step {
            Step::Field(name) => PathStep::Field(name.clone()),
            Step::Index(index) => PathStep::Index(*index),
        });
        Some((kind.to_owned(), path.collect()))
    }

    fn trap(&self, word: &str, path: &FieldPath, spot: Spot) -> Problem {
        let problem = Self::trap_anywhere(word);
        let is_value = self.marks.scalar(path.steps()).is_some_and(|(value, ..)| value == spot);
        let Some((kind, path)) = self.object(path) else { return problem };
        let schemas = Schemas::compiled();
        let quotes = format!("put it in quotes: `\"{word}\"`");
        match schemas.belongs(&kind, &path).filter(|_| is_value) {
            Some(Belongs::Text) => {
                let refused = schemas.text_at(&kind, &path, word).into_iter().flatten().next();
                match refused {
                    None => problem.help(quotes),
                    Some(refused) => match refused.help {
                        Some(help) => problem.help(help),
                        None => problem.help(refused.message),
                    },
                }
            }
            Some(Belongs::Truth)
                if path.last() == Some(&PathStep::Field("readConfirmed".to_owned()))
                    && truth_of(word) == Some("false") =>
            {
                problem.help(NOT_READ)
            }
            Some(Belongs::Truth) => match truth_of(word) {
                Some(truth) => problem.help(format!("write `{truth}`")),
                None => problem.help("write `true` or `false`"),
            },
            Some(Belongs::Number) => problem.help("write the number in plain digits"),
            None if path.len() == 3 && path[0] == PathStep::Field("metadata".to_owned()) => {
                problem.help(quotes)
            }
            None => problem,
        }
    }

    fn trap_anywhere(word: &str) -> Problem {
        let meant = truth_of(word);
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
        let is_plain = |quoted| quoted == Quoted::No;
        let odd = self.marks.scalars(|text, quoted| {
            offence_in_value(text).is_some() || is_plain(quoted) && misread_sign(text).is_some()
        });
        odd.into_iter()
            .filter_map(|(path, spot, text)| {
                let Some((code, what, help)) = offence_in_value(text) else {
                    let problem = misread_sign(text)?;
                    return Some(problem.path(path).at(self.at(spot)));
                };
                let message = match code {
                    super::text::LOOK_ALIKE => format!("in `{}`, {what}", shown(text)),
                    _ => format!("`{}` holds {what}", shown(text)),
                };
                Some(Problem::error(code, message).help(help).path(path).at(self.at(spot)))
            })
            .collect()
    }

    /// The values that another program was to replace, or to decrypt. Annotations belong to other programs.
    pub fn left_over(&self) -> Vec<Problem> {
        let is_meant = |text: &str| left_over(text).is_some() || text.starts_with("ENC[");
        let found = self.marks.scalars(|text, _| is_meant(text)).into_iter();
        let in_annotations = |path: &FieldPath| {
            path.steps().windows(2).any(|two| {
                two == [Step::Field("metadata".into()), Step::Field("annotations".into())]
            })
        };
        let found = found.filter(|(path, ..)| !in_annotations(path));
        found
            .map(|(path, spot, text)| {
                let problem = match left_over(text) {
                    None => Problem::error(ENCRYPTED, format!("`{}` is encrypted", shown(text)))
                        .help(DECRYPT),
                    Some(variable) => {
                        let message = format!(
                            "`{}` is a placeholder: a variable that was not replaced",
                            shown(variable)
                        );
                        let problem = Problem::error(LEFT_OVER, message).help(
                            "write the value, or let the program replace it that knows it \
                             (`flux envsubst`, `helm template`) and read what it prints with `-f -`",
                        );
                        // A reason may speak of one.
                        let is_reason = path.steps().last()
                            == Some(&Step::Field("justification".to_owned()));
                        if is_reason && variable != text.trim() {
                            problem.severity(Severity::Warning)
                        } else {
                            problem
                        }
                    }
                };
                problem.path(path).at(self.at(spot))
            })
            .collect()
    }

    /// Whether a path leads into an item of a list that is an object of another group.
    pub fn is_of_another(&self, path: &FieldPath) -> bool {
        let (base, _) = in_lists(path);
        let version: Vec<Step> =
            base.iter().cloned().chain([Step::Field("apiVersion".to_owned())]).collect();
        let version = self.marks.scalar(&version).map(|(_, version, _)| version);
        !base.is_empty() && version.is_some_and(|version| version.split('/').next() != Some(GROUP))
    }

    /// The values of our objects that nobody can mean, but for variables that are left over. Where a field takes none like it, that is an error.
    pub fn placeholders(&self) -> Vec<Problem> {
        // What else bears these names is told where it is not found.
        const TOLD_ELSEWHERE: [&str; 4] = ["name", "roles", "tasks", "matchLabels"];
        let found = self.marks.scalars(|text, _| placeholder(text).is_some()).into_iter();
        found
            .filter(|(.., text)| left_over(text).is_none())
            .filter_map(|(path, spot, text)| {
                let (value, ..) = self.marks.scalar(path.steps())?;
                let (_, steps) = self.object(&path).filter(|_| value == spot)?;
                let is_in_spec = steps.first() == Some(&PathStep::Field("spec".to_owned()));
                let fields = || {
                    steps.iter().filter_map(|step| match step {
                        PathStep::Field(name) => Some(name.as_str()),
                        PathStep::Index(_) => None,
                    })
                };
                if !is_in_spec || fields().any(|name| TOLD_ELSEWHERE.contains(&name)) {
                    return None;
                }
                let what = match placeholder(text)? {
                    Placeholder::Word => "is a placeholder",
                    Placeholder::MadeUp => "is a placeholder that somebody made up",
                    Placeholder::DigestOfNothing => "is the digest of an empty text",
                };
                let (severity, help) = match self.takes(path.steps(), text) {
                    Ok(()) => (Severity::Warning, aside(fields().next_back()?, text)),
                    Err(help) => (Severity::Error, help),
                };
                let help = help.unwrap_or_else(|| "write what is meant in its place".to_owned());
                let problem = Problem::error(LEFT_OVER, format!("`{}` {what}", shown(text)));
                Some(problem.severity(severity).help(help).path(path).at(self.at(spot)))
            })
            .collect()
    }

    /// The values that a cluster and the store would take, and that may hold a secret.
    pub fn secrets(&self) -> Vec<Problem> {
        let found = self.marks.scalars(|text, _| holds_secret(text)).into_iter();
        let is_taken = |path: &FieldPath, text: &str| {
            let is_ours = |(_, steps): (_, Vec<PathStep>)| {
                let is = |name: &str| steps.first() == Some(&PathStep::Field(name.to_owned()));
                is("spec") || is("metadata")
            };
            self.object(path).is_some_and(is_ours) && self.takes(path.steps(), text).is_ok()
        };
        found
            .filter(|(path, _, text)| is_taken(path, text))
            .map(|(path, spot, text)| {
                let message = format!("`{}` may hold a secret", shown(text));
                let help = "take it out and change the secret: others read these files, and what is \
                            applied is recorded for good";
                let problem = Problem::error(SECRET, message).severity(Severity::Warning);
                problem.help(help).path(path).at(self.at(spot))
            })
            .collect()
    }

    pub(super) fn duplicate_keys(&self) -> Vec<Problem> {
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

/// A sign in a plain text that a person reads as one of YAML, and that is a part of the text.
fn misread_sign(text: &str) -> Option<Problem> {
    let blank = |(before, after): (char, char)| {
        after == '#' && before.is_whitespace() && !before.is_ascii()
    };
    let mut pairs = text.chars().zip(text.chars().skip(1));
    if let Some((blank, _)) = pairs.find(|pair| blank(*pair)) {
        let message = format!(
            "the blank before `#` is U+{:04X}, so that no comment begins there: it is a part of the text",
            u32::from(blank)
        );
        let help = "write a plain blank, or put the text in quotes if the `#` belongs to it";
        return Some(Problem::error(HIDDEN_CHARACTER, message).help(help));
    }
    let inner = text.strip_prefix(['“', '”', '„', '‘', '’', '‚'])?;
    let inner = inner.strip_suffix(['“', '”', '‘', '’'])?;
    let message =
        format!("the quotes are a part of the text `{}`: YAML knows `\"` and `'`", shown(text));
    let help =
        format!("write `\"{}\"`, or `'{}'` if they belong to it", visible(inner), visible(text));
    Some(Problem::error(AMBIGUOUS, message).severity(Severity::Warning).help(help))
}

/// Whether a plain text has such a sign.
pub(super) fn has_misread_sign(text: &str) -> bool {
    misread_sign(text).is_some()
}

/// The way to an object through lists of objects, and the way on from it.
fn in_lists(path: &FieldPath) -> (&[Step], &[Step]) {
    let steps = path.steps();
    let items = steps.chunks(2).take_while(
        |pair| matches!(pair, [Step::Field(items), Step::Index(_)] if items == "items"),
    );
    steps.split_at(items.count() * 2)
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
        _ => is_other_number(text),
    }
}

/// Whether it is a number in YAML 1.1 alone: one with `_` between its digits, in any base, or an octal one that begins
/// with `0`.
fn is_other_number(text: &str) -> bool {
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"(?x)^[-+]? (?:
                0x [0-9a-fA-F]+ | 0X [0-9a-fA-F]+ | 0[oO] [0-7]+ | 0[bB] [01]+
                | (?: \.[0-9]+ | [0-9]+ (?: \.[0-9]* )? ) (?: [eE] [-+]? [0-9]+ )?
            )$",
        )
        .expect("it is a pattern")
    });
    let begins = |first: char| first.is_ascii_digit() || matches!(first, '-' | '+');
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let leading_zero = digits.len() > 1
        && digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    leading_zero
        || text.contains('_') && text.starts_with(begins) && NUMBER.is_match(&text.replace('_', ""))
}

/// Whether YAML 1.1 reads this unquoted text as a date or, with its parts after colons, as a number.
pub(super) fn is_time(text: &str) -> bool {
    static TIME: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"(?x)^(?:
                [0-9]{4}-[0-9]{1,2}-[0-9]{1,2} (?: [Tt\ ].* )?
                | [-+]? [0-9][0-9_]* (?: :[0-5]?[0-9] )+ (?: \.[0-9_]* )?
            )$",
        )
        .expect("it is a pattern")
    });
    text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+'))
        && TIME.is_match(text)
}

fn truth_of(word: &str) -> Option<&'static str> {
    match word.to_ascii_lowercase().as_str() {
        "y" | "yes" | "on" => Some("true"),
        "n" | "no" | "off" => Some("false"),
        _ => None,
    }
}

/// An object that was meant and could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lost {
    /// The kinds that it may be of.
    pub kinds: Vec<Kind>,
    /// Its namespace, where one is written.
    pub namespace: Option<String>,
    /// Its name, where it could be made out.
    pub name: Option<String>,
}

/// How a file that SOPS has encrypted is read.
pub(super) const DECRYPT: &str = "decrypt it on the way: `sops -d FILE | concordat validate -f -`";

/// A text for a message: short, on one line, with nothing that cannot be seen.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let text = without_secret(text);
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short.chars().flat_map(show).collect()
}

/// The whole of a text that is to be written, with nothing that cannot be seen.
pub(super) fn visible(text: &str) -> String {
    text.chars().flat_map(show).collect()
}

fn show(character: char) -> Vec<char> {
    let visible = character == ' ' || unseen_in_value(character.encode_utf8(&mut [0; 4])).is_none();
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
