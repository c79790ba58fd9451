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
        let (method, path, body) = (Method::PATCH, of_it.clone(), Some(body));
        Ok(Request { method, path, if_match, body, takes_away, clears: None })
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
    Request {
        method: Method::DELETE,
        path: format!("{RELATIONSHIPS}/{}", seen.id),
        if_match: seen.etag.clone(),
        body: None,
        takes_away: true,
        clears: None,
    }
}

/// Sends what was made to the customer: from then on it can be approved, and nothing takes it back.
pub(super) fn lock(id: &ServiceId) -> Request {
    ask(id, "lockForApproval")
}

fn ask(id: &ServiceId, action: &str) -> Request {
    Request {
        method: Method::POST,
        path: format!("{RELATIONSHIPS}/{id}/requests"),
        if_match: None,
        body: Some(json!({"action": action})),
        takes_away: false,
        clears: None,
    }
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
    Request {
        method: Method::POST,
        path: RELATIONSHIPS.to_owned(),
        if_match: None,
        body: Some(body),
        takes_away: false,
        clears: None,
    }
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
        let clears = failed.map(|(id, it)| {
            Box::new(Request {
                method: Method::DELETE,
                path: format!("{of_it}/{id}"),
                if_match: it.etag.clone(),
                body: None,
                takes_away: false,
                clears: None,
            })
        });
        let (method, path, body) = (Method::POST, of_it, Some(body));
        return Ok(Request { method, path, if_match: None, body, takes_away: false, clears });
    };
    if more {
        let why = "the service tells more than one assignment of this group: look at it in Partner Center";
        return Err(Refusal::Constraint(why.to_owned()));
    }
    let if_match = Some(held.etag.clone().ok_or(Refusal::Stale)?);
    let path = format!("{of_it}/{id}");
    if wanted.is_empty() {
        let method = Method::DELETE;
        let (body, clears) = (None, None);
        return Ok(Request { method, path, if_match, body, takes_away: true, clears });
    }
    let body = Some(json!({"accessDetails": details(wanted.iter())}));
    Ok(Request { method: Method::PATCH, path, if_match, body, takes_away, clears: None })
}

fn container(group: GranteeId) -> Value {
    json!({"accessContainerId": group, "accessContainerType": "securityGroup"})
}
