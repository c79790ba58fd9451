//! Each grant with the relationships that it names or selects: which roles are asked for, and whether they may be.
//!
//! Never: a role beyond the ceiling of the offer, or any role under a type that carries none.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    Object,
    boundaries::{Boundaries, Given},
    findings::{Findings, Subject, spec},
    offers::{self, Proposal},
    references::{Labels, NOTHING_SELECTED, Names},
    relationships::Related,
    roles::{Resolved, Resolver, UNSOLVABLE_TASKS, beyond},
};
use crate::{
    api::{AccessLevel, RoleGrantSpec},
    domain::{
        ids::{GLOBAL_ADMINISTRATOR, HELPDESK_ADMINISTRATOR, Kind, RoleId},
        partner_type::{self, Ceiling, role_names},
        problem::{Code, FieldPath},
        state::{Asked, Grantee, GranteeKind, Window},
    },
};

/// A grant under a type that carries no roles.
pub const NO_ROLES_TO_GIVE: Code = Code(209);
/// `accessLevel` under a type that has none.
pub const ACCESS_LEVEL_OF_LEGACY: Code = Code(215);
/// A privileged role without a reason.
pub const PRIVILEGED_WITHOUT_REASON: Code = Code(222);
/// A user where a group is needed, or a group where a user is; or neither.
pub const WRONG_SORT_OF_GRANTEE: Code = Code(223);
/// Roles beyond the offer.
pub const BEYOND_THE_OFFER: Code = Code(308);
/// A window that is over.
pub const WINDOW_IS_OVER: Code = Code(402);

/// What all grants ask for.
pub(super) struct AllWanted {
    /// By grant.
    pub grants: Vec<Wanted>,
    /// Relationships that some grant is for, each set of them once, however many grants are for it.
    pub selections: Vec<Vec<usize>>,
}

/// What a grant asks for, as far as it can be understood.
pub(super) struct Wanted {
    pub grantee: Option<Grantee>,
    pub window: Window,
    pub asked: Asked,
    /// By proposal.
    pub groups: Vec<Group>,
}

/// The relationships of a grant that share a proposal, and so its roles.
pub(super) struct Group {
    pub proposal: usize,
    /// Which of the selections they are.
    pub selection: usize,
    pub roles: BTreeSet<RoleId>,
}

/// Sets of relationships, each with the number by which it is known.
#[derive(Default)]
struct Selections {
    numbers: BTreeMap<Vec<usize>, usize>,
}

impl Selections {
    fn number(&mut self, relationships: Vec<usize>) -> usize {
        let next = self.numbers.len();
        *self.numbers.entry(relationships).or_insert(next)
    }

    fn in_order(self) -> Vec<Vec<usize>> {
        let mut all: Vec<_> = self.numbers.into_iter().collect();
        all.sort_unstable_by_key(|(_, number)| *number);
        all.into_iter().map(|(relationships, _)| relationships).collect()
    }
}

