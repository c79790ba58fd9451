//! An offer for a page: a fragment without style or script.
//!
//! Never: an element or attribute that comes from a name.

use super::{Block, is_safe};
use crate::render::escape::html;

pub(super) fn write(blocks: &[Block]) -> String {
    let written = blocks.iter().map(|block| match block {
        Block::Heading(text) => format!("<h2>{}</h2>\n", html(text)),
        Block::Paragraph(text) => format!("<p>{}</p>\n", html(text)),
        Block::List(items) => {
            let items: Vec<String> =
                items.iter().map(|item| format!("  <li>{}</li>\n", html(item))).collect();
            format!("<ul>\n{}</ul>\n", items.concat())
        }
        Block::Link(link) if is_safe(link) => {
            let link = html(link);
            format!("<p><a href=\"{link}\" rel=\"noopener noreferrer\">{link}</a></p>\n")
        }
        Block::Link(link) => format!("<p><code>{}</code></p>\n", html(link)),
    });
    format!("<section>\n{}</section>\n", written.collect::<String>())
}
