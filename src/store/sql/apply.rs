//! Up to 500 changes in one transaction: read what they touch, judge in memory, write in bulk, append to the chain.
//!
//! Never: a change without its entry, or an entry without its change.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    admit::{Aside, Deed, Verdict, World, Written},
    errands::{self, ErrandRow},
    error::Failure,
    session::{Purpose, Session, both},
    touched,
    write::{self, Chain},
};
use crate::{
    domain::{
        change::{Change, Effect},
        digest::canonical,
        entry::{self, Draft, EntryKind, Head, Intended, Made, PersonRecord},
        errand::ErrandState,
        limits::{Admitted, Cost, Limits, member},
        state::{Instance, RelationshipKey},
    },
    store::{Outcome, Refusal, Signature, Signatures, StoreError},
};

/// Makes what may be made. What this returns is durable.
pub(super) async fn apply(
    session: &mut Session,
    (instance, epoch): (&Instance, i64),
    changes: &[Admitted],
    limits: &BTreeMap<String, Limits>,
    by: &Signatures,
    aside: Aside<'_>,
) -> Result<Vec<Outcome>, StoreError> {
    session.begin(Purpose::Write).await?;
    match in_transaction(session, (instance, epoch), changes, limits, by, aside).await {
        Ok(outcomes) => {
            session.commit().await?;
            Ok(outcomes)
        }
        Err(error) => {
            session.rollback().await;
            Err(error)
        }
    }
}

async fn in_transaction(
    session: &mut Session,
    (instance, epoch): (&Instance, i64),
    changes: &[Admitted],
    limits: &BTreeMap<String, Limits>,
    by: &Signatures,
    aside: Aside<'_>,
) -> Result<Vec<Outcome>, StoreError> {
    let head = touched::lock_as(session, instance, epoch).await?;
    let world = touched::world(session, instance, changes, limits, aside).await?;
    let now = world.now;
    let persons = persons(changes)?;
    let told = Told { now, head, epoch, changes, deeds: aside.deeds, persons: &persons, by };
    let (verdicts, chain) = write_all(session, world, &told).await?;
    let settled = (changes.iter().zip(&verdicts).enumerate())
        .filter(|(position, _)| matches!(told.deed(*position), Deed::Settle(_)))
        .filter(|(_, (_, verdict))| matches!(verdict, Verdict::Made | Verdict::Done))
        .map(|(_, (admitted, _))| admitted.id());
    errands::close(session, &settled.collect(), now).await?;

    let is_refused = |position: usize| matches!(verdicts[position], Verdict::Refused(_));
    let refused = persons.iter().filter(|(position, _)| is_refused(**position));
    let refused: Vec<_> = refused.map(|(_, record)| record).collect();
    let store = session.store.clone();
    let kept = write::persons(session, &refused).await;
    kept.map_err(|failure| failure.into_error(&store))?;
    let opened = errands::open(session, &chain.opened).await;
    opened.map_err(|failure| failure.into_error(&store))?;
    write::append(session, &chain).await?;
    let outcome = |verdict| match verdict {
        Verdict::Made | Verdict::Done => Outcome::Done,
        Verdict::Intended => Outcome::Underway,
        Verdict::Refused(refusal) => Outcome::Refused(refusal),
    };
    Ok(verdicts.into_iter().map(outcome).collect())
}

/// What the ledger is told of.
struct Told<'a> {
    now: Timestamp,
    head: Head,
    epoch: i64,
    changes: &'a [Admitted],
    /// What is done with each; where there is none, it is made.
    deeds: &'a [Deed],
    /// By the position of the change.
    persons: &'a BTreeMap<usize, PersonRecord>,
    by: &'a Signatures,
}

/// After so many entries the database has a turn: it may wait to be told what else is to be written.
const ENTRIES_AT_ONCE: usize = 16;

