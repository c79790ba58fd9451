//! Text that somebody chose, made harmless for where it goes.
//!
//! Never: a character that is invisible, moves the cursor, or turns the direction of what follows.

use std::{borrow::Cow, fmt::Write as _};

pub use crate::domain::visible::visible;

/// Characters of a name that are shown; what identifies is the id beside it.
const LONGEST_NAME: usize = 80;

/// A name, visible and in quotation marks, cut where it is longer than anybody reads.
pub fn quoted(name: &str) -> String {
    let shown = shortened(name).replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", visible(&shown))
}

fn shortened(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => Cow::Owned(format!("{}…", &name[..end])),
        None => Cow::Borrowed(name),
    }
}

/// Several lines made visible, each by itself.
pub fn visible_lines(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(|line| visible(line.trim_end_matches('\r'))).collect();
    lines.join("\n")
}

/// For Markdown, within a line or a table, not at its start: nothing in it is markup, a link, a mention or HTML.
pub fn markdown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 16);
    for character in visible(text).chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            // A mention would notify; a number sign makes a link to an issue.
            '@' => safe.push_str("&#64;"),
            '#' => safe.push_str("&#35;"),
            '|' => safe.push_str("&#124;"),
            '`' => safe.push_str("&#96;"),
            '\\' | '*' | '_' | '[' | ']' | '~' | '$' => {
                safe.push('\\');
                safe.push(character);
            }
            other => safe.push(other),
        }
    }
    // An address is made a link without any sign around it.
    safe.replace("://", "&#58;//").replace("www.", "www&#46;").replace("WWW.", "WWW&#46;")
}

/// A quotation of Markdown that only we write: text outside backticks is escaped, what stands in them becomes code.
pub fn markdown_message(message: &str) -> String {
    let mut safe = String::new();
    let mut parts = message.split('`').peekable();
    let mut is_code = false;
    while let Some(part) = parts.next() {
        // A last backtick without its partner is only a character.
        if is_code && parts.peek().is_some() {
            safe.push_str(&markdown_code(part));
        } else if is_code {
            safe.push_str("&#96;");
            safe.push_str(&markdown(part));
        } else {
            safe.push_str(&markdown(part));
        }
        is_code = !is_code;
    }
    safe
}

/// Inline code, which HTML's element holds more safely than backticks.
pub fn markdown_code(text: &str) -> String {
    format!("<code>{}</code>", markdown(text))
}

/// For HTML and XML, in text and in attributes.
pub fn html(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 16);
    for character in visible(text).chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// For XML: several lines stay several lines.
pub fn xml_lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(html).collect();
    lines.join("\n")
}

/// The message of a GitHub workflow command. Line feeds stay line feeds.
pub fn github_message(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 16);
    for (position, line) in text.split('\n').enumerate() {
        if position > 0 {
            safe.push_str("%0A");
        }
        let _ = write!(safe, "{}", visible(line).replace('%', "%25"));
    }
    safe
}

/// A property of a GitHub workflow command.
pub fn github_property(text: &str) -> String {
    github_message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_hide_or_turn_text_are_made_visible() {
        let cases = [
            ("Müller & Söhne", "Müller & Söhne"),
            ("日本支店", "日本支店"),
            ("हिन्दी", "हिन्दी"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("a\u{2066}b\u{200b}c\u{feff}", "a\\u{2066}b\\u{200b}c\\u{feff}"),
            ("a\u{1b}[31mb", "a\\u{1b}[31mb"),
            ("a\nb\tc\r", "a\\nb\\tc\\r"),
            ("a\u{2028}b\u{a0}c", "a\\u{2028}b\\u{a0}c"),
            ("a\u{2800}b\u{3164}", "a\\u{2800}b\\u{3164}"),
            ("ヘルプデスク👩\u{200d}💻", "ヘルプデスク👩\u{200d}💻"),
            ("🏳\u{fe0f}\u{200d}🌈", "🏳\u{fe0f}\u{200d}🌈"),
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
            ("株式会社\u{3000}東京", "株式会社\u{3000}東京"),
            ("a\u{200d}b é\u{200d}\u{200d}é", "a\\u{200d}b é\\u{200d}\\u{200d}é"),
            ("a\u{34f}b\u{fe0f}", "a\\u{34f}b\\u{fe0f}"),
            ("\u{17b4}\u{180b}\u{2065}", "\\u{17b4}\\u{180b}\\u{2065}"),
            ("a\u{e0100}\u{1d173}\u{fff0}", "a\\u{e0100}\\u{1d173}\\u{fff0}"),
        ];
        for (text, shown) in cases {
            assert_eq!(visible(text), shown);
        }
    }

    #[test]
    fn a_name_cannot_end_its_own_quotation() {
        assert_eq!(quoted(r#"a" 1"#), r#""a\" 1""#);
        assert_eq!(quoted(r"a\"), r#""a\\""#);
        assert_eq!(quoted(&"x".repeat(500)).chars().count(), LONGEST_NAME + 3);
    }

    #[test]
    fn nothing_in_a_name_is_markup_in_markdown() {
        let cases = [
            ("a|b", "a&#124;b"),
            ("<script>", "&lt;script&gt;"),
            ("@octocat", "&#64;octocat"),
            ("[a](http://b)", "\\[a\\](http&#58;//b)"),
            ("`rm`", "&#96;rm&#96;"),
            ("a\n\n# b", "a\\\\n\\\\n&#35; b"),
            ("**b**", "\\*\\*b\\*\\*"),
            ("www.example.org", "www&#46;example.org"),
        ];
        for (text, safe) in cases {
            assert_eq!(markdown(text), safe);
        }
    }

    #[test]
    fn backticks_of_a_message_become_code_and_a_lone_one_stays_a_character() {
        assert_eq!(markdown_message("no `<b>` here"), "no <code>&lt;b&gt;</code> here");
        assert_eq!(markdown_message("a ` b"), "a &#96; b");
    }

    #[test]
    fn a_workflow_command_cannot_be_broken_out_of() {
        assert_eq!(github_message("100%\n::error::x\r"), "100%25%0A::error::x\\r");
        assert_eq!(github_property("a,b:c%\n"), "a%2Cb%3Ac%25%0A");
    }

    #[test]
    fn html_keeps_text_as_text() {
        assert_eq!(html("<a href='x'>&\"\u{0}"), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;\\u{0}");
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_written_nothing_of_it_acts(text: String) {
            let hidden = |text: &str| crate::domain::visible::in_context(text).any(|(_, hides)| hides);
            for safe in [markdown(&text), markdown_message(&text), html(&text)] {
                proptest::prop_assert!(!hidden(&safe));
            }
            proptest::prop_assert!(!markdown(&text).contains(['<', '>', '|', '@', '`']));
            proptest::prop_assert!(!html(&text).contains(['<', '>', '"', '\'']));
            proptest::prop_assert!(!hidden(&github_message(&text)));
            proptest::prop_assert!(!github_property(&text).contains([':', ',']));
            proptest::prop_assert!(!hidden(&quoted(&text)));
        }
    }
}
