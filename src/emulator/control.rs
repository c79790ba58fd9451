//! The emulator's own paths, by which tests and people move its clock, make faults, and play the people outside.
//!
//! Never: a path of Microsoft's.
//!
//! Who may: whoever has the token that stands in `emulator.json`, as `Authorization: Bearer` or `X-Emulator-Token`, and is
//! no page of the web. What is posted is `application/json`.
//!
//! ```text
//! GET  status, clock, settings, counts, faults      what there is; counts are by method and pattern of the path
//! GET  calls                                        the last calls with their bodies; DELETE forgets them and the counts
//! POST clock     {"by": "PT1H", "factor": 60}       moves it on, or lets it go faster
//! POST settings  {"delays": {…}, "habits": {…}}     changes what is named; see `settings`
//! POST faults    a rule; see `faults`               DELETE takes all of them away
//! POST people    {"kind": "approve", …}             see `people`
//! POST apps, groups, tenants                        DELETE groups/ID
//! POST reset     {"to": "first" | "empty"}          the clock and the settings stay
//! ```

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use ring::digest;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    call::{Answer, Call},
    clock::HORIZON,
    faults::{Armed, Rule},
    lifecycle,
    login::App,
    machine::Machine,
    people::{Deed, act},
    refusal::Refusal,
    sample,
    world::{Group, Relationship},
};

/// What every path of these begins with.
const ROOT: &str = "/_emulator/";

/// The clock is moved, or goes at another speed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Moved {
    /// By how much: `PT1H`, `P90D`.
    #[serde(default)]
    by: Option<jiff::Span>,
    /// Seconds of the service for one of the machine.
    #[serde(default)]
    factor: Option<u32>,
}

/// An app is registered.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Registered {
    client_id: String,
    #[serde(default)]
    tenant: Option<String>,
    roles: Vec<String>,
    #[serde(default)]
    secret: Option<String>,
    /// In DER, as base64.
    #[serde(default)]
    certificates: Vec<String>,
    #[serde(default)]
    issuer: Option<String>,
    #[serde(default)]
    subject: Option<String>,
}

/// A group is declared.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Declared {
    id: String,
    group: Group,
}

/// A customer's tenant is named.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Named {
    id: String,
    name: String,
}

/// What the world is to be.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Reset {
    #[serde(default)]
    to: Start,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Start {
    /// As it was at the start.
    #[default]
    First,
    /// Groups and customers, and no relationship.
    Empty,
}

/// Whether a call is to one of these paths.
pub fn is_control(call: &Call) -> bool {
    call.path().starts_with(ROOT)
}

/// Answers a call to one of these paths.
pub fn answer(machine: &mut Machine, call: &Call, real: Timestamp) -> Answer {
    routed(machine, call, real).map_or_else(Answer::from, |body| Answer::json(200, body))
}

fn routed(machine: &mut Machine, call: &Call, real: Timestamp) -> Result<Value, Refusal> {
    permitted(machine, call)?;
    let now = machine.clock.now(real);
    match (call.method.as_str(), call.path().strip_prefix(ROOT).unwrap_or_default()) {
        ("GET", "status") => Ok(status(machine, now)),
        ("GET", "clock") => Ok(clock(machine, now)),
        ("POST", "clock") => moved(machine, &read(call)?, real),
        ("GET", "settings") => Ok(json!(machine.world.settings)),
        ("POST", "settings") => {
            let change: Value = read(call)?;
            let changed = machine.world.settings.with(&change).map_err(Refusal::bad)?;
            machine.world.settings = changed;
            Ok(json!(machine.world.settings))
        }
        ("POST", "people") => {
            let deed: Deed = read(call)?;
            Ok(json!({"done": act(&mut machine.world, &deed, now)?}))
        }
        ("GET", "faults") => Ok(faults(machine)),
        ("POST", "faults") => {
            let rule: Rule = read(call)?;
            rule.fault.check()?;
            let armed = Armed::new(rule, &machine.world, now);
            machine.arm(armed);
            Ok(faults(machine))
        }
        ("DELETE", "faults") => {
            machine.faults.clear();
            Ok(faults(machine))
        }
        ("GET", "counts") => Ok(machine.log.counts()),
        ("GET", "calls") => Ok(machine.log.kept()),
        ("DELETE", "calls") => {
            machine.log = super::log::Log::default();
            Ok(machine.log.counts())
        }
        ("POST", "apps") => registered(machine, read(call)?),
        ("POST", "groups") => {
            let Declared { id, group } = read(call)?;
            machine.world.groups.insert(id.to_lowercase(), group);
            Ok(json!({"groups": machine.world.groups.len()}))
        }
        ("POST", "tenants") => {
            let Named { id, name } = read(call)?;
            machine.world.tenants.insert(id.to_lowercase(), name);
            Ok(json!({"tenants": machine.world.tenants.len()}))
        }
        ("DELETE", path) if path.starts_with("groups/") => {
            machine.world.groups.remove(&path["groups/".len()..].to_lowercase());
            Ok(json!({"groups": machine.world.groups.len()}))
        }
        ("POST", "reset") => reset(machine, call, real),
        _ => {
            Err(Refusal::missing(format!("the emulator has no `{} {}`", call.method, call.path())))
        }
    }
}

