//! Reads the bodies of calls: what is asked for, and every property by its name and form.
//!
//! Never: a property that is not there in Microsoft's metadata and is taken without a word.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    days::Days,
    refusal::Refusal,
    rules::{Match, Whose, Wish},
    world::Action,
};

type Read<T> = Result<T, Refusal>;

/// What a caller may write of a relationship, and what it may send and nobody reads.
const RELATIONSHIP: [&str; 11] = [
    "displayName",
    "duration",
    "autoExtendDuration",
    "customer",
    "accessDetails",
    "id",
    "status",
    "createdDateTime",
    "lastModifiedDateTime",
    "activatedDateTime",
    "endDateTime",
];

/// The template ids of Entra's built-in roles, one a line, in lower case.
const ROLES: &str = include_str!("roles.txt");

/// The object in a body.
pub fn object(bytes: &[u8]) -> Read<Map<String, Value>> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::bad("The body is no JSON object.")),
        Err(error) => Err(Refusal::bad(format!("Unable to read JSON request payload: {error}."))),
    }
}

fn only(object: &Map<String, Value>, known: &[&str], kind: &str) -> Read<()> {
    let is_known = |name: &str| name.contains('@') || known.contains(&name);
    match object.keys().find(|name| !is_known(name)) {
        Some(name) => Err(Refusal::bad(format!(
            "The property '{name}' does not exist on type 'microsoft.graph.{kind}'."
        ))),
        None => Ok(()),
    }
}

fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Read<Option<&'a str>> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Err(Refusal::bad(format!("The property `{name}` is a text.")))
        }
    }
}

fn days(object: &Map<String, Value>, name: &str) -> Read<Option<(Days, String)>> {
    let Some(text) = text(object, name)? else { return Ok(None) };
    let days = Days::read(text);
    let days = days.ok_or_else(|| Refusal::bad(format!("`{name}` is no duration in days.")))?;
    Ok(Some((days, text.to_owned())))
}

/// A UUID, in lower case.
fn id(text: &str, name: &str) -> Read<String> {
    match uuid::Uuid::try_parse(text) {
        Ok(id) if text.len() == 36 => Ok(id.to_string()),
        _ => Err(Refusal::bad(format!("`{name}` is no id: {text:?}."))),
    }
}

/// The roles of `accessDetails`.
fn roles(object: &Map<String, Value>) -> Read<Option<BTreeSet<String>>> {
    let Some(details) = object.get("accessDetails") else { return Ok(None) };
    let details = details.as_object().ok_or_else(|| Refusal::bad("`accessDetails` is empty."))?;
    only(details, &["unifiedRoles"], "delegatedAdminAccessDetails")?;
    let roles = details.get("unifiedRoles").and_then(Value::as_array);
    let roles = roles.ok_or_else(|| Refusal::bad("`unifiedRoles` is a list."))?;
    let mut ids = BTreeSet::new();
    for role in roles {
        let role = role.as_object().ok_or_else(|| Refusal::bad("A role is an object."))?;
        only(role, &["roleDefinitionId"], "unifiedRole")?;
        let own = text(role, "roleDefinitionId")?;
        let own = own.ok_or_else(|| Refusal::bad("`roleDefinitionId` is required."))?;
        let own = id(own, "roleDefinitionId")?;
        if !ROLES.lines().any(|known| known == own) {
            return Err(Refusal::bad(format!("No built-in role has the template id {own}.")));
        }
        if !ids.insert(own) {
            return Err(Refusal::bad("A role stands there twice."));
        }
    }
    Ok(Some(ids))
}

/// What a body says of a relationship.
pub fn wish(bytes: &[u8]) -> Read<Wish> {
    let object = object(bytes)?;
    only(&object, &RELATIONSHIP, "delegatedAdminRelationship")?;
    let customer = match object.get("customer") {
        None => Whose::Unsaid,
        Some(Value::Null) => Whose::Anybody,
        Some(Value::Object(customer)) => {
            let known = ["tenantId", "displayName"];
            only(customer, &known, "delegatedAdminRelationshipCustomerParticipant")?;
            let tenant = text(customer, "tenantId")?;
            match tenant {
                Some(tenant) => Whose::Tenant(id(tenant, "tenantId")?),
                None => Whose::Anybody,
            }
        }
        Some(_) => return Err(Refusal::bad("`customer` is an object.")),
    };
    Ok(Wish {
        display_name: text(&object, "displayName")?.map(str::to_owned),
        duration: days(&object, "duration")?,
        extension: days(&object, "autoExtendDuration")?.map(|(days, _)| days),
        customer,
        roles: roles(&object)?,
    })
}

