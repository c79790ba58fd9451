//! Which characters of a text can be seen, and the text with the others spelled out.
//!
//! Never: a character that is invisible, moves the cursor, or turns the direction of what follows.

use std::{borrow::Cow, iter};

use super::joiner::{is_joiner, joins};

/// Control, format and direction characters written as `\u{…}`, so that they can be seen. The line feed too.
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().all(|character| !is_hidden(character)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for (character, hides) in in_context(text) {
        if hides {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Each character, and whether it hides something where it stands: what joins two others is seen in them.
pub fn in_context(text: &str) -> impl Iterator<Item = (char, bool)> {
    let mut characters = text.chars().peekable();
    let mut before = '\n';
    iter::from_fn(move || {
        let character = characters.next()?;
        let is_part = match character {
            '\u{fe00}'..='\u{fe0f}' => !before.is_ascii(),
            '\u{3000}' => joins(before, characters.peek().copied()),
            _ => is_joiner(character) && joins(before, characters.peek().copied()),
        };
        before = character;
        Some((character, is_hidden(character) && !is_part))
    })
}

/// Whether a character cannot be seen or does something. Marks that combine with a letter are part of many names.
pub fn is_hidden(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    if character == '\u{2800}' || is_ignorable(character) {
        return true;
    }
    let mut after_a_letter = String::from('a');
    after_a_letter.push(character);
    after_a_letter.escape_debug().nth(1) == Some('\\')
}

/// Whether Unicode says that a character is not shown where nothing better is known: `Default_Ignorable_Code_Point`.
pub fn is_ignorable(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}
