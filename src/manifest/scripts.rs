//! Letters of one script in a word of another, judged as Unicode's report on security mechanisms does (UTS 39).
//!
//! Never: a name refused for its language. Words of several scripts stand side by side in real names.

use std::{collections::BTreeMap, sync::LazyLock};

use unicode_normalization::char::is_combining_mark;
use unicode_script::{Script, UnicodeScript as _};
use unicode_security::skeleton;

/// A letter that is taken for one of the script around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Disguise {
    /// The letter.
    pub letter: char,
    /// What it is taken for.
    pub like: char,
}

/// What a letter is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Letters {
    Of(Script),
    /// Latin letters as wide as a Han character, of Japanese names.
    FullWidth,
    /// Letters in the styles of mathematics.
    Mathematical,
}

impl Letters {
    fn of(character: char) -> Option<Self> {
        match character {
            '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}' => Some(Self::FullWidth),
            '\u{1d400}'..='\u{1d7ff}' => Some(Self::Mathematical),
            _ if !character.is_alphabetic() => None,
            _ => {
                let script = character.script();
                let is_one =
                    !matches!(script, Script::Common | Script::Inherited | Script::Unknown);
                is_one.then_some(Self::Of(script))
            }
        }
    }

    /// Scripts that words of Chinese, Japanese and Korean are written in together, also with Latin letters.
    fn is_of_the_east(self) -> bool {
        matches!(
            self,
            Self::Of(
                Script::Han
                    | Script::Hiragana
                    | Script::Katakana
                    | Script::Bopomofo
                    | Script::Hangul
            )
        )
    }
}

const LATIN: Letters = Letters::Of(Script::Latin);

/// The letters of a word, each with its offset.
type Word = Vec<(usize, char, Letters)>;

/// A letter that is to be another one: its offset, the letter, and the other one.
type Other = (usize, char, char);

/// The first letter in a text that is taken for one of the script around it.
pub(super) fn disguise(text: &str) -> Option<Disguise> {
    if text.is_ascii() {
        return None;
    }
    let first = |others: Vec<Other>| {
        let (_, letter, like) = *others.first()?;
        Some(Disguise { letter, like })
    };
    names(text).iter().find_map(|words| {
        let mixed = words.iter().find_map(|word| first(mixed_word(word)));
        mixed.or_else(|| first(disguised_words(words)))
    })
}

/// The text with each such letter replaced by what it is taken for.
pub(super) fn undisguised(text: &str) -> String {
    let mut others = Vec::new();
    for mut words in names(text) {
        for word in &mut words {
            let mixed = mixed_word(word);
            let mut remaining = mixed.iter().peekable();
            for (offset, letter, letters) in &mut *word {
                if let Some((_, _, like)) = remaining.next_if(|(at, ..)| at == offset) {
                    *letters = Letters::of(*like).unwrap_or(*letters);
                    *letter = *like;
                }
            }
            others.extend(mixed);
        }
        others.extend(disguised_words(&words));
    }
    others.sort_unstable_by_key(|(offset, ..)| *offset);
    let mut others = others.into_iter().peekable();
    let replaced = text.char_indices().map(|(offset, letter)| {
        let mut like = letter;
        while let Some((_, _, other)) = others.next_if(|(at, ..)| *at == offset) {
            like = other;
        }
        like
    });
    replaced.collect()
}

/// What stands between blanks and signs, each as its words: a dot or a digit joins words more closely than a hyphen.
fn names(text: &str) -> Vec<Vec<Word>> {
    let mut names = Vec::new();
    let mut words = vec![Word::new()];
    for (offset, character) in text.char_indices() {
        if let Some(letters) = Letters::of(character) {
            if let Some(word) = words.last_mut() {
                word.push((offset, character, letters));
            }
        } else if character == '.' || character.is_numeric() {
            words.push(Word::new());
        } else if !(is_combining_mark(character)
            || character.is_alphabetic()
            || matches!(character, '\u{200c}' | '\u{200d}'))
        {
            names.push(std::mem::replace(&mut words, vec![Word::new()]));
        }
    }
    names.push(words);
    names
}

/// The letters of other scripts within a word.
fn mixed_word(word: &Word) -> Vec<Other> {
    let mut counts: Vec<(Letters, usize)> = Vec::new();
    for (_, _, letters) in word {
        match counts.iter_mut().find(|(of, _)| of == letters) {
            Some((_, count)) => *count += 1,
            None => counts.push((*letters, 1)),
        }
    }
    // Of two as common, the first.
    let most = counts.iter().rev().max_by_key(|(_, count)| *count);
    let Some((most, _)) = most.filter(|_| counts.len() > 1 && !go_together(&counts)) else {
        return Vec::new();
    };
    let others = word.iter().filter(|(_, _, letters)| letters != most);
    others
        .filter_map(|(offset, letter, _)| Some((*offset, *letter, like(*letter, *most)?)))
        .collect()
}

/// Whether these letters stand in one word of the East.
fn go_together(counts: &[(Letters, usize)]) -> bool {
    let has = |wanted| counts.iter().any(|(letters, _)| *letters == wanted);
    let is_known = |letters: Letters| {
        letters.is_of_the_east() || letters == LATIN || letters == Letters::FullWidth
    };
    counts.iter().all(|(letters, _)| is_known(*letters)) && !(has(LATIN) && has(Letters::FullWidth))
}

