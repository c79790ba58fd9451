//! Manifests of what stands at Microsoft: offers, relationships, grants, and a boundary that admits just those.
//!
//! Never: more access than was seen, or something left out that is not told.

mod grants;
mod names;
mod objects;
mod told;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    api::{AutoExtendDuration, Cloud, ManagementPolicy},
    domain::{
        catalogue::{Availability, Catalogue},
        digest::Digest,
        duration::{Days, Duration},
        ids::{GranteeId, RoleId, TenantId},
        lifecycle::{Lifecycle, Phase},
        state::{
            Tenant,
            seen::{Seen, SeenRelationship, ServiceId},
        },
    },
};

pub use told::{Listed, Look, LookAssignment, Party, Told, Which, Why};

use names::{Claim, Sort, Wanted};

/// What the line begins with by which a file of an import is known; the digest of what stands below it follows.
const MARK: &str = "# Made by `concordat import`, as ";
/// How many digits of the digest are written.
const DIGITS: usize = 16;

/// What became of a text of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It is as it was made.
    AsItIs,
    /// Somebody has changed it.
    Changed,
}

/// Whether an import has made a text; nothing where it has not.
pub fn made(text: &str) -> Option<Made> {
    let at = text.find(MARK).filter(|at| *at == 0 || text[..*at].ends_with('\n'))?;
    let (digest, body) = text[at + MARK.len()..].split_once('\n')?;
    Some(if digest == digest_of(body) { Made::AsItIs } else { Made::Changed })
}

fn digest_of(body: &str) -> String {
    let mut digest = Digest::of_bytes(body.as_bytes()).to_string();
    digest.truncate(DIGITS);
    digest
}

/// The label of a relationship that names its offer.
pub const OFFER_LABEL: &str = "concordat.dev/offer";
/// What stands before the label of a set of relationships that is no whole offer.
pub const SET_LABEL: &str = "grants.concordat.dev";

/// No list of roles is longer.
const MOST_ROLES: usize = 150;

/// How an import is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportOptions {
    /// The partner whose relationships they are, with the name that customers know; `Partner` and the first digits of its
    /// id where there is none.
    pub partner: Tenant,
    /// Where it lives.
    pub cloud: Cloud,
    /// The namespace of the objects; `msp` where nobody says another.
    pub namespace: String,
    /// Whether what is over or ending is written too. It is held.
    pub all: bool,
    /// Whether the objects manage what they declare, or only watch it.
    pub management: ManagementPolicy,
    /// What the directory calls those groups that it knows; nothing where it was not read.
    pub groups: Option<BTreeMap<GranteeId, String>>,
    /// The date, for the reasons of grants: `2026-12-01`.
    pub today: String,
}

/// The files of an import, and what a person should know of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Import {
    /// The text of each file, by its path below the folder, with `/` between its parts.
    pub files: BTreeMap<String, String>,
    /// What was left out, changed or needs a look, in the order of relationships.
    pub told: Vec<Told>,
}

/// What can be known of who holds what under a relationship.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    /// It was read.
    Known,
    /// It could not be read, or there can be none.
    None,
    /// It is over or ending, so that nothing is done for the relationship.
    Held,
}

/// A relationship that is written.
#[derive(Debug)]
struct Kept<'a> {
    /// Its id and name at Microsoft.
    which: Which,
    /// All of it.
    seen: &'a SeenRelationship,
    /// Its customer.
    customer: TenantId,
    /// For how long it was proposed.
    days: Days,
    /// How it is extended.
    extension: AutoExtendDuration,
    /// Who holds what.
    access: Access,
}

/// An offer: what some relationships have in common.
#[derive(Debug)]
struct Offer<'a> {
    name: String,
    roles: &'a BTreeSet<RoleId>,
    days: Days,
}

