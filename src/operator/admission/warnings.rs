//! Warnings as the API server passes them on: few, short, and in plain characters.
//!
//! Never: more than the server lets through, so that what is cut is said here and not cut there.

use std::fmt::Write as _;

/// The most characters of a warning, as Kubernetes advises.
pub const LONGEST: usize = 120;
/// The most warnings in one answer.
pub const MOST: usize = 20;
/// How many of them may tell problems, where there is also something else to tell.
const MOST_PROBLEMS: usize = 12;

/// All that is to be said, within what may be said. Each list loses its end, and one line says how much.
pub fn warnings(mut problems: Vec<String>, mut access: Vec<String>) -> Vec<String> {
    if problems.len() + access.len() > MOST {
        let room = MOST_PROBLEMS.max(MOST.saturating_sub(access.len()));
        cut(&mut problems, room, "problems: `concordat validate` tells all");
        let room = MOST - problems.len();
        cut(&mut access, room, "changes of access: `concordat diff` tells all");
    }
    problems.append(&mut access);
    problems.iter().map(|line| short(line)).collect()
}

fn cut(lines: &mut Vec<String>, room: usize, of_what: &str) {
    if lines.len() > room {
        let more = lines.len() - room + 1;
        lines.truncate(room - 1);
        lines.push(format!("and {more} more {of_what}"));
    }
}

/// A line in ASCII, with everything else as `\u{…}`, cut where it is too long.
pub fn short(line: &str) -> String {
    let mut short = String::with_capacity(LONGEST);
    for character in line.chars() {
        let mut written = String::from(character);
        if !(character.is_ascii_graphic() || character == ' ') {
            written.clear();
            write!(written, "{}", character.escape_unicode())
                .expect("a text takes what is written");
        }
        short.push_str(&written);
        if short.len() > LONGEST {
            break;
        }
    }
    if short.len() > LONGEST {
        short.truncate(LONGEST - 3);
        short.push_str("...");
    }
    short
}
