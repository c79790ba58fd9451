//! Microsoft Graph as a store: who asks, how fast, and what is made of the answers.
//!
//! Never: a token for another host than the one it was made for, or a call without a time limit.

mod batch;
mod book;
mod call;
mod carry;
mod confirm;
mod groups;
mod http;
mod lay;
mod merge;
mod pace;
mod proof;
mod read;
mod send;
mod settle;
mod token;
mod wire;
mod writer;

pub use book::{GraphReader, GraphWriter};
pub use call::{As, Graph};
pub use groups::{DirectoryGroup, groups};
pub use http::{Answer, BODY_LIMIT, CALL_LIMIT, Lost, Transport};
pub use pace::Pace;
pub use proof::exposed;
pub use read::{check_known, everything, first};
pub use token::Tokens;

use std::borrow::Cow;

use crate::{api::holds_secret, domain::visible::visible};

/// The most characters of a text of the service in a message.
const LONGEST: usize = 300;

/// What somebody else says, as it may be printed: short, harmless, and nothing of it where it may hold a secret.
fn harmless(text: &str) -> String {
    if holds_secret(text) {
        return "(its words may hold a secret)".to_owned();
    }
    let mut short: String = text.trim().chars().take(LONGEST).collect();
    if short.len() < text.trim().len() {
        short.push('…');
    }
    match visible(&short) {
        Cow::Borrowed(_) => short,
        Cow::Owned(shown) => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn the_words_of_others_are_short_harmless_and_no_secret() {
        let cases = [
            (" Insufficient privileges. ", "Insufficient privileges."),
            ("a\u{1b}[31m\nb", "a\\u{1b}[31m\\nb"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("password: Sesame9!x", "(its words may hold a secret)"),
        ];
        for (text, expected) in cases {
            assert_eq!(harmless(text), expected);
        }
        assert_eq!(harmless(&"ä".repeat(1000)).chars().count(), 301);
    }
}
