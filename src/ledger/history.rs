//! What happened, entry by entry, in words.
//!
//! Never: an entry that is about what was asked for left out because it is not understood.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    replay::Until,
    told::{cause_in_words, reason_in_words},
    words::{Cited, NamedRole, grantee, plain, tenant},
};
use crate::domain::{
    entry::{Entry, Recorded},
    ids::{GranteeId, TenantId},
    plan::{Cause, Effect, Subject},
    state::{AcceptedText, RelationshipKey, Roles, Tenant},
};

/// Which entries are asked for: those that meet all that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// About this relationship, by the name of its first row or of any other.
    pub relationship: Option<String>,
    /// About this customer.
    pub customer: Option<TenantId>,
    /// About what this grantee holds.
    pub grantee: Option<GranteeId>,
}

/// Reads a ledger entry by entry and tells those that are asked for.
#[derive(Debug, Clone)]
pub struct History {
    filter: Filter,
    until: Until,
    first: BTreeMap<RelationshipKey, String>,
}

/// One entry in words.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// The entry.
    pub entry: Cited,
    /// What it is about.
    pub subject: String,
    /// The customer, where it is about one.
    pub customer: Option<Tenant>,
    /// What happened.
    pub said: Vec<String>,
}

impl History {
    /// What the filter asks for, up to an instant or to the end.
    pub fn new(filter: Filter, until: Until) -> Self {
        Self { filter, until, first: BTreeMap::new() }
    }

    /// The next entry in words, if it is asked for.
    pub fn push(&mut self, entry: &Entry) -> Option<Line> {
        if !self.until.admits(entry) {
            return None;
        }
        let recorded = Recorded::read(&entry.payload).ok();
        let subject = match &recorded {
            Some(recorded) => Some(recorded.subject.clone()),
            None => entry.payload.get("subject").and_then(|value| Subject::deserialize(value).ok()),
        };
        if let Some(Recorded { subject, effect: Effect::Invite { first, .. }, .. }) = &recorded
            && let Some(row) = &subject.relationship
        {
            self.first.insert(row.clone(), first.name.to_string());
        }
        self.admits(entry, subject.as_ref(), recorded.as_ref()).then(|| Line {
            entry: entry.into(),
            subject: entry.subject.clone(),
            customer: subject.map(|subject| subject.customer),
            said: match recorded.filter(|_| entry.kind.is_effect()) {
                Some(recorded) => effect_in_words(&recorded),
                None => payload_in_words(&entry.payload),
            },
        })
    }

    fn admits(
        &self,
        entry: &Entry,
        subject: Option<&Subject>,
        recorded: Option<&Recorded>,
    ) -> bool {
        let Filter { relationship, customer, grantee } = &self.filter;
        let row = subject.and_then(|subject| subject.relationship.as_ref());
        let named = |name: &String| {
            let of_row =
                |row: &RelationshipKey| row.name == *name || self.first.get(row) == Some(name);
            row.map_or(entry.subject == *name, of_row)
        };
        let of_customer = |id: &TenantId| subject.is_some_and(|subject| subject.customer.id == *id);
        let of_grantee = |id: &GranteeId| match recorded.map(|recorded| &recorded.effect) {
            Some(Effect::SetRoles { grantee, .. }) => grantee.id == *id,
            Some(_) => false,
            None => entry.payload.to_string().contains(&id.to_string()),
        };
        relationship.as_ref().is_none_or(named)
            && customer.as_ref().is_none_or(of_customer)
            && grantee.as_ref().is_none_or(of_grantee)
    }
}

