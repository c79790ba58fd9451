//! Grantees whose id is that of something else: of a tenant beside them, or of a role.
//!
//! Never: a tenant of another namespace.

use std::collections::BTreeMap;

use super::{
    Object,
    findings::{Findings, spec},
    grants::WRONG_SORT_OF_GRANTEE,
};
use crate::{
    api::{PartnerOfferSpec, PartnerRelationshipSpec, RoleGrantSpec},
    domain::{
        catalogue::Catalogue,
        ids::{Kind, TenantId},
    },
};

/// Tells each grantee whose id is no grantee's.
pub(super) fn judge(
    offers: &[&Object<PartnerOfferSpec>],
    relationships: &[&Object<PartnerRelationshipSpec>],
    grants: &[&Object<RoleGrantSpec>],
    catalogue: &Catalogue,
    findings: &mut Findings<'_>,
) {
    let mut tenants: BTreeMap<(&str, TenantId), &str> = BTreeMap::new();
    let mut note = |namespace, id: &str, what| {
        if let Ok(id) = id.parse() {
            tenants.insert((namespace, id), what);
        }
    };
    for object in offers {
        note(object.name.namespace.as_str(), &object.spec.partner.tenant_id, "partner");
    }
    for object in relationships {
        let namespace = object.name.namespace.as_str();
        note(namespace, &object.spec.customer.tenant_id, "customer");
        let offer = object.spec.offer.iter();
        offer.for_each(|offer| note(namespace, &offer.partner.tenant_id, "partner"));
    }
    for object in grants {
        let grantee = &object.spec.grantee;
        let group = grantee.security_group.iter().map(|group| ("securityGroup", group));
        let user = grantee.customer_user.iter().map(|user| ("customerUser", user));
        for (field, principal) in group.chain(user) {
            let id = &principal.id;
            let tenant = id.parse().ok().and_then(|id| tenants.get(&(&*object.name.namespace, id)));
            let role = || id.parse().ok().and_then(|id| catalogue.role(id));
            let message = match tenant {
                Some(what) => format!("`{id}` is the tenant of the {what}, and no grantee"),
                None => match role() {
                    Some(role) => format!("`{id}` is the role `{}`, and no grantee", role.name),
                    None => continue,
                },
            };
            let help = "write the object id of the group or user, which stands in the Microsoft Entra admin center on its page";
            let path = spec("grantee").field(field).field("id");
            let about = object.subject(Kind::RoleGrant);
            findings.error(about, WRONG_SORT_OF_GRANTEE, path, message, help);
        }
    }
}