/// Judges every grant.
pub(super) fn judge<'a>(
    grants: &[&'a Object<RoleGrantSpec>],
    related: &Related<'a>,
    boundaries: &Boundaries<'_>,
    now: Timestamp,
    resolver: &mut Resolver<'a>,
    findings: &mut Findings<'_>,
) -> AllWanted {
    let mut selections = Selections::default();
    let mut names = Names::new(Kind::PartnerRelationship, related.objects);
    let labels = Labels::new(related.objects);
    let mut all = Vec::with_capacity(grants.len());
    for object in grants {
        let about = object.subject(Kind::RoleGrant);
        let targets = targets(about, &object.spec, &mut names, &labels, findings);
        let grantee = grantee(about, &object.spec, findings);
        let window = Window {
            not_before: object.spec.not_before.map(super::stored),
            not_after: object.spec.not_after.map(super::stored),
        };
        if let Some(end) = window.not_after.filter(|end| *end <= now) {
            let message = format!("the window was over at {end}: nothing is given");
            let help = "delete the grant, or set a later `notAfter`";
            findings.warning(about, WINDOW_IS_OVER, spec("notAfter"), message, help);
        }
        let errors_before = findings.count_errors();
        let words = Words::read(about, &object.spec, resolver, findings);
        let is_understood = findings.count_errors() == errors_before;
        let asked = if is_understood { &words } else { &Words::Unknown }.asked(resolver);
        let mut wanted = Wanted { grantee, window, asked, groups: Vec::new() };
        let mut by_proposal: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for relationship in targets {
            if let Some(proposal) = related.proposal_of[relationship] {
                by_proposal.entry(proposal).or_default().push(relationship);
            }
        }
        for (proposal, relationships) in by_proposal {
            let group = Scrutiny { about, related, relationships: &relationships, words: &words };
            let roles = group.roles(proposal, wanted.grantee.as_ref(), resolver, findings);
            let selection = selections.number(relationships);
            wanted.groups.push(Group { proposal, selection, roles });
        }
        judge_roles(about, &object.spec, &words, &wanted, boundaries, resolver, findings);
        // What was not understood is judged as far as it goes, and nothing is wanted for its sake.
        let is_sound = |group: &Group| related.proposals[group.proposal].is_sound();
        wanted
            .groups
            .iter_mut()
            .filter(|group| !is_understood || !is_sound(group))
            .for_each(|group| group.roles.clear());
        all.push(wanted);
    }
    AllWanted { grants: all, selections: selections.in_order() }
}

fn targets<S>(
    about: Subject<'_>,
    grant: &RoleGrantSpec,
    names: &mut Names<'_, S>,
    labels: &Labels<'_>,
    findings: &mut Findings<'_>,
) -> Vec<usize> {
    match (&grant.relationship_ref, &grant.relationship_selector) {
        (Some(reference), _) => {
            let path = spec("relationshipRef").field("name");
            names.find(about, &reference.name, path, findings).into_iter().collect()
        }
        (None, Some(selector)) => {
            let selected = labels.select(&about.name.namespace, &selector.match_labels);
            let namespace = &about.name.namespace;
            if selected.is_empty() && !findings.is_unsure_of(Kind::PartnerRelationship, namespace) {
                let message = format!(
                    "the selector selects no relationship in namespace `{}`",
                    about.name.namespace
                );
                let help = "give the relationships that are meant these labels";
                let path = spec("relationshipSelector").field("matchLabels");
                findings.warning(about, NOTHING_SELECTED, path, message, help);
            }
            selected
        }
        (None, None) => {
            let message = "the relationship is missing".to_owned();
            findings.does_not_fit(about, FieldPath::spec(), message);
            Vec::new()
        }
    }
}

fn grantee(
    about: Subject<'_>,
    grant: &RoleGrantSpec,
    findings: &mut Findings<'_>,
) -> Option<Grantee> {
    let (kind, principal, field) =
        match (&grant.grantee.security_group, &grant.grantee.customer_user) {
            (Some(group), _) => (GranteeKind::SecurityGroup, group, "securityGroup"),
            (None, Some(user)) => (GranteeKind::CustomerUser, user, "customerUser"),
            (None, None) => {
                let message = "the grantee is missing".to_owned();
                findings.does_not_fit(about, spec("grantee"), message);
                return None;
            }
        };
    let at = || spec("grantee").field(field).field("id");
    let id = findings.read(about, &principal.id, at)?;
    Some(Grantee { id, kind, name: Some(principal.display_name.clone()) })
}

