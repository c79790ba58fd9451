//! What has to be asked of the service for a change to be made there.
//!
//! Never: a request that overwrites what was not looked at, or one that ends a relationship under which somebody holds
//! something.

use ecow::EcoString;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::read::RELATIONSHIPS;
use crate::{
    domain::{
        change::Effect,
        ids::{GranteeId, RoleId},
        state::{
            Flight, Grantee, Invitation,
            seen::{AssignmentStatus, SeenAssignment, SeenRelationship, ServiceId},
        },
    },
    store::Refusal,
};

/// One request that changes something at the service.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    pub method: Method,
    /// Below the version.
    pub path: String,
    /// The version of what is changed, where it has one.
    pub if_match: Option<EcoString>,
    pub body: Option<Value>,
    /// Whether it takes something away: then it goes before all others, and waits for no pace.
    pub takes_away: bool,
    /// What is cleared away before: an assignment that the service could not carry out, and that holds nothing.
    pub clears: Option<Box<Request>>,
}

impl Request {
    /// One that nothing guards, that gives, and that clears nothing away.
    fn new(method: Method, path: String, body: Option<Value>) -> Self {
        Self { method, path, if_match: None, body, takes_away: false, clears: None }
    }

    /// Deletes what stands at a path, in this version.
    fn delete(path: String, if_match: Option<EcoString>) -> Self {
        Self { if_match, ..Self::new(Method::DELETE, path, None) }
    }

    /// As one of a batch.
    pub fn of_batch(&self, id: usize) -> Value {
        let mut headers = Map::new();
        if let Some(version) = &self.if_match {
            headers.insert("If-Match".to_owned(), json!(version));
        }
        if self.body.is_some() {
            headers.insert("Content-Type".to_owned(), json!("application/json"));
        }
        let mut request =
            json!({"id": id.to_string(), "method": self.method.as_str(), "url": self.path});
        if !headers.is_empty() {
            request["headers"] = Value::Object(headers);
        }
        if let Some(body) = &self.body {
            request["body"] = body.clone();
        }
        request
    }
}

/// The request that makes a change of what was seen: nothing where there is none of it yet, for an invitation.
///
/// # Errors
///
/// Where what was seen is not what the change is about: it has to be planned again.
pub(super) fn request(
    effect: &Effect,
    seen: Option<&SeenRelationship>,
) -> Result<Request, Refusal> {
    if let Effect::Invite { invitation, .. } = effect {
        return Ok(invite(invitation));
    }
    let seen = seen.filter(|seen| seen.fault.is_none()).ok_or(Refusal::Stale)?;
    let of_it = format!("{RELATIONSHIPS}/{}", seen.id);
    let patch = |body: Value, takes_away| {
        let if_match = Some(seen.etag.clone().ok_or(Refusal::Stale)?);
        let patch = Request::new(Method::PATCH, of_it.clone(), Some(body));
        Ok(Request { if_match, takes_away, ..patch })
    };
    match effect {
        Effect::SetRoles { grantee, before, after } => {
            let wanted: Vec<RoleId> = after.roles.keys().copied().collect();
            let takes_away = wanted.iter().all(|role| before.roles.contains_key(role));
            assign(seen, grantee, &wanted, takes_away)
        }
        Effect::SetAutoExtend { before: _, after } => {
            patch(json!({"autoExtendDuration": after}), after.is_zero())
        }
        Effect::DropGlobalAdministrator { before: _, after } => {
            patch(json!({"accessDetails": details(after.iter())}), true)
        }
        Effect::Terminate { reason: _ } => {
            let mut held = assignments(seen)?.filter(|it| it.status.is_held());
            if held.any(|it| it.status.flight() != Flight::Leaving) {
                return Err(Refusal::Stale);
            }
            Ok(Request { takes_away: true, ..ask(&seen.id, "terminate") })
        }
        Effect::Invite { .. }
        | Effect::Adopt { .. }
        | Effect::Recognise { .. }
        | Effect::Authorise { .. }
        | Effect::Decline { .. }
        | Effect::Withdraw { .. }
        | Effect::Extend { .. }
        | Effect::Claim { .. }
        | Effect::SetPolicies { .. }
        | Effect::Rename { .. }
        | Effect::Expire { .. }
        | Effect::RecordAcceptance { .. }
        | Effect::SetBoundary { .. } => Err(Refusal::Stale),
    }
}

