//! Which object a name means, and which objects labels select. References never leave their namespace.
//!
//! Never: a scan of all objects for each name, save for the first few that mean nothing.

use std::collections::BTreeMap;

use super::{
    Object,
    findings::{Findings, Subject},
    has_all,
};
use crate::{
    api::PartnerRelationshipSpec,
    domain::{
        ids::Kind,
        problem::{Code, FieldPath},
    },
};

/// Two documents describe one object.
pub const DECLARED_TWICE: Code = Code(302);
/// `offerRef` means nothing.
pub const NO_SUCH_OFFER: Code = Code(303);
/// `relationshipRef` means nothing.
pub const NO_SUCH_RELATIONSHIP: Code = Code(304);
/// A selector selects nothing.
pub const NOTHING_SELECTED: Code = Code(305);

/// Names this alike are suggested.
const NEAR: f64 = 0.86;
/// For so many names that mean nothing a similar one is looked for; looking goes through all of them.
const LOOKED_FOR: usize = 100;

/// The objects in order of their names, each name once. One that is declared twice is told at each of its documents.
pub(super) fn sorted<'a, S>(
    (objects, flawed): (&'a [Object<S>], &'a [Object<S>]),
    kind: Kind,
    findings: &mut Findings<'_>,
) -> Vec<&'a Object<S>> {
    let mut sorted: Vec<&Object<S>> = objects.iter().chain(flawed).collect();
    sorted.sort_by_key(|object| (&object.name, object.source, &object.uid));
    for same in sorted.chunk_by(|one, other| one.name == other.name) {
        if let [_, _, ..] = same {
            for object in same {
                let about = object.subject(kind);
                if findings.is_told_twice(&about.key()) {
                    findings.mark(about);
                    continue;
                }
                let message = format!("`{}` is declared {}", about.key(), times(same.len()));
                let help = "keep one of them; two would take turns in being right";
                let path = FieldPath::root().field("metadata").field("name");
                findings.error(about, DECLARED_TWICE, path, message, help);
            }
        }
    }
    sorted.dedup_by(|later, first| later.name == first.name);
    sorted
}

fn times(count: usize) -> String {
    if count == 2 { "twice".to_owned() } else { format!("{count} times") }
}

/// Names of one kind, looked up by binary search.
pub(super) struct Names<'a, S> {
    kind: Kind,
    sorted: &'a [&'a Object<S>],
    missing: usize,
}

impl<'a, S> Names<'a, S> {
    /// `sorted` comes from [`sorted`].
    pub fn new(kind: Kind, sorted: &'a [&'a Object<S>]) -> Self {
        Self { kind, sorted, missing: 0 }
    }

    /// The position of the object with this name in this namespace.
    pub fn position(&self, namespace: &str, name: &str) -> Option<usize> {
        self.sorted
            .binary_search_by(|object| {
                (&*object.name.namespace, &*object.name.name).cmp(&(namespace, name))
            })
            .ok()
    }

    /// The object that a reference means, or a problem. Silent about one whose schema has spoken.
    pub fn find(
        &mut self,
        about: Subject<'_>,
        name: &str,
        path: FieldPath,
        findings: &mut Findings<'_>,
    ) -> Option<usize> {
        let namespace = &about.name.namespace;
        if let Some(position) = self.position(namespace, name) {
            return Some(position);
        }
        if findings.has_invalid(self.kind, namespace, name) || findings.has_unnamed(self.kind) {
            findings.mark(about);
            return None;
        }
        let (code, word) = match self.kind {
            Kind::PartnerOffer => (NO_SUCH_OFFER, "offer"),
            Kind::PartnerRelationship
            | Kind::RoleGrant
            | Kind::AgreementAcceptance
            | Kind::PartnerBoundary => (NO_SUCH_RELATIONSHIP, "relationship"),
        };
        let message = format!("no {word} is called `{name}` in namespace `{namespace}`");
        let help = self.way_out(namespace, name, word);
        findings.error(about, code, path, message, help);
        None
    }

    fn way_out(&mut self, namespace: &str, name: &str, word: &str) -> String {
        self.missing += 1;
        if self.missing > LOOKED_FOR {
            return format!("declare the {word} in the same namespace");
        }
        let mut best: Option<(f64, &str)> = None;
        let (mut elsewhere, mut renamed) = (None, None);
        for object in self.sorted {
            if object.name.namespace == namespace {
                if is_renamed(name, &object.name.name) {
                    let shorter = |other: &&str| other.len() <= object.name.name.len();
                    renamed = renamed.filter(shorter).or(Some(&*object.name.name));
                }
                let likeness = strsim::jaro_winkler(name, &object.name.name);
                if likeness >= NEAR && best.is_none_or(|(most, _)| likeness > most) {
                    best = Some((likeness, &object.name.name));
                }
            } else if object.name.name == name {
                elsewhere = Some(&object.name.namespace);
            }
        }
        if let Some(renamed) = renamed {
            return format!(
                "there is `{renamed}`: where `namePrefix` or `nameSuffix` of kustomize made that of `{name}`, the \
                 references follow with the `configurations` of `examples/gitops`; otherwise write `{renamed}`"
            );
        }
        match (best, elsewhere) {
            (Some((_, near)), _) => format!("did you mean `{near}`?"),
            (None, Some(elsewhere)) => format!(
                "there is one in namespace `{elsewhere}`, and references never leave their namespace"
            ),
            (None, None) => format!("declare the {word} in the same namespace"),
        }
    }
}

/// Whether a name is another one with something before or after it, as kustomize makes of names.
fn is_renamed(name: &str, longer: &str) -> bool {
    let is_joint = |rest: &str, joint: Option<char>| {
        !rest.is_empty() && joint.is_some_and(|joint| !joint.is_alphanumeric())
    };
    let mut around =
        longer.match_indices(name).map(|(at, _)| (&longer[..at], &longer[at + name.len()..]));
    !name.is_empty()
        && longer.len() > name.len()
        && around.any(|(prefix, suffix)| {
            let before = prefix.is_empty() || is_joint(prefix, prefix.chars().next_back());
            before && (suffix.is_empty() || is_joint(suffix, suffix.chars().next()))
        })
}

/// Relationships by their labels.
pub(super) struct Labels<'a> {
    by_label: BTreeMap<(&'a str, &'a str, &'a str), Vec<usize>>,
    relationships: &'a [&'a Object<PartnerRelationshipSpec>],
}

impl<'a> Labels<'a> {
    /// The index of these relationships.
    pub fn new(relationships: &'a [&'a Object<PartnerRelationshipSpec>]) -> Self {
        let mut by_label: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (position, object) in relationships.iter().enumerate() {
            for (label, value) in &object.labels {
                let key = (&*object.name.namespace, &**label, &**value);
                by_label.entry(key).or_default().push(position);
            }
        }
        Self { by_label, relationships }
    }

    /// The relationships of a namespace that have all these labels. No label selects nothing.
    pub fn select(&self, namespace: &str, labels: &BTreeMap<String, String>) -> Vec<usize> {
        let lists =
            labels.iter().map(|(label, value)| self.by_label.get(&(namespace, &**label, &**value)));
        let Some(lists) = lists.collect::<Option<Vec<_>>>() else { return Vec::new() };
        let Some(shortest) = lists.into_iter().min_by_key(|list| list.len()) else {
            return Vec::new();
        };
        let has_all = |position: &&usize| has_all(&self.relationships[**position].labels, labels);
        shortest.iter().filter(has_all).copied().collect()
    }
}

#[cfg(test)]
mod tests;
