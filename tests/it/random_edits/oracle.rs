//! A second opinion on every run: what must hold of the database before and after it, whatever was edited.
//!
//! Never: anything of the planner but what it told, and that only to be compared.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    cast::ROLES,
    declared::{Answer, Declared, Grant},
    limits::Ledger,
    snapshot::{Lineage, Person, Persons, Snapshot},
    world::{Member, Told},
};

/// What is known to fail today, each with the number of its attack: the rules leave it out, and count it. An attack that
/// is closed goes from here.
pub const KNOWN: &[(u8, Known)] = &[];

/// One way in which the program is known to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known {
    /// A row is taken from an owner whose object stands, or of which the input does not speak.
    ClaimFromTheLiving,
    /// What is approved runs with another end than was shown.
    ApprovalWithoutTime,
    /// What is lost while a successor takes over does not count.
    LossUnderReplacement,
    /// A boundary that comes, goes or changes governs its own change.
    BoundaryWithTheChange,
    /// A privileged role for longer does not count as a gain.
    LongerIsNoGain,
    /// Who has just come makes a loss small.
    DilutedShare,
    /// Groups of the same id of two partners are told as one.
    SameIdOfAnotherPartner,
}

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Nobody holds a role above the ceiling that was accepted.
    Ceiling,
    /// Nobody holds anything that no customer accepted.
    Acceptance,
    /// Nobody holds anything for longer than was declared.
    Declared,
    /// Nobody holds anything for longer than was accepted.
    Accepted,
    /// What changes is told, and nothing else is.
    Truth,
    /// What `diff` says is what `apply` does.
    OneAnswer,
    /// What is lost and gained stays within the limits.
    Limits,
    /// What waits, waits until it is approved.
    Waits,
    /// What is approved is what runs.
    Approval,
    /// Absence takes nothing away.
    Absence,
    /// A row stays with its owner while that is there.
    Owner,
    /// An input that is refused changes nothing.
    Refused,
    /// The second run changes nothing.
    Rest,
    /// The ledger is whole.
    Ledger,
}

/// A rule that does not hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Breach {
    pub rule: Rule,
    pub words: String,
    /// It is one of those that are known, and what each is.
    pub known: BTreeSet<Known>,
}

impl Breach {
    pub fn new(rule: Rule, words: String) -> Self {
        Self { rule, words, known: BTreeSet::new() }
    }

    /// The same, which is known where all of that is.
    pub fn because(mut self, known: impl IntoIterator<Item = Known>) -> Self {
        self.known.extend(known);
        self
    }

    pub fn is_known(&self) -> bool {
        !self.known.is_empty()
            && self.known.iter().all(|known| KNOWN.iter().any(|(_, one)| one == known))
    }
}

/// What a person was asked: whether a grantee is to hold just these roles under a row, whenever they end.
pub type Question = ((String, String), Option<String>, Vec<String>);

pub fn question(member: &Member) -> Question {
    (member.row.clone(), member.grantee.clone(), member.after.keys().cloned().collect())
}

/// One run: what stood in the folder, what was held before and after, and what was told.
pub struct Step<'a> {
    pub before: &'a Snapshot,
    pub after: &'a Snapshot,
    pub declared: &'a Declared,
    pub prunes: bool,
    /// The hashes that are approved with this run.
    pub approves: BTreeSet<String>,
    pub told: &'a Told,
}

impl Step<'_> {
    pub fn now(&self) -> i64 {
        self.after.now
    }

    /// Whether something of the plan was held back.
    pub fn is_held_back(&self) -> bool {
        !self.told.waiting.is_empty() || !self.told.refused.is_empty()
    }
}

/// Everything that is remembered of the runs so far.
#[derive(Default)]
pub struct Oracle {
    /// Every answer that stood in an input that was applied.
    pub answers: Vec<Answer>,
    /// What each grant said since it last was wholly in the store.
    pub said: BTreeMap<String, Vec<Grant>>,
    /// By how much an accepted end was moved, by row.
    pub extended: BTreeMap<i64, i64>,
    /// What was shown of each batch, by its hash.
    pub shown: BTreeMap<String, Vec<Member>>,
    /// What was made under the approval of one batch waits in no other one, until it is shown again.
    pub settled: BTreeSet<Question>,
    /// When each batch was approved last.
    pub approved: BTreeMap<String, i64>,
    pub limits: Ledger,
}

