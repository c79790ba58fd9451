//! `concordat get`: what the store holds, as rows.
//!
//! Never: reads what it was not asked for as if it were nothing.

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::{
    ClusterArgs, ExitStatus, InputArgs, Output,
    args::{namespace, one_of},
    boundaries::BoundaryArgs,
    cluster, desired,
    why::{self, When},
};
use crate::{
    domain::{
        duration::Duration,
        ids::{GranteeId, TenantId},
        state::{Absence, Instance, Observed, ObservedRelationship},
    },
    ledger::{Answer as Answered, Filter, Line, words::AcceptedBy},
    render::{Answer, Format, Rendered, get, plan::Detail, table::Table},
};

/// What to list.
#[derive(Debug, Args)]
pub struct Get {
    /// What to list.
    #[arg(value_enum)]
    pub what: What,
    /// The relationship with this name in the store only.
    pub name: Option<String>,
    /// What objects of this namespace own only.
    #[arg(short, long, value_name = "NAME", value_parser = namespace)]
    pub namespace: Option<String>,
    /// In this customer's tenant only.
    #[arg(long, value_name = "TENANT")]
    pub customer: Option<TenantId>,
    /// What this group or user holds only.
    #[arg(long, value_name = "ID")]
    pub grantee: Option<GranteeId>,
    /// What ends within this time only, such as `P60D`.
    #[arg(long, value_name = "DURATION")]
    pub ends_within: Option<Duration>,
    /// What goes on and the manifests of this file or folder do not declare only. May be repeated.
    #[arg(long, value_name = "PATH")]
    pub undeclared_in: Vec<String>,
    /// What stands at Microsoft and is nobody's here only.
    #[arg(long)]
    pub unmanaged: bool,
    /// Also what rarely matters.
    #[arg(long)]
    pub wide: bool,
    #[command(flatten)]
    pub when: When,
    /// The form of the answer.
    #[arg(short, long, value_parser = one_of(Answer::Table.formats()), default_value_t = Format::Text)]
    pub output: Format,
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// What can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Each relationship.
    #[value(aliases = ["relationship", "prel", "partnerrelationships"])]
    Relationships,
    /// What each grantee holds.
    #[value(aliases = ["grant", "rgrant", "rolegrants", "assignments"])]
    Grants,
    /// Who accepted or declined what, and when, by the ledger.
    #[value(aliases = ["acceptance", "accept", "agreementacceptances"])]
    Acceptances,
}

/// Lists.
pub async fn get(args: &Get, out: &mut Output) -> anyhow::Result<ExitStatus> {
    if args.what == What::Acceptances {
        return acceptances(args, out).await;
    }
    let mut state = state(args, out).await?;
    if args.unmanaged {
        if state.service.is_none() {
            anyhow::bail!(
                "`--unmanaged` is for what stands at Microsoft now: name the connection with `--store graph:FILE`"
            );
        }
        retain(&mut state, |row| row.owner.is_nobody());
    }
    if let Some(namespace) = &args.namespace {
        retain(&mut state, |row| row.owner.object.namespace == *namespace);
    }
    if let Some(name) = &args.name {
        retain(&mut state, |row| row.key.name == *name || row.owner.object.name == *name);
        if state.relationships.is_empty() {
            anyhow::bail!("no relationship is called `{name}` in the store");
        }
    }
    if !args.undeclared_in.is_empty() {
        undeclared(args, &mut state, out)?;
    }
    args.only(&mut state);
    let detail = if args.wide { Detail::Wide } else { Detail::Short };
    let format: Format = args.output;
    let rendered = match args.what {
        What::Relationships => get::relationships(&state, format, detail)?,
        What::Grants | What::Acceptances => get::assignments(&state, format, detail)?,
    };
    out.rendered(rendered, format)?;
    Ok(why::tell_doubts(&state, out).max(why::tell_unread(&state, out)))
}

impl Get {
    /// Leaves what is asked for.
    fn only(&self, state: &mut Observed) {
        let latest =
            self.ends_within.map(|within| within.after(state.now).unwrap_or(Timestamp::MAX));
        let soon = |end: Option<Timestamp>| {
            latest.is_none_or(|latest| end.is_some_and(|end| end <= latest))
        };
        if let Some(customer) = self.customer {
            retain(state, |row| row.invitation.customer == customer);
        }
        for row in state.relationships.values_mut().flatten() {
            if let Some(grantee) = self.grantee {
                row.assignments.retain(|id, _| *id == grantee);
            }
            if self.what == What::Grants {
                for held in row.assignments.values_mut() {
                    held.state.roles.retain(|_, until| soon(Some(*until)));
                }
            }
        }
        if self.grantee.is_some() {
            retain(state, |row| !row.assignments.is_empty());
        }
        if self.what == What::Relationships && latest.is_some() {
            let now = state.now;
            retain(state, |row| !row.is_over(now) && soon(row.ends_at));
        }
    }
}