/// Everything that is written, under the names that it has here.
#[derive(Debug)]
struct Plan<'a> {
    options: &'a ImportOptions,
    partner_name: String,
    kept: Vec<Kept<'a>>,
    offers: Vec<Offer<'a>>,
    /// For each relationship, the position of its offer.
    offer_of: Vec<usize>,
    /// For each relationship, the name of its object.
    names: Vec<String>,
    /// For each relationship, its name in the store.
    store_names: Vec<String>,
    /// The customers by their names for people.
    customers: BTreeMap<TenantId, String>,
}

/// The manifests of what was seen.
pub fn import(seen: &Seen, from: &ImportOptions) -> Import {
    let mut told = Vec::new();
    let kept = kept(seen, from, &mut told);
    if kept.is_empty() {
        return Import { files: BTreeMap::new(), told };
    }
    let (offers, offer_of) = offers(&kept);
    let customers = customers(&kept, &mut told);
    let store_names = store_names(seen, &kept, &customers, &mut told);
    let names = object_names(&kept, &customers, &mut told);
    roles_of_note(&kept, &mut told);
    let partner = from.partner.name.as_deref();
    let digits = names::digits(&from.partner.id.to_string(), 1);
    let partner_name = called(Party::Partner, partner, format!("Partner {digits}"), &mut told);
    let plan =
        Plan { options: from, partner_name, kept, offers, offer_of, names, store_names, customers };
    let grants = grants::grants(&plan, &mut told);
    Import { files: objects::files(&plan, &grants, &mut told), told }
}

/// The relationships that are written, in order of their ids. All others are told.
fn kept<'a>(seen: &'a Seen, from: &ImportOptions, told: &mut Vec<Told>) -> Vec<Kept<'a>> {
    let mut kept = Vec::new();
    for (id, relationship) in &seen.relationships {
        let which = Which { id: id.clone(), name: relationship.name.clone() };
        match judged(&which, relationship, from) {
            Ok(one) => {
                looks(&one, told);
                kept.push(one);
            }
            Err(why) => told.push(Told::LeftOut(which, why)),
        }
    }
    kept
}

fn judged<'a>(
    which: &Which,
    seen: &'a SeenRelationship,
    from: &ImportOptions,
) -> Result<Kept<'a>, Why> {
    if let Some(fault) = &seen.fault {
        return Err(Why::NotUnderstood(fault.to_string()));
    }
    let waits = seen.provider.is_some_and(|provider| provider.consent_pending);
    let access = match (&seen.stage, seen.stage.phase()) {
        (Lifecycle::Created, _) => return Err(Why::Created),
        (stage, Phase::Unknown) => return Err(Why::UnknownStage(stage.to_string())),
        (stage, Phase::Ending | Phase::Ended) if !from.all => {
            return Err(Why::Ended(stage.clone()));
        }
        (_, Phase::Ending | Phase::Ended) => Access::Held,
        (_, Phase::Pending) if waits => return Err(Why::ConsentPending),
        (_, Phase::Pending) => Access::None,
        (_, Phase::Active) if seen.assignments.is_err() => Access::None,
        (_, Phase::Active) => Access::Known,
    };
    let customer = seen.customer.as_ref().ok_or(Why::NoCustomer)?.id;
    if customer == from.partner.id || !crate::api::field::is_given(&customer.to_string()) {
        return Err(Why::OddCustomer(customer.to_string()));
    }
    let days = seen.duration.and_then(|length| Days::try_from(length).ok());
    let days = days.ok_or(Why::Length(seen.duration))?;
    if seen.roles.is_empty() || seen.roles.len() > MOST_ROLES {
        return Err(Why::RoleCount(seen.roles.len()));
    }
    if !ServiceId::is_plain(&which.id.0) {
        return Err(Why::OddId);
    }
    let extension = extension(seen).unwrap_or_default();
    Ok(Kept { which: which.clone(), seen, customer, days, extension, access })
}

/// How a relationship is extended, where that can be declared.
fn extension(seen: &SeenRelationship) -> Option<AutoExtendDuration> {
    let with_global = seen.roles.contains(&crate::domain::ids::GLOBAL_ADMINISTRATOR);
    match seen.auto_extend {
        by if by.is_zero() => Some(AutoExtendDuration::Off),
        by if by == Duration::days(180) && !with_global => Some(AutoExtendDuration::Days180),
        _ => None,
    }
}