impl Oracle {
    /// Everything that does not hold after a run.
    pub fn judge(&mut self, step: &Step<'_>) -> Vec<Breach> {
        if step.told.is_refused_input() {
            return refused(step);
        }
        self.answers.extend(step.declared.answers.iter().cloned());
        for hash in &step.approves {
            if self.shown.contains_key(hash) {
                self.approved.insert(hash.clone(), step.now());
            }
        }
        let mut breaches = Vec::new();
        self.accepted(step, &mut breaches);
        self.declared(step, &mut breaches);
        truth(step, &mut breaches);
        self.approvals(step, &mut breaches);
        self.waits(step, &mut breaches);
        absence(step, &mut breaches);
        owners(step, &mut breaches);
        let approved = self.approved_members(step);
        self.limits.judge(step, &approved, &mut breaches);
        self.settled.extend(approved.iter().map(|member| question(member)));
        for waiting in &step.told.waiting {
            for member in &waiting.members {
                self.settled.remove(&question(member));
            }
            self.shown.insert(waiting.hash.to_string(), waiting.members.clone());
        }
        breaches
    }

    /// What was made under an approval that somebody gave within the hour.
    pub fn approved_members<'a>(&self, step: &Step<'a>) -> Vec<&'a Member> {
        let counts =
            |hash: &String| self.approved.get(hash).is_some_and(|at| step.now() - at < 3_600_000);
        let all = step.told.approved.iter();
        all.filter(|member| member.approved.as_ref().is_some_and(counts)).collect()
    }
}

fn refused(step: &Step<'_>) -> Vec<Breach> {
    if step.before.everything == step.after.everything {
        return Vec::new();
    }
    vec![Breach::new(Rule::Refused, "a refused input changed the store".to_owned())]
}

/// A second run of the same input.
pub fn rests(before: &Snapshot, after: &Snapshot, told: &Told, breaches: &mut Vec<Breach>) {
    if before.everything != after.everything || !told.made.is_empty() {
        let words = format!("the second run made {} changes", told.made.len());
        breaches.push(Breach::new(Rule::Rest, words));
    }
}

/// What differs of who holds what, and what is told of it.
fn truth(step: &Step<'_>, breaches: &mut Vec<Breach>) {
    if step.told.announced != step.told.made {
        let Told { announced, made, refused, .. } = step.told;
        let words = format!(
            "`diff` announced {} changes and `apply` made {}; refused: {refused:?}",
            announced.len(),
            made.len()
        );
        breaches.push(Breach::new(Rule::OneAnswer, words));
    }
    let touched = touched(step);
    let all = [step.before.persons(|_| true), step.after.persons(|_| true)];
    let through = |at: &(Person, Lineage)| touched.contains(at);
    let changed = [step.before.persons(through), step.after.persons(through)];
    let persons: BTreeSet<&Person> = all.iter().flat_map(BTreeMap::keys).copied().collect();
    let mut told = step.told.access.clone();
    for person in &persons {
        let (partner, customer, grantee) = person;
        let others = is_of_two_partners(person, &persons, step);
        for (_, role) in ROLES {
            let key = (partner.clone(), customer.clone(), grantee.clone(), role.to_owned());
            let said = told.remove(&key);
            let said = said.map(|(before, after)| (live(before, step), live(after, step)));
            let said = said.filter(|(before, after)| before != after);
            let right = [&all, &changed].into_iter().any(|sides| {
                let [before, after] = sides.each_ref().map(|side| until(side, person, role));
                said == Some((before, after)).filter(|(before, after)| before != after)
            });
            if !right {
                let sides = all.each_ref().map(|side| until(side, person, role));
                let words = format!("{key:?} {sides:?} was told as {said:?}");
                let known = others.then_some(Known::SameIdOfAnotherPartner);
                breaches.push(Breach::new(Rule::Truth, words).because(known));
            }
        }
    }
    for (key, (before, after)) in told {
        if live(before, step) != live(after, step) {
            let person = (key.0.clone(), key.1.clone(), key.2.clone());
            let known = is_of_two_partners(&person, &persons, step);
            let known = known.then_some(Known::SameIdOfAnotherPartner);
            let words = format!("{key:?} was told and holds nothing");
            breaches.push(Breach::new(Rule::Truth, words).because(known));
        }
    }
}

