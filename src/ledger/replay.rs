//! What the store held at an instant, from the ledger alone.
//!
//! Never: what another version wrote guessed at; such entries are counted and named.

use std::collections::BTreeMap;

use ecow::EcoString;
use jiff::Timestamp;
use serde::Serialize;

use crate::domain::{
    change::Effect,
    digest::Digest,
    entry::{
        Entry, EntryKind, Head, Recorded,
        tables::{Outside, OutsideRole},
    },
    relationship::effect,
    state::{
        Acceptance, Assignment, Doubts, Flight, Grantee, GranteeKind, Instance, NamespaceBoundary,
        Observed, ObservedAcceptance, ObservedAssignment, ObservedBoundary, ObservedRelationship,
        RelationshipKey,
    },
};

/// Up to which instant entries count.
///
/// An entry counts if no entry up to it is later than the instant: the clock of a store may have been set back, and
/// what is counted must be a beginning of the ledger all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Until {
    /// The instant; absent for the whole ledger.
    pub instant: Option<Timestamp>,
    /// The last entry that counted.
    pub last: Head,
    over: bool,
    unclear: Option<i64>,
}

impl Until {
    /// Every entry with this time or an earlier one.
    pub fn instant(instant: Timestamp) -> Self {
        Self { instant: Some(instant), ..Self::end() }
    }

    /// Every entry.
    pub fn end() -> Self {
        Self { instant: None, last: Head::empty(), over: false, unclear: None }
    }

    /// The entry because of which it cannot be told what was so at the instant: it says that it was written by then, and
    /// one before it says that it was written later. Which of the two clocks was right, nobody knows.
    pub fn unclear(&self) -> Option<i64> {
        self.unclear
    }

    /// Whether the next entry counts.
    pub fn admits(&mut self, entry: &Entry) -> bool {
        let later = self.instant.is_some_and(|instant| entry.time > instant);
        if self.over && !later {
            self.unclear.get_or_insert(entry.sequence);
        }
        self.over = self.over || later;
        if !self.over {
            self.last = entry.head();
        }
        !self.over
    }
}

/// Reads a ledger entry by entry and keeps what the store held.
#[derive(Debug, Clone)]
pub struct Replay {
    until: Until,
    rows: BTreeMap<RelationshipKey, Row>,
    acceptances: BTreeMap<Digest, ObservedAcceptance>,
    boundaries: BTreeMap<(Instance, EcoString), ObservedBoundary>,
    not_understood: Vec<i64>,
}

#[derive(Debug, Clone)]
struct Row {
    first: RelationshipKey,
    state: ObservedRelationship,
}

/// What the store held at an instant, as the ledger tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// The state. What was over at the instant is gone.
    pub state: Observed,
    /// The last entry that counted.
    pub last: Head,
    /// Effects that this version does not understand, by their numbers. What they did is not in the state.
    pub not_understood: Vec<i64>,
}

impl Replay {
    /// Nothing yet.
    pub fn new(until: Until) -> Self {
        Self {
            until,
            rows: BTreeMap::new(),
            acceptances: BTreeMap::new(),
            boundaries: BTreeMap::new(),
            not_understood: Vec::new(),
        }
    }

    /// Takes the next entry.
    pub fn push(&mut self, entry: &Entry) {
        if !self.until.admits(entry) {
            return;
        }
        let done = if entry.kind == EntryKind::Difference {
            Outside::read(&entry.payload).and_then(|outside| self.differ(outside))
        } else if entry.kind.is_effect() {
            Recorded::read(&entry.payload).ok().and_then(|recorded| self.redo(entry, recorded))
        } else {
            return;
        };
        if done.is_none() {
            self.not_understood.push(entry.sequence);
        }
    }

    /// Up to where entries counted.
    pub fn until(&self) -> Until {
        self.until
    }