/// What there is to see at a relationship that is written.
fn looks(kept: &Kept<'_>, told: &mut Vec<Told>) {
    let mut tell = |look| told.push(Told::Look(kept.which.clone(), look));
    let stage = &kept.seen.stage;
    match (kept.access, &kept.seen.assignments) {
        (Access::Held, _) => tell(Look::EndedAndHeld(stage.clone())),
        (Access::None, _) if stage.phase() == Phase::Pending => {
            tell(Look::NotYetActive(stage.clone()));
        }
        (Access::None | Access::Known, Err(unread)) => {
            tell(Look::AssignmentsUnread(unread.to_string()));
        }
        (Access::None | Access::Known, Ok(_)) => {}
    }
    if kept.which.name.trim_start().to_ascii_uppercase().starts_with("MLT_") {
        tell(Look::MadeByMicrosoft);
    }
    if extension(kept.seen).is_none() {
        tell(Look::ExtendedOtherwise(kept.seen.auto_extend));
    }
}

/// The offers, and which of them each relationship has. In order of their names.
fn offers<'a>(kept: &[Kept<'a>]) -> (Vec<Offer<'a>>, Vec<usize>) {
    let all: BTreeSet<(&BTreeSet<RoleId>, Days)> =
        kept.iter().map(|kept| (&kept.seen.roles, kept.days)).collect();
    let ids: Vec<String> =
        all.iter().map(|(roles, days)| Digest::of(&(roles, days.number())).to_string()).collect();
    let wanted: Vec<Wanted<'_>> = all
        .iter()
        .zip(&ids)
        .map(|((roles, days), id)| {
            let end = format!("-{}", days.to_string().to_ascii_lowercase());
            let name = format!("{}{end}", roles_slug(roles, names::LABEL - end.len()));
            Wanted { name, id, claim: Claim::Wants }
        })
        .collect();
    let named = names::apart(&wanted, Sort::Objects);
    let mut offers: Vec<Offer<'_>> = named
        .into_iter()
        .zip(all)
        .map(|(name, (roles, days))| Offer { name, roles, days })
        .collect();
    offers.sort_by(|one, other| one.name.cmp(&other.name));
    let position: BTreeMap<(&BTreeSet<RoleId>, Days), usize> = offers
        .iter()
        .enumerate()
        .map(|(position, offer)| ((offer.roles, offer.days), position))
        .collect();
    let offer_of = kept.iter().map(|kept| position[&(&kept.seen.roles, kept.days)]).collect();
    (offers, offer_of)
}

/// The first of some roles by name, and how many more there are: `helpdesk-administrator-and-3-more`.
fn roles_slug(roles: &BTreeSet<RoleId>, longest: usize) -> String {
    let names: BTreeSet<String> = roles.iter().map(|role| role_name(*role)).collect();
    let first = names.first().map_or("roles", String::as_str);
    let end = match roles.len() {
        0 | 1 => String::new(),
        all => format!("-and-{}-more", all - 1),
    };
    format!("{}{end}", names::slug(first, longest - end.len()))
}

/// How a role is written: by its name where that means it, otherwise by its template id.
fn role_name(role: RoleId) -> String {
    let catalogue = Catalogue::compiled();
    let name = catalogue.name_of(role);
    let is_it = catalogue.find_exactly(&name).is_ok_and(|found| found.id == role);
    if is_it { name } else { role.to_string() }
}

/// A name for people, or what is written where there is none.
fn called(party: Party, name: Option<&str>, fallback: String, told: &mut Vec<Told>) -> String {
    let Some(from) = name.filter(|name| !name.trim().is_empty()) else { return fallback };
    let to = names::for_people(from).unwrap_or(fallback);
    if to != from {
        told.push(Told::NameCleaned { party, from: from.to_owned(), to: to.clone() });
    }
    to
}

