//! Built-in roles: what each is called, may do, and whether it can be given to anyone.
//!
//! Never: a role matched by a name that only looks like its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bits::Bits;
use crate::domain::ids::RoleId;

/// The actions of a role, as positions in the catalogue's list of actions.
pub(super) type ActionSet = Bits<12>;

/// One Entra built-in role.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// Its template id, the same in every tenant.
    pub id: RoleId,
    /// Its display name.
    pub name: &'static str,
    /// What it was called, or is called by other programs.
    pub former_names: Vec<&'static str>,
    /// Whether Microsoft labels it privileged: it can change credentials, policies or other people's roles.
    pub privileged: bool,
    /// Whether it can be given to people at all.
    pub availability: Availability,
    /// What is known about its support by granular delegated administration.
    pub gdap: GdapSupport,
    /// Where that knowledge comes from.
    pub gdap_evidence: Vec<&'static str>,
    /// Roles whose actions it has besides its own.
    pub inherits: Vec<RoleId>,
    /// What the published facts leave out.
    pub notes: Vec<&'static str>,
    #[serde(skip)]
    pub(super) own: ActionSet,
    #[serde(skip)]
    pub(super) expanded: ActionSet,
}

/// Whether a role can be given to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Availability {
    /// Yes.
    Assignable,
    /// Microsoft has deprecated it.
    Deprecated,
    /// The system gives it; nobody can.
    AssignedBySystem,
    /// Hidden in Microsoft's portals, or marked as not for general use.
    NotForGeneralUse,
}

/// What is known about a role under granular delegated administration (GDAP).
/// Microsoft publishes no complete list, so the catalogue says how it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GdapSupport {
    /// Named in a Microsoft source.
    Supported,
    /// Reported as added by Microsoft in December 2024.
    SupportedReported,
    /// Listed by a community tool only.
    CommunityListed,
    /// No evidence either way; mostly roles introduced since 2024.
    Unknown,
    /// There is evidence against it.
    Excluded,
    /// The role cannot be given to anyone.
    NotApplicable,
}

impl GdapSupport {
    /// Whether there is evidence enough to propose the role under GDAP.
    pub fn is_evident(self) -> bool {
        match self {
            Self::Supported | Self::SupportedReported | Self::CommunityListed => true,
            Self::Unknown | Self::Excluded | Self::NotApplicable => false,
        }
    }

    /// Whether the role must be refused under GDAP, also when asked for by name.
    pub fn is_refused(self) -> bool {
        match self {
            Self::Excluded | Self::NotApplicable => true,
            Self::Supported | Self::SupportedReported | Self::CommunityListed | Self::Unknown => {
                false
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_excessive_bools, reason = "the columns of the source")]
struct SourceRole<'a> {
    display_name: &'a str,
    template_id: &'a str,
    is_privileged: bool,
    deprecated: bool,
    use_discouraged: bool,
    shown_in_portal: bool,
    assignment_mode: &'a str,
    #[serde(borrow)]
    actions: Vec<&'a str>,
    #[serde(borrow)]
    inherits_actions_from: Vec<&'a str>,
    #[serde(borrow, default)]
    aliases: Vec<&'a str>,
    #[serde(borrow, default)]
    notes: Vec<&'a str>,
}

#[derive(Deserialize)]
struct SourceGdap<'a> {
    #[serde(borrow)]
    roles: Vec<SourceSupport<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SourceSupport<'a> {
    template_id: &'a str,
    status: GdapSupport,
    #[serde(borrow)]
    evidence: Vec<&'a str>,
}

