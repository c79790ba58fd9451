//! What goes wrong on purpose: which calls, how often, and how.
//!
//! Never: a fault that nobody asked for.

use hyper::header::{HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use super::{
    call::{Answer, Body, Call},
    chance::Chance,
    clock::later,
    refusal::Refusal,
    wire,
    world::World,
};

/// Which calls something happens to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// For people.
    #[serde(default)]
    pub name: String,
    /// The method; absent for every one.
    #[serde(default)]
    pub method: Option<String>,
    /// The path after the version, in which `*` stands for one part, and `**` at the end for what is left.
    pub path: String,
    /// Calls, requests in a batch, or both.
    #[serde(default)]
    pub scope: Scope,
    /// What the body has to contain.
    #[serde(default)]
    pub containing: Option<String>,
    /// How many that match are let pass first.
    #[serde(default)]
    pub skip: u32,
    /// How many it then happens to; absent for all.
    #[serde(default)]
    pub times: Option<u32>,
    /// Of how many in a million, by chance; absent for all.
    #[serde(default)]
    pub in_a_million: Option<u32>,
    /// For how many seconds of the service; absent for ever.
    #[serde(default)]
    pub for_seconds: Option<u32>,
    /// What happens.
    pub fault: Fault,
}

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    /// Anywhere.
    #[default]
    Any,
    /// By itself.
    Calls,
    /// In a batch.
    Batched,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[serde(deny_unknown_fields)]
pub enum Fault {
    /// An error, before or after the effect.
    Refuse {
        /// The status.
        status: u16,
        /// Microsoft's code.
        #[serde(default)]
        code: Option<String>,
        /// The header `Retry-After`.
        #[serde(default)]
        retry_after: Option<String>,
        /// Whether what was asked for is done all the same.
        #[serde(default)]
        effect: bool,
    },
    /// The line is cut.
    Cut {
        /// When.
        at: Cut,
    },
    /// The line is cut, and what was asked for is done later.
    Late {
        /// After how many seconds of the service.
        seconds: u32,
    },
    /// What the call makes fails, or takes this long.
    Fate {
        /// How many seconds; it fails where there are none.
        #[serde(default)]
        seconds: Option<u32>,
    },
    /// The answer is as it would have been when the rule was made.
    Stale,
    /// A page of a list.
    Page {
        /// How it is wrong.
        how: PageFault,
        /// Where the next page is said to be, for `elsewhere`.
        #[serde(default)]
        origin: Option<String>,
    },
    /// The answer to a batch.
    Batch {
        /// How it is wrong.
        how: BatchFault,
        /// Which of its answers.
        #[serde(default)]
        index: usize,
    },
    /// A property of every object of the answer has this value.
    Rewrite {
        /// Its path, such as `customer.displayName`.
        property: String,
        /// The value; absent where the property is to be missing.
        #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
        value: Option<Value>,
    },
    /// A header of the answer has this value.
    Header {
        /// Its name.
        name: String,
        /// The value.
        value: String,
    },
    /// Every id is in upper case.
    UpperCaseIds,
    /// The body has so many bytes more.
    Huge {
        /// How many.
        bytes: usize,
    },
    /// The body is JSON this deep.
    Deep {
        /// How deep.
        depth: usize,
    },
    /// The answer takes longer.
    Wait {
        /// Milliseconds of the machine.
        milliseconds: u64,
    },
}

/// A value that was said, also where it is null.
fn said<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

/// When a line is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cut {
    /// Before anything is done.
    Before,
    /// Half of the body has come; everything is done.
    Half,
    /// Nothing has come; everything is done.
    After,
}

/// How a page is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PageFault {
    /// Nothing on it, and no other page.
    Empty,
    /// Nothing on it, and the others are there.
    Lost,
    /// The next page is this one again.
    Repeated,
    /// The next page is the first one.
    Circular,
    /// The next page is at another place.
    Elsewhere,
    /// There is no `value`.
    NoValue,
    /// The first object comes once more, with another content.
    Twice,
}

/// How the answer to a batch is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BatchFault {
    /// One is missing.
    Missing,
    /// One comes twice.
    Twice,
    /// They come in another order.
    Shuffled,
}

/// A rule and what it has seen.
#[derive(Debug, Clone)]
pub struct Armed {
    /// The rule.
    pub rule: Rule,
    /// How many calls have matched.
    pub matched: u32,
    /// How many it has happened to.
    pub fired: u32,
    since: Timestamp,
    world: Option<Box<World>>,
}

/// What happens to one call.
#[derive(Debug, Clone)]
pub struct Fired {
    /// The fault.
    pub fault: Fault,
    /// The world as it was when the rule was made, for `stale`.
    pub world: Option<Box<World>>,
}

