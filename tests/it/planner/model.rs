//! What should be held, as a careful reader of the rules would work it out: day by day, without arithmetic on
//! intervals.
//!
//! Never: a look at what the planner records.

use std::collections::{BTreeMap, BTreeSet};

use concordat::{
    api::{GrantDeletionPolicy, ManagementPolicy, RelationshipDeletionPolicy},
    domain::{
        ids::{GranteeId, RoleId},
        lifecycle::Phase,
        state::{Observed, ObservedRelationship, Roles, Standing},
    },
};
use jiff::Timestamp;

use super::build::{Grant, Input, Relationship, day, group, key, relationship_uid};

/// What each grant last gave under each relationship.
#[derive(Debug, Clone, Default)]
pub struct Model {
    given: BTreeMap<(u8, u8), Grant>,
}

/// More days than any relationship lasts.
const FAR: i64 = 2_000;

/// The row in which access is held: the newest that is active.
pub fn active(observed: &Observed, relationship: u8) -> Option<&ObservedRelationship> {
    let rows = observed.relationships.get(&key(relationship))?;
    rows.iter().rfind(|row| row.lifecycle.phase() == Phase::Active)
}

impl Model {
    /// Takes note of what was applied on this day.
    pub fn applied(&mut self, input: &Input, observed: &Observed, today: i64) {
        let mut relationships: BTreeSet<u8> = input.relationships.keys().copied().collect();
        relationships.extend(self.given.keys().map(|(relationship, _)| *relationship));
        let mut kept = BTreeMap::new();
        for number in relationships {
            let Some(row) = active(observed, number) else {
                self.given.retain(|(of, _), _| *of != number);
                continue;
            };
            let grants: BTreeSet<u8> = self
                .given
                .keys()
                .filter(|(of, _)| *of == number)
                .map(|(_, grant)| *grant)
                .chain(input.grants.keys().copied())
                .collect();
            for grant in grants {
                let had = self.given.remove(&(number, grant));
                let mut gives = gives(input, row, number, grant, had);
                if let Some(gives) = &mut gives {
                    gives.roles.retain(|role| row.ceiling.contains(role));
                }
                if let Some(gives) = gives {
                    self.given.insert((number, grant), gives);
                }
            }
            for ((_, name), gives) in self.given.iter().filter(|((of, _), _)| *of == number) {
                let mut gives = gives.clone();
                let grantee = group(gives.grantee).id;
                let window = gives.clone();
                gives.roles.retain(|role| {
                    (today..today + FAR)
                        .take_while(|on| self.on(row, number, grantee, *on).contains(role))
                        .any(|on| contains(&window, on))
                });
                kept.insert((number, *name), gives);
            }
        }
        kept.retain(|_, gives| !gives.roles.is_empty());
        self.given = kept;
    }

    /// Who holds which roles under a relationship on a day.
    pub fn on(
        &self,
        row: &ObservedRelationship,
        number: u8,
        grantee: GranteeId,
        on: i64,
    ) -> BTreeSet<RoleId> {
        if row.ends_at.is_some_and(|ends_at| ends_at <= day(on)) {
            return BTreeSet::new();
        }
        self.given
            .iter()
            .filter(|((of, _), grant)| *of == number && group(grant.grantee).id == grantee)
            .filter(|(_, grant)| contains(grant, on))
            .flat_map(|(_, grant)| grant.roles.iter().copied())
            .filter(|role| row.ceiling.contains(role))
            .collect()
    }

    /// What a grantee holds from today, each role until it would first be missing.
    pub fn held(&self, observed: &Observed, number: u8, grantee: GranteeId, today: i64) -> Roles {
        let Some(row) = active(observed, number) else { return Roles::new() };
        let now = self.on(row, number, grantee, today);
        let until = |role: RoleId| -> Timestamp {
            let missing =
                (today..today + FAR).find(|on| !self.on(row, number, grantee, *on).contains(&role));
            day(missing.expect("every relationship ends"))
        };
        now.into_iter().map(|role| (role, until(role))).collect()
    }
}

