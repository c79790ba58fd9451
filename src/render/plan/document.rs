//! A plan or report for programs, and a saved plan read back.
//!
//! Never: a saved plan taken for true that is not the one that was written.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Fate, Outcome, Story, Tense,
    views::{AccessView, AwaitedView, BatchView, SummaryView},
    words,
};
use crate::{
    domain::{
        change::Change,
        digest::Digest,
        entry::Head,
        plan::{Plan, access_changes},
        problem::{Code, Problem},
    },
    render::{FORMAT_VERSION, Rendered, problems::ProblemView},
};

/// The file is not a document of JSON, or is larger than any plan.
pub const PLAN_NOT_JSON: Code = Code(810);
/// The document is something else than a plan.
pub const NOT_A_PLAN: Code = Code(811);
/// The plan has a form that this version does not know.
pub const OTHER_FORMAT_VERSION: Code = Code(812);
/// The plan was edited after it was written.
pub const PLAN_EDITED: Code = Code(813);
/// The changes are no longer those of the saved plan.
pub const PLAN_STALE: Code = Code(814);
/// The saved plan holds no longer.
pub const PLAN_TOO_OLD: Code = Code(815);

/// A plan file is not longer than this; reading stops there.
pub const PLAN_FILE_MAX_BYTES: usize = 512 * 1024 * 1024;

/// What would change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanDocument {
    /// The version of this form.
    pub format_version: u32,
    /// `Plan`.
    pub kind: String,
    /// SHA-256 of the changes: the same as long as the plan is.
    #[schemars(with = "String")]
    pub plan_hash: Digest,
    /// The store's clock when it was read.
    #[schemars(with = "String")]
    pub now: Timestamp,
    /// The next instant at which the plan would differ.
    #[schemars(with = "Option<String>")]
    pub valid_until: Option<Timestamp>,
    /// How much there is of what, of that which may run.
    pub summary: SummaryView,
    /// Who gains or loses what, of that which may run.
    pub access: Vec<AccessView>,
    /// The changes in full, in order, also the blocked ones: what `apply --plan` compares.
    #[schemars(with = "Vec<ChangeForm>")]
    pub changes: Vec<Change>,
    /// What waits for a person.
    pub blocked: Vec<BatchView>,
    /// Whose answer is awaited.
    pub awaited: Vec<AwaitedView>,
    /// What a person should know.
    pub notices: Vec<ProblemView>,
    /// SHA-256 of the canonical JSON of this document, in which 64 zeros stand here.
    #[schemars(with = "String")]
    pub document_hash: Digest,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportDocument {
    /// The version of this form.
    pub format_version: u32,
    /// `Report`.
    pub kind: String,
    /// SHA-256 of the changes of the plan.
    #[schemars(with = "String")]
    pub plan_hash: Digest,
    /// How much was done of what.
    pub summary: SummaryView,
    /// Who gained or lost what.
    pub access: Vec<AccessView>,
    /// Each change that was tried, in order.
    pub tried: Vec<TriedView>,
    /// The changes that were not tried, in order.
    #[schemars(with = "Vec<ChangeForm>")]
    pub left: Vec<Change>,
    /// Why it stopped early, if it did.
    pub stopped: Option<String>,
    /// The end of the ledger afterwards, to be kept elsewhere for `ledger verify --head`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<HeadView>")]
    pub ledger: Option<Head>,
    /// What waits for a person.
    pub blocked: Vec<BatchView>,
    /// Whose answer is awaited.
    pub awaited: Vec<AwaitedView>,
    /// What a person should know.
    pub notices: Vec<ProblemView>,
}

/// A change in full.
#[derive(JsonSchema)]
#[schemars(rename = "Change")]
#[allow(dead_code, reason = "it is the form of another type")]
struct ChangeForm {
    /// What it is about.
    subject: Map<String, Value>,
    /// What it does: one field, whose name says what.
    effect: EffectForm,
    /// Why.
    cause: String,
    /// Whether a person must approve it first, whatever the limits.
    approval: String,
    /// What must still be true in the store when it is made.
    expects: Map<String, Value>,
}

/// What a change does: one field, whose name says what.
#[derive(JsonSchema)]
#[schemars(rename = "Effect")]
#[allow(dead_code, reason = "it is the form of another type")]
struct EffectForm {
    /// What one grantee holds.
    #[serde(rename = "SetRoles")]
    set_roles: Option<SetRolesForm>,
}

/// What one grantee holds, before and after.
#[derive(JsonSchema)]
#[schemars(rename = "SetRoles")]
#[allow(dead_code, reason = "it is the form of another type")]
struct SetRolesForm {
    /// Who.
    grantee: Map<String, Value>,
    /// What it holds now.
    before: AssignmentForm,
    /// What it holds then.
    after: AssignmentForm,
}

/// What one grantee holds.
#[derive(JsonSchema)]
#[schemars(rename = "Assignment")]
#[allow(dead_code, reason = "it is the form of another type")]
struct AssignmentForm {
    /// What is held: until when, by the id of the role.
    roles: BTreeMap<String, String>,
    /// What was recorded: until when, by the id of the role.
    recorded: BTreeMap<String, String>,
    /// What each grant adds, by its namespace and name.
    contributions: BTreeMap<String, Map<String, Value>>,
}

/// The end of a ledger.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "it is the form of another type")]
struct HeadView {
    /// The sequence of the last entry; 0 if there is none.
    sequence: i64,
    /// Its hash.
    hash: String,
}

/// A change that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TriedView {
    /// The change in words.
    pub line: String,
    /// What became of it.
    pub fate: FateView,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The change in full.
    #[schemars(with = "ChangeForm")]
    pub change: Change,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FateView {
    /// It is made.
    Done,
    /// It was refused.
    Refused,
    /// It was taken, and is not there yet.
    Underway,
    /// It was sent, and no answer came.
    Unknown,
}

