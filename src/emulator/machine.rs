//! The whole service without a socket: world, clock, login, faults and log, one call after the other.
//!
//! Never: waits, or looks at the machine's clock; both are the server's.

use std::{collections::BTreeMap, mem};

use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{
    batch,
    call::{Answer, Body, Call},
    certificate,
    chance::Chance,
    clock::Clock,
    control,
    faults::{Armed, Cut, Fault, Fired, refusal, spoil},
    graph::{self, Caller},
    lifecycle,
    log::{Log, Sender},
    login::{self, App, Login},
    refusal::Refusal,
    settings::DateHeader,
    token::Seal,
    world::{Fate, World},
};

/// The service.
#[derive(Debug)]
pub struct Machine {
    /// What it holds.
    pub world: World,
    /// Its clock.
    pub clock: Clock,
    /// The apps that may log in.
    pub apps: Vec<App>,
    /// What goes wrong.
    pub faults: Vec<Armed>,
    /// What was called.
    pub log: Log,
    /// As it was at the start.
    pub first: Box<World>,
    /// What ids are made from.
    pub seed: u64,
    /// What opens the emulator's own paths.
    pub control: SecretString,
    seal: Seal,
    chance: Chance,
    late: BTreeMap<(Timestamp, u64), (Call, Caller)>,
    late_calls: u64,
}

/// What goes back over the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The answer, with all its headers.
    pub answer: Answer,
    /// Where the line is cut.
    pub cut: Option<Cut>,
    /// How many milliseconds it takes.
    pub wait: u64,
}

impl Machine {
    /// One that holds this, with apps, a secret for its tokens, and one for its own paths.
    pub fn new(
        world: World,
        clock: Clock,
        apps: Vec<App>,
        (secret, control): (&[u8], SecretString),
        seed: u64,
    ) -> Self {
        Self {
            control,
            first: Box::new(world.clone()),
            world,
            clock,
            apps,
            faults: Vec::new(),
            log: Log::default(),
            seal: Seal::new(secret),
            seed,
            chance: Chance::new(!seed),
            late: BTreeMap::new(),
            late_calls: 0,
        }
    }

    /// Answers a call that comes when the machine's clock says `machine`.
    pub fn reply(&mut self, call: &Call, machine: Timestamp) -> Reply {
        let now = self.clock.now(machine);
        if !call.header("host").is_some_and(certificate::is_named) {
            let message = "the emulator is called by another name: use `localhost` and its port";
            let refusal = Refusal { status: 421, code: "badRequest", message: message.to_owned() };
            return Reply { answer: Answer::from(refusal), cut: None, wait: 0 };
        }
        self.pass(now);
        if control::is_control(call) {
            let answer = control::answer(self, call, machine);
            return Reply { answer, cut: None, wait: 0 };
        }
        let latency = self.world.settings.latency.clone();
        let mut reply = self.served(call, now, machine);
        reply.wait = reply.wait.saturating_add(latency.call);
        self.dated(&mut reply.answer, now, machine);
        reply
    }

    /// Lets everything happen that is due, also calls that are late.
    pub fn pass(&mut self, now: Timestamp) {
        while let Some(entry) = self.late.first_entry() {
            let (when, _) = *entry.key();
            if when > now {
                break;
            }
            let (call, caller) = entry.remove();
            lifecycle::advance(&mut self.world, when);
            let mut one = |call: &Call| graph::answer(&mut self.world, call, &caller, when);
            _ = if is_batch(&call) { batch::run(&call, one) } else { one(&call) };
        }
        lifecycle::advance(&mut self.world, now);
    }

    /// The same as it was at the start; the clock goes on.
    pub fn reset(&mut self, world: World) {
        let settings = self.world.settings.clone();
        self.world = world;
        self.world.settings = settings;
        self.faults.clear();
        self.late.clear();
        self.log = Log::default();
    }

    /// Arms a rule.
    pub fn arm(&mut self, armed: Armed) {
        self.faults.push(armed);
    }

