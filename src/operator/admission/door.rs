//! Who is answered: whoever calls by a path that ends in a word that only the registration of the webhook tells. The API
//! server has no other way to show who it is that every cluster allows.
//!
//! Never: a look at the body of a question that came by another path.

use std::sync::{Arc, PoisonError, RwLock};

use secrecy::{ExposeSecret as _, SecretString};

/// What the path of the webhook begins with.
pub const BEFORE: &str = "/validate/";
/// How many digits a word has.
const DIGITS: usize = 64;

/// The words by which somebody may come in: the one that was told last, and the one before it.
#[derive(Clone, Default)]
pub struct Door(Arc<RwLock<Vec<SecretString>>>);

impl Door {
    /// From now on this word opens it, and beside it only the one before.
    pub fn opens_to(&self, word: &SecretString) {
        let mut words = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_known = words.last().is_some_and(|last| is_same(last.expose_secret(), word));
        if !is_known && is_word(word) {
            words.push(word.clone());
            let old = words.len().saturating_sub(2);
            words.drain(..old);
        }
    }

    /// Whether a path leads in.
    pub fn lets_in(&self, path: &str) -> bool {
        let Some(word) = path.strip_prefix(BEFORE) else { return false };
        let words = self.0.read().unwrap_or_else(PoisonError::into_inner);
        words.iter().any(|known| is_same(word, known))
    }
}

/// A new word; none where this machine has no random numbers.
pub fn word() -> Option<SecretString> {
    let mut bytes = [0; DIGITS / 2];
    getrandom::fill(&mut bytes).ok()?;
    Some(SecretString::from(hex::encode(bytes)))
}

/// Whether it is long enough not to be guessed, and can stand in a path.
pub fn is_word(word: &SecretString) -> bool {
    let word = word.expose_secret();
    word.len() == DIGITS && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The path that leads in by a word.
pub fn path(word: &SecretString) -> String {
    format!("{BEFORE}{}", word.expose_secret())
}

/// In a time that does not tell how much of it is right.
fn is_same(word: &str, known: &SecretString) -> bool {
    let known = known.expose_secret();
    let differs = word.bytes().zip(known.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b));
    word.len() == known.len() && differs == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_two_words_lead_in_and_nothing_that_is_like_them() {
        let door = Door::default();
        let words: Vec<_> = (0..3).map(|_| word().unwrap()).collect();
        for closed in ["", "/", "/validate", "/validate/", &path(&words[0])] {
            assert!(!door.lets_in(closed), "{closed}: nobody has said a word yet");
        }
        for word in &words {
            door.opens_to(word);
            door.opens_to(word);
        }
        assert!(!door.lets_in(&path(&words[0])));
        let [before, last] = [path(&words[1]), path(&words[2])];
        assert!(door.lets_in(&before) && door.lets_in(&last));
        let upper = last.to_uppercase();
        for like in [&last[..last.len() - 1], &format!("{last}0"), &format!("{last}/"), &upper] {
            assert!(!door.lets_in(like), "{like}");
        }
        door.opens_to(&SecretString::default());
        assert!(!door.lets_in(BEFORE) && door.lets_in(&before), "what is no word changes nothing");
    }
}
