//! Identities: tenants, roles, grantees, names in the store, and who owns what.
//!
//! Never: a bare `String` where one of these is meant.

use std::{fmt, str::FromStr};

use ecow::EcoString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a text is not the id it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct InvalidId {
    /// What was given.
    pub text: String,
    /// What was expected, with its article: "a GUID such as `…`".
    pub expected: &'static str,
}

/// A GUID in its hyphenated form, 36 characters; upper and lower case are the same id.
fn guid(text: &str) -> Result<Uuid, InvalidId> {
    if text.len() == 36
        && let Ok(id) = Uuid::try_parse(text)
    {
        return Ok(id);
    }
    let expected = "a GUID such as `729827e3-9c14-49f7-bb1b-9608f156bbb8`";
    Err(InvalidId { text: text.to_owned(), expected })
}

/// A type that is text for serde, also as a key: written by `Display` and read by `FromStr`, without a text in between.
macro_rules! as_text {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;

                impl serde::de::Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a string")
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }

                deserializer.deserialize_str(Text)
            }
        }
    };
}
pub(crate) use as_text;

macro_rules! guid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The id with these 128 bits.
            pub const fn from_u128(bits: u128) -> Self {
                Self(Uuid::from_u128(bits))
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                guid(text).map(Self)
            }
        }

        as_text!($name);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0.hyphenated())
            }
        }
    };
}

guid_id! {
    /// A Microsoft Entra tenant: of a partner or of a customer.
    TenantId
}
guid_id! {
    /// The template id of an Entra built-in role: the same in every tenant.
    RoleId
}
guid_id! {
    /// The object id of a grantee: a security group of the partner's tenant or, for type `Partner`, a user of the customer's.
    GranteeId
}

/// Global Administrator: every other role follows from it.
pub const GLOBAL_ADMINISTRATOR: RoleId =
    RoleId::from_u128(0x62e9_0394_69f5_4237_9190_0121_7714_5e10);
/// Helpdesk Administrator, once called Password Administrator.
pub const HELPDESK_ADMINISTRATOR: RoleId =
    RoleId::from_u128(0x7298_27e3_9c14_49f7_bb1b_9608_f156_bbb8);

/// The kinds of custom resources. Their order is the order in which they are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// What a partner proposes.
    PartnerOffer,
    /// One offer made to one customer.
    PartnerRelationship,
    /// Roles asked for one grantee under a relationship.
    RoleGrant,
    /// The recorded fact that somebody accepted or declined.
    AgreementAcceptance,
    /// What a namespace may do.
    PartnerBoundary,
}

impl Kind {
    /// Every kind, in order.
    pub const ALL: [Self; 5] = [
        Self::PartnerOffer,
        Self::PartnerRelationship,
        Self::RoleGrant,
        Self::AgreementAcceptance,
        Self::PartnerBoundary,
    ];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// An object among the manifests or in a cluster: `Kind/namespace/name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectKey {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; empty for a cluster-scoped kind.
    pub namespace: EcoString,
    /// Its name.
    pub name: EcoString,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{}/{}", self.kind, self.name)
        } else {
            write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
        }
    }
}
