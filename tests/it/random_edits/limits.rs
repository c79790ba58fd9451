//! Rules about how much is lost and gained at once, counted from the database by a definition of its own: what a grantee
//! held before and does not hold afterwards is a loss, whatever it is called.
//!
//! Never: a cost that the program worked out.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    access::held,
    cast::PRIVILEGED,
    declared::{Bounds, DEFAULT, Limits},
    oracle::{Breach, Known, Rule, Step},
    snapshot::{Lineage, Row, Snapshot},
    world::Member,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    Revocations,
    Terminations,
    PrivilegedGains,
    NewGrantees,
    Replacements,
}

const MEASURES: [Measure; 5] = [
    Measure::Revocations,
    Measure::Terminations,
    Measure::PrivilegedGains,
    Measure::NewGrantees,
    Measure::Replacements,
];

/// Something that counts.
#[derive(Debug, Clone)]
struct Event {
    at: i64,
    namespace: String,
    measure: Measure,
    /// What today's program does not count, and why.
    known: Option<Known>,
}

/// What happened within windows, and what bounded whom.
#[derive(Default)]
pub struct Ledger {
    events: Vec<Event>,
    /// What bounded a namespace in the last input that was applied, and since when by that name.
    pub bounded: BTreeMap<String, (Bounds, i64)>,
    /// Since when a grantee holds something.
    since: BTreeMap<(Lineage, String), i64>,
    /// Since when a relationship is active.
    active: BTreeMap<Lineage, i64>,
}

impl Ledger {
    pub fn judge(&mut self, step: &Step<'_>, approved: &[&Member], breaches: &mut Vec<Breach>) {
        self.holders(step.before, step.now());
        let events = events(step, approved);
        self.events.extend(events.iter().cloned());
        let spoken: BTreeSet<&String> =
            step.declared.namespaces.iter().chain(events.iter().map(|it| &it.namespace)).collect();
        let mut judged: Vec<Bounds> = Vec::new();
        let spoken: BTreeMap<&String, Bounds> = spoken
            .into_iter()
            .map(|namespace| (namespace, self.bounds_now(namespace, step)))
            .collect();
        for (namespace, current) in &spoken {
            let earlier = self.bounded.get(*namespace).map(|(bounds, _)| self.as_it_is(bounds));
            let current = self.as_it_is(current);
            let narrows = earlier.as_ref().is_none_or(|earlier| earlier.name == current.name);
            let both = earlier.into_iter().chain(narrows.then_some(current));
            for bounds in both {
                if !judged.contains(&bounds) {
                    self.within(&bounds, step, events.len(), breaches);
                    judged.push(bounds);
                }
            }
        }
        for (namespace, bounds) in spoken {
            let since = match self.bounded.get(namespace) {
                Some((before, since)) if *before == bounds => *since,
                Some(_) | None => step.now(),
            };
            self.bounded.insert(namespace.clone(), (bounds, since));
        }
        self.holders(step.after, step.now());
        let oldest = step.now() - 6 * 3_600_000;
        self.events.retain(|event| event.at > oldest);
    }

    /// What bounds a namespace once a run is over: a boundary that the input leaves out is remembered until it is pruned.
    fn bounds_now(&self, namespace: &str, step: &Step<'_>) -> Bounds {
        let declared = step.declared.bounds_of(namespace);
        let remembered = self.bounded.get(namespace).map(|(bounds, _)| bounds);
        let keeps = declared.name == DEFAULT && !step.prunes;
        remembered.filter(|_| keeps).cloned().unwrap_or(declared)
    }

    /// The same without the namespaces that something else is remembered to bound.
    fn as_it_is(&self, bounds: &Bounds) -> Bounds {
        let mut bounds = bounds.clone();
        let name = &bounds.name;
        let is_elsewhere = |namespace: &String| {
            self.bounded.get(namespace).is_some_and(|(other, _)| other.name != *name)
        };
        bounds.namespaces.retain(|namespace| !is_elsewhere(namespace));
        bounds
    }

    /// Notes who holds something and what is active, and since when.
    fn holders(&mut self, snapshot: &Snapshot, now: i64) {
        let holders: BTreeSet<(Lineage, String)> = holders(snapshot, |_| true);
        self.since.retain(|holder, _| holders.contains(holder));
        for holder in holders {
            self.since.entry(holder).or_insert(now);
        }
        let active: BTreeSet<Lineage> = active(snapshot, |_| true);
        self.active.retain(|lineage, _| active.contains(lineage));
        for lineage in active {
            self.active.entry(lineage).or_insert(now);
        }
    }