fn effect_in_words(recorded: &Recorded) -> Vec<String> {
    let Recorded { change: _, cause, subject, effect, person: _ } = recorded;
    match effect {
        Effect::Invite { invitation, .. } => {
            let roles: Vec<_> =
                invitation.roles.iter().map(|role| NamedRole::from(*role).to_string()).collect();
            let mut said = vec![format!(
                "{} asks {} for {:?}; invitation {}",
                tenant(&subject.partner),
                tenant(&subject.customer),
                invitation.type_,
                invitation.digest(),
            )];
            said.extend(roles.into_iter().map(|role| format!("up to {role}")));
            said
        }
        Effect::Authorise { acceptance, ends_at } => {
            let end = ends_at.map_or_else(|| "no end".to_owned(), |end| format!("until {end}"));
            let (by, at) = (acceptance.accepted_by.role, acceptance.accepted_at);
            vec![format!("accepted by a declared {by:?} at {at}, {end}")]
        }
        Effect::Decline { acceptance } => {
            let (by, at) = (acceptance.accepted_by.role, acceptance.accepted_at);
            vec![format!("declined by a declared {by:?} at {at}")]
        }
        Effect::RecordAcceptance { acceptance } => {
            let Some(AcceptedText { type_, document, .. }) = &acceptance.agreement else {
                return vec!["accepted, without an agreement".to_owned()];
            };
            let (country, language) = (plain(&document.country), plain(&document.language));
            vec![format!("{type_:?} for {country} ({language}) accepted, text {}", document.sha256)]
        }
        Effect::SetRoles { grantee: who, before, after } => {
            let mut said = vec![if *cause == Cause::Declared {
                grantee(who)
            } else {
                format!("{}: {}", grantee(who), cause_in_words(*cause))
            }];
            said.extend(roles_in_words(&before.roles, &after.roles));
            said
        }
        Effect::Withdraw { reason } | Effect::Terminate { reason } => {
            vec![format!("ended: {}", reason_in_words(*reason))]
        }
        Effect::Expire { ended_at } => vec![format!("its time was over at {ended_at}")],
        Effect::Extend { before, after } => vec![format!("ends {before} => {after}")],
        Effect::SetAutoExtend { before, after } => {
            vec![format!("automatic extension {before} => {after}")]
        }
        Effect::DropGlobalAdministrator { .. } => {
            vec!["Global Administrator is no longer in the ceiling".to_owned()]
        }
        Effect::Claim { before: (before, _), after: (after, _) } => {
            vec![format!("owner {} => {}", plain(&before.to_string()), plain(&after.to_string()))]
        }
        Effect::SetPolicies { before, after } => {
            let named = [
                (
                    "deletion policy",
                    format!("{:?}", before.deletion),
                    format!("{:?}", after.deletion),
                ),
                (
                    "unmanaged access",
                    format!("{:?}", before.unmanaged),
                    format!("{:?}", after.unmanaged),
                ),
                (
                    "management policy",
                    format!("{:?}", before.management),
                    format!("{:?}", after.management),
                ),
            ];
            let changed = named.into_iter().filter(|(_, before, after)| before != after);
            changed.map(|(what, before, after)| format!("{what} {before} => {after}")).collect()
        }
    }
}

/// `- role`, `+ role until`, `role before => after`; what only takes away comes first.
fn roles_in_words(before: &Roles, after: &Roles) -> Vec<String> {
    let name = |role| NamedRole::from(role).to_string();
    let lost = before.keys().filter(|role| !after.contains_key(role));
    let mut said: Vec<_> = lost.map(|role| format!("- {}", name(*role))).collect();
    for (role, until) in after {
        match before.get(role) {
            None => said.push(format!("+ {} until {until}", name(*role))),
            Some(earlier) if earlier != until => {
                said.push(format!("~ {} until {earlier} => {until}", name(*role)));
            }
            Some(_) => {}
        }
    }
    said
}

/// What a payload says that is no effect: its texts and numbers, by name.
fn payload_in_words(payload: &Value) -> Vec<String> {
    match payload {
        Value::Object(fields) => {
            let simple = |value: &Value| match value {
                Value::String(text) => Some(plain(text)),
                Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
                Value::Null | Value::Array(_) | Value::Object(_) => None,
            };
            let said = fields.iter().filter_map(|(name, value)| {
                simple(value).map(|value| format!("{}: {value}", plain(name)))
            });
            said.collect()
        }
        Value::String(text) => vec![plain(text)],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => Vec::new(),
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entry, subject, customer, said } = self;
        write!(f, "{entry}\n  `{}`", plain(subject))?;
        customer.iter().try_for_each(|customer| write!(f, " in {}", tenant(customer)))?;
        said.iter().try_for_each(|line| write!(f, "\n    {line}"))?;
        writeln!(f)
    }
}