    /// What was held at `now`: the instant up to which the ledger was read or, if it was read to its end, any time
    /// after that.
    pub fn finish(self, now: Timestamp) -> Replayed {
        let mut relationships: BTreeMap<_, Vec<ObservedRelationship>> = BTreeMap::new();
        for Row { first, mut state } in self.rows.into_values() {
            for assignment in state.assignments.values_mut() {
                assignment.state.roles.retain(|_, until| *until > now);
            }
            relationships.entry(first).or_default().push(state);
        }
        for rows in relationships.values_mut() {
            rows.sort_by_key(|row| row.number);
        }
        Replayed {
            state: Observed {
                now,
                relationships,
                acceptances: self.acceptances,
                boundaries: self.boundaries,
                doubts: Doubts::default(),
                service: None,
            },
            last: self.until.last,
            not_understood: self.not_understood,
        }
    }

    /// `None` where the entry speaks of a row that the ledger does not know.
    fn redo(&mut self, entry: &Entry, recorded: Recorded) -> Option<()> {
        let Recorded { change: _, cause: _, subject, effect, person: _, made: _ } = recorded;
        if let Effect::RecordAcceptance { acceptance } = &effect {
            self.accept(acceptance, None);
            return Some(());
        }
        if let Effect::SetBoundary { namespace, before: _, after } = effect {
            self.bound((subject.owner.instance, namespace), *after);
            return Some(());
        }
        let key = subject.relationship.clone()?;
        if let Effect::Authorise { acceptance, .. } | Effect::Decline { acceptance } = &effect {
            self.accept(acceptance, Some(&key));
        }
        if let Some((first, _, _)) = effect.makes_row() {
            let state = effect::made(&subject, &effect, entry.time)?;
            self.rows.insert(key, Row { first: first.clone(), state });
            return Some(());
        }
        effect::make(&mut self.rows.get_mut(&key)?.state, &effect, entry.time);
        Some(())
    }

    /// What was changed outside, as it was found. `None` where the ledger does not know the row.
    fn differ(&mut self, outside: Outside) -> Option<()> {
        let Outside { relationship, lifecycle, roles } = outside;
        let row = &mut self.rows.get_mut(&relationship)?.state;
        if let Some(stage) = lifecycle {
            row.lifecycle = stage;
        }
        for OutsideRole { grantee, role, until_ms } in roles {
            let until = until_ms.and_then(|until| Timestamp::from_millisecond(until).ok());
            let assignment = row.assignments.entry(grantee).or_insert_with(|| {
                let grantee = Grantee { id: grantee, kind: GranteeKind::SecurityGroup, name: None };
                let (state, flight) = (Assignment::default(), Flight::Landed);
                ObservedAssignment { grantee, version: 0, state, flight }
            });
            match until {
                Some(until) => drop(assignment.state.roles.insert(role, until)),
                None => drop(assignment.state.roles.remove(&role)),
            }
        }
        Some(())
    }

    fn bound(&mut self, key: (Instance, EcoString), boundary: NamespaceBoundary) {
        let revision = self.boundaries.get(&key).map_or(0, |known| known.revision) + 1;
        self.boundaries.insert(key, ObservedBoundary { boundary, revision });
    }

    fn accept(&mut self, acceptance: &Acceptance, used_for: Option<&RelationshipKey>) {
        let Acceptance {
            object,
            content,
            decision,
            customer,
            partner,
            agreement,
            accepted_by: _,
            accepted_at,
            invitation: _,
        } = acceptance;
        let observed = ObservedAcceptance {
            namespace: object.namespace.to_string(),
            customer: *customer,
            partner: *partner,
            decision: *decision,
            agreement: agreement.clone(),
            accepted_at: *accepted_at,
            used_for: used_for.cloned(),
        };
        self.acceptances.insert(*content, observed);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        api::RelationshipDeletionPolicy,
        domain::{
            change::Cause,
            duration::Duration,
            entry,
            lifecycle::{EndReason, Ended, Lifecycle},
            state::{Flight, Names, Owner, Policies, Uid},
        },
        ledger::{
            held,
            samples::{
                ROLES, Told, acceptance, ada_recorded, assignment, authorise, change, day, group,
                invite, ledger, object, policies, role, set_roles, steps, story,
            },
        },
    };

    fn replayed(entries: &[Entry], at: Timestamp) -> Replayed {
        let mut replay = Replay::new(Until::instant(at));
        for entry in entries {
            replay.push(entry);
        }
        replay.finish(at)
    }