    /// One call, or one request of a batch, with what goes wrong with it.
    fn served(&mut self, call: &Call, now: Timestamp, machine: Timestamp) -> Reply {
        let Self { faults, chance, .. } = self;
        let fired: Vec<Fired> =
            faults.iter_mut().filter_map(|it| it.fires(call, now, chance)).collect();
        let mut wait = 0;
        let (mut answer, cut) = match self.stopped(call, &fired, now) {
            Some(stopped) => stopped,
            None => self.carried_out(call, &fired, now, machine, &mut wait),
        };
        for Fired { fault, .. } in &fired {
            spoil(&mut answer, fault, call, &mut self.chance);
            if let Fault::Wait { milliseconds } = fault {
                wait = wait.saturating_add(*milliseconds);
            }
        }
        self.identified(&mut answer, call, now);
        let sender = match self.seal.caller(call.header("authorization"), now) {
            Ok(_) if !login::is_login(call) => Sender::Known,
            Ok(_) | Err(_) => Sender::Stranger,
        };
        let most = self.world.settings.recorded.0;
        self.log.note((call, sender), &answer, cut, now, most);
        Reply { answer, cut, wait }
    }

    /// What stops a call before anything is done.
    fn stopped(
        &mut self,
        call: &Call,
        fired: &[Fired],
        now: Timestamp,
    ) -> Option<(Answer, Option<Cut>)> {
        fired.iter().find_map(|Fired { fault, .. }| match fault {
            Fault::Refuse { status, code, retry_after, effect: false } => {
                Some((refusal(*status, code.as_deref(), retry_after.as_deref()), None))
            }
            Fault::Cut { at: Cut::Before } => Some((refusal(504, None, None), Some(Cut::Before))),
            Fault::Late { seconds } => {
                let when =
                    super::clock::later(now, jiff::SignedDuration::from_secs((*seconds).into()));
                if let Ok(caller) = self.seal.caller(call.header("authorization"), now) {
                    self.late_calls += 1;
                    self.late.insert((when, self.late_calls), (call.clone(), caller));
                }
                Some((refusal(504, None, None), Some(Cut::Before)))
            }
            Fault::Refuse { .. }
            | Fault::Cut { .. }
            | Fault::Fate { .. }
            | Fault::Stale
            | Fault::Page { .. }
            | Fault::Batch { .. }
            | Fault::Rewrite { .. }
            | Fault::Header { .. }
            | Fault::UpperCaseIds
            | Fault::Huge { .. }
            | Fault::Deep { .. }
            | Fault::Wait { .. } => None,
        })
    }

    /// Does what was asked for; what comes back of it may be something else.
    fn carried_out(
        &mut self,
        call: &Call,
        fired: &[Fired],
        now: Timestamp,
        machine: Timestamp,
        wait: &mut u64,
    ) -> (Answer, Option<Cut>) {
        let mut old = None;
        for Fired { fault, world } in fired {
            match (fault, world) {
                (Fault::Fate { seconds }, _) => {
                    self.world.fate = seconds.map_or(Fate::Fails, Fate::Slow);
                }
                (Fault::Stale, Some(world)) if call.method == "GET" => old = Some(world.clone()),
                _ => {}
            }
        }
        let kept = old.map(|old| mem::replace(&mut self.world, *old));
        let mut answer = self.done(call, now, machine, wait);
        if let Some(kept) = kept {
            self.world = kept;
        }
        self.world.fate = Fate::Ordinary;
        let mut cut = None;
        for Fired { fault, .. } in fired {
            match fault {
                Fault::Refuse { status, code, retry_after, effect: true } => {
                    answer = refusal(*status, code.as_deref(), retry_after.as_deref());
                }
                Fault::Cut { at } => cut = Some(*at),
                Fault::Refuse { .. }
                | Fault::Late { .. }
                | Fault::Fate { .. }
                | Fault::Stale
                | Fault::Page { .. }
                | Fault::Batch { .. }
                | Fault::Rewrite { .. }
                | Fault::Header { .. }
                | Fault::UpperCaseIds
                | Fault::Huge { .. }
                | Fault::Deep { .. }
                | Fault::Wait { .. } => {}
            }
        }
        // Nobody can cut the line of one request in a batch.
        if call.in_batch && cut.is_some() {
            answer = refusal(504, None, None);
        }
        (answer, cut)
    }

