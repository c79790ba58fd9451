//! An offer against the table of partner types (docs/concepts.md, Partner types): what it proposes, or why it cannot.
//!
//! Never: a role in the proposal of a type that carries none.

use std::collections::BTreeSet;

use super::{
    Object, agreements,
    findings::{Findings, Subject},
    roles::{Resolved, Resolver, UNSOLVABLE_TASKS, beyond},
};
use crate::{
    api::{AgreementType, Cloud, PartnerOfferSpec, PartnerType},
    domain::{
        catalogue::{Catalogue, MANAGE_DOMAIN_SUBSCRIPTIONS, Support},
        duration::Days,
        ids::{Kind, RoleId},
        partner_type::{self, Ceiling, LEGACY_PAIR},
        problem::{Code, FieldPath, Problem},
        state::{Agreement, Asked, Document, Tenant, Terms},
    },
};

/// Roles for a type that carries none.
pub const TYPE_CARRIES_NO_ROLES: Code = Code(208);
/// A legacy offer without exactly its two roles.
pub const LEGACY_CARRIES_BOTH: Code = Code(211);
/// Delegated administration of the older sort.
pub const LEGACY_TYPE: Code = Code(212);
/// A role that manages mobile devices, on a legacy delegated type.
pub const MOBILE_DEVICES_ON_LEGACY: Code = Code(213);
/// Domain subscriptions cannot be managed on behalf of a customer.
pub const DOMAIN_SUBSCRIPTIONS: Code = Code(214);
/// `shareVisibility` for a type other than MPSA.
pub const SHARE_VISIBILITY_OF_MPSA: Code = Code(216);
/// A type that manages, without a duration.
pub const DURATION_MISSING: Code = Code(217);
/// A type that manages nothing, with a duration.
pub const DURATION_WITHOUT_ACCESS: Code = Code(218);
/// A type that manages, without roles.
pub const CEILING_MISSING: Code = Code(219);
/// An agreement that cannot be accepted in this cloud.
pub const AGREEMENT_OF_ANOTHER_CLOUD: Code = Code(311);
/// An agreement that an indirect reseller cannot attest.
pub const INDIRECT_RESELLER_CANNOT_ATTEST: Code = Code(317);

/// What an offer proposes to any customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// Who proposes; absent where the id is none.
    pub partner: Option<Tenant>,
    /// As what.
    pub type_: PartnerType,
    /// Where.
    pub cloud: Cloud,
    /// The ceiling of every grant.
    pub roles: BTreeSet<RoleId>,
    /// How the ceiling was asked for.
    pub asked: Asked,
    /// For how long; absent for a type that manages nothing.
    pub duration: Option<Days>,
    /// What must be accepted.
    pub agreement: Option<Agreement>,
    /// The partner's own terms.
    pub terms: Option<Terms>,
    /// Whether it is all right, so that what builds on it can be judged.
    pub soundness: Soundness,
}

/// Whether an offer has no errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Soundness {
    /// It has none.
    Sound,
    /// It has some, and what could not be understood is missing; the roles that it carries are known.
    Unsound,
    /// It has some, about the roles themselves.
    WithoutCeiling,
}

impl Proposal {
    /// Whether the offer has no errors.
    pub fn is_sound(&self) -> bool {
        self.soundness == Soundness::Sound
    }
}

/// What an offer by itself proposes, with its problems.
pub fn proposal_of(
    offer: &Object<PartnerOfferSpec>,
    catalogue: &Catalogue,
) -> (Proposal, Vec<Problem>) {
    let none = BTreeSet::new();
    let mut findings = Findings::new(&none);
    let mut resolver = Resolver::new(catalogue);
    let about = offer.subject(Kind::PartnerOffer);
    let proposal = judge(about, &offer.spec, &FieldPath::spec(), &mut resolver, &mut findings);
    (proposal, findings.into_problems(&none))
}