/// The roles in order of their names, and every action in order.
pub(super) fn parse(roles: &'static str, gdap: &'static str) -> (Vec<Role>, Vec<&'static str>) {
    let mut rows: Vec<SourceRole> = serde_json::from_str(roles).expect("the roles are compiled in");
    let gdap: SourceGdap = serde_json::from_str(gdap).expect("GDAP support is compiled in");
    rows.sort_by_key(|row| row.display_name);

    let mut actions: Vec<_> = rows.iter().flat_map(|row| row.actions.iter().copied()).collect();
    actions.sort_unstable();
    actions.dedup();
    assert!(actions.len() <= ActionSet::CAPACITY, "more actions than an `ActionSet` holds");

    let mut support: BTreeMap<_, _> =
        gdap.roles.into_iter().map(|row| (role_id(row.template_id), row)).collect();
    let mut parsed: Vec<_> = rows
        .into_iter()
        .map(|row| {
            let id = role_id(row.template_id);
            let own = row.actions.iter().map(|action| position(&actions, action)).collect();
            let known = support.remove(&id);
            Role {
                id,
                name: row.display_name,
                privileged: row.is_privileged,
                availability: availability(&row),
                gdap: known.as_ref().map_or(GdapSupport::Unknown, |known| known.status),
                gdap_evidence: known.map(|known| known.evidence).unwrap_or_default(),
                inherits: row.inherits_actions_from.iter().map(|id| role_id(id)).collect(),
                former_names: row.aliases.into_iter().chain(older_names(id)).collect(),
                notes: row.notes,
                own,
                expanded: own,
            }
        })
        .collect();
    expand(&mut parsed);
    (parsed, actions)
}

fn role_id(text: &str) -> RoleId {
    text.parse().expect("template ids in the compiled-in data are GUIDs")
}

fn position(actions: &[&str], action: &str) -> usize {
    actions.binary_search(&action).expect("the list was made of these")
}

fn availability(row: &SourceRole) -> Availability {
    if row.assignment_mode == "systemAssigned" {
        Availability::AssignedBySystem
    } else if row.deprecated {
        Availability::Deprecated
    } else if row.assignment_mode == "allowed" && row.shown_in_portal && !row.use_discouraged {
        Availability::Assignable
    } else {
        Availability::NotForGeneralUse
    }
}

/// Adds inherited actions until nothing changes: what a role inherits from may inherit in turn.
fn expand(roles: &mut [Role]) {
    let positions: BTreeMap<_, _> =
        roles.iter().enumerate().map(|(index, role)| (role.id, index)).collect();
    loop {
        let mut changed = false;
        for index in 0..roles.len() {
            let all = roles[index].inherits.iter().fold(roles[index].expanded, |all, from| {
                positions.get(from).map_or(all, |from| all.union(&roles[*from].expanded))
            });
            changed |= all != roles[index].expanded;
            roles[index].expanded = all;
        }
        if !changed {
            return;
        }
    }
}

/// Names from before the renaming of 2020, as Azure AD PowerShell and Microsoft Graph returned them.
fn older_names(id: RoleId) -> Option<&'static str> {
    const OLDER: [(RoleId, &str); 8] = [
        (RoleId::from_u128(0x4436_7163_eba1_44c3_98af_f578_7879_f96a), "CRM Service Administrator"),
        (RoleId::from_u128(0x9f06_204d_73c1_4d4c_880a_6edb_9060_6fd8), "Device Administrators"),
        (
            RoleId::from_u128(0x2923_2cdf_9323_42fd_ade2_1d09_7af3_e4de),
            "Exchange Service Administrator",
        ),
        (
            RoleId::from_u128(0x3a2c_62db_5318_420d_8d74_23af_fee5_d9d5),
            "Intune Service Administrator",
        ),
        (
            RoleId::from_u128(0x7594_1009_915a_4869_abe7_691b_ff18_279e),
            "Lync Service Administrator",
        ),
        (
            RoleId::from_u128(0xa9ea_8996_122f_4c74_9520_8edc_d192_826c),
            "Power BI Service Administrator",
        ),
        (
            RoleId::from_u128(0xf28a_1f50_f6e7_4571_818b_6a12_f2af_6b6c),
            "SharePoint Service Administrator",
        ),
        (
            RoleId::from_u128(0xfe93_0be7_5e62_47db_91af_98c3_a49a_38b1),
            "User Account Administrator",
        ),
    ];
    OLDER.iter().find(|(of, _)| *of == id).map(|(_, name)| *name)
}