impl Told<'_> {
    fn person(&self, position: usize) -> Option<&PersonRecord> {
        self.persons.get(&position)
    }

    fn deed(&self, position: usize) -> &Deed {
        self.deeds.get(position).unwrap_or(&Deed::Make)
    }

    /// The entries of the changes that were made or refused, where `world` is what they have made.
    async fn entries(&self, verdicts: &[Verdict], world: &World<'_>) -> Chain {
        let mut chain = Chain::after(self.head);
        let last: BTreeMap<&RelationshipKey, usize> =
            (self.changes.iter().zip(verdicts).enumerate())
                .filter(|(_, (_, verdict))| **verdict == Verdict::Made)
                .filter_map(|(position, (made, _))| {
                    Some((made.change.subject.relationship.as_ref()?, position))
                })
                .collect();
        for (position, (admitted, verdict)) in self.changes.iter().zip(verdicts).enumerate() {
            if position % ENTRIES_AT_ONCE == 0 {
                tokio::task::yield_now().await;
            }
            let (change, id) = (&admitted.change, admitted.id());
            let person = self.person(position).map(|record| record.hash);
            let (kind, payload, made) = match verdict {
                Verdict::Done => continue,
                Verdict::Made => {
                    let key = change.subject.relationship.as_ref();
                    let is_last = key.is_some_and(|key| last.get(key) == Some(&position));
                    let made = self.made(position, world, is_last);
                    let payload = entry::payload_made(change, id, person, &made);
                    (entry::kind(change), payload, Some(made))
                }
                Verdict::Intended => {
                    let made = self.made(position, world, false);
                    let host = world.aside.host;
                    let intended =
                        Intended { intends: change.clone(), id, host, made: made.clone() };
                    (EntryKind::Intended, canonical(&intended), Some(made))
                }
                Verdict::Refused(refusal) => {
                    let refused = refusal.to_string();
                    (EntryKind::Refused, entry::payload(change, id, person, Some(&refused)), None)
                }
            };
            let signature = self.by.of(&id);
            let draft = Draft {
                time: self.now,
                kind,
                subject: entry::subject(change),
                actor: signature.actor.clone(),
                intent: intent(change, signature),
                payload,
            };
            chain.add_made(draft, made.as_ref());
            if *verdict == Verdict::Intended {
                chain.opened.extend(self.errand(admitted, chain.last(), world));
            }
        }
        chain
    }

    /// What the store knows of a change that it made; with the digest of the row, where it is the last one about it.
    fn made(&self, position: usize, world: &World<'_>, is_last: bool) -> Made {
        let admitted = &self.changes[position];
        let Admitted { change, scope, cost, approved, .. } = admitted;
        let deed = self.deed(position);
        let is_paid = world.is_paid(admitted.id());
        let approved = approved.filter(|_| !is_paid);
        let key = change.subject.relationship.as_ref();
        let row = key.and_then(|key| Some(world.relationships.get(key)?.id));
        let state = key.filter(|_| is_last).and_then(|key| world.state(key));
        let sets = matches!(change.effect, Effect::SetRoles { .. });
        let costs = approved.is_none() && !is_paid && *cost != Cost::default();
        let carried = world.carried.get(&admitted.id()).copied();
        let scope = if let Effect::SetBoundary { after, .. } = &change.effect {
            &after.name
        } else {
            scope
        };
        Made {
            epoch: self.epoch,
            scope: scope.clone(),
            row,
            version: self.version(position, world).filter(|_| sets),
            state,
            batch: approved,
            member: approved.map(|_| member(change)),
            cost: carried.or_else(|| costs.then_some(*cost)),
            came: (change.effect.comes() && *deed != Deed::Intend)
                .then(|| world.began.as_millisecond()),
            at: if let Deed::Settle(at) = deed { at.clone() } else { None },
        }
    }

    /// How often an assignment was changed once a change of it is made.
    fn version(&self, position: usize, world: &World<'_>) -> Option<i64> {
        let change = &self.changes[position].change;
        match self.deed(position) {
            Deed::Make => Some(change.expects.version + 1),
            Deed::Intend => None,
            Deed::Settle(_) => {
                let (grantee, _, _) = change.effect.roles_set()?;
                let row = world.relationships.get(change.subject.relationship.as_ref()?)?;
                Some(world.assignments.get(&(row.id, grantee.id))?.version)
            }
        }
    }

    /// What is kept of a change that is about to be sent.
    fn errand(&self, admitted: &Admitted, entry: i64, world: &World<'_>) -> Option<ErrandRow> {
        let Change { subject, effect, .. } = &admitted.change;
        let key = subject.relationship.as_ref()?;
        Some(ErrandRow {
            change_id: admitted.id(),
            entry,
            instance: subject.owner.instance.to_string(),
            cloud: key.cloud,
            partner: key.partner,
            name: key.name.to_string(),
            grantee_id: effect.roles_set().map(|(grantee, _, _)| grantee.id),
            service_host: world.aside.host,
            state: ErrandState::Unknown,
            service_id: world.relationships.get(key).and_then(|row| row.service_id.clone()),
            carried_out_by: None,
            sent_at_ms: self.now.into(),
        })
    }
}

