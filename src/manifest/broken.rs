//! Why a document is not YAML that we take, in words, and where the objects in it begin.
//!
//! Never: quotes a text that does not name our group; it may be a secret.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use regex::Regex;

use super::{
    explain::{DUPLICATE_KEY, Marked, NOT_JSON, SYNTAX, TAB, TOO_DEEP, TOO_MUCH, shown},
    marks::Spot,
    object::GROUP,
    text::{LEFT_OVER, Piece, Text, is_marker, line_and_column},
    tokens::tokens,
    value::{Refusal, Unloaded, load},
};
use crate::domain::problem::{Code, FieldPath, Place, Problem};

/// Objects that no line `---` keeps apart.
pub(super) struct Glued {
    /// One for each line that is missing, or is written another way.
    pub problems: Vec<Problem>,
    /// The objects, each by itself.
    pub parts: Vec<Piece>,
}

/// What is a blank for YAML: no other sign that only looks like one.
const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

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
    let mut separators: Vec<(Piece, &str)> = Vec::new();
    let mut offset = piece.start;
    for (index, line) in text.of(piece).split_inclusive('\n').enumerate() {
        let (start, number) = (offset, piece.line + index);
        offset += line.len();
        let here = Piece { start, end: offset, line: number, first: number, indent: 0 };
        let words = line.trim_matches(BLANKS);
        let head = HEADS.into_iter().find(|head| line.starts_with(head));
        if head.is_none() && is_like_a_separator(line) {
            separators.push((here, words));
            continue;
        }
        if words.is_empty() || words.starts_with('#') || is_marker(line, "---") {
            continue;
        }
        if let Some(head) = head
            && (!separators.is_empty() || heads.contains(head))
        {
            part.end = separators.first().map_or(here, |(line, _)| *line).start;
            match heads.len() {
                0 => {}
                1 => return None,
                _ => glued.parts.push(part),
            }
            glued.problems.extend(not_kept_apart(text, &separators, &here));
            part = here;
            heads.clear();
        }
        heads.extend(head);
        separators.clear();
    }
    // The next document begins behind them, or none does.
    separators.retain(|(line, _)| !text.of(line).starts_with([' ', '\t']));
    part.end = separators.first().map_or(piece.end, |(line, _)| line.start);
    if !separators.is_empty() {
        glued.problems.extend(not_kept_apart(text, &separators, piece));
    }
    glued.parts.push(part);
    (heads.len() == HEADS.len() && !glued.problems.is_empty()).then_some(glued)
}

/// Whether a line was probably meant to be `---`.
fn is_like_a_separator(line: &str) -> bool {
    let words = line.trim_matches(BLANKS);
    let is_sign = |sign: char| {
        matches!(sign, '-' | '‐'..='―' | '−' | '_' | '=' | '*') || sign.is_whitespace()
    };
    let is_line = words.chars().all(is_sign) && !matches!(words, "" | "-" | "*" | "=" | "_");
    is_line && !is_marker(line.trim_end_matches(BLANKS), "---") || is_marker(line, "--- ---")
}