/// How roles are asked for. Of roles whose names mean nothing, which was told, the others are left.
enum Words<'a> {
    Roles(&'a [String], Resolved),
    Tasks(&'a [String]),
    Level(AccessLevel),
    /// Not understood, which was told.
    Unknown,
}

impl<'a> Words<'a> {
    fn read(
        about: Subject<'_>,
        grant: &'a RoleGrantSpec,
        resolver: &mut Resolver<'a>,
        findings: &mut Findings<'_>,
    ) -> Self {
        if let Some(level) = grant.access_level {
            return Self::Level(level);
        }
        if !grant.tasks.is_empty() {
            let tasks = resolver.tasks(about, &grant.tasks, &spec("tasks"), findings);
            let all = tasks.len() == grant.tasks.len();
            return if all { Self::Tasks(&grant.tasks) } else { Self::Unknown };
        }
        let named = resolver.roles(about, &grant.roles, &spec("roles"), findings);
        if grant.roles.is_empty() {
            let message = "the roles are missing".to_owned();
            findings.does_not_fit(about, FieldPath::spec(), message);
        }
        Self::Roles(&grant.roles, named)
    }

    fn asked(&self, resolver: &Resolver<'_>) -> Asked {
        match self {
            Self::Roles(words, _) | Self::Tasks(words) => {
                resolver.asked(words.iter().map(String::as_str))
            }
            Self::Level(AccessLevel::FullAdministration) => {
                resolver.asked(["FullAdministration"].into_iter())
            }
            Self::Level(AccessLevel::LimitedAdministration) => {
                resolver.asked(["LimitedAdministration"].into_iter())
            }
            Self::Unknown => resolver.asked([].into_iter()),
        }
    }

    /// The roles that are named, not found.
    fn named(&self) -> impl Iterator<Item = &RoleId> {
        let named = match self {
            Self::Roles(_, named) => Some(&named.roles),
            Self::Tasks(_) | Self::Level(_) | Self::Unknown => None,
        };
        named.into_iter().flatten()
    }

    fn path(&self) -> FieldPath {
        match self {
            Self::Roles(..) => spec("roles"),
            Self::Tasks(_) => spec("tasks"),
            Self::Level(_) => spec("accessLevel"),
            Self::Unknown => FieldPath::spec(),
        }
    }
}

/// One grant under the relationships that share a proposal.
struct Scrutiny<'s, 'a> {
    about: Subject<'s>,
    related: &'s Related<'a>,
    relationships: &'s [usize],
    words: &'s Words<'a>,
}

impl<'a> Scrutiny<'_, 'a> {
    /// The roles that the grant asks for, none where something is wrong.
    fn roles(
        &self,
        position: usize,
        grantee: Option<&Grantee>,
        resolver: &mut Resolver<'a>,
        findings: &mut Findings<'_>,
    ) -> BTreeSet<RoleId> {
        let Some(proposal) = self.related.with_ceiling(self.relationships[0]) else {
            return BTreeSet::new();
        };
        let type_ = proposal.type_;
        let ceiling = partner_type::ceiling(type_);
        let under = self.related.listed(self.relationships);
        if ceiling == Ceiling::None {
            let message = format!("{under}: type `{type_:?}` {}", offers::why_no_roles(type_));
            let help = "delete the grant; removing roles is not offered for this type: \
                        contact the partner";
            findings.error(self.about, NO_ROLES_TO_GIVE, self.words.path(), message, help);
            return BTreeSet::new();
        }
        if let Some(grantee) = grantee {
            self.grantee(grantee, proposal, &under, findings);
        }
        let roles = match self.words {
            Words::Unknown => return BTreeSet::new(),
            Words::Roles(_, named) => {
                let errors_before = findings.count_errors();
                if ceiling == Ceiling::LegacyPair {
                    let (about, path) = (self.about, spec("roles"));
                    let catalogue = resolver.catalogue;
                    offers::mobile_devices(about, type_, named, &path, catalogue, findings);
                }
                if findings.count_errors() > errors_before {
                    return BTreeSet::new();
                }
                named.roles.clone()
            }
            Words::Tasks(ids) => {
                let path = spec("tasks");
                if offers::domain_subscriptions(self.about, type_, ids, &path, findings) {
                    return BTreeSet::new();
                }
                let support = offers::support(type_);
                match resolver.solve_within(position, ids, &support, &proposal.roles) {
                    Ok(roles) => roles,
                    Err(reason) => {
                        let message = format!("{under}: {reason}");
                        let help = match ceiling {
                            Ceiling::LegacyPair => {
                                "name one of the two roles of the type, or an `accessLevel`"
                            }
                            Ceiling::GdapSupported | Ceiling::AnyBuiltIn | Ceiling::None => {
                                "name the roles instead: `concordat roles list`"
                            }
                        };
                        findings.error(self.about, UNSOLVABLE_TASKS, path, message, help);
                        return BTreeSet::new();
                    }
                }
            }
            Words::Level(level) => match self.level(*level, ceiling, proposal, &under, findings) {
                Some(role) => BTreeSet::from([role]),
                None => return BTreeSet::new(),
            },
        };
        if let Some(missing) = beyond(&roles, &proposal.roles) {
            let message = format!("the offer of {under} does not carry {missing}");
            let help = "ask for what the offer carries, or move the relationship to a new offer, \
                        which the customer must accept";
            findings.error(self.about, BEYOND_THE_OFFER, self.words.path(), message, help);
        }
        roles
    }

    fn grantee(
        &self,
        grantee: &Grantee,
        proposal: &Proposal,
        under: &str,
        findings: &mut Findings<'_>,
    ) {
        let type_ = proposal.type_;
        let (message, help) = match (grantee.kind, partner_type::grantee_kind(type_)) {
            (GranteeKind::CustomerUser, GranteeKind::SecurityGroup) => (
                format!("{under}: under `{type_:?}` a security group of the partner holds roles"),
                "name `securityGroup`; users of the customer hold roles under type `Partner`",
            ),
            (GranteeKind::SecurityGroup, GranteeKind::CustomerUser) => (
                format!("{under}: under `{type_:?}` a user of the customer's tenant holds roles"),
                "name `customerUser`, the account that the partner has with the customer",
            ),
            (GranteeKind::SecurityGroup, GranteeKind::SecurityGroup)
            | (GranteeKind::CustomerUser, GranteeKind::CustomerUser) => return,
        };
        findings.error(self.about, WRONG_SORT_OF_GRANTEE, spec("grantee"), message, help);
    }

    fn level(
        &self,
        level: AccessLevel,
        ceiling: Ceiling,
        proposal: &Proposal,
        under: &str,
        findings: &mut Findings<'_>,
    ) -> Option<RoleId> {
        let role = match level {
            AccessLevel::FullAdministration => GLOBAL_ADMINISTRATOR,
            AccessLevel::LimitedAdministration => HELPDESK_ADMINISTRATOR,
        };
        if ceiling == Ceiling::LegacyPair {
            return Some(role);
        }
        let message = format!("{under}: type `{:?}` has no access levels", proposal.type_);
        let help = format!("`{level:?}` stands for {}: name it in `roles`", role_names([&role]));
        findings.error(self.about, ACCESS_LEVEL_OF_LEGACY, spec("accessLevel"), message, help);
        None
    }
}

