//! One change in plain words: before it is made, and after.
//!
//! Never: two verbs for one thing, or words of the plan that the report does not use.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::{
    domain::{
        catalogue::Catalogue,
        change::{Approval, Cause, Change, Effect},
        duration::Duration,
        ids::RoleId,
        lifecycle::EndReason,
        limits::{Batch, Measure},
        partner_type::role_names,
        plan::{AccessChange, Awaited, AwaitedFor, RoleChange, Sent},
        state::{
            Acceptance, Assignment, Contribution, Found, Grantee, GranteeKind, Invitation, Names,
            NamespaceBoundary, Owner, Policies, Roles, Stands, Tenant, approval_link,
        },
    },
    render::{counted, escape},
};

/// Whether a change is still to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tense {
    /// It is to be made.
    Planned,
    /// It was made.
    Done,
}

/// What a change does to what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// Something comes.
    Adds,
    /// Something goes.
    Removes,
    /// Something becomes different.
    Alters,
}

impl Sign {
    /// The sign as it is printed.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Adds => "+",
            Self::Removes => "-",
            Self::Alters => "~",
        }
    }
}

/// What a change does, for the mark in front of it.
pub fn sign(effect: &Effect) -> Sign {
    match effect {
        Effect::Invite { .. }
        | Effect::Adopt { .. }
        | Effect::Authorise { .. }
        | Effect::RecordAcceptance { .. } => Sign::Adds,
        Effect::Decline { .. }
        | Effect::Withdraw { .. }
        | Effect::DropGlobalAdministrator { .. }
        | Effect::Terminate { .. }
        | Effect::Expire { .. } => Sign::Removes,
        Effect::SetRoles { .. }
        | Effect::SetAutoExtend { .. }
        | Effect::Extend { .. }
        | Effect::Claim { .. }
        | Effect::SetPolicies { .. }
        | Effect::Rename { .. }
        | Effect::Recognise { .. }
        | Effect::SetBoundary { .. } => Sign::Alters,
    }
}

/// A change in one line: which relationship, what is done, why, and whether it waits for a person.
pub fn line(change: &Change, tense: Tense) -> String {
    let mut text = format!("{}: {}", subject(change), what(change, tense));
    if let Some(cause) = cause(change) {
        let _ = write!(text, "; {cause}");
    }
    match change.approval {
        Approval::NotNeeded => {}
        Approval::RemovedOutside => text.push_str("; it restores what was removed outside"),
        Approval::NewCatalogue => text.push_str("; only because the catalogue is newer"),
    }
    text
}

/// What a change is about: a relationship, a namespace or a customer.
pub fn subject(change: &Change) -> String {
    match (&change.subject.relationship, &change.effect) {
        (Some(row), _) => escape::visible(&row.name).into_owned(),
        (None, Effect::SetBoundary { namespace, .. }) => {
            format!("namespace {}", escape::visible(namespace))
        }
        (None, _) => tenant("customer", &change.subject.customer),
    }
}