/// What a body asks to be done.
pub fn action(bytes: &[u8]) -> Read<Action> {
    let object = object(bytes)?;
    let known = ["action", "id", "status", "createdDateTime", "lastModifiedDateTime"];
    only(&object, &known, "delegatedAdminRelationshipRequest")?;
    let asked = text(&object, "action")?.unwrap_or_default();
    let found = Action::ALL.into_iter().find(|action| action.word() == asked);
    found.ok_or_else(|| Refusal::bad(format!("`action` is none that is known: {asked:?}.")))
}

/// The group of a new assignment, and its roles.
pub fn assignment(bytes: &[u8]) -> Read<(String, BTreeSet<String>)> {
    let (group, roles) = assignment_parts(bytes)?;
    let group = group.ok_or_else(|| Refusal::bad("`accessContainer` is required."))?;
    let roles = roles.ok_or_else(|| Refusal::bad("`accessDetails` is required."))?;
    Ok((group, roles))
}

/// The roles of an assignment that is to be changed, and the group where the body names it.
pub fn assignment_parts(bytes: &[u8]) -> Read<(Option<String>, Option<BTreeSet<String>>)> {
    let object = object(bytes)?;
    let known = [
        "accessContainer",
        "accessDetails",
        "id",
        "status",
        "createdDateTime",
        "lastModifiedDateTime",
    ];
    only(&object, &known, "delegatedAdminAccessAssignment")?;
    let group = match object.get("accessContainer") {
        None => None,
        Some(Value::Object(container)) => Some(container_of(container)?),
        Some(_) => return Err(Refusal::bad("`accessContainer` is an object.")),
    };
    Ok((group, roles(&object)?))
}

fn container_of(container: &Map<String, Value>) -> Read<String> {
    let known = ["accessContainerId", "accessContainerType"];
    only(container, &known, "delegatedAdminAccessContainer")?;
    let own = text(container, "accessContainerId")?;
    let own = own.ok_or_else(|| Refusal::bad("`accessContainerId` is required."))?;
    match text(container, "accessContainerType")? {
        Some("securityGroup") => id(own, "accessContainerId"),
        Some(_) | None => Err(Refusal::bad("`accessContainerType` is `securityGroup`.")),
    }
}

/// The etags of `If-Match`.
pub fn if_match(header: Option<&str>) -> Match {
    let Some(header) = header else { return Match::Absent };
    let etags: BTreeSet<String> =
        header.split(',').map(|etag| etag.trim().to_owned()).filter(|it| !it.is_empty()).collect();
    if etags.contains("*") { Match::Any } else { Match::OneOf(etags) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "729827e3-9c14-49f7-bb1b-9608f156bbb8";

    #[test]
    fn a_relationship_is_read_in_every_form_and_nothing_else_is() {
        let roles =
            format!(r#""accessDetails": {{"unifiedRoles": [{{"roleDefinitionId": "{ROLE}"}}]}}"#);
        let good = [
            "{}".to_owned(),
            format!("{{{roles}}}"),
            r#"{"displayName": "a", "duration": "P2Y", "autoExtendDuration": "PT0S"}"#.to_owned(),
            r#"{"customer": null, "status": "created"}"#.to_owned(),
            r##"{"customer": {"tenantId": null}, "@odata.type": "#x"}"##.to_owned(),
            format!("{{{}}}", roles.replace(ROLE, &ROLE.to_uppercase())),
        ];
        for text in good {
            assert!(wish(text.as_bytes()).is_ok(), "{text}");
        }
        let bad = [
            "",
            "[]",
            "{",
            r#"{"displayname": "a"}"#,
            r#"{"displayName": 7}"#,
            r#"{"duration": "730 days, 0:00:00"}"#,
            r#"{"customer": "a"}"#,
            r#"{"customer": {"tenantId": "a"}}"#,
            r#"{"customer": {"id": "a"}}"#,
            r#"{"accessDetails": null}"#,
            r#"{"accessDetails": {}}"#,
            r#"{"accessDetails": {"unifiedRoles": [{}]}}"#,
            r#"{"accessDetails": {"unifiedRoles": [7]}}"#,
            r#"{"accessDetails": {"unifiedRoles": [{"roleDefinitionId": "reader"}]}}"#,
        ];
        for text in bad {
            assert_eq!(wish(text.as_bytes()).map_err(|it| it.status), Err(400), "{text}");
        }
    }

    #[test]
    fn etags_are_read_as_a_list() {
        assert_eq!(if_match(None), Match::Absent);
        assert_eq!(if_match(Some("*")), Match::Any);
        let two = BTreeSet::from(["W/\"a\"".to_owned(), "\"b\"".to_owned()]);
        assert_eq!(if_match(Some("W/\"a\", \"b\"")), Match::OneOf(two));
        assert_eq!(if_match(Some("")), Match::OneOf(BTreeSet::new()));
    }
}