fn contains(grant: &Grant, on: i64) -> bool {
    grant.window.0.is_none_or(|from| from <= on) && grant.window.1.is_none_or(|until| on < until)
}

fn earlier(had: Grant, declared: &Grant) -> Grant {
    let until = match (had.window.1, declared.window.1) {
        (Some(had), Some(declared)) => Some(had.min(declared)),
        (had, declared) => had.or(declared),
    };
    Grant { window: (had.window.0, until), ..had }
}

/// What a grant gives from now on, if it gave `had` until now.
fn gives(
    input: &Input,
    row: &ObservedRelationship,
    number: u8,
    name: u8,
    had: Option<Grant>,
) -> Option<Grant> {
    let declared = input.grants.get(&name);
    let Some(relationship) = input.relationships.get(&number) else {
        let retains = row.policies.deletion == RelationshipDeletionPolicy::Retain;
        return if input.prune && !retains { ended(declared, had) } else { left(declared, had) };
    };
    let Relationship { standing, policies, uid, .. } = relationship;
    if policies.management == ManagementPolicy::Observe {
        return had;
    }
    match standing {
        Standing::Suspended => had.map(|had| capped_by_declared(declared, had)),
        Standing::Invalid => given_up(declared, number, had),
        Standing::Deleted if row.uid != relationship_uid(number, *uid) => left(declared, had),
        Standing::Deleted if policies.deletion == RelationshipDeletionPolicy::Retain => {
            left(declared, had)
        }
        Standing::Deleted => ended(declared, had),
        Standing::Live => match declared {
            Some(grant) if grant.standing == Standing::Live => {
                grant.selects.contains(&number).then(|| grant.clone())
            }
            Some(_) => left(declared, had),
            None if input.prune => had.filter(|had| had.deletion == GrantDeletionPolicy::Retain),
            None => had,
        },
    }
}

/// What is left of a grant under a relationship with problems: what it gave and still asks for.
fn given_up(declared: Option<&Grant>, number: u8, had: Option<Grant>) -> Option<Grant> {
    let Some(grant) = declared.filter(|grant| grant.standing == Standing::Live) else {
        return left(declared, had);
    };
    let had = had.filter(|had| grant.selects.contains(&number) && had.grantee == grant.grantee)?;
    let mut kept = earlier(had, grant);
    kept.roles.retain(|role| grant.roles.contains(role));
    kept.window.0 = kept.window.0.max(grant.window.0);
    (!kept.roles.is_empty()).then_some(kept)
}

/// What was given, and no later than the grant says now.
fn capped_by_declared(declared: Option<&Grant>, had: Grant) -> Grant {
    match declared {
        Some(declared) => earlier(had, declared),
        None => had,
    }
}

/// What the grant says now is to happen when it goes, or else what it said before.
fn revokes(declared: Option<&Grant>, had: &Grant) -> bool {
    declared.unwrap_or(had).deletion == GrantDeletionPolicy::Revoke
}

/// What is left of a grant where nothing but its own deletion takes it away.
fn left(declared: Option<&Grant>, had: Option<Grant>) -> Option<Grant> {
    let leaves = |had: &Grant| {
        let declared = declared.filter(|grant| grant.standing == Standing::Deleted);
        declared.is_some_and(|grant| grant.uid == had.uid) && revokes(declared, had)
    };
    had.filter(|had| !leaves(had)).map(|had| capped_by_declared(declared, had))
}

/// What is left of a grant when its relationship ends.
fn ended(declared: Option<&Grant>, had: Option<Grant>) -> Option<Grant> {
    let held = declared
        .is_some_and(|grant| matches!(grant.standing, Standing::Suspended | Standing::Invalid));
    had.filter(|had| held || !revokes(declared, had)).map(|had| capped_by_declared(declared, had))
}