/// The customers by their names: of one that has several, the first that is any.
fn customers(kept: &[Kept<'_>], told: &mut Vec<Told>) -> BTreeMap<TenantId, String> {
    let mut names: BTreeMap<TenantId, Option<&str>> = BTreeMap::new();
    for one in kept {
        let name = one.seen.customer.as_ref().and_then(|customer| customer.name.as_deref());
        let name = name.filter(|name| !name.trim().is_empty());
        let known = names.entry(one.customer).or_default();
        *known = known.or(name);
    }
    let name = |(id, name): (TenantId, Option<&str>)| {
        (id, called(Party::Customer, name, format!("Customer {id}"), told))
    };
    names.into_iter().map(name).collect()
}

/// The names that relationships have in the store, as they are there where they can be.
fn store_names(
    seen: &Seen,
    kept: &[Kept<'_>],
    customers: &BTreeMap<TenantId, String>,
    told: &mut Vec<Told>,
) -> Vec<String> {
    let of_kept = kept.iter().map(|kept| {
        let own = kept.seen.name.as_str();
        let id = &*kept.which.id.0;
        let name = names::store_name(own)
            .or_else(|| names::store_name(&customers[&kept.customer]))
            .unwrap_or_else(|| format!("relationship {}", names::digits(id, 1)));
        let claim = if name == own { Claim::Has } else { Claim::Wants };
        Wanted { name, id, claim }
    });
    // Names of what is left out are taken as well.
    let is_kept: BTreeSet<&ServiceId> = kept.iter().map(|kept| &kept.which.id).collect();
    let others = seen
        .relationships
        .iter()
        .filter(|(id, other)| !is_kept.contains(id) && names::is_store_name(&other.name));
    let others =
        others.map(|(id, other)| Wanted { name: other.name.clone(), id: &id.0, claim: Claim::Has });
    let mut names = names::in_store(of_kept.chain(others).collect());
    names.truncate(kept.len());
    for (kept, name) in kept.iter().zip(&names).filter(|(kept, name)| kept.seen.name != **name) {
        told.push(Told::Look(kept.which.clone(), Look::NameChanged(name.clone())));
    }
    names
}

/// The names of the objects of relationships.
fn object_names(
    kept: &[Kept<'_>],
    customers: &BTreeMap<TenantId, String>,
    told: &mut Vec<Told>,
) -> Vec<String> {
    let wanted: Vec<Wanted<'_>> = kept
        .iter()
        .map(|kept| {
            let id = &*kept.which.id.0;
            let own = Some(kept.seen.name.as_str()).filter(|name| !names::is_id_alone(name));
            let customer = customers[&kept.customer].as_str();
            let slugs =
                own.into_iter().chain([customer]).map(|name| names::slug(name, names::LABEL));
            let name = slugs.into_iter().find(|slug| !slug.is_empty());
            let name = name.unwrap_or_else(|| format!("relationship-{}", names::digits(id, 1)));
            Wanted { name, id, claim: Claim::Wants }
        })
        .collect();
    let names = names::apart(&wanted, Sort::Objects);
    for ((kept, wanted), name) in kept.iter().zip(&wanted).zip(&names) {
        if wanted.name != *name {
            told.push(Told::Look(kept.which.clone(), Look::NameShared(name.clone())));
        }
    }
    names
}

/// Tells the roles that validation refuses.
fn roles_of_note(kept: &[Kept<'_>], told: &mut Vec<Told>) {
    let mut counts: BTreeMap<RoleId, usize> = BTreeMap::new();
    for role in kept.iter().flat_map(|kept| &kept.seen.roles) {
        *counts.entry(*role).or_default() += 1;
    }
    for (role, relationships) in counts {
        let Some(known) = Catalogue::compiled().role(role) else {
            told.push(Told::UnknownRole { role, relationships });
            continue;
        };
        let is_given = match known.availability {
            Availability::Assignable | Availability::NotForGeneralUse => true,
            Availability::Deprecated | Availability::AssignedBySystem => false,
        };
        if !is_given || known.gdap.is_refused() {
            told.push(Told::RefusedRole { role, relationships });
        }
    }
}
