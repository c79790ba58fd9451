//! The two characters that cannot be seen and yet belong to a name: they join emoji, and part or join letters of some
//! scripts.
//!
//! Never: one beside ASCII, where it only hides.

/// Whether a character is one of the two.
pub fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200c}' | '\u{200d}')
}

/// Whether a joiner stands where it means something: between two characters that are neither ASCII nor joiners.
pub fn joins(before: char, after: Option<char>) -> bool {
    let joined = |character: char| !character.is_ascii() && !is_joiner(character);
    joined(before) && after.is_some_and(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_joiner_means_something_between_characters_that_can_be_joined() {
        assert!(joins('👩', Some('💻')));
        assert!(joins('ی', Some('خ')));
        for (before, after) in
            [('a', Some('é')), ('é', Some('a')), ('é', None), ('\u{200d}', Some('é'))]
        {
            assert!(!joins(before, after), "{before:?} {after:?}");
        }
    }
}
