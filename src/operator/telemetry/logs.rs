//! Log lines: one for each effect, as text or as JSON.
//!
//! Never: a secret, a name that somebody chose freely, or anything of the person who accepted; ids say who it is.

use std::fmt::Write as _;

use clap::ValueEnum;
use jiff::Timestamp;
use tracing::{Subscriber, info, warn};
use tracing_subscriber::{
    EnvFilter, Layer, filter::Targets, fmt::MakeWriter, layer::SubscriberExt as _,
    registry::LookupSpan,
};

use super::{
    labels::{ChangeOutcome, effect_label},
    traces::Traces,
};
use crate::domain::{
    change::{Change, Effect},
    digest::Digest,
    partner_type::role_name,
    problem::Code,
    state::Roles,
};

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Everything that listens to log lines and spans. Whoever starts the program makes it the default.
pub fn subscriber<W>(
    format: LogFormat,
    filter: EnvFilter,
    writer: W,
    traces: Option<&Traces>,
) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let spans = traces.map(|traces| {
        let ours = Targets::new().with_target("concordat", tracing::Level::INFO);
        tracing_opentelemetry::layer()
            .with_tracer(traces.tracer())
            .with_location(false)
            .with_threads(false)
            .with_filter(ours)
    });
    tracing_subscriber::registry().with(lines(format, filter, writer)).with(spans)
}

fn lines<S, W>(format: LogFormat, filter: EnvFilter, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).log_internal_errors(false);
    match format {
        LogFormat::Text => layer.with_ansi(false).with_filter(filter).boxed(),
        LogFormat::Json => {
            let layer = layer.json().flatten_event(true).with_span_list(false);
            layer.with_filter(filter).boxed()
        }
    }
}

/// What became of a change, for its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effected {
    /// What became of it.
    pub outcome: ChangeOutcome,
    /// Why it was refused or is not known.
    pub code: Option<Code>,
    /// The ledger's entry about it, where it is known.
    pub sequence: Option<i64>,
}

/// Logs one effect, whose change has this id: who, what, where, until when, and where it is recorded.
pub fn effect(change: &Change, id: Digest, effected: Effected) {
    let Effected { outcome, code, sequence } = effected;
    let subject = &change.subject;
    let relationship = subject.relationship.as_ref().map(|key| key.name.as_str());
    let type_ = subject.type_.map(|type_| format!("{type_:?}"));
    let told = Told::of(&change.effect);
    let code = code.map(|code| code.to_string());
    macro_rules! line {
        ($level:ident) => {
            $level!(
                target: "concordat::effect",
                effect = effect_label(change),
                outcome = outcome.label(),
                code,
                relationship,
                r#type = type_,
                partner = %subject.partner.id,
                customer = %subject.customer.id,
                owner = %subject.owner,
                grantee = told.grantee,
                gained = told.gained,
                changed = told.changed,
                lost = told.lost,
                until = told.until,
                cause = ?change.cause,
                change = %id,
                sequence,
                "{}",
                told.words(effect_label(change)),
            )
        };
    }
    match outcome {
        ChangeOutcome::Done | ChangeOutcome::Underway => line!(info),
        ChangeOutcome::Refused | ChangeOutcome::Unknown => line!(warn),
    }
}

/// What an effect means for people, without their names.
#[derive(Debug, Default)]
struct Told {
    grantee: Option<String>,
    gained: Option<String>,
    changed: Option<String>,
    lost: Option<String>,
    until: Option<String>,
}

impl Told {
    fn of(effect: &Effect) -> Self {
        let until = |end: Timestamp| Some(end.to_string());
        match effect {
            Effect::SetRoles { grantee, before, after } => {
                let (before, after) = (&before.roles, &after.roles);
                Self {
                    grantee: Some(grantee.id.to_string()),
                    gained: listed(after, |role, _| !before.contains_key(role)),
                    changed: listed(after, |role, end| {
                        before.get(role).is_some_and(|earlier| earlier != end)
                    }),
                    lost: listed(before, |role, _| !after.contains_key(role)),
                    until: after.values().max().copied().and_then(until),
                }
            }
            Effect::Authorise { acceptance: _, ends_at } => {
                Self { until: ends_at.and_then(until), ..Self::default() }
            }
            Effect::Extend { before: _, after } => Self { until: until(*after), ..Self::default() },
            Effect::Expire { ended_at } => Self { until: until(*ended_at), ..Self::default() },
            Effect::Invite { .. }
            | Effect::Adopt { .. }
            | Effect::Recognise { .. }
            | Effect::Decline { .. }
            | Effect::Withdraw { .. }
            | Effect::SetAutoExtend { .. }
            | Effect::DropGlobalAdministrator { .. }
            | Effect::Claim { .. }
            | Effect::SetPolicies { .. }
            | Effect::Rename { .. }
            | Effect::Terminate { .. }
            | Effect::RecordAcceptance { .. }
            | Effect::SetBoundary { .. } => Self::default(),
        }
    }

    fn words(&self, effect: &str) -> String {
        let effect = effect.replace('_', " ");
        match &self.grantee {
            Some(grantee) => format!("{effect} of {grantee}"),
            None => effect,
        }
    }
}

/// Some of the roles, each with its end.
fn listed(
    roles: &Roles,
    which: impl Fn(&crate::domain::ids::RoleId, &Timestamp) -> bool,
) -> Option<String> {
    let mut text = String::new();
    for (role, end) in roles.iter().filter(|(role, end)| which(role, end)) {
        let comma = if text.is_empty() { "" } else { ", " };
        write!(text, "{comma}{} until {end}", role_name(*role)).expect("a text takes it");
    }
    (!text.is_empty()).then_some(text)
}
