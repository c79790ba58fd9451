//! Several roles that somebody has written into one text, as a spreadsheet or a sentence lists them.
//!
//! Never: two roles for the name of one, in which `and` or a slash may stand.

use std::{collections::BTreeSet, sync::LazyLock};

use regex::Regex;

use super::{
    Catalogue,
    suggest::{Known, Meant},
};
use crate::api::tells_secret;

/// Nobody lists roles in a longer text.
const LONGEST: usize = 1_000;

/// The roles in a text.
pub(super) struct Several {
    /// Those of them that are known.
    pub roles: Vec<String>,
    /// What to write instead.
    pub help: String,
}

/// The roles, where a text names more than one.
pub(super) fn several(catalogue: &Catalogue, known: &Known, text: &str) -> Option<Several> {
    // A part of a secret no longer looks like one.
    if text.len() > LONGEST || tells_secret(text) {
        return None;
    }
    let parts = text.split([',', ';', '\n', '\t']).map(without_dash);
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    let (mut items, mut roles): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let mut are_all = true;
    for part in &parts {
        let named = named(catalogue, known, part);
        are_all &= named.is_some();
        roles.extend(named.iter().flatten().cloned());
        items.extend(named.unwrap_or_else(|| vec![(*part).to_owned()]));
    }
    for list in [&mut items, &mut roles] {
        let mut seen = BTreeSet::new();
        list.retain(|item| seen.insert(item.clone()));
    }
    if items.len() < 2 || roles.is_empty() || parts.len() < 2 && !are_all {
        return None;
    }
    let what = if are_all {
        format!("these are {} roles: write each as an item of its own", items.len())
    } else {
        "write each role as an item of its own".to_owned()
    };
    let items: Vec<String> = items.iter().map(|item| format!("`- {item}`")).collect();
    Some(Several { roles, help: format!("{what}: {}", items.join(", ")) })
}

/// A part of a list without the sign before it and a word that joins it to the others.
fn without_dash(part: &str) -> &str {
    let part = part.trim();
    let part = ["- ", "• ", "* ", "and ", "und ", "& "]
        .iter()
        .find_map(|sign| part.strip_prefix(sign))
        .unwrap_or(part);
    part.trim()
}

/// The roles that a text between two commas names: one, or some with a word between them, or none at all.
fn named(catalogue: &Catalogue, known: &Known, text: &str) -> Option<Vec<String>> {
    static BETWEEN: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)\s+(?:and|und|et|y|e|en|og|och|i|и|plus|[-–—])\s+|\s*[&/|+•·]\s*")
            .expect("it is a pattern")
    });
    let each = |parts: Vec<&str>| -> Option<Vec<String>> {
        parts.into_iter().map(|part| one(catalogue, known, part)).collect()
    };
    if let Some(roles) = exactly(catalogue, text) {
        return Some(roles);
    }
    let parts: Vec<&str> = BETWEEN.split(text).filter(|part| !part.is_empty()).collect();
    if parts.len() > 1
        && let Some(roles) = each(parts)
    {
        return Some(roles);
    }
    Some(vec![one(catalogue, known, text)?])
}

/// Roles that stand side by side, each by a name of its own.
fn exactly(catalogue: &Catalogue, text: &str) -> Option<Vec<String>> {
    if let Ok(role) = catalogue.find_exactly(text) {
        return Some(vec![role.name.to_owned()]);
    }
    text.match_indices(' ').find_map(|(at, _)| {
        let first = catalogue.find_exactly(&text[..at]).ok()?.name.to_owned();
        Some([vec![first], exactly(catalogue, text[at..].trim())?].concat())
    })
}

/// The one role that a text names or certainly means.
fn one(catalogue: &Catalogue, known: &Known, text: &str) -> Option<String> {
    if let Ok(role) = catalogue.find_exactly(text) {
        return Some(role.name.to_owned());
    }
    match known.meant(text, &catalogue.roles) {
        Meant::Roles(names) => <[String; 1]>::try_from(names).ok().map(|[name]| name),
        Meant::ShortFor(name, _) => Some(name.to_owned()),
        Meant::NoRole(_) => None,
    }
}
