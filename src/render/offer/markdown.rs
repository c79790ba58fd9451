//! An offer for a document.
//!
//! Never: a link that is not what it says.

use super::{Block, is_safe};
use crate::render::escape;

pub(super) fn write(blocks: &[Block]) -> String {
    let written = blocks.iter().map(|block| match block {
        Block::Heading(text) => format!("## {}\n", escape::markdown(text)),
        // A space that cannot be taken for the beginning of a list, a heading or code.
        Block::Paragraph(text) => format!("{}\n", unled(&escape::markdown(text))),
        Block::List(items) => {
            let line = |item: &String| format!("- {}\n", unled(&escape::markdown(item)));
            items.iter().map(line).collect::<Vec<_>>().concat()
        }
        Block::Link(link) if is_safe(link) => format!("<{link}>\n"),
        Block::Link(link) => format!("{}\n", escape::markdown_code(link)),
    });
    written.collect::<Vec<_>>().join("\n")
}

/// The same, if it begins like a list, with that made text.
fn unled(text: &str) -> String {
    let text = text.trim_start();
    match text.chars().next() {
        Some('-' | '+' | '=') => format!("\\{text}"),
        Some(first) if first.is_ascii_digit() => {
            text.replacen(". ", "\\. ", 1).replacen(") ", "\\) ", 1)
        }
        Some(_) | None => text.to_owned(),
    }
}
