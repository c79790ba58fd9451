//! The two sides of a YAML diff, made from the changes, and the diff itself.
//!
//! Never: a difference that no change makes.

use std::fmt::Write as _;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use similar::{ChangeTag, TextDiff};

use super::words;
use crate::{
    domain::{
        catalogue::Catalogue,
        change::{Change, Effect},
        state::{Assignment, Contribution, Grantee, Invitation, Policies, Roles},
    },
    render::{
        escape,
        style::{Paint, Style},
    },
};

/// One relationship before and after, only as far as it changes; `null` where there is nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Sides {
    /// Its name in the store, or what else the changes are about.
    pub name: String,
    /// Before.
    pub before: Value,
    /// After.
    pub after: Value,
}

/// A field by its path, before the first and after the last change of it.
type Fields = BTreeMap<Vec<String>, (Value, Value)>;

/// What the changes make different, by relationship.
pub fn sides<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Vec<Sides> {
    let mut rows: BTreeMap<String, Fields> = BTreeMap::new();
    for change in changes {
        let name = match &change.subject.relationship {
            Some(row) => row.name.to_string(),
            None => words::subject(change),
        };
        let fields = rows.entry(name).or_default();
        for (path, before, after) in differences(&change.effect) {
            let path = path.into_iter().collect();
            fields
                .entry(path)
                .and_modify(|field| field.1 = after.clone())
                .or_insert((before, after));
        }
    }
    rows.into_iter()
        .map(|(name, fields)| {
            let side = |of: fn(&(Value, Value)) -> &Value| {
                let mut document = Value::Null;
                for (path, field) in fields.iter().filter(|(_, field)| field.0 != field.1) {
                    if !of(field).is_null() {
                        put(&mut document, path, of(field).clone());
                    }
                }
                document
            };
            Sides { before: side(|field| &field.0), after: side(|field| &field.1), name }
        })
        .filter(|sides| sides.before != sides.after)
        .collect()
}

type Difference = (Vec<String>, Value, Value);

fn differences(effect: &Effect) -> Vec<Difference> {
    let field =
        |name: &str, before: Value, after: Value| vec![(vec![name.to_owned()], before, after)];
    match effect {
        Effect::Invite { invitation, asked: _, policies, first: _, number: _, uid: _ } => {
            invited(invitation, policies)
        }
        Effect::Adopt { invitation, asked: _, policies, first: _, number: _, uid: _, found } => {
            let mut fields = field("atMicrosoft", Value::Null, json!(found.at.id));
            fields.extend(invited(invitation, policies));
            let of_service = [
                ("lifecycle", json!(found.stands.lifecycle)),
                ("endsAt", json!(found.stands.ends_at)),
                ("autoExtendDuration", json!(found.auto_extend)),
                ("roles", names(&found.stands.ceiling)),
            ];
            for (name, after) in of_service {
                fields.retain(|(path, _, _)| path[0] != name);
                fields.extend(field(name, Value::Null, after));
            }
            fields
        }
        Effect::Recognise { before, after } => {
            let mut fields = field("lifecycle", json!(before.lifecycle), json!(after.lifecycle));
            fields.extend(field("endsAt", json!(before.ends_at), json!(after.ends_at)));
            fields.extend(field("roles", names(&before.ceiling), names(&after.ceiling)));
            fields
        }
        Effect::Authorise { acceptance: _, ends_at } => {
            let mut fields = field("lifecycle", json!("ApprovalPending"), json!("Active"));
            fields.extend(field("endsAt", Value::Null, json!(ends_at)));
            fields
        }
        Effect::Decline { acceptance: _ } | Effect::Withdraw { reason: _ } => {
            field("lifecycle", json!("ApprovalPending"), json!("Withdrawn"))
        }
        Effect::SetRoles { grantee, before, after } => held(grantee, before, after),
        Effect::SetAutoExtend { before, after } => {
            field("autoExtendDuration", json!(before), json!(after))
        }
        Effect::DropGlobalAdministrator { before, after } => {
            field("roles", names(before), names(after))
        }
        Effect::Extend { before, after } => field("endsAt", json!(before), json!(after)),
        Effect::Claim { before, after } => {
            let mut fields =
                field("owner", json!(before.0.to_string()), json!(after.0.to_string()));
            fields.extend(field("uid", json!(before.1), json!(after.1)));
            fields
        }
        Effect::SetPolicies { before, after } => policies_of(before)
            .into_iter()
            .zip(policies_of(after))
            .map(|((name, before), (_, after))| (vec![name.to_owned()], before, after))
            .collect(),
        Effect::Rename { before, after } => {
            let mut fields = field("partnerName", json!(before.partner), json!(after.partner));
            fields.extend(field("customerName", json!(before.customer), json!(after.customer)));
            fields
        }
        Effect::Terminate { reason: _ } => field("lifecycle", json!("Active"), json!("Terminated")),
        Effect::Expire { ended_at: _ } => field("lifecycle", json!("Active"), json!("Expired")),
        Effect::RecordAcceptance { acceptance } => field(
            "agreementAccepted",
            Value::Null,
            json!({ "at": acceptance.accepted_at, "content": acceptance.content }),
        ),
        // Told part by part in its line.
        Effect::SetBoundary { namespace: _, before: _, after: _ } => Vec::new(),
    }
}

