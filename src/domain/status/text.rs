//! Texts of conditions and summaries: problems, changes and lists in plain words.
//!
//! Never: a countdown, a person's name, or a list without an end.

use crate::domain::{
    catalogue::Catalogue,
    change::{Approval, Change, Effect},
    enumeration::{counted, quoted},
    partner_type::role_names,
    plan::{Besides, Notice, access_changes},
    problem::Problem,
    state::{Grantee, GranteeKind},
};

/// The longest text in characters, well below what the schema of `field::observed_text` holds.
pub(super) const LONGEST: usize = 4_096;
/// Of a list, that many items are told.
const TOLD: usize = 10;

/// A text that is not longer than [`LONGEST`].
pub(super) fn cut(text: String) -> String {
    cut_to(text, LONGEST)
}

/// A text of at most so many characters; where it was longer it ends in an ellipsis.
pub(super) fn cut_to(mut text: String, longest: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(longest) {
        let keep = text[..end].char_indices().next_back().map_or(0, |(start, _)| start);
        text.truncate(keep);
        text.push('…');
    }
    text
}

/// The first items of a list, and how many more there are.
pub(super) fn list(items: impl IntoIterator<Item = String>) -> String {
    let mut items = items.into_iter();
    let mut told: Vec<String> = items.by_ref().take(TOLD).collect();
    let more = items.count();
    if more > 0 {
        told.push(format!("and {more} more"));
    }
    told.join("; ")
}

/// Problems in one text: the field, what is wrong, the way out and the code.
pub(super) fn problems<'a>(problems: impl IntoIterator<Item = &'a Problem>) -> String {
    let mut problems: Vec<&Problem> = problems.into_iter().collect();
    problems.sort_by_key(|problem| (&problem.path, problem.code, &problem.message, &problem.help));
    problems.dedup();
    list(problems.into_iter().map(problem))
}

/// What the planner tells, in the same form.
pub(super) fn notices<'a>(notices: impl IntoIterator<Item = &'a Notice>) -> String {
    let told: Vec<Problem> = notices.into_iter().map(Notice::problem).collect();
    problems(&told)
}

fn problem(problem: &Problem) -> String {
    let path = problem.path.to_string();
    let place = if path.is_empty() { path } else { format!("{path}: ") };
    let help = problem.help.as_ref().map(|help| format!("{help}; ")).unwrap_or_default();
    format!("{place}{} ({help}{})", problem.message, problem.code)
}

/// What changes mean, in one text: how many they are, what happens to relationships, who gains and who loses what.
pub(super) fn changes(changes: &[&Change]) -> String {
    let count = counted(changes.len(), "change");
    let deeds = changes.iter().filter_map(|change| deed(change));
    let access = access_changes(changes.iter().copied(), &Besides::default());
    let access = access.iter().map(|change| {
        let gained = change.roles.iter().filter(|role| role.before.is_none());
        let lost = change.roles.iter().filter(|role| role.after.is_none());
        let other = change.roles.iter().filter_map(|role| Some((role, role.before?, role.after?)));
        let gained = gained.map(|role| format!("gains `{}`", role.name));
        let lost = lost.map(|role| format!("loses `{}`", role.name));
        let other = other.map(|(role, _, after)| format!("holds `{}` until {after}", role.name));
        let told: Vec<String> = lost.chain(gained).chain(other).collect();
        format!("{} {}", grantee(&change.grantee), told.join(", "))
    });
    let told = list(deeds.chain(access));
    if told.is_empty() { count } else { format!("{count}: {told}") }
}

/// What a change does to a relationship; nothing where it sets roles.
fn deed(change: &Change) -> Option<String> {
    let row = change.subject.relationship.as_ref().map(quoted).unwrap_or_default();
    let what = match &change.effect {
        Effect::SetRoles { grantee: who, before, after } => {
            if before.roles != after.roles {
                return None;
            }
            format!("record what explains the roles of {} under {row}", grantee(who))
        }
        Effect::Invite { invitation, .. } => {
            format!("invite customer `{}` as {row}", invitation.customer)
        }
        Effect::Adopt { found, .. } => {
            format!("adopt `{}` at Microsoft as {row}", cut_to(found.at.id.to_string(), 128))
        }
        Effect::Recognise { after, .. } => {
            format!("record that {row} is `{}` at Microsoft", after.lifecycle)
        }
        Effect::Authorise { .. } => format!("authorise {row} by the customer's acceptance"),
        Effect::Decline { .. } => format!("record that the customer declined {row}"),
        Effect::Withdraw { .. } => format!("withdraw the invitation {row}"),
        Effect::SetAutoExtend { after, .. } => {
            format!("set the automatic extension of {row} to {after}")
        }
        Effect::DropGlobalAdministrator { before, after } => {
            format!("drop {} from the ceiling of {row}", role_names(before.difference(after)))
        }
        Effect::Extend { after, .. } => format!("extend {row} until {after}"),
        Effect::Claim { before: (from, _), after: (owner, _) } if from != owner => {
            format!("claim {row} from `{from}` for `{owner}`")
        }
        Effect::Claim { after: (owner, _), .. } => format!("claim {row} for `{owner}`"),
        Effect::SetPolicies { .. } => format!("record the policies of {row}"),
        Effect::Rename { .. } => format!("record the names of the tenants of {row}"),
        Effect::Terminate { .. } => format!("terminate {row}"),
        Effect::Expire { ended_at } => format!("record that {row} expired at {ended_at}"),
        Effect::RecordAcceptance { .. } => "record that the agreement was accepted".to_owned(),
        Effect::SetBoundary { namespace, after, .. } => {
            format!("bound namespace `{namespace}` by `{}`", after.name)
        }
    };
    Some(match change.approval {
        Approval::NotNeeded => what,
        Approval::RemovedOutside => format!("{what}, to restore what was removed outside"),
        Approval::NewCatalogue => format!("{what}, only because the catalogue is newer"),
    })
}

/// A grantee by its id. Names are free text.
pub(super) fn grantee(grantee: &Grantee) -> String {
    grantee_id(grantee.kind, &grantee.id.to_string())
}

pub(super) fn grantee_id(kind: GranteeKind, id: &str) -> String {
    match kind {
        GranteeKind::SecurityGroup => format!("group `{id}`"),
        GranteeKind::CustomerUser => format!("user `{id}`"),
    }
}

/// The name of a role as a status holds it.
pub(super) fn role_name(role: crate::domain::ids::RoleId) -> String {
    cut_to(Catalogue::compiled().name_of(role), 128)
}
