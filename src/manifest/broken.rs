//! Why a document is not YAML that we take, in words, and where the objects in it begin.
//!
//! Never: quotes a text that does not name our group; it may be a secret.

use std::{collections::BTreeSet, sync::LazyLock};

use regex::Regex;

use super::{
    explain::{DUPLICATE_KEY, Marked, NOT_JSON, SYNTAX, TAB, TOO_DEEP, TOO_MUCH, shown},
    marks::Spot,
    object::GROUP,
    text::{LEFT_OVER, Piece, Text, is_marker},
    value::{Refusal, Unloaded},
};
use crate::domain::problem::{Code, FieldPath, Place, Problem};

/// Objects that no line `---` keeps apart.
pub(super) struct Glued {
    /// One for each line that is missing, or is written another way.
    pub problems: Vec<Problem>,
    /// The objects, each by itself.
    pub parts: Vec<Piece>,
}

/// The fields with which each object begins, at the first column.
const HEADS: [&str; 2] = ["apiVersion:", "kind:"];

/// The objects of a piece that has several: one ends where the next begins, since no object has a head twice.
pub(super) fn glued(text: &Text, piece: &Piece, refusal: &Refusal) -> Option<Glued> {
    if !matches!(refusal, Refusal::Syntax(_) | Refusal::DuplicateKey(_)) || text.in_conflict {
        return None;
    }
    let mut glued = Glued { problems: Vec::new(), parts: Vec::new() };
    let mut part = *piece;
    let mut heads: BTreeSet<&str> = BTreeSet::new();
    let mut separator: Option<(Piece, &str)> = None;
    let mut offset = piece.start;
    for (index, line) in text.of(piece).split_inclusive('\n').enumerate() {
        let (start, number) = (offset, piece.line + index);
        offset += line.len();
        let here = Piece { start, end: offset, line: number, first: number, indent: 0 };
        let words = line.trim();
        let head = HEADS.into_iter().find(|head| line.starts_with(head));
        if head.is_none() && is_like_a_separator(line) {
            separator = Some((here, words));
            continue;
        }
        if words.is_empty() || words.starts_with('#') || is_marker(line, "---") {
            continue;
        }
        if let Some(head) = head
            && (separator.is_some() || heads.contains(head))
        {
            part.end = separator.map_or(here, |(line, _)| line).start;
            match heads.len() {
                0 => {}
                1 => return None,
                _ => glued.parts.push(part),
            }
            glued.problems.push(not_kept_apart(text, separator, &here));
            part = here;
            heads.clear();
        }
        heads.extend(head);
        separator = None;
    }
    part.end = piece.end;
    glued.parts.push(part);
    (heads.len() == HEADS.len() && !glued.problems.is_empty()).then_some(glued)
}

/// Whether a line was probably meant to be `---`.
fn is_like_a_separator(line: &str) -> bool {
    let words = line.trim();
    let is_sign = |sign: char| matches!(sign, '-' | '‐'..='―' | '−' | '_' | '=' | '*' | ' ');
    let is_line = words.chars().all(is_sign) && !matches!(words, "" | "-" | "*" | "=" | "_");
    is_line && !is_marker(line.trim_end(), "---") || is_marker(line, "--- ---")
}

fn not_kept_apart(text: &Text, separator: Option<(Piece, &str)>, next: &Piece) -> Problem {
    let at = |piece: &Piece| Place { file: text.name.clone(), line: piece.line, column: 1 };
    if let Some((line, words)) = separator {
        let message = format!("`{}` does not keep two objects apart", shown(words));
        let help = "write exactly `---`, at the beginning of the line";
        return Problem::error(SYNTAX, message).help(help).at(at(&line));
    }
    let message = "another object begins here, and no line keeps it apart from the one before";
    let help = "put a line `---` before it";
    Problem::error(DUPLICATE_KEY, message).help(help).at(at(next))
}

