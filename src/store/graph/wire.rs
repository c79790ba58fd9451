//! What Graph answers, as values: pages, relationships, assignments and the answers of a batch.
//!
//! Lenient where the service is known to be: empty dates, absent customers, years for days, upper case, members that nobody
//! knows. Strict where an answer could deceive: what cannot be understood is said, and is never left out.
//!
//! Never: a guess for what is missing, or a body that is deeper or larger than a good one could be.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::{Span, Timestamp};
use serde_json::{Map, Value};

use super::{groups::DirectoryGroup, harmless};
use crate::domain::{
    duration::Duration,
    ids::{GranteeId, RoleId, TenantId},
    lifecycle::{Lifecycle, Phase},
    state::{
        GranteeKind, Tenant,
        seen::{AssignmentStatus, Provider, SeenAssignment, SeenRelationship, ServiceId, Unread},
    },
};

/// An answer from which nothing may be concluded, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Implausible(pub String);

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// What stands on it.
    pub items: Vec<Value>,
    /// Where the next one is.
    pub next: Option<String>,
}

/// One answer within the answer to a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Which request it answers.
    pub id: String,
    /// Its status.
    pub status: u16,
    /// Seconds after which to ask again.
    pub retry_after: Option<u64>,
    /// What carries it out, as a path below its relationship: `operations/ID` or `requests/ID`.
    pub by: Option<String>,
    /// What it holds.
    pub body: Value,
}

impl Part {
    /// Its status, and what it says of an error.
    pub fn refusal(&self) -> String {
        format!("{} ({})", self.status, error_in(&self.body))
    }
}

/// The deepest nesting of an answer that is read; Graph's own have about six.
const DEEPEST: usize = 64;

/// The most of a foreign text that is shown.
const SHOWN: usize = 60;

fn implausible(what: impl Into<String>) -> Implausible {
    Implausible(what.into())
}

/// A foreign text as it may be shown: short and harmless.
fn shown(text: &str) -> String {
    let harmless = harmless(text);
    let mut short: String = harmless.chars().take(SHOWN).collect();
    if short.len() < harmless.len() {
        short.push('…');
    }
    short
}

/// The object that an answer holds.
fn object(body: &[u8]) -> Result<Map<String, Value>, Implausible> {
    if depth(body) > DEEPEST {
        return Err(implausible(format!("the answer is nested deeper than {DEEPEST}")));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(implausible("the answer is no JSON object")),
        Err(error) => Err(implausible(format!(
            "the answer is no JSON, or a part of it is missing (line {}, column {})",
            error.line(),
            error.column()
        ))),
    }
}

/// How deep objects and lists are nested, without reading further than that.
fn depth(body: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = body.iter();
    let mut in_text = false;
    while let Some(byte) = bytes.next() {
        match (in_text, byte) {
            (true, b'\\') => {
                bytes.next();
            }
            (_, b'"') => in_text = !in_text,
            (false, b'{' | b'[') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            (true | false, _) => {}
        }
    }
    deepest
}

/// A page of a list.
///
/// # Errors
/// Where it is none: a page without `value` is not an empty one.
pub fn page(body: &[u8]) -> Result<Page, Implausible> {
    page_of(object(body)?)
}

/// The same of an answer within a batch.
///
/// # Errors
/// As [`page`].
pub fn page_in(body: Value) -> Result<Page, Implausible> {
    let Value::Object(object) = body else {
        return Err(implausible("a page is no JSON object"));
    };
    page_of(object)
}

fn page_of(mut object: Map<String, Value>) -> Result<Page, Implausible> {
    let next = match object.remove("@odata.nextLink") {
        None | Some(Value::Null) => None,
        Some(Value::String(link)) if !link.is_empty() => Some(link),
        Some(_) => return Err(implausible("a page says of the next one what is no link")),
    };
    match object.remove("value") {
        Some(Value::Array(items)) => Ok(Page { items, next }),
        Some(_) => Err(implausible("the `value` of a page is no list")),
        None => Err(implausible("a page has no `value`")),
    }
}