/// Judges an offer that stands at `path` of the object `about`.
pub(super) fn judge<'a>(
    about: Subject<'_>,
    spec: &'a PartnerOfferSpec,
    path: &FieldPath,
    resolver: &mut Resolver<'a>,
    findings: &mut Findings<'_>,
) -> Proposal {
    let at = |field: &str| path.clone().field(field);
    let errors_before = findings.count_errors();
    let roles = carried(about, spec, path, resolver, findings);
    let of_ceiling = ["type", "roles", "tasks"];
    let has_ceiling = findings.count_errors() == errors_before
        && !of_ceiling.iter().any(|field| findings.is_told_within(about, &at(field)));
    let duration = duration(about, spec, path, findings);
    if spec.share_visibility.is_some() && spec.type_ != PartnerType::ProductsAndServicesAgreement {
        let message = format!("type `{:?}` shows its purchases to nobody", spec.type_);
        let help = "leave out `shareVisibility`: it is of type `ProductsAndServicesAgreement`";
        let path = at("shareVisibility");
        findings.error(about, SHARE_VISIBILITY_OF_MPSA, path, message, help);
    }
    warn_of_legacy(about, spec.type_, at("type"), findings);
    let agreement = agreement(about, spec, path, findings);
    let terms = spec.terms.as_ref().and_then(|terms| {
        let sha256 = findings.read(about, &terms.sha256, || at("terms").field("sha256"))?;
        Some(Terms { url: terms.url.clone(), sha256 })
    });
    let partner = findings
        .read(about, &spec.partner.tenant_id, || at("partner").field("tenantId"))
        .map(|id| Tenant { id, name: Some(spec.partner.display_name.clone()) });
    let sound = findings.count_errors() == errors_before && !findings.was_invalid(about);
    let words = spec.roles.iter().chain(&spec.tasks).map(String::as_str);
    Proposal {
        partner,
        type_: spec.type_,
        cloud: spec.cloud,
        roles,
        asked: resolver.asked(words),
        duration,
        agreement,
        terms,
        soundness: match (sound, has_ceiling) {
            (true, _) => Soundness::Sound,
            (false, true) => Soundness::Unsound,
            (false, false) => Soundness::WithoutCeiling,
        },
    }
}

/// Warns of every use of the older delegated administration (DAP).
pub(super) fn warn_of_legacy(
    about: Subject<'_>,
    type_: PartnerType,
    path: FieldPath,
    findings: &mut Findings<'_>,
) {
    if matches!(type_, PartnerType::DelegatedAdmin | PartnerType::ResellerAndDelegatedAdmin) {
        let message = format!(
            "type `{type_:?}` is the older delegated administration (DAP): it gives \
             `Global Administrator`, and Microsoft admits no new ones"
        );
        let help = "move to `GranularDelegatedAdmin`, with the roles that are needed";
        findings.warning(about, LEGACY_TYPE, path, message, help);
    }
}

/// Why a type carries no roles.
pub(super) fn why_no_roles(type_: PartnerType) -> &'static str {
    match type_ {
        PartnerType::OriginalEquipmentManufacturer => {
            "registers devices and never gets access to the tenant"
        }
        PartnerType::LineOfBusiness => "is not available for the assignment of roles at all",
        PartnerType::Reseller | PartnerType::IndirectReseller => "sells, and carries no roles",
        PartnerType::IndependentSoftwareVendor | PartnerType::ProductsAndServicesAgreement => {
            "carries no roles"
        }
        PartnerType::GranularDelegatedAdmin
        | PartnerType::DelegatedAdmin
        | PartnerType::ResellerAndDelegatedAdmin
        | PartnerType::Advisor
        | PartnerType::Partner => "carries roles",
    }
}

/// Which roles tasks may be turned into for a type.
pub(super) fn support(type_: PartnerType) -> Support {
    match partner_type::ceiling(type_) {
        Ceiling::GdapSupported => Support::Gdap,
        Ceiling::LegacyPair => Support::Only(BTreeSet::from(LEGACY_PAIR)),
        Ceiling::AnyBuiltIn => Support::AnyBuiltIn,
        Ceiling::None => Support::Only(BTreeSet::new()),
    }
}