/// Leaves the relationships that `apply` of these manifests would leave alone, since nobody declares them.
fn undeclared(args: &Get, state: &mut Observed, out: &mut Output) -> anyhow::Result<()> {
    if args.when.store.is_cluster() {
        anyhow::bail!(
            "`--undeclared-in` is for a store that `concordat apply` writes: on a cluster the \
             operator tells what no object declares"
        );
    }
    let input = InputArgs {
        filename: args.undeclared_in.clone(),
        kustomize: None,
        namespace: args.namespace.clone(),
    };
    let now = state.now;
    let (loaded, _) = desired::load(&input, &BoundaryArgs::default(), Absence::Keep, now, out)?;
    if loaded.has_errors() {
        anyhow::bail!(
            "what is declared cannot be told: the manifests have problems, which `concordat validate` \
             shows"
        );
    }
    let declared = &loaded.desired.relationships;
    state.relationships.retain(|first, _| !declared.contains_key(first));
    let instance = Instance::cli();
    retain(state, |row| row.owner.instance == instance && !row.is_over(now));
    Ok(())
}

/// Who accepted or declined what: each entry of the ledger that says so.
async fn acceptances(args: &Get, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let narrowed = args.grantee.is_some() || args.ends_within.is_some() || args.unmanaged;
    if narrowed || !args.undeclared_in.is_empty() {
        anyhow::bail!(
            "`--grantee`, `--ends-within`, `--unmanaged` and `--undeclared-in` are for `get grants` and `get \
             relationships`"
        );
    }
    let filter = Filter { relationship: args.name.clone(), customer: args.customer, grantee: None };
    let lines = why::lines(filter, &args.when, out).await?;
    let of_namespace = |answer: &Answered| {
        let namespace = args.namespace.as_ref();
        namespace.is_none_or(|namespace| answer.object.namespace == *namespace)
    };
    let told = lines.into_iter().filter(|line| line.answer.as_ref().is_some_and(of_namespace));
    let told: Vec<Line> = told.collect();
    match args.output {
        Format::Csv => out.rendered(Rendered::Text(answers(&told).csv()), args.output)?,
        Format::Markdown => out.rendered(Rendered::Text(answers(&told).markdown()), args.output)?,
        Format::Text
        | Format::Short
        | Format::Json
        | Format::Yaml
        | Format::Sarif
        | Format::Junit
        | Format::Github => why::tell_lines("Acceptances", told, args.output, out)?,
    }
    Ok(ExitStatus::AsDesired)
}

/// A row for each answer, with who gave it where that is known and was not erased.
fn answers(lines: &[Line]) -> Table {
    let mut table = Table::new(&[
        "ACCEPTED AT",
        "DECISION",
        "FIRST NAME",
        "LAST NAME",
        "EMAIL",
        "DECLARED ROLE",
        "CUSTOMER ID",
        "PARTNER ID",
        "AGREEMENT",
        "TEXT SHA-256",
        "INVITATION",
        "OBJECT",
        "ENTRY",
        "RECORDED AT",
    ]);
    for line in lines {
        let Some(answer) = &line.answer else { continue };
        let person = match &answer.by {
            AcceptedBy::Person(person) => {
                [&person.first_name, &person.last_name, &person.email].map(Clone::clone)
            }
            AcceptedBy::NotKnown(_) => [answer.by.to_string(), String::new(), String::new()],
        };
        let agreement = answer.agreement.as_ref();
        let text = agreement.map(|agreement| format!("{:?}", agreement.type_));
        let digest = agreement.map(|agreement| agreement.document.sha256.to_string());
        let mut cells = vec![answer.at.to_string(), format!("{:?}", answer.decision)];
        cells.extend(person);
        cells.extend([
            format!("{:?}", answer.declared_role),
            answer.customer.to_string(),
            answer.partner.to_string(),
            text.unwrap_or_default(),
            digest.unwrap_or_default(),
            answer.invitation.map(|digest| digest.to_string()).unwrap_or_default(),
            answer.object.to_string(),
            line.entry.sequence.to_string(),
            line.entry.time.to_string(),
        ]);
        table.row(cells);
    }
    table
}

async fn state(args: &Get, out: &mut Output) -> anyhow::Result<Observed> {
    let When { store, as_of } = &args.when;
    if store.is_cluster() && as_of.is_none() {
        return cluster::observed(&args.cluster, out).await;
    }
    let mut reader = why::reader(&args.when, out).await?;
    if as_of.is_some() {
        return why::state(&mut reader, &args.when, |_| {}).await;
    }
    Ok(reader.held().await?)
}

fn retain(state: &mut Observed, stays: impl Fn(&ObservedRelationship) -> bool) {
    for rows in state.relationships.values_mut() {
        rows.retain(&stays);
    }
    state.relationships.retain(|_, rows| !rows.is_empty());
}