    /// Whether what happened now is within some bounds, with what happened in their window before.
    fn within(&self, bounds: &Bounds, step: &Step<'_>, new: usize, breaches: &mut Vec<Breach>) {
        let began = step.now() - bounds.limits.window;
        let first_new = self.events.len() - new;
        for measure in MEASURES {
            let counted: Vec<(usize, &Event)> = self
                .events
                .iter()
                .enumerate()
                .filter(|(_, event)| event.measure == measure && event.at > began)
                .filter(|(_, event)| bounds.namespaces.contains(&event.namespace))
                .collect();
            let exceeds = |known: &[Known]| {
                let of_all = known.contains(&Known::DilutedShare);
                let allowed = self.allowed(measure, bounds, of_all, step);
                let is_left = |event: &&(usize, &Event)| {
                    event.1.known.is_none_or(|reason| !known.contains(&reason))
                };
                let left = || counted.iter().filter(is_left);
                let total = i64::try_from(left().count()).unwrap();
                let now = left().any(|(position, _)| *position >= first_new);
                (now && total > allowed).then_some((total, allowed))
            };
            let Some((total, allowed)) = exceeds(&[]) else { continue };
            let ways: [&[Known]; 4] = [
                &[Known::LossUnderReplacement],
                &[Known::LongerIsNoGain],
                &[Known::DilutedShare],
                &[Known::LossUnderReplacement, Known::DilutedShare],
            ];
            let boundary = self.is_another(bounds, began, step);
            let known = if boundary {
                Some(&[Known::BoundaryWithTheChange][..])
            } else {
                ways.into_iter().find(|known| exceeds(known).is_none())
            };
            let words = format!(
                "{measure:?} within {}: {total}, allowed {allowed}; {:?}",
                bounds.name, bounds.limits
            );
            let breach = Breach::new(Rule::Limits, words);
            breaches.push(breach.because(known.into_iter().flatten().copied()));
        }
    }

    /// Whether what bounds these namespaces came or changed within the window, or rows still stand under another name.
    fn is_another(&self, bounds: &Bounds, began: i64, step: &Step<'_>) -> bool {
        let changed = |namespace: &String| {
            let current = step.declared.bounds_of(namespace) != *bounds;
            let of_late = |(_, since): &(Bounds, i64)| *since > began;
            self.bounded.contains_key(namespace)
                && (current || self.bounded.get(namespace).is_some_and(of_late))
        };
        let under_another =
            |row: &Row| bounds.namespaces.contains(&row.namespace) && row.scope != bounds.name;
        bounds.namespaces.iter().any(changed) || step.before.rows.values().any(under_another)
    }

    fn allowed(&self, measure: Measure, bounds: &Bounds, of_all: bool, step: &Step<'_>) -> i64 {
        let Limits { window, revocations, terminations, .. } = bounds.limits;
        let began = step.now() - window;
        let is_old = |since: Option<&i64>| of_all || since.is_some_and(|since| *since <= began);
        let own = |namespace: &str| bounds.namespaces.contains(namespace);
        match measure {
            Measure::Revocations => {
                let all = holders(step.before, own);
                let old = all.iter().filter(|holder| is_old(self.since.get(holder)));
                share(revocations, old.count())
            }
            Measure::Terminations => {
                let all = active(step.before, own);
                let old = all.iter().filter(|lineage| is_old(self.active.get(lineage)));
                share(terminations, old.count())
            }
            Measure::PrivilegedGains => bounds.limits.privileged_gains,
            Measure::NewGrantees => bounds.limits.new_grantees,
            Measure::Replacements => bounds.limits.replacements,
        }
    }
}

/// Below five the count alone decides; a share allows one at least.
fn share((count, percent): (i64, i64), of: usize) -> i64 {
    let of = i64::try_from(of).unwrap();
    if of < 5 { count } else { count.min((of * percent / 100).max(1)) }
}

/// Who holds something in namespaces of which that is true.
fn holders(snapshot: &Snapshot, own: impl Fn(&str) -> bool) -> BTreeSet<(Lineage, String)> {
    let rows = snapshot.written.keys().map(|(id, grantee)| (&snapshot.rows[id], grantee));
    let own = rows.filter(|(row, _)| row.is_active() && own(&row.namespace));
    own.map(|(row, grantee)| (row.lineage(), grantee.clone())).collect()
}

