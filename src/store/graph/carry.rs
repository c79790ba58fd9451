//! Sends what was intended, and writes down what is heard of it.
//!
//! Never: a write that is repeated, or one that the book does not say was intended.

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::{
    batch::BATCH,
    book::GraphWriter,
    call::Sent,
    send::Request,
    settle::Denied,
    wire::{self, Part},
};
use crate::{
    domain::{
        change::Effect,
        digest::Digest,
        errand::{Errand, ErrandState},
        limits::Admitted,
        state::seen::ServiceId,
    },
    store::{Outcome, Refusal, Signature, Signatures, StoreError, sql::Heard},
};

/// One change that is about to be sent.
pub(super) struct Outgoing {
    pub change: Digest,
    pub request: Request,
}

/// What came back of it.
pub(super) enum Answer {
    /// It was taken.
    Taken(Part),
    /// It was not, by this answer.
    Refused(Part),
    /// Nobody knows.
    Unknown,
}

impl GraphWriter {
    /// Sends requests, those first that take something away, and gives what came back of each; and why some were not sent, if
    /// so.
    pub(super) async fn send(
        &self,
        outgoing: Vec<Outgoing>,
    ) -> (Vec<(Digest, Answer)>, Option<StoreError>) {
        let (first, then): (Vec<_>, Vec<_>) =
            outgoing.into_iter().partition(|one| one.request.takes_away);
        let (mut answers, mut fault) = (Vec::new(), None);
        for (all, takes_away) in [(first, true), (then, false)] {
            let calls: Vec<_> =
                all.chunks(BATCH).map(|batch| self.one_call(batch, takes_away)).collect();
            let mut calls = stream::iter(calls).buffer_unordered(self.graph.in_flight().into());
            while let Some(answered) = calls.next().await {
                match answered {
                    Ok(answered) => answers.extend(answered),
                    Err(error) => fault = Some(error),
                }
            }
            if fault.is_some() {
                break;
            }
        }
        (answers, fault)
    }

    async fn one_call(
        &self,
        batch: &[Outgoing],
        takes_away: bool,
    ) -> Result<Vec<(Digest, Answer)>, StoreError> {
        if !(self.may_send.0)() {
            return Err(StoreError::StaleEpoch { instance: self.book.instance().to_string() });
        }
        let requests: Vec<Value> =
            (1..).zip(batch).map(|(number, one)| one.request.of_batch(number)).collect();
        let sent = self.graph.change(&json!({"requests": requests}), takes_away).await;
        let mut parts = match sent? {
            // An answer that contradicts itself tells nothing.
            Sent::Answered(answer) => wire::batch(&answer.body).unwrap_or_default(),
            Sent::Unknown => BTreeMap::new(),
        };
        let waits = parts.values().filter_map(|part| part.retry_after).max();
        if let Some(wait) = waits {
            self.graph.put_off_changes(Duration::from_secs(wait));
        }
        let answer = |(number, one): (usize, &Outgoing)| {
            let answer = match parts.remove(&number.to_string()) {
                Some(part) if (200..300).contains(&part.status) => Answer::Taken(part),
                Some(part) if matches!(part.status, 408 | 500..=599) => Answer::Unknown,
                Some(part) => Answer::Refused(part),
                None => Answer::Unknown,
            };
            (one.change, answer)
        };
        Ok((1..).zip(batch).map(answer).collect())
    }

