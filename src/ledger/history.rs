//! What happened, entry by entry, in words.
//!
//! Never: an entry that is about what was asked for left out because it is not understood.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    replay::Until,
    told::{cause_in_words, reason_in_words},
    words::{AcceptedBy, Cited, NamedRole, grantee, plain, tenant},
};
use crate::{
    api::{AcceptanceDecision, AcceptorRole},
    domain::{
        change::{Cause, Effect, Subject},
        digest::Digest,
        entry::{Entry, EntryKind, Failed, Recorded, acceptance},
        ids::{GranteeId, TenantId},
        state::{
            AcceptedText, Found, Host, ObjectName, Person, Policies, RelationshipKey, Roles,
            Stands, Tenant,
        },
    },
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
    persons: BTreeMap<Digest, Person>,
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
    /// Who answered, where somebody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

/// That somebody accepted or declined.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Accepted or declined.
    pub decision: AcceptanceDecision,
    /// Who.
    pub by: AcceptedBy,
    /// In which role, as declared.
    pub declared_role: AcceptorRole,
    /// When, as declared.
    pub at: Timestamp,
    /// The customer's tenant.
    pub customer: TenantId,
    /// The partner's tenant.
    pub partner: TenantId,
    /// The text of the agreement, where one was accepted.
    pub agreement: Option<AcceptedText>,
    /// The digest of the invitation that was answered, where one was.
    pub invitation: Option<Digest>,
    /// The object that says so.
    pub object: ObjectName,
}

impl History {
    /// What the filter asks for, up to an instant or to the end.
    pub fn new(filter: Filter, until: Until) -> Self {
        Self { filter, until, persons: BTreeMap::new(), first: BTreeMap::new() }
    }

    /// The same with the persons that are known, by the hash that the ledger holds.
    #[must_use]
    pub fn knowing(self, persons: BTreeMap<Digest, Person>) -> Self {
        Self { persons, ..self }
    }

    /// Up to where entries counted.
    pub fn until(&self) -> Until {
        self.until
    }

    /// The next entry in words, if it is asked for.
    pub fn push(&mut self, entry: &Entry) -> Option<Line> {
        if !self.until.admits(entry) {
            return None;
        }
        let is_intended = entry.kind == EntryKind::Intended;
        let recorded = if is_intended {
            Recorded::intended(&entry.payload).ok()
        } else {
            Recorded::read(&entry.payload).ok()
        };
        let subject = match &recorded {
            Some(recorded) => Some(recorded.subject.clone()),
            None => entry.payload.get("subject").and_then(|value| Subject::deserialize(value).ok()),
        };
        if let Some(Recorded { subject, effect, .. }) = &recorded
            && let Some((first, _, _)) = effect.makes_row()
            && let Some(row) = &subject.relationship
        {
            self.first.insert(row.clone(), first.name.to_string());
        }
        self.admits(entry, subject.as_ref(), recorded.as_ref()).then(|| {
            let effect = recorded.filter(|_| entry.kind.is_effect() || is_intended);
            let answer = effect.as_ref().and_then(|recorded| self.answer(recorded));
            let mut said = match &effect {
                Some(recorded) => effect_in_words(recorded),
                None => match Failed::deserialize(&entry.payload) {
                    Ok(Failed { why, .. }) => vec![format!("not made: {}", plain(&why))],
                    Err(_) => payload_in_words(&entry.payload),
                },
            };
            if is_intended {
                said.insert(0, "to be made at Microsoft:".to_owned());
            }
            said.extend(answer.iter().map(ToString::to_string));
            Line {
                entry: entry.into(),
                subject: entry.subject.clone(),
                customer: subject.map(|subject| subject.customer),
                said,
                answer,
            }
        })
    }

