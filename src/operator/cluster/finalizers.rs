//! Prepares an uninstall: takes our finalizer off every object, so that each can go without an operator.
//!
//! Never: anything in the store; what was granted stays until its time is over.

use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ListParams, Patch, PatchParams},
    core::PartialObjectMeta,
};
use serde_json::json;

use super::FIELD_MANAGER;
use crate::{
    api::{PartnerRelationship, RoleGrant},
    operator::index::FINALIZER,
};

const PAGE: u32 = 500;

/// Takes the finalizer off all relationships and grants, and says of how many.
///
/// # Errors
/// Where the server does not allow it, or does not answer.
pub async fn remove_finalizers(client: &Client) -> Result<usize, kube::Error> {
    Ok(remove::<PartnerRelationship>(client).await? + remove::<RoleGrant>(client).await?)
}

async fn remove<K>(client: &Client) -> Result<usize, kube::Error>
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned,
{
    let all: Api<K> = Api::all(client.clone());
    let mut params = ListParams::default().limit(PAGE);
    let mut removed = 0;
    loop {
        let page = all.list_metadata(&params).await?;
        let held = |object: &&PartialObjectMeta<K>| {
            object.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
        };
        for object in page.items.iter().filter(held) {
            let left: Vec<_> =
                object.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).collect();
            let body = json!({ "metadata": {
                "uid": object.uid(),
                "resourceVersion": object.resource_version(),
                "finalizers": left,
            } });
            let namespace = object.namespace().unwrap_or_default();
            let api: Api<K> = Api::namespaced(client.clone(), &namespace);
            let params = PatchParams {
                field_manager: Some(FIELD_MANAGER.to_owned()),
                ..PatchParams::default()
            };
            match api.patch_metadata(&object.name_any(), &params, &Patch::Merge(&body)).await {
                Ok(_) => removed += 1,
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => return Err(error),
            }
        }
        match page.metadata.continue_ {
            Some(token) if !token.is_empty() => params = params.continue_token(&token),
            _ => return Ok(removed),
        }
    }
}
