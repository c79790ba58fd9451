//! The objects of an import as the text of files.
//!
//! Never: a default written out, or a text from outside in a comment.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    Access, Listed, MARK, MOST_ROLES, OFFER_LABEL, Plan, Told, digest_of,
    grants::{Grant, Grants, Reach},
    names::{self, Claim, Sort, Wanted},
    role_name,
};
use crate::{
    api::{
        AutoExtendDuration, Cloud, Customer, GranteeSpec, LocalRef, ManagementPolicy, Partner,
        PartnerType, Principal, Selector,
    },
    domain::{
        catalogue::Catalogue,
        ids::{Kind, RoleId, TenantId},
        state::AT_MICROSOFT,
        validate::ADOPT_FROM,
    },
    manifest::to_yaml,
};

/// No list of ids is longer.
const MOST_IDS: usize = 5000;
/// The value of the label of a set.
const MEMBER: &str = "member";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<S> {
    api_version: &'static str,
    kind: Kind,
    metadata: Metadata,
    spec: S,
}

#[derive(Debug, Serialize)]
struct Metadata {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OfferSpec {
    partner: Partner,
    #[serde(rename = "type")]
    type_: PartnerType,
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud: Option<Cloud>,
    duration: String,
    roles: BTreeSet<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RelationshipSpec {
    customer: Customer,
    display_name: String,
    offer_ref: LocalRef,
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_extend_duration: Option<AutoExtendDuration>,
    management_policy: ManagementPolicy,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspend: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct GrantSpec {
    #[serde(skip_serializing_if = "Option::is_none")]
    relationship_ref: Option<LocalRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relationship_selector: Option<Selector>,
    grantee: GranteeSpec,
    roles: BTreeSet<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    justification: Option<String>,
}

#[derive(Debug, Serialize)]
struct BoundarySpec {
    namespaces: [String; 1],
    partner: BoundaryPartner,
    customers: Scope,
    grantees: Scope,
    roles: Scope,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BoundaryPartner {
    tenant_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud: Option<Cloud>,
    certified_for: [PartnerType; 1],
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Scope {
    #[serde(skip_serializing_if = "Option::is_none")]
    any: Option<bool>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    tenant_ids: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    group_ids: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    allowed: BTreeSet<String>,
}

/// The files, by their paths.
pub(super) fn files(
    plan: &Plan<'_>,
    grants: &Grants,
    told: &mut Vec<Told>,
) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let offers = plan.offers.iter().map(|offer| {
        let partner = Partner {
            tenant_id: plan.options.partner.id.to_string(),
            display_name: plan.partner_name.clone(),
        };
        let spec = OfferSpec {
            partner,
            type_: PartnerType::GranularDelegatedAdmin,
            cloud: plan.cloud(),
            duration: offer.days.to_string(),
            roles: role_list(offer.roles),
        };
        plan.object(Kind::PartnerOffer, &offer.name, BTreeMap::new(), spec)
    });
    let what = "The offers that customers accepted or were asked to accept: each set of roles and length, once.";
    files.insert("offers.yaml".to_owned(), file(what, offers));
    if !grants.all.is_empty() {
        let what = "Who holds which roles, under which relationships.";
        let all = grants.all.iter().map(|grant| grant_object(plan, grants, grant));
        files.insert("grants.yaml".to_owned(), file(what, all));
    }
    files.extend(customer_files(plan, grants));
    files.extend(boundary(plan, grants, told).map(|text| ("boundary.yaml".to_owned(), text)));
    files
}

fn customer_files(plan: &Plan<'_>, grants: &Grants) -> BTreeMap<String, String> {
    let ids: Vec<String> = plan.customers.keys().map(TenantId::to_string).collect();
    let wanted: Vec<Wanted<'_>> = plan
        .customers
        .values()
        .zip(&ids)
        .map(|(name, id)| {
            let slug = names::slug(name, names::LABEL);
            let name =
                if slug.is_empty() { format!("customer-{}", names::digits(id, 1)) } else { slug };
            Wanted { name: names::file(&name), id, claim: Claim::Wants }
        })
        .collect();
    let mut texts: BTreeMap<TenantId, Vec<String>> = BTreeMap::new();
    for (position, kept) in plan.kept.iter().enumerate() {
        texts.entry(kept.customer).or_default().push(relationship(plan, grants, position));
    }
    let what = "The relationships of one customer.";
    let names = names::apart(&wanted, Sort::Objects);
    let files = names.iter().zip(texts.into_values());
    files.map(|(name, texts)| (format!("customers/{name}.yaml"), file(what, texts))).collect()
}

fn relationship(plan: &Plan<'_>, grants: &Grants, position: usize) -> String {
    let kept = &plan.kept[position];
    let offer = &plan.offers[plan.offer_of[position]].name;
    let mut labels = BTreeMap::new();
    if kept.is_selected() {
        labels.insert(OFFER_LABEL.to_owned(), offer.clone());
    }
    let sets = grants.labels.iter().filter(|(set, _)| set.contains(&position));
    labels.extend(sets.map(|(_, label)| (label.clone(), MEMBER.to_owned())));
    let spec = RelationshipSpec {
        customer: Customer {
            tenant_id: kept.customer.to_string(),
            display_name: plan.customers[&kept.customer].clone(),
        },
        display_name: plan.store_names[position].clone(),
        offer_ref: LocalRef { name: offer.clone() },
        auto_extend_duration: Some(kept.extension)
            .filter(|extension| *extension != AutoExtendDuration::default()),
        management_policy: plan.options.management,
        suspend: (kept.access == Access::Held).then_some(true),
    };
    let from = (ADOPT_FROM.to_owned(), format!("{AT_MICROSOFT}{}", kept.which.id));
    let name = plan.names[position].clone();
    let namespace = Some(plan.options.namespace.clone());
    let metadata = Metadata { name, namespace, labels, annotations: BTreeMap::from([from]) };
    text(Kind::PartnerRelationship, metadata, spec)
}

fn grant_object(plan: &Plan<'_>, grants: &Grants, grant: &Grant) -> String {
    let labels = match &grant.reach {
        Reach::One(_) => None,
        Reach::Offer(offer) => Some((OFFER_LABEL.to_owned(), plan.offers[*offer].name.clone())),
        Reach::Some(set) => Some((grants.labels[set].clone(), MEMBER.to_owned())),
    };
    let reference = match &grant.reach {
        Reach::One(one) => Some(LocalRef { name: plan.names[*one].clone() }),
        Reach::Offer(_) | Reach::Some(_) => None,
    };
    let catalogue = Catalogue::compiled();
    let is_privileged = grant.roles.iter().any(|role| catalogue.is_privileged(*role));
    let spec = GrantSpec {
        relationship_ref: reference,
        relationship_selector: labels
            .map(|label| Selector { match_labels: BTreeMap::from([label]) }),
        grantee: GranteeSpec {
            security_group: Some(Principal {
                id: grant.group.to_string(),
                display_name: grant.group_name.clone(),
            }),
            customer_user: None,
        },
        roles: role_list(&grant.roles),
        justification: is_privileged.then(|| format!("as found on {}", plan.options.today)),
    };
    plan.object(Kind::RoleGrant, &grant.name, BTreeMap::new(), spec)
}

/// The boundary that admits just what was found.
fn boundary(plan: &Plan<'_>, grants: &Grants, told: &mut Vec<Told>) -> Option<String> {
    let groups: BTreeSet<String> = grants.all.iter().map(|grant| grant.group.to_string()).collect();
    if groups.is_empty() {
        // What could not be read may well be held.
        if plan.kept.iter().all(|kept| kept.seen.assignments.is_ok()) {
            told.push(Told::NoBoundary);
        }
        return None;
    }
    let customers: BTreeSet<String> = plan.customers.keys().map(TenantId::to_string).collect();
    let roles: BTreeSet<RoleId> =
        plan.offers.iter().flat_map(|offer| offer.roles.iter().copied()).collect();
    let mut scope = |all: BTreeSet<String>, most: usize, listed| {
        if all.len() > most {
            told.push(Told::BoundaryAdmitsAny(listed));
            return Scope { any: Some(true), ..Scope::default() };
        }
        match listed {
            Listed::Customers => Scope { tenant_ids: all, ..Scope::default() },
            Listed::Groups => Scope { group_ids: all, ..Scope::default() },
            Listed::Roles => Scope { allowed: all, ..Scope::default() },
        }
    };
    let spec = BoundarySpec {
        namespaces: [plan.options.namespace.clone()],
        partner: BoundaryPartner {
            tenant_id: plan.options.partner.id.to_string(),
            cloud: plan.cloud(),
            certified_for: [PartnerType::GranularDelegatedAdmin],
        },
        customers: scope(customers, MOST_IDS, Listed::Customers),
        grantees: scope(groups, MOST_IDS, Listed::Groups),
        roles: scope(role_list(&roles), MOST_ROLES, Listed::Roles),
    };
    let metadata = Metadata {
        name: plan.options.namespace.clone(),
        namespace: None,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
    };
    let what = "What the namespace may do: just what was found. All else is sound without this file. It belongs where those \
                who\n# write grants cannot change it, or nowhere.";
    Some(file(what, [text(Kind::PartnerBoundary, metadata, spec)]))
}

fn role_list(roles: &BTreeSet<RoleId>) -> BTreeSet<String> {
    roles.iter().map(|role| role_name(*role)).collect()
}

fn text<S: Serialize>(kind: Kind, metadata: Metadata, spec: S) -> String {
    to_yaml(&Manifest { api_version: "concordat.dev/v1alpha1", kind, metadata, spec })
}

/// A file: what it is, and its objects.
fn file(what: &str, objects: impl IntoIterator<Item = String>) -> String {
    let body = objects.into_iter().collect::<Vec<_>>().join("---\n");
    format!("# {what}\n{MARK}{}\n{body}", digest_of(&body))
}

impl Plan<'_> {
    fn cloud(&self) -> Option<Cloud> {
        Some(self.options.cloud).filter(|cloud| *cloud != Cloud::default())
    }

    fn object<S: Serialize>(
        &self,
        kind: Kind,
        name: &str,
        labels: BTreeMap<String, String>,
        spec: S,
    ) -> String {
        let namespace = Some(self.options.namespace.clone());
        let metadata =
            Metadata { name: name.to_owned(), namespace, labels, annotations: BTreeMap::new() };
        text(kind, metadata, spec)
    }
}