/// Takes a draft back that was never sent to the customer.
pub(super) fn take_back(seen: &SeenRelationship) -> Request {
    let delete = Request::delete(format!("{RELATIONSHIPS}/{}", seen.id), seen.etag.clone());
    Request { takes_away: true, ..delete }
}

/// Sends what was made to the customer: from then on it can be approved, and nothing takes it back.
pub(super) fn lock(id: &ServiceId) -> Request {
    ask(id, "lockForApproval")
}

fn ask(id: &ServiceId, action: &str) -> Request {
    let body = json!({"action": action});
    Request::new(Method::POST, format!("{RELATIONSHIPS}/{id}/requests"), Some(body))
}

fn invite(invitation: &Invitation) -> Request {
    let Invitation { customer, name, roles, duration, auto_extend, .. } = invitation;
    let mut body = json!({
        "displayName": name,
        "customer": {"tenantId": customer},
        "accessDetails": details(roles.iter()),
        "autoExtendDuration": auto_extend,
    });
    if let Some(duration) = duration {
        body["duration"] = json!(duration.duration());
    }
    Request::new(Method::POST, RELATIONSHIPS.to_owned(), Some(body))
}

fn details<'a>(roles: impl Iterator<Item = &'a RoleId>) -> Value {
    let roles: Vec<Value> = roles.map(|role| json!({"roleDefinitionId": role})).collect();
    json!({"unifiedRoles": roles})
}

fn assignments(seen: &SeenRelationship) -> Result<impl Iterator<Item = &SeenAssignment>, Refusal> {
    Ok(seen.assignments.as_ref().map_err(|_| Refusal::Stale)?.values())
}

/// One grantee has at most one assignment that is not gone: it is made, changed or taken away.
fn assign(
    seen: &SeenRelationship,
    grantee: &Grantee,
    wanted: &[RoleId],
    takes_away: bool,
) -> Result<Request, Refusal> {
    let all = seen.assignments.as_ref().map_err(|_| Refusal::Stale)?;
    let is_theirs = |it: &&SeenAssignment| it.grantee == grantee.id && it.status.is_held();
    let mut held = all.iter().filter(|(_, it)| is_theirs(it));
    let (first, more) = (held.next(), held.next().is_some());
    let of_it = format!("{RELATIONSHIPS}/{}/accessAssignments", seen.id);
    let Some((id, held)) = first else {
        if wanted.is_empty() {
            return Err(Refusal::Stale);
        }
        let body = json!({
            "accessContainer": container(grantee.id),
            "accessDetails": details(wanted.iter()),
        });
        let is_failed =
            |it: &&SeenAssignment| it.grantee == grantee.id && it.status == AssignmentStatus::Error;
        let failed = all.iter().find(|(_, it)| is_failed(it));
        let clears = failed
            .map(|(id, it)| Box::new(Request::delete(format!("{of_it}/{id}"), it.etag.clone())));
        return Ok(Request { clears, ..Request::new(Method::POST, of_it, Some(body)) });
    };
    if more {
        let why = "the service tells more than one assignment of this group: look at it in Partner Center";
        return Err(Refusal::Constraint(why.to_owned()));
    }
    let if_match = Some(held.etag.clone().ok_or(Refusal::Stale)?);
    let path = format!("{of_it}/{id}");
    if wanted.is_empty() {
        return Ok(Request { takes_away: true, ..Request::delete(path, if_match) });
    }
    let body = Some(json!({"accessDetails": details(wanted.iter())}));
    Ok(Request { if_match, takes_away, ..Request::new(Method::PATCH, path, body) })
}

fn container(group: GranteeId) -> Value {
    json!({"accessContainerId": group, "accessContainerType": "securityGroup"})
}