impl Armed {
    /// A rule from now on.
    pub fn new(rule: Rule, world: &World, now: Timestamp) -> Self {
        let world = (rule.fault == Fault::Stale).then(|| Box::new(world.clone()));
        Self { rule, matched: 0, fired: 0, since: now, world }
    }

    /// Whether it happens to this call.
    pub fn fires(&mut self, call: &Call, now: Timestamp, chance: &mut Chance) -> Option<Fired> {
        let Rule { skip, times, in_a_million, for_seconds, .. } = self.rule;
        let over = for_seconds
            .map(|seconds| later(self.since, SignedDuration::from_secs(seconds.into())))
            .is_some_and(|end| now >= end);
        if over || !self.rule.matches(call) {
            return None;
        }
        self.matched += 1;
        let spent = times.is_some_and(|times| self.fired >= times);
        if self.matched <= skip || spent || in_a_million.is_some_and(|of| !chance.hits(of)) {
            return None;
        }
        self.fired += 1;
        Some(Fired { fault: self.rule.fault.clone(), world: self.world.clone() })
    }
}

/// The longest answer of a fault, and the longest that one waits, in milliseconds.
const LARGEST: usize = 256 << 20;
const LONGEST: u64 = 3_600_000;

impl Fault {
    /// Whether it can be carried out.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), Refusal> {
        let is = |good: bool, told: &str| if good { Ok(()) } else { Err(Refusal::bad(told)) };
        let is_value = |text: &str| HeaderValue::from_str(text).is_ok();
        match self {
            Self::Refuse { status, retry_after, .. } => {
                is((400..600).contains(status), "a `status` that refuses is from 400 to 599")?;
                let told = "`retryAfter` is no value of a header";
                is(retry_after.as_deref().is_none_or(is_value), told)
            }
            Self::Header { name, value } => {
                is(
                    HeaderName::from_bytes(name.as_bytes()).is_ok(),
                    "`name` is no name of a header",
                )?;
                is(is_value(value), "`value` is no value of a header")?;
                let framing = ["connection", "content-length", "transfer-encoding", "upgrade"];
                let own = framing.iter().any(|own| own.eq_ignore_ascii_case(name));
                is(!own, "a header by which the line itself is read cannot be changed")
            }
            Self::Huge { bytes: size } | Self::Deep { depth: size } => {
                is(*size <= LARGEST, "a body has at most 268435456 bytes or levels")
            }
            Self::Wait { milliseconds } => {
                is(*milliseconds <= LONGEST, "a wait is at most 3600000 milliseconds")
            }
            Self::Batch { index, .. } => {
                is(*index < super::batch::LARGEST, "`index` is from 0 to 19")
            }
            Self::Cut { .. }
            | Self::Late { .. }
            | Self::Fate { .. }
            | Self::Stale
            | Self::Page { .. }
            | Self::Rewrite { .. }
            | Self::UpperCaseIds => Ok(()),
        }
    }
}

impl Rule {
    fn matches(&self, call: &Call) -> bool {
        let method = self.method.as_ref().is_none_or(|it| it.eq_ignore_ascii_case(&call.method));
        let scope = match self.scope {
            Scope::Any => true,
            Scope::Calls => !call.in_batch,
            Scope::Batched => call.in_batch,
        };
        let body = self
            .containing
            .as_ref()
            .is_none_or(|text| String::from_utf8_lossy(&call.body).contains(text.as_str()));
        method && scope && body && path_fits(&self.path, call)
    }
}

/// Whether a pattern fits the path, with or without the version before it.
fn path_fits(pattern: &str, call: &Call) -> bool {
    let pattern: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
    let segments = call.segments();
    let fits = |segments: &[String]| {
        let (pattern, open) = match pattern.split_last() {
            Some((&"**", rest)) => (rest, true),
            _ => (pattern.as_slice(), false),
        };
        let long_enough =
            if open { segments.len() >= pattern.len() } else { segments.len() == pattern.len() };
        long_enough && pattern.iter().zip(segments).all(|(part, own)| *part == "*" || part == own)
    };
    let versioned = segments.first().is_some_and(|it| it == "v1.0" || it == "beta");
    fits(&segments) || (versioned && fits(&segments[1..]))
}

/// The error that a fault stands for.
pub fn refusal(status: u16, code: Option<&str>, retry_after: Option<&str>) -> Answer {
    let usual = match status {
        400 => "badRequest",
        401 => "InvalidAuthenticationToken",
        403 => "Authorization_RequestDenied",
        404 => "notFound",
        409 => "conflict",
        412 => "preconditionFailed",
        429 => "TooManyRequests",
        503 => "serviceNotAvailable",
        504 => "gatewayTimeout",
        _ => "unexpectedError",
    };
    let message = "An unexpected error occurred in the server.";
    let answer = Answer::json(status, wire::error(code.unwrap_or(usual), message));
    match retry_after {
        Some(wait) => answer.with("Retry-After", wait),
        None => answer,
    }
}

