//! From bytes to pieces of text, one for each YAML document, and which characters they may hold.
//!
//! Never: guesses an encoding, or lets through a character that a reviewer cannot see.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{
    files::{FILE_LIMIT, File},
    scripts::{Disguise, disguise, undisguised},
};
use crate::domain::{
    joiner::{is_joiner, joins},
    problem::{Code, Place, Problem},
};

/// The text is not UTF-8.
pub const NOT_UTF8: Code = Code(2);
/// A file or a document is too large.
pub const TOO_LARGE: Code = Code(3);
/// A control character, which no manifest needs.
pub const CONTROL_CHARACTER: Code = Code(4);
/// A character that hides or reorders what a reader sees.
pub const HIDDEN_CHARACTER: Code = Code(5);
/// A character that looks like another one, in a word of other letters.
pub const LOOK_ALIKE: Code = Code(6);

/// A value that another program was to replace.
pub const LEFT_OVER: Code = Code(23);
/// A file that another program has encrypted.
pub const ENCRYPTED: Code = Code(21);

/// The codes of this module.
pub const TEXT_CODES: [Code; 7] =
    [NOT_UTF8, TOO_LARGE, CONTROL_CHARACTER, HIDDEN_CHARACTER, LOOK_ALIKE, LEFT_OVER, ENCRYPTED];

/// The most bytes that one document may hold: 16 MiB, ten times what a cluster accepts for one object.
pub const DOCUMENT_LIMIT: usize = 16 * 1024 * 1024;

/// One file as text.
#[derive(Debug)]
pub(super) struct Text {
    pub name: String,
    pub content: String,
    pub pieces: Vec<Piece>,
    /// Whether a merge was left half done. Its marks may stand in several documents.
    pub in_conflict: bool,
}

/// One document in a text: its bytes, the line it begins on, and the first line that says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub start: usize,
    pub end: usize,
    pub line: usize,
    pub first: usize,
    /// How many characters stand before it on its first line.
    pub indent: usize,
}

impl Text {
    /// The text of a file, split into its documents.
    pub fn new(file: File) -> Result<Self, Box<Problem>> {
        let File { name, bytes } = file;
        let start = Place { file: name.clone(), line: 1, column: 1 };
        if bytes.len() as u64 > FILE_LIMIT {
            let message = format!("the file holds more than {} MiB", FILE_LIMIT >> 20);
            let problem = Problem::error(TOO_LARGE, message).at(start);
            return Err(Box::new(problem.help("split it into several files")));
        }
        if bytes.starts_with(b"\0GITCRYPT\0") {
            let problem =
                Problem::error(ENCRYPTED, "the file is encrypted with git-crypt").at(start);
            return Err(Box::new(problem.help("decrypt it with `git-crypt unlock`")));
        }
        if let Some((encoding, order)) = wide_encoding(&bytes) {
            let message = format!("the file is {encoding}, not UTF-8");
            let help =
                format!("save it as UTF-8, for example with `iconv -f {encoding}{order} -t UTF-8`");
            return Err(Box::new(Problem::error(NOT_UTF8, message).help(help).at(start)));
        }
        let mut content = String::from_utf8(bytes).map_err(|error| {
            let offset = error.utf8_error().valid_up_to();
            let bytes = error.as_bytes();
            let before = String::from_utf8_lossy(&bytes[..offset]);
            let (line, column) = line_and_column(&before);
            let byte = bytes[offset];
            let message = format!("the file is not UTF-8: byte 0x{byte:02X} at offset {offset}");
            let place = Place { file: name.clone(), line, column };
            Box::new(Problem::error(NOT_UTF8, message).at(place).help("save it as UTF-8"))
        })?;
        content.shrink_to_fit();
        let pieces = pieces(&content);
        let begins =
            |mark| content.contains(mark) && content.lines().any(|it| it.starts_with(mark));
        let in_conflict = begins("<<<<<<< ") || begins(">>>>>>> ");
        Ok(Self { name, content, pieces, in_conflict })
    }

    /// The text of a piece.
    pub fn of(&self, piece: &Piece) -> &str {
        &self.content[piece.start..piece.end]
    }

