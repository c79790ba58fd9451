//! Rules about what is held at all: accepted, within its ceiling, and no longer than was declared and accepted; and about
//! what waits and is approved.
//!
//! Never: an exception for what was held before, unless something was held back.

use serde_json::Value;

use super::{
    declared::{Answer, Grant},
    oracle::{Breach, Known, Oracle, Rule, Step, question},
    snapshot::{Lineage, Roles, Row, Snapshot},
    world::Member,
};

const DAY: i64 = 86_400_000;

impl Oracle {
    /// Whatever is held, a customer has accepted just that, and for so long.
    pub fn accepted(&mut self, step: &Step<'_>, breaches: &mut Vec<Breach>) {
        for (id, row) in &step.after.rows {
            let before = step.before.rows.get(id);
            let by = before.and_then(|before| after_extension(before, row, step));
            *self.extended.entry(*id).or_default() += by.unwrap_or(0);
        }
        for ((id, grantee), roles) in &step.after.written {
            let row = &step.after.rows[id];
            let mut says = |rule, words: &str| {
                breaches.push(Breach::new(rule, format!("{grantee} under {}: {words}", row.name)));
            };
            if !row.is_active() {
                says(Rule::Acceptance, &format!("holds something while it is {}", row.lifecycle));
            }
            let Some(answer) = self.answer(step, row) else {
                says(Rule::Acceptance, "no recorded acceptance accepts its invitation");
                continue;
            };
            let invited = row.invited();
            let ceiling = |role: &str| {
                let accepted = invited["roles"].as_array().into_iter().flatten();
                accepted.into_iter().any(|accepted| accepted == role) && row.ceiling.contains(role)
            };
            for role in roles.keys().filter(|role| !ceiling(role)) {
                says(Rule::Ceiling, &format!("{role} is above the ceiling"));
            }
            let days = days(&invited);
            let end = days.map(|days| answer.at + days * DAY + self.extended[id]);
            let end = end.zip(row.ends_at).map(|(accepted, written)| accepted.min(written));
            for (role, until) in roles {
                if end.is_none_or(|end| *until > end) {
                    says(Rule::Accepted, &format!("{role} until {until}, accepted until {end:?}"));
                }
            }
        }
    }

    /// The answer by which a row was accepted, as it stood in a manifest.
    fn answer(&self, step: &Step<'_>, row: &Row) -> Option<&Answer> {
        let recorded =
            step.after.accepted.iter().find(|accepted| {
                accepted.used_for == Some(row.id) && accepted.decision == "Accept"
            })?;
        let answer = self.answers.iter().find(|answer| {
            answer.namespace == recorded.namespace
                && answer.name == recorded.object
                && answer.decision == "Accept"
                && answer.invitation == row.digest
                && (&answer.customer, &answer.partner) == (&row.customer, &row.partner)
                && answer.at == recorded.at
                && answer.at <= step.now()
        })?;
        row.is_what_its_digest_says().then_some(answer)
    }

    /// Nobody holds anything for longer than the grants say, and nobody gains but by a grant that stands there.
    pub fn declared(&mut self, step: &Step<'_>, breaches: &mut Vec<Breach>) {
        let live = |grant: &&Grant| !grant.suspended;
        for ((id, grantee), roles) in &step.after.written {
            let row = &step.after.rows[id];
            let lineage = row.lineage();
            let had = held(step.before, &lineage, grantee);
            for (role, until) in roles {
                let had = had.get(role).copied();
                let gives = |grant: &&Grant| grant.gives(&lineage, grantee, role);
                let now: Vec<&Grant> =
                    step.declared.grants.values().filter(live).filter(gives).collect();
                let gained = stretch(step.now(), &now, had);
                if Some(*until) > had && *until > gained {
                    let words = format!(
                        "{grantee} gains {role} under {} until {until}, declared until {gained}",
                        row.name
                    );
                    breaches.push(Breach::new(Rule::Declared, words));
                }
                let is_live = |grant: &String| {
                    step.declared.grants.get(grant).is_some_and(|grant| !grant.suspended)
                };
                let said = self.said.iter().filter(|(grant, _)| !is_live(grant));
                let kept = said.flat_map(|(_, said)| said).filter(gives);
                let all: Vec<&Grant> = now.iter().copied().chain(kept).collect();
                let longest = stretch(step.now(), &all, None);
                let is_held_back = step.is_held_back() || !is_managed(step, row);
                if *until > longest && !(is_held_back && Some(*until) <= had) {
                    let words = format!(
                        "{grantee} holds {role} under {} until {until}, declared until {longest}",
                        row.name
                    );
                    breaches.push(Breach::new(Rule::Declared, words));
                }
            }
        }
        self.remember(step);
    }

    /// What a grant said counts until something else is wholly in the store.
    fn remember(&mut self, step: &Step<'_>) {
        if step.prunes {
            let pruned = |name: &String| {
                let namespace = name.split('/').next().unwrap_or_default();
                step.declared.namespaces.contains(namespace)
                    && !step.declared.grants.contains_key(name)
                    && !step.is_held_back()
            };
            // What is retained stays although it is pruned: its texts are kept while it is held.
            let held: Vec<&String> =
                step.after.contributions.values().flat_map(|given| given.keys()).collect();
            self.said.retain(|name, _| !pruned(name) || held.contains(&name));
        }
        for (name, grant) in step.declared.grants.iter().filter(|(_, grant)| !grant.suspended) {
            let said = self.said.entry(name.clone()).or_default();
            let relationships = step.declared.relationships.values();
            let reached: Vec<_> =
                relationships.filter(|it| grant.lineages.contains(&it.lineage)).collect();
            let whole = !step.is_held_back()
                && said.last().is_none_or(|last| last.lineages == grant.lineages)
                && reached.iter().all(|relationship| relationship.is_live);
            if whole {
                said.clear();
            }
            said.push(grant.clone());
        }
    }