/// What a fault makes of a good answer.
pub fn spoil(answer: &mut Answer, fault: &Fault, call: &Call, chance: &mut Chance) {
    match fault {
        Fault::Page { how, origin } => page(answer, *how, origin.as_deref(), call),
        Fault::Batch { how, index } => batch(answer, *how, *index, chance),
        Fault::Rewrite { property, value } => {
            each_object(answer, &mut |object| rewrite(object, property, value.as_ref()));
        }
        Fault::Header { name, value } => {
            answer.headers.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
            answer.headers.push((name.clone(), value.clone()));
        }
        Fault::UpperCaseIds => {
            if let Body::Json(value) = &mut answer.body {
                upper_case(value);
            }
        }
        Fault::Huge { bytes } => {
            let mut body = answer.bytes();
            body.extend(std::iter::repeat_n(b' ', *bytes));
            answer.body = Body::Raw(body);
        }
        Fault::Deep { depth } => {
            let text = format!("{{\"value\":{}{}}}", "[".repeat(*depth), "]".repeat(*depth));
            answer.body = Body::Raw(text.into_bytes());
        }
        Fault::Refuse { .. }
        | Fault::Cut { .. }
        | Fault::Late { .. }
        | Fault::Fate { .. }
        | Fault::Stale
        | Fault::Wait { .. } => {}
    }
}

fn page(answer: &mut Answer, how: PageFault, origin: Option<&str>, call: &Call) {
    const NEXT: &str = "@odata.nextLink";
    let Body::Json(Value::Object(body)) = &mut answer.body else { return };
    match how {
        PageFault::Empty => {
            body.insert("value".to_owned(), json!([]));
            body.remove(NEXT);
        }
        PageFault::Lost => {
            body.insert("value".to_owned(), json!([]));
        }
        PageFault::Repeated => {
            let this = format!("{}{}", call.origin(), call.target);
            body.insert(NEXT.to_owned(), json!(this));
        }
        PageFault::Circular => {
            let first = format!("{}{}", call.origin(), call.path());
            body.insert(NEXT.to_owned(), json!(first));
        }
        PageFault::Elsewhere => {
            let origin = origin.unwrap_or("https://elsewhere.example");
            body.insert(NEXT.to_owned(), json!(format!("{origin}{}", call.path())));
        }
        PageFault::NoValue => {
            body.remove("value");
        }
        PageFault::Twice => {
            let list = body.get_mut("value").and_then(Value::as_array_mut);
            let Some(list) = list else { return };
            let Some(mut again) = list.first().cloned() else { return };
            again["displayName"] = json!("another one");
            list.push(again);
        }
    }
}

fn batch(answer: &mut Answer, how: BatchFault, index: usize, chance: &mut Chance) {
    let Body::Json(body) = &mut answer.body else { return };
    let Some(all) = body.get_mut("responses").and_then(Value::as_array_mut) else { return };
    match how {
        BatchFault::Missing if index < all.len() => _ = all.remove(index),
        BatchFault::Twice => {
            if let Some(again) = all.get(index).cloned() {
                all.push(again);
            }
        }
        BatchFault::Missing => {}
        BatchFault::Shuffled => {
            for end in (1..all.len()).rev() {
                all.swap(end, chance.below(end + 1));
            }
        }
    }
}

/// Every object that an answer is about.
fn each_object(answer: &mut Answer, change: &mut dyn FnMut(&mut Map<String, Value>)) {
    let Body::Json(Value::Object(body)) = &mut answer.body else { return };
    match body.get_mut("value") {
        Some(Value::Array(list)) => {
            for object in list.iter_mut().filter_map(Value::as_object_mut) {
                change(object);
            }
        }
        _ => change(body),
    }
}

fn rewrite(object: &mut Map<String, Value>, property: &str, value: Option<&Value>) {
    match (property.split_once('.'), value) {
        (Some((first, rest)), value) => {
            if let Some(inner) = object.get_mut(first).and_then(Value::as_object_mut) {
                rewrite(inner, rest, value);
            }
        }
        (None, Some(value)) => _ = object.insert(property.to_owned(), value.clone()),
        (None, None) => _ = object.remove(property),
    }
}