    /// A part of a piece, for one of several objects in it.
    pub fn part(&self, piece: &Piece, range: &Range<usize>) -> Piece {
        let (start, end) = (piece.start + range.start, piece.start + range.end);
        let (line, column) = line_and_column(&self.content[piece.start..start]);
        let line = piece.line + line - 1;
        Piece { start, end, line, first: line, indent: column - 1 }
    }

    /// A place in the file from one in a piece.
    pub fn place(&self, piece: &Piece, line: usize, column: usize) -> Place {
        let column = if line == 1 { piece.indent + column } else { column };
        Place { file: self.name.clone(), line: piece.line + line.saturating_sub(1), column }
    }
}

/// The encoding of a text in two or four bytes for each character, and their order where no mark at its beginning says it.
/// Most characters of a manifest are ASCII, and leave a byte of two or three of four empty.
fn wide_encoding(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    const MARKS: [(&[u8], &str); 4] = [
        (&[0xff, 0xfe, 0, 0], "UTF-32"),
        (&[0, 0, 0xfe, 0xff], "UTF-32"),
        (&[0xff, 0xfe], "UTF-16"),
        (&[0xfe, 0xff], "UTF-16"),
    ];
    if let Some((_, encoding)) = MARKS.iter().find(|(mark, _)| bytes.starts_with(mark)) {
        return Some((encoding, ""));
    }
    let begin = &bytes[..bytes.len().min(256)];
    let begin = &begin[..begin.len() / 4 * 4];
    let empty = |place: usize| begin.iter().skip(place).step_by(4).filter(|it| **it == 0).count();
    let all = begin.len() / 4;
    // A text has no empty bytes, and a few stand where a character has one for its own.
    let is_empty = [0, 1, 2, 3].map(|place| empty(place) * 2 > all);
    let is_full = [0, 1, 2, 3].map(|place| empty(place) * 8 <= all);
    let is = |full: [bool; 4]| (0..4).all(|at| if full[at] { is_full[at] } else { is_empty[at] });
    let known = [
        ([true, false, false, false], ("UTF-32", "LE")),
        ([false, false, false, true], ("UTF-32", "BE")),
        ([true, false, true, false], ("UTF-16", "LE")),
        ([false, true, false, true], ("UTF-16", "BE")),
    ];
    known.into_iter().find(|(full, _)| is(*full)).map(|(_, encoding)| encoding)
}

/// The line and column that follow a text, counted from 1 and in characters.
pub(super) fn line_and_column(before: &str) -> (usize, usize) {
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let last = before.rfind('\n').map_or(before, |end| &before[end + 1..]);
    (line, last.chars().count() + 1)
}

/// Splits a text at the lines that end a YAML document wherever they stand: `---` and `...` at the first column.
/// YAML forbids both inside of quoted text, and block text ends there.
fn pieces(content: &str) -> Vec<Piece> {
    let bom = if content.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut pieces = Vec::new();
    let mut piece = Piece { start: bom, end: bom, line: 1, first: 1, indent: 0 };
    let mut begun = Begun::No;
    let mut offset = bom;
    for (number, line) in content[bom..].split_inclusive('\n').enumerate() {
        let number = number + 1;
        let end = offset + line.len();
        if is_marker(line, "---") && begun != Begun::No {
            piece.end = offset;
            pieces.push(piece);
            piece = Piece { start: offset, end, line: number, first: number, indent: 0 };
            begun = Begun::Marker;
        } else if is_marker(line, "...") {
            piece.end = end;
            pieces.push(piece);
            piece = Piece { start: end, end, line: number + 1, first: number + 1, indent: 0 };
            begun = Begun::No;
        } else if is_marker(line, "---") {
            piece.first = number;
            begun = Begun::Marker;
        }
        if begun != Begun::Content && is_content(line, begun) {
            piece.first = number;
            begun = Begun::Content;
        }
        offset = end;
    }
    piece.end = content.len();
    if begun != Begun::No || piece.end > piece.start {
        pieces.push(piece);
    }
    pieces
}

/// How far a document has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begun {
    /// Nothing, or comments and directives, which belong to the document after them.
    No,
    Marker,
    Content,
}

/// Whether a line is this mark of YAML, at the first column.
pub(super) fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

fn is_content(line: &str, begun: Begun) -> bool {
    let line = if is_marker(line, "---") { &line[3..] } else { line };
    let text = line.trim_start();
    let directive = begun == Begun::No && line.starts_with('%');
    !(text.is_empty() || text.starts_with('#') || directive || is_marker(line, "..."))
}

