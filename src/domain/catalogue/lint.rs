//! Facts about roles that make a right request unwise.
//!
//! Never: a refusal; whoever validates decides what weighs how much.

use std::{collections::BTreeSet, fmt};

use serde::Serialize;

use super::{Catalogue, solve::DIRECTORY_READERS};
use crate::domain::ids::RoleId;

/// Intune Administrator: the role that manages mobile devices.
pub const INTUNE_ADMINISTRATOR: RoleId =
    RoleId::from_u128(0x3a2c_62db_5318_420d_8d74_23af_fee5_d9d5);

const GUEST_INVITER: RoleId = RoleId::from_u128(0x95e7_9109_95c0_4d8e_aee3_d01a_ccf2_d47b);
const USER_ADMINISTRATOR: RoleId = RoleId::from_u128(0xfe93_0be7_5e62_47db_91af_98c3_a49a_38b1);

/// Accounts of synchronisation services, not people.
const SYNCHRONISATION: [RoleId; 2] = [
    RoleId::from_u128(0xd29b_2b05_8046_44ba_8758_1e26_182f_cf32),
    RoleId::from_u128(0xa92a_ed5d_d78a_4d16_b381_09ad_b37e_b3b0),
];

/// Something odd about roles that one grantee is to hold together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Concern {
    /// A role for a synchronisation service.
    NotForPeople(RoleId),
    /// Under GDAP, Guest Inviter beside User Administrator breaks the latter.
    GuestInviterBesideUserAdministrator,
    /// Directory Readers by itself cannot sign in to the Microsoft 365 admin centre.
    DirectoryReadersAlone,
}

impl Concern {
    /// Whether it matters only under granular delegated administration.
    pub fn is_of_gdap(self) -> bool {
        match self {
            Self::GuestInviterBesideUserAdministrator => true,
            Self::NotForPeople(_) | Self::DirectoryReadersAlone => false,
        }
    }
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotForPeople(id) => write!(
                f,
                "`{}` is meant for a synchronisation service, not for people",
                Catalogue::compiled().name_of(*id)
            ),
            Self::GuestInviterBesideUserAdministrator => f.write_str(
                "`Guest Inviter` beside `User Administrator` breaks the latter under GDAP; it invites guests already",
            ),
            Self::DirectoryReadersAlone => f.write_str(
                "`Directory Readers` alone cannot sign in to the Microsoft 365 admin center",
            ),
        }
    }
}

impl Catalogue {
    /// Whether a role manages mobile devices; legacy delegated types must not carry it.
    pub fn manages_mobile_devices(&self, id: RoleId) -> bool {
        id == INTUNE_ADMINISTRATOR
    }

    /// What is odd about the roles that one grantee is to hold.
    pub fn concerns(&self, roles: &BTreeSet<RoleId>) -> BTreeSet<Concern> {
        let mut concerns: BTreeSet<_> = SYNCHRONISATION
            .into_iter()
            .filter(|id| roles.contains(id))
            .map(Concern::NotForPeople)
            .collect();
        if roles.contains(&GUEST_INVITER) && roles.contains(&USER_ADMINISTRATOR) {
            concerns.insert(Concern::GuestInviterBesideUserAdministrator);
        }
        if roles.len() == 1 && roles.contains(&DIRECTORY_READERS) {
            concerns.insert(Concern::DirectoryReadersAlone);
        }
        concerns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn concerns(names: &[&str]) -> Vec<Concern> {
        let catalogue = Catalogue::compiled();
        let roles = names.iter().map(|name| catalogue.find(name).unwrap().id).collect();
        catalogue.concerns(&roles).into_iter().collect()
    }

    #[test]
    fn odd_roles_are_told() {
        let sync = "Directory Synchronization Accounts";
        assert_eq!(concerns(&["Directory Readers"]), [Concern::DirectoryReadersAlone]);
        assert_eq!(concerns(&["Directory Readers", "Reports Reader"]), []);
        assert_eq!(
            concerns(&["Guest Inviter", "User Administrator"]),
            [Concern::GuestInviterBesideUserAdministrator]
        );
        assert!(matches!(concerns(&[sync])[..], [Concern::NotForPeople(_)]));
        assert_eq!(concerns(&["Guest Inviter", "Helpdesk Administrator"]), []);
    }

    #[test]
    fn intune_administrator_manages_mobile_devices() {
        let catalogue = Catalogue::compiled();
        let managing = catalogue.roles().filter(|role| catalogue.manages_mobile_devices(role.id));
        assert_eq!(managing.map(|role| role.name).collect::<Vec<_>>(), ["Intune Administrator"]);
    }
}
