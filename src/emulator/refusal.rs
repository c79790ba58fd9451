//! Why a call is refused: the status, Microsoft's code, and words that are the emulator's own.
//!
//! Never: a refusal after an effect.

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Microsoft's code, which a client may look at.
    pub code: &'static str,
    /// For people, who are the only ones that should read it.
    pub message: String,
}

impl Refusal {
    /// The body or the query is wrong, or the object is not in a state for this.
    pub fn bad(message: impl Into<String>) -> Self {
        Self { status: 400, code: "badRequest", message: message.into() }
    }

    /// Nobody knows the id, or not any more.
    pub fn missing(message: impl Into<String>) -> Self {
        Self { status: 404, code: "notFound", message: message.into() }
    }

    /// There is one already.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self { status: 409, code: "conflict", message: message.into() }
    }

    /// The body is not said to be JSON.
    pub fn not_json() -> Self {
        let message = "A request with a body needs `Content-Type: application/json`.".to_owned();
        Self { status: 415, code: "UnsupportedMediaType", message }
    }

    /// It was changed since the caller looked.
    pub fn changed() -> Self {
        let message = "The etag in If-Match is not that of the resource as it is now.".to_owned();
        Self { status: 412, code: "preconditionFailed", message }
    }

    /// The token is missing, not one, or over.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self { status: 401, code: "InvalidAuthenticationToken", message: message.into() }
    }

    /// The token does not carry the permission.
    pub fn forbidden() -> Self {
        let message = "The user (principal) does not have the required permissions to perform the \
                       specified action on the resource."
            .to_owned();
        Self { status: 403, code: "Authorization_RequestDenied", message }
    }
}
