//! Reads what stands at Microsoft: every relationship by pages, and who holds what by batches.
//!
//! Never: a list that lacks a page, or "nobody" for assignments that could not be read.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::{
    batch::{ask_each, implausible, taken},
    call::Graph,
    http::Answer,
    wire::{self, Implausible, Page, Part},
};
use crate::{
    domain::state::seen::{Seen, SeenAssignment, SeenRelationship, ServiceId, Unread},
    store::StoreError,
};

/// Where the relationships are.
pub(super) const RELATIONSHIPS: &str = "/tenantRelationships/delegatedAdminRelationships";
/// The most objects of a page (Graph: `$top`).
const PAGE: u16 = 300;
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
    read_holders(graph, &mut seen, |_| true).await?;
    Ok(seen)
}

/// Reads who holds what under those that are asked for. Of the others that stays unread, and is said to be.
///
/// # Errors
/// As [`everything`].
pub(super) async fn read_holders(
    graph: &Graph,
    seen: &mut Seen,
    is_asked_for: impl Fn(&ServiceId) -> bool,
) -> Result<(), StoreError> {
    let mut asked = BTreeSet::new();
    let readable = |one: &&mut SeenRelationship| one.assignments.is_ok();
    for one in seen.relationships.values_mut().filter(readable) {
        if !one.may_have_assignments() {
            continue;
        }
        if is_asked_for(&one.id) {
            asked.insert(one.id.clone());
        } else {
            one.assignments = Err(Unread("nobody has asked for it".to_owned()));
        }
    }
    for (id, assignments) in assignments(graph, asked).await? {
        if let Some(relationship) = seen.relationships.get_mut(&id) {
            relationship.assignments = assignments;
        }
    }
    Ok(())
}

/// Reads some relationships again, without their assignments. What the service does not know is not there any more.
///
/// # Errors
/// Where an answer is about another one, or a whole call fails.
pub(super) async fn reread(
    graph: &Graph,
    seen: &mut Seen,
    ids: &BTreeSet<ServiceId>,
) -> Result<(), StoreError> {
    let url = |id: &ServiceId| (id.clone(), format!("{RELATIONSHIPS}/{id}"));
    let mut fault = None;
    ask_each(graph, ids.iter().map(url).collect(), |id, part| {
        let found = match part {
            Ok(Part { status: 200, body, .. }) => wire::relationship(&body),
            Ok(Part { status: 400 | 404, .. }) => {
                seen.relationships.remove(&id);
                return;
            }
            Ok(Part { status, body, .. }) => {
                let error = wire::error_in(&body);
                let why = format!("it answers {status} for relationship `{id}` ({error})");
                Err(Implausible(why))
            }
            Err(unread) => Err(Implausible(format!("relationship `{id}`: {unread}"))),
        };
        match found {
            Ok(one) if one.id == id => drop(seen.relationships.insert(id, one)),
            Ok(_) => {
                let why = format!("asked for relationship `{id}`, it tells another one");
                fault = Some(Implausible(why));
            }
            Err(implausible) => fault = Some(implausible),
        }
    })
    .await?;
    fault.map_or(Ok(()), |fault| Err(implausible(graph, &fault)))
}