fn what(change: &Change, tense: Tense) -> String {
    let verb = |planned: &'static str, done: &'static str| match tense {
        Tense::Planned => planned,
        Tense::Done => done,
    };
    let customer = || tenant("customer", &change.subject.customer);
    match &change.effect {
        Effect::Invite { invitation, asked: _, policies: _, first: _, number: _, uid: _ } => {
            let verb = verb("invite", "invited");
            format!("{verb} {} for {}; needs 1 customer approval", customer(), proposal(invitation))
        }
        Effect::Adopt { found, .. } => {
            let row = change.subject.relationship.as_ref().map(|row| row.name.as_str());
            format!("{} {}", verb("adopt", "adopted"), adopted(found, row))
        }
        Effect::Recognise { before, after } => {
            let verb = verb("record", "recorded");
            format!("{verb} how it stands at Microsoft: {}", recognised(before, after))
        }
        Effect::Authorise { acceptance, ends_at } => {
            let end = ends_at.map_or("without an end".to_owned(), |end| format!("until {end}"));
            let verb = verb("authorise", "authorised");
            format!("{verb} by the customer's acceptance, {}, {end}", declared(acceptance))
        }
        Effect::Decline { acceptance } => {
            let verb = verb("record", "recorded");
            format!("{verb} that the customer declined, {}", declared(acceptance))
        }
        Effect::Withdraw { reason } => {
            let verb = verb("withdraw", "withdrew");
            format!("{verb} the invitation, {}", ended(*reason))
        }
        Effect::SetRoles { grantee: who, before, after } if before.roles == after.roles => {
            let verb = verb("record", "recorded");
            let explained = explained(before, after);
            if explained.is_empty() {
                return format!("{verb} the name of {}", grantee(who));
            }
            format!("{verb} what explains the roles of {}: {explained}", grantee(who))
        }
        Effect::SetRoles { grantee: who, before, after } => {
            let verb = verb("set", "set");
            format!("{verb} roles of {}: {}", grantee(who), roles(&before.roles, &after.roles))
        }
        Effect::SetAutoExtend { before, after } if before == after => {
            let verb = verb("turn", "turned");
            format!("{verb} automatic extension {} again, as others changed it", extension(*after))
        }
        Effect::SetAutoExtend { before, after } => {
            let verb = verb("set", "set");
            format!("{verb} automatic extension: {} => {}", extension(*before), extension(*after))
        }
        Effect::DropGlobalAdministrator { before, after } => {
            let verb = verb("drop", "dropped");
            let dropped: Vec<&RoleId> = before.difference(after).collect();
            format!("{verb} {} from the ceiling", role_names(dropped))
        }
        Effect::Extend { before, after } => {
            let verb = verb("extend", "extended");
            format!("{verb} its time: {before} => {after}")
        }
        Effect::Claim { before, after } if before.0 == after.0 => {
            let verb = verb("claim", "claimed");
            format!("{verb} the row: {} => {}", owner(before), owner(after))
        }
        Effect::Claim { before, after } => {
            let verb = verb("claim", "claimed");
            let (from, to) = (owner(before), owner(after));
            format!("{verb} the relationship from {from}, whose object is gone, for {to}")
        }
        Effect::SetPolicies { before, after } => {
            let verb = verb("record", "recorded");
            format!("{verb} policies: {}", policies(before, after))
        }
        Effect::Rename { before, after } => {
            let verb = verb("record", "recorded");
            format!("{verb} {}", names(before, after))
        }
        Effect::Terminate { reason } => {
            let verb = verb("terminate", "terminated");
            format!("{verb} the relationship with {}, {}", customer(), ended(*reason))
        }
        Effect::Expire { ended_at } => {
            let verb = verb("record", "recorded");
            format!("{verb} that it expired at {ended_at}")
        }
        Effect::RecordAcceptance { acceptance } => {
            let verb = verb("record", "recorded");
            format!("{verb} that the agreement was accepted, {}", declared(acceptance))
        }
        Effect::SetBoundary { namespace: _, before, after } => {
            let verb = verb("set", "set");
            format!("{verb} boundary: {}", boundary(before.as_deref(), after))
        }
    }
}

fn adopted(found: &Found, row: Option<&str>) -> String {
    let Found { at, name, stands, .. } = found;
    let called = if row == Some(name.as_str()) {
        String::new()
    } else {
        format!("as `{}`, ", escape::visible(name))
    };
    format!(
        "what stands at Microsoft already, {called}{}; nothing changes there ({})",
        stood(stands),
        escape::visible(&at.id.0)
    )
}

fn recognised(before: &Stands, after: &Stands) -> String {
    let dropped: Vec<&RoleId> = before.ceiling.difference(&after.ceiling).collect();
    let moved = format!("{} => {}", stood(before), stood(after));
    if dropped.is_empty() { moved } else { format!("{moved}, without {}", role_names(dropped)) }
}

