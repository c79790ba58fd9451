//! Writes down what became of what was sent.
//!
//! Never: a change for made that was not read back.

use std::collections::BTreeMap;

use super::settle::{Denied, Fate, fate, place_of};
use crate::{
    domain::{
        digest::Digest,
        errand::{Errand, ErrandState, Errands},
        limits::Admitted,
        state::{
            AtService, Host,
            seen::{Seen, ServiceId},
        },
    },
    store::{
        CHANGES_AT_ONCE, Laid, Outcome, Refusal, Signature, Signatures, StoreError,
        sql::{Aside, Deed, Heard, SqlWriter},
    },
};

/// What is known of errands after a look.
pub(super) struct Looked {
    /// Those that are still on their way, or given up.
    pub left: Errands,
    /// What became of the others, by the change.
    pub known: BTreeMap<Digest, Outcome>,
    /// Those that have to be sent to the customer.
    pub locks: Vec<(Errand, ServiceId)>,
    /// Drafts that were given up.
    pub drafts: Vec<Errand>,
}

/// Writes down what is known of errands by what was seen; `denied` is why the service says that some are
/// not carried out.
pub(super) async fn settled(
    book: &mut SqlWriter,
    errands: Errands,
    seen: &Seen,
    denied: &BTreeMap<Digest, Denied>,
    host: Host,
) -> Result<Looked, StoreError> {
    let mut looked = Looked {
        left: Errands::default(),
        known: BTreeMap::new(),
        locks: Vec::new(),
        drafts: Vec::new(),
    };
    if errands.is_empty() {
        return Ok(looked);
    }
    let now = book.now().await?;
    // Somebody waits for what is open: it comes before what was given up, should both ask for the same.
    let (open, given_up): (Vec<_>, Vec<_>) = errands.into_iter().partition(Errand::is_open);
    let errands = open.into_iter().chain(given_up);
    let (mut made, mut deeds, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for errand in errands {
        let is_ours = errand.change.subject.owner.instance == *book.instance();
        if !is_ours || errand.state == ErrandState::Refused {
            looked.left.insert(errand);
            continue;
        }
        let place = place_of(&errand, seen);
        let found = place.as_ref().and_then(|id| seen.relationships.get(id));
        match fate(&errand, found, denied.get(&errand.id), now) {
            Fate::Made => {
                let invited = errand.change.effect.makes_row().and(place);
                deeds.push(Deed::Settle(invited.map(|id| AtService { id, host })));
                made.push(errand);
            }
            // Nobody wants it any more, and nobody was asked.
            Fate::Lock if errand.state == ErrandState::GivenUp => {
                looked.drafts.push(errand.clone());
                looked.left.insert(errand);
            }
            Fate::Lock if errand.is_open() => {
                let errand = Errand { at: place.clone(), ..errand };
                looked.locks.extend(place.map(|id| (errand.clone(), id)));
                looked.left.insert(errand);
            }
            Fate::Refused(why) if errand.is_open() => failed.push((errand, Heard::Refused(why))),
            Fate::Lost(why) if errand.is_open() => failed.push((errand, Heard::Lost(why))),
            Fate::Waits | Fate::Lock | Fate::Refused(_) | Fate::Lost(_) => {
                looked.left.insert(errand);
            }
        }
    }
    let outcomes = confirm(book, &made, &deeds, host).await?;
    for (errand, outcome) in made.into_iter().zip(outcomes) {
        if errand.is_open() {
            looked.known.insert(errand.id, outcome.clone());
        }
        match outcome {
            Outcome::Done => {}
            // The book has something else in its place by now: then it is nobody's any more.
            Outcome::Refused(_) if errand.is_open() => {
                let why = "it is there, and the ledger has something else in its place by now";
                failed.push((errand, Heard::Refused(why.to_owned())));
            }
            Outcome::Refused(_) => failed.push((errand, Heard::Dropped)),
            Outcome::Underway | Outcome::Unknown => looked.left.insert(errand),
        }
    }
    let heard: Vec<_> = failed.iter().map(|(errand, heard)| (errand, heard.clone())).collect();
    book.hear(&heard).await?;
    for (errand, heard) in failed {
        let (state, why) = match heard {
            Heard::Refused(why) => (ErrandState::Refused, why),
            Heard::Lost(why) => (ErrandState::GivenUp, why),
            Heard::Sent { .. } | Heard::Dropped => continue,
        };
        looked.known.entry(errand.id).or_insert(Outcome::Refused(Refusal::Outside(why)));
        looked.left.insert(Errand { state, ..errand });
    }
    Ok(looked)
}

/// Writes down that errands are made.
async fn confirm(
    book: &mut SqlWriter,
    made: &[Errand],
    deeds: &[Deed],
    host: Host,
) -> Result<Vec<Outcome>, StoreError> {
    let (Some(first), limits) = (made.first(), BTreeMap::new()) else { return Ok(Vec::new()) };
    let signature =
        |errand: &Errand| Signature { actor: errand.actor.clone(), intent: errand.intent.clone() };
    let by = Signatures {
        run: signature(first),
        changes: made.iter().map(|errand| (errand.id, signature(errand))).collect(),
    };
    let (laid, none) = (Laid::new(), Errands::default());
    let mut outcomes = Vec::with_capacity(made.len());
    for (made, deeds) in made.chunks(CHANGES_AT_ONCE).zip(deeds.chunks(CHANGES_AT_ONCE)) {
        let changes: Vec<Admitted> = made.iter().map(confirmed).collect();
        let aside = Aside { host, laid: &laid, errands: &none, deeds };
        outcomes.extend(book.apply_beside(&changes, &limits, &by, aside).await?);
    }
    Ok(outcomes)
}

/// The change of an errand, which has paid.
pub(super) fn confirmed(errand: &Errand) -> Admitted {
    Admitted::free(errand.change.clone(), errand.scope.clone())
}
