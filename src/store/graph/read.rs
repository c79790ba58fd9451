//! Reads what stands at Microsoft: every relationship by pages, and who holds what by batches.
//!
//! Never: a list that lacks a page, or "nobody" for assignments that could not be read.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use ecow::EcoString;
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::{
    call::Graph,
    http::Answer,
    wire::{self, Implausible, Page, Part},
};
use crate::{
    domain::{
        lifecycle::Phase,
        state::seen::{Seen, SeenAssignment, SeenRelationship, ServiceId, Unread},
    },
    store::StoreError,
};

/// Where the relationships are.
const RELATIONSHIPS: &str = "/tenantRelationships/delegatedAdminRelationships";
/// The most objects of a page (Graph: `$top`).
const PAGE: u16 = 300;
/// The most requests of a batch (Graph: "Combine multiple requests in one HTTP call").
const BATCH: usize = 20;
/// How often a request within a batch is made at most.
const TRIES: u32 = 5;
/// The longest wait before a request of a batch is made again.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// More pages than anybody has: a list that goes on for ever.
const PAGES: usize = 10_000;

type Assignments = BTreeMap<EcoString, SeenAssignment>;

/// Everything that the partner has: ⌈R/300⌉ calls for R relationships, and ⌈A/20⌉ for A of them under which somebody may
/// hold something.
///
/// # Errors
/// Where any of the list could not be read, or it contradicts itself. Where only the assignments of a relationship could
/// not be read, that is said of it.
pub async fn everything(graph: &Graph) -> Result<Seen, StoreError> {
    let mut seen = relationships(graph).await?;
    let asked =
        seen.relationships.values().filter(|relationship| may_have_assignments(relationship));
    let asked: BTreeSet<ServiceId> = asked.map(|relationship| relationship.id.clone()).collect();
    for (id, assignments) in assignments(graph, asked).await? {
        if let Some(relationship) = seen.relationships.get_mut(&id) {
            relationship.assignments = assignments;
        }
    }
    Ok(seen)
}

/// The first relationship of the list, if there is one: what shows that the list may be read.
///
/// # Errors
/// As [`everything`].
pub async fn first(graph: &Graph) -> Result<(), StoreError> {
    page_of(graph, &graph.get(&format!("{RELATIONSHIPS}?$top=1")).await?).map(drop)
}

fn implausible(graph: &Graph, fault: &Implausible) -> StoreError {
    StoreError::Implausible { store: graph.host().to_owned(), reason: fault.to_string() }
}

/// That a call was answered with what was asked for.
fn taken(graph: &Graph, answer: &Answer) -> Result<(), StoreError> {
    if answer.status == 200 {
        return Ok(());
    }
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let store = graph.host().to_owned();
    let error = wire::error_in(&body);
    // A cloud without delegated administration does not know the path.
    if matches!(answer.status, 400 | 404 | 501) && error.contains("segment") {
        let reason =
            format!("delegated administration (GDAP) is not part of this cloud's Graph ({error})");
        return Err(StoreError::NotOffered { store, reason });
    }
    let reason = format!("it answers {} ({error})", answer.status);
    Err(StoreError::Unexpected { store, reason })
}

fn page_of(graph: &Graph, answer: &Answer) -> Result<Page, StoreError> {
    taken(graph, answer)?;
    wire::page(&answer.body).map_err(|fault| implausible(graph, &fault))
}

/// Whether somebody may hold something under it. What is unread stays so.
fn may_have_assignments(relationship: &SeenRelationship) -> bool {
    relationship.assignments.is_ok()
        && match relationship.stage.phase() {
            Phase::Active | Phase::Ending | Phase::Unknown => true,
            Phase::Pending | Phase::Ended => false,
        }
}

/// Every relationship, without its assignments.
async fn relationships(graph: &Graph) -> Result<Seen, StoreError> {
    let first = graph.get(&format!("{RELATIONSHIPS}?$top={PAGE}")).await?;
    let mut seen = Seen { now: first.date, relationships: BTreeMap::new() };
    let mut page = page_of(graph, &first)?;
    let mut followed = BTreeSet::new();
    loop {
        for item in &page.items {
            add(&mut seen, item).map_err(|fault| implausible(graph, &fault))?;
        }
        let Some(link) = page.next else { return Ok(seen) };
        check_link(&mut followed, &link).map_err(|fault| implausible(graph, &fault))?;
        let answer = graph.get_next(&link).await?;
        page = page_of(graph, &answer)?;
    }
}

/// Adds what an item says. One that comes twice must say the same.
fn add(seen: &mut Seen, item: &Value) -> Result<(), Implausible> {
    let relationship = wire::relationship(item)?;
    if let Some(before) = seen.relationships.get(&relationship.id)
        && *before != relationship
    {
        let id = &relationship.id;
        return Err(Implausible(format!("the list holds `{id}` twice, with two contents")));
    }
    seen.relationships.insert(relationship.id.clone(), relationship);
    Ok(())
}

