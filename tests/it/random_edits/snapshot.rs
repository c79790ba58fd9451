//! What the database holds, read with SQL of its own.
//!
//! Never: a type or a statement of the program.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::{Row as _, SqliteConnection};

use super::cast::Pending;

/// Role → until, in milliseconds.
pub type Roles = BTreeMap<String, i64>;
/// All rows under one first name: partner and that name.
pub type Lineage = (String, String);
/// Partner, customer and grantee.
pub type Person = (String, String, String);
/// What each person holds.
pub type Persons<'a> = BTreeMap<&'a Person, BTreeMap<&'a str, i64>>;

/// One row of `relationships`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Row {
    pub id: i64,
    pub partner: String,
    pub name: String,
    pub first_name: String,
    pub number: i64,
    pub namespace: String,
    pub owner: String,
    pub scope: String,
    pub customer: String,
    pub lifecycle: String,
    pub invitation: String,
    pub digest: String,
    pub activated_at: Option<i64>,
    pub ends_at: Option<i64>,
    pub auto_extend: String,
    pub ceiling: BTreeSet<String>,
    pub end_reason: Option<String>,
}

impl Row {
    pub fn lineage(&self) -> Lineage {
        (self.partner.clone(), self.first_name.clone())
    }

    pub fn is_active(&self) -> bool {
        self.lifecycle == "Active"
    }

    /// The object that owns it, as `namespace/name`.
    pub fn object(&self) -> String {
        format!("{}/{}", self.namespace, self.owner)
    }

    pub fn invited(&self) -> Value {
        serde_json::from_str(&self.invitation).unwrap()
    }

    /// Whether the invitation is the one that its digest is of.
    pub fn is_what_its_digest_says(&self) -> bool {
        hex::encode(Sha256::digest(self.invitation.as_bytes())) == self.digest
    }
}

/// One row of `acceptances`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Accepted {
    pub namespace: String,
    pub object: String,
    pub decision: String,
    pub customer: String,
    pub partner: String,
    pub at: i64,
    pub used_for: Option<i64>,
}

#[derive(Debug, Clone, Deserialize)]
struct Assignment {
    row: i64,
    grantee: String,
    /// What is recorded for nobody is written as an empty list.
    contributions: Value,
}

/// What one grant was recorded to give.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Contribution {
    pub roles: BTreeSet<String>,
    pub window: BTreeMap<String, Option<String>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Held {
    row: i64,
    grantee: String,
    role: String,
    until: i64,
}

#[derive(Debug, Clone, Deserialize)]
struct Effective {
    partner: String,
    customer: String,
    relationship: String,
    grantee: String,
    role: String,
    until: i64,
}

/// Everything that the rules look at, at one instant.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub now: i64,
    pub rows: BTreeMap<i64, Row>,
    pub accepted: Vec<Accepted>,
    pub contributions: BTreeMap<(i64, String), BTreeMap<String, Contribution>>,
    /// What is written and not over, whatever the stage of the row.
    pub written: BTreeMap<(i64, String), Roles>,
    /// What the view shows and is not over, by the row's partner and name.
    pub effective: BTreeMap<(Person, Lineage), Roles>,
    /// All of it as text, also what no rule looks at.
    pub everything: String,
}

const EVERYTHING: &str = "\
SELECT json_object(
 'rows', (SELECT json_group_array(json_object('id', id, 'partner', partner, 'name', name,
   'first_name', first_name, 'number', number, 'namespace', owner_namespace, 'owner', owner_name,
   'scope', scope, 'customer', customer, 'lifecycle', lifecycle, 'invitation', invitation,
   'digest', digest, 'activated_at', activated_at_ms, 'ends_at', ends_at_ms,
   'auto_extend', auto_extend, 'ceiling', json(ceiling), 'end_reason', end_reason,
   'policies', policies, 'revision', revision)) FROM relationships),
 'accepted', (SELECT json_group_array(json_object('namespace', namespace, 'object', object,
   'decision', decision, 'customer', customer, 'partner', partner,
   'at', accepted_at_ms, 'used_for', used_for)) FROM acceptances),
 'assignments', (SELECT json_group_array(json_object('row', relationship_id,
   'grantee', grantee_id, 'version', version, 'recorded', recorded,
   'contributions', json(contributions))) FROM assignments),
 'held', (SELECT json_group_array(json_object('row', relationship_id, 'grantee', grantee_id,
   'role', role_id, 'until', until_ms)) FROM assignment_roles),
 'effective', (SELECT json_group_array(json_object('partner', partner, 'customer', customer,
   'relationship', relationship, 'grantee', grantee_id, 'role', role_id, 'until', until_ms))
   FROM effective_assignments),
 'batches', (SELECT json_group_array(json_array(hash, scope, blocked_at_ms, approved_at_ms))
   FROM batches),
 'members', (SELECT json_group_array(json_array(batch, member, made_at_ms)) FROM batch_members),
 'spent', (SELECT json_group_array(json_array(scope, at_ms, revocations, terminations,
   privileged_gains, new_grantees, replacements)) FROM spent),
 'head', (SELECT json_array(sequence, hash) FROM ledger_head))";

