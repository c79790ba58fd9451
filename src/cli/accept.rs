//! `concordat accept`: shows what would be accepted, asks whether it was read, and writes the manifest.
//!
//! Never: an acceptance of something that was not shown.

use std::fs;

use anyhow::{Context, bail};
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::{BoundaryArgs, ExitStatus, InputArgs, Output, StoreArgs, desired, offer, output};
use crate::{
    api::{
        API_VERSION, AcceptanceDecision, AcceptedAgreement, AcceptorRole, AgreementAcceptanceSpec,
        LocalRef, Person, Tenant,
    },
    domain::{
        catalogue::Catalogue,
        partner_type,
        problem::{Problem, Severity},
        state::{Absence, Agreement, DesiredRelationship, Document, Invitation},
        validate::{self, Objects},
    },
    manifest::{self, Input, Source},
    render::Format,
};

/// Whose answer, and by whom.
#[derive(Debug, Args)]
pub struct Accept {
    /// The relationship, by the name of its object.
    pub relationship: String,
    #[command(flatten)]
    pub input: InputArgs,
    #[command(flatten)]
    pub store: StoreArgs,
    /// Decline: the invitation is cancelled instead.
    #[arg(long, conflicts_with = "agreement_only")]
    pub decline: bool,
    /// Accept the agreement alone, and authorise nobody.
    #[arg(long)]
    pub agreement_only: bool,
    /// First name of the person who accepts.
    #[arg(long)]
    pub first_name: String,
    /// Last name.
    #[arg(long)]
    pub last_name: String,
    /// Mail address.
    #[arg(long)]
    pub email: String,
    /// Telephone number.
    #[arg(long)]
    pub phone: Option<String>,
    /// The role that the person holds at the customer, as declared: `BillingAdministrator`, `GlobalAdministrator` or
    /// `CustomerDelegatedAdminRelationshipAdministrator`.
    #[arg(long, value_parser = role)]
    pub role: AcceptorRole,
    /// The country of the text that was read, where the agreement has more than one.
    #[arg(long)]
    pub country: Option<String>,
    /// The language of the text that was read, where the agreement has more than one.
    #[arg(long)]
    pub language: Option<String>,
    /// When it was accepted, in RFC 3339; now if left out.
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// Confirms "I have read it" where nobody can be asked.
    #[arg(long)]
    pub read_confirmed: bool,
    /// The name of the object; the relationship's if left out.
    #[arg(long)]
    pub name: Option<String>,
    /// Writes to this file, which must not exist, instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub write: Option<String>,
}

fn role(text: &str) -> Result<AcceptorRole, String> {
    serde_json::from_value(text.into()).map_err(|_| {
        "a role is `BillingAdministrator`, `GlobalAdministrator` or \
         `CustomerDelegatedAdminRelationshipAdministrator`"
            .to_owned()
    })
}

/// The object that is written; its fields in the order that people expect.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata,
    spec: AgreementAcceptanceSpec,
}

#[derive(Serialize)]
struct Metadata {
    name: String,
    namespace: String,
}

/// Shows, asks and writes.
pub async fn accept(args: &Accept, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let now = Timestamp::now();
    let at = match args.at {
        Some(at) if at > now => bail!("`--at {at}` is in the future, and an acceptance never is"),
        Some(at) => at,
        None => Timestamp::from_second(now.as_second()).expect("a second that has begun"),
    };
    if let Some(path) = args.write.as_ref().filter(|path| fs::exists(path).unwrap_or(true)) {
        bail!("`{path}` is there already, and is not overwritten");
    }
    let (loaded, mut objects) =
        desired::load(&args.input, &BoundaryArgs::default(), Absence::Keep, now, out)?;
    if loaded.has_errors() {
        super::validate::tell(&loaded.problems, &loaded.input, Format::Text, out);
        return Ok(ExitStatus::No);
    }
    let declared =
        offer::relationship(&loaded.desired, &args.relationship, args.input.namespace())?;
    let invitation = if args.agreement_only {
        declared.invitation.clone()
    } else {
        offer::invitation(declared, &loaded.desired, &args.store.store, out).await?.0
    };
    let agreement = agreement(args, &invitation)?;
    let privileged = offer::has_privileged_role(&invitation);
    if !args.agreement_only
        && !args.decline
        && !partner_type::may_accept(args.role, &invitation, privileged)
    {
        bail!(
            "somebody with the role `{:?}` may not accept this\n  help: `concordat explain C0526` says who may",
            args.role
        );
    }
    let manifest = manifest(args, declared, &invitation, agreement, at);
    let text = output::yaml(&manifest);
    let shown = offer::shown(&invitation, declared);
    let problems = problems(&text, &mut objects, now)?;
    super::validate::tell(&problems, &Input::default(), Format::Text, out);
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Ok(ExitStatus::No);
    }
    out.say(&shown);
    confirm(args, out)?;
    match &args.write {
        None => out.answer(&text)?,
        Some(path) => {
            let mut file =
                fs::File::create_new(path).with_context(|| format!("`{path}` cannot be made"))?;
            std::io::Write::write_all(&mut file, text.as_bytes())
                .with_context(|| format!("`{path}` cannot be written"))?;
            out.say(&format!("written to `{path}`: commit it, then `concordat apply`"));
        }
    }
    Ok(ExitStatus::AsDesired)
}

