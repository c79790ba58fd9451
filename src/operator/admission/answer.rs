//! The answer to the API server.
//!
//! Never: a refusal without its reasons and the way out.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{
    domain::{ids::Kind, problem::Problem},
    operator::telemetry::labels::AdmissionVerdict,
    render::escape,
};

/// The most problems that a refusal lists.
const MOST: usize = 20;

/// Whether an object may be stored, and what a person should know.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The question's id.
    pub uid: String,
    /// The kind, if it is one of ours.
    pub kind: Option<Kind>,
    /// The name of the object.
    pub name: String,
    /// Why it may not be stored; it may where there is nothing.
    pub refused: Vec<Problem>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

impl Answer {
    /// What it comes to.
    pub fn verdict(&self) -> AdmissionVerdict {
        match (self.refused.is_empty(), self.warnings.is_empty()) {
            (true, true) => AdmissionVerdict::Admitted,
            (true, false) => AdmissionVerdict::Warned,
            (false, _) => AdmissionVerdict::Refused,
        }
    }

    /// As the API server reads it.
    pub fn to_json(&self) -> Value {
        let mut response = json!({ "uid": self.uid, "allowed": self.refused.is_empty() });
        if !self.warnings.is_empty() {
            response["warnings"] = json!(self.warnings);
        }
        if !self.refused.is_empty() {
            response["status"] = self.status();
            let codes: Vec<_> =
                self.refused.iter().map(|problem| problem.code.to_string()).collect();
            response["auditAnnotations"] = json!({ "problems": codes.join(",") });
        }
        json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response })
    }

    fn status(&self) -> Value {
        let causes = self.refused.iter().take(MOST).map(|problem| {
            json!({
                "reason": "FieldValueInvalid",
                "field": problem.path.to_string(),
                "message": in_words(problem),
            })
        });
        json!({
            "apiVersion": "v1",
            "kind": "Status",
            "status": "Failure",
            "code": 422,
            "reason": "Invalid",
            "message": self.message(),
            "details": {
                "name": self.name,
                "group": crate::api::GROUP,
                "kind": self.kind.map(|kind| kind.to_string()).unwrap_or_default(),
                "causes": causes.collect::<Vec<_>>(),
            },
        })
    }

    /// The problems, one after another.
    fn message(&self) -> String {
        let mut message = String::new();
        for problem in self.refused.iter().take(MOST) {
            let separator = if message.is_empty() { "" } else { "; " };
            let path = escape::visible(&problem.path.to_string()).into_owned();
            write!(message, "{separator}{path}: {}", in_words(problem))
                .expect("a text takes what is written");
        }
        if self.refused.len() > MOST {
            write!(message, "; and {} more", self.refused.len() - MOST)
                .expect("a text takes what is written");
        }
        message
    }
}

/// A problem with its way out and its code: the words of `validate`.
fn in_words(problem: &Problem) -> String {
    let mut text = escape::visible(&problem.message).into_owned();
    if let Some(help) = &problem.help {
        write!(text, " ({})", escape::visible(help)).expect("a text takes what is written");
    }
    write!(text, " [{}]", problem.code).expect("a text takes what is written");
    text
}
