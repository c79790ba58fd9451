//! What acceptances, offers and boundaries are told: what they say was judged, and what of it is recorded.
//!
//! Never: an acceptance told as recorded that was not read back.

use std::collections::BTreeMap;

use super::{
    Reconciler, Requeue,
    outcome::{Reconciled, StatusPatch},
    report::{Sources, about, by_object, no_boundary},
};
use crate::{
    domain::{
        digest::Digest,
        ids::Kind,
        problem::Problem,
        state::ObjectName,
        status::{self, AcceptanceFacts, OfferFacts},
    },
    operator::index::{StatusText, key},
};

impl Reconciler {
    pub(super) fn acceptances(&mut self, sources: &Sources<'_>, done: &mut Reconciled) {
        let Sources { index, run, .. } = sources;
        let table = &index.tables().acceptances;
        let contents: BTreeMap<&ObjectName, Digest> = run
            .validated
            .desired
            .relationships
            .values()
            .flat_map(|declared| declared.answers.iter().chain(&declared.agreements))
            .chain(&run.validated.desired.acceptances)
            .map(|acceptance| (&acceptance.object, acceptance.content))
            .collect();
        let notices = by_object(&run.plan.notices);
        for name in &run.validated.affected.acceptances {
            let Some(seen) = table.get(name) else { continue };
            let object = key(Kind::AgreementAcceptance, name);
            let content = contents.get(name);
            let facts = AcceptanceFacts {
                content: content.copied(),
                accepted_at: Some(seen.object.spec.accepted_at),
                recorded: content.and_then(|content| run.observed.acceptances.get(content)),
                problems: run.validated.problems_of(&object).collect(),
                notices: notices.get(&object).cloned().unwrap_or_default(),
                refused: run
                    .refused
                    .values()
                    .filter(|(change, _)| {
                        crate::domain::entry::acceptance(&change.effect)
                            .is_some_and(|acceptance| acceptance.object == *name)
                    })
                    .map(|(_, refusal)| refusal.to_string())
                    .collect(),
                hold: no_boundary(run, name),
            };
            let old = table.status(name);
            let conditions = old.as_ref().map_or(&[][..], |old| &old.conditions);
            let reported = status::acceptance(&about(seen, conditions, done.now), &facts);
            self.requeues.set(Requeue::Object(object.clone()), reported.next_change);
            let answers = seen.object.spec.relationship_ref.as_ref();
            let awaited = answers.is_some_and(|reference| {
                let (namespace, name) = (name.namespace.clone(), reference.name.clone());
                let relationship = ObjectName { namespace, name: name.into() };
                run.validated.finalizers.relationships.contains(&relationship)
            });
            if !awaited && old.as_ref() != Some(&reported.status) {
                for event in status::other_events(conditions, &reported.status.conditions) {
                    done.events.push((object.clone(), seen.object.uid.clone(), event));
                }
                done.reports.push(StatusPatch {
                    object,
                    uid: seen.object.uid.clone(),
                    status: StatusText::of(&reported.status),
                });
            }
        }
    }
}

pub(super) fn offers(sources: &Sources<'_>, done: &mut Reconciled) {
    let Sources { index, run, .. } = sources;
    let table = &index.tables().offers;
    for name in &run.validated.affected.offers {
        let Some(seen) = table.get(name) else { continue };
        let object = key(Kind::PartnerOffer, name);
        let facts = OfferFacts {
            problems: run.validated.problems_of(&object).collect(),
            hold: no_boundary(run, name),
        };
        let old = table.status(name);
        let conditions = old.as_ref().map_or(&[][..], |old| &old.conditions);
        let reported = status::offer(&about(seen, conditions, done.now), &facts);
        if old.as_ref() != Some(&reported.status) {
            done.reports.push(StatusPatch {
                object,
                uid: seen.object.uid.clone(),
                status: StatusText::of(&reported.status),
            });
        }
    }
}

pub(super) fn boundaries(sources: &Sources<'_>, done: &mut Reconciled) {
    let Sources { index, run, .. } = sources;
    let table = &index.tables().boundaries;
    for name in &run.validated.affected.boundaries {
        let Some(seen) = table.get(name) else { continue };
        let object = key(Kind::PartnerBoundary, name);
        let problems: Vec<&Problem> = run.validated.problems_of(&object).collect();
        let old = table.status(name);
        let conditions = old.as_ref().map_or(&[][..], |old| &old.conditions);
        let reported = status::boundary(&about(seen, conditions, done.now), &problems);
        if old.as_ref() != Some(&reported.status) {
            done.reports.push(StatusPatch {
                object,
                uid: seen.object.uid.clone(),
                status: StatusText::of(&reported.status),
            });
        }
    }
}
