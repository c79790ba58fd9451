//! The question of the API server, as far as it matters here.
//!
//! Never: a panic, whatever the body holds; what is no question is told so.

use serde::Deserialize;
use serde_json::Value;

use crate::{api::GROUP, domain::ids::Kind};

/// The one version of the question that is understood.
const API_VERSION: &str = "admission.k8s.io/v1";

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The question's id, which the answer repeats.
    pub uid: String,
    /// The kind as it was named, for people.
    pub named: String,
    /// The kind, if it is one of ours.
    pub kind: Option<Kind>,
    /// Which part of the object; empty for the object itself.
    pub subresource: String,
    /// Its namespace; empty for a cluster-scoped kind.
    pub namespace: String,
    /// Its name; empty where the server has yet to make one.
    pub name: String,
    /// What is to be done.
    pub operation: Operation,
    /// Who asks for it.
    pub user: String,
    /// Whether it is only tried, and nothing may come of it.
    pub is_trial: bool,
    /// The object as it would be; null where there is none.
    pub object: Value,
    /// The object as it is; null where there is none.
    pub old_object: Value,
}

/// What is to be done with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It is deleted.
    Delete,
    /// Something else.
    Other,
}

/// Why a body is no question.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not JSON, or not in this form.
    #[error("the body is not an `AdmissionReview`: {0}")]
    Form(String),
    /// It is another document.
    #[error("the body is `{kind}` of `{api_version}`, not `AdmissionReview` of `{API_VERSION}`")]
    AnotherKind {
        /// What it says of itself.
        api_version: String,
        /// What it says of itself.
        kind: String,
    },
    /// It asks nothing.
    #[error("the `AdmissionReview` has no request with a `uid`")]
    NoRequest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    request: Option<Asked>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    #[serde(default)]
    uid: String,
    #[serde(default)]
    kind: GroupKind,
    #[serde(default)]
    sub_resource: Option<String>,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    operation: String,
    #[serde(default)]
    user_info: User,
    #[serde(default, rename = "dryRun")]
    is_trial: Option<bool>,
    #[serde(default)]
    object: Value,
    #[serde(default)]
    old_object: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct GroupKind {
    group: String,
    kind: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct User {
    username: String,
}

/// Reads a body.
///
/// # Errors
/// Where it is no question that can be answered.
pub fn read(body: &[u8]) -> Result<Request, Unreadable> {
    let review: Review =
        serde_json::from_slice(body).map_err(|error| Unreadable::Form(error.to_string()))?;
    let Review { api_version, kind, request } = review;
    if api_version != API_VERSION || kind != "AdmissionReview" {
        return Err(Unreadable::AnotherKind { api_version, kind });
    }
    let asked = request.filter(|asked| !asked.uid.is_empty()).ok_or(Unreadable::NoRequest)?;
    let Asked {
        uid,
        kind: GroupKind { group, kind: named },
        sub_resource,
        namespace,
        name,
        operation,
        user_info: User { username },
        is_trial,
        object,
        old_object,
    } = asked;
    let ours = |kind: &&Kind| group == GROUP && named == kind.to_string();
    Ok(Request {
        uid,
        kind: Kind::ALL.iter().find(ours).copied(),
        named,
        subresource: sub_resource.unwrap_or_default(),
        namespace: namespace.unwrap_or_default(),
        name: name.unwrap_or_default(),
        operation: match operation.as_str() {
            "CREATE" => Operation::Create,
            "UPDATE" => Operation::Update,
            "DELETE" => Operation::Delete,
            _ => Operation::Other,
        },
        user: username,
        is_trial: is_trial.unwrap_or_default(),
        object,
        old_object,
    })
}
