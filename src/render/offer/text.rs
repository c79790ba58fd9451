//! An offer for a mail.
//!
//! Never: a character that cannot be seen.

use super::Block;
use crate::render::{Style, escape};

pub(super) fn write(blocks: &[Block]) -> String {
    let style = Style { width: 78, ..Style::default() };
    let written = blocks.iter().map(|block| match block {
        Block::Heading(text) => {
            let text = escape::visible(text);
            format!("{text}\n{}\n", "-".repeat(text.chars().count().min(style.width)))
        }
        Block::Paragraph(text) => style.wrap(&escape::visible(text), "", "") + "\n",
        Block::List(items) => {
            items.iter().map(|item| style.wrap(&escape::visible(item), "- ", "  ") + "\n").collect()
        }
        Block::Link(link) => format!("  {}\n", escape::visible(link)),
    });
    written.collect::<Vec<_>>().join("\n")
}
