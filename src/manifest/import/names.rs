//! Names that objects, files and people can have here, from names that may hold anything.
//!
//! Never: a name that depends on the order in which things were read.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

use crate::{
    domain::{digest::Digest, visible::in_context},
    manifest::{
        explain::has_misread_sign,
        scripts::undisguised,
        text::{left_over, offence_in_value},
    },
};

/// No label of DNS is longer, nor the value of a label of Kubernetes.
pub(super) const LABEL: usize = 63;
/// No name of a relationship in the store is longer.
const STORE_NAME: usize = 44;
/// No name for people is longer.
const NAME: usize = 256;

/// A text as a label of DNS, cut to `longest`; empty where nothing of it can stand there.
pub(super) fn slug(text: &str, longest: usize) -> String {
    let mut slug = String::new();
    for letter in folded(text) {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    cut(&slug, longest).trim_matches('-').to_owned()
}

/// The letters of a text without their marks, some of them spelled out.
fn folded(text: &str) -> impl Iterator<Item = char> {
    text.nfkd().filter(|letter| !is_combining_mark(*letter)).flat_map(|letter| {
        let spelled: &[char] = match letter {
            'ß' | 'ẞ' => &['s', 's'],
            'æ' | 'Æ' => &['a', 'e'],
            'ø' | 'Ø' => &['o'],
            'ł' | 'Ł' => &['l'],
            'đ' | 'Đ' => &['d'],
            _ => return vec![letter],
        };
        spelled.to_vec()
    })
}

fn cut(text: &str, longest: usize) -> &str {
    text.char_indices().nth(longest).map_or(text, |(end, _)| &text[..end])
}

/// Whether a name says nothing but an id, as programs make them: a GUID, or one after `CIPP_` or `MLT_`.
pub(super) fn is_id_alone(name: &str) -> bool {
    let name = name.trim();
    let known = ["CIPP_", "MLT_"];
    let begins = |prefix: &&str| {
        name.get(..prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix))
    };
    let rest =
        known.iter().find(|prefix| begins(prefix)).map_or(name, |prefix| &name[prefix.len()..]);
    uuid::Uuid::try_parse(rest).is_ok()
}

/// A name for people that the schema and the reader of manifests take, as it is where they take it; nothing where nothing
/// of it is left.
pub(super) fn for_people(name: &str) -> Option<String> {
    if is_taken(name) {
        return Some(name.to_owned());
    }
    let seen: String = in_context(name)
        .filter_map(|(letter, hides)| match letter {
            _ if letter.is_whitespace() => Some(' '),
            _ if hides || letter.is_control() || letter == '\u{200b}' => None,
            _ => Some(letter),
        })
        .collect();
    let signs =
        |text: &str| text.replace(['$', '{', '}', '<', '>', '%', '#', '@', '[', ']', '_'], " ");
    let clean: [&dyn Fn(&str) -> String; 4] = [
        &|text| text.to_owned(),
        &|text| undisguised(text),
        &|text| signs(&undisguised(text)),
        &|text| signs(&folded(text).collect::<String>()).chars().filter(char::is_ascii).collect(),
    ];
    let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    clean
        .iter()
        .map(|clean| cut(&words(clean(&seen)), NAME).trim_end().to_owned())
        .find(|it| is_taken(it))
}

/// Whether a name can stand in a manifest as it is.
fn is_taken(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(char::is_whitespace)
        && name.chars().count() <= NAME
        && !name.chars().any(|letter| letter.is_control() || letter == '\u{200b}')
        && in_context(name).all(|(_, hides)| !hides)
        && offence_in_value(name).is_none()
        && !has_misread_sign(name)
        && left_over(name).is_none()
        && !name.starts_with("ENC[")
}

/// Whether it can be the name of a relationship in the store.
pub(super) fn is_store_name(name: &str) -> bool {
    let is_sign =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, ' ' | '_' | '-');
    name.len() <= STORE_NAME
        && name.chars().all(is_sign)
        && !name.trim().is_empty()
        && left_over(name).is_none()
}

/// The nearest name that a relationship can have in the store; nothing where nothing of it is left.
pub(super) fn store_name(name: &str) -> Option<String> {
    if is_store_name(name) {
        return Some(name.to_owned());
    }
    let letters: String = folded(name)
        .map(|letter| match letter {
            _ if letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-') => letter,
            _ => ' ',
        })
        .collect();
    let words = letters.split_whitespace().collect::<Vec<_>>().join(" ");
    let name = cut(&words, STORE_NAME).trim_end().to_owned();
    let plain = || name.trim_matches('_').to_owned();
    if is_store_name(&name) { Some(name) } else { Some(plain()).filter(|it| is_store_name(it)) }
}