/// `Active until …`.
fn stood(stands: &Stands) -> String {
    let stage = stands.lifecycle.to_string();
    let end = stands.ends_at.map(|end| format!(" until {end}")).unwrap_or_default();
    format!("{}{end}", escape::visible(&stage))
}

/// What becomes different of each grant behind the roles of one grantee.
fn explained(before: &Assignment, after: &Assignment) -> String {
    let mut told = Vec::new();
    for (object, given) in &before.contributions {
        let Some(then) = after.contributions.get(object) else {
            told.push(format!("`{object}` no more"));
            continue;
        };
        let Contribution { uid, roles, asked, window, deletion, justification } = &**given;
        let parts = [
            ("its object", *uid != then.uid),
            ("roles", *roles != then.roles),
            ("words", asked.words != then.asked.words),
            ("catalogue", asked.catalogue != then.asked.catalogue),
            ("window", *window != then.window),
            ("deletion policy", *deletion != then.deletion),
            ("justification", *justification != then.justification),
        ];
        let parts: Vec<&str> =
            parts.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect();
        if !parts.is_empty() {
            told.push(format!("{} of `{object}`", parts.join(", ")));
        }
    }
    let new =
        after.contributions.keys().filter(|object| !before.contributions.contains_key(*object));
    told.extend(new.map(|object| format!("`{object}` as well")));
    if before.recorded != after.recorded {
        told.push("what was given".to_owned());
    }
    told.join("; ")
}

/// What tenants are called, before and after.
fn names(before: &Names, after: &Names) -> String {
    let name = |name: &Option<String>| {
        let shown = name.as_deref().map(|name| format!("\"{}\"", escape::visible(name)));
        shown.unwrap_or_else(|| "none".to_owned())
    };
    let both = [
        ("partner", &before.partner, &after.partner),
        ("customer", &before.customer, &after.customer),
    ];
    let changed = both.into_iter().filter(|(_, before, after)| before != after);
    let told: Vec<String> = changed
        .map(|(who, before, after)| {
            format!("the name of the {who}: {} => {}", name(before), name(after))
        })
        .collect();
    told.join(", ")
}

/// The names of both, then each part that becomes different; from what holds without a boundary where it is the first.
fn boundary(before: Option<&NamespaceBoundary>, after: &NamespaceBoundary) -> String {
    let name = format!("`{}`", escape::visible(&after.name));
    let mut parts = vec![match before {
        None => format!("{name}, the first"),
        Some(before) if before.name == after.name => name,
        Some(before) => format!("`{}` => {name}", escape::visible(&before.name)),
    }];
    let before = before.cloned().unwrap_or_default();
    let differences = before.differences(after);
    let told = differences.iter().map(ToString::to_string);
    parts.extend(told.map(|difference| escape::visible(&difference).into_owned()));
    parts.join("; ")
}

fn cause(change: &Change) -> Option<&'static str> {
    match change.cause {
        // An end says why by itself.
        Cause::Declared | Cause::Answered => None,
        Cause::Expired => change.effect.roles_set().map(|_| "its time is over"),
        Cause::Deleted => {
            (!matches!(change.effect, Effect::Terminate { .. } | Effect::Withdraw { .. }))
                .then_some("its object was deleted")
        }
        Cause::Unmanaged => Some("nobody declared it"),
        Cause::Replaced => match change.effect {
            Effect::Invite { .. } => Some("it replaces what is active"),
            Effect::Terminate { .. } | Effect::Withdraw { .. } => None,
            Effect::Authorise { .. }
            | Effect::Decline { .. }
            | Effect::SetRoles { .. }
            | Effect::SetAutoExtend { .. }
            | Effect::DropGlobalAdministrator { .. }
            | Effect::Extend { .. }
            | Effect::Claim { .. }
            | Effect::SetPolicies { .. }
            | Effect::Rename { .. }
            | Effect::Expire { .. }
            | Effect::RecordAcceptance { .. }
            | Effect::Adopt { .. }
            | Effect::Recognise { .. }
            | Effect::SetBoundary { .. } => Some("a successor takes its place"),
        },
        Cause::Renewal => Some("it ends soon"),
    }
}