/// The letters of whole words of another script that can be taken for Latin ones, joined to a Latin one by a dot or a
/// digit.
fn disguised_words(words: &[Word]) -> Vec<Other> {
    if !words.iter().flatten().any(|(_, _, letters)| *letters == LATIN) {
        return Vec::new();
    }
    let disguised = |word: &Word| -> Option<Vec<Other>> {
        let is_other =
            |letters| !matches!(letters, LATIN | Letters::FullWidth | Letters::Mathematical);
        let others = word.iter().map(|(offset, letter, letters)| {
            let like = like(*letter, LATIN).filter(|_| is_other(*letters))?;
            Some((*offset, *letter, like))
        });
        others.collect()
    };
    words.iter().filter_map(disguised).flatten().collect()
}

fn skeleton_of(letter: char) -> String {
    skeleton(letter.encode_utf8(&mut [0; 4])).collect()
}

/// The letter of this script that is taken for it.
fn like(letter: char, among: Letters) -> Option<char> {
    /// The first letter of each script for a skeleton, apart for capital and small letters.
    static ALPHABETS: LazyLock<BTreeMap<(String, bool, &str), char>> = LazyLock::new(|| {
        let mut first = BTreeMap::new();
        for letter in ('\u{370}'..='\u{1fff}').chain('\u{2c00}'..='\u{abff}') {
            if let Some(Letters::Of(script)) = Letters::of(letter) {
                let key = (skeleton_of(letter), letter.is_uppercase(), script.full_name());
                first.entry(key).or_insert(letter);
            }
        }
        first
    });
    match among {
        LATIN => {
            let own = skeleton_of(letter);
            let mut characters = own.chars();
            let like = characters.next().filter(char::is_ascii_alphanumeric)?;
            let is_one = characters.next().is_none();
            // `I` and `l` count as one.
            let like = if like == 'l' && letter.is_uppercase() { 'I' } else { like };
            is_one.then_some(like)
        }
        Letters::Of(script) => {
            let key = (skeleton_of(letter), letter.is_uppercase(), script.full_name());
            ALPHABETS.get(&key).copied()
        }
        Letters::FullWidth | Letters::Mathematical => {
            let wide = u32::from(letter).checked_add(0xfee0).and_then(char::from_u32);
            wide.filter(|_| letter.is_ascii_alphabetic() && among == Letters::FullWidth)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_several_scripts_is_a_name() {
        for name in [
            "IT-Служба",
            "M365-Администраторы",
            "M365Администраторы",
            "GDAP-Διαχειριστές",
            "HR/Персонал",
            "HR_Персонал",
            "HR & Персонал",
            "HR (Персонал)",
            "Петров-Smith",
            "Helpdesk Administrator",
            "Acme ООО",
            "Банк Acme",
            "Café Zürich",
            "東京 IT",
            "東京IT部",
            "ＮＴＴドコモ",
            "株式会社ＡＢＣ",
            "ＡＢＣ",
            "ＪＲ東日本",
            "삼성SDS",
            "微软Azure",
            "नमस्\u{200d}ते",
            "иван.петров@example.com",
            "анна@example.com",
            "jürgen.müller@exämple.de",
            "O’Connor",
            "Nguyễn Thị Minh",
            "Ωmega",
            "µTorrent",
            "ТЕСТ",
            "осень 2026",
            "مدير IT",
            "IT-צוות",
        ] {
            assert_eq!(disguise(name), None, "{name}");
            assert_eq!(undisguised(name), name);
        }
    }

    #[test]
    fn a_letter_of_another_script_in_a_word_is_told_with_the_word_in_one_script() {
        for (name, meant) in [
            ("Hеlpdesk", "Helpdesk"),
            ("IT-Hеlpdesk", "IT-Helpdesk"),
            ("Helpdesk Аdministrator", "Helpdesk Administrator"),
            ("pаypal", "paypal"),
            ("соmpany@example.com", "company@example.com"),
            ("сосо.com", "coco.com"),
            ("Ａcme", "Acme"),
            ("𝐀cme", "Acme"),
            ("Cлужба", "Служба"),
            ("Αdmin", "Admin"),
            ("Admin1а", "Admin1a"),
            ("Іnternet", "Internet"),
        ] {
            assert!(disguise(name).is_some(), "{name}");
            assert_eq!(undisguised(name), meant);
        }
    }

    #[test]
    fn a_long_text_is_judged_in_one_pass() {
        for (letters, meant) in
            [("a\u{430}", "aa"), ("Cлово ", "Слово "), ("\u{430}.a1", "a.a1"), ("сaд", "сад")]
        {
            let long = letters.repeat(100_000 / letters.len());
            assert!(disguise(&long).is_some(), "{letters}");
            let expected = meant.repeat(100_000 / letters.len());
            assert!(undisguised(&long) == expected, "{letters}");
        }
    }

    #[test]
    fn letters_that_are_taken_for_latin_ones_are_known() {
        let pairs = [
            ("аеорсухіјѕһԁԛԝӏАВЕКМНОРСТУХІЈЅҺЗ", "aeopcyxijshdqwlABEKMHOPCTYXIJSh3"),
            ("οινρυαΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "oivpuaABEZHIKMNOPTYX"),
            ("ոօսցհЅᎪᏴᏟᎬᎻᎫᏦᏞᎷᏢᏒᏚᎢᏙᎳᏃ", "nougsSABCEHJKLMPRSTVWZ"),
        ];
        let mut unknown = String::new();
        for (others, _) in pairs {
            unknown.extend(others.chars().filter(|other| like(*other, LATIN).is_none()));
        }
        assert_eq!(unknown, "");
    }
}