    /// Who holds what, in the words of the story.
    fn told(state: &Observed) -> Vec<(String, u128, usize, i64)> {
        let number =
            |grantee: &Grantee| (1..4).find(|number| group(*number, "").id == grantee.id).unwrap();
        let mut told: Vec<_> = held(state)
            .map(|held| {
                let role = ROLES.iter().position(|name| role(name) == held.role).unwrap();
                let until = (0..60).find(|number| day(*number) == held.until).unwrap();
                (held.row.key.name.to_string(), number(&held.assignment.grantee), role, until)
            })
            .collect();
        told.sort();
        told
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn a_replay_tells_what_was_so_on_each_day(steps in steps()) {
            let (entries, days) = story(&steps);
            for (number, told_then) in days.iter().enumerate() {
                let number = i64::try_from(number).unwrap();
                let replayed = replayed(&entries, day(number));
                prop_assert_eq!(replayed.last.sequence, number);
                prop_assert!(replayed.not_understood.is_empty());
                prop_assert_eq!(told(&replayed.state), told_then.on(number));
            }
        }
    }

    /// What becomes of an effect on the third day, as it is written here and nowhere else.
    fn becomes(
        accepted: bool,
        effect: Effect,
        expected: impl FnOnce(&mut ObservedRelationship),
    ) -> (ObservedRelationship, ObservedRelationship) {
        let answer = accepted.then(|| (day(2), authorise("contoso", day(2), day(30))));
        let begin: Vec<_> = [(day(1), invite("contoso"))].into_iter().chain(answer).collect();
        let whole =
            begin.iter().cloned().chain([(day(3), change("contoso", effect, Cause::Declared))]);
        let row = |entries: Vec<Entry>| {
            let state = replayed(&entries, day(3)).state;
            state.relationships.into_values().flatten().next().unwrap()
        };
        let (mut before, after) = (row(ledger(begin.clone())), row(ledger(whole)));
        expected(&mut before);
        (after, before)
    }

    #[test]
    fn each_effect_changes_of_a_row_what_it_says_and_nothing_else() {
        let same = |(found, expected): (ObservedRelationship, ObservedRelationship)| {
            assert_eq!(found, expected);
        };
        let ended = |stage: Lifecycle, reason: EndReason| {
            move |row: &mut ObservedRelationship| {
                row.lifecycle = stage;
                row.ended = Some(Ended { at: day(3), reason });
                row.revision += 1;
            }
        };
        let yes = Box::new(acceptance("contoso", day(2)));
        let authorises = Effect::Authorise { acceptance: yes.clone(), ends_at: Some(day(30)) };
        same(becomes(false, authorises, |row| {
            row.lifecycle = Lifecycle::Active;
            row.activated_at = Some(day(3));
            row.ends_at = Some(day(30));
            row.revision = 2;
        }));
        let declines = Effect::Decline { acceptance: yes };
        same(becomes(false, declines, ended(Lifecycle::Withdrawn, EndReason::Declined)));
        let withdraws = Effect::Withdraw { reason: EndReason::Lapsed };
        same(becomes(false, withdraws, ended(Lifecycle::Withdrawn, EndReason::Lapsed)));
        let terminates = Effect::Terminate { reason: EndReason::Deleted };
        same(becomes(true, terminates, ended(Lifecycle::Terminated, EndReason::Deleted)));
        same(becomes(true, Effect::Expire { ended_at: day(2) }, |row| {
            row.lifecycle = Lifecycle::Expired;
            row.ended = Some(Ended { at: day(2), reason: EndReason::Expired });
            row.revision = 3;
        }));
        let half_a_year = Duration::from_days(180);
        let sets = Effect::SetAutoExtend { before: Duration::default(), after: half_a_year };
        same(becomes(true, sets, |row| {
            row.auto_extend = half_a_year;
            row.revision = 3;
        }));
        let (all, less) = (ROLES.map(role), [role(ROLES[0])]);
        let drops = Effect::DropGlobalAdministrator { before: all.into(), after: less.into() };
        same(becomes(true, drops, |row| {
            row.ceiling = less.into();
            row.revision = 3;
        }));
        same(becomes(true, Effect::Extend { before: day(30), after: day(60) }, |row| {
            row.ends_at = Some(day(60));
            row.revision = 3;
        }));
        let owner = |name: &str| Owner { instance: Instance::cli(), object: object(name) };
        let (theirs, ours) = (Uid("theirs".into()), Uid("ours".into()));
        let claims = Effect::Claim {
            before: (owner("contoso"), theirs),
            after: (owner("tailspin"), ours.clone()),
        };
        same(becomes(true, claims, |row| {
            row.owner = owner("tailspin");
            row.uid = ours;
            row.revision = 3;
        }));
        let ends = Policies { deletion: RelationshipDeletionPolicy::Terminate, ..policies() };
        let sets = Effect::SetPolicies { before: policies(), after: ends.clone() };
        same(becomes(true, sets, |row| {
            row.policies = ends;
            row.revision = 3;
        }));
        let named = |customer: &str| Names {
            partner: Some("Fabrikam GmbH".to_owned()),
            customer: Some(customer.to_owned()),
        };
        let renames = Effect::Rename { before: named("Contoso"), after: named("Contoso AG") };
        same(becomes(true, renames, |row| {
            row.partner_name = Some("Fabrikam GmbH".to_owned());
            row.customer_name = Some("Contoso AG".to_owned());
            row.revision = 3;
        }));
        let (tier_1, given) = (group(1, "Tier 1"), assignment("grant", &[(ROLES[0], day(9))]));
        let before = Assignment::default();
        let sets = Effect::SetRoles { grantee: tier_1.clone(), before, after: given.clone() };
        same(becomes(true, sets, |row| {
            let (grantee, flight) = (tier_1.clone(), Flight::Landed);
            let holds = ObservedAssignment { grantee, version: 1, state: given, flight };
            row.assignments.insert(tier_1.id, holds);
        }));
    }