    fn done(&mut self, call: &Call, now: Timestamp, machine: Timestamp, wait: &mut u64) -> Answer {
        if login::is_login(call) && !call.in_batch {
            let Self { apps, seal, clock, .. } = self;
            let login = Login { apps, seal, now, machine, factor: clock.factor() };
            return login.answer(call);
        }
        let segments = call.segments();
        if !segments.first().is_some_and(|first| first == "v1.0" || first == "beta") {
            let message = "This is the emulator: it knows /v1.0, /beta and the paths of the login.";
            return Answer::from(Refusal::missing(message));
        }
        let caller = match self.seal.caller(call.header("authorization"), now) {
            Ok(caller) => caller,
            Err(refusal) => return Answer::from(refusal).with("WWW-Authenticate", "Bearer"),
        };
        if is_batch(call) {
            if !call.is_json() {
                return Answer::from(Refusal::not_json());
            }
            let each = self.world.settings.latency.sub_request;
            return batch::run(call, |part| {
                let reply = self.served(part, now, machine);
                *wait = wait.saturating_add(each).saturating_add(reply.wait);
                reply.answer
            });
        }
        graph::answer(&mut self.world, call, &caller, now)
    }

    /// Gives an answer its ids, and an error the same inside.
    fn identified(&mut self, answer: &mut Answer, call: &Call, now: Timestamp) {
        let own = self.chance.guid();
        let client = call.header("client-request-id").unwrap_or(&own).to_owned();
        if let Body::Json(body) = &mut answer.body
            && let Some(error) = body.get_mut("error").and_then(Value::as_object_mut)
        {
            let date = now.strftime("%Y-%m-%dT%H:%M:%S").to_string();
            let inner = json!({"date": date, "request-id": own, "client-request-id": client});
            error.insert("innerError".to_owned(), inner);
        }
        if !call.in_batch {
            answer.headers.push(("request-id".to_owned(), own));
            answer.headers.push(("client-request-id".to_owned(), client));
        }
    }

    /// Gives an answer the time.
    fn dated(&self, answer: &mut Answer, now: Timestamp, machine: Timestamp) {
        let settings = &self.world.settings;
        let time = match settings.date {
            DateHeader::Service => now,
            DateHeader::Machine => machine,
        };
        let off = jiff::SignedDuration::from_secs(settings.date_off);
        let time = time.checked_add(off).unwrap_or(time);
        let text = time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        answer.headers.push(("Date".to_owned(), text));
    }
}