fn ended(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Deleted => "as its object was deleted",
        EndReason::Replaced => "as another takes its place",
        EndReason::Declined => "as the customer declined",
        EndReason::Lapsed => "as nobody answered in time",
        EndReason::Expired => "as its time is over",
    }
}

/// `GranularDelegatedAdmin, 2 roles, P365D`.
fn proposal(invitation: &Invitation) -> String {
    let mut text = format!("{:?}", invitation.type_);
    if !invitation.roles.is_empty() {
        let _ = write!(text, ", {}", counted(invitation.roles.len(), "role"));
    }
    if let Some(duration) = invitation.duration {
        let _ = write!(text, ", {duration}");
    }
    text
}

/// Who is declared to have answered, without the person's name, which only the ledger's side table holds.
fn declared(acceptance: &Acceptance) -> String {
    format!("declared as {:?} at {}", acceptance.accepted_by.role, acceptance.accepted_at)
}

fn roles(before: &Roles, after: &Roles) -> String {
    let catalogue = Catalogue::compiled();
    let mut parts = Vec::new();
    for (role, until) in before {
        let name = catalogue.name_of(*role);
        match after.get(role) {
            None => parts.push(format!("- {name}")),
            Some(later) if later != until => {
                parts.push(format!("~ {name} until {until} => {later}"));
            }
            Some(_) => {}
        }
    }
    for (role, until) in after.iter().filter(|(role, _)| !before.contains_key(role)) {
        parts.push(format!("+ {} until {until}", catalogue.name_of(*role)));
    }
    parts.join(", ")
}

fn extension(duration: Duration) -> String {
    if duration.is_zero() { "off".to_owned() } else { duration.to_string() }
}

fn owner((owner, uid): &(Owner, crate::domain::state::Uid)) -> String {
    let owner = owner.to_string();
    let owner = escape::visible(&owner);
    // Files have no UID: the name alone tells them apart.
    if *uid == crate::domain::state::Uid::of_file() {
        format!("`{owner}`")
    } else {
        format!("`{owner}` ({})", escape::visible(&uid.0))
    }
}

fn policies(before: &Policies, after: &Policies) -> String {
    let mut parts = Vec::new();
    let mut part = |name: &str, before: String, after: String| {
        if before != after {
            parts.push(format!("{name} {before} => {after}"));
        }
    };
    let Policies { deletion, unmanaged, management } = after;
    part("deletion", format!("{:?}", before.deletion), format!("{deletion:?}"));
    part("unmanaged assignments", format!("{:?}", before.unmanaged), format!("{unmanaged:?}"));
    part("management", format!("{:?}", before.management), format!("{management:?}"));
    parts.join(", ")
}

/// A tenant: its name where one was given, and always its id.
pub fn tenant(word: &str, tenant: &Tenant) -> String {
    match &tenant.name {
        Some(name) => format!("{word} {} {}", escape::quoted(name), tenant.id),
        None => format!("{word} {}", tenant.id),
    }
}

/// Whether a role is gained, lost or kept until another time.
pub fn role_sign(role: &RoleChange) -> Sign {
    match (role.before, role.after) {
        (None, _) => Sign::Adds,
        (Some(_), None) => Sign::Removes,
        (Some(_), Some(_)) => Sign::Alters,
    }
}