/// The answers of a batch, in their order.
///
/// # Errors
/// Where it is no answer to a batch, or one request is answered twice with two contents.
pub fn batch(body: &[u8]) -> Result<BTreeMap<String, Part>, Implausible> {
    let mut object = object(body)?;
    let Some(Value::Array(responses)) = object.remove("responses") else {
        return Err(implausible("the answer to a batch has no list `responses`"));
    };
    let mut parts = BTreeMap::new();
    for response in responses {
        let part = part(response)?;
        if let Some(before) = parts.get(&part.id)
            && *before != part
        {
            let id = shown(&part.id);
            return Err(implausible(format!(
                "request `{id}` of a batch has two different answers"
            )));
        }
        parts.insert(part.id.clone(), part);
    }
    Ok(parts)
}

fn part(mut response: Value) -> Result<Part, Implausible> {
    let id = response.get("id").and_then(Value::as_str).map(str::to_owned);
    let id = id.ok_or_else(|| implausible("an answer within a batch has no `id`"))?;
    let status = response.get("status").and_then(Value::as_u64);
    let status = status.and_then(|status| u16::try_from(status).ok());
    let status = status
        .ok_or_else(|| implausible(format!("answer `{}` of a batch has no status", shown(&id))))?;
    let headers = response.get("headers").and_then(Value::as_object);
    let header = |wanted: &str| {
        let named = |(name, _): &(&String, &Value)| name.eq_ignore_ascii_case(wanted);
        headers.and_then(|headers| Some(headers.iter().find(named)?.1))
    };
    let retry_after = header("retry-after")
        .and_then(|value| value.as_u64().or_else(|| value.as_str()?.trim().parse().ok()));
    let by = header("location").and_then(|value| carried_out_by(value.as_str()?));
    let body = response.get_mut("body").map(Value::take).unwrap_or_default();
    Ok(Part { id, status, retry_after, by, body })
}

/// The last two segments of an address, where they name what carries something out.
fn carried_out_by(location: &str) -> Option<String> {
    let path = location.split(['?', '#']).next()?;
    let (rest, id) = path.rsplit_once('/')?;
    let (_, kind) = rest.rsplit_once('/')?;
    let names = matches!(kind, "operations" | "requests") && is_segment(id);
    names.then(|| format!("{kind}/{id}"))
}

/// Where what carries something out is by its own word, such as `failed`.
pub fn progress(body: &Value) -> &str {
    body["status"].as_str().unwrap_or_default()
}

/// Microsoft's code and message of an error, as far as they may be shown.
pub fn code_and_message(body: &Value) -> (Option<String>, Option<String>) {
    let text = |name: &str| body["error"][name].as_str().map(harmless);
    (text("code"), text("message"))
}

/// The same in one text.
pub fn error_in(body: &Value) -> String {
    match code_and_message(body) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => "no reason is given".to_owned(),
    }
}

/// What one object of an answer says, with every fault of it.
struct Reading<'a> {
    object: &'a Map<String, Value>,
    faults: Vec<String>,
}

impl<'a> Reading<'a> {
    fn new(object: &'a Map<String, Value>) -> Self {
        Self { object, faults: Vec::new() }
    }

    /// A text; absent, null and empty are nothing.
    fn text(&mut self, of: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
        match of.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.as_str()).filter(|text| !text.is_empty()),
            Some(_) => {
                self.faults.push(format!("`{name}` is no text"));
                None
            }
        }
    }

    fn own(&mut self, name: &str) -> Option<&'a str> {
        self.text(self.object, name)
    }

    fn inner(&mut self, name: &str) -> Option<&'a Map<String, Value>> {
        match self.object.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::Object(inner)) => Some(inner),
            Some(_) => {
                self.faults.push(format!("`{name}` is no object"));
                None
            }
        }
    }

    /// An instant. What no program has set comes as nothing, as an empty text, or as the first day of the first year.
    fn instant(&mut self, name: &str) -> Option<Timestamp> {
        let text = self.own(name)?;
        match text.parse::<Timestamp>() {
            Ok(instant) if text.starts_with("0001-01-01") || instant == Timestamp::MIN => None,
            // The book keeps whole milliseconds, and what was written there equals what is seen.
            Ok(instant) => Timestamp::from_millisecond(instant.as_millisecond()).ok(),
            Err(_) => {
                self.faults.push(format!("`{name}` is no instant: `{}`", shown(text)));
                None
            }
        }
    }

    fn id<T: std::str::FromStr>(&mut self, name: &str, text: &str) -> Option<T> {
        let id = text.parse().ok();
        if id.is_none() {
            self.faults.push(format!("`{name}` is no GUID: `{}`", shown(text)));
        }
        id
    }

    /// The roles of `accessDetails`. A relationship or an assignment without the list could hide what it carries.
    fn roles(&mut self) -> BTreeSet<RoleId> {
        let details = self.inner("accessDetails");
        let Some(Value::Array(all)) = details.and_then(|details| details.get("unifiedRoles"))
        else {
            self.faults.push("`accessDetails.unifiedRoles` is missing".to_owned());
            return BTreeSet::new();
        };
        let mut roles = BTreeSet::new();
        for role in all {
            match role.get("roleDefinitionId").and_then(Value::as_str) {
                Some(text) => roles.extend(self.id::<RoleId>("roleDefinitionId", text)),
                None => self.faults.push("a role has no `roleDefinitionId`".to_owned()),
            }
        }
        roles
    }

    fn unread(faults: &[String]) -> Option<Unread> {
        (!faults.is_empty()).then(|| {
            Unread(format!("the service's answer cannot be understood: {}", faults.join("; ")))
        })
    }
}

