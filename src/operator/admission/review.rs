//! Question → answer. Pure: the same question, objects and instant have the same answer.
//!
//! Never: a refusal that another object could mend, of what was as wrong before, or of what is on its way out.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::{
    answer::Answer,
    proof::{Proof, proof},
    proposed::Proposed,
    request::{Operation, Request},
    warnings::warnings,
};
use crate::{
    domain::{
        catalogue::Catalogue,
        change::Change,
        ids::{Kind, ObjectKey},
        plan::{AccessChange, Claimant, Notice, Plan, RoleChange, access_changes, plan},
        problem::{Problem, Severity},
        state::{Grantee, GranteeKind, Observed, RelationshipKey, Tenant},
        validate::{Objects, validate},
    },
    render::escape,
};

/// What is known besides the object.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    /// Everything that is planned together with the object, with the object laid over it ([`Proposed::lay_over`]).
    pub objects: Objects,
    /// What the store held of it when it was last read, if it was.
    pub observed: Option<Observed>,
    /// Who would write.
    pub claimant: Claimant,
}

/// Answers a question. `context` gives what is known besides the object; it is asked at most once, and not at all where
/// the object says enough.
pub fn review(
    request: &Request,
    context: impl FnOnce(&Proposed) -> Option<Context>,
    catalogue: &Catalogue,
    now: Timestamp,
) -> Answer {
    let mut answer = Answer {
        uid: request.uid.clone(),
        kind: request.kind,
        name: request.name.clone(),
        refused: Vec::new(),
        warnings: Vec::new(),
    };
    let Some(kind) = request.kind else {
        let line = format!("concordat knows no kind `{}`: it was not checked", request.named);
        answer.warnings = warnings(vec![line], Vec::new());
        return answer;
    };
    if !request.subresource.is_empty() {
        return answer;
    }
    let key = ObjectKey {
        kind,
        namespace: request.namespace.as_str().into(),
        name: request.name.as_str().into(),
    };
    match request.operation {
        Operation::Other => {}
        Operation::Delete => {
            if let Ok(gone) = Proposed::read(&key, &request.old_object) {
                let gone = gone.deleting();
                if let Some(context) = context(&gone) {
                    let told = answer_to(&gone, &context, catalogue, now);
                    answer.warnings = warnings(Vec::new(), told.access);
                }
            }
        }
        Operation::Update if is_left_alone(request) => {}
        Operation::Create | Operation::Update => match Proposed::read(&key, &request.object) {
            Err(problems) => answer.refused = problems,
            Ok(proposed) => {
                let found = proven(&proposed, catalogue, now);
                let known = match request.operation {
                    Operation::Update => known_before(&key, request, catalogue, now),
                    Operation::Create | Operation::Delete | Operation::Other => BTreeSet::new(),
                };
                answer.refused =
                    found.into_iter().filter(|problem| !known.contains(&words(problem))).collect();
                answer.name = proposed.key().name.to_string();
                answer.warnings = unproven(&proposed, &answer.refused, context, catalogue, now);
            }
        },
    }
    answer
}

/// Whether an update leaves the spec as it is, or the object is on its way out: so that finalizers can always go.
fn is_left_alone(request: &Request) -> bool {
    let goes = |object: &Value| !object["metadata"]["deletionTimestamp"].is_null();
    goes(&request.object)
        || goes(&request.old_object)
        || request.object["spec"] == request.old_object["spec"]
}

/// What the object alone proves to be wrong.
fn proven(proposed: &Proposed, catalogue: &Catalogue, now: Timestamp) -> Vec<Problem> {
    let mut problems = validate(&proposed.alone(), catalogue, now).problems;
    problems.retain(|problem| {
        problem.severity == Severity::Error && proof(problem.code) == Proof::OneObject
    });
    problems
}

/// What was as wrong before: somebody who suspends or shortens a grant is not kept from it by a newer catalogue.
fn known_before(
    key: &ObjectKey,
    request: &Request,
    catalogue: &Catalogue,
    now: Timestamp,
) -> BTreeSet<(u16, String, String)> {
    let Ok(before) = Proposed::read(key, &request.old_object) else { return BTreeSet::new() };
    proven(&before, catalogue, now).iter().map(words).collect()
}

fn words(problem: &Problem) -> (u16, String, String) {
    (problem.code.0, problem.path.to_string(), problem.message.clone())
}

/// Everything else that a person should know.
fn unproven(
    proposed: &Proposed,
    refused: &[Problem],
    context: impl FnOnce(&Proposed) -> Option<Context>,
    catalogue: &Catalogue,
    now: Timestamp,
) -> Vec<String> {
    if let Some(context) = context(proposed) {
        let mut told = answer_to(proposed, &context, catalogue, now);
        told.problems.retain(|problem| !refused.contains(problem));
        let own = proposed.key();
        let problems = told.problems.iter().map(|problem| line(problem, &own)).collect();
        return warnings(problems, told.access);
    }
    let mut problems = validate(&proposed.alone(), catalogue, now).problems;
    problems.retain(|problem| {
        // That another object is missing is not known here.
        proof(problem.code) == Proof::OneObject && !refused.contains(problem)
    });
    let own = proposed.key();
    let mut lines: Vec<_> = problems.iter().map(|problem| line(problem, &own)).collect();
    lines
        .push("only this object was checked: the operator does not know the others yet".to_owned());
    warnings(lines, Vec::new())
}