/// A name that is wanted, and the id of what wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted<'a> {
    /// The name.
    pub name: String,
    /// What tells it from all others that may want the same.
    pub id: &'a str,
    /// Whether it keeps the name where nobody else has the same right to it.
    pub claim: Claim,
}

/// The right to a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// It has the name already.
    Has,
    /// It would have it.
    Wants,
}

/// How names of a sort are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// Names of objects: labels of DNS.
    Objects,
    /// Names in the store, which may not differ in blanks alone or in the case of letters: the service may not tell those
    /// apart.
    Store,
}

impl Sort {
    fn key(self, name: &str) -> String {
        match self {
            Self::Objects => name.to_owned(),
            Self::Store => {
                name.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase()
            }
        }
    }

    fn with(self, name: &str, digits: &str) -> String {
        let (longest, joint) = match self {
            Self::Objects => (LABEL, '-'),
            Self::Store => (STORE_NAME, '_'),
        };
        let name = cut(name, longest - digits.len() - 1).trim_end_matches(['-', ' ']);
        format!("{name}{joint}{digits}")
    }
}

/// The names, each once: of those that want the same each gets digits of its id, but for one that has it alone.
pub(super) fn apart(wanted: &[Wanted<'_>], sort: Sort) -> Vec<String> {
    let mut names: Vec<String> = wanted.iter().map(|wanted| wanted.name.clone()).collect();
    let mut rounds = vec![0_usize; wanted.len()];
    loop {
        let mut same: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (position, name) in names.iter().enumerate() {
            same.entry(sort.key(name)).or_default().push(position);
        }
        let mut changed = false;
        for positions in same.into_values().filter(|positions| positions.len() > 1) {
            let has = |position: &&usize| {
                wanted[**position].claim == Claim::Has && rounds[**position] == 0
            };
            let mut owners = positions.iter().filter(has);
            let owner = owners.next().filter(|_| owners.next().is_none()).copied();
            for position in positions.iter().copied().filter(|position| Some(*position) != owner) {
                let Wanted { name, id, .. } = &wanted[position];
                names[position] = sort.with(name, &digits(id, rounds[position]));
                rounds[position] += 1;
                changed = true;
            }
        }
        if !changed {
            return names;
        }
    }
}

/// Digits of an id: the first four, the first eight, and others after that.
pub(super) fn digits(id: &str, round: usize) -> String {
    let own = |number: usize| -> Option<String> {
        let digits: String = id.chars().filter(char::is_ascii_alphanumeric).take(number).collect();
        (digits.len() == number).then(|| digits.to_ascii_lowercase())
    };
    let known = match round {
        0 => own(4),
        1 => own(8),
        _ => None,
    };
    known.unwrap_or_else(|| {
        let digest = Digest::of_bytes(format!("{round} {id}").as_bytes());
        digest.to_string()[..8].to_owned()
    })
}

/// Names in the store that can stand beside each other: none that a successor of another would get.
pub(super) fn in_store(mut wanted: Vec<Wanted<'_>>) -> Vec<String> {
    loop {
        let names = apart(&wanted, Sort::Store);
        let all: BTreeSet<String> = names.iter().map(|name| Sort::Store.key(name)).collect();
        let mut changed = false;
        for (wanted, name) in wanted.iter_mut().zip(&names) {
            let is_taken = |first: &str| all.contains(&Sort::Store.key(first));
            if let Some((first, number)) = successor(name).filter(|(first, _)| is_taken(first)) {
                wanted.name = format!("{first}_{number}");
                wanted.claim = Claim::Wants;
                changed = true;
            }
        }
        if !changed {
            return names;
        }
    }
}

/// The name and number of `acme-2`, which a successor of `acme` would get.
fn successor(name: &str) -> Option<(&str, &str)> {
    let (first, number) = name.rsplit_once('-')?;
    let is_number = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    (is_number && !first.is_empty()).then_some((first, number))
}

/// The name of a file; some mean something else to a system, or to kustomize.
pub(super) fn file(slug: &str) -> String {
    let device = |name: &str| {
        let number = slug.strip_prefix(name).map(str::as_bytes);
        matches!(number, Some([b'0'..=b'9']))
    };
    let is_other = matches!(slug, "con" | "prn" | "aux" | "nul" | "kustomization")
        || device("com")
        || device("lpt");
    if is_other { format!("{slug}-customer") } else { slug.to_owned() }
}