/// That a list does not lead in a circle.
fn check_link(followed: &mut BTreeSet<String>, link: &str) -> Result<(), Implausible> {
    if !followed.insert(link.to_owned()) {
        return Err(Implausible("a page of the list leads back to one before".to_owned()));
    }
    if followed.len() > PAGES {
        return Err(Implausible(format!("the list has more than {PAGES} pages")));
    }
    Ok(())
}

/// Who holds what under each of some relationships, or why that could not be read.
async fn assignments(
    graph: &Graph,
    mut open: BTreeSet<ServiceId>,
) -> Result<BTreeMap<ServiceId, Result<Assignments, Unread>>, StoreError> {
    let mut known = BTreeMap::new();
    let mut reasons: BTreeMap<ServiceId, String> = BTreeMap::new();
    for tries in 1..=TRIES {
        let all: Vec<ServiceId> = open.iter().cloned().collect();
        let batches = all.chunks(BATCH).map(|ids| one_batch(graph, ids));
        let mut answers = stream::iter(batches).buffer_unordered(graph.in_flight().into());
        let mut wait = Duration::ZERO;
        while let Some(answer) = answers.next().await {
            for (id, read) in answer? {
                match read {
                    Read::Done(assignments) => {
                        open.remove(&id);
                        known.insert(id, assignments);
                    }
                    Read::Again { after, reason } => {
                        wait = wait.max(after);
                        reasons.insert(id, reason);
                    }
                }
            }
        }
        if open.is_empty() || wait > LONGEST_WAIT {
            break;
        }
        if tries < TRIES {
            tokio::time::sleep(wait.max(Duration::from_millis(250 << tries))).await;
        }
    }
    for id in open {
        let reason = reasons.remove(&id).unwrap_or_default();
        known.insert(id, Err(Unread(format!("the service did not answer: {reason}"))));
    }
    Ok(known)
}

/// What became of one request.
enum Read {
    /// It is known.
    Done(Result<Assignments, Unread>),
    /// It may be known later.
    Again { after: Duration, reason: String },
}

/// Asks for the assignments of up to twenty relationships in one call.
async fn one_batch(graph: &Graph, ids: &[ServiceId]) -> Result<Vec<(ServiceId, Read)>, StoreError> {
    let requests: Vec<Value> = (1..)
        .zip(ids)
        .map(|(number, id): (usize, _)| {
            let url = format!("{RELATIONSHIPS}/{id}/accessAssignments?$top={PAGE}");
            json!({"id": number.to_string(), "method": "GET", "url": url})
        })
        .collect();
    let answer = graph.post("/$batch", &json!({"requests": requests})).await?;
    taken(graph, &answer)?;
    let mut parts = wire::batch(&answer.body).map_err(|fault| implausible(graph, &fault))?;
    let mut read = Vec::with_capacity(ids.len());
    for (number, id) in (1..).zip(ids) {
        let number: usize = number;
        let one = match parts.remove(&number.to_string()) {
            Some(part) => of_part(graph, part).await?,
            None => Read::Again {
                after: Duration::ZERO,
                reason: "it left the request out of its answer".to_owned(),
            },
        };
        read.push((id.clone(), one));
    }
    Ok(read)
}

async fn of_part(graph: &Graph, part: Part) -> Result<Read, StoreError> {
    match part.status {
        200 => match wire::page_in(part.body) {
            Ok(page) => all_pages(graph, page).await.map(Read::Done),
            Err(fault) => Ok(Read::Done(Err(Unread(fault.0)))),
        },
        404 => Ok(Read::Done(Err(Unread(
            "the service does not know it any more (404), though its list holds it".to_owned(),
        )))),
        status @ (401 | 408 | 429 | 500..=599) => Ok(Read::Again {
            after: Duration::from_secs(part.retry_after.unwrap_or_default()),
            reason: format!("{status} {}", wire::error_in(&part.body)),
        }),
        status => Ok(Read::Done(Err(Unread(format!("{status} {}", wire::error_in(&part.body)))))),
    }
}

/// The assignments of a first page and of those behind it.
async fn all_pages(
    graph: &Graph,
    mut page: Page,
) -> Result<Result<Assignments, Unread>, StoreError> {
    let mut all = Assignments::new();
    let mut followed = BTreeSet::new();
    loop {
        for item in &page.items {
            let (id, assignment) = match wire::assignment(item) {
                Ok(read) => read,
                Err(unread) => return Ok(Err(unread)),
            };
            if all.get(&id).is_some_and(|before| *before != assignment) {
                let reason = format!("assignment `{id}` comes twice, with two contents");
                return Ok(Err(Unread(reason)));
            }
            all.insert(id, assignment);
        }
        let Some(link) = page.next else { return Ok(Ok(all)) };
        let next = match check_link(&mut followed, &link) {
            Ok(()) => {
                let answer = graph.get_next(&link).await?;
                taken(graph, &answer)?;
                wire::page(&answer.body)
            }
            Err(fault) => Err(fault),
        };
        page = match next {
            Ok(next) => next,
            Err(fault) => return Ok(Err(Unread(fault.0))),
        };
    }
}
