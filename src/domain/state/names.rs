//! Who and what a state speaks of: writers, owners, objects, relationships, tenants and grantees.
//!
//! Never: a tenant or a grantee known by its name, which is free text and only shown.

use std::{fmt, str::FromStr};

use ecow::EcoString;
use serde::{Deserialize, Serialize};

use crate::{
    api::Cloud,
    domain::ids::{GranteeId, InvalidId, TenantId, as_text},
};

/// Who writes: an operator, by the UID of its cluster's `kube-system` namespace, or `cli`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Instance(pub EcoString);

impl Instance {
    /// The command line, an instance of its own.
    pub fn cli() -> Self {
        Self("cli".into())
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The owner of a row: `instance/namespace/name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owner {
    /// Who writes.
    pub instance: Instance,
    /// The object that declares the row.
    pub object: ObjectName,
}

impl Owner {
    /// Of what stands at a service and no object declares.
    pub fn nobody() -> Self {
        let object = ObjectName { namespace: EcoString::new(), name: EcoString::new() };
        Self { instance: Instance(EcoString::new()), object }
    }

    /// Whether no object declares it.
    pub fn is_nobody(&self) -> bool {
        self.instance.0.is_empty()
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.instance, self.object)
    }
}

impl FromStr for Owner {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || {
            let expected = "an owner such as `instance/namespace/name`";
            InvalidId { text: text.to_owned(), expected }
        };
        let mut parts = text.split('/');
        let (Some(instance), Some(namespace), Some(name), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(invalid());
        };
        let instance_fits = !instance.is_empty() && !instance.contains(char::is_whitespace);
        if !instance_fits || !is_name(namespace, "-") || !is_name(name, "-.") {
            return Err(invalid());
        }
        let object = ObjectName { namespace: namespace.into(), name: name.into() };
        Ok(Self { instance: Instance(instance.into()), object })
    }
}

/// Whether Kubernetes takes it as the name of something.
fn is_name(text: &str, between: &str) -> bool {
    let is_end = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    text.starts_with(is_end)
        && text.ends_with(is_end)
        && text.chars().all(|letter| is_end(letter) || between.contains(letter))
}

/// The namespace and name of an object whose kind is known from where this stands. As text, and so also as a key in
/// JSON, it is `namespace/name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// Its namespace.
    pub namespace: EcoString,
    /// Its name.
    pub name: EcoString,
}

impl ObjectName {
    /// Before every other name.
    pub fn first() -> Self {
        Self { namespace: EcoString::new(), name: EcoString::new() }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl FromStr for ObjectName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.split_once('/') {
            Some((namespace, name)) if !name.is_empty() && !name.contains('/') => {
                Ok(Self { namespace: namespace.into(), name: name.into() })
            }
            Some(_) | None => {
                let expected = "an object such as `namespace/name`";
                Err(InvalidId { text: text.to_owned(), expected })
            }
        }
    }
}

as_text!(ObjectName);

/// The UID of an object in a cluster. Files have none: theirs is `-`, and the name alone tells them apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Uid(pub EcoString);

impl Uid {
    /// The UID of an object that comes from a file.
    pub fn of_file() -> Self {
        Self("-".into())
    }
}

/// The key of a relationship: unique in the store for a partner (docs/concepts.md, Stores).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RelationshipKey {
    /// The cloud; nothing crosses clouds.
    pub cloud: Cloud,
    /// The partner.
    pub partner: TenantId,
    /// `displayName`, or `displayName-N` for a replacement.
    pub name: EcoString,
}

impl fmt::Display for RelationshipKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)
    }
}

/// A tenant and what people call it. The name is free text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its name, where one was given.
    pub name: Option<String>,
}

/// What people call the two tenants of a relationship.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Names {
    /// The partner, where a name was given.
    pub partner: Option<String>,
    /// The customer, where a name was given.
    pub customer: Option<String>,
}

/// What sort of principal a grantee is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum GranteeKind {
    /// A security group of the partner's tenant.
    SecurityGroup,
    /// A user of the customer's tenant; with type `Partner` only.
    CustomerUser,
}

/// Who holds roles.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grantee {
    /// Its object id.
    pub id: GranteeId,
    /// What it is.
    pub kind: GranteeKind,
    /// Its name, where one was given. Free text: never shown without the id.
    pub name: Option<String>,
}