/// A length of time as the service writes it: in days, and also in years of 365 days and weeks. Months are not understood.
fn duration(text: &str) -> Option<Duration> {
    let span: Span = text.parse().ok()?;
    if span.is_negative() || span.get_months() != 0 {
        return None;
    }
    let days = i64::from(span.get_years()) * 365
        + i64::from(span.get_weeks()) * 7
        + i64::from(span.get_days());
    let hours = days * 24 + i64::from(span.get_hours());
    let minutes = hours * 60 + span.get_minutes();
    u32::try_from(minutes * 60 + span.get_seconds()).ok().map(Duration::from_seconds)
}

/// A stage in the service's word, such as `approvalPending`.
fn stage(word: Option<&str>) -> Lifecycle {
    let Some(word) = word else { return Lifecycle::Unknown("none".to_owned()) };
    let mut letters = word.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    let name: String = first.into_iter().chain(letters).collect();
    let known = Lifecycle::from(name);
    // `Withdrawn` is a word of ours, which the service does not use.
    if known.phase() == Phase::Unknown || known == Lifecycle::Withdrawn {
        return Lifecycle::Unknown(shown(word));
    }
    known
}

/// A relationship. Its assignments are unread where something of it cannot be understood, and empty else.
///
/// # Errors
/// Where it has no id, so that nobody could say which one is meant.
pub fn relationship(item: &Value) -> Result<SeenRelationship, Implausible> {
    let Value::Object(object) = item else {
        return Err(implausible("a relationship of the list is no object"));
    };
    let mut reading = Reading::new(object);
    let id = reading.own("id").filter(|id| is_segment(id));
    let id = id.ok_or_else(|| implausible("a relationship of the list has no `id`"))?;
    let customer = reading.inner("customer").and_then(|customer| {
        let tenant = reading.text(customer, "tenantId")?;
        let id = reading.id::<TenantId>("customer.tenantId", tenant)?;
        let name = reading.text(customer, "displayName").map(str::to_owned);
        Some(Tenant { id, name })
    });
    let proposed = reading.own("duration");
    let length = proposed.and_then(duration);
    if let Some(proposed) = proposed.filter(|_| length.is_none()) {
        reading.faults.push(format!("`duration` is no length of time: `{}`", shown(proposed)));
    }
    let extension = reading.own("autoExtendDuration");
    let auto_extend = match extension.map(duration) {
        None => Duration::ZERO,
        Some(Some(length)) => length,
        Some(None) => {
            reading.faults.push(format!(
                "`autoExtendDuration` is no length of time: `{}`",
                shown(extension.unwrap_or_default())
            ));
            Duration::ZERO
        }
    };
    let seen = SeenRelationship {
        id: ServiceId::new(id),
        name: reading.own("displayName").unwrap_or_default().to_owned(),
        customer,
        stage: stage(reading.own("status")),
        duration: length,
        auto_extend,
        roles: reading.roles(),
        created_at: reading.instant("createdDateTime"),
        activated_at: reading.instant("activatedDateTime"),
        ends_at: reading.instant("endDateTime"),
        etag: reading.own("@odata.etag").map(EcoString::from),
        provider: provider(&mut reading),
        fault: None,
        assignments: Ok(BTreeMap::new()),
    };
    Ok(match Reading::unread(&reading.faults) {
        Some(unread) => {
            SeenRelationship { fault: Some(unread.clone()), assignments: Err(unread), ..seen }
        }
        None => seen,
    })
}

