//! Changes what stands at the service: intended in the book, sent, and read back.
//!
//! Never: a request for what the book does not say was intended, a write that is repeated, or a change that is taken for
//! made because it was taken.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;

use super::{
    batch::ask_each,
    book::{GraphWriter, MaySend, shown},
    carry::{Answer, Outgoing},
    confirm::{confirmed, settled},
    read::{RELATIONSHIPS, read_holders, relationships, reread},
    send::{self, Request},
    settle::{Denied, place_of},
    wire::{self, Part},
};
use crate::{
    domain::{
        carrier::is_outward,
        change::{Change, Effect},
        digest::Digest,
        errand::{Errand, ErrandState},
        lifecycle::Lifecycle,
        limits::{Admitted, Batch, Limits},
        state::{
            Owner, RelationshipKey,
            seen::{Seen, ServiceId},
        },
    },
    store::{
        Observation, Outcome, Refusal, Settled, Signature, Signatures, StoreError, Write,
        apply::gives_up,
        sql::{Aside, Claim, Deed, Heard},
    },
};

/// The most changes in one call: five calls of twenty, so that whoever stops it waits for no more.
const AT_ONCE: usize = 100;

impl GraphWriter {
    /// Says goodbye to the database.
    ///
    /// # Errors
    ///
    /// As [`SqlWriter::close`](crate::store::sql::SqlWriter::close).
    pub async fn close(self) -> Result<(), StoreError> {
        self.book.close().await
    }

    /// Sends nothing any more once this says so.
    pub fn only_while(&mut self, may_send: impl Fn() -> bool + Send + Sync + 'static) {
        self.may_send = MaySend(Box::new(may_send));
    }

    /// Sends no draft to a customer from now on, whoever wants it.
    pub fn keep_drafts(&mut self) {
        self.drafts_stay = true;
    }

    /// The first keys of rows whose relationships are otherwise now than when they were last looked at, by one list.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub async fn hints(&mut self) -> Result<BTreeSet<RelationshipKey>, StoreError> {
        let listed = shown(&relationships(&self.graph).await?);
        let is_changed = |claim: &Claim| self.hinted.get(&claim.id) != listed.get(&claim.id);
        let claims = self.book.claims().await?;
        let changed = claims.into_iter().filter(is_changed).map(|claim| claim.first).collect();
        self.hinted = listed;
        Ok(changed)
    }

    /// The rows of what is on its way.
    pub fn underway(&self) -> BTreeSet<RelationshipKey> {
        self.errands.open().filter_map(|one| one.change.subject.relationship.clone()).collect()
    }

    /// The request that makes a change, by what was last seen; nothing where it is a matter of the book alone.
    fn request(&self, change: &Change) -> Result<Option<Request>, Refusal> {
        if !is_outward(change) {
            return Ok(None);
        }
        let key = change.subject.relationship.as_ref();
        let place = key.and_then(|key| self.places.get(key));
        let seen = place.and_then(|id| self.seen.relationships.get(id));
        send::request(&change.effect, seen).map(Some)
    }

    /// What is on its way and must land before a change can be made.
    fn in_the_way(&self, admitted: &Admitted) -> Option<&Errand> {
        let (id, change) = (admitted.id(), &admitted.change);
        let mut others = self
            .errands
            .open_of(change.subject.relationship.as_ref()?)
            .filter(|errand| errand.id != id);
        others.find(|errand| change.waits_for(&errand.change))
    }

    /// The invitations on which others rest: nothing is given up for one that is not sent.
    fn is_invited(&self, owner: &Owner, changes: &[Admitted]) -> bool {
        let mut all = self
            .errands
            .open()
            .map(|errand| &errand.change)
            .chain(changes.iter().map(|one| &one.change));
        all.any(|change| {
            let invites = change.effect.makes_row().is_some() && is_outward(change);
            invites && change.subject.owner == *owner
        })
    }

    /// The draft of an invitation that is on its way and was not sent to the customer, where a change gives that up.
    fn draft(&self, change: &Change) -> Option<(Errand, Request)> {
        if !matches!(change.effect, Effect::Withdraw { .. }) {
            return None;
        }
        let row = change.subject.relationship.as_ref()?;
        let mut open = self.errands.open_of(row);
        let errand = open.find(|errand| errand.change.effect.makes_row().is_some())?;
        let seen = self.seen.relationships.get(errand.at.as_ref()?)?;
        (seen.stage == Lifecycle::Created).then(|| (errand.clone(), send::take_back(seen)))
    }

    /// Looks at what open errands are about, and nothing else.
    async fn look_again(&mut self) -> Result<BTreeMap<Digest, Denied>, StoreError> {
        let open: Vec<Errand> = self.errands.open().cloned().collect();
        if open.iter().any(|errand| errand.at.is_none()) {
            let listed = relationships(&self.graph).await?;
            for errand in &open {
                let place = place_of(errand, &listed);
                let found = place.and_then(|id| listed.relationships.get(&id));
                if let Some(found) = found {
                    self.seen.relationships.insert(found.id.clone(), found.clone());
                }
            }
        }
        let places: BTreeSet<ServiceId> = open.iter().filter_map(|one| one.at.clone()).collect();
        let refused = self.refused(&open).await?;
        reread(&self.graph, &mut self.seen, &places).await?;
        let holds = |errand: &Errand| errand.change.effect.roles_set().and(errand.at.clone());
        let held: BTreeSet<ServiceId> = open.iter().filter_map(holds).collect();
        // What nobody asks for now stays as it was read.
        let take = |id: &ServiceId| Some((id.clone(), self.seen.relationships.remove(id)?));
        let relationships = held.iter().filter_map(take).collect();
        let mut found = Seen { now: None, relationships };
        read_holders(&self.graph, &mut found, |_| true).await?;
        self.seen.relationships.extend(found.relationships);
        Ok(refused)
    }

    /// The errands that the service has taken, and says that it could not carry out.
    async fn refused(&self, open: &[Errand]) -> Result<BTreeMap<Digest, Denied>, StoreError> {
        let asked = open.iter().filter_map(|errand| {
            let (id, by) = (errand.at.as_ref()?, errand.by.as_ref()?);
            Some((errand.id, format!("{RELATIONSHIPS}/{id}/{by}")))
        });
        let mut refused = BTreeMap::new();
        ask_each(&self.graph, asked.collect(), |id, part| {
            let Ok(Part { status: 200, body, .. }) = part else { return };
            let by = self.errands.get(&id).and_then(|errand| errand.by.as_ref());
            let is_operation = by.is_some_and(|by| by.starts_with("operations"));
            let denied = match wire::progress(&body) {
                "failed" => {
                    let why = "the service took it, and says that it could not carry it out";
                    Denied::Never(why.to_owned())
                }
                // What is looked at from now on is as it left it, or the look is an old one.
                "succeeded" if is_operation => {
                    let why = "the service says that it is carried out, and it is as it was before";
                    Denied::Perhaps(why.to_owned())
                }
                _ => return,
            };
            refused.insert(id, denied);
        })
        .await?;
        Ok(refused)
    }

    /// Takes over what was settled in what is remembered here.
    fn take(&mut self, made: &Errand) {
        let key = made.change.subject.relationship.as_ref();
        let Some(id) = place_of(made, &self.seen) else { return };
        if made.change.effect.makes_row().is_some() {
            self.places.extend(key.map(|key| (key.clone(), id)));
        } else if let Some((grantee, _, after)) = made.change.effect.roles_set() {
            let held = self.laid.entry(id).or_default();
            if after.roles.is_empty() {
                held.remove(&grantee.id);
            } else {
                held.insert(grantee.id, after.roles.clone());
            }
        }
    }
}

