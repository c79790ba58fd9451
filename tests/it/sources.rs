//! Reads the sources as tokens, so that the rules of the house look at code and not at comments or strings.
//!
//! Never: judges. The rules are in `layers` and `house`.

use std::{fs, path::Path};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A word: an identifier or a keyword.
    Word,
    /// One sign, or `::`.
    Sign,
    /// A text, a byte text or a character.
    Text,
    /// A comment, also a doc comment.
    Comment,
}

/// A token and the line it begins on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// As it is written.
    pub text: String,
    /// Counted from 1.
    pub line: usize,
}

/// A path as the code means it: every leaf of `use a::{b, c::d}` is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodePath {
    /// Its segments.
    pub segments: Vec<String>,
    /// The inline modules it stands in, from the outside in.
    pub inside: Vec<String>,
    /// The line of its last segment.
    pub line: usize,
}

/// One source file.
#[derive(Debug, Clone)]
pub struct Source {
    /// Relative to the crate, with forward slashes: `src/domain/plan.rs`.
    pub name: String,
    /// As it is.
    pub text: String,
    /// In order.
    pub tokens: Vec<Token>,
}

impl Source {
    /// A file with this name and text.
    pub fn new(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.to_owned(), tokens: tokens(text) }
    }

    /// Where something is: `src/domain/plan.rs:12`.
    pub fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.name)
    }

    /// The tokens that are not comments.
    pub fn code(&self) -> Vec<&Token> {
        self.tokens.iter().filter(|token| token.kind != Kind::Comment).collect()
    }

    /// The module that the file is: `src/domain/catalogue/mod.rs` is `domain::catalogue`; `main.rs` is `main`.
    pub fn module(&self) -> Vec<String> {
        let inner = self.name.strip_prefix("src/").unwrap_or(&self.name);
        let mut parts: Vec<_> =
            inner.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if parts.last().is_some_and(|last| last == "mod" || last == "lib") {
            parts.pop();
        }
        parts
    }

    /// Every path of the code.
    pub fn paths(&self) -> Vec<CodePath> {
        let mut reader = Reader { tokens: self.code(), position: 0, depth: 0, inside: Vec::new() };
        let mut found = Vec::new();
        while reader.position < reader.tokens.len() {
            reader.step(&mut found);
        }
        found
    }
}

/// All Rust files below a folder of the crate, sorted.
pub fn below(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                found.push(Source::new(&name, &fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort_by(|left, right| left.name.cmp(&right.name));
    found
}

/// Reads paths from tokens, and keeps count of the inline modules that are open.
struct Reader<'a> {
    tokens: Vec<&'a Token>,
    position: usize,
    depth: usize,
    inside: Vec<(String, usize)>,
}

impl Reader<'_> {
    fn text(&self, position: usize) -> &str {
        self.tokens.get(position).map_or("", |token| token.text.as_str())
    }

    fn is_word(&self, position: usize) -> bool {
        self.tokens.get(position).is_some_and(|token| token.kind == Kind::Word)
    }

    fn step(&mut self, found: &mut Vec<CodePath>) {
        let here = self.position;
        match self.text(here) {
            "mod" if self.is_word(here + 1) && self.text(here + 2) == "{" => {
                self.depth += 1;
                self.inside.push((self.text(here + 1).to_owned(), self.depth));
                self.position += 3;
            }
            "{" => {
                self.depth += 1;
                self.position += 1;
            }
            "}" => {
                if self.inside.last().is_some_and(|(_, depth)| *depth == self.depth) {
                    self.inside.pop();
                }
                self.depth = self.depth.saturating_sub(1);
                self.position += 1;
            }
            // What follows may be a group without a prefix: `use {a::b, c::d};`
            "use" => {
                self.position += 1;
                self.tree(&mut Vec::new(), found);
            }
            _ if self.is_word(here) => self.tree(&mut Vec::new(), found),
            _ => self.position += 1,
        }
    }

    /// A path or, after `::`, a group of paths that share what stands before.
    fn tree(&mut self, prefix: &mut Vec<String>, found: &mut Vec<CodePath>) {
        let before = prefix.len();
        let mut line = self.tokens.get(self.position).map_or(0, |token| token.line);
        if self.text(self.position) == "::" {
            self.position += 1;
        }
        loop {
            if self.text(self.position) == "{" && (prefix.is_empty() || self.after_colons()) {
                self.position += 1;
                while self.position < self.tokens.len() && self.text(self.position) != "}" {
                    let start = self.position;
                    self.tree(prefix, found);
                    if self.text(self.position) == "as" {
                        self.position += 2;
                    }
                    if self.text(self.position) == "," || self.position == start {
                        self.position += 1;
                    }
                }
                self.position += 1;
                break;
            }
            if self.text(self.position) == "*" && !prefix.is_empty() {
                prefix.push("*".to_owned());
                self.position += 1;
            } else if self.is_word(self.position) {
                line = self.tokens[self.position].line;
                prefix.push(self.text(self.position).to_owned());
                self.position += 1;
                if self.text(self.position) == "::" {
                    self.position += 1;
                    // `Vec::<T>` ends the path; `T` is read as one of its own.
                    if self.is_word(self.position) || matches!(self.text(self.position), "{" | "*")
                    {
                        continue;
                    }
                }
            }
            if prefix.len() > before || before > 0 {
                let inside = self.inside.iter().map(|(name, _)| name.clone()).collect();
                found.push(CodePath { segments: prefix.clone(), inside, line });
            }
            break;
        }
        prefix.truncate(before);
    }

    fn after_colons(&self) -> bool {
        self.position > 0 && self.text(self.position - 1) == "::"
    }
}