fn invited(invitation: &Invitation, policies: &Policies) -> Vec<Difference> {
    let Invitation {
        partner,
        customer,
        type_,
        cloud,
        name: _,
        roles,
        duration,
        auto_extend,
        agreement: _,
        terms: _,
    } = invitation;
    let mut fields = vec![
        ("lifecycle", json!("ApprovalPending")),
        ("invitation", json!(invitation.digest())),
        ("partner", json!(partner)),
        ("customer", json!(customer)),
        ("type", json!(type_)),
        ("cloud", json!(cloud)),
        ("duration", json!(duration)),
        ("autoExtendDuration", json!(auto_extend)),
    ];
    if !roles.is_empty() {
        fields.push(("roles", names(roles)));
    }
    fields.extend(policies_of(policies));
    fields.into_iter().map(|(name, value)| (vec![name.to_owned()], Value::Null, value)).collect()
}

fn policies_of(policies: &Policies) -> [(&'static str, Value); 3] {
    let Policies { deletion, unmanaged, management } = policies;
    [
        ("deletionPolicy", json!(deletion)),
        ("unmanagedAssignments", json!(unmanaged)),
        ("managementPolicy", json!(management)),
    ]
}

fn held(grantee: &Grantee, before: &Assignment, after: &Assignment) -> Vec<Difference> {
    let who = words::grantee(grantee);
    let path = |name: &str| vec!["access".to_owned(), who.clone(), name.to_owned()];
    let of =
        |side: &Assignment| if side.roles.is_empty() { Value::Null } else { until(&side.roles) };
    if before.roles == after.roles {
        let grants = |side: &Assignment, other: &Assignment| -> Value {
            let all = side.contributions.iter();
            let differs =
                all.filter(|(object, given)| other.contributions.get(*object) != Some(*given));
            let told = differs.map(|(object, given)| (object.to_string(), grant(given)));
            let told: Map<String, Value> = told.collect();
            if told.is_empty() { Value::Null } else { Value::Object(told) }
        };
        return vec![(path("grants"), grants(before, after), grants(after, before))];
    }
    let grants = |side: &Assignment| {
        let names: Vec<String> = side.contributions.keys().map(ToString::to_string).collect();
        if names.is_empty() { Value::Null } else { json!(names) }
    };
    vec![(path("roles"), of(before), of(after)), (path("grants"), grants(before), grants(after))]
}

/// What one grant adds, with whatever explains it.
fn grant(given: &Contribution) -> Value {
    let Contribution { uid, roles, asked, window, deletion, justification } = given;
    json!({
        "uid": uid,
        "roles": names(roles),
        "asked": asked.words,
        "catalogue": asked.catalogue,
        "notBefore": window.not_before,
        "notAfter": window.not_after,
        "deletionPolicy": deletion,
        "justification": justification,
    })
}

fn until(roles: &Roles) -> Value {
    let named =
        roles.iter().map(|(role, until)| (Catalogue::compiled().name_of(*role), json!(until)));
    Value::Object(named.collect::<Map<_, _>>())
}

fn names<'a>(roles: impl IntoIterator<Item = &'a crate::domain::ids::RoleId>) -> Value {
    let catalogue = Catalogue::compiled();
    let mut names: Vec<String> = roles.into_iter().map(|role| catalogue.name_of(*role)).collect();
    names.sort();
    json!(names)
}

fn put(document: &mut Value, path: &[String], value: Value) {
    let Some((first, rest)) = path.split_first() else {
        *document = value;
        return;
    };
    if document.is_null() {
        *document = Value::Object(Map::new());
    }
    if let Value::Object(fields) = document {
        put(fields.entry(first.clone()).or_insert(Value::Null), rest, value);
    }
}

/// The unified diff of one relationship as YAML text; empty where nothing differs.
pub fn yaml_diff(name: &str, before: &str, after: &str, style: Style) -> String {
    if before == after {
        return String::new();
    }
    let diff = TextDiff::from_lines(before, after);
    let name = escape::visible(name);
    let mut text = style.paint(Paint::Strong, &format!("--- {name} in the store")) + "\n";
    text.push_str(&style.paint(Paint::Strong, &format!("+++ {name} as declared")));
    text.push('\n');
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        let _ = writeln!(text, "{}", hunk.header());
        for change in hunk.iter_changes() {
            let (sign, paint) = match change.tag() {
                ChangeTag::Equal => (" ", None),
                ChangeTag::Delete => ("-", Some(Paint::Loss)),
                ChangeTag::Insert => ("+", Some(Paint::Gain)),
            };
            let line = change.value().trim_end_matches('\n');
            let line = format!("{sign}{}", escape::visible(line));
            text.push_str(&paint.map_or(line.clone(), |paint| style.paint(paint, &line)));
            text.push('\n');
        }
    }
    text
}