/// A character that a text must not hold, and where: line and column in the text.
pub(super) struct Offence {
    pub code: Code,
    pub line: usize,
    pub column: usize,
    pub message: String,
    pub help: &'static str,
}

/// Whether a text holds nothing but printable ASCII, tabs and line ends.
pub(super) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'\t' | b'\n' | b' '..=b'~'))
}

/// The first character on each line that a manifest must not hold anywhere, not even in a comment.
pub(super) fn offences(text: &str) -> Vec<Offence> {
    const ENOUGH: usize = 20;
    let mut offences: Vec<Offence> = Vec::new();
    let (mut line, mut column) = (1, 0);
    let mut characters = text.chars().peekable();
    let mut before = '\n';
    while let Some(character) = characters.next() {
        column += 1;
        let after = characters.peek().copied();
        let windows_line_end = character == '\r' && after == Some('\n');
        let known = offences.last().is_some_and(|last| last.line == line);
        if !windows_line_end
            && !known
            && let Some((code, message, help)) = offence(character, before, after)
        {
            offences.push(Offence { code, line, column, message, help });
            if offences.len() == ENOUGH {
                break;
            }
        }
        if character == '\n' {
            (line, column) = (line + 1, 0);
        }
        before = character;
    }
    offences
}

/// What is wrong with the characters of one value or key, escapes resolved; also look-alikes.
pub(super) fn offence_in_value(text: &str) -> Option<(Code, String, String)> {
    unseen_in_value(text)
        .map(|(code, message, help)| (code, message, help.to_owned()))
        .or_else(|| look_alike(text))
}

/// The same without look-alikes.
pub(super) fn unseen_in_value(text: &str) -> Option<(Code, String, &'static str)> {
    let mut before = '\n';
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let after = characters.peek().copied();
        if character != '\r'
            && let Some(found) = offence(character, before, after)
        {
            return Some(found);
        }
        before = character;
    }
    None
}

fn offence(
    character: char,
    before: char,
    after: Option<char>,
) -> Option<(Code, String, &'static str)> {
    let shown = format!("U+{:04X}", u32::from(character));
    match character {
        '\t' | '\n' | ' '..='~' => None,
        '\0' => {
            let help = "save the file as UTF-8; NUL bytes often mean that it is UTF-16";
            Some((CONTROL_CHARACTER, format!("the control character {shown} (NUL)"), help))
        }
        '\r' => {
            let help = "end lines with LF or CRLF";
            Some((
                CONTROL_CHARACTER,
                format!("a carriage return without a line feed ({shown})"),
                help,
            ))
        }
        '\u{1}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => {
            Some((CONTROL_CHARACTER, format!("the control character {shown}"), "remove it"))
        }
        '\u{2028}' | '\u{2029}' => Some((
            CONTROL_CHARACTER,
            format!("the line separator {shown}"),
            "end lines with LF or CRLF",
        )),
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' => {
            let message =
                format!("the character {shown}, which reorders the text around it on the screen");
            Some((HIDDEN_CHARACTER, message, "remove it; what is read must be what is reviewed"))
        }
        _ if is_joiner(character) && joins(before, after) => None,
        '\u{ad}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200d}'
        | '\u{2060}'..='\u{2064}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{e0000}'..='\u{e007f}' => {
            let help = "remove it; what is read must be what is reviewed";
            Some((HIDDEN_CHARACTER, format!("the character {shown}, which cannot be seen"), help))
        }
        _ => None,
    }
}

/// A letter of another script in a word, that is taken for one of the script around it.
fn look_alike(text: &str) -> Option<(Code, String, String)> {
    /// A longer text is not written out again.
    const LONGEST: usize = 500;
    let Disguise { letter, like } = disguise(text)?;
    let message = format!(
        "`{letter}` (U+{:04X}) looks like the letter `{like}` but is another one",
        u32::from(letter)
    );
    let help = if text.len() > LONGEST {
        "write each word in letters of one script".to_owned()
    } else {
        format!("write each word in letters of one script: `{}`", undisguised(text))
    };
    Some((LOOK_ALIKE, message, help))
}