/// That a list holds each relationship that is known from before, but for those that the service does not know any more. One
/// is forgotten a year after its end, so that hardly many go at once.
///
/// Gives those that the service does not know any more.
///
/// # Errors
/// Where the list lacks one that is there, or more than three and more than a fifth of them are gone.
pub async fn check_known(
    graph: &Graph,
    seen: &Seen,
    known: &BTreeSet<ServiceId>,
) -> Result<BTreeSet<ServiceId>, StoreError> {
    let lacking = known.iter().filter(|id| !seen.relationships.contains_key(*id));
    let url = |id: &ServiceId| (id.clone(), format!("{RELATIONSHIPS}/{id}?$select=id,status"));
    let mut gone = BTreeSet::new();
    let mut fault = None;
    ask_each(graph, lacking.map(url).collect(), |id, part| match part {
        Ok(Part { status: 400 | 404, .. }) => drop(gone.insert(id)),
        Ok(Part { status: 200, .. }) => {
            fault = Some(format!("its list lacks relationship `{id}`, which is there: try again"));
        }
        Ok(Part { status, body, .. }) => {
            let error = wire::error_in(&body);
            fault = Some(format!("it answers {status} for relationship `{id}` ({error})"));
        }
        Err(unread) => fault = Some(format!("relationship `{id}`: {unread}")),
    })
    .await?;
    if gone.len() > 3 && gone.len() * 5 > known.len() {
        let (gone, all) = (gone.len(), known.len());
        fault.get_or_insert(format!(
            "{gone} of {all} relationships that were there before are unknown to it, as if they had never been"
        ));
    }
    fault.map_or(Ok(gone), |fault| Err(implausible(graph, &Implausible(fault))))
}

/// The first relationship of the list, if there is one: what shows that the list may be read.
///
/// # Errors
/// As [`everything`].
pub async fn first(graph: &Graph) -> Result<(), StoreError> {
    page_of(graph, &graph.get(&format!("{RELATIONSHIPS}?$top=1")).await?).map(drop)
}

fn page_of(graph: &Graph, answer: &Answer) -> Result<Page, StoreError> {
    taken(graph, answer)?;
    wire::page(&answer.body).map_err(|fault| implausible(graph, &fault))
}

