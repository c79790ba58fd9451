//! An object that the API server has, whether it fits its kind as this program knows it or not.
//!
//! Never: one object that cannot be read in the way of the others.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error},
};
use serde_json::value::RawValue;

use super::seen::strip;

/// As [`kube::core::DeserializeGuard`], which holds every object three times while it reads it.
#[derive(Debug, Clone)]
pub enum Guarded<K> {
    /// It fits.
    Read(Box<K>),
    /// It does not.
    Unread {
        /// Why.
        why: String,
        /// Which one it is.
        metadata: Box<ObjectMeta>,
    },
}

/// What every object has.
#[derive(Deserialize)]
struct Named {
    metadata: ObjectMeta,
}

impl<'de, K: Resource + DeserializeOwned> Deserialize<'de> for Guarded<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        match serde_json::from_str::<K>(text.get()) {
            Ok(mut object) => {
                strip(object.meta_mut());
                Ok(Self::Read(Box::new(object)))
            }
            Err(error) => {
                let Named { metadata } =
                    serde_json::from_str(text.get()).map_err(D::Error::custom)?;
                Ok(Self::Unread { why: error.to_string(), metadata: Box::new(metadata) })
            }
        }
    }
}

impl<K: Resource> Resource for Guarded<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(of: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(of)
    }

    fn group(of: &Self::DynamicType) -> Cow<'_, str> {
        K::group(of)
    }

    fn version(of: &Self::DynamicType) -> Cow<'_, str> {
        K::version(of)
    }

    fn plural(of: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(of)
    }

    fn meta(&self) -> &ObjectMeta {
        match self {
            Self::Read(object) => object.meta(),
            Self::Unread { metadata, .. } => metadata,
        }
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Read(object) => object.meta_mut(),
            Self::Unread { metadata, .. } => metadata,
        }
    }
}