/// The tokens of a Rust text. Numbers count as words; lifetimes are a sign and a word.
fn tokens(text: &str) -> Vec<Token> {
    let letters: Vec<char> = text.chars().collect();
    let (mut found, mut position, mut line) = (Vec::new(), 0, 1);
    while position < letters.len() {
        let (length, kind) = token_at(&letters[position..]);
        let part = &letters[position..position + length];
        if let Some(kind) = kind {
            found.push(Token { kind, text: part.iter().collect(), line });
        }
        line += part.iter().filter(|letter| **letter == '\n').count();
        position += length;
    }
    found
}

/// How long the token at the beginning is, and what it is; `None` for white space.
fn token_at(rest: &[char]) -> (usize, Option<Kind>) {
    let next = |index: usize| rest.get(index).copied().unwrap_or('\0');
    match rest[0] {
        letter if letter.is_whitespace() => (1, None),
        '/' if next(1) == '/' => (until(rest, |at| rest[at] == '\n'), Some(Kind::Comment)),
        '/' if next(1) == '*' => (block_comment(rest), Some(Kind::Comment)),
        '"' => (1 + quoted(&rest[1..], '"'), Some(Kind::Text)),
        // A lifetime has no second quote where a character has one.
        '\'' if next(1) == '\\' || next(2) == '\'' => {
            (1 + quoted(&rest[1..], '\''), Some(Kind::Text))
        }
        ':' if next(1) == ':' => (2, Some(Kind::Sign)),
        letter if letter.is_alphanumeric() || letter == '_' => {
            let length = until(rest, |at| !(rest[at].is_alphanumeric() || rest[at] == '_'));
            let word: String = rest[..length].iter().collect();
            let marks = rest[length..].iter().take_while(|letter| **letter == '#').count();
            match (word.as_str(), next(length + marks)) {
                ("r" | "br" | "cr", '"') => {
                    (length + raw(&rest[length..], marks), Some(Kind::Text))
                }
                ("b" | "c", '"') if marks == 0 => {
                    (length + 1 + quoted(&rest[length + 1..], '"'), Some(Kind::Text))
                }
                ("b", '\'') => (length + 1 + quoted(&rest[length + 1..], '\''), Some(Kind::Text)),
                _ => (length, Some(Kind::Word)),
            }
        }
        _ => (1, Some(Kind::Sign)),
    }
}

fn until(rest: &[char], end: impl Fn(usize) -> bool) -> usize {
    (0..rest.len()).find(|at| end(*at)).unwrap_or(rest.len())
}

/// The length up to and with the closing quote.
fn quoted(rest: &[char], quote: char) -> usize {
    let mut position = 0;
    while position < rest.len() && rest[position] != quote {
        position += if rest[position] == '\\' { 2 } else { 1 };
    }
    (position + 1).min(rest.len())
}

/// The length of a raw text, from the first `#` to the last.
fn raw(rest: &[char], marks: usize) -> usize {
    let closes = |at: usize| {
        rest[at] == '"'
            && rest[at + 1..].iter().take_while(|letter| **letter == '#').count() >= marks
    };
    let start = marks + 1;
    let end = (start..rest.len()).find(|at| closes(*at)).unwrap_or(rest.len());
    (end + 1 + marks).min(rest.len())
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut position) = (0, 0);
    while position < rest.len() {
        match (rest[position], rest.get(position + 1)) {
            ('/', Some('*')) => depth += 1,
            ('*', Some('/')) => depth -= 1,
            _ => {
                position += 1;
                continue;
            }
        }
        position += 2;
        if depth == 0 {
            break;
        }
    }
    position.min(rest.len())
}

#[test]
fn comments_and_texts_are_not_code() {
    let text = "// crate::a\n/* /* crate::b */ */ let x = \"crate::c\\\"\"; r#\"crate::\"d\"#; 'x'; b'\\''; fn f<'a>() { e::g }";
    let source = Source::new("src/x.rs", text);
    let code: Vec<_> = source.paths().into_iter().map(|path| path.segments.join("::")).collect();
    assert_eq!(code, ["let", "x", "fn", "f", "a", "e::g"]);
}

#[test]
fn every_leaf_of_a_use_tree_is_a_path() {
    let text = "use a::{b as c, d::{self, *}, super::e};\nmod inner { use super::{f}; }\nlet g = Vec::<h::I>::new();";
    let source = Source::new("src/x.rs", text);
    let paths: Vec<_> = source
        .paths()
        .into_iter()
        .filter(|path| path.segments.len() > 1)
        .map(|path| (path.segments.join("::"), path.inside.join("::"), path.line))
        .collect();
    let expected = [
        ("a::b", "", 1),
        ("a::d::self", "", 1),
        ("a::d::*", "", 1),
        ("a::super::e", "", 1),
        ("super::f", "inner", 2),
        ("h::I", "", 3),
    ];
    assert_eq!(paths, expected.map(|(path, inside, line)| (path.into(), inside.into(), line)));
}