/// Why a document could not be read: at least one problem. Its own words are quoted where it names our group; anything
/// else may be a secret.
pub(super) fn unloaded(
    text: &Text,
    piece: &Piece,
    Unloaded { refusal, at }: Unloaded,
) -> Vec<Problem> {
    let place = match at {
        Some((line, column)) => text.place(piece, line, column.max(1)),
        None => Place { file: text.name.clone(), line: piece.first, column: 1 },
    };
    let placed = |problem: Problem| {
        if problem.place.is_none() { problem.at(place.clone()) } else { problem }
    };
    let ours = text.of(piece).contains(GROUP);
    let quoted = |words: &str| if ours { format!(" `{}`", shown(words)) } else { String::new() };
    let quotes =
        |words: &str| if ours { format!(": `\"{}\"`", shown(words)) } else { String::new() };
    if let Some(problem) = of_another_program(text, piece, &refusal) {
        return vec![placed(problem)];
    }
    let (code, message, help) = match refusal {
        Refusal::DuplicateKey(key) => {
            let mut duplicates = Marked::new(text, piece).duplicate_keys();
            if !duplicates.is_empty() {
                let secrets = duplicates.iter_mut().filter(|_| !ours);
                secrets.for_each(|problem| {
                    problem.message = String::from("a key stands twice");
                    problem.path = FieldPath::root();
                });
                return duplicates;
            }
            let message = format!("the key{} stands twice", quoted(&key));
            (DUPLICATE_KEY, message, "keep one of the two".to_owned())
        }
        Refusal::Syntax(message) => {
            return vec![placed(syntax(text, piece, &message, at))];
        }
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
            format!("the key{} is not text", quoted(&key)),
            format!("put it in quotes{}", quotes(&key)),
        ),
        Refusal::Tag(tag) => (
            NOT_JSON,
            format!(
                "the tag{} is not supported",
                quoted(&format!("!{}", tag.trim_start_matches('!')))
            ),
            "write the value without a tag".to_owned(),
        ),
        Refusal::NotANumber(number) => (
            NOT_JSON,
            format!("the number{} is not one that JSON can hold", quoted(&number)),
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

/// What another program has put into a file, or was to take out of it, where that is why it cannot be read; with its
/// place where that is known.
fn of_another_program(text: &Text, piece: &Piece, refusal: &Refusal) -> Option<Problem> {
    if !matches!(refusal, Refusal::Syntax(_) | Refusal::KeyNotText(_) | Refusal::DuplicateKey(_)) {
        return None;
    }
    let content = text.of(piece);
    let on_line = |is_mark: &dyn Fn(&str) -> bool| {
        let line = content.lines().position(is_mark)?;
        Some(text.place(piece, line + 1, 1))
    };
    let is_of_conflict = |line: &str| {
        let begins = ["<<<<<<< ", "||||||| ", ">>>>>>> "].iter().any(|mark| line.starts_with(mark));
        begins || line.trim_end() == "======="
    };
    if text.in_conflict
        && let Some(place) = on_line(&is_of_conflict)
    {
        let message = "the marks of a merge conflict stand in the text";
        let help =
            "settle it: keep one side, and remove the lines `<<<<<<<`, `=======` and `>>>>>>>`";
        return Some(Problem::error(SYNTAX, message).help(help).at(place));
    }
    if let Some(place) = on_line(&|line| line.starts_with("```") || line.starts_with("~~~")) {
        let message = "a fence of Markdown stands in the text";
        let help = "remove the lines that begin with three back quotes or three tildes";
        return Some(Problem::error(SYNTAX, message).help(help).at(place));
    }
    if content.contains("{{") && content.contains("}}") {
        let message = "the text is a template: `{{ … }}` was not replaced";
        let help = "read what the template gives: `helm template … | concordat validate -f -`";
        return Some(Problem::error(LEFT_OVER, message).help(help));
    }
    None
}

/// What the parser's words say, or what is seen on the line where it stopped and on the one before.
fn syntax(text: &Text, piece: &Piece, message: &str, at: Option<Spot>) -> Problem {
    let words = message.split_once(" at line ").map_or(message, |(words, _)| words);
    // Only these words of the parsers quote what they have read.
    let words = if words.contains("invalid value: ") || words.contains("invalid type: ") {
        "a value does not fit its tag"
    } else {
        words
    };
    let (stopped, _) = at.unwrap_or((1, 1));
    let lines: Vec<&str> = text.of(piece).split('\n').take(stopped).collect();
    let said = lines.iter().enumerate().rev().filter(|(_, line)| !line.trim().is_empty());
    for (index, line) in said.take(2) {
        if let Some((code, column, message, help)) = seen_on(line) {
            let place = text.place(piece, index + 1, column);
            return Problem::error(code, message).help(help).at(place);
        }
    }
    let help = if words.contains("mapping values are not allowed") {
        Some("check the indentation, and put a value that holds `: ` in quotes")
    } else if words.contains("did not find expected key") {
        Some("check the indentation of this line and of those before it")
    } else if words.contains("could not find expected ':'") {
        Some("write each field as `name: value`, with a blank after the colon")
    } else if words.contains("more than one document") {
        Some("separate documents with a line `---`")
    } else if words.contains("unknown anchor") {
        Some(
            "an alias `*name` needs an anchor `&name` before it in the same document; put text that \
             begins with `*` in quotes",
        )
    } else if words.contains("unknown escape character") {
        Some("write each `\\` between `\"` twice, or put the value between `'`")
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

/// Why a line is no YAML: a code, the column, what is seen and the way out. Of what was typed no word is quoted but a
/// single character.
fn seen_on(line: &str) -> Option<(Code, usize, String, &'static str)> {
    static SEEN: LazyLock<Vec<(Regex, &str, &str)>> = LazyLock::new(|| {
        let key = r"^\s*(?:-\s+)*[A-Za-z][A-Za-z0-9_.-]*";
        let value = r"^\s*(?:-\s+)*(?:[A-Za-z][A-Za-z0-9_.-]*:\s+)?";
        [
            (
                format!("{key}()："),
                "the colon is `：` (U+FF1A), which is none for YAML",
                "write `:` and a blank after it",
            ),
            (
                format!("{key}(:)[^\\s/:]"),
                "no blank follows the colon",
                "write a blank after the colon: `name: value`",
            ),
            (
                r"^\s*()-[A-Za-z]".to_owned(),
                "no blank follows the `-` of an item",
                "write a blank after it: `- value`",
            ),
            (
                format!("{key}()\\s*=+>?\\s*\\S"),
                "a field and its value are kept apart by `=`",
                "write `name: value`",
            ),
            (
                format!(r#"{value}()"(?:[^"\\]|\\.)*"\s*[^\s,\]}}:#]"#),
                "text follows the quotes around a value",
                "put the whole value between two `\"`, and write each `\"` within it as `\\\"`",
            ),
            (
                format!(r"{value}()'(?:[^']|'')*'\s*[^\s,\]}}:#]"),
                "text follows the quotes around a value",
                "put the whole value between two `'`, and write each `'` within it twice",
            ),
            (
                format!(r"{value}()(?:\[[^\[\]]*\]|\{{[^{{}}]*\}})\s*[^\s,\]}}:#]"),
                "text follows the brackets of a list or a mapping",
                "put a value that begins with a bracket in quotes",
            ),
        ]
        .map(|(pattern, what, help)| (Regex::new(&pattern).expect("it is a pattern"), what, help))
        .into()
    });
    let indentation = &line[..line.len() - line.trim_start().len()];
    if indentation.contains('\t') {
        return Some((TAB, 1, "the line is indented with a tab".to_owned(), "indent with spaces"));
    }
    if let Some(blank) = indentation.chars().find(|blank| !blank.is_ascii()) {
        let message = format!(
            "the line is indented with U+{:04X}, which is no blank for YAML",
            u32::from(blank)
        );
        return Some((SYNTAX, 1, message, "indent with spaces"));
    }
    SEEN.iter().find_map(|(pattern, what, help)| {
        let at = pattern.captures(line)?.get(1)?.start();
        Some((SYNTAX, line[..at].chars().count() + 1, (*what).to_owned(), *help))
    })
}
