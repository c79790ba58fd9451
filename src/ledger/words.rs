//! What answers are made of: roles, entries and persons as they are cited.
//!
//! Never: a name without its id, or a name that can move the cursor.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::{
    catalogue::Catalogue,
    digest::Digest,
    entry::{Actor, ActorStanding, Entry, EntryKind},
    ids::RoleId,
    state::{Grantee, GranteeKind, Person, Tenant},
    visible::visible,
};

/// A role and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NamedRole {
    /// Its name; that of an unknown one is its id.
    pub name: String,
    /// Its template id.
    pub id: RoleId,
    /// Whether Microsoft labels it privileged; an unknown role counts as privileged.
    pub privileged: bool,
}

impl From<RoleId> for NamedRole {
    fn from(id: RoleId) -> Self {
        let catalogue = Catalogue::compiled();
        let privileged = catalogue.is_privileged(id);
        Self { name: catalogue.name_of(id), id, privileged }
    }
}

impl fmt::Display for NamedRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let privileged = if self.privileged { ", privileged" } else { "" };
        write!(f, "{} ({}{privileged})", self.name, self.id)
    }
}

/// An entry, as an answer cites it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cited {
    /// Its number.
    pub sequence: i64,
    /// Its hash.
    pub hash: Digest,
    /// When it was written.
    pub time: Timestamp,
    /// What it records.
    pub kind: EntryKind,
    /// Who did it.
    pub actor: Actor,
    /// The commit that it came from, where one was recorded.
    pub commit: Option<String>,
}

impl From<&Entry> for Cited {
    fn from(entry: &Entry) -> Self {
        Self {
            sequence: entry.sequence,
            hash: entry.hash,
            time: entry.time,
            kind: entry.kind,
            actor: entry.actor.clone(),
            commit: entry.intent.commit.clone(),
        }
    }
}

impl fmt::Display for Cited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sequence, hash, time, kind, actor, commit } = self;
        let standing = match actor.standing {
            ActorStanding::Authenticated => "authenticated",
            ActorStanding::Claimed => "claimed",
        };
        write!(f, "#{sequence} {time} {kind} by {} ({standing})", plain(&actor.name))?;
        if let Some(commit) = commit {
            write!(f, ", commit {}", plain(commit))?;
        }
        write!(f, ", hash {}", hash.short())
    }
}

/// Who accepted, as far as it is still known.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum AcceptedBy {
    /// This person.
    Person(Person),
    /// Somebody whose data was erased, or was not given to this program; the ledger holds this hash.
    NotKnown(Option<Digest>),
}

impl fmt::Display for AcceptedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(Person { first_name, last_name, email, phone_number: _, role: _ }) => {
                let name = format!("{first_name} {last_name}");
                write!(f, "{} <{}>", plain(&name), plain(email))
            }
            Self::NotKnown(Some(hash)) => {
                write!(f, "a person whose data is not here (record {})", hash.short())
            }
            Self::NotKnown(None) => f.write_str("a person who was not recorded"),
        }
    }
}

/// A tenant by name and id.
pub fn tenant(tenant: &Tenant) -> String {
    match &tenant.name {
        Some(name) => format!("{} (tenant {})", plain(name), tenant.id),
        None => format!("tenant {}", tenant.id),
    }
}

/// A grantee by name and id.
pub fn grantee(grantee: &Grantee) -> String {
    let kind = match grantee.kind {
        GranteeKind::SecurityGroup => "group",
        GranteeKind::CustomerUser => "user",
    };
    match &grantee.name {
        Some(name) => format!("{} ({kind} {})", plain(name), grantee.id),
        None => format!("{kind} {}", grantee.id),
    }
}

/// Free text with whatever cannot be seen, could move the cursor or turn the direction of writing spelled out.
pub fn plain(text: &str) -> String {
    visible(text).into_owned()
}

/// "not looked at: …", one thing a line.
pub(super) fn write_not_looked_at(f: &mut fmt::Formatter<'_>, list: &[String]) -> fmt::Result {
    writeln!(f, "\nnot looked at:")?;
    list.iter().try_for_each(|thing| writeln!(f, "  - {thing}"))
}

/// What to say of entries that another version has written.
pub(super) fn other_versions(entries: &[i64]) -> Option<String> {
    let numbers: Vec<_> = entries.iter().map(|number| format!("#{number}")).collect();
    let list = numbers.join(", ");
    (!numbers.is_empty()).then(|| format!("entries that another version has written: {list}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_of_a_name_is_told_that_cannot_be_seen_or_turns_what_follows() {
        for hidden in [
            '\u{61c}',
            '\u{ad}',
            '\u{2060}',
            '\u{2064}',
            '\u{200b}',
            '\u{202e}',
            '\u{2028}',
            '\u{feff}',
            '\u{e0041}',
            '\u{1b}',
            '\n',
        ] {
            let told = plain(&format!("Ada{hidden}Lovelace"));
            assert!(!told.contains(hidden) && told.contains('\\'), "{told:?}");
        }
        for name in ["Müller & Söhne", "日本支店", "क्\u{200d}ष"] {
            assert_eq!(plain(name), name);
        }
    }
}