/// What all objects together say.
struct Told {
    problems: Vec<Problem>,
    access: Vec<String>,
}

/// Judges and plans all objects together. Problems of the object come first, then the errors of the others, then what
/// the plan says: nothing of other namespaces, whose objects and rows are not for whoever writes this one.
fn answer_to(
    proposed: &Proposed,
    context: &Context,
    catalogue: &Catalogue,
    now: Timestamp,
) -> Told {
    let verdict = validate(&context.objects, catalogue, now);
    let own = proposed.key();
    let (mut problems, others): (Vec<_>, Vec<_>) =
        verdict.problems.into_iter().partition(|problem| problem.object.as_ref() == Some(&own));
    let may_know = |object: &ObjectKey| {
        own.kind == Kind::PartnerBoundary
            || object.kind == Kind::PartnerBoundary
            || object.namespace == own.namespace
    };
    let is_told = |problem: &Problem| problem.object.as_ref().is_none_or(may_know);
    let others = others.into_iter().filter(is_told);
    problems.extend(others.filter(|problem| problem.severity == Severity::Error));
    let Some(observed) = &context.observed else { return Told { problems, access: Vec::new() } };
    let Plan {
        changes,
        notices,
        besides,
        now: _,
        awaited,
        valid_until: _,
        differs: _,
        governing: _,
        successors: _,
        ahead: _,
        adopted: _,
    } = plan(&verdict.desired, observed, &context.claimant);
    let worth = notices.iter().filter(|notice| notice.severity() != Severity::Notice);
    problems.extend(worth.map(Notice::problem).filter(is_told));
    let here = |change: &&Change| {
        own.kind == Kind::PartnerBoundary || change.subject.owner.object.namespace == own.namespace
    };
    let rows = observed.relationships.values().flatten();
    let theirs: BTreeSet<&RelationshipKey> = rows
        .filter(|row| row.owner.object.namespace != own.namespace)
        .map(|row| &row.key)
        .chain(changes.iter().filter(|change| !here(change)).filter_map(row_of))
        .collect();
    let is_own = |row: &RelationshipKey| own.kind == Kind::PartnerBoundary || !theirs.contains(row);
    let mut access = lines(&access_changes(changes.iter().filter(here), &besides.only(is_own)));
    let awaited = awaited.iter().filter(|awaited| {
        own.kind == Kind::PartnerBoundary || !theirs.contains(&awaited.relationship)
    });
    let asked = awaited.map(|awaited| {
        let name = escape::visible(&awaited.relationship.name);
        format!("`{name}` waits for customer `{}`", awaited.customer.id)
    });
    access.extend(asked);
    Told { problems, access }
}

fn row_of(change: &Change) -> Option<&RelationshipKey> {
    change.subject.relationship.as_ref()
}

fn line(problem: &Problem, own: &ObjectKey) -> String {
    let about = match &problem.object {
        Some(object) if object != own => format!("{object} "),
        Some(_) | None => String::new(),
    };
    let path = problem.path.to_string();
    let place = if path.is_empty() { String::new() } else { format!("{path}: ") };
    format!("{} {about}{place}{}", problem.code, problem.message)
}

/// Who gains and loses which role where: a line for the grantee, and one for each role. Ids come before names, which are
/// free text and may be cut.
fn lines(changes: &[AccessChange]) -> Vec<String> {
    let of = |change: &AccessChange| -> Vec<String> {
        let roles = change.roles.iter().map(role_line);
        std::iter::once(who_and_where(&change.grantee, &change.customer)).chain(roles).collect()
    };
    changes.iter().flat_map(of).collect()
}

fn who_and_where(grantee: &Grantee, customer: &Tenant) -> String {
    let sort = match grantee.kind {
        GranteeKind::SecurityGroup => "group",
        GranteeKind::CustomerUser => "user",
    };
    let names = [&grantee.name, &customer.name].into_iter().flatten();
    let names: Vec<_> = names.map(|name| escape::quoted(name)).collect();
    let names = if names.is_empty() { String::new() } else { format!(": {}", names.join(" at ")) };
    format!("{sort} {} at customer {}{names}", grantee.id, customer.id)
}

fn role_line(role: &RoleChange) -> String {
    let RoleChange { id: _, name, privileged, before, after } = role;
    let (sign, until) = match (before, after) {
        (_, None) => ("-", String::new()),
        (None, Some(after)) => ("+", format!(" until {after}")),
        (Some(_), Some(after)) => ("~", format!(" until {after}")),
    };
    let mark = if *privileged { ", privileged" } else { "" };
    format!("  {sign} {name}{until}{mark}")
}