    /// What runs under an approval is in the batch that was shown, and no longer for a gain, no shorter for a loss.
    pub fn approvals(&self, step: &Step<'_>, breaches: &mut Vec<Breach>) {
        let counted = self.approved_members(step);
        for member in &step.told.approved {
            let hash = member.approved.clone().unwrap_or_default();
            let mut says = |words: &str, known: Option<Known>| {
                let words = format!("{member:?} {words}");
                breaches.push(Breach::new(Rule::Approval, words).because(known));
            };
            if !counted.contains(&member) {
                says("runs under an approval that nobody gave within the hour", None);
                continue;
            }
            let shown = self.shown.get(&hash).into_iter().flatten();
            let mut shown = shown
                .filter(|shown| shown.row == member.row && shown.grantee == member.grantee)
                .filter(|shown| shown.after.keys().eq(member.after.keys()))
                .peekable();
            if shown.peek().is_none() {
                says("was not in the batch that was shown", None);
            } else if !shown.any(|shown| is_as_shown(shown, member)) {
                says("runs with other ends than were shown", Some(Known::ApprovalWithoutTime));
            }
        }
    }

    /// What was stored as waiting does not run by itself later.
    pub fn waits(&self, step: &Step<'_>, breaches: &mut Vec<Breach>) {
        let approved = self.approved_members(step);
        for (hash, members) in &self.shown {
            for waiting in members.iter().filter(|it| it.before != it.after) {
                let Some(grantee) = &waiting.grantee else { continue };
                let row = step
                    .before
                    .rows
                    .values()
                    .find(|row| (&row.partner, &row.name) == (&waiting.row.0, &waiting.row.1));
                let Some(row) = row else { continue };
                let at = (row.id, grantee.clone());
                let of = |roles: Option<&Roles>| roles.cloned().unwrap_or_default();
                let (before, after) =
                    (of(step.before.written.get(&at)), of(step.after.written.get(&at)));
                let is_free = approved
                    .iter()
                    .any(|member| member.row == waiting.row && member.grantee == waiting.grantee)
                    || self.approved.contains_key(hash)
                    || self.settled.contains(&question(waiting));
                if before == waiting.before && after == waiting.after && !is_free {
                    let words = format!("{waiting:?} waited in {hash} and was made");
                    let known = (row.scope != step.declared.bounds_of(&row.namespace).name)
                        .then_some(Known::BoundaryWithTheChange);
                    breaches.push(Breach::new(Rule::Waits, words).because(known));
                }
            }
        }
    }
}

/// A gain lasts no longer, and what is left no shorter, than was shown.
fn is_as_shown(shown: &Member, member: &Member) -> bool {
    member.after.iter().all(|(role, until)| {
        let (promised, had) = (shown.after.get(role), member.before.get(role));
        match had {
            Some(had) if until < had => promised.is_some_and(|promised| until >= promised),
            Some(had) if until == had => true,
            Some(_) | None => promised.is_some_and(|promised| until <= promised),
        }
    })
}

/// Whether the object of a row says what is to be done with it: one that names another customer by now does not.
fn is_managed(step: &Step<'_>, row: &Row) -> bool {
    let own = step.declared.relationships.get(&row.object());
    own.is_some_and(|own| {
        own.is_live && own.lineage == row.lineage() && own.customer == row.customer
    })
}

/// What a grantee held under any row of a relationship.
pub fn held(snapshot: &Snapshot, lineage: &Lineage, grantee: &str) -> Roles {
    let mut held = Roles::new();
    for ((id, who), roles) in &snapshot.written {
        if who == grantee && snapshot.rows[id].lineage() == *lineage {
            for (role, until) in roles {
                let end = held.entry(role.clone()).or_insert(*until);
                *end = (*end).max(*until);
            }
        }
    }
    held
}

/// The end of the unbroken stretch around now that some windows cover, where one is held already until `had`.
fn stretch(now: i64, grants: &[&Grant], had: Option<i64>) -> i64 {
    let mut windows: Vec<(i64, i64)> =
        grants.iter().map(|grant| (grant.from, grant.until)).collect();
    windows.sort_unstable();
    let mut end = had.unwrap_or(now);
    for (from, until) in windows {
        if from <= end {
            end = end.max(until);
        }
    }
    end
}

/// How long an invitation lasts, as `P365D` says it.
fn days(invited: &Value) -> Option<i64> {
    invited["duration"].as_str()?.strip_prefix('P')?.strip_suffix('D')?.parse().ok()
}

/// By how much the end of a row was moved, where its object or the row asks for that.
fn after_extension(before: &Row, after: &Row, step: &Step<'_>) -> Option<i64> {
    let moved = after.ends_at? - before.ends_at?;
    let declared = step.declared.relationships.get(&after.object());
    let asked = declared.is_some_and(|declared| declared.extends) || before.auto_extend != "PT0S";
    let last_day = before.ends_at? - step.now() <= DAY;
    (asked && last_day && moved == 180 * DAY).then_some(moved)
}
