//! The paths of Graph: from a call to what it does, and back to JSON.
//!
//! Never: an answer to somebody without the permission.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    body,
    call::{Answer, Call},
    query::{Query, Shape},
    refusal::Refusal,
    rules::{self, Match, Patched},
    wire::{self, Members},
    world::World,
};

/// Reads relationships.
pub const READ: &str = "DelegatedAdminRelationship.Read.All";
/// Reads and writes relationships.
pub const WRITE: &str = "DelegatedAdminRelationship.ReadWrite.All";
/// Reads groups.
pub const READ_GROUPS: &str = "Group.Read.All";

/// After how many seconds a caller is asked to look at an operation.
const LOOK_AFTER: &str = "10";

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The tenant of the token.
    pub tenant: String,
    /// The app.
    pub app: String,
    /// The permissions of the token.
    pub roles: Vec<String>,
}

impl Caller {
    fn has(&self, any: &[&str]) -> Result<(), Refusal> {
        let has = self.roles.iter().any(|role| any.contains(&role.as_str()));
        if has { Ok(()) } else { Err(Refusal::forbidden()) }
    }
}

const RELATIONSHIP: Shape = Shape {
    properties: &[
        "id",
        "displayName",
        "duration",
        "autoExtendDuration",
        "customer",
        "accessDetails",
        "status",
        "createdDateTime",
        "lastModifiedDateTime",
        "activatedDateTime",
        "endDateTime",
        "indirectProviderTenantId",
        "isPartnerConsentPending",
    ],
    filterable: &["status", "customer/tenantId"],
};
const ASSIGNMENT: Shape = Shape {
    properties: &[
        "id",
        "status",
        "createdDateTime",
        "lastModifiedDateTime",
        "accessContainer",
        "accessDetails",
    ],
    filterable: &["status"],
};
const REQUEST: Shape = Shape {
    properties: &["id", "action", "status", "createdDateTime", "lastModifiedDateTime"],
    filterable: &["status"],
};
const OPERATION: Shape = Shape {
    properties: &[
        "id",
        "operationType",
        "data",
        "status",
        "createdDateTime",
        "lastModifiedDateTime",
    ],
    filterable: &["status"],
};
const CUSTOMER: Shape =
    Shape { properties: &["id", "tenantId", "displayName"], filterable: &["tenantId"] };
const DETAILS: Shape =
    Shape { properties: &["id", "serviceName", "serviceManagementUrl"], filterable: &[] };
const GROUP: Shape = Shape {
    properties: &[
        "id",
        "displayName",
        "securityEnabled",
        "mailEnabled",
        "isAssignableToRole",
        "groupTypes",
        "membershipRule",
        "membershipRuleProcessingState",
        "createdDateTime",
    ],
    filterable: &[],
};

/// Answers a call. The path begins with the version.
pub fn answer(world: &mut World, call: &Call, caller: &Caller, now: Timestamp) -> Answer {
    let answered = if caller.tenant == world.partner {
        routed(world, call, caller, now)
    } else {
        // Another tenant has relationships of its own: none, and it makes none here.
        let mut other = World::new(&caller.tenant, 0);
        other.settings = world.settings.clone();
        only_get(call)
            .map_err(|_| Refusal::forbidden())
            .and_then(|()| routed(&mut other, call, caller, now))
    };
    let answer = answered.unwrap_or_else(Answer::from);
    if call.prefers_unknown() {
        return answer.with("Preference-Applied", "include-unknown-enum-members");
    }
    answer
}

fn routed(
    world: &mut World,
    call: &Call,
    caller: &Caller,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    if matches!(call.method.as_str(), "POST" | "PATCH") && !call.is_json() {
        return Err(Refusal::not_json());
    }
    let segments = call.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match &segments[1..] {
        ["tenantRelationships", "delegatedAdminRelationships", rest @ ..] => {
            permitted(call, caller)?;
            relationships(world, call, rest, now)
        }
        ["tenantRelationships", "delegatedAdminCustomers", rest @ ..] => {
            permitted(call, caller)?;
            customers(world, call, rest)
        }
        ["groups", id] => {
            caller.has(&[READ_GROUPS])?;
            only_get(call)?;
            group(world, call, id)
        }
        _ => Err(nothing_there(call)),
    }
}

fn permitted(call: &Call, caller: &Caller) -> Result<(), Refusal> {
    if call.method == "GET" { caller.has(&[READ, WRITE]) } else { caller.has(&[WRITE]) }
}

fn nothing_there(call: &Call) -> Refusal {
    let last = call.segments().pop().unwrap_or_default();
    Refusal {
        status: 400,
        code: "BadRequest",
        message: format!("Resource not found for the segment '{last}'."),
    }
}

fn only_get(call: &Call) -> Result<(), Refusal> {
    if call.method == "GET" { Ok(()) } else { Err(not_allowed(call)) }
}

fn not_allowed(call: &Call) -> Refusal {
    Refusal {
        status: 405,
        code: "methodNotAllowed",
        message: format!("{} is not allowed here.", call.method),
    }
}