fn is_batch(call: &Call) -> bool {
    let segments = call.segments();
    segments.len() == 2 && segments[1] == "$batch" && call.method == "POST"
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::emulator::{login::App, sample, world::Fate};

    const SECRET: &str = "a-secret-that-nobody-sees";

    const CONTROL: &str = "what-opens-the-control-paths";

    fn start() -> Timestamp {
        "2026-12-01T00:00:00Z".parse().unwrap()
    }

    fn machine() -> Machine {
        let world = sample::full(sample::PARTNER, 1, start()).unwrap();
        let app = App {
            client: "c".to_owned(),
            tenant: sample::PARTNER.to_owned(),
            roles: vec![graph::WRITE.to_owned()],
            secrets: vec![SECRET.into()],
            ..App::default()
        };
        Machine::new(
            world,
            Clock::new(start(), 0, start()),
            vec![app],
            (b"seal", CONTROL.into()),
            1,
        )
    }

    fn call(method: &str, target: &str, body: &str) -> Call {
        let headers = [("host", "localhost:1"), ("content-type", "application/json")];
        Call {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            body: body.as_bytes().to_vec(),
            in_batch: false,
        }
    }

    fn bearer(machine: &mut Machine) -> String {
        let form = format!(
            "grant_type=client_credentials&client_id=c&client_secret={SECRET}&scope=https://graph.microsoft.com/.default"
        );
        let path = format!("/{}/oauth2/v2.0/token", sample::PARTNER);
        let reply = machine.reply(&call("POST", &path, &form), start());
        format!("Bearer {}", reply.answer.value().unwrap()["access_token"].as_str().unwrap())
    }

    fn with(mut call: Call, name: &str, value: &str) -> Call {
        call.headers.insert(name.to_owned(), value.to_owned());
        call
    }

    fn control(machine: &mut Machine, method: &str, path: &str, body: &str) -> (u16, Value) {
        let call = call(method, &format!("/_emulator/{path}"), body);
        let call = with(call, "x-emulator-token", CONTROL);
        let reply = machine.reply(&call, start());
        (reply.answer.status, reply.answer.value().unwrap().clone())
    }

    #[test]
    fn a_clock_goes_to_the_year_9000_and_no_further() {
        let mut machine = machine();
        let deed = r#"{"kind": "extend", "relationship": "northwind-helpdesk", "on": true}"#;
        assert_eq!(control(&mut machine, "POST", "people", deed).0, 200);
        for by in ["P7000000D", "P1M", "P9000Y", "-P1D"] {
            let (status, body) =
                control(&mut machine, "POST", "clock", &format!(r#"{{"by": "{by}"}}"#));
            let said = body["error"]["message"].as_str().unwrap();
            assert_eq!(status, 400, "{by}: {said}");
            assert!(said.starts_with("the clock"), "{by}: {said}");
        }
        assert_eq!(control(&mut machine, "POST", "clock", r#"{"factor": 4000000000}"#).0, 200);
        machine.pass(machine.clock.now(start() + SignedDuration::from_hours(240_000)));
        let later = start() + SignedDuration::from_hours(240_000);
        let asked = with(call("GET", "/_emulator/clock", ""), "x-emulator-token", CONTROL);
        let reply = machine.reply(&asked, later);
        assert_eq!(reply.answer.value().unwrap()["now"], "9000-01-01T00:00:00Z");
    }

    #[test]
    fn a_fault_that_cannot_be_carried_out_is_not_armed() {
        let mut machine = machine();
        for fault in [
            r#"{"kind": "refuse", "status": 0}"#,
            r#"{"kind": "refuse", "status": 99}"#,
            r#"{"kind": "refuse", "status": 101}"#,
            r#"{"kind": "refuse", "status": 204}"#,
            r#"{"kind": "refuse", "status": 1000}"#,
            r#"{"kind": "refuse", "status": 429, "retryAfter": "1\r\nx: y"}"#,
            r#"{"kind": "header", "name": "x y", "value": "z"}"#,
            r#"{"kind": "header", "name": "x", "value": "a\r\nb: c"}"#,
            r#"{"kind": "header", "name": "Content-Length", "value": "7"}"#,
            r#"{"kind": "header", "name": "transfer-encoding", "value": "chunked"}"#,
            r#"{"kind": "wait", "milliseconds": 18446744073709551615}"#,
            r#"{"kind": "huge", "bytes": 18446744073709551615}"#,
            r#"{"kind": "deep", "depth": 18446744073709551615}"#,
            r#"{"kind": "batch", "how": "missing", "index": 20}"#,
        ] {
            let rule = format!(r#"{{"path": "/**", "fault": {fault}}}"#);
            assert_eq!(control(&mut machine, "POST", "faults", &rule).0, 400, "{fault}");
        }
        assert!(machine.faults.is_empty());
    }

    #[test]
    fn no_token_is_recorded_not_even_in_a_batch() {
        let mut machine = machine();
        let bearer = bearer(&mut machine);
        let part = json!({
            "id": "1", "method": "GET", "url": "/groups/x",
            "headers": {"AUTHORIZATION": bearer, "Prefer": "kept"},
        });
        let body = json!({"requests": [part]}).to_string();
        let sent = with(call("POST", "/v1.0/$batch", &body), "authorization", &bearer);
        assert_eq!(machine.reply(&sent, start()).answer.status, 200);
        let kept = machine.log.kept().to_string();
        assert!(kept.contains("Prefer"), "{kept}");
        assert!(!kept.contains(&bearer["Bearer ".len()..]), "{kept}");
    }

    #[test]
    fn what_is_recorded_is_limited_and_nothing_of_a_stranger_is() {
        let mut machine = machine();
        let bearer = bearer(&mut machine);
        let path = "/v1.0/tenantRelationships/delegatedAdminRelationships";
        let last = |machine: &Machine| {
            machine.log.kept()["value"].as_array().unwrap().last().unwrap().clone()
        };
        machine.reply(&call("POST", path, r#"{"displayName": "a stranger's"}"#), start());
        assert!(!last(&machine).to_string().contains("stranger"), "{}", last(&machine));
        let unknown = call("POST", "/nowhere", r#"{"displayName": "a stranger's"}"#);
        machine.reply(&unknown, start());
        assert!(!last(&machine).to_string().contains("stranger"), "{}", last(&machine));

        let large = json!({"displayName": "n".repeat(100_000)}).to_string();
        let large = with(call("POST", path, &large), "authorization", &bearer);
        for _ in 0..300 {
            machine.reply(&large, start());
        }
        let it = last(&machine);
        assert_eq!(it["bodyCut"], large.body.len(), "{}", it["bodyCut"]);
        assert_eq!(it["body"].as_str().unwrap().len(), 64 << 10);
        assert!(machine.log.kept().to_string().len() < 17 << 20);

        for number in 0..1000 {
            machine.reply(&call(&format!("M{number}"), &format!("/v1.0/{number}"), ""), start());
            machine.reply(&call("GET", &format!("/{number}/oauth2/v2.0/token"), ""), start());
        }
        let counts = machine.log.counts();
        assert!(counts["calls"].as_object().unwrap().len() < 10, "{counts}");
    }

    #[test]
    fn nothing_that_is_secret_is_shown_by_debug() {
        let mut machine = machine();
        let bearer = bearer(&mut machine);
        let rule = r#"{"path": "/**", "fault": {"kind": "late", "seconds": 100}}"#;
        control(&mut machine, "POST", "faults", rule);
        let sent = with(call("DELETE", "/v1.0/groups/x", SECRET), "authorization", &bearer);
        machine.reply(&sent, start());
        machine.world.fate = Fate::Ordinary;
        let shown = format!("{machine:?} {sent:?}");
        let bytes = format!("{:?}", SECRET.as_bytes());
        for secret in [SECRET, CONTROL, bytes.trim_matches(['[', ']']), &bearer["Bearer ".len()..]]
        {
            assert!(!shown.contains(secret), "{secret}");
        }
    }

    #[test]
    fn only_whoever_has_the_token_and_is_no_page_plays_with_it() {
        let mut machine = machine();
        let asked = call("POST", "/_emulator/clock", "{}");
        let good = with(asked.clone(), "x-emulator-token", CONTROL);
        let bearer = bearer(&mut machine);
        let without = |name: &str| {
            let mut call = good.clone();
            call.headers.remove(name);
            call
        };
        let cases = [
            (good.clone(), 200),
            (with(asked.clone(), "authorization", &format!("Bearer {CONTROL}")), 200),
            (asked.clone(), 401),
            (with(asked.clone(), "authorization", &bearer), 401),
            (with(asked, "x-emulator-token", ""), 401),
            (with(good.clone(), "origin", "https://localhost:1"), 403),
            (with(good.clone(), "sec-fetch-site", "same-origin"), 403),
            (with(good.clone(), "content-type", "text/plain"), 415),
            (without("content-type"), 415),
            (with(good.clone(), "host", "evil.example:1"), 421),
            (without("host"), 421),
        ];
        for (call, status) in cases {
            let headers = call.headers.clone();
            assert_eq!(machine.reply(&call, start()).answer.status, status, "{headers:?}");
        }
        let strange = with(call("GET", "/v1.0/groups/x", ""), "host", "evil.example");
        assert_eq!(machine.reply(&strange, start()).answer.status, 421);
    }

    #[test]
    fn a_late_batch_lands_too() {
        let mut machine = machine();
        let bearer = bearer(&mut machine);
        let rule = r#"{"path": "/$batch", "times": 1, "fault": {"kind": "late", "seconds": 60}}"#;
        assert_eq!(control(&mut machine, "POST", "faults", rule).0, 200);
        let id = machine.world.names["fabrikam-draft"].clone();
        let part = json!({
            "id": "1", "method": "DELETE", "headers": {"If-Match": "*"},
            "url": format!("/tenantRelationships/delegatedAdminRelationships/{id}"),
        });
        let body = json!({"requests": [part]}).to_string();
        let sent = with(call("POST", "/v1.0/$batch", &body), "authorization", &bearer);
        assert_eq!(machine.reply(&sent, start()).cut, Some(Cut::Before));
        machine.pass(start() + SignedDuration::from_secs(59));
        assert!(machine.world.relationships.contains_key(&id));
        machine.pass(start() + SignedDuration::from_secs(60));
        assert!(!machine.world.relationships.contains_key(&id));
    }

    #[test]
    fn what_is_written_is_json_of_known_roles_and_of_the_partner() {
        let mut machine = machine();
        let bearer = bearer(&mut machine);
        let path = "/v1.0/tenantRelationships/delegatedAdminRelationships";
        let body = |role: &str| {
            let roles = json!({"unifiedRoles": [{"roleDefinitionId": role}]});
            json!({"displayName": "new", "duration": "P1D", "accessDetails": roles}).to_string()
        };
        let known = body("729827e3-9c14-49f7-bb1b-9608f156bbb8");
        let good = with(call("POST", path, &known), "authorization", &bearer);
        let mut plain = good.clone();
        plain.headers.remove("content-type");
        assert_eq!(machine.reply(&plain, start()).answer.status, 415);
        let unknown = body("729827e3-0000-0000-0000-9608f156bbb8");
        let unknown = with(call("POST", path, &unknown), "authorization", &bearer);
        assert_eq!(machine.reply(&unknown, start()).answer.status, 400);

        let app = r#"{"clientId": "d", "tenant": "other", "roles": ["DelegatedAdminRelationship.ReadWrite.All"], "secret": "s"}"#;
        assert_eq!(control(&mut machine, "POST", "apps", app).0, 200);
        let form = "grant_type=client_credentials&client_id=d&client_secret=s&scope=https://graph.microsoft.com/.default";
        let reply = machine.reply(&call("POST", "/other/oauth2/v2.0/token", form), start());
        let token = reply.answer.value().unwrap()["access_token"].as_str().unwrap().to_owned();
        let theirs = |method: &str| {
            with(call(method, path, &known), "authorization", &format!("Bearer {token}"))
        };
        assert_eq!(machine.reply(&theirs("GET"), start()).answer.status, 200);
        assert_eq!(machine.reply(&theirs("POST"), start()).answer.status, 403);

        let reply = machine.reply(&good, start());
        assert_eq!(reply.answer.status, 201);
        assert_eq!(reply.answer.value().unwrap()["autoExtendDuration"], "PT0S");
        let habit = r#"{"habits": {"zeroExtension": "days"}}"#;
        assert_eq!(control(&mut machine, "POST", "settings", habit).0, 200);
        let id = machine.world.names["new"].clone();
        let get =
            |id: &str| with(call("GET", &format!("{path}/{id}"), ""), "authorization", &bearer);
        let reply = machine.reply(&get(&id), start());
        assert_eq!(reply.answer.value().unwrap()["autoExtendDuration"], "P0D");
        let gone = format!("{}-{}", uuid::Uuid::nil(), sample::PARTNER);
        for (id, status) in [(gone.as_str(), 404), ("nothing", 400), (sample::PARTNER, 400)] {
            assert_eq!(machine.reply(&get(id), start()).answer.status, status, "{id}");
        }
    }
}