/// The object that the change comes from is known from the change itself.
fn intent(change: &Change, by: &Signature) -> entry::Intent {
    let new = if let Effect::Claim { after: (_, uid), .. } = &change.effect {
        Some(uid)
    } else {
        change.effect.makes_row().map(|(_, _, uid)| uid)
    };
    let uid = new.or(change.expects.uid.as_ref());
    let mut intent = by.intent.clone();
    intent.uid = intent.uid.or_else(|| uid.map(|uid| uid.0.to_string()));
    intent
}

/// The record of each person who is named by a change, by the position of the change.
fn persons(changes: &[Admitted]) -> Result<BTreeMap<usize, PersonRecord>, StoreError> {
    let mut records = BTreeMap::new();
    for (position, admitted) in changes.iter().enumerate() {
        let Some(acceptance) = entry::acceptance(&admitted.change.effect) else { continue };
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(|error| StoreError::Unexpected {
            store: "this machine".to_owned(),
            reason: format!("it has no random numbers: {error}"),
        })?;
        let record = PersonRecord::new(&acceptance.accepted_by, hex::encode(salt));
        records.insert(position, record);
    }
    Ok(records)
}

/// Judges all and writes what is made, all at once; and if the database itself refuses some of it, one by one. The
/// entries are made while the database writes.
async fn write_all(
    session: &mut Session,
    mut world: World<'_>,
    told: &Told<'_>,
) -> Result<(Vec<Verdict>, Chain), StoreError> {
    let stored = world.assignments.clone();
    world.lay_all();
    let mut verdicts = Vec::with_capacity(told.changes.len());
    let mut named = Vec::new();
    for (position, admitted) in told.changes.iter().enumerate() {
        let record = told.person(position);
        let verdict = world.admit(admitted, told.deed(position), record.map(|record| record.hash));
        if verdict == Verdict::Made {
            named.extend(record);
        }
        verdicts.push(verdict);
    }
    session.tell(both("SAVEPOINT changes"), &[]).await?;
    let written = std::mem::take(&mut world.written);
    let (result, chain) = tokio::join!(
        write(session, &world, &written, &stored, &named),
        told.entries(&verdicts, &world)
    );
    match result {
        Ok(()) => {
            session.tell(both("RELEASE SAVEPOINT changes"), &[]).await?;
            Ok((verdicts, chain))
        }
        Err(Failure::Store(error)) => Err(error),
        Err(Failure::Constraint(_)) => {
            session.tell(both("ROLLBACK TO SAVEPOINT changes"), &[]).await?;
            let World { now, here, instance, limits, aside, .. } = world;
            let world = touched::world(session, instance, told.changes, limits, aside).await?;
            let (verdicts, world) = write_each(session, World { now, here, ..world }, told).await?;
            let chain = told.entries(&verdicts, &world).await;
            Ok((verdicts, chain))
        }
    }
}

async fn write(
    session: &mut Session,
    world: &World<'_>,
    written: &Written,
    stored: &write::Stored,
    named: &[&PersonRecord],
) -> Result<(), Failure> {
    write::persons(session, named).await?;
    write::rows(session, world, written, stored).await
}

/// One savepoint for each change, so that only what the database refuses is undone.
async fn write_each<'a>(
    session: &mut Session,
    mut world: World<'a>,
    told: &Told<'_>,
) -> Result<(Vec<Verdict>, World<'a>), StoreError> {
    let mut stored = world.assignments.clone();
    world.lay_all();
    let mut verdicts = Vec::with_capacity(told.changes.len());
    for (position, admitted) in told.changes.iter().enumerate() {
        let record = told.person(position);
        let mut next = world.clone();
        let verdict = next.admit(admitted, told.deed(position), record.map(|record| record.hash));
        if !matches!(verdict, Verdict::Made | Verdict::Intended) {
            verdicts.push(verdict);
            continue;
        }
        let written = std::mem::take(&mut next.written);
        let named: Vec<_> = record.into_iter().collect();
        session.tell(both("SAVEPOINT change"), &[]).await?;
        match write(session, &next, &written, &stored, &named).await {
            Ok(()) => {
                session.tell(both("RELEASE SAVEPOINT change"), &[]).await?;
                for key in written.assignments.keys() {
                    stored.extend(next.assignments.get(key).map(|held| (*key, held.clone())));
                }
                world = next;
                verdicts.push(verdict);
            }
            Err(Failure::Store(error)) => return Err(error),
            Err(Failure::Constraint(reason)) => {
                session.tell(both("ROLLBACK TO SAVEPOINT change"), &[]).await?;
                verdicts.push(Verdict::Refused(Refusal::Constraint(reason)));
            }
        }
    }
    Ok((verdicts, world))
}