fn members(call: &Call) -> Members {
    if call.prefers_unknown() { Members::All } else { Members::First }
}

fn context(call: &Call, what: &str) -> String {
    let version = call.segments().into_iter().next().unwrap_or_default();
    format!("{}/{version}/$metadata#{what}", call.origin())
}

/// Where something below a relationship is.
fn place(call: &Call, rest: &str) -> String {
    let version = call.segments().into_iter().next().unwrap_or_default();
    let origin = call.origin();
    format!("{origin}/{version}/tenantRelationships/delegatedAdminRelationships/{rest}")
}

fn one(call: &Call, shape: Shape, context: &str, value: Value) -> Result<Answer, Refusal> {
    let mut value = Query::read(call, shape)?.select(value);
    value["@odata.context"] = json!(context);
    Ok(Answer::json(200, value))
}

fn relationships(
    world: &mut World,
    call: &Call,
    rest: &[&str],
    now: Timestamp,
) -> Result<Answer, Refusal> {
    match (call.method.as_str(), rest) {
        ("GET", []) => {
            let query = Query::read(call, RELATIONSHIP)?;
            let keys = world.relationships.keys().map(String::as_str);
            let drawn =
                |id: &str| world.relationships.get(id).map(|it| wire::relationship(it, world));
            let context = context(call, "tenantRelationships/delegatedAdminRelationships");
            Ok(Answer::json(200, query.page(call, &context, keys, drawn)))
        }
        ("POST", []) => {
            let id = rules::create(world, &body::wish(&call.body)?, now)?;
            let value = wire::relationship(rules::relationship(world, &id)?, world);
            Ok(Answer::json(201, value).with("Location", place(call, &id)))
        }
        ("GET", [id]) => {
            let value = wire::relationship(rules::relationship(world, id)?, world);
            let context = context(call, "tenantRelationships/delegatedAdminRelationships/$entity");
            one(call, RELATIONSHIP, &context, value)
        }
        ("PATCH", [id]) => patch(world, call, id, now),
        ("DELETE", [id]) => {
            rules::delete(world, id, &given(call))?;
            Ok(Answer::empty(204))
        }
        (_, [id, "requests", rest @ ..]) => requests(world, call, id, rest, now),
        (_, [id, "accessAssignments", rest @ ..]) => assignments(world, call, id, rest, now),
        (_, [id, "operations", rest @ ..]) => operations(world, call, id, rest),
        (_, [] | [_]) => Err(not_allowed(call)),
        _ => Err(nothing_there(call)),
    }
}

fn given(call: &Call) -> Match {
    body::if_match(call.header("if-match"))
}

fn patch(world: &mut World, call: &Call, id: &str, now: Timestamp) -> Result<Answer, Refusal> {
    let wish = body::wish(&call.body)?;
    let patched = rules::patch(world, id, &given(call), &wish, now)?;
    let it = rules::relationship(world, id)?;
    match patched {
        Patched::Done => Ok(Answer::json(200, wire::relationship(it, world))),
        Patched::Operation(own) => Ok(Answer::empty(202)
            .with("Location", place(call, &format!("{}/operations/{own}", it.id)))
            .with("Retry-After", LOOK_AFTER)),
    }
}

fn requests(
    world: &mut World,
    call: &Call,
    id: &str,
    rest: &[&str],
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let members = members(call);
    match (call.method.as_str(), rest) {
        ("GET", []) => {
            let all = &rules::relationship(world, id)?.requests;
            list(call, REQUEST, id, "requests", all, |it| wire::request(it, members))
        }
        ("POST", []) => {
            let own = rules::request(world, id, body::action(&call.body)?, now)?;
            let it = rules::relationship(world, id)?;
            let value = it.requests.get(&own).map(|it| wire::request(it, members));
            let location = place(call, &format!("{}/requests/{own}", it.id));
            Ok(Answer::json(201, value.unwrap_or_default()).with("Location", location))
        }
        ("GET", [own]) => {
            let found = rules::relationship(world, id)?.requests.get(&own.to_lowercase());
            let found = found.ok_or_else(|| Refusal::missing("No request has this id."))?;
            let value = wire::request(found, members);
            one(call, REQUEST, &context(call, &below(id, "requests/$entity")), value)
        }
        (_, [] | [_]) => Err(not_allowed(call)),
        _ => Err(nothing_there(call)),
    }
}

fn below(id: &str, rest: &str) -> String {
    format!("tenantRelationships/delegatedAdminRelationships('{id}')/{rest}")
}

fn list<T>(
    call: &Call,
    shape: Shape,
    id: &str,
    what: &str,
    all: &BTreeMap<String, T>,
    drawn: impl Fn(&T) -> Value,
) -> Result<Answer, Refusal> {
    let query = Query::read(call, shape)?;
    let context = context(call, &below(id, what));
    let keys = all.keys().map(String::as_str);
    Ok(Answer::json(200, query.page(call, &context, keys, |own| all.get(own).map(&drawn))))
}