/// Whether an id can stand in a path as it is, so that it leads nowhere else.
fn is_segment(id: &str) -> bool {
    ServiceId::is_plain(id) && id.len() <= 200 && id.bytes().any(|byte| byte != b'.')
}

/// Told by the type alone, or by what only that type has.
fn provider(reading: &mut Reading<'_>) -> Option<Provider> {
    let of_reseller = reading
        .own("@odata.type")
        .is_some_and(|name| name.ends_with("resellerDelegatedAdminRelationship"));
    let tenant = reading.own("indirectProviderTenantId");
    let consent = match reading.object.get("isPartnerConsentPending") {
        None | Some(Value::Null) => None,
        Some(Value::Bool(pending)) => Some(*pending),
        Some(_) => {
            reading.faults.push("`isPartnerConsentPending` is neither true nor false".to_owned());
            None
        }
    };
    if !of_reseller && tenant.is_none() && consent.is_none() {
        return None;
    }
    let tenant = tenant.and_then(|tenant| reading.id("indirectProviderTenantId", tenant));
    // Nobody may conclude from what is missing that somebody has agreed.
    Some(Provider { tenant, consent_pending: consent.unwrap_or(of_reseller) })
}

/// An assignment with its id.
///
/// # Errors
/// In words, where something of it cannot be understood: then nobody knows who holds what there.
pub fn assignment(item: &Value) -> Result<(EcoString, SeenAssignment), Unread> {
    let unread = |what: &str| Unread(format!("the service's answer cannot be understood: {what}"));
    let Value::Object(object) = item else { return Err(unread("an assignment is no object")) };
    let mut reading = Reading::new(object);
    let id = reading.own("id").filter(|id| is_segment(id));
    let id = id.ok_or_else(|| unread("an assignment has no `id`"))?;
    let container = reading.inner("accessContainer");
    let group = container.and_then(|container| reading.text(container, "accessContainerId"));
    let grantee = group.and_then(|group| reading.id::<GranteeId>("accessContainerId", group));
    let sort = container.and_then(|container| reading.text(container, "accessContainerType"));
    if !matches!(sort, None | Some("securityGroup")) {
        let sort = shown(sort.unwrap_or_default());
        reading.faults.push(format!("assignment `{id}` is of the unknown sort `{sort}`"));
    }
    if group.is_none() {
        reading.faults.push(format!("assignment `{id}` names nobody"));
    }
    let status = match reading.own("status") {
        Some("pending") => AssignmentStatus::Pending,
        Some("active") => AssignmentStatus::Active,
        Some("deleting") => AssignmentStatus::Deleting,
        Some("deleted") => AssignmentStatus::Deleted,
        Some("error") => AssignmentStatus::Error,
        Some(other) => AssignmentStatus::Unknown(shown(other)),
        None => AssignmentStatus::Unknown("none".to_owned()),
    };
    let roles = reading.roles();
    let created_at = reading.instant("createdDateTime");
    let etag = reading.own("@odata.etag").map(EcoString::from);
    match (grantee, Reading::unread(&reading.faults)) {
        (Some(grantee), None) => {
            let kind = GranteeKind::SecurityGroup;
            let assignment = SeenAssignment { grantee, kind, roles, status, etag, created_at };
            Ok((id.into(), assignment))
        }
        (_, Some(unread)) => Err(unread),
        (None, None) => Err(unread("an assignment names nobody")),
    }
}

/// A group of the directory, which must be the one that was asked for.
///
/// # Errors
/// Where it is another one, or cannot be understood.
pub fn group(item: &Value, asked: GranteeId) -> Result<DirectoryGroup, Implausible> {
    let Value::Object(object) = item else { return Err(implausible("a group is no object")) };
    let mut reading = Reading::new(object);
    let id = reading.own("id").and_then(|id| id.parse::<GranteeId>().ok());
    if id != Some(asked) {
        return Err(implausible("the answer is about another group"));
    }
    let name = reading.own("displayName").unwrap_or_default().to_owned();
    let security_enabled = object.get("securityEnabled").and_then(Value::as_bool).unwrap_or(true);
    match Reading::unread(&reading.faults) {
        Some(unread) => Err(Implausible(unread.0)),
        None => Ok(DirectoryGroup::Found { name, security_enabled }),
    }
}

#[cfg(test)]
mod tests;
