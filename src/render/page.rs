//! `explain`: the page of a code.
//!
//! Never: a page that says something else in another format.

use serde_json::json;

use super::{Answer, FORMAT_VERSION, Format, Rendered, Style, Unsupported, style::Paint};
use crate::domain::problem::Code;

/// The page of a code, written in Markdown, in a format.
pub fn render(
    code: Code,
    page: &str,
    format: Format,
    style: Style,
) -> Result<Rendered, Unsupported> {
    let (title, body) = page.split_once('\n').unwrap_or((page, ""));
    let title = title.trim_start_matches("# ").trim();
    match Answer::Page.admits(format)? {
        Format::Json | Format::Yaml => Ok(Rendered::Document(json!({
            "formatVersion": FORMAT_VERSION,
            "kind": "Page",
            "code": code,
            "title": title,
            "text": body.trim(),
        }))),
        Format::Markdown => Ok(Rendered::Text(format!("# {code}: {title}\n\n{}\n", body.trim()))),
        Format::Text
        | Format::Short
        | Format::Sarif
        | Format::Junit
        | Format::Github
        | Format::Csv => {
            let heading = style.paint(Paint::Strong, &format!("{code}: {title}"));
            Ok(Rendered::Text(format!("{heading}\n\n{}\n", body.trim())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_begins_with_its_code_and_title() {
        let page = "# a role has no such name\n\nWords.\n";
        let text = render(Code(201), page, Format::Text, Style::default());
        assert_eq!(
            text,
            Ok(Rendered::Text("C0201: a role has no such name\n\nWords.\n".to_owned()))
        );
    }
}
