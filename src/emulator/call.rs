//! A call and its answer, as the service sees them: no socket, no TLS.
//!
//! Never: an answer that depends on anything but the call and the world.

use std::{collections::BTreeMap, fmt};

use serde_json::Value;

use super::refusal::Refusal;

/// A call.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Call {
    /// In upper case.
    pub method: String,
    /// The path and the query, as they were written.
    pub target: String,
    /// By the name in lower case.
    pub headers: BTreeMap<String, String>,
    /// As it came.
    pub body: Vec<u8>,
    /// Whether it stands in a batch.
    pub in_batch: bool,
}

impl fmt::Debug for Call {
    /// Without what may be secret: its headers and its body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} and {} bytes", self.method, self.path(), self.body.len())
    }
}

impl Call {
    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The path, without the query.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// The query.
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// Whether it says that its body is JSON.
    pub fn is_json(&self) -> bool {
        let kind = self.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json")
    }

    /// `https://` and the host under which it was called.
    pub fn origin(&self) -> String {
        format!("https://{}", self.header("host").unwrap_or("localhost"))
    }

    /// The parts of the path, decoded.
    pub fn segments(&self) -> Vec<String> {
        let parts = self.path().split('/').filter(|part| !part.is_empty());
        parts.map(|part| decoded(part, false)).collect()
    }

    /// Whether the caller can read values that came later.
    pub fn prefers_unknown(&self) -> bool {
        let prefer = self.header("prefer").unwrap_or_default().to_lowercase();
        prefer.split([',', ';']).any(|word| word.trim() == "include-unknown-enum-members")
    }
}

/// A text of a URL without its percent signs.
pub fn decoded(text: &str, plus_is_blank: bool) -> String {
    let text = if plus_is_blank { text.replace('+', " ") } else { text.to_owned() };
    percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

/// The names and values of a query or a form.
pub fn pairs(text: &str) -> Vec<(String, String)> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decoded(name, true), decoded(value, true))
        })
        .collect()
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Besides those that every answer has.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
}

/// A body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// There is none.
    Nothing,
    /// JSON.
    Json(Value),
    /// Something that is no value, or too deep to be one.
    Raw(Vec<u8>),
}

impl Answer {
    /// An answer with JSON.
    pub fn json(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body: Body::Json(body) }
    }

    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Body::Nothing }
    }

    /// The same with a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The JSON, if it is.
    #[cfg(test)]
    pub fn value(&self) -> Option<&Value> {
        match &self.body {
            Body::Json(value) => Some(value),
            Body::Nothing | Body::Raw(_) => None,
        }
    }

    /// What goes over the line.
    pub fn bytes(&self) -> Vec<u8> {
        match &self.body {
            Body::Nothing => Vec::new(),
            Body::Json(value) => value.to_string().into_bytes(),
            Body::Raw(bytes) => bytes.clone(),
        }
    }

    /// Whether the call has done what it asked for.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let Refusal { status, code, message } = refusal;
        Self::json(status, super::wire::error(code, &message))
    }
}