fn active(snapshot: &Snapshot, own: impl Fn(&str) -> bool) -> BTreeSet<Lineage> {
    let rows = snapshot.rows.values();
    rows.filter(|row| row.is_active() && own(&row.namespace)).map(Row::lineage).collect()
}

/// Everything in a step that counts.
fn events(step: &Step<'_>, approved: &[&Member]) -> Vec<Event> {
    let mut events = of_grantees(step, approved);
    events.extend(of_relationships(step, approved));
    events
}

fn of_grantees(step: &Step<'_>, approved: &[&Member]) -> Vec<Event> {
    let all = |_: &str| true;
    let grantees: BTreeSet<(Lineage, String)> =
        holders(step.before, all).into_iter().chain(holders(step.after, all)).collect();
    let mut events = Vec::new();
    for (lineage, grantee) in grantees {
        let is_approved = approved.iter().any(|member| {
            member.grantee.as_ref() == Some(&grantee) && is_of(member, &lineage, step)
        });
        if is_approved {
            continue;
        }
        let before = held(step.before, &lineage, &grantee);
        let after = held(step.after, &lineage, &grantee);
        let rows = step.before.rows.values().chain(step.after.rows.values());
        let row = rows.filter(|row| row.lineage() == lineage).max_by_key(|row| row.is_active());
        let namespace =
            row.expect("whoever holds something holds it under a row").namespace.clone();
        let (old, new) = (step.before.active(&lineage), step.after.active(&lineage));
        let is_replaced = old.is_some_and(|old| new.is_some_and(|new| new.id != old.id));
        let is_moved = is_replaced || old.map(|old| old.ends_at) != new.map(|new| new.ends_at);
        let end = new.and_then(|new| new.ends_at);
        let at_its_end = |until: i64| is_moved && Some(until) == end;
        let mut counts = |measure, known| {
            let namespace = namespace.clone();
            events.push(Event { at: step.now(), namespace, measure, known });
        };
        let loses = |(role, until): (&String, &i64)| {
            after.get(role).is_none_or(|later| later < until && !at_its_end(*later))
        };
        if before.iter().any(loses) {
            let known = is_replaced.then_some(Known::LossUnderReplacement);
            counts(Measure::Revocations, known);
        }
        for (role, until) in &after {
            let had = before.get(role);
            let gains = had.is_none_or(|had| until > had && !at_its_end(*until));
            if gains && PRIVILEGED.contains(&role.as_str()) {
                counts(Measure::PrivilegedGains, had.map(|_| Known::LongerIsNoGain));
            }
        }
        if before.is_empty() && !after.is_empty() {
            counts(Measure::NewGrantees, None);
        }
    }
    events
}

fn of_relationships(step: &Step<'_>, approved: &[&Member]) -> Vec<Event> {
    let mut events = Vec::new();
    for (id, row) in &step.after.rows {
        let is_approved = approved.iter().any(|member| {
            member.grantee.is_none() && member.row == (row.partner.clone(), row.name.clone())
        });
        if is_approved {
            continue;
        }
        let mut counts = |measure| {
            let namespace = row.namespace.clone();
            events.push(Event { at: step.now(), namespace, measure, known: None });
        };
        let before = step.before.rows.get(id);
        let was_active = before.is_some_and(Row::is_active);
        let lineage = row.lineage();
        if was_active && row.lifecycle == "Terminated" && step.after.active(&lineage).is_none() {
            counts(Measure::Terminations);
        }
        if let (None, Some(active)) = (before, step.before.active(&lineage)) {
            let (asked, accepted) = (row.invited(), active.invited());
            let roles = |invited: &serde_json::Value| -> BTreeSet<String> {
                let roles = invited["roles"].as_array().into_iter().flatten();
                roles.filter_map(|role| role.as_str().map(str::to_owned)).collect()
            };
            if roles(&asked) != active.ceiling || asked["duration"] != accepted["duration"] {
                counts(Measure::Replacements);
            }
        }
    }
    events
}

/// Whether a change is about a row of a relationship.
fn is_of(member: &Member, lineage: &Lineage, step: &Step<'_>) -> bool {
    let mut rows = step.after.rows.values().filter(|row| row.lineage() == *lineage);
    rows.any(|row| member.row == (row.partner.clone(), row.name.clone()))
}
