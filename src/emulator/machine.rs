//! The whole service without a socket: world, clock, login, faults and log, one call after the other.
//!
//! Never: waits, or looks at the machine's clock; both are the server's.

use std::{collections::BTreeMap, mem};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    batch,
    call::{Answer, Body, Call},
    chance::Chance,
    clock::Clock,
    control,
    faults::{Armed, Cut, Fault, Fired, refusal, spoil},
    graph::{self, Caller},
    lifecycle,
    log::Log,
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
    seal: Seal,
    chance: Chance,
    late: BTreeMap<(Timestamp, u64), (Call, Caller)>,
    lates: u64,
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
    /// One that holds this, with apps and a secret for its tokens.
    pub fn new(world: World, clock: Clock, apps: Vec<App>, secret: &[u8], seed: u64) -> Self {
        Self {
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
            lates: 0,
        }
    }

    /// Answers a call that comes when the machine's clock says `machine`.
    pub fn reply(&mut self, call: &Call, machine: Timestamp) -> Reply {
        let now = self.clock.now(machine);
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
            graph::answer(&mut self.world, &call, &caller, when);
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
                wait += milliseconds;
            }
        }
        self.identified(&mut answer, call, now);
        self.log.note(call, &answer, cut, now, self.world.settings.recorded.0);
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
                    self.lates += 1;
                    self.late.insert((when, self.lates), (call.clone(), caller));
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
        if segments.len() == 2 && segments[1] == "$batch" && call.method == "POST" {
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