/// A text that a program was to put another in place of: `${NAME}`, `{{ .Values.name }}`, `<NAME>`.
pub(super) fn left_over(text: &str) -> Option<&str> {
    static VARIABLE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"(?x)
            \$\{ [A-Za-z_!\#] [^{}]* \}          # a shell, envsubst, Flux, Terraform
            | \$\{\{ [^{}]* \}\}                 # GitHub, Azure DevOps
            | \{\{ [^{}]* \}\}                   # Helm, Jinja
            | \{% [^{}]* %\} | <%=? [^<>]* %>
            | \$\( [A-Za-z_] [A-Za-z0-9_.-]* \)  # Azure DevOps, kustomize
            | \#\{ [A-Za-z_] [A-Za-z0-9_.-]* \}\#?
            | ^ \$ [A-Z_] [A-Z0-9_]* $
            | ^ % [A-Za-z_] [A-Za-z0-9_]* % $
            | ^ __ [A-Za-z] [A-Za-z_]* __ $
            | ^ @@? [A-Za-z] [A-Za-z0-9_.-]* @@? $
            # A digit makes it the number of a ticket or a line of support.
            | ^ < [A-Za-z] [A-Za-z\ _.-]* > $
            | ^ \{ [A-Za-z] [A-Za-z\ _.-]* \} $
            | ^ \[ [A-Z] [A-Z\ _.-]* \] $",
        )
        .expect("it is a pattern")
    });
    if !text.contains(['$', '{', '<', '%', '#', '_', '@', '[']) {
        return None;
    }
    // A GUID may stand in braces.
    let is_guid = uuid::Uuid::parse_str(text.trim()).is_ok();
    VARIABLE.find(text).filter(|_| !is_guid).map(|found| found.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(content: &str) -> Vec<(&str, usize, usize)> {
        pieces(content)
            .into_iter()
            .map(|piece| (&content[piece.start..piece.end], piece.line, piece.first))
            .collect()
    }

    #[test]
    fn documents_are_split_at_markers_and_keep_their_lines() {
        assert_eq!(split(""), []);
        assert_eq!(split("a: 1\n"), [("a: 1\n", 1, 1)]);
        assert_eq!(
            split("# c\n---\na: 1\n---\n\nb: 2\n"),
            [("# c\n---\na: 1\n", 1, 3), ("---\n\nb: 2\n", 4, 6),]
        );
        assert_eq!(
            split("%YAML 1.2\n---\na: 1\n...\n# c\n---\nb: 2"),
            [("%YAML 1.2\n---\na: 1\n...\n", 1, 3), ("# c\n---\nb: 2", 5, 7),]
        );
        assert_eq!(
            split("--- {a: 1}\r\n---\r\n---x: 1\n"),
            [("--- {a: 1}\r\n", 1, 1), ("---\r\n---x: 1\n", 2, 3),]
        );
        assert_eq!(split("a: |\n text\n---\nb: 1"), [("a: |\n text\n", 1, 1), ("---\nb: 1", 3, 4)]);
        assert_eq!(split("\u{feff}a: 1"), [("a: 1", 1, 1)]);
    }

    #[test]
    fn what_another_program_was_to_replace_is_known_and_real_text_is_not_taken_for_it() {
        for text in [
            "${NAME}",
            "${FABRIKAM_NAME:=Fabrikam}",
            "Ticket ${TICKET}",
            "${{ inputs.name }}",
            "{{ .Values.group }}",
            "{{group}}",
            "$(TENANT)",
            "#{Tenant}#",
            "$TENANT",
            "%TENANT%",
            "__TENANT__",
            "<tenant id>",
            "{tenant-id}",
            "[CUSTOMER]",
            "@TENANT@",
        ] {
            assert!(left_over(text).is_some(), "{text}");
        }
        for text in [
            "costs $5 (or less)",
            "R&D {old}",
            "a < b > c",
            "50% of all",
            "INC#4711",
            "<https://contoso.example>",
            "first_line__second",
            "@contoso",
            "team@contoso.example",
            "[old] Helpdesk",
            "[INC0012345]",
            "<INC0012345>",
            "[L1]",
            "{L1}",
            "__L1__",
            "{AAAABBBB-0000-CCCC-1111-DDDD2222EEEE}",
            "$",
        ] {
            assert_eq!(left_over(text), None, "{text}");
        }
    }
}
