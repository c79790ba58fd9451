//! The table of partner types (docs/concepts.md, Partner types): which roles an offer can carry, and what a type may
//! do.
//!
//! Never: roles for a type that carries none.

use std::collections::BTreeSet;

use super::{
    catalogue::Catalogue,
    enumeration::{enumeration, quoted},
    ids::{GLOBAL_ADMINISTRATOR, HELPDESK_ADMINISTRATOR, RoleId},
    state::{GranteeKind, Invitation},
};
use crate::api::{AcceptorRole, PartnerType};

/// Which roles an offer of a type can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ceiling {
    /// Any built-in role that GDAP supports.
    GdapSupported,
    /// Exactly Global Administrator and Helpdesk Administrator.
    LegacyPair,
    /// Any built-in role.
    AnyBuiltIn,
    /// None, ever.
    None,
}

/// The two roles of a legacy offer.
pub const LEGACY_PAIR: [RoleId; 2] = [GLOBAL_ADMINISTRATOR, HELPDESK_ADMINISTRATOR];

/// Which roles an offer of this type can carry.
pub fn ceiling(type_: PartnerType) -> Ceiling {
    match type_ {
        PartnerType::GranularDelegatedAdmin => Ceiling::GdapSupported,
        PartnerType::DelegatedAdmin
        | PartnerType::ResellerAndDelegatedAdmin
        | PartnerType::Advisor => Ceiling::LegacyPair,
        PartnerType::Partner => Ceiling::AnyBuiltIn,
        PartnerType::Reseller
        | PartnerType::IndirectReseller
        | PartnerType::IndependentSoftwareVendor
        | PartnerType::LineOfBusiness
        | PartnerType::ProductsAndServicesAgreement
        | PartnerType::OriginalEquipmentManufacturer => Ceiling::None,
    }
}

/// Whether a partner of this type may sell to the customer.
pub fn may_sell(type_: PartnerType) -> bool {
    match type_ {
        PartnerType::ResellerAndDelegatedAdmin
        | PartnerType::Reseller
        | PartnerType::IndirectReseller => true,
        PartnerType::GranularDelegatedAdmin
        | PartnerType::DelegatedAdmin
        | PartnerType::Advisor
        | PartnerType::Partner
        | PartnerType::IndependentSoftwareVendor
        | PartnerType::LineOfBusiness
        | PartnerType::ProductsAndServicesAgreement
        | PartnerType::OriginalEquipmentManufacturer => false,
    }
}

/// Whether a partner of this type may manage the customer's tenant, and so for how long must be said.
pub fn may_manage(type_: PartnerType) -> bool {
    ceiling(type_) != Ceiling::None
}

/// What sort of grantee a type gives roles to.
pub fn grantee_kind(type_: PartnerType) -> GranteeKind {
    if type_ == PartnerType::Partner {
        GranteeKind::CustomerUser
    } else {
        GranteeKind::SecurityGroup
    }
}

/// Whether somebody with this declared role may accept an invitation (L13). Billing Administrator is enough where
/// the type carries no roles; a ceiling with a privileged role needs Global Administrator or, for GDAP, Customer
/// Delegated Admin Relationship Administrator.
pub fn may_accept(role: AcceptorRole, invitation: &Invitation, privileged: bool) -> bool {
    match role {
        AcceptorRole::GlobalAdministrator => true,
        AcceptorRole::CustomerDelegatedAdminRelationshipAdministrator => {
            invitation.type_ == PartnerType::GranularDelegatedAdmin
        }
        AcceptorRole::BillingAdministrator => invitation.roles.is_empty() || !privileged,
    }
}

/// Who may accept an invitation, in words.
pub fn who_may_accept(invitation: &Invitation, privileged: bool) -> String {
    let all = [
        (AcceptorRole::BillingAdministrator, "a Billing Administrator"),
        (AcceptorRole::GlobalAdministrator, "a Global Administrator"),
        (
            AcceptorRole::CustomerDelegatedAdminRelationshipAdministrator,
            "a Customer Delegated Admin Relationship Administrator",
        ),
    ];
    let may = all.into_iter().filter(|(role, _)| may_accept(*role, invitation, privileged));
    may.map(|(_, name)| name).collect::<Vec<_>>().join(" or ")
}

/// Whether somebody with this declared role may accept an agreement alone (L13).
pub fn may_accept_agreement(role: AcceptorRole) -> bool {
    match role {
        AcceptorRole::BillingAdministrator | AcceptorRole::GlobalAdministrator => true,
        AcceptorRole::CustomerDelegatedAdminRelationshipAdministrator => false,
    }
}

/// The names of roles, in backticks: `` `Helpdesk Administrator` and `Reports Reader` ``.
pub fn role_names<'a>(roles: impl IntoIterator<Item = &'a RoleId>) -> String {
    let names: BTreeSet<String> = roles.into_iter().map(|role| role_name(*role)).collect();
    let names: Vec<String> = names.iter().map(quoted).collect();
    enumeration(&names, "and").unwrap_or_else(|| "nothing".to_owned())
}

/// The name of a role, or its id where the catalogue does not know it.
pub fn role_name(role: RoleId) -> String {
    Catalogue::compiled().name_of(role)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r7_each_type_carries_the_roles_of_the_table() {
        use PartnerType::{
            Advisor, DelegatedAdmin, GranularDelegatedAdmin, IndependentSoftwareVendor,
            IndirectReseller, LineOfBusiness, OriginalEquipmentManufacturer, Partner,
            ProductsAndServicesAgreement, Reseller, ResellerAndDelegatedAdmin,
        };
        let cases = [
            (GranularDelegatedAdmin, Ceiling::GdapSupported),
            (DelegatedAdmin, Ceiling::LegacyPair),
            (ResellerAndDelegatedAdmin, Ceiling::LegacyPair),
            (Advisor, Ceiling::LegacyPair),
            (Partner, Ceiling::AnyBuiltIn),
            (Reseller, Ceiling::None),
            (IndirectReseller, Ceiling::None),
            (IndependentSoftwareVendor, Ceiling::None),
            (LineOfBusiness, Ceiling::None),
            (ProductsAndServicesAgreement, Ceiling::None),
            (OriginalEquipmentManufacturer, Ceiling::None),
        ];
        for (type_, expected) in cases {
            assert_eq!(ceiling(type_), expected, "{type_:?}");
            assert_eq!(may_manage(type_), expected != Ceiling::None, "{type_:?}");
        }
    }

    #[test]
    fn r9_resellers_sell_and_nobody_else_does() {
        for type_ in [
            PartnerType::Reseller,
            PartnerType::IndirectReseller,
            PartnerType::ResellerAndDelegatedAdmin,
        ] {
            assert!(may_sell(type_), "{type_:?}");
        }
        for type_ in [PartnerType::Advisor, PartnerType::OriginalEquipmentManufacturer] {
            assert!(!may_sell(type_), "{type_:?}");
        }
    }

    #[test]
    fn r33_the_two_roles_of_the_legacy_types_have_their_names_of_today() {
        assert_eq!(role_names(&LEGACY_PAIR), "`Global Administrator` and `Helpdesk Administrator`");
    }
}