fn not_kept_apart(text: &Text, separators: &[(Piece, &str)], next: &Piece) -> Vec<Problem> {
    let at = |piece: &Piece| Place { file: text.name.clone(), line: piece.line, column: 1 };
    if separators.is_empty() {
        let message = "another object begins here, and no line keeps it apart from the one before";
        let help = "put a line `---` before it";
        return vec![Problem::error(DUPLICATE_KEY, message).help(help).at(at(next))];
    }
    let wrong = |(line, words): &(Piece, &str)| {
        let unseen = words.chars().find(|sign| sign.is_whitespace() && !sign.is_ascii());
        let message = match unseen {
            Some(blank) => {
                let begin = words.trim_matches(|sign: char| sign.is_whitespace());
                format!(
                    "`{begin}` with U+{:04X} beside it does not keep two objects apart",
                    u32::from(blank)
                )
            }
            None => format!("`{}` does not keep two objects apart", shown(words)),
        };
        let help = "write exactly `---`, at the beginning of the line";
        Problem::error(SYNTAX, message).help(help).at(at(line))
    };
    separators.iter().map(wrong).collect()
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
            return syntax(text, piece, &message, at).into_iter().map(placed).collect();
        }
        Refusal::TooDeep => (
            TOO_DEEP,
            "values are nested more than 128 levels deep, or an alias holds itself".to_owned(),
            "no resource needs more than ten levels".to_owned(),
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
        Refusal::Tag(tag) => {
            let tag = tag.trim_start_matches('!');
            // A password may begin with `!`; the names of tags are words.
            let is_word =
                tag.chars().all(|sign| sign.is_ascii_alphabetic() || "/:._-".contains(sign));
            let tag = if is_word { quoted(&format!("!{tag}")) } else { String::new() };
            let help = "write the value without a tag; put text that begins with `!` in quotes";
            (NOT_JSON, format!("the tag{tag} is not supported"), help.to_owned())
        }
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

/// The most lines of one document that are told as no YAML.
const ENOUGH: usize = 20;
/// A longer document is not read again for each of them.
const LONGEST: usize = 256 * 1024;

/// What is seen on the line where the parser stopped and on those before it, and on each where it would stop after that;
/// or what its words say.
fn syntax(text: &Text, piece: &Piece, message: &str, at: Option<Spot>) -> Vec<Problem> {
    let words = message.split_once(" at line ").map_or(message, |(words, _)| words);
    let content = text.of(piece);
    let (stopped, column) = at.unwrap_or((1, 1));
    if let Some((offset, message, help)) = not_closed(content, words, (stopped, column)) {
        let (line, column) = line_and_column(&content[..offset]);
        let place = text.place(piece, line, column);
        return vec![Problem::error(SYNTAX, message).help(help).at(place)];
    }
    let mut lines: Vec<Cow<'_, str>> = content.split('\n').map(Cow::from).collect();
    let mut found: BTreeMap<usize, Problem> = BTreeMap::new();
    let mut stopped = Some(stopped);
    while let Some((index, seen)) = stopped.and_then(|stopped| seen_before(&lines, stopped)) {
        let Seen { code, column, message, help, mended } = seen;
        let place = text.place(piece, index + 1, column);
        let problem = Problem::error(code, message).help(help).at(place);
        let is_new = found.insert(index, problem).is_none();
        let Some(mended) = mended.filter(|_| is_new && content.len() <= LONGEST) else { break };
        lines[index] = mended.into();
        stopped = match load(&lines.join("\n")) {
            Err(Unloaded { refusal: Refusal::Syntax(_), at }) if found.len() < ENOUGH => {
                at.map(|(line, _)| line)
            }
            _ => None,
        };
    }
    if found.is_empty() {
        return vec![in_words_of_parser(words)];
    }
    found.into_values().collect()
}

/// Where a quotation or a bracket opens that is not closed, or only on a later line, where that is why the parser stopped.
fn not_closed(content: &str, words: &str, at: Spot) -> Option<(usize, String, &'static str)> {
    let lines = content.split_inclusive('\n').take(at.0 - 1);
    let begin: usize = lines.map(str::len).sum();
    let line = content[begin..].char_indices().nth(at.1.saturating_sub(1));
    let until = line.map_or(content.len(), |(column, _)| begin + column);
    let is_at_end = ["unexpected end of stream", "EOF while", "control character"];
    let is_at_end = is_at_end.iter().any(|it| words.contains(it));
    let until = if is_at_end { content.len() } else { until };
    let found = tokens(content, until, usize::MAX);
    let sign = |offset: usize| &content[offset..=offset];
    if let Some(quote) = found.quotation.filter(|_| is_at_end) {
        let message = format!("the quote `{}` that opens here is not closed", sign(quote));
        return Some((quote, message, "close it where the value ends"));
    }
    if let Some((quote, end)) = found.lines_quoted
        && end >= begin
        && end <= until
    {
        let (line, sign) = (at.0, sign(quote));
        let message = format!("the quote `{sign}` that opens here is closed only on line LINE");
        let help = "close it where the value ends, and write each quote within it twice";
        return Some((quote, message.replace("LINE", &line.to_string()), help));
    }
    let bracket = found.open.last().copied()?;
    let is_why = is_at_end || words.contains("did not find expected ',' or") && bracket < begin;
    is_why.then(|| {
        let message = format!("the bracket `{}` that opens here is not closed", sign(bracket));
        (bracket, message, "close it, or put a value that begins with a bracket in quotes")
    })
}

fn in_words_of_parser(words: &str) -> Problem {
    // Only these words of the parsers quote what they have read.
    let words = if words.contains("invalid value: ") || words.contains("invalid type: ") {
        "a value does not fit its tag"
    } else {
        words
    };
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

/// Why a line is no YAML. Of what was typed no word is quoted but a single character.
struct Seen {
    code: Code,
    column: usize,
    message: String,
    help: &'static str,
    /// The line without the fault, to see what else there is.
    mended: Option<String>,
}

/// The line that is no YAML, among those before the one where the parser stopped: the last two; or one further up with a
/// blank that only looks like one, since it may end long after that.
fn seen_before(lines: &[Cow<'_, str>], stopped: usize) -> Option<(usize, Seen)> {
    let said = lines.iter().take(stopped).enumerate();
    let mut said = said.filter(|(_, line)| !line.trim().is_empty());
    let last = said.clone().rev().take(2);
    let near = last.map(|(index, line)| (index, seen_on(line))).find(|(_, seen)| seen.is_some());
    let far = || said.find_map(|(index, line)| Some((index, other_blank(line)?)));
    near.and_then(|(index, seen)| Some((index, seen?))).or_else(far)
}

fn seen_on(line: &str) -> Option<Seen> {
    indentation(line).or_else(|| other_blank(line)).or_else(|| other_sign(line))
}

fn indentation(line: &str) -> Option<Seen> {
    let indentation = &line[..line.len() - line.trim_start().len()];
    indentation.contains('\t').then(|| Seen {
        code: TAB,
        column: 1,
        message: "the line is indented with a tab".to_owned(),
        help: "indent with spaces",
        mended: None,
    })
}

/// A blank that is none for YAML where one belongs.
fn other_blank(line: &str) -> Option<Seen> {
    static BLANK: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"(?x)^ (?:
                \s* ([[:^ascii:]&&\s])
                | \s* (?: -\s+ )* [A-Za-z][A-Za-z0-9_.-]* : ([[:^ascii:]&&\s])
                | \s* - ([[:^ascii:]&&\s])
            )",
        )
        .expect("it is a pattern")
    });
    let found = BLANK.captures(line)?;
    let groups = [1, 2, 3].map(|group| found.get(group));
    let at = groups.into_iter().flatten().next()?;
    let blank = format!("U+{:04X}", at.as_str().chars().next().map_or(0, u32::from));
    let (column, message, help) = match groups {
        [Some(_), ..] => (
            1,
            format!("the line is indented with {blank}, which is no blank for YAML"),
            "indent with spaces",
        ),
        [_, Some(_), _] => (
            line[..at.start()].chars().count() + 1,
            format!("{blank} follows the colon, which is no blank for YAML"),
            "write a blank after the colon: `name: value`",
        ),
        _ => (
            line[..at.start()].chars().count() + 1,
            format!("{blank} follows the `-` of an item, which is no blank for YAML"),
            "write a blank after it: `- value`",
        ),
    };
    let blank = |sign: char| if sign.is_whitespace() && !sign.is_ascii() { ' ' } else { sign };
    let mended = Some(line.chars().map(blank).collect());
    Some(Seen { code: SYNTAX, column, message, help, mended })
}