#[derive(Deserialize)]
struct Read {
    rows: Vec<Row>,
    accepted: Vec<Accepted>,
    assignments: Vec<Assignment>,
    held: Vec<Held>,
    effective: Vec<Effective>,
}

impl Snapshot {
    pub async fn take(connection: &mut SqliteConnection, now: i64) -> Self {
        let read = sqlx::query(EVERYTHING).fetch_one(connection).await.unwrap();
        Self::of(read.get(0), now)
    }

    fn of(everything: String, now: i64) -> Self {
        let Read { rows, accepted, assignments, held, effective } =
            serde_json::from_str(&everything).unwrap();
        let mut written: BTreeMap<(i64, String), Roles> = BTreeMap::new();
        for Held { row, grantee, role, until } in held {
            if until > now {
                written.entry((row, grantee)).or_default().insert(role, until);
            }
        }
        let rows: BTreeMap<i64, Row> = rows.into_iter().map(|row| (row.id, row)).collect();
        let names: BTreeMap<(String, String), Lineage> = rows
            .values()
            .map(|row| ((row.partner.clone(), row.name.clone()), row.lineage()))
            .collect();
        let mut shown: BTreeMap<(Person, Lineage), Roles> = BTreeMap::new();
        for Effective { partner, customer, relationship, grantee, role, until } in effective {
            if until > now {
                let lineage = names[&(partner.clone(), relationship)].clone();
                let roles = shown.entry(((partner, customer, grantee), lineage)).or_default();
                let end = roles.entry(role).or_insert(until);
                *end = until.max(*end);
            }
        }
        let contributions = assignments
            .into_iter()
            .map(|one| {
                let given = if one.contributions.is_object() {
                    serde_json::from_value(one.contributions).unwrap()
                } else {
                    BTreeMap::new()
                };
                ((one.row, one.grantee), given)
            })
            .collect();
        Self { now, rows, accepted, contributions, written, effective: shown, everything }
    }

    /// The same some time later: what is over is gone.
    pub fn at(&self, now: i64) -> Self {
        Self::of(self.everything.clone(), now)
    }

    /// Who holds what, whatever it comes through.
    pub fn persons(&self, through: impl Fn(&(Person, Lineage)) -> bool) -> Persons<'_> {
        let mut persons = Persons::new();
        for ((person, _), roles) in self.effective.iter().filter(|(at, _)| through(at)) {
            let all = persons.entry(person).or_default();
            for (role, until) in roles {
                let end = all.entry(role).or_insert(*until);
                *end = (*end).max(*until);
            }
        }
        persons
    }

    /// The row of a relationship in which access is held.
    pub fn active(&self, lineage: &Lineage) -> Option<&Row> {
        let rows = self.rows.values().filter(|row| row.is_active() && row.lineage() == *lineage);
        rows.max_by_key(|row| row.number)
    }

    /// What `concordat offer` can show.
    pub fn pending(&self) -> Vec<Pending> {
        let pending = self.rows.values().filter(|row| row.lifecycle == "ApprovalPending");
        pending
            .map(|row| Pending {
                namespace: row.namespace.clone(),
                name: row.owner.clone(),
                customer: row.customer.clone(),
                partner: row.partner.clone(),
                digest: row.digest.clone(),
            })
            .collect()
    }
}