/// Whether a group of the same id is told of for another partner, or holds something there.
fn is_of_two_partners(person: &Person, persons: &BTreeSet<&Person>, step: &Step<'_>) -> bool {
    let (partner, customer, grantee) = person;
    let told = step.told.access.keys().map(|(partner, there, same, _)| (partner, there, same));
    let held = persons.iter().map(|(partner, there, same)| (partner, there, same));
    told.chain(held)
        .any(|(other, there, same)| other != partner && there == customer && same == grantee)
}

/// Under which relationships who holds something else than before.
fn touched(step: &Step<'_>) -> BTreeSet<(Person, Lineage)> {
    let (before, after) = (&step.before.effective, &step.after.effective);
    let held = before.keys().chain(after.keys());
    held.filter(|at| before.get(at) != after.get(at)).cloned().collect()
}

/// Until when a person holds a role.
fn until(held: &Persons<'_>, person: &Person, role: &str) -> Option<i64> {
    held.get(person)?.get(role).copied()
}

/// Nobody holds what is over.
fn live(until: Option<i64>, step: &Step<'_>) -> Option<i64> {
    until.filter(|until| *until > step.now())
}

/// What a grant was recorded to give stays while its object is merely absent, and so does a row.
fn absence(step: &Step<'_>, breaches: &mut Vec<Breach>) {
    let prunes = |namespace: &str| step.prunes && step.declared.namespaces.contains(namespace);
    for ((id, grantee), recorded) in &step.before.contributions {
        let row = &step.before.rows[id];
        let (lineage, now) = (row.lineage(), &step.after.rows[id]);
        let there = if now.is_active() { Some(now) } else { step.after.active(&lineage) };
        let Some(before) = step.before.written.get(&(*id, grantee.clone())) else { continue };
        for (object, contribution) in recorded {
            let namespace = object.split('/').next().unwrap_or_default();
            let owner = step.declared.relationships.contains_key(&row.object());
            let ended = prunes(&row.namespace) && !owner;
            if step.declared.grants.contains_key(object) || prunes(namespace) || ended {
                continue;
            }
            let end = contribution.window.get("not_after").and_then(|end| {
                let end: jiff::Timestamp = end.as_ref()?.parse().ok()?;
                Some(end.as_millisecond())
            });
            for (role, until) in
                before.iter().filter(|(role, _)| contribution.roles.contains(*role))
            {
                let kept = there.map(|row| {
                    let written = step.after.written.get(&(row.id, grantee.clone()));
                    let held = written.and_then(|roles| roles.get(role)).copied();
                    (row.ceiling.contains(role), row.ends_at, held)
                });
                let least = end.unwrap_or(i64::MAX).min(*until);
                let is_kept = match kept {
                    None => false,
                    Some((false, _, _)) => true,
                    Some((true, ends_at, held)) => {
                        held >= Some(least.min(ends_at.unwrap_or(least)))
                    }
                };
                if !is_kept {
                    let words = format!(
                        "{object} is absent, and {grantee} lost {role} under {}: {kept:?}, not {least}",
                        row.name
                    );
                    breaches.push(Breach::new(Rule::Absence, words));
                }
            }
        }
    }
    for (id, row) in &step.before.rows {
        let after = &step.after.rows[id];
        let ended = ["Terminated", "Withdrawn"].contains(&after.lifecycle.as_str());
        let by_time = after.end_reason.as_deref() == Some("Lapsed");
        let is_there = step.declared.relationships.contains_key(&after.object());
        if row.lifecycle != after.lifecycle
            && ended
            && !by_time
            && !is_there
            && !prunes(&after.namespace)
        {
            let words = format!("{} ended because its object is absent", row.name);
            breaches.push(Breach::new(Rule::Absence, words));
        }
    }
}

/// A row changes hands only when the object of its owner is gone.
fn owners(step: &Step<'_>, breaches: &mut Vec<Breach>) {
    for (id, row) in &step.before.rows {
        let (from, to) = (row.object(), step.after.rows[id].object());
        let spoken_for = step.declared.namespaces.contains(&row.namespace);
        let is_gone = spoken_for && !step.declared.relationships.contains_key(&from);
        if from != to && !is_gone {
            let words = format!("{} went from {from} to {to}", row.name);
            let known = [Known::ClaimFromTheLiving];
            breaches.push(Breach::new(Rule::Owner, words).because(known));
        }
    }
}