/// What stands in the place of a sign of a line that is sound without it.
enum Instead {
    Sign(&'static str),
    /// A word for the rest of the line.
    Rest,
}

/// A sign of YAML that is missing, or another one in its place.
fn other_sign(line: &str) -> Option<Seen> {
    static SEEN: LazyLock<Vec<(Regex, &str, &str, Instead)>> = LazyLock::new(|| {
        let key = r"^\s*(?:-\s+)*[A-Za-z][A-Za-z0-9_.-]*";
        let value = r"^\s*(?:-\s+)*(?:[A-Za-z][A-Za-z0-9_.-]*:\s+)?";
        [
            (
                format!("{key}(：)"),
                "the colon is `：` (U+FF1A), which is none for YAML",
                "write `:` and a blank after it",
                Instead::Sign(": "),
            ),
            (
                format!("{key}(:)[^\\s/:]"),
                "no blank follows the colon",
                "write a blank after the colon: `name: value`",
                Instead::Sign(": "),
            ),
            (
                r"^\s*(-)[A-Za-z]".to_owned(),
                "no blank follows the `-` of an item",
                "write a blank after it: `- value`",
                Instead::Sign("- "),
            ),
            (
                format!("{key}(\\s*=+>?\\s*)\\S"),
                "a field and its value are kept apart by `=`",
                "write `name: value`",
                Instead::Sign(": "),
            ),
            (
                format!(r#"{value}()"(?:[^"\\]|\\.)*"\s*[^\s,\]}}:#]"#),
                "text follows the quotes around a value",
                "put the whole value between two `\"`, and write each `\"` within it as `\\\"`",
                Instead::Rest,
            ),
            (
                format!(r"{value}()'(?:[^']|'')*'\s*[^\s,\]}}:#]"),
                "text follows the quotes around a value",
                "put the whole value between two `'`, and write each `'` within it twice",
                Instead::Rest,
            ),
            (
                format!(r"{value}()(?:\[[^\[\]]*\]|\{{[^{{}}]*\}})\s*[^\s,\]}}:#]"),
                "text follows the brackets of a list or a mapping",
                "put a value that begins with a bracket in quotes",
                Instead::Rest,
            ),
        ]
        .map(|(pattern, what, help, instead)| {
            (Regex::new(&pattern).expect("it is a pattern"), what, help, instead)
        })
        .into()
    });
    SEEN.iter().find_map(|(pattern, what, help, instead)| {
        let at = pattern.captures(line)?.get(1)?;
        let (before, after) = (&line[..at.start()], &line[at.end()..]);
        let mended = match instead {
            Instead::Sign(sign) => [before, sign, after].concat(),
            Instead::Rest => [before, "x"].concat(),
        };
        let column = before.chars().count() + 1;
        let (message, mended) = ((*what).to_owned(), Some(mended));
        Some(Seen { code: SYNTAX, column, message, help, mended })
    })
}