    #[test]
    fn an_instant_includes_its_own_entries_and_excludes_what_ends_then() {
        let tier_1 = group(1, "Tier 1");
        let given = assignment("grant", &[(ROLES[0], day(9))]);
        let entries = ledger([
            (day(1), invite("contoso")),
            (day(2), authorise("contoso", day(2), day(7))),
            (
                day(3),
                set_roles("contoso", &tier_1, &Assignment::default(), &given, Cause::Declared),
            ),
        ]);
        let moment = jiff::SignedDuration::from_millis(1);
        let holds = |at| held(&replayed(&entries, at).state).count();
        assert_eq!([holds(day(3) - moment), holds(day(3))], [0, 1]);
        assert_eq!([holds(day(7) - moment), holds(day(7))], [1, 0], "the relationship ends first");
    }

    #[test]
    fn a_clock_set_back_does_not_bring_later_entries_forward() {
        let entries =
            ledger([(day(5), invite("contoso")), (day(1), authorise("contoso", day(1), day(90)))]);
        assert_eq!(replayed(&entries, day(2)).last.sequence, 0);
        assert_eq!(replayed(&entries, day(5)).last.sequence, 2);
    }

    #[test]
    fn what_an_entry_records_is_read_back_without_the_person() {
        let given = assignment("grant", &[(ROLES[0], day(9))]);
        let none = Assignment::default();
        let changes = [
            invite("contoso"),
            set_roles("contoso", &group(1, "Tier 1"), &none, &given, Cause::Declared),
            authorise("contoso", day(2), day(7)),
        ];
        for change in changes {
            let acceptance = entry::acceptance(&change.effect).is_some();
            let person = acceptance.then(|| ada_recorded().hash);
            let payload = entry::payload(&change, change.id(), person, None);
            assert!(!payload.contains("Lovelace"));
            let recorded = Recorded::read(&serde_json::from_str(&payload).unwrap()).unwrap();
            assert_eq!((recorded.change, recorded.person), (change.id(), person));
            assert_eq!(recorded.effect == change.effect, !acceptance);
        }
    }

    #[test]
    fn an_effect_of_another_version_is_named_and_not_guessed_at() {
        let mut entries = ledger([(day(1), invite("contoso"))]);
        entries[0].payload["effect"] = serde_json::json!({"Merge": {}});
        let replayed = replayed(&entries, day(2));
        assert_eq!(replayed.not_understood, [1]);
        assert_eq!(replayed.state.relationships.len(), 0);
        assert_eq!(Told::default().on(1), []);
    }
}