/// What is wrong with the acceptance that would be written, by itself and beside the other objects.
fn problems(text: &str, objects: &mut Objects, now: Timestamp) -> anyhow::Result<Vec<Problem>> {
    let source = Source::Stdin(text.as_bytes().to_vec());
    let (mut input, written, mut problems) =
        manifest::read_objects(&[source], "default", Absence::Keep)?;
    problems.append(&mut input.problems);
    for acceptance in written.acceptances {
        let name = acceptance.name.clone();
        if objects.acceptances.iter().any(|other| other.name == name) {
            bail!(
                "there is an acceptance called `{name}` already\n  help: choose another name with `--name`"
            );
        }
        let key = input.documents.first().map(|document| document.key.clone());
        objects.acceptances.push(acceptance);
        let verdict = validate::validate(objects, Catalogue::compiled(), now);
        let about =
            |problem: &Problem| problem.object == key && problem.severity == Severity::Error;
        problems.extend(verdict.problems.into_iter().filter(about));
    }
    for problem in &mut problems {
        problem.place = None;
    }
    Ok(problems)
}

/// The one text that was read.
fn agreement(args: &Accept, invitation: &Invitation) -> anyhow::Result<Option<AcceptedAgreement>> {
    let Some(Agreement { type_, template_id, documents, gates: _ }) = &invitation.agreement else {
        if args.agreement_only {
            bail!("the offer names no agreement: there is nothing to accept alone");
        }
        return Ok(None);
    };
    let wanted = |document: &&Document| {
        args.country.as_ref().is_none_or(|country| *country == document.country)
            && args.language.as_ref().is_none_or(|language| *language == document.language)
    };
    let mut found = documents.iter().filter(wanted);
    let listed = || {
        let each = documents.iter().map(|document| {
            format!("`--country {} --language {}`", document.country, document.language)
        });
        each.collect::<Vec<_>>().join(", ")
    };
    let (Some(document), None) = (found.next(), found.next()) else {
        bail!("say which text was read: {}", listed());
    };
    Ok(Some(AcceptedAgreement {
        type_: *type_,
        template_id: template_id.clone(),
        country: document.country.clone(),
        language: document.language.clone(),
        document_sha256: document.sha256.to_string(),
    }))
}

/// The box that says "I have read it".
fn confirm(args: &Accept, out: &mut Output) -> anyhow::Result<()> {
    if args.read_confirmed {
        return Ok(());
    }
    if !out.can_ask() {
        bail!("nobody can be asked here: confirm with `--read-confirmed` that it was read");
    }
    let verb = if args.decline { "decline" } else { "accept" };
    let question = format!("I have read it, and {verb} (type `yes`): ");
    if out.ask(&question)?.trim() != "yes" {
        bail!("nothing was written");
    }
    Ok(())
}

fn manifest(
    args: &Accept,
    declared: &DesiredRelationship,
    invitation: &Invitation,
    agreement: Option<AcceptedAgreement>,
    at: Timestamp,
) -> Manifest {
    let decision =
        if args.decline { AcceptanceDecision::Decline } else { AcceptanceDecision::Accept };
    let named = (!args.agreement_only).then(|| declared.object.name.clone());
    Manifest {
        api_version: API_VERSION,
        kind: "AgreementAcceptance",
        metadata: Metadata {
            name: args.name.clone().unwrap_or_else(|| declared.object.name.to_string()),
            namespace: declared.object.namespace.to_string(),
        },
        spec: AgreementAcceptanceSpec {
            decision,
            customer: Tenant { tenant_id: invitation.customer.to_string() },
            partner: Tenant { tenant_id: invitation.partner.to_string() },
            agreement,
            accepted_by: Person {
                first_name: args.first_name.clone(),
                last_name: args.last_name.clone(),
                email: args.email.clone(),
                phone_number: args.phone.clone(),
                role: args.role,
            },
            accepted_at: at,
            read_confirmed: true,
            invitation: named.is_some().then(|| invitation.digest().to_string()),
            relationship_ref: named.map(|name| LocalRef { name: name.to_string() }),
        },
    }
}