/// Puts what is known of changes in its place.
fn told(outcomes: &mut [Outcome], ids: &[Digest], known: &BTreeMap<Digest, Outcome>) {
    for (outcome, id) in outcomes.iter_mut().zip(ids) {
        if let Some(known) = known.get(id) {
            outcome.clone_from(known);
        }
    }
}

impl Write for GraphWriter {
    fn at_once(&self) -> usize {
        AT_ONCE
    }

    async fn apply(
        &mut self,
        changes: &[Admitted],
        limits: &BTreeMap<String, Limits>,
        by: &Signatures,
    ) -> Result<Vec<Outcome>, StoreError> {
        let mut outcomes = vec![Outcome::Refused(Refusal::Stale); changes.len()];
        let (mut steps, mut deeds, mut places) = (Vec::new(), Vec::new(), Vec::new());
        let mut requests = Vec::new();
        let mut drafts = Vec::new();
        for (place, admitted) in changes.iter().enumerate() {
            let change = &admitted.change;
            if let Some((errand, request)) = self.draft(change) {
                drafts.push((admitted.id(), errand, request));
                continue;
            }
            // What takes its place is known to be sent before.
            if gives_up(change) && self.is_invited(&change.subject.owner, changes) {
                continue;
            }
            let request = match self.request(change) {
                Ok(request) => request,
                Err(refusal) => {
                    outcomes[place] = Outcome::Refused(refusal);
                    continue;
                }
            };
            if let Some(before) = self.in_the_way(admitted) {
                // An assignment that is deleted takes along whatever was on its way for it. It is taken for made before,
                // since it may be.
                if request.as_ref().is_none_or(|request| request.method != Method::DELETE) {
                    continue;
                }
                steps.push(confirmed(before));
                deeds.push(Deed::Settle(None));
                places.push(None);
                requests.push(None);
            }
            steps.push(admitted.clone());
            deeds.push(if request.is_some() { Deed::Intend } else { Deed::Make });
            places.push(Some(place));
            requests.push(request);
        }
        let ids: Vec<Digest> = changes.iter().map(Admitted::id).collect();
        let mut heard = self.take_back(drafts).await?;
        if steps.is_empty() {
            told(&mut outcomes, &ids, &heard);
            return Ok(outcomes);
        }
        let (host, laid, errands) = (self.whose.host, &self.laid, &self.errands);
        let aside = Aside { host, laid, errands, deeds: &deeds };
        let written = self.book.apply_beside(&steps, limits, by, aside).await?;
        let mut intended = Vec::new();
        for ((admitted, outcome), (place, request)) in
            steps.into_iter().zip(written).zip(places.into_iter().zip(requests))
        {
            let Some(place) = place else {
                self.errands.remove(&admitted.id());
                continue;
            };
            if outcome == Outcome::Underway {
                intended.extend(request.map(|request| (admitted, request)));
            }
            outcomes[place] = outcome;
        }
        heard.extend(self.carry_out(intended, by).await?);
        told(&mut outcomes, &ids, &heard);
        Ok(outcomes)
    }