fn assignments(
    world: &mut World,
    call: &Call,
    id: &str,
    rest: &[&str],
    now: Timestamp,
) -> Result<Answer, Refusal> {
    match (call.method.as_str(), rest) {
        ("GET", []) => {
            let all = &rules::relationship(world, id)?.assignments;
            list(call, ASSIGNMENT, id, "accessAssignments", all, wire::assignment)
        }
        ("POST", []) => {
            let (group, roles) = body::assignment(&call.body)?;
            let own = rules::assign(world, id, &group, &roles, now)?;
            let value = wire::assignment(rules::assignment(world, id, &own)?);
            let id = &rules::relationship(world, id)?.id;
            let location = place(call, &format!("{id}/accessAssignments/{own}"));
            Ok(Answer::json(201, value).with("Location", location))
        }
        ("GET", [own]) => {
            let value = wire::assignment(rules::assignment(world, id, own)?);
            let context = context(call, &below(id, "accessAssignments/$entity"));
            one(call, ASSIGNMENT, &context, value)
        }
        ("PATCH", [own]) => reassign(world, call, id, own, now),
        ("DELETE", [own]) => {
            rules::unassign(world, id, own, &given(call), now)?;
            Ok(Answer::empty(204))
        }
        (_, [] | [_]) => Err(not_allowed(call)),
        _ => Err(nothing_there(call)),
    }
}

fn reassign(
    world: &mut World,
    call: &Call,
    id: &str,
    own: &str,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let (group, roles) = body::assignment_parts(&call.body)?;
    let roles = roles.ok_or_else(|| Refusal::bad("`accessDetails` is required."))?;
    let is = rules::assignment(world, id, own)?;
    if group.is_some_and(|group| group != is.group) {
        return Err(Refusal::bad("`accessContainer` cannot be changed."));
    }
    match rules::reassign(world, id, own, &given(call), &roles, now)? {
        Some(operation) => {
            let id = &rules::relationship(world, id)?.id;
            Ok(Answer::empty(202)
                .with("Location", place(call, &format!("{id}/operations/{operation}")))
                .with("Retry-After", LOOK_AFTER))
        }
        None => Ok(Answer::json(200, wire::assignment(rules::assignment(world, id, own)?))),
    }
}

fn operations(world: &World, call: &Call, id: &str, rest: &[&str]) -> Result<Answer, Refusal> {
    only_get(call)?;
    let members = members(call);
    let holder = rules::relationship(world, id)?;
    match rest {
        [] => {
            let all = &holder.operations;
            list(call, OPERATION, id, "operations", all, |it| wire::operation(it, members))
        }
        [own] => {
            let found = holder.operations.get(&own.to_lowercase());
            let found = found.ok_or_else(|| Refusal::missing("No operation has this id."))?;
            let value = wire::operation(found, members);
            one(call, OPERATION, &context(call, &below(id, "operations/$entity")), value)
        }
        _ => Err(nothing_there(call)),
    }
}

fn customers(world: &World, call: &Call, rest: &[&str]) -> Result<Answer, Refusal> {
    only_get(call)?;
    let all = world.customers();
    let known = |tenant: &str| {
        let found = all.get_key_value(tenant.to_lowercase().as_str());
        found.ok_or_else(|| Refusal::missing("No delegated admin customer has this id."))
    };
    match rest {
        [] => {
            let query = Query::read(call, CUSTOMER)?;
            let keys = all.keys().copied();
            let drawn = |id: &str| all.get(id).map(|name| wire::customer(id, *name));
            let context = context(call, "tenantRelationships/delegatedAdminCustomers");
            Ok(Answer::json(200, query.page(call, &context, keys, drawn)))
        }
        [tenant] => {
            let (id, name) = known(tenant)?;
            let context = context(call, "tenantRelationships/delegatedAdminCustomers/$entity");
            one(call, CUSTOMER, &context, wire::customer(id, *name))
        }
        [tenant, "serviceManagementDetails"] => {
            let (id, _) = known(tenant)?;
            let query = Query::read(call, DETAILS)?;
            let all = wire::service_details(id);
            let keys = all.iter().filter_map(|it| it["id"].as_str());
            let drawn = |own: &str| all.iter().find(|it| it["id"] == own).cloned();
            let what = format!(
                "tenantRelationships/delegatedAdminCustomers('{id}')/serviceManagementDetails"
            );
            Ok(Answer::json(200, query.page(call, &context(call, &what), keys, drawn)))
        }
        _ => Err(nothing_there(call)),
    }
}

fn group(world: &World, call: &Call, id: &str) -> Result<Answer, Refusal> {
    let id = id.to_lowercase();
    let found = world.groups.get(&id);
    let found = found.ok_or_else(|| Refusal {
        status: 404,
        code: "Request_ResourceNotFound",
        message: format!(
            "Resource '{id}' does not exist or one of its queried references is not present."
        ),
    })?;
    one(call, GROUP, &context(call, "groups/$entity"), wire::group(&id, found))
}