/// Nobody plays with it but whoever can read the folder: no page of the web, and nobody else on the machine.
fn permitted(machine: &Machine, call: &Call) -> Result<(), Refusal> {
    let refused =
        |status, code, message: &str| Err(Refusal { status, code, message: message.to_owned() });
    if call.header("origin").is_some() || call.header("sec-fetch-site").is_some() {
        return refused(403, "forbidden", "these paths are not for pages of the web");
    }
    let bearer = call.header("authorization").and_then(|given| given.strip_prefix("Bearer "));
    let given = call.header("x-emulator-token").or(bearer).unwrap_or_default();
    // What is compared are digests, so that the time it takes tells nothing.
    let digest = |text: &str| digest::digest(&digest::SHA256, text.as_bytes());
    if digest(given).as_ref() != digest(machine.control.expose_secret()).as_ref() {
        let message = "these paths need the token of `emulator.json` in the emulator's folder";
        return refused(401, "unauthorized", message);
    }
    if call.method == "POST" && !call.is_json() {
        return refused(415, "unsupportedMediaType", "what is posted is `application/json`");
    }
    Ok(())
}

fn read<T: DeserializeOwned>(call: &Call) -> Result<T, Refusal> {
    serde_json::from_slice(&call.body).map_err(|error| Refusal::bad(error.to_string()))
}

fn clock(machine: &Machine, now: Timestamp) -> Value {
    json!({
        "now": now.to_string(),
        "factor": machine.clock.factor(),
        "next": lifecycle::next(&machine.world).map(|next| next.to_string()),
    })
}

fn moved(machine: &mut Machine, moved: &Moved, real: Timestamp) -> Result<Value, Refusal> {
    if let Some(by) = moved.by {
        let day = jiff::SpanRelativeTo::days_are_24_hours();
        let by: SignedDuration = by.to_duration(day).map_err(|_| {
            Refusal::bad("the clock is moved by weeks, days, hours, minutes and seconds: a month or a year is not always as long")
        })?;
        if by.is_negative() {
            return Err(Refusal::bad("the clock does not go back"));
        }
        let then = machine.clock.now(real).checked_add(by);
        if then.is_ok_and(|then| then < HORIZON) {
            machine.clock.advance(by, real);
        } else {
            return Err(Refusal::bad("the clock goes to the year 9000 and no further"));
        }
    }
    if let Some(factor) = moved.factor {
        machine.clock.go(factor, real);
    }
    let now = machine.clock.now(real);
    machine.pass(now);
    Ok(clock(machine, now))
}

fn faults(machine: &Machine) -> Value {
    let all = machine
        .faults
        .iter()
        .map(|armed| json!({"rule": armed.rule, "matched": armed.matched, "fired": armed.fired}));
    json!({"value": all.collect::<Vec<_>>()})
}

fn registered(machine: &mut Machine, it: Registered) -> Result<Value, Refusal> {
    let wrong = |_| Refusal::bad("a certificate is DER in base64");
    let certificates = it.certificates.iter().map(|text| STANDARD.decode(text).map_err(wrong));
    let app = App {
        client: it.client_id,
        tenant: it.tenant.unwrap_or_else(|| machine.world.partner.clone()),
        roles: it.roles,
        secrets: it.secret.into_iter().map(SecretString::from).collect(),
        certificates: certificates.collect::<Result<_, _>>()?,
        federated: it.issuer.zip(it.subject).into_iter().collect(),
    };
    machine.apps.retain(|own| own.client != app.client || own.tenant != app.tenant);
    machine.apps.push(app);
    Ok(json!({"apps": machine.apps.len()}))
}

fn reset(machine: &mut Machine, call: &Call, real: Timestamp) -> Result<Value, Refusal> {
    let reset: Reset = if call.body.is_empty() { Reset::default() } else { read(call)? };
    let world = match reset.to {
        Start::First => (*machine.first).clone(),
        Start::Empty => sample::empty(&machine.world.partner, machine.seed),
    };
    machine.reset(world);
    let now = machine.clock.now(real);
    machine.pass(now);
    Ok(status(machine, now))
}

/// What there is, for people.
fn status(machine: &Machine, now: Timestamp) -> Value {
    let all: Vec<Value> =
        machine.world.relationships.values().map(|it| told(machine, it)).collect();
    json!({"clock": clock(machine, now), "partner": machine.world.partner, "relationships": all})
}

fn told(machine: &Machine, it: &Relationship) -> Value {
    let customer = it.customer.as_ref();
    let name = customer.and_then(|tenant| machine.world.tenants.get(tenant));
    let assignments: Vec<Value> = it
        .assignments
        .values()
        .map(|own| {
            let group = machine.world.groups.get(&own.group).map(|group| &group.display_name);
            json!({"group": own.group, "name": group, "status": own.status.word(), "roles": own.roles})
        })
        .collect();
    json!({
        "id": it.id,
        "name": it.display_name,
        "customer": customer,
        "customerName": name,
        "status": it.status.word(),
        "end": it.end.map(|end| end.to_string()),
        "assignments": assignments,
    })
}