fn upper_case(value: &mut Value) {
    match value {
        Value::String(text) => {
            let is_id = text.len() >= 36 && text.split('-').count() >= 5;
            if is_id && text.chars().all(|letter| letter.is_ascii_hexdigit() || letter == '-') {
                text.make_ascii_uppercase();
            }
        }
        Value::Array(all) => all.iter_mut().for_each(upper_case),
        Value::Object(all) => all.values_mut().for_each(upper_case),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(method: &str, target: &str) -> Call {
        Call { method: method.to_owned(), target: target.to_owned(), ..Call::default() }
    }

    fn rule(text: &str) -> Rule {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_pattern_fits_with_and_without_the_version() {
        let cases = [
            ("/a/*/b", "/v1.0/a/1/b", true),
            ("/a/*/b", "/beta/a/1/b?x=1", true),
            ("/a/*/b", "/a/1/b", true),
            ("/v1.0/a", "/v1.0/a", true),
            ("/a/*", "/v1.0/a/1/b", false),
            ("/a/**", "/v1.0/a/1/b", true),
            ("/**", "/v1.0/a", true),
            ("/a/**", "/v1.0/a", true),
            ("/a/**", "/v1.0/b", false),
            ("/$batch", "/v1.0/$batch", true),
        ];
        for (pattern, target, expected) in cases {
            assert_eq!(path_fits(pattern, &call("GET", target)), expected, "{pattern} {target}");
        }
    }

    #[test]
    fn it_happens_to_the_calls_that_were_named() {
        let world = World::new("p", 0);
        let start: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
        let fired = |text: &str| {
            let mut armed = Armed::new(rule(text), &world, start);
            let mut chance = Chance::new(1);
            let at = |second: i64| start + SignedDuration::from_secs(second);
            (0..6)
                .filter(|at_| armed.fires(&call("GET", "/v1.0/a"), at(*at_), &mut chance).is_some())
                .collect::<Vec<_>>()
        };
        let fault = r#""fault": {"kind": "cut", "at": "after"}"#;
        let cases: [(&str, &[i64]); 7] = [
            ("", &[0, 1, 2, 3, 4, 5]),
            (r#""skip": 2,"#, &[2, 3, 4, 5]),
            (r#""skip": 1, "times": 2,"#, &[1, 2]),
            (r#""forSeconds": 3,"#, &[0, 1, 2]),
            (r#""method": "POST","#, &[]),
            (r#""scope": "batched","#, &[]),
            (r#""inAMillion": 0,"#, &[]),
        ];
        for (more, expected) in cases {
            assert_eq!(fired(&format!(r#"{{"path": "/a", {more} {fault}}}"#)), expected, "{more}");
        }
    }

    #[test]
    fn what_is_no_fault_is_refused() {
        for text in [
            r#"{"path": "/a", "fault": {"kind": "explode"}}"#,
            r#"{"path": "/a", "fault": {"kind": "cut"}}"#,
            r#"{"path": "/a", "fault": {"kind": "cut", "at": "after", "more": 1}}"#,
            r#"{"path": "/a", "time": 1, "fault": {"kind": "stale"}}"#,
            r#"{"fault": {"kind": "stale"}}"#,
        ] {
            assert!(serde_json::from_str::<Rule>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn each_fault_of_an_answer_spoils_it_as_it_says() {
        let list = json!({"value": [{"id": "a", "customer": {"displayName": "x"}}], "@odata.nextLink": "n"});
        let id = "0a0a0a0a-1111-4222-8333-444444444444";
        let cases = [
            (r#"{"kind": "page", "how": "empty"}"#, json!({"value": []})),
            (r#"{"kind": "page", "how": "lost"}"#, json!({"value": [], "@odata.nextLink": "n"})),
            (r#"{"kind": "page", "how": "noValue"}"#, json!({"@odata.nextLink": "n"})),
            (
                r#"{"kind": "rewrite", "property": "customer.displayName", "value": null}"#,
                json!({"value": [{"id": "a", "customer": {"displayName": null}}], "@odata.nextLink": "n"}),
            ),
            (
                r#"{"kind": "rewrite", "property": "customer.displayName"}"#,
                json!({"value": [{"id": "a", "customer": {}}], "@odata.nextLink": "n"}),
            ),
            (
                r#"{"kind": "rewrite", "property": "id", "value": 7}"#,
                json!({"value": [{"id": 7, "customer": {"displayName": "x"}}], "@odata.nextLink": "n"}),
            ),
        ];
        for (fault, expected) in cases {
            let mut answer = Answer::json(200, list.clone());
            let fault = serde_json::from_str(fault).unwrap();
            spoil(&mut answer, &fault, &call("GET", "/v1.0/a"), &mut Chance::new(1));
            assert_eq!(answer.value(), Some(&expected), "{fault:?}");
        }
        let mut answer = Answer::json(200, json!({"id": id, "name": "a-b"}));
        spoil(&mut answer, &Fault::UpperCaseIds, &call("GET", "/"), &mut Chance::new(1));
        assert_eq!(answer.value(), Some(&json!({"id": id.to_uppercase(), "name": "a-b"})));
        let mut answer = Answer::json(200, json!({}));
        spoil(&mut answer, &Fault::Huge { bytes: 100 }, &call("GET", "/"), &mut Chance::new(1));
        assert_eq!(answer.bytes().len(), 102);
    }
}