    fn answer(&self, recorded: &Recorded) -> Option<Answer> {
        let acceptance = acceptance(&recorded.effect)?;
        let known = recorded.person.and_then(|hash| self.persons.get(&hash));
        let by = match known {
            Some(person) => AcceptedBy::Person(person.clone()),
            None => AcceptedBy::NotKnown(recorded.person),
        };
        Some(Answer {
            decision: acceptance.decision,
            by,
            declared_role: acceptance.accepted_by.role,
            at: acceptance.accepted_at,
            customer: acceptance.customer,
            partner: acceptance.partner,
            agreement: acceptance.agreement.clone(),
            invitation: acceptance.invitation,
            object: acceptance.object.clone(),
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

/// `Active until …`.
fn stands_in_words(stands: &Stands) -> String {
    let end = stands.ends_at.map(|end| format!(" until {end}")).unwrap_or_default();
    format!("{}{end}", plain(&stands.lifecycle.to_string()))
}

fn adopted(subject: &Subject, found: &Found) -> Vec<String> {
    let Found { at, name, stands, .. } = found;
    let host = match at.host {
        Host::Microsoft => "",
        Host::Other => ", at other hosts than Microsoft's",
    };
    vec![
        format!(
            "what {} has with {} already is taken over: `{}` ({}){host}",
            tenant(&subject.partner),
            tenant(&subject.customer),
            plain(name),
            plain(&at.id.0)
        ),
        stands_in_words(stands),
    ]
}

fn recognised(before: &Stands, after: &Stands) -> Vec<String> {
    let dropped = before.ceiling.difference(&after.ceiling);
    let (was, is) = (stands_in_words(before), stands_in_words(after));
    let mut said = vec![format!("seen at Microsoft: {was} => {is}")];
    said.extend(dropped.map(|role| format!("no longer up to {}", NamedRole::from(*role))));
    said
}

fn effect_in_words(recorded: &Recorded) -> Vec<String> {
    let Recorded { change: _, cause, subject, effect, person: _, made: _ } = recorded;
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
        Effect::Adopt { found, .. } => adopted(subject, found),
        Effect::Recognise { before, after } => recognised(before, after),
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
            let (by, at) = (acceptance.accepted_by.role, acceptance.accepted_at);
            vec![
                format!("{type_:?} for {country} ({language}) accepted, text {}", document.sha256),
                format!("accepted by a declared {by:?} at {at}"),
            ]
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
        Effect::SetBoundary { namespace, before, after } => {
            let earlier = before.as_ref().map(|before| format!("{} => ", plain(&before.name)));
            let mut said = vec![format!(
                "namespace {}: boundary {}{}",
                plain(namespace),
                earlier.unwrap_or_default(),
                plain(&after.name)
            )];
            let before = before.as_deref().cloned().unwrap_or_default();
            let differences = before.differences(after);
            said.extend(differences.iter().map(|difference| plain(&difference.to_string())));
            said
        }
        Effect::DropGlobalAdministrator { .. } => {
            vec!["Global Administrator is no longer in the ceiling".to_owned()]
        }
        Effect::Claim { before: (before, _), after: (after, _) } => {
            vec![format!("owner {} => {}", plain(&before.to_string()), plain(&after.to_string()))]
        }
        Effect::Rename { before, after } => {
            let name = |name: &Option<String>| {
                name.as_deref().map_or("no name".to_owned(), |name| format!("\"{}\"", plain(name)))
            };
            let named = [
                ("partner", &before.partner, &after.partner),
                ("customer", &before.customer, &after.customer),
            ];
            let changed = named.into_iter().filter(|(_, before, after)| before != after);
            let told = changed
                .map(|(who, before, after)| format!("{who} {} => {}", name(before), name(after)));
            told.collect()
        }
        Effect::SetPolicies { before, after } => policies_in_words(before, after),
    }
}

fn policies_in_words(before: &Policies, after: &Policies) -> Vec<String> {
    let named = [
        ("deletion policy", format!("{:?}", before.deletion), format!("{:?}", after.deletion)),
        ("unmanaged access", format!("{:?}", before.unmanaged), format!("{:?}", after.unmanaged)),
        (
            "management policy",
            format!("{:?}", before.management),
            format!("{:?}", after.management),
        ),
    ];
    let changed = named.into_iter().filter(|(_, before, after)| before != after);
    changed.map(|(what, before, after)| format!("{what} {before} => {after}")).collect()
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

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { by, object, invitation, .. } = self;
        write!(f, "by {by} (`{}`)", plain(&object.to_string()))?;
        invitation.iter().try_for_each(|digest| write!(f, "; invitation {digest}"))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entry, subject, customer, said, answer: _ } = self;
        write!(f, "{entry}\n  `{}`", plain(subject))?;
        customer.iter().try_for_each(|customer| write!(f, " in {}", tenant(customer)))?;
        said.iter().try_for_each(|line| write!(f, "\n    {line}"))?;
        writeln!(f)
    }
}