    /// Sends what was intended, and writes down what was heard. What was refused because it is not as it was looked at is
    /// looked at once more.
    pub(super) async fn carry_out(
        &mut self,
        intended: Vec<(Admitted, Request)>,
        by: &Signatures,
    ) -> Result<BTreeMap<Digest, Outcome>, StoreError> {
        let now = self.book.now().await?;
        let mut sent: BTreeMap<Digest, Errand> = BTreeMap::new();
        let mut outgoing = Vec::new();
        for (admitted, request) in intended {
            let (id, change) = (admitted.id(), admitted.change);
            let Signature { actor, intent } = by.of(&id).clone();
            let key = change.subject.relationship.as_ref();
            let at = key.and_then(|key| self.places.get(key)).cloned();
            let (scope, host, state) = (admitted.scope, self.whose.host, ErrandState::Unknown);
            let errand = Errand {
                change,
                id,
                scope,
                actor,
                intent,
                host,
                state,
                at,
                by: None,
                sent_at: now,
            };
            self.errands.insert(errand.clone());
            sent.insert(id, errand);
            outgoing.push(Outgoing { change: id, request });
        }
        let clears = outgoing.iter().filter_map(|one| {
            let request = one.request.clears.as_deref()?.clone();
            Some(Outgoing { change: one.change, request })
        });
        let (_, fault) = self.send(clears.collect()).await;
        let (answers, fault) = match fault {
            Some(fault) => (Vec::new(), Some(fault)),
            None => self.send(outgoing).await,
        };
        let mut outcomes = BTreeMap::new();
        let mut heard = Vec::new();
        for (id, answer) in answers {
            let Some(errand) = sent.get(&id) else { continue };
            let outcome = match answer {
                Answer::Taken(part) => {
                    let made = errand.change.effect.makes_row().is_some();
                    let at = part.body["id"].as_str().filter(|_| made).map(ServiceId::new);
                    let is_ignored = part.status == 200
                        && part.by.is_none()
                        && matches!(errand.change.effect, Effect::DropGlobalAdministrator { .. });
                    if is_ignored {
                        let why = "the service took it without a word of what it does, and Global Administrator is \
                                   still in the relationship: take it out in Partner Center";
                        self.conflicts.insert(id, Denied::Perhaps(why.to_owned()));
                    }
                    heard.push((errand, Heard::Sent { at, by: part.by }));
                    Outcome::Underway
                }
                // What neither a version nor a name guards is not sent again before it is known.
                Answer::Refused(part)
                    if part.status == 429
                        && matches!(errand.change.effect, Effect::Terminate { .. }) =>
                {
                    Outcome::Unknown
                }
                // Somebody else was there first, or we ourselves were; or it is throttled, and made all the same: a look
                // tells.
                Answer::Refused(part) if matches!(part.status, 409 | 429) => {
                    let is_throttled = part.status == 429;
                    let denied = if is_throttled { Denied::Throttled } else { Denied::Never };
                    self.conflicts.insert(id, denied(part.refusal()));
                    Outcome::Unknown
                }
                Answer::Refused(part) if part.status == 412 => {
                    let why = "it has changed there since it was looked at (412)";
                    heard.push((errand, Heard::Refused(why.to_owned())));
                    Outcome::Refused(Refusal::Stale)
                }
                Answer::Unknown => Outcome::Unknown,
                Answer::Refused(part) => {
                    let why = part.refusal();
                    heard.push((errand, Heard::Refused(why.clone())));
                    Outcome::Refused(Refusal::Outside(why))
                }
            };
            outcomes.insert(id, outcome);
        }
        let Some(fault) = fault else {
            self.hear(&heard).await?;
            return Ok(outcomes);
        };
        // Of the rest nothing was sent.
        let rest = sent.values().filter(|errand| !outcomes.contains_key(&errand.id));
        heard.extend(
            rest.map(|errand| (errand, Heard::Refused(format!("it was not sent: {fault}")))),
        );
        self.hear(&heard).await?;
        Err(fault)
    }

    /// Writes down what was heard, also in what is remembered here.
    pub(super) async fn hear(&mut self, heard: &[(&Errand, Heard)]) -> Result<(), StoreError> {
        self.book.hear(heard).await?;
        let now = self.book.now().await?;
        for (errand, heard) in heard {
            let Some(known) = self.errands.get_mut(&errand.id) else { continue };
            match heard {
                Heard::Sent { at, by } => {
                    known.state = ErrandState::Sent;
                    known.at = at.clone().or(known.at.take());
                    known.by = by.clone().or(known.by.take());
                    known.sent_at = now;
                }
                Heard::Refused(_) => known.state = ErrandState::Refused,
                Heard::Lost(_) => known.state = ErrandState::GivenUp,
                Heard::Dropped => {}
            }
        }
        Ok(())
    }

    /// Takes drafts back that nobody wants any more, and gives what became of each change that gives one up.
    pub(super) async fn take_back(
        &mut self,
        drafts: Vec<(Digest, Errand, Request)>,
    ) -> Result<BTreeMap<Digest, Outcome>, StoreError> {
        if drafts.is_empty() {
            return Ok(BTreeMap::new());
        }
        // Whatever becomes of that, they are not sent.
        self.unwanted.extend(drafts.iter().map(|(_, errand, _)| errand.id));
        let outgoing = drafts
            .iter()
            .map(|(change, _, request)| Outgoing { change: *change, request: request.clone() });
        let (answers, fault) = self.send(outgoing.collect()).await;
        let mut outcomes = BTreeMap::new();
        let mut heard = Vec::new();
        for (id, answer) in answers {
            let Some((_, errand, _)) = drafts.iter().find(|(change, _, _)| *change == id) else {
                continue;
            };
            let outcome = match answer {
                Answer::Taken(_) => {
                    let why = "it was given up before it was sent to the customer";
                    heard.push((errand, Heard::Refused(why.to_owned())));
                    Outcome::Done
                }
                Answer::Refused(part) => {
                    let why = format!("the draft cannot be taken back: {}", part.refusal());
                    Outcome::Refused(Refusal::Outside(why))
                }
                Answer::Unknown => Outcome::Refused(Refusal::Stale),
            };
            outcomes.insert(id, outcome);
        }
        self.hear(&heard).await?;
        fault.map_or(Ok(outcomes), Err)
    }
}