/// The ceiling, or what is wrong with it.
fn carried<'a>(
    about: Subject<'_>,
    spec: &'a PartnerOfferSpec,
    path: &FieldPath,
    resolver: &mut Resolver<'a>,
    findings: &mut Findings<'_>,
) -> BTreeSet<RoleId> {
    let type_ = spec.type_;
    let ceiling = partner_type::ceiling(type_);
    let field = if spec.tasks.is_empty() { "roles" } else { "tasks" };
    let at = path.clone().field(field);
    let nothing = spec.roles.is_empty() && spec.tasks.is_empty();
    match (ceiling, nothing) {
        (Ceiling::None, true) => return BTreeSet::new(),
        (Ceiling::None, false) => {
            let message = format!("type `{type_:?}` {}", why_no_roles(type_));
            let help = format!(
                "leave out `{field}`, or choose type `GranularDelegatedAdmin` to manage the tenant"
            );
            findings.error(about, TYPE_CARRIES_NO_ROLES, at, message, help);
            return BTreeSet::new();
        }
        (Ceiling::GdapSupported | Ceiling::AnyBuiltIn, true) => {
            let message = format!("an offer of type `{type_:?}` needs the roles that it asks for");
            let help = "name `roles`, or `tasks` that are turned into the fewest roles";
            findings.error(about, CEILING_MISSING, path.clone(), message, help);
            return BTreeSet::new();
        }
        (Ceiling::GdapSupported | Ceiling::AnyBuiltIn | Ceiling::LegacyPair, _) => {}
    }
    if ceiling == Ceiling::LegacyPair {
        return legacy(about, spec, path, resolver, findings);
    }
    if !spec.tasks.is_empty() {
        return from_tasks(about, spec, &at, resolver, findings);
    }
    let named = resolver.roles(about, &spec.roles, &at, findings);
    if ceiling == Ceiling::GdapSupported {
        resolver.gdap_support(about, &named, &at, findings);
    }
    resolver.availability(about, &named, &at, findings);
    named.roles
}

fn from_tasks<'a>(
    about: Subject<'_>,
    spec: &'a PartnerOfferSpec,
    path: &FieldPath,
    resolver: &mut Resolver<'a>,
    findings: &mut Findings<'_>,
) -> BTreeSet<RoleId> {
    let type_ = spec.type_;
    if domain_subscriptions(about, type_, &spec.tasks, path, findings) {
        return BTreeSet::new();
    }
    let tasks = resolver.tasks(about, &spec.tasks, path, findings);
    if tasks.len() < spec.tasks.len() {
        return BTreeSet::new();
    }
    resolver.solve(&tasks, &support(type_)).unwrap_or_else(|reason| {
        let help = "name the roles instead: `concordat roles list`";
        findings.error(about, UNSOLVABLE_TASKS, path.clone(), reason, help);
        BTreeSet::new()
    })
}

/// Whether tasks hold the one that cannot be done on behalf of a customer, on a type that acts on his behalf. It is told.
pub(super) fn domain_subscriptions(
    about: Subject<'_>,
    type_: PartnerType,
    tasks: &[String],
    path: &FieldPath,
    findings: &mut Findings<'_>,
) -> bool {
    let position = tasks.iter().position(|task| task == MANAGE_DOMAIN_SUBSCRIPTIONS);
    let Some(position) = position.filter(|_| type_ != PartnerType::Partner) else { return false };
    let message = "subscriptions of a domain cannot be managed on behalf of the customer";
    let help = "the customer does it with an account of the own tenant that holds both \
                `Domain Name Administrator` and `Billing Administrator`";
    findings.error(about, DOMAIN_SUBSCRIPTIONS, path.clone().index(position), message, help);
    true
}

/// A legacy offer carries exactly both roles.
fn legacy<'a>(
    about: Subject<'_>,
    spec: &'a PartnerOfferSpec,
    path: &FieldPath,
    resolver: &mut Resolver<'a>,
    findings: &mut Findings<'_>,
) -> BTreeSet<RoleId> {
    let pair = BTreeSet::from(LEGACY_PAIR);
    let both = "name `Global Administrator` and `Helpdesk Administrator`; a grant under it may \
                carry one of them";
    if !spec.tasks.is_empty() {
        let at = path.clone().field("tasks");
        if !domain_subscriptions(about, spec.type_, &spec.tasks, &at, findings) {
            let message =
                format!("an offer of type `{:?}` carries two fixed roles, not tasks", spec.type_);
            findings.error(about, LEGACY_CARRIES_BOTH, at, message, both);
        }
        return BTreeSet::new();
    }
    let at = path.clone().field("roles");
    let errors_before = findings.count_errors();
    let named = resolver.roles(about, &spec.roles, &at, findings);
    mobile_devices(about, spec.type_, &named, &at, resolver.catalogue, findings);
    if findings.count_errors() > errors_before {
        return BTreeSet::new();
    }
    let without = beyond(&pair, &named.roles);
    let besides = beyond(&named.roles, &pair);
    let what = match (without, besides) {
        (None, None) => return pair,
        (Some(without), None) => format!("is without {without}"),
        (None, Some(besides)) => format!("cannot carry {besides}"),
        (Some(without), Some(besides)) => {
            format!("is without {without} and cannot carry {besides}")
        }
    };
    let message =
        format!("an offer of type `{:?}` carries exactly two roles: this one {what}", spec.type_);
    findings.error(about, LEGACY_CARRIES_BOTH, at, message, both);
    BTreeSet::new()
}

