//! Names for people that can be taken for one another although they are spelled in other letters (UTS 39).
//!
//! Never: a name refused for its letters. Names are what they are in the directory.

use std::collections::BTreeMap;

use unicode_security::skeleton;

use super::{
    Object,
    findings::{Findings, Subject},
    relationships::LOOKS_LIKE_ANOTHER,
};
use crate::{
    api::{PartnerRelationshipSpec, RoleGrantSpec},
    domain::{ids::Kind, problem::FieldPath},
};

/// A name, and where it stands below `spec`.
struct Named<'a> {
    about: Subject<'a>,
    fields: &'static [&'static str],
    name: &'a str,
}

/// Warns beside each name that can be taken for another one of the same namespace and sort.
pub(super) fn judge(
    relationships: &[&Object<PartnerRelationshipSpec>],
    grants: &[&Object<RoleGrantSpec>],
    findings: &mut Findings<'_>,
) {
    let customers = relationships.iter().map(|object| Named {
        about: object.subject(Kind::PartnerRelationship),
        fields: &["customer", "displayName"],
        name: &object.spec.customer.display_name,
    });
    confusable(&customers.collect::<Vec<_>>(), findings);
    let grantees = grants.iter().flat_map(|object| {
        let grantee = &object.spec.grantee;
        let group: &[_] = &["grantee", "securityGroup", "displayName"];
        let user: &[_] = &["grantee", "customerUser", "displayName"];
        let groups = grantee.security_group.iter().map(move |principal| (group, principal));
        let users = grantee.customer_user.iter().map(move |principal| (user, principal));
        groups.chain(users).map(|(fields, principal)| Named {
            about: object.subject(Kind::RoleGrant),
            fields,
            name: &principal.display_name,
        })
    });
    confusable(&grantees.collect::<Vec<_>>(), findings);
}

fn confusable(names: &[Named<'_>], findings: &mut Findings<'_>) {
    if names.iter().all(|named| named.name.is_ascii()) {
        return;
    }
    let mut alike: BTreeMap<(&str, String), Vec<usize>> = BTreeMap::new();
    for (position, named) in names.iter().enumerate() {
        let key = (&*named.about.name.namespace, skeleton(named.name).collect());
        alike.entry(key).or_default().push(position);
    }
    for positions in alike.values() {
        for position in positions {
            let Named { about, fields, name } = &names[*position];
            // Two names in the letters of a keyboard are told apart by whoever types them.
            let is_other = |other: &&usize| {
                let other = names[**other].name;
                other != *name && !(other.is_ascii() && name.is_ascii())
            };
            let Some(other) = positions.iter().find(is_other) else { continue };
            let Named { about: of, name: other, .. } = &names[*other];
            let message = format!(
                "`{name}` can be taken for `{other}` in `{}`, which is spelled in other letters",
                of.name.name
            );
            let help = "compare both with the directory; where they are two, nothing is wrong, and the id decides";
            let path = fields.iter().fold(FieldPath::spec(), |path, field| path.field(*field));
            findings.warning(*about, LOOKS_LIKE_ANOTHER, path, message, help);
        }
    }
}