/// What depends on the roles, whatever the relationship.
fn judge_roles(
    about: Subject<'_>,
    grant: &RoleGrantSpec,
    words: &Words<'_>,
    wanted: &Wanted,
    boundaries: &Boundaries<'_>,
    resolver: &Resolver<'_>,
    findings: &mut Findings<'_>,
) {
    let roles: BTreeSet<RoleId> =
        wanted.groups.iter().flat_map(|group| group.roles.iter().copied()).collect();
    // Roles that are named need no relationship to be privileged.
    let privileged: BTreeSet<_> =
        roles.iter().chain(words.named()).filter(|role| resolver.is_privileged(**role)).collect();
    let reason = grant.justification.as_deref().unwrap_or_default();
    if !privileged.is_empty() && reason.trim().is_empty() {
        let verb = if privileged.len() == 1 { "is" } else { "are" };
        let message = format!("{} {verb} privileged: say why", role_names(privileged));
        let help = "write a `justification` for the person who reviews it";
        findings.error(about, PRIVILEGED_WITHOUT_REASON, spec("justification"), message, help);
    }
    if let Some(grantee) = &wanted.grantee {
        let given = Given { roles: &roles, path: words.path(), window: wanted.window };
        boundaries.grant(about, grantee, &given, resolver, findings);
    }
}

#[cfg(test)]
mod tests;
