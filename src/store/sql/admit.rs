//! Whether a change may be made, and what the rows are then: one pure function for both databases.
//!
//! Never: a look at anything but the rows as they were read in this very transaction.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::Timestamp;

use super::{
    boundaries, proof,
    rows::{AcceptanceRow, AssignmentRow, Millis, RelationshipRow},
    seal::Seals,
};
use crate::{
    domain::{
        change::{Change, Effect},
        digest::Digest,
        entry::{self, tables::Unexplained},
        errand::Errands,
        ids::GranteeId,
        limits::{Admitted, Budget, Cost, Limits, matter, member},
        relationship::effect,
        state::{
            AtService, Host, Instance, NamespaceBoundary, ObservedBoundary, Owner, RelationshipKey,
            Roles,
        },
    },
    store::{Laid, Refusal},
};

/// Everything that the changes of one call touch, as it is when the changes so far are made.
#[derive(Clone)]
pub(super) struct World<'a> {
    /// The store's clock.
    pub now: Timestamp,
    /// When the first change of the same plan was made.
    pub began: Timestamp,
    /// This machine's clock.
    pub here: Timestamp,
    pub instance: &'a Instance,
    pub limits: &'a BTreeMap<String, Limits>,
    /// By scope.
    pub budgets: BTreeMap<String, Budget>,
    /// The ids of the changes that were made before.
    pub made: BTreeSet<Digest>,
    pub relationships: BTreeMap<RelationshipKey, RelationshipRow>,
    pub assignments: BTreeMap<(i64, GranteeId), Held>,
    /// What bounds the namespaces whose boundaries are set.
    pub boundaries: boundaries::Remembered,
    /// What a boundary that is set brings along from the budget of the name before, by the id of the change.
    pub carried: BTreeMap<Digest, Cost>,
    /// The contents of acceptances that are recorded, in the store or in the ledger.
    pub accepted: BTreeSet<Digest>,
    /// The digests of what stands under each relationship, by its number.
    pub seals: BTreeMap<i64, Seals>,
    /// What no entry explains, by the number of the relationship.
    pub doubts: BTreeMap<i64, Vec<Unexplained>>,
    /// Rows that the ledger knows, and the store has not.
    pub gone: BTreeSet<RelationshipKey>,
    /// The id of the next relationship.
    pub next_id: i64,
    /// What is so at the service beside which the store is the book.
    pub aside: Aside<'a>,
    /// What is on its way since this call began.
    pub open: Vec<Change>,
    pub written: Written,
}

/// What is so at the service beside which a store is the book.
#[derive(Clone, Copy)]
pub struct Aside<'a> {
    /// At whose hosts it is.
    pub host: Host,
    /// What is held there.
    pub laid: &'a Laid,
    /// What is on its way there.
    pub errands: &'a Errands,
    /// What is done with each change of a call, by its position; where nothing is said of one, it is made.
    pub deeds: &'a [Deed],
}

/// What is done with a change.
#[derive(Debug, Clone, PartialEq)]
pub enum Deed {
    /// It is made.
    Make,
    /// It has to be made at the service: it pays, and is about to be sent.
    Intend,
    /// It was intended, and was read back: it is so, whatever else has changed. An invitation has made this relationship.
    Settle(Option<AtService>),
}

/// What one grantee holds, and how often that was changed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Held {
    pub version: i64,
    /// When the run began with which it last came to hold something.
    pub came_at_ms: Option<Millis>,
    pub roles: Roles,
}

/// What has to be written.
#[derive(Clone, Default)]
pub(super) struct Written {
    pub relationships: BTreeSet<RelationshipKey>,
    pub assignments: BTreeMap<(i64, GranteeId), AssignmentRow>,
    pub acceptances: Vec<AcceptanceRow>,
    /// What members of batches that are made now are about.
    pub settled: BTreeSet<Digest>,
    /// By scope.
    pub spent: BTreeMap<String, Cost>,
}

/// What becomes of one change.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    /// It is made now.
    Made,
    /// It is about to be sent.
    Intended,
    /// It was made before.
    Done,
    /// It is not made.
    Refused(Refusal),
}

/// Clocks that differ by more do not record an end.
const CLOCKS_AGREE_WITHIN_SECONDS: i64 = 60;