/// SHA-256 of the changes of a plan: the same as long as the plan is.
pub fn plan_hash(changes: &[Change]) -> Digest {
    Digest::of(&changes)
}

/// The document of a plan, or of what was done of it.
pub(super) fn document(story: &Story<'_>) -> Rendered {
    match story.outcome {
        None => Rendered::document(&PlanDocument::of(story)),
        Some(outcome) => Rendered::document(&ReportDocument::of(story, outcome)),
    }
}

impl PlanDocument {
    /// The document of a plan.
    pub fn of(story: &Story<'_>) -> Self {
        let changes = story.effective();
        let told = access_changes(changes.iter().copied(), &story.plan.besides);
        let mut document = Self {
            format_version: FORMAT_VERSION,
            kind: "Plan".to_owned(),
            plan_hash: plan_hash(&story.plan.changes),
            now: story.plan.now,
            valid_until: story.plan.valid_until,
            summary: SummaryView::of(&changes, &told),
            access: told.iter().map(AccessView::of).collect(),
            changes: story.plan.changes.clone(),
            blocked: story.blocked().iter().map(BatchView::of).collect(),
            awaited: story.plan.awaited.iter().map(AwaitedView::of).collect(),
            notices: story.notices.iter().map(ProblemView::of).collect(),
            document_hash: Digest::ZERO,
        };
        document.document_hash = Digest::of(&document);
        document
    }

    /// Refuses a saved plan unless what is planned now is the same and its time is not over.
    pub fn claims(&self, plan: &Plan) -> Result<(), Box<Problem>> {
        if let Some(until) = self.valid_until.filter(|until| *until <= plan.now) {
            let message = format!("the saved plan was valid until {until}, and it is {}", plan.now);
            return Err(Box::new(Problem::error(PLAN_TOO_OLD, message).help(AGAIN)));
        }
        if self.changes == plan.changes {
            return Ok(());
        }
        let message = "the changes are no longer those of the saved plan";
        Err(Box::new(Problem::error(PLAN_STALE, message).help(AGAIN)))
    }
}

const AGAIN: &str = "run `concordat diff -o json` again, and have that reviewed";

/// Reads a saved plan. It is a claim, not an authority: [`PlanDocument::claims`] compares it with a plan made anew.
pub fn read(bytes: &[u8]) -> Result<PlanDocument, Box<Problem>> {
    if bytes.len() > PLAN_FILE_MAX_BYTES {
        let message = format!("the plan is longer than {PLAN_FILE_MAX_BYTES} bytes");
        return Err(Box::new(Problem::error(PLAN_NOT_JSON, message).help(AGAIN)));
    }
    let mut value: Value = serde_json::from_slice(bytes).map_err(|error| {
        Box::new(
            Problem::error(PLAN_NOT_JSON, format!("the plan is not JSON: {error}")).help(AGAIN),
        )
    })?;
    let kind = value.get("kind").and_then(Value::as_str).unwrap_or("nothing");
    if kind != "Plan" {
        let message = format!("the document is of kind `{}`, not `Plan`", kind.escape_debug());
        return Err(Box::new(Problem::error(NOT_A_PLAN, message).help(AGAIN)));
    }
    let version = value.get("formatVersion").cloned().unwrap_or_default();
    if version != FORMAT_VERSION {
        let message = format!("the plan has format version {version}, not {FORMAT_VERSION}");
        return Err(Box::new(
            Problem::error(OTHER_FORMAT_VERSION, message)
                .help("make the plan and apply it with the same version of `concordat`"),
        ));
    }
    let edited = |message: String| Box::new(Problem::error(PLAN_EDITED, message).help(AGAIN));
    // From the text, not from the value: a key that stands twice is an error there.
    let document: PlanDocument = serde_json::from_slice(bytes)
        .map_err(|error| edited(format!("the plan is not as it was written: {error}")))?;
    value["documentHash"] = json!(Digest::ZERO);
    if document.document_hash != Digest::of(&value) {
        return Err(edited("the plan was edited: its hash no longer matches".to_owned()));
    }
    Ok(document)
}

impl ReportDocument {
    /// The document of what was done.
    pub fn of(story: &Story<'_>, outcome: &Outcome) -> Self {
        let changes = story.effective();
        let told = access_changes(changes.iter().copied(), &story.plan.besides);
        let tried = outcome.tried.iter().map(|tried| {
            let (fate, tense) = match &tried.fate {
                Fate::Done => (FateView::Done, Tense::Done),
                Fate::Refused(_) => (FateView::Refused, Tense::Planned),
                Fate::Underway => (FateView::Underway, Tense::Planned),
                Fate::Unknown => (FateView::Unknown, Tense::Planned),
            };
            let reason = tried.fate.reason().map(str::to_owned);
            let line = words::line(&tried.change, tense);
            TriedView { line, fate, reason, change: tried.change.clone() }
        });
        Self {
            format_version: FORMAT_VERSION,
            kind: "Report".to_owned(),
            plan_hash: plan_hash(&story.plan.changes),
            summary: SummaryView::of(&changes, &told),
            access: told.iter().map(AccessView::of).collect(),
            tried: tried.collect(),
            left: outcome.left.clone(),
            stopped: outcome.stopped.clone(),
            ledger: outcome.ledger,
            blocked: story.blocked().iter().map(BatchView::of).collect(),
            awaited: story.plan.awaited.iter().map(AwaitedView::of).collect(),
            notices: story.notices.iter().map(ProblemView::of).collect(),
        }
    }
}
