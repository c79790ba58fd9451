//! What the world looks like in JSON, as Graph writes it.
//!
//! Never: a property that Microsoft's metadata does not have, or a value that is newer than the caller can read.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    settings::{Habits, ZeroExtension},
    world::{Action, Aim, Assignment, Extension, Group, Operation, Relationship, Request, World},
};

/// Which values of enumerations the caller can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Members {
    /// Those that were there from the beginning; others are `unknownFutureValue`.
    First,
    /// All: the caller has said so.
    All,
}

/// An etag, as the service writes it.
pub fn etag(number: u64) -> String {
    let inner = format!("\"{:08x}-0000-0200-0000-{:012x}\"", number & 0xffff_ffff, number);
    format!("W/\"{}\"", STANDARD.encode(inner))
}

/// An error, in the form of `OData`.
pub fn error(code: &str, message: &str) -> Value {
    json!({"error": {"code": code, "message": message}})
}

fn instant(when: Timestamp) -> Value {
    Value::String(when.strftime("%Y-%m-%dT%H:%M:%S%.7fZ").to_string())
}

fn instant_or_null(when: Option<Timestamp>) -> Value {
    when.map_or(Value::Null, instant)
}

fn roles<'a>(ids: impl IntoIterator<Item = &'a String>) -> Value {
    let roles: Vec<Value> = ids.into_iter().map(|id| json!({"roleDefinitionId": id})).collect();
    json!({"unifiedRoles": roles})
}

/// A relationship.
pub fn relationship(it: &Relationship, world: &World) -> Value {
    let customer = it.customer.as_ref().map(|tenant| {
        let name = world.tenants.get(tenant).map_or(Value::Null, |name| json!(name));
        // A tenant is looked up when somebody there has agreed.
        let name = if it.approved { name } else { Value::Null };
        json!({"tenantId": tenant, "displayName": name})
    });
    let duration = duration(it, &world.settings.habits);
    let mut all = json!({
        "@odata.etag": etag(it.etag),
        "id": it.id,
        "displayName": it.display_name,
        "duration": duration,
        "autoExtendDuration": extension(it, &world.settings.habits),
        "customer": customer,
        "accessDetails": roles(&it.roles),
        "status": it.status.word(),
        "createdDateTime": instant(it.created),
        "lastModifiedDateTime": instant(it.modified),
        "activatedDateTime": instant_or_null(it.activated),
        "endDateTime": instant_or_null(it.end),
    });
    if let (Some(reseller), Some(all)) = (&it.reseller, all.as_object_mut()) {
        let kind = json!("#microsoft.graph.resellerDelegatedAdminRelationship");
        all.insert("@odata.type".to_owned(), kind);
        all.insert("indirectProviderTenantId".to_owned(), json!(reseller.provider));
        all.insert("isPartnerConsentPending".to_owned(), json!(reseller.consent_pending));
    }
    all
}

fn duration(it: &Relationship, habits: &Habits) -> String {
    if habits.echo_duration { it.duration_sent.clone() } else { it.duration.to_string() }
}

fn extension(it: &Relationship, habits: &Habits) -> String {
    match (it.extension, habits.zero_extension) {
        (Extension::Off, ZeroExtension::Seconds) => "PT0S".to_owned(),
        (Extension::Off, ZeroExtension::Days) | (Extension::HalfYear, _) => {
            it.extension.days().to_string()
        }
    }
}

/// An assignment.
pub fn assignment(it: &Assignment) -> Value {
    json!({
        "@odata.etag": etag(it.etag),
        "id": it.id,
        "status": it.status.word(),
        "createdDateTime": instant(it.created),
        "lastModifiedDateTime": instant(it.modified),
        "accessContainer": {"accessContainerId": it.group, "accessContainerType": "securityGroup"},
        "accessDetails": roles(&it.roles),
    })
}

/// A request.
pub fn request(it: &Request, members: Members) -> Value {
    let action = match (it.action, members) {
        (Action::Reject, Members::First) => "unknownFutureValue",
        (action, Members::First | Members::All) => action.word(),
    };
    json!({
        "id": it.id,
        "action": action,
        "status": it.status.word(),
        "createdDateTime": instant(it.created),
        "lastModifiedDateTime": instant(it.modified),
    })
}

/// An operation.
pub fn operation(it: &Operation, members: Members) -> Value {
    let kind = match (&it.aim, members) {
        (Aim::Roles { .. }, _) => "delegatedAdminAccessAssignmentUpdate",
        (Aim::NoGlobalAdministrator, Members::First) => "unknownFutureValue",
        (Aim::NoGlobalAdministrator, Members::All) => "delegatedAdminRelationshipUpdate",
    };
    json!({
        "id": it.id,
        "operationType": kind,
        "data": it.data,
        "status": it.status.word(),
        "createdDateTime": instant(it.created),
        "lastModifiedDateTime": instant(it.modified),
    })
}

/// What an operation is about, as JSON in a text.
pub fn target(world: &World, id: &str, aim: &Aim) -> String {
    let Some(holder) = world.relationships.get(id) else { return "{}".to_owned() };
    let target = match aim {
        Aim::Roles { assignment: own, roles: aim } => {
            let mut target = holder.assignments.get(own).map_or(Value::Null, assignment);
            if let Some(target) = target.as_object_mut() {
                target.remove("@odata.etag");
                target.insert("accessDetails".to_owned(), roles(aim));
            }
            target
        }
        Aim::NoGlobalAdministrator => json!({"id": holder.id}),
    };
    target.to_string()
}

/// A customer.
pub fn customer(tenant: &str, name: Option<&str>) -> Value {
    json!({"id": tenant, "tenantId": tenant, "displayName": name})
}

/// What of a customer can be managed, and where.
pub fn service_details(tenant: &str) -> Vec<Value> {
    let services = [
        ("Microsoft Teams", "https://admin.teams.microsoft.com/?delegatedOrg="),
        (
            "Microsoft 365 admin center",
            "https://admin.microsoft.com/Partner/BeginClientSession.aspx?CTID=",
        ),
    ];
    let details = services.iter().enumerate().map(|(position, (name, url))| {
        json!({
            "id": format!("{position}-{tenant}"),
            "serviceName": name,
            "serviceManagementUrl": format!("{url}{tenant}"),
        })
    });
    details.collect()
}

/// A group.
pub fn group(id: &str, it: &Group) -> Value {
    let kinds: &[&str] = if it.membership_rule.is_some() { &["DynamicMembership"] } else { &[] };
    json!({
        "id": id,
        "displayName": it.display_name,
        "securityEnabled": it.security_enabled,
        "mailEnabled": false,
        "isAssignableToRole": it.is_assignable_to_role,
        "groupTypes": kinds,
        "membershipRule": it.membership_rule,
        "membershipRuleProcessingState": it.membership_rule.as_ref().map(|_| "On"),
        "createdDateTime": "2026-01-05T08:00:00Z",
    })
}

/// Only the properties that were asked for, and what `OData` says about the object.
pub fn selected(value: Value, names: &[String]) -> Value {
    let Value::Object(all) = value else { return value };
    let keep = |name: &str| name.starts_with('@') || names.iter().any(|asked| asked == name);
    let kept: Map<String, Value> = all.into_iter().filter(|(name, _)| keep(name)).collect();
    Value::Object(kept)
}