impl World<'_> {
    /// Makes a change, if all that it expects is so. Changes before it in the same call are seen.
    pub fn admit(&mut self, admitted: &Admitted, deed: &Deed, person: Option<Digest>) -> Verdict {
        let (change, id) = (&admitted.change, admitted.id());
        if let Deed::Settle(_) = deed {
            return self.settle(admitted, deed);
        }
        if change.subject.owner.instance != *self.instance {
            let owner = change.subject.owner.to_string();
            return Verdict::Refused(Refusal::OwnedByAnother { owner });
        }
        let is_paid = self.is_paid(id);
        let result = self.rests_on_nothing(change).and_then(|()| self.expected(change));
        let result = result.and_then(|()| if is_paid { Ok(()) } else { self.affordable(admitted) });
        let result = result.and_then(|()| self.make(admitted, deed, person));
        match result {
            Ok(()) => {
                if !is_paid {
                    self.pay(admitted);
                }
                if *deed == Deed::Intend {
                    self.open.push(change.clone());
                    return Verdict::Intended;
                }
                self.made.insert(id);
                Verdict::Made
            }
            // Two owners may ask for the very same: who has not got the row has not been served. And what was made
            // once may not be there as it was made.
            Err(refusal @ (Refusal::OwnedByAnother { .. } | Refusal::Unexplained { .. })) => {
                Verdict::Refused(refusal)
            }
            Err(_) if self.made.contains(&id) => Verdict::Done,
            Err(refusal) => Verdict::Refused(refusal),
        }
    }

    /// Takes what was read back for made.
    fn settle(&mut self, admitted: &Admitted, deed: &Deed) -> Verdict {
        if self.made.contains(&admitted.id()) {
            return Verdict::Done;
        }
        if !self.is_as_when_intended(&admitted.change) {
            return Verdict::Refused(Refusal::Stale);
        }
        match self.make(admitted, deed, None) {
            Ok(()) => {
                self.made.insert(admitted.id());
                Verdict::Made
            }
            Err(refusal) => Verdict::Refused(refusal),
        }
    }

    /// Whether the book has nothing else in its place by now: then what is there is not what was asked for.
    fn is_as_when_intended(&self, change: &Change) -> bool {
        let Some(key) = &change.subject.relationship else { return false };
        let Some(row) = self.relationships.get(key) else {
            return change.effect.makes_row().is_some();
        };
        if change.effect.makes_row().is_some() || !row.is_living() {
            return false;
        }
        let Some((grantee, _, _)) = change.effect.roles_set() else { return true };
        let held = self.assignments.get(&(row.id, grantee.id));
        held.map_or(0, |held| held.version) == change.expects.version
    }

    /// Whether it was tried before, and has paid then.
    pub fn is_paid(&self, id: Digest) -> bool {
        self.aside.errands.get(&id).is_some()
    }

    /// Nothing is built on what is on its way.
    fn rests_on_nothing(&self, change: &Change) -> Result<(), Refusal> {
        let Some(row) = &change.subject.relationship else { return Ok(()) };
        let of_before = self.aside.errands.open_of(row);
        let of_before = of_before.filter(|errand| !self.made.contains(&errand.id));
        let mut open = of_before.map(|errand| &errand.change).chain(&self.open);
        if open.any(|open| change.waits_for(open)) { Err(Refusal::Stale) } else { Ok(()) }
    }

    /// Whether the store is as the change expects it.
    fn expected(&self, change: &Change) -> Result<(), Refusal> {
        if let Effect::SetBoundary { namespace, before, .. } = &change.effect {
            let key = (self.instance.clone(), namespace.clone());
            let known = self.boundaries.get(&key);
            let revision = known.map_or(0, |known| known.revision);
            let same = known.map(|known| &known.boundary) == before.as_deref();
            return if same && revision == change.expects.revision {
                Ok(())
            } else {
                Err(Refusal::Stale)
            };
        }
        let Some(key) = &change.subject.relationship else {
            let used = |content| self.accepted.contains(content);
            let content = entry::acceptance(&change.effect).map(|acceptance| &acceptance.content);
            return if content.is_some_and(used) { Err(Refusal::AlreadyUsed) } else { Ok(()) };
        };
        let owner = &change.subject.owner;
        let by_another =
            |row: &RelationshipRow| Refusal::OwnedByAnother { owner: row.owner().to_string() };
        let row = match (change.effect.makes_row(), self.relationships.get(key)) {
            (Some((first, _, _)), None) => {
                let family = self.relationships.values().filter(|row| row.is_of(first));
                let mut living = family.filter(|row| row.is_living());
                let strange = living.find(|row| row.owner() != *owner);
                if let Some(row) = strange {
                    return Err(by_another(row));
                }
                let mut family = self.relationships.values().filter(|row| row.is_of(first));
                family.try_for_each(|row| self.explained(row))?;
                return if self.gone.contains(key) {
                    let reason = proof::missing("relationships", key);
                    Err(Refusal::Unexplained { reason })
                } else {
                    Ok(())
                };
            }
            (Some(_), Some(row)) if row.owner() != *owner => {
                return Err(by_another(row));
            }
            (Some(_), Some(_)) | (None, None) => return Err(Refusal::Stale),
            (None, Some(row)) => row,
        };
        let expects = &change.expects;
        let same_uid = expects.uid.as_ref().is_some_and(|uid| uid.0 == row.owner_uid);
        let claimed_from = if let Effect::Claim { before: (owner, _), .. } = &change.effect {
            Some(owner)
        } else {
            None
        };
        let own = row.owner() == *owner || claimed_from == Some(&row.owner());
        if !own || row.owner_instance != self.instance.0 {
            return Err(by_another(row));
        }
        self.explained(row)?;
        if !same_uid || expects.revision != row.revision {
            return Err(Refusal::Stale);
        }
        let Effect::SetRoles { grantee, before, .. } = &change.effect else { return Ok(()) };
        let held = self.assignments.get(&(row.id, grantee.id));
        let version = held.map_or(0, |held| held.version);
        // Others may change what is held without raising the version.
        let roles = held.map(|held| in_millis(&held.roles)).unwrap_or_default();
        if version == expects.version && roles == in_millis(&before.roles) {
            Ok(())
        } else {
            Err(Refusal::Stale)
        }
    }

    /// Whether the row, and all that stands under it, is what the ledger says.
    fn explained(&self, row: &RelationshipRow) -> Result<(), Refusal> {
        match self.doubts.get(&row.id).and_then(|found| found.first()) {
            None => Ok(()),
            Some(found) => Err(Refusal::Unexplained { reason: found.to_string() }),
        }
    }

    /// The digest of a relationship with all that stands under it.
    pub fn state(&self, key: &RelationshipKey) -> Option<Digest> {
        let row = self.relationships.get(key)?;
        let nothing = Seals::default();
        Some(self.seals.get(&row.id).unwrap_or(&nothing).with(row))
    }

    /// Whether there is budget for the change, or an approval.
    fn affordable(&self, admitted: &Admitted) -> Result<(), Refusal> {
        let Admitted { change, scope, cost, approved, .. } = admitted;
        let none = Budget::default();
        let budget = self.budgets.get(scope).unwrap_or(&none);
        if let Some(batch) = approved {
            let by = budget.approved.get(&member(change));
            return if by == Some(batch) {
                Ok(())
            } else {
                Err(Refusal::NotApproved { batch: batch.short() })
            };
        }
        if *cost == Cost::default() {
            return Ok(());
        }
        let limits = self.limits.get(scope).cloned().unwrap_or_default();
        if let Some((measure, _, _)) = limits.exceeded(*cost, budget).first() {
            return Err(Refusal::OverLimit { measure: measure.to_string() });
        }
        if budget.holds(change) {
            return Err(Refusal::Blocked);
        }
        Ok(())
    }

    fn pay(&mut self, admitted: &Admitted) {
        let Admitted { change, scope, cost, approved, .. } = admitted;
        if approved.is_some() {
            let member = member(change);
            if let Some(budget) = self.budgets.get_mut(scope) {
                budget.approved.remove(&member);
            }
            self.written.settled.insert(matter(change));
        } else if *cost != Cost::default() {
            self.spend(scope, *cost);
        }
    }

    /// Whether both clocks say nearly the same: an end cannot be taken back.
    pub fn clocks_agree(&self) -> Result<(), Refusal> {
        let seconds = self.now.duration_since(self.here).as_secs().abs();
        if seconds > CLOCKS_AGREE_WITHIN_SECONDS {
            Err(Refusal::ClocksDisagree { seconds })
        } else {
            Ok(())
        }
    }

    /// Makes a change, if the lifecycle admits it; one that is only intended is judged and not made.
    fn make(
        &mut self,
        admitted: &Admitted,
        deed: &Deed,
        person: Option<Digest>,
    ) -> Result<(), Refusal> {
        let (change, id) = (&admitted.change, admitted.id());
        match &change.effect {
            Effect::Invite { .. } | Effect::Adopt { .. } => {
                let mut row = self.row_made(admitted)?;
                match deed {
                    Deed::Make => {}
                    Deed::Intend => return Ok(()),
                    Deed::Settle(at) => {
                        row.service_id = at.as_ref().map(|at| at.id.clone());
                        row.service_host = at.as_ref().map(|at| at.host);
                    }
                }
                self.next_id += 1;
                self.lay(&row);
                self.put(row);
                return Ok(());
            }
            Effect::RecordAcceptance { acceptance } => {
                effect::has_happened(acceptance, self.now)?;
                self.accept(change, person, None);
                return Ok(());
            }
            Effect::SetRoles { .. } => return self.set_roles(change, deed, id),
            Effect::SetBoundary { namespace, before, after } => {
                self.bound(id, namespace, before.as_deref(), after);
                return Ok(());
            }
            Effect::Authorise { acceptance, .. } | Effect::Decline { acceptance }
                if self.accepted.contains(&acceptance.content) =>
            {
                return Err(Refusal::AlreadyUsed);
            }
            Effect::Terminate { .. } | Effect::Expire { .. } | Effect::Withdraw { .. }
                if is_judged(deed) =>
            {
                self.clocks_agree()?;
            }
            Effect::Authorise { .. }
            | Effect::Decline { .. }
            | Effect::Terminate { .. }
            | Effect::Expire { .. }
            | Effect::Withdraw { .. }
            | Effect::SetAutoExtend { .. }
            | Effect::DropGlobalAdministrator { .. }
            | Effect::Extend { .. }
            | Effect::Claim { .. }
            | Effect::SetPolicies { .. }
            | Effect::Rename { .. }
            | Effect::Recognise { .. } => {}
        }
        if let Effect::Claim { before: (before, _), .. } = &change.effect {
            self.arrives(id, before, change, &admitted.scope);
        }
        let key = change.subject.relationship.as_ref().ok_or(Refusal::Stale)?;
        let row = self.relationships.get(key).ok_or(Refusal::Stale)?;
        let all = GranteeId::from_u128(0)..=GranteeId::from_u128(u128::MAX);
        let mut under = self.assignments.range((row.id, *all.start())..=(row.id, *all.end()));
        let is_held = under.any(|(_, held)| !held.roles.is_empty());
        let mut row = row.clone();
        let mut state = row.clone().observed(BTreeMap::new());
        if is_judged(deed) {
            effect::check(&state, is_held, &change.effect, self.now)?;
        }
        if *deed == Deed::Intend {
            return Ok(());
        }
        effect::make(&mut state, &change.effect, self.now);
        row.take(state);
        if change.effect.comes() {
            row.came_at_ms = Some(self.began.into());
        }
        row.last_change = id;
        row.scope.clone_from(&admitted.scope);
        self.accept(change, person, Some(row.id));
        self.put(row);
        Ok(())
    }

    /// Remembers what bounds a namespace. Under a new name at least as much was spent as under the one before.
    fn bound(
        &mut self,
        id: Digest,
        namespace: &EcoString,
        before: Option<&NamespaceBoundary>,
        after: &NamespaceBoundary,
    ) {
        let key = (self.instance.clone(), namespace.clone());
        let revision = self.boundaries.get(&key).map_or(0, |known| known.revision) + 1;
        self.boundaries.insert(key, ObservedBoundary { boundary: after.clone(), revision });
        if let Some(before) = before {
            self.carry(id, &before.name, &after.name);
        }
    }

    /// A row that comes into another budget brings along what was spent of the one that it leaves.
    fn arrives(&mut self, id: Digest, owner: &Owner, change: &Change, scope: &str) {
        let key = (self.instance.clone(), owner.object.namespace.clone());
        let remembered = self.boundaries.get(&key).map(|known| known.boundary.name.clone());
        let row = change.subject.relationship.as_ref().and_then(|key| self.relationships.get(key));
        if let Some(left) = remembered.or_else(|| row.map(|row| row.scope.clone())) {
            self.carry(id, &left, scope);
        }
    }

    fn carry(&mut self, id: Digest, from: &str, to: &str) {
        let spent =
            |name: &str| self.budgets.get(name).map(|budget| budget.spent).unwrap_or_default();
        let carried = if from == to { Cost::default() } else { spent(from).beyond(spent(to)) };
        if carried != Cost::default() {
            self.carried.insert(id, carried);
            self.spend(to, carried);
        }
    }

    fn spend(&mut self, scope: &str, cost: Cost) {
        let budget = self.budgets.entry(scope.to_owned()).or_default();
        budget.spent = budget.spent.plus(cost);
        let spent = self.written.spent.entry(scope.to_owned()).or_default();
        *spent = spent.plus(cost);
    }

    fn put(&mut self, row: RelationshipRow) {
        self.written.relationships.insert(row.key());
        self.relationships.insert(row.key(), row);
    }

    /// The row that an invitation or an adoption makes.
    fn row_made(&self, admitted: &Admitted) -> Result<RelationshipRow, Refusal> {
        let Admitted { change, scope, .. } = admitted;
        let Some((first, number, _)) = change.effect.makes_row() else {
            return Err(Refusal::Stale);
        };
        let family = self.relationships.values().filter(|row| row.is_of(first));
        if family.map(|row| row.number).max().unwrap_or(0) >= number {
            return Err(Refusal::Stale);
        }
        let state = effect::made(&change.subject, &change.effect, self.now);
        let state = state.ok_or(Refusal::Stale)?;
        let mut row = RelationshipRow::of(state, self.next_id, first, scope, admitted.id());
        row.came_at_ms = change.effect.comes().then_some(self.began.into());
        Ok(row)
    }

    /// Lays what is held at the service over what is recorded of every row.
    pub fn lay_all(&mut self) {
        if self.aside.laid.is_empty() {
            return;
        }
        let rows: Vec<RelationshipRow> = self.relationships.values().cloned().collect();
        for row in &rows {
            self.lay(row);
        }
    }

    /// Lays what is held at the service over what is recorded of a row.
    fn lay(&mut self, row: &RelationshipRow) {
        let Some(held) = row.service_id.as_ref().and_then(|id| self.aside.laid.get(id)) else {
            return;
        };
        let all = GranteeId::from_u128(0)..=GranteeId::from_u128(u128::MAX);
        let under = (row.id, *all.start())..=(row.id, *all.end());
        self.assignments.range_mut(under).for_each(|(_, known)| known.roles.clear());
        for (grantee, roles) in held {
            let nothing = || Held { version: 0, came_at_ms: None, roles: Roles::new() };
            let known = self.assignments.entry((row.id, *grantee)).or_insert_with(nothing);
            known.roles.clone_from(roles);
        }
    }

    fn set_roles(&mut self, change: &Change, deed: &Deed, id: Digest) -> Result<(), Refusal> {
        let Effect::SetRoles { grantee, before: _, after } = &change.effect else {
            return Err(Refusal::Stale);
        };
        let key = change.subject.relationship.as_ref().ok_or(Refusal::Stale)?;
        let row = self.relationships.get(key).ok_or(Refusal::Stale)?;
        let state = row.clone().observed(BTreeMap::new());
        if is_judged(deed) {
            effect::check(&state, true, &change.effect, self.now)?;
        }
        if *deed == Deed::Intend {
            return Ok(());
        }
        let came = change.effect.comes().then_some(self.began.into());
        let earlier = self.assignments.get(&(row.id, grantee.id));
        let written = AssignmentRow {
            relationship_id: row.id,
            grantee_id: grantee.id,
            grantee_kind: grantee.kind,
            grantee_name: grantee.name.clone(),
            version: earlier.map_or(0, |held| held.version) + 1,
            last_change: Some(id),
            recorded: after.recorded.clone().into(),
            contributions: after.contributions.clone().into(),
            came_at_ms: came.or_else(|| earlier?.came_at_ms),
        };
        self.seals.entry(row.id).or_default().assigned(&written);
        let key = (written.relationship_id, written.grantee_id);
        let held = Held {
            version: written.version,
            came_at_ms: written.came_at_ms,
            roles: after.roles.clone(),
        };
        self.assignments.insert(key, held);
        self.written.assignments.insert(key, written);
        Ok(())
    }

    /// Notes that an acceptance was used.
    fn accept(&mut self, change: &Change, person: Option<Digest>, used_for: Option<i64>) {
        let (Some(acceptance), Some(person)) = (entry::acceptance(&change.effect), person) else {
            return;
        };
        let text = acceptance.agreement.as_ref();
        let row = AcceptanceRow {
            content: acceptance.content,
            namespace: acceptance.object.namespace.to_string(),
            object: acceptance.object.name.to_string(),
            decision: acceptance.decision,
            customer: acceptance.customer,
            partner: acceptance.partner,
            agreement_type: text.map(|text| text.type_),
            template_id: text.map(|text| text.template_id.clone()),
            country: text.map(|text| text.document.country.clone()),
            language: text.map(|text| text.document.language.clone()),
            document_sha256: text.map(|text| text.document.sha256),
            accepted_at_ms: acceptance.accepted_at.into(),
            recorded_at_ms: self.now.into(),
            person,
            used_for,
        };
        self.accepted.insert(row.content);
        if let Some(id) = used_for {
            self.seals.entry(id).or_default().accepted(&row);
        }
        self.written.acceptances.push(row);
    }
}

/// Whether it may be, or is so.
fn is_judged(deed: &Deed) -> bool {
    !matches!(deed, Deed::Settle(_))
}

/// As the tables hold them.
pub(super) fn in_millis(roles: &Roles) -> BTreeMap<crate::domain::ids::RoleId, Millis> {
    roles.iter().map(|(role, until)| (*role, (*until).into())).collect()
}