/// What one grantee gains and loses, on one line.
pub fn access(change: &AccessChange) -> String {
    let AccessChange { customer, partner, grantee: who, relationships, roles, .. } = change;
    let roles = roles.iter().map(|role| {
        let sign = role_sign(role);
        let privileged = if role.privileged { ", privileged" } else { "" };
        let until = until(role.before, role.after);
        format!("{} {} {until}{privileged}", sign.symbol(), role.name)
    });
    let names: Vec<_> = relationships.iter().map(|name| escape::visible(name)).collect();
    format!(
        "{}, {}, {}, through {}: {}",
        tenant("customer", customer),
        grantee(who),
        tenant("partner", partner),
        names.join(" and "),
        roles.collect::<Vec<_>>().join("; ")
    )
}

/// A grantee: what it is, its name where one was given, and always its id.
pub fn grantee(grantee: &Grantee) -> String {
    let word = match grantee.kind {
        GranteeKind::SecurityGroup => "security group",
        GranteeKind::CustomerUser => "customer user",
    };
    match &grantee.name {
        Some(name) => format!("{word} {} {}", escape::quoted(name), grantee.id),
        None => format!("{word} {}", grantee.id),
    }
}

/// Whose answer is awaited, and for what.
pub fn awaited(awaited: &Awaited, tense: Tense) -> String {
    let reason = match awaited.reason {
        AwaitedFor::Start => "to begin",
        AwaitedFor::Replacement => "to replace what is active",
        AwaitedFor::Renewal => "to renew what ends soon",
    };
    let sent = match (awaited.sent, tense) {
        (Sent::Now, Tense::Planned) => "is to be invited",
        (Sent::Now, Tense::Done) | (Sent::Before, _) => "was invited",
    };
    let cloud = awaited.relationship.cloud;
    let how = match awaited.at.as_ref().map(|at| (&at.id, approval_link(cloud, at))) {
        None => format!("accepts invitation {}", awaited.invitation),
        Some((_, Some(link))) => format!("approves at {}", escape::visible(&link)),
        Some((id, None)) => format!("approves `{}` at Microsoft", escape::visible(&id.0)),
    };
    format!(
        "{}: {} {sent}, {reason}; {how}",
        escape::visible(&awaited.relationship.name),
        tenant("customer", &awaited.customer),
    )
}

/// What a batch goes beyond, one line each.
pub fn exceeded(batch: &Batch) -> Vec<String> {
    let lines = batch.exceeded.iter().map(|(measure, total, allowed)| {
        let (one, many) = measured(*measure);
        let counted = format!("{total} {}", if *total == 1 { one } else { many });
        match measure {
            Measure::NeedApproval | Measure::EarlierBoundary | Measure::WiderBoundary => counted,
            Measure::Revocations
            | Measure::Terminations
            | Measure::PrivilegedGains
            | Measure::NewGrantees
            | Measure::Replacements => format!("{counted}, {allowed} allowed at once"),
        }
    });
    lines.collect()
}

fn measured(measure: Measure) -> (&'static str, &'static str) {
    match measure {
        Measure::Revocations => {
            ("assignment that loses something", "assignments that lose something")
        }
        Measure::Terminations => ("termination", "terminations"),
        Measure::PrivilegedGains => ("gain of a privileged role", "gains of a privileged role"),
        Measure::NewGrantees => {
            ("grantee that held nothing before", "grantees that held nothing before")
        }
        Measure::Replacements => ("replacement", "replacements"),
        Measure::NeedApproval => (
            "change that a person must approve in any case",
            "changes that a person must approve in any case",
        ),
        Measure::EarlierBoundary => (
            "change that the boundary did not admit so far",
            "changes that the boundary did not admit so far",
        ),
        Measure::WiderBoundary => (
            "boundary that becomes wider while something waits for that",
            "boundaries that become wider while something waits for that",
        ),
    }
}

/// Until when, or from when to when.
pub fn until(before: Option<Timestamp>, after: Option<Timestamp>) -> String {
    match (before, after) {
        (None, Some(after)) => format!("until {after}"),
        (Some(before), None) => format!("was until {before}"),
        (Some(before), Some(after)) => format!("until {before} => {after}"),
        (None, None) => String::new(),
    }
}