    async fn settle(&mut self) -> Result<Settled, StoreError> {
        let may_be_there =
            |errand: &Errand| errand.is_open() || errand.state == ErrandState::GivenUp;
        if !self.errands.iter().any(may_be_there) {
            return Ok(Settled::default());
        }
        let mut refused = self.look_again().await?;
        let conflicts = std::mem::take(&mut self.conflicts);
        refused.extend(conflicts.clone());
        let errands = std::mem::take(&mut self.errands);
        let before = errands.clone();
        let host = self.whose.host;
        let mut looked = settled(&mut self.book, errands, &self.seen, &refused, host).await?;
        self.errands = looked.left;
        for errand in before.iter() {
            // What somebody else holds by now, and what was throttled, is planned anew.
            let conflict = conflicts.get(&errand.id);
            let again = conflict.is_some_and(|denied| {
                let is_throttled = matches!(denied, Denied::Throttled(_));
                is_throttled || errand.change.effect.roles_set().is_some()
            });
            if again && matches!(looked.known.get(&errand.id), Some(Outcome::Refused(_))) {
                looked.known.insert(errand.id, Outcome::Refused(Refusal::Stale));
            }
            if looked.known.get(&errand.id) == Some(&Outcome::Done) {
                self.take(errand);
            }
        }
        looked.locks.retain(|(errand, _)| !self.drafts_stay && !self.unwanted.contains(&errand.id));
        let drafts = looked.drafts.into_iter().filter_map(|errand| {
            let place = place_of(&errand, &self.seen)?;
            let request = send::take_back(self.seen.relationships.get(&place)?);
            Some((errand.id, errand, request))
        });
        let drafts: Vec<_> = drafts.filter(|_| !self.drafts_stay).collect();
        self.take_back(drafts).await?;
        let outgoing = looked
            .locks
            .iter()
            .map(|(errand, id)| Outgoing { change: errand.id, request: send::lock(id) });
        let (answers, fault) = self.send(outgoing.collect()).await;
        let mut heard = Vec::new();
        for (id, answer) in answers {
            let Some((errand, place)) = looked.locks.iter().find(|(errand, _)| errand.id == id)
            else {
                continue;
            };
            match answer {
                Answer::Taken(part) => {
                    let by = part.body["id"].as_str().filter(|id| ServiceId::is_plain(id));
                    let by = by.map(|id| format!("requests/{id}"));
                    heard.push((errand, Heard::Sent { at: Some(place.clone()), by }));
                }
                // Somebody has changed it just now, or it is throttled: it is looked at once more.
                Answer::Refused(part) if !matches!(part.status, 409 | 412 | 429) => {
                    let why = part.refusal();
                    let why = format!("it is made and cannot be sent to the customer: {why}");
                    // It is made, and waits as a draft: the next run tries again, or takes it back.
                    looked.known.insert(id, Outcome::Refused(Refusal::Outside(why)));
                }
                Answer::Refused(_) | Answer::Unknown => {}
            }
        }
        self.hear(&heard).await?;
        if let Some(fault) = fault {
            return Err(fault);
        }
        let open: BTreeMap<Digest, Outcome> = self
            .errands
            .open()
            .map(|errand| {
                let is_sent = errand.state == ErrandState::Sent;
                (errand.id, if is_sent { Outcome::Underway } else { Outcome::Unknown })
            })
            .collect();
        let (number, mut outcomes) = (open.len(), open);
        outcomes.extend(looked.known);
        Ok(Settled { open: number, outcomes })
    }

    async fn block(&mut self, batches: &[Batch], by: &Signature) -> Result<(), StoreError> {
        self.book.block(batches, by).await
    }

    async fn approve(&mut self, batch: &Batch, by: &Signature) -> Result<(), StoreError> {
        self.book.approve(batch, by).await
    }

    async fn record(&mut self, seen: Vec<Observation>, by: &Signature) -> Result<(), StoreError> {
        self.book.record_held(seen, by).await
    }
}