/// Every relationship, without its assignments.
///
/// # Errors
/// As [`everything`].
pub(super) async fn relationships(graph: &Graph) -> Result<Seen, StoreError> {
    let first = graph.get(&format!("{RELATIONSHIPS}?$top={PAGE}")).await?;
    let mut seen = Seen { now: first.date, relationships: BTreeMap::new() };
    let mut page = page_of(graph, &first)?;
    let mut followed = BTreeSet::new();
    loop {
        for item in &page.items {
            add(&mut seen, item).map_err(|fault| implausible(graph, &fault))?;
        }
        let is_empty = page.items.is_empty() && (page.next.is_some() || !followed.is_empty());
        if is_empty {
            let fault = Implausible(
                "a page of the list holds nothing, though the list goes on there".to_owned(),
            );
            return Err(implausible(graph, &fault));
        }
        let Some(link) = page.next else { return Ok(seen) };
        check_link(&mut followed, &link, RELATIONSHIPS)
            .map_err(|fault| implausible(graph, &fault))?;
        page = page_of(graph, &graph.get_next(&link).await?)?;
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

/// That a list goes on as the same list, and does not lead in a circle.
fn check_link(followed: &mut BTreeSet<String>, link: &str, list: &str) -> Result<(), Implausible> {
    if !is_of_list(link, list) {
        return Err(Implausible("the next page is said to be that of another list".to_owned()));
    }
    if !followed.insert(link.to_owned()) {
        return Err(Implausible("a page of the list leads back to one before".to_owned()));
    }
    if followed.len() > PAGES {
        return Err(Implausible(format!("the list has more than {PAGES} pages")));
    }
    Ok(())
}

/// Whether a link leads to a list, as it was asked for or with its keys in brackets: `delegatedAdminRelationships('ID')`.
fn is_of_list(link: &str, list: &str) -> bool {
    let path = link.split(['?', '#']).next().unwrap_or_default();
    let path = percent_decode_str(path).decode_utf8_lossy();
    let plain = path.replace("('", "/").replace("')", "").to_lowercase();
    plain.split_once("/v1.0/").is_some_and(|(_, path)| path == list[1..].to_lowercase())
}

/// Who holds what under each of some relationships, or why that could not be read.
async fn assignments(
    graph: &Graph,
    of: BTreeSet<ServiceId>,
) -> Result<BTreeMap<ServiceId, Result<Assignments, Unread>>, StoreError> {
    let url = |id: ServiceId| {
        let url = format!("{RELATIONSHIPS}/{id}/accessAssignments?$top={PAGE}");
        (id, url)
    };
    let mut known = BTreeMap::new();
    let mut unfinished = Vec::new();
    ask_each(graph, of.into_iter().map(url).collect(), |id, part| {
        let page = part.and_then(first_page);
        let read = page.and_then(|page| {
            let mut all = Assignments::new();
            add_assignments(&mut all, &page.items)?;
            unfinished.extend(page.next.map(|next| (id.clone(), next)));
            Ok(all)
        });
        known.insert(id, read);
    })
    .await?;
    for (id, next) in unfinished {
        let Some(Ok(all)) = known.remove(&id) else { continue };
        let read = other_pages(graph, &id, all, next).await?;
        known.insert(id, read);
    }
    Ok(known)
}

fn first_page(part: Part) -> Result<Page, Unread> {
    match part.status {
        200 => whole(wire::page_in(part.body).map_err(|fault| Unread(fault.0))?, false),
        404 => Err(Unread(
            "the service does not know it any more (404), though its list holds it".to_owned(),
        )),
        status => Err(Unread(format!("it answers {status} ({})", wire::error_in(&part.body)))),
    }
}

/// A page that holds nothing, though a list goes on there, has lost what it held.
fn whole(page: Page, goes_on: bool) -> Result<Page, Unread> {
    if page.items.is_empty() && (goes_on || page.next.is_some()) {
        return Err(Unread(
            "a page of its list holds nothing, though the list goes on there".to_owned(),
        ));
    }
    Ok(page)
}

fn add_assignments(all: &mut Assignments, items: &[Value]) -> Result<(), Unread> {
    for item in items {
        let (id, assignment) = wire::assignment(item)?;
        if all.get(&id).is_some_and(|before| *before != assignment) {
            return Err(Unread(format!("assignment `{id}` comes twice, with two contents")));
        }
        all.insert(id, assignment);
    }
    Ok(())
}

/// The assignments of a first page with those of the pages behind it.
async fn other_pages(
    graph: &Graph,
    id: &ServiceId,
    mut all: Assignments,
    mut next: String,
) -> Result<Result<Assignments, Unread>, StoreError> {
    let list = format!("{RELATIONSHIPS}/{id}/accessAssignments");
    let mut followed = BTreeSet::new();
    loop {
        if let Err(fault) = check_link(&mut followed, &next, &list) {
            return Ok(Err(Unread(fault.0)));
        }
        let page = match page_of(graph, &graph.get_next(&next).await?) {
            Ok(page) => page,
            Err(error) => return Ok(Err(Unread(error.to_string()))),
        };
        let page = match whole(page, true) {
            Ok(page) => page,
            Err(unread) => return Ok(Err(unread)),
        };
        if let Err(unread) = add_assignments(&mut all, &page.items) {
            return Ok(Err(unread));
        }
        match page.next {
            Some(link) => next = link,
            None => return Ok(Ok(all)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_goes_on_as_itself_and_as_no_other() {
        let list = "/tenantRelationships/delegatedAdminRelationships/r1/accessAssignments";
        for link in [
            "https://graph.microsoft.com/v1.0/tenantRelationships/delegatedAdminRelationships/r1/accessAssignments?$skiptoken=x",
            "https://h/v1.0/tenantRelationships/delegatedAdminRelationships('r1')/accessAssignments?a",
            "https://h/v1.0/tenantrelationships/delegatedAdminRelationships(%27r1%27)/accessAssignments",
        ] {
            assert!(is_of_list(link, list), "{link}");
        }
        for link in [
            "https://h/v1.0/tenantRelationships/delegatedAdminRelationships/r9/accessAssignments",
            "https://h/v1.0/tenantRelationships/delegatedAdminRelationships",
            "https://h/v1.0/users?$top=1",
            "https://h/beta/tenantRelationships/delegatedAdminRelationships/r1/accessAssignments",
            "",
        ] {
            assert!(!is_of_list(link, list), "{link}");
        }
        assert!(check_link(&mut BTreeSet::new(), "https://h/v1.0/users", RELATIONSHIPS).is_err());
    }
}