/// Says which roles manage mobile devices, on a legacy delegated type.
pub(super) fn mobile_devices(
    about: Subject<'_>,
    type_: PartnerType,
    named: &Resolved,
    path: &FieldPath,
    catalogue: &Catalogue,
    findings: &mut Findings<'_>,
) {
    for (id, position) in &named.places {
        if catalogue.manages_mobile_devices(*id) {
            let message = format!(
                "`{}` cannot be delegated under type `{type_:?}`: mobile devices are not managed on \
                 behalf of the customer",
                catalogue.name_of(*id),
            );
            let help = "use type `GranularDelegatedAdmin`, which supports it";
            let path = path.clone().index(*position);
            findings.error(about, MOBILE_DEVICES_ON_LEGACY, path, message, help);
        }
    }
}

fn duration(
    about: Subject<'_>,
    spec: &PartnerOfferSpec,
    path: &FieldPath,
    findings: &mut Findings<'_>,
) -> Option<Days> {
    let at = || path.clone().field("duration");
    match (&spec.duration, partner_type::may_manage(spec.type_)) {
        (Some(text), true) => findings.read(about, text, at),
        (None, false) => None,
        (None, true) => {
            let message = format!("an offer of type `{:?}` needs a duration", spec.type_);
            let help = "say for how long, for example `duration: P365D`; at most `P730D`";
            findings.error(about, DURATION_MISSING, at(), message, help);
            None
        }
        (Some(_), false) => {
            let message = format!(
                "type `{:?}` {}, so there is nothing that could end",
                spec.type_,
                why_no_roles(spec.type_)
            );
            let help = "leave out `duration`";
            findings.error(about, DURATION_WITHOUT_ACCESS, at(), message, help);
            None
        }
    }
}

fn agreement(
    about: Subject<'_>,
    spec: &PartnerOfferSpec,
    path: &FieldPath,
    findings: &mut Findings<'_>,
) -> Option<Agreement> {
    let agreement = spec.agreement.as_ref()?;
    let at = || path.clone().field("agreement");
    let AgreementType::MicrosoftCustomerAgreement = agreement.type_;
    if spec.cloud != Cloud::Global {
        let message =
            format!("the Microsoft Customer Agreement does not exist in cloud `{:?}`", spec.cloud);
        let help = "leave out `agreement`, and settle the agreement of that cloud with Microsoft";
        findings.error(about, AGREEMENT_OF_ANOTHER_CLOUD, at(), message, help);
    }
    if spec.type_ == PartnerType::IndirectReseller {
        let message = "an indirect reseller cannot attest an agreement: its provider does";
        let help = "leave out `agreement`; the provider's own offer carries it";
        findings.error(about, INDIRECT_RESELLER_CANNOT_ATTEST, at(), message, help);
    }
    let mut documents = BTreeSet::new();
    for (position, document) in agreement.documents.iter().enumerate() {
        let path = at().field("documents").index(position);
        let text = (document.country.as_str(), document.language.as_str());
        agreements::text(about, text, &path, findings);
        let at = || path.field("sha256");
        let sha256 = findings.read(about, &document.sha256, at)?;
        let (country, language) = (document.country.clone(), document.language.clone());
        documents.insert(Document { country, language, sha256 });
    }
    Some(Agreement {
        type_: agreement.type_,
        template_id: agreement.template_id.to_ascii_lowercase(),
        documents,
        gates: agreement.gates,
    })
}

#[cfg(test)]
mod tests;
