//! Answers as text, for people.
//!
//! Never: a fact that the answer's own data does not hold.

use std::fmt;

use super::{
    who_can::{Basis, Through, WhoCan},
    why::{AcceptedReason, Because, GrantReason, NotHeld, Reasons, Why},
    words::{grantee, plain, tenant, write_not_looked_at},
};
use crate::domain::{change::Cause, lifecycle::EndReason, state::Window};

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { grantee: who, at, unexplained, held, not_held, ledger, not_looked_at } = self;
        unexplained.iter().try_for_each(|what| writeln!(f, "no entry gave this: {what}"))?;
        writeln!(f, "{} at {at}", grantee(who))?;
        if held.is_empty() && not_held.is_empty() {
            writeln!(
                f,
                "\nholds nothing, and no entry up to #{} ever gave it anything",
                ledger.sequence
            )?;
        }
        held.iter().try_for_each(|reasons| write!(f, "\n{reasons}"))?;
        not_held.iter().try_for_each(|not_held| write!(f, "\n{not_held}"))?;
        write_not_looked_at(f, not_looked_at)
    }
}

impl fmt::Display for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role, until, customer, partner, relationship, type_, ends_at, .. } = self;
        let Self { grants, accepted, seen_at_microsoft, invitation, entries, .. } = self;
        writeln!(f, "holds {role}")?;
        writeln!(f, "  in        {}", tenant(customer))?;
        writeln!(f, "  until     {until}")?;
        write!(f, "  under     `{}` of {}, {type_:?}", plain(&relationship.name), tenant(partner))?;
        ends_at.iter().try_for_each(|end| write!(f, ", ends {end}"))?;
        writeln!(f)?;
        if grants.is_empty() {
            writeln!(f, "  asked by  no grant: it was given outside")?;
        }
        grants.iter().try_for_each(|grant| writeln!(f, "  asked by  {grant}"))?;
        match (accepted, seen_at_microsoft) {
            (Some(accepted), _) => {
                writeln!(f, "  accepted  {accepted}; invitation {invitation}")?;
            }
            (None, Some(_)) => {
                writeln!(f, "  accepted  at Microsoft, which says so, and not who")?;
            }
            (None, None) => {
                writeln!(f, "  accepted  no entry says by whom; invitation {invitation}")?;
            }
        }
        entries.iter().try_for_each(|entry| writeln!(f, "  entry     {entry}"))
    }
}

impl fmt::Display for GrantReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, uid: _, asked, window, justification } = self;
        let Window { not_before, not_after } = window;
        let words: Vec<_> = asked.words.iter().map(|word| format!("`{}`", plain(word))).collect();
        write!(f, "RoleGrant `{object}`: {}", words.join(", "))?;
        not_before.iter().try_for_each(|start| write!(f, ", from {start}"))?;
        not_after.iter().try_for_each(|end| write!(f, ", to {end}"))?;
        justification.iter().try_for_each(|why| write!(f, ": \"{}\"", plain(why)))
    }
}

impl fmt::Display for AcceptedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { by, declared_role, at, object } = self;
        write!(f, "by {by}, declared as {declared_role:?}, at {at} (`{object}`)")
    }
}

impl fmt::Display for NotHeld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role, customer, relationship, because, entry } = self;
        writeln!(f, "does not hold {role}")?;
        if let Some(customer) = customer {
            writeln!(f, "  in        {}", tenant(customer))?;
        }
        if let Some(relationship) = relationship {
            writeln!(f, "  under     `{}`", plain(&relationship.name))?;
        }
        writeln!(f, "  because   {because}")?;
        entry.iter().try_for_each(|entry| writeln!(f, "  entry     {entry}"))
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revoked { cause } => write!(f, "it was revoked: {}", cause_in_words(*cause)),
            Self::Expired { at } => write!(f, "its time was over at {at}"),
            Self::RelationshipEnded { reason } => {
                write!(f, "the relationship is over: {}", reason_in_words(*reason))
            }
            Self::RemovedOutside => f.write_str(
                "it was removed outside: by the ledger it should be held, and the store does not have it",
            ),
            Self::AwaitingCustomer { invitation } => {
                write!(f, "the customer has yet to accept the invitation {invitation}")
            }
            Self::NeverGranted => f.write_str("no entry ever gave it"),
        }
    }
}

pub(super) fn cause_in_words(cause: Cause) -> &'static str {
    match cause {
        Cause::Declared => "it is declared no longer",
        Cause::Expired => "its time was over",
        Cause::Deleted => "its object was deleted",
        Cause::Unmanaged => "nobody declared it",
        Cause::Replaced => "a successor takes its place",
        Cause::Renewal => "it ends soon",
        Cause::Answered => "the customer answered",
    }
}

pub(super) fn reason_in_words(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Deleted => "its object was deleted",
        EndReason::Replaced => "a successor took its place",
        EndReason::Declined => "the customer declined",
        EndReason::Lapsed => "nobody answered the invitation",
        EndReason::Expired => "its time was over",
    }
}

impl fmt::Display for WhoCan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ability, customer, at, able, everyone, not_looked_at } = self;
        writeln!(f, "{ability} in {} at {at}", tenant(customer))?;
        if let Some(everyone) = everyone {
            writeln!(f, "\nevery user can, without any role: {everyone}")?;
        }
        if able.is_empty() {
            writeln!(f, "\nnobody who is recorded here")?;
        }
        for able in able {
            writeln!(f, "\n{} until {}", grantee(&able.grantee), able.until)?;
            for Through { role, partner, relationship, until, basis } in &able.through {
                writeln!(f, "  {role} until {until}{basis}")?;
                writeln!(f, "    under `{}` of {}", plain(&relationship.name), tenant(partner))?;
            }
        }
        write_not_looked_at(f, not_looked_at)
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Itself | Self::Documented => Ok(()),
            Self::AllowsAsMuchAs(role) => {
                write!(f, ", not documented for it, but allows all that {} does", role.name)
            }
            Self::GlobalAdministrator => f.write_str(", from which every other role follows"),
        }
    }
}
