//! What the tables of a store must hold by the entries of its ledger alone, and how what they do hold differs from it.
//!
//! Every column of every table stands in [`COLUMNS`], with how it is judged: a column that is not there is named as
//! one that nobody compares.
//!
//! Never: a row that was changed, put there or taken away and is passed over, or a person's name in an answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::Timestamp;
use serde::{Deserialize as _, Serialize};
use serde_json::{Value, json};

use super::{Columns, Entry, EntryKind, Failed, Intended, Made, Recorded};
use crate::domain::{
    change::{Effect, Subject},
    digest::{Digest, canonical},
    ids::{GranteeId, RoleId},
    lifecycle::Lifecycle,
    limits::Cost,
    relationship::effect,
    state::{Acceptance, Assignment, Grantee, ObservedRelationship, RelationshipKey},
};

/// A row as a store holds it, by column.
pub type Cells = BTreeMap<String, Value>;

/// How a column is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// It is what the entries say.
    Value,
    /// The same, where what counts is the JSON in it and not how that is written.
    Json,
    /// The same of a map, which is empty as an empty list too.
    Map,
    /// No entry says it, for this reason.
    Free(&'static str),
}

use Column::{Free, Json, Map, Value as Exact};

/// Every column of every table but the ledger itself.
pub const COLUMNS: &[(&str, &[(&str, Column)])] = &[
    (
        "relationships",
        &[
            ("id", Exact),
            ("cloud", Exact),
            ("partner", Exact),
            ("name", Exact),
            ("first_name", Exact),
            ("number", Exact),
            ("owner_instance", Exact),
            ("owner_namespace", Exact),
            ("owner_name", Exact),
            ("owner_uid", Exact),
            ("scope", Exact),
            ("revision", Exact),
            ("last_change", Exact),
            ("customer", Exact),
            ("customer_name", Exact),
            ("partner_name", Exact),
            ("type", Exact),
            ("lifecycle", Exact),
            ("invitation", Json),
            ("digest", Exact),
            ("asked", Json),
            ("invited_at_ms", Exact),
            ("activated_at_ms", Exact),
            ("ends_at_ms", Exact),
            ("auto_extend", Exact),
            ("ceiling", Json),
            ("ended_at_ms", Exact),
            ("end_reason", Exact),
            ("policies", Json),
            ("came_at_ms", Exact),
            ("service_id", Exact),
            ("service_host", Exact),
        ],
    ),
    (
        "assignments",
        &[
            ("relationship_id", Exact),
            ("grantee_id", Exact),
            ("grantee_kind", Exact),
            ("grantee_name", Exact),
            ("version", Exact),
            ("last_change", Exact),
            ("recorded", Map),
            ("contributions", Map),
            ("came_at_ms", Exact),
        ],
    ),
    (
        "assignment_roles",
        &[
            ("relationship_id", Exact),
            ("grantee_id", Exact),
            ("role_id", Exact),
            ("until_ms", Exact),
        ],
    ),
    (
        "acceptances",
        &[
            ("content", Exact),
            ("namespace", Exact),
            ("object", Exact),
            ("decision", Exact),
            ("customer", Exact),
            ("partner", Exact),
            ("agreement_type", Exact),
            ("template_id", Exact),
            ("country", Exact),
            ("language", Exact),
            ("document_sha256", Exact),
            ("accepted_at_ms", Exact),
            ("recorded_at_ms", Exact),
            ("person", Exact),
            ("used_for", Exact),
        ],
    ),
    // Salt and content give the hash, or the record was changed: that is told apart from this.
    ("persons", &[("hash", Exact), ("erased_at_ms", Exact)]),
    (
        "batches",
        &[
            ("hash", Exact),
            ("scope", Exact),
            ("exceeded", Json),
            ("blocked_at_ms", Exact),
            ("blocked_by", Exact),
            ("approved_at_ms", Exact),
            ("approved_by", Exact),
        ],
    ),
    (
        "batch_members",
        &[
            ("batch", Exact),
            ("member", Exact),
            ("made_at_ms", Exact),
            ("matter", Exact),
            ("subject", Exact),
            ("asked_by", Exact),
            ("approved_at_ms", Exact),
        ],
    ),
    (
        "spent",
        &[
            ("id", Free("it only tells two rows apart")),
            ("scope", Exact),
            ("at_ms", Exact),
            ("revocations", Exact),
            ("terminations", Exact),
            ("privileged_gains", Exact),
            ("new_grantees", Exact),
            ("replacements", Exact),
        ],
    ),
    (
        "errands",
        &[
            ("change_id", Exact),
            ("entry", Exact),
            ("instance", Exact),
            ("cloud", Exact),
            ("partner", Exact),
            ("name", Exact),
            ("grantee_id", Exact),
            ("service_host", Exact),
            ("state", Free("it is what was last heard of the service, which proves nothing")),
            ("service_id", Free("it is looked up at the service before anything rests on it")),
            ("carried_out_by", Free("it is looked up at the service before anything rests on it")),
            ("sent_at_ms", Free("it only says when to look again")),
        ],
    ),
    (
        "instances",
        &[
            ("instance", Exact),
            ("epoch", Exact),
            ("holder", Free("it is for whoever waits, and decides nothing")),
        ],
    ),
];

/// Something in a store that its ledger does not explain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unexplained {
    /// The table.
    pub table: &'static str,
    /// The row, by what people call it.
    pub row: String,
    /// What is not as the entries say.
    pub difference: Difference,
}

/// How a row differs from what the entries say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Difference {
    /// No entry gave the row.
    Added,
    /// The row is not there.
    Gone {
        /// The last entry about it.
        entry: i64,
    },
    /// A column says something else.
    Changed {
        /// Which.
        column: String,
        /// What it says.
        found: String,
        /// What it must say.
        expected: String,
        /// The last entry about the row.
        entry: i64,
    },
    /// A column is not compared by this version.
    NotCompared {
        /// Which.
        column: String,
    },
}

impl fmt::Display for Unexplained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, row, difference } = self;
        write!(f, "row `{row}` of `{table}`: ")?;
        match difference {
            Difference::Added => f.write_str("no entry gave this"),
            Difference::Gone { entry } => {
                write!(f, "it is gone, and entry {entry} says it is there")
            }
            Difference::Changed { column, found, expected, entry } => {
                write!(f, "no entry gave it `{column}` {found}; by entry {entry} it is {expected}")
            }
            Difference::NotCompared { column } => {
                write!(f, "`{column}` is not compared with the ledger by this version")
            }
        }
    }
}

/// A value as it is shown: short, and on one line.
fn shown(value: &Value) -> String {
    const AT_MOST: usize = 80;
    let text = match value {
        Value::Null => return "nothing".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    let plain: String =
        text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    match plain.char_indices().nth(AT_MOST) {
        Some((end, _)) => format!("`{}…`", &plain[..end]),
        None => format!("`{plain}`"),
    }
}

/// What one row must be. A column that is left out was not said by the program that wrote the entries.
#[derive(Debug, Clone, Default)]
struct Row {
    cells: BTreeMap<&'static str, Value>,
    entry: i64,
}

impl Row {
    fn set(&mut self, column: &'static str, value: impl Serialize) {
        self.cells.insert(column, json!(value));
    }

    /// Says it where it is known, and nothing where it is not.
    fn set_known(&mut self, column: &'static str, value: Option<impl Serialize>) {
        match value {
            Some(value) => self.set(column, value),
            None => drop(self.cells.remove(column)),
        }
    }

    fn number(&self, column: &str) -> i64 {
        self.cells.get(column).and_then(Value::as_i64).unwrap_or_default()
    }

    /// What of a row is not as it must be.
    fn differences(&self, table: &'static str, name: &str, found: &Cells) -> Vec<Unexplained> {
        let unexplained = |difference| Unexplained { table, row: name.to_owned(), difference };
        let mut list = not_compared(table, name, found);
        for (column, kind) in columns(table) {
            let Some(expected) = self.cells.get(column) else { continue };
            let found = found.get(*column).unwrap_or(&Value::Null);
            let same = match kind {
                Column::Value => found == expected,
                Column::Json => parsed(found) == parsed(expected),
                Column::Map => parsed_map(found) == parsed_map(expected),
                Column::Free(_) => true,
            };
            if !same {
                list.push(unexplained(Difference::Changed {
                    column: (*column).to_owned(),
                    found: shown(found),
                    expected: shown(expected),
                    entry: self.entry,
                }));
            }
        }
        list
    }
}

fn columns(table: &str) -> &'static [(&'static str, Column)] {
    COLUMNS.iter().find(|(name, _)| *name == table).map_or(&[], |(_, columns)| columns)
}

fn not_compared(table: &'static str, name: &str, found: &Cells) -> Vec<Unexplained> {
    let known: BTreeSet<&str> = columns(table).iter().map(|(column, _)| *column).collect();
    let unknown = found.keys().filter(|column| !known.contains(column.as_str()));
    unknown
        .map(|column| Unexplained {
            table,
            row: name.to_owned(),
            difference: Difference::NotCompared { column: column.clone() },
        })
        .collect()
}

/// The JSON in a column of text.
fn parsed(value: &Value) -> Value {
    let text = value.as_str().and_then(|text| serde_json::from_str(text).ok());
    text.unwrap_or_else(|| value.clone())
}

/// The map in a column of text. Stores also hold an empty one as an empty list.
fn parsed_map(value: &Value) -> Value {
    let map = parsed(value);
    if map == json!([]) { json!({}) } else { map }
}

/// What must stand under one name in the store.
#[derive(Debug, Clone)]
struct Relationship {
    state: ObservedRelationship,
    /// What stands in its row beside that.
    beside: Row,
    assignments: BTreeMap<GranteeId, Row>,
    /// By grantee and role, in milliseconds, with the entry that says so.
    held: BTreeMap<(GranteeId, RoleId), (i64, i64)>,
}

/// What must stand of the record of a person.
#[derive(Debug, Clone)]
struct Person {
    /// The entry that names it, and when that was written.
    entry: i64,
    at: i64,
    erased: Option<i64>,
}

/// What must stand of one batch.
#[derive(Debug, Clone, Default)]
struct Batch {
    row: Row,
    members: BTreeMap<String, Member>,
}

/// What must stand of one member of a batch.
#[derive(Debug, Clone, Default)]
struct Member {
    /// The entry since which it counts as not made.
    since: i64,
    /// When it was approved, where entries say so.
    approved: Option<i64>,
    /// What else stands of it, where entries say so.
    row: Row,
}

/// Reads entries in order and keeps what the tables must hold after them.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    /// Whether every entry is pushed, so that rows can be counted.
    whole: bool,
    relationships: BTreeMap<RelationshipKey, Relationship>,
    acceptances: BTreeMap<String, (Row, Option<RelationshipKey>)>,
    persons: BTreeMap<String, Person>,
    batches: BTreeMap<String, Batch>,
    /// What members are about, whatever their ends.
    matters: BTreeMap<String, String>,
    /// When members were made, by what they are about, with the entry.
    made: BTreeMap<String, Vec<(i64, i64)>>,
    spent: BTreeMap<(String, i64), (Cost, i64)>,
    epochs: BTreeMap<String, (i64, i64)>,
    /// What was intended, by the id of the change, with whether it is still open.
    errands: BTreeMap<String, (Row, bool)>,
    /// Since when entries say all that this needs.
    complete_since: Option<i64>,
    last: i64,
    not_understood: Vec<i64>,
}

impl Unexplained {
    /// A row that is not as the ledger says, where that says no more.
    pub fn differs(table: &'static str, row: &str) -> Self {
        added(table, row)
    }
}

/// What stands beside the payload of an entry and is not what that says.
pub fn compare_beside(entry: &Entry, found: &Columns) -> Vec<Unexplained> {
    let (Value::Object(mut expected), Value::Object(found)) =
        (json!(Columns::of(&entry.payload)), json!(found))
    else {
        return Vec::new();
    };
    let differs = |(column, found): (String, Value)| {
        let expected = expected.remove(&column).unwrap_or_default();
        let (shown, must) = (shown(&found), shown(&expected));
        let entry = entry.sequence;
        let difference = Difference::Changed { column, found: shown, expected: must, entry };
        let row = entry.to_string();
        (found != expected).then_some(Unexplained { table: "ledger", row, difference })
    };
    found.into_iter().filter_map(differs).collect()
}

impl Tables {
    /// Nothing yet of a whole ledger.
    pub fn of_all() -> Self {
        Self { whole: true, ..Self::default() }
    }

    /// Nothing yet, where only the entries about some subjects will be pushed.
    pub fn of_some() -> Self {
        Self::default()
    }

    /// Effects that this version does not understand, by their numbers.
    pub fn not_understood(&self) -> &[i64] {
        &self.not_understood
    }

    /// Takes the next entry.
    pub fn push(&mut self, entry: &Entry) {
        self.last = entry.time.as_millisecond();
        match entry.kind {
            EntryKind::Blocked | EntryKind::Approved => self.batch(entry),
            EntryKind::Asked => self.stored(entry),
            EntryKind::Difference => self.changed_outside(entry),
            EntryKind::Erased => self.erased(entry),
            EntryKind::Intended => {
                if self.intended(entry).is_none() {
                    self.not_understood.push(entry.sequence);
                }
            }
            EntryKind::Failed => match Failed::deserialize(&entry.payload) {
                Ok(Failed { failed, .. }) => self.closed(failed),
                Err(_) => self.not_understood.push(entry.sequence),
            },
            EntryKind::Refused => {
                if let Ok(Recorded { person: Some(hash), .. }) = Recorded::read(&entry.payload) {
                    self.named(hash, entry);
                }
            }
            EntryKind::Invited
            | EntryKind::Adopted
            | EntryKind::Recognised
            | EntryKind::Authorised
            | EntryKind::Declined
            | EntryKind::Withdrawn
            | EntryKind::RolesSet
            | EntryKind::RolesExpired
            | EntryKind::AutoExtendSet
            | EntryKind::GlobalAdministratorDropped
            | EntryKind::Extended
            | EntryKind::Claimed
            | EntryKind::PoliciesSet
            | EntryKind::Renamed
            | EntryKind::Terminated
            | EntryKind::Expired
            | EntryKind::AgreementAccepted
            | EntryKind::BoundarySet => {
                let recorded = Recorded::read(&entry.payload).ok();
                let done = recorded.and_then(|recorded| self.effect(entry, recorded));
                if done.is_none() {
                    self.not_understood.push(entry.sequence);
                }
            }
        }
    }

    /// What is about to be sent has paid, and is open from then on.
    fn intended(&mut self, entry: &Entry) -> Option<()> {
        let Intended { intends, id, host, made } = Intended::deserialize(&entry.payload).ok()?;
        self.complete_since.get_or_insert(entry.time.as_millisecond());
        self.note(entry, &intends.subject, &made);
        let key = intends.subject.relationship.as_ref()?;
        let mut row = Row { entry: entry.sequence, ..Row::default() };
        row.set("change_id", id);
        row.set("entry", entry.sequence);
        row.set("instance", &intends.subject.owner.instance);
        row.set("cloud", key.cloud);
        row.set("partner", key.partner);
        row.set("name", &key.name);
        row.set("service_host", host);
        row.set("grantee_id", intends.effect.roles_set().map(|(grantee, _, _)| grantee.id));
        self.errands.insert(id.to_string(), (row, true));
        Some(())
    }

    fn closed(&mut self, change: Digest) {
        if let Some((_, is_open)) = self.errands.get_mut(&change.to_string()) {
            *is_open = false;
        }
    }

    fn effect(&mut self, entry: &Entry, recorded: Recorded) -> Option<()> {
        let Recorded { change, cause: _, subject, effect, person, made } = recorded;
        self.closed(change);
        let at = entry.time.as_millisecond();
        if let Some(made) = &made {
            self.complete_since.get_or_insert(at);
            self.note(entry, &subject, made);
        }
        if let Some(acceptance) = super::acceptance(&effect) {
            self.accepted(entry, acceptance, subject.relationship.as_ref(), person);
        }
        // What bounds a namespace is read from its entries, and stands in no table.
        if let Effect::RecordAcceptance { .. } | Effect::SetBoundary { .. } = effect {
            return Some(());
        }
        let key = subject.relationship.clone()?;
        if let Some((first, _, _)) = effect.makes_row() {
            let counted = i64::try_from(self.relationships.len() + 1).ok().filter(|_| self.whole);
            let id = made.as_ref().and_then(|made| made.row).or(counted);
            let mut state = effect::made(&subject, &effect, entry.time)?;
            if let Some(at) = made.as_ref().and_then(|made| made.at.clone()) {
                state.at = Some(at);
            }
            let mut beside = Row { entry: entry.sequence, ..Row::default() };
            beside.set_known("id", id);
            beside.set("first_name", &first.name);
            beside.set("last_change", change);
            if let Some(came) = made.as_ref().and_then(|made| made.came) {
                beside.set("came_at_ms", came);
            }
            beside.set_known("scope", made.map(|made| made.scope));
            let (assignments, held) = (BTreeMap::new(), BTreeMap::new());
            self.relationships.insert(key, Relationship { state, beside, assignments, held });
            return Some(());
        }
        let relationship = self.relationships.get_mut(&key)?;
        if let Effect::SetRoles { grantee, before: _, after } = &effect {
            relationship.set_roles(entry, change, grantee, after, made.as_ref());
            return Some(());
        }
        effect::make(&mut relationship.state, &effect, entry.time);
        let row = &mut relationship.beside;
        row.entry = entry.sequence;
        row.set("last_change", change);
        if let Some(came) = made.as_ref().and_then(|made| made.came) {
            row.set("came_at_ms", came);
        }
        row.set_known("scope", made.map(|made| made.scope));
        Some(())
    }

    /// What the store said of a change besides.
    fn note(&mut self, entry: &Entry, subject: &Subject, made: &Made) {
        let at = entry.time.as_millisecond();
        let instance = subject.owner.instance.to_string();
        let epoch = self.epochs.entry(instance).or_insert((0, entry.sequence));
        if made.epoch >= epoch.0 {
            *epoch = (made.epoch, entry.sequence);
        }
        if let Some(member) = made.member {
            let matter = self.matter(&member.to_string()).to_owned();
            self.made.entry(matter).or_default().push((at, entry.sequence));
        }
        if let Some(cost) = made.cost {
            let spent = self.spent.entry((made.scope.clone(), at)).or_default();
            *spent = (spent.0.plus(cost), entry.sequence);
        }
    }

    fn accepted(
        &mut self,
        entry: &Entry,
        acceptance: &Acceptance,
        used_for: Option<&RelationshipKey>,
        person: Option<Digest>,
    ) {
        let text = acceptance.agreement.as_ref();
        let mut row = Row { entry: entry.sequence, ..Row::default() };
        row.set("content", acceptance.content);
        row.set("namespace", &acceptance.object.namespace);
        row.set("object", &acceptance.object.name);
        row.set("decision", acceptance.decision);
        row.set("customer", acceptance.customer);
        row.set("partner", acceptance.partner);
        row.set("agreement_type", text.map(|text| text.type_));
        row.set("template_id", text.map(|text| &text.template_id));
        row.set("country", text.map(|text| &text.document.country));
        row.set("language", text.map(|text| &text.document.language));
        row.set("document_sha256", text.map(|text| text.document.sha256));
        row.set("accepted_at_ms", acceptance.accepted_at.as_millisecond());
        row.set("recorded_at_ms", entry.time.as_millisecond());
        row.set("person", person);
        if let Some(person) = person {
            self.named(person, entry);
        }
        self.acceptances.insert(acceptance.content.to_string(), (row, used_for.cloned()));
    }

    fn batch(&mut self, entry: &Entry) {
        let text = |field: &str| entry.payload.get(field).and_then(Value::as_str);
        let Some(hash) = text("batch") else {
            self.not_understood.push(entry.sequence);
            return;
        };
        let members = entry.payload.get("members").and_then(Value::as_array);
        let members = members.into_iter().flatten();
        let members: BTreeSet<String> = members.filter_map(member).collect();
        let at = entry.time.as_millisecond();
        self.stored(entry);
        let is_made = |(member, known): (&String, &Member)| {
            self.made_since(member, known.since).map(|_| member.clone())
        };
        let known = self.batches.get(hash).map(|batch| &batch.members);
        let made: BTreeSet<String> = known.into_iter().flatten().filter_map(is_made).collect();
        let waits = known.is_some_and(|known| made.len() < known.len());
        let batch = self.batches.entry(hash.to_owned()).or_default();
        if !waits || entry.kind == EntryKind::Blocked {
            let scope = batch.row.cells.get("scope").cloned();
            batch.row.set("hash", hash);
            batch.row.set("scope", scope.unwrap_or_else(|| json!(text("scope"))));
            let exceeded = entry.payload.get("exceeded").cloned().unwrap_or_default();
            batch.row.set("exceeded", exceeded.to_string());
            batch.row.set("blocked_at_ms", at);
            batch.row.set("blocked_by", &entry.actor.name);
            batch.row.set("approved_at_ms", Value::Null);
            batch.row.set("approved_by", Value::Null);
        }
        if entry.kind == EntryKind::Approved {
            batch.row.set("approved_at_ms", at);
            batch.row.set("approved_by", &entry.actor.name);
        }
        batch.row.entry = entry.sequence;
        for name in members {
            let member = batch.members.entry(name.clone()).or_default();
            if made.contains(&name) {
                member.approved = None;
            }
            if entry.kind == EntryKind::Approved {
                member.approved = Some(at);
            }
            member.since = entry.sequence;
        }
    }

    /// What an entry says besides of the members of a batch.
    fn stored(&mut self, entry: &Entry) {
        let Some(hash) = entry.payload.get("batch").and_then(Value::as_str) else { return };
        let stored = entry.payload.get("stored").and_then(Value::as_array);
        for cells in stored.into_iter().flatten() {
            let text = |field: &str| cells.get(field).and_then(Value::as_str);
            let Some(name) = text("member") else { continue };
            if let Some(matter) = text("matter") {
                self.matters.insert(name.to_owned(), matter.to_owned());
            }
            let batch = self.batches.entry(hash.to_owned()).or_default();
            let row = &mut batch.members.entry(name.to_owned()).or_default().row;
            row.entry = entry.sequence;
            for column in ["matter", "subject", "asked_by"] {
                row.set(column, cells.get(column));
            }
        }
    }

    /// What a member is about, whatever its ends.
    fn matter<'a>(&'a self, member: &'a str) -> &'a str {
        self.matters.get(member).map_or(member, String::as_str)
    }

    /// When a member was made after an entry, and by which.
    fn made_since(&self, member: &str, entry: i64) -> Option<(i64, i64)> {
        let made = self.made.get(self.matter(member))?.iter();
        made.copied().find(|(_, sequence)| *sequence > entry)
    }

    /// What an entry says was changed outside is explained by it.
    fn changed_outside(&mut self, entry: &Entry) {
        let Some(outside) = Outside::read(&entry.payload) else { return };
        let Some(relationship) = self.relationships.get_mut(&outside.relationship) else { return };
        if let Some(stage) = outside.lifecycle {
            relationship.state.lifecycle = stage;
            relationship.beside.entry = entry.sequence;
        }
        for OutsideRole { grantee, role, until_ms } in outside.roles {
            match until_ms {
                Some(until) => {
                    relationship.held.insert((grantee, role), (until, entry.sequence));
                }
                None => drop(relationship.held.remove(&(grantee, role))),
            }
        }
    }

    fn named(&mut self, person: Digest, entry: &Entry) -> &mut Person {
        let (at, sequence) = (entry.time.as_millisecond(), entry.sequence);
        let new = Person { entry: sequence, at, erased: None };
        self.persons.entry(person.to_string()).or_insert(new)
    }

    fn erased(&mut self, entry: &Entry) {
        let records = entry.payload.get("records").and_then(Value::as_array);
        let records = records.into_iter().flatten().filter_map(Value::as_str);
        for hash in records.filter_map(|hash| hash.parse().ok()) {
            self.named(hash, entry).erased = Some(entry.time.as_millisecond());
        }
    }
}

/// What was changed outside, as an entry says it so that it can be compared.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
pub struct Outside {
    /// In which row.
    pub relationship: RelationshipKey,
    /// Its stage, where that is not what was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<Lifecycle>,
    /// Roles that are not held as they were recorded.
    pub roles: Vec<OutsideRole>,
}

impl Outside {
    /// What the payload of an entry says was changed outside; nothing where it does not say it like this.
    pub fn read(payload: &Value) -> Option<Self> {
        payload.get("outside").and_then(|outside| serde_json::from_value(outside.clone()).ok())
    }
}

/// A role that is not held as it was recorded.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
pub struct OutsideRole {
    /// By whom.
    pub grantee: GranteeId,
    /// Which.
    pub role: RoleId,
    /// Until when it is held; absent where it is not.
    pub until_ms: Option<i64>,
}

/// A member of a batch, as an entry lists it.
fn member(listed: &Value) -> Option<String> {
    let hash = listed.as_str().or_else(|| listed.get("member").and_then(Value::as_str));
    hash.map(ToOwned::to_owned)
}

impl Relationship {
    /// Its row.
    fn row(&self) -> Row {
        let (state, mut row) = (&self.state, self.beside.clone());
        let millis = |instant: Timestamp| instant.as_millisecond();
        row.set("cloud", state.invitation.cloud);
        row.set("partner", state.invitation.partner);
        row.set("name", &state.invitation.name);
        row.set("number", state.number);
        row.set("owner_instance", &state.owner.instance);
        row.set("owner_namespace", &state.owner.object.namespace);
        row.set("owner_name", &state.owner.object.name);
        row.set("owner_uid", &state.uid);
        row.set("revision", state.revision);
        row.set("customer", state.invitation.customer);
        row.set("customer_name", &state.customer_name);
        row.set("partner_name", &state.partner_name);
        row.set("type", state.invitation.type_);
        row.set("lifecycle", &state.lifecycle);
        row.set("invitation", canonical(&state.invitation));
        row.set("digest", state.digest);
        row.set("asked", canonical(&state.asked));
        row.set("invited_at_ms", millis(state.invited_at));
        row.set("activated_at_ms", state.activated_at.map(millis));
        row.set("ends_at_ms", state.ends_at.map(millis));
        row.set("auto_extend", state.auto_extend);
        row.set("ceiling", canonical(&state.ceiling));
        row.set("ended_at_ms", state.ended.as_ref().map(|ended| millis(ended.at)));
        row.set("end_reason", state.ended.as_ref().map(|ended| ended.reason));
        row.set("policies", canonical(&state.policies));
        row.set("service_id", state.at.as_ref().map(|at| &at.id));
        row.set("service_host", state.at.as_ref().map(|at| at.host));
        row
    }

    fn set_roles(
        &mut self,
        entry: &Entry,
        change: Digest,
        grantee: &Grantee,
        after: &Assignment,
        made: Option<&Made>,
    ) {
        let version = made.and_then(|made| made.version);
        let row = self.assignments.entry(grantee.id).or_default();
        row.entry = entry.sequence;
        row.set("grantee_id", grantee.id);
        row.set("grantee_kind", grantee.kind);
        row.set("grantee_name", &grantee.name);
        row.set_known("version", version);
        if let Some(came) = made.and_then(|made| made.came) {
            row.set("came_at_ms", came);
        }
        row.set("last_change", change);
        row.set("recorded", canonical(&after.recorded));
        row.set("contributions", canonical(&after.contributions));
        self.held.retain(|(of, _), _| *of != grantee.id);
        let until = |until: &Timestamp| (until.as_millisecond(), entry.sequence);
        let held = after.roles.iter().map(|(role, at)| ((grantee.id, *role), until(at)));
        self.held.extend(held);
    }
}

fn text<'a>(cells: &'a Cells, column: &str) -> &'a str {
    cells.get(column).and_then(Value::as_str).unwrap_or_default()
}

fn number(cells: &Cells, column: &str) -> i64 {
    cells.get(column).and_then(Value::as_i64).unwrap_or_default()
}

/// Whether a row says nothing but that somebody else gave access to a grantee (L12).
fn is_of_others(assignment: &Cells) -> bool {
    let empty = |column| parsed_map(assignment.get(column).unwrap_or(&Value::Null)) == json!({});
    let unchanged = assignment.get("last_change").is_none_or(Value::is_null);
    unchanged && empty("recorded") && empty("contributions")
}

/// Rows of tables, by the name of the table.
pub type Found = BTreeMap<&'static str, Vec<Cells>>;

impl Tables {
    /// Everything in the tables that the entries do not explain, and everything that they say and is not there.
    pub fn compare(&self, found: &Found) -> Vec<Unexplained> {
        let rows = |table: &str| found.get(table).map(Vec::as_slice).unwrap_or_default();
        let names: BTreeMap<i64, String> = rows("relationships")
            .iter()
            .map(|row| (number(row, "id"), text(row, "name").to_owned()))
            .collect();
        let mut list = self.compare_relationships(rows("relationships"));
        list.extend(self.compare_assignments(rows("assignments"), &names));
        list.extend(self.compare_roles(rows("assignment_roles"), &names));
        list.extend(self.compare_acceptances(rows("acceptances")));
        list.extend(self.compare_persons(rows("persons")));
        list.extend(self.compare_batches(rows("batches")));
        list.extend(self.compare_members(rows("batch_members")));
        list.extend(self.compare_spent(rows("spent")));
        list.extend(self.compare_errands(rows("errands")));
        list.extend(self.compare_instances(rows("instances")));
        list
    }

    /// What is open must be there; what was given up is kept for a while.
    fn compare_errands(&self, found: &[Cells]) -> Vec<Unexplained> {
        let table = "errands";
        let mut list = Vec::new();
        let mut rows: BTreeMap<&str, &Cells> =
            found.iter().map(|row| (text(row, "change_id"), row)).collect();
        for (id, (row, is_open)) in &self.errands {
            match rows.remove(id.as_str()) {
                Some(found) => list.extend(row.differences(table, &short(id), found)),
                None if *is_open => list.push(gone_row(table, &short(id), row)),
                None => {}
            }
        }
        list.extend(rows.into_keys().map(|id| added(table, &short(id))));
        list
    }

    /// What is wrong with one relationship, with what was assigned under it, and with the acceptances that were used
    /// for it, where only the entries about it were pushed. What is held is not looked at.
    pub fn compare_one(
        &self,
        key: &RelationshipKey,
        row: &Cells,
        assignments: &[Cells],
        acceptances: &[Cells],
    ) -> Vec<Unexplained> {
        let name = key.name.as_str();
        let Some(expected) = self.relationships.get(key) else {
            return vec![added("relationships", name)];
        };
        let mut list = expected.row().differences("relationships", name, row);
        let mut there = BTreeSet::new();
        for cells in assignments {
            let row = format!("{name}/{}", text(cells, "grantee_id"));
            let id = text(cells, "grantee_id").parse::<GranteeId>().ok();
            match id.and_then(|id| Some((id, expected.assignments.get(&id)?))) {
                Some((id, expected)) => {
                    there.insert(id);
                    list.extend(expected.differences("assignments", &row, cells));
                }
                None if is_of_others(cells) => {}
                None => list.push(added("assignments", &row)),
            }
        }
        let gone = expected.assignments.iter().filter(|(id, _)| !there.contains(id));
        list.extend(gone.map(|(id, row)| gone_row("assignments", &format!("{name}/{id}"), row)));
        let mut used = BTreeSet::new();
        for cells in acceptances {
            let content = text(cells, "content");
            used.insert(content);
            match self.acceptances.get(content) {
                Some((expected, Some(for_key))) if for_key == key => {
                    list.extend(expected.differences("acceptances", &short(content), cells));
                }
                Some(_) | None => list.push(added("acceptances", &short(content))),
            }
        }
        let expected = self.acceptances.iter();
        let expected = expected.filter(|(_, (_, used_for))| used_for.as_ref() == Some(key));
        let gone = expected.filter(|(content, _)| !used.contains(content.as_str()));
        list.extend(gone.map(|(content, (row, _))| gone_row("acceptances", &short(content), row)));
        list
    }

    /// What is wrong with acceptances of agreements alone, each called by its whole content, where the entries about
    /// their customers were pushed.
    pub fn compare_agreements(&self, found: &[Cells]) -> Vec<Unexplained> {
        let table = "acceptances";
        let mut list = Vec::new();
        let mut rows: BTreeMap<&str, &Cells> =
            found.iter().map(|row| (text(row, "content"), row)).collect();
        for (content, (row, _)) in &self.acceptances {
            match rows.remove(content.as_str()) {
                Some(found) => list.extend(row.differences(table, content, found)),
                None => list.push(gone_row(table, content, row)),
            }
        }
        list.extend(rows.into_keys().map(|content| added(table, content)));
        list
    }

    fn compare_relationships(&self, found: &[Cells]) -> Vec<Unexplained> {
        let mut list = Vec::new();
        let mut by_id: BTreeMap<i64, &Cells> =
            found.iter().map(|row| (number(row, "id"), row)).collect();
        for (key, relationship) in &self.relationships {
            let row = relationship.row();
            match by_id.remove(&row.number("id")) {
                Some(found) => list.extend(row.differences("relationships", &key.name, found)),
                None => list.push(gone_row("relationships", &key.name, &row)),
            }
        }
        list.extend(by_id.values().map(|row| added("relationships", text(row, "name"))));
        list
    }

    fn compare_assignments(
        &self,
        found: &[Cells],
        names: &BTreeMap<i64, String>,
    ) -> Vec<Unexplained> {
        let mut list = Vec::new();
        let mut rows: BTreeMap<(i64, String), &Cells> = found
            .iter()
            .map(|row| ((number(row, "relationship_id"), text(row, "grantee_id").to_owned()), row))
            .collect();
        for (key, Relationship { beside, assignments, .. }) in &self.relationships {
            let id = beside.number("id");
            for (grantee, row) in assignments {
                let (grantee, name) = (grantee.to_string(), format!("{}/{grantee}", key.name));
                match rows.remove(&(id, grantee)) {
                    Some(found) => list.extend(row.differences("assignments", &name, found)),
                    None => list.push(gone_row("assignments", &name, row)),
                }
            }
        }
        for ((id, grantee), row) in rows {
            let name = under(names, id, &grantee);
            list.extend(not_compared("assignments", &name, row));
            if !is_of_others(row) {
                list.push(added("assignments", &name));
            }
        }
        list
    }

    fn compare_roles(&self, found: &[Cells], names: &BTreeMap<i64, String>) -> Vec<Unexplained> {
        let table = "assignment_roles";
        let mut list = Vec::new();
        let mut rows: BTreeMap<(i64, String, String), &Cells> = found
            .iter()
            .map(|row| {
                let (grantee, role) = (text(row, "grantee_id"), text(row, "role_id"));
                let id = number(row, "relationship_id");
                ((id, grantee.to_owned(), role.to_owned()), row)
            })
            .collect();
        for (key, Relationship { beside: row, held, .. }) in &self.relationships {
            let id = row.number("id");
            for ((grantee, role), (until, entry)) in held {
                let (grantee, role) = (grantee.to_string(), role.to_string());
                let name = format!("{}/{grantee}/{role}", key.name);
                let mut row = Row { entry: *entry, ..Row::default() };
                row.set("until_ms", until);
                match rows.remove(&(id, grantee, role)) {
                    Some(found) => list.extend(row.differences(table, &name, found)),
                    None => list.push(gone_row(table, &name, &row)),
                }
            }
        }
        let name = |(id, grantee, role): (i64, String, String)| {
            format!("{}/{role}", under(names, id, &grantee))
        };
        list.extend(rows.into_keys().map(|key| added(table, &name(key))));
        list
    }

    fn compare_acceptances(&self, found: &[Cells]) -> Vec<Unexplained> {
        let table = "acceptances";
        let mut list = Vec::new();
        let mut rows: BTreeMap<&str, &Cells> =
            found.iter().map(|row| (text(row, "content"), row)).collect();
        for (content, (row, used_for)) in &self.acceptances {
            let mut row = row.clone();
            let used = used_for.as_ref().and_then(|key| self.relationships.get(key));
            row.set("used_for", used.map(|used| used.beside.number("id")));
            match rows.remove(content.as_str()) {
                Some(found) => list.extend(row.differences(table, &short(content), found)),
                None => list.push(gone_row(table, &short(content), &row)),
            }
        }
        list.extend(rows.into_keys().map(|content| added(table, &short(content))));
        list
    }

    fn compare_persons(&self, found: &[Cells]) -> Vec<Unexplained> {
        let table = "persons";
        let mut list = Vec::new();
        let mut rows: BTreeMap<&str, &Cells> =
            found.iter().map(|row| (text(row, "hash"), row)).collect();
        for (hash, Person { entry, at: recorded, erased }) in &self.persons {
            let mut row = Row { entry: *entry, ..Row::default() };
            row.set("erased_at_ms", erased);
            let Some(found) = rows.remove(hash.as_str()) else {
                list.push(gone_row(table, &short(hash), &row));
                continue;
            };
            // Programs before schema 6 erased without an entry.
            let before =
                |at: i64| at >= *recorded && self.complete_since.is_none_or(|since| at < since);
            let at = found.get("erased_at_ms").and_then(Value::as_i64);
            if erased.is_some() || !at.is_some_and(before) {
                list.extend(row.differences(table, &short(hash), found));
            }
        }
        list.extend(rows.into_keys().map(|hash| added(table, &short(hash))));
        list
    }

    fn compare_batches(&self, found: &[Cells]) -> Vec<Unexplained> {
        let table = "batches";
        let mut list = Vec::new();
        let mut rows: BTreeMap<&str, &Cells> =
            found.iter().map(|row| (text(row, "hash"), row)).collect();
        for (hash, Batch { row, .. }) in &self.batches {
            match rows.remove(hash.as_str()) {
                Some(found) => list.extend(row.differences(table, &short(hash), found)),
                None => list.push(gone_row(table, &short(hash), row)),
            }
        }
        list.extend(rows.into_keys().map(|hash| added(table, &short(hash))));
        list
    }

    fn compare_members(&self, found: &[Cells]) -> Vec<Unexplained> {
        let table = "batch_members";
        let mut list = Vec::new();
        let mut rows: BTreeMap<(&str, &str), &Cells> =
            found.iter().map(|row| ((text(row, "batch"), text(row, "member")), row)).collect();
        for (hash, Batch { row: batch, members }) in &self.batches {
            for (member, Member { since, approved, row }) in members {
                let name = format!("{}/{}", short(hash), short(member));
                let made = self.made_since(member, *since);
                let mut row = row.clone();
                row.entry = made.map_or(batch.entry, |(_, entry)| entry);
                // What was made before entries said so was made by any of them.
                let told =
                    self.complete_since.is_some_and(|from| batch.number("blocked_at_ms") >= from);
                if made.is_some() || told {
                    row.set("made_at_ms", made.map(|(at, _)| at));
                    row.set("approved_at_ms", approved);
                }
                match rows.remove(&(hash.as_str(), member.as_str())) {
                    Some(found) => list.extend(row.differences(table, &name, found)),
                    None => list.push(gone_row(table, &name, &row)),
                }
            }
        }
        let name = |(hash, member)| format!("{}/{}", short(hash), short(member));
        list.extend(rows.into_keys().map(|key| added(table, &name(key))));
        list
    }

    fn compare_spent(&self, found: &[Cells]) -> Vec<Unexplained> {
        let table = "spent";
        let mut list = Vec::new();
        let name = |scope: &str, at: i64| {
            let at = Timestamp::from_millisecond(at).unwrap_or_default();
            format!("{scope} at {at}")
        };
        let mut rows: BTreeMap<(&str, i64), Vec<&Cells>> = BTreeMap::new();
        let since = self.complete_since.unwrap_or(i64::MAX);
        for row in found {
            let (scope, at) = (text(row, "scope"), number(row, "at_ms"));
            // What costs nothing is never written.
            if at >= since && SPENT.iter().all(|measure| number(row, measure) == 0) {
                list.push(added(table, &name(scope, at)));
                continue;
            }
            rows.entry((scope, at)).or_default().push(row);
        }
        let forgotten = self.last - SPENT_IS_FORGOTTEN_AFTER_MILLIS;
        for ((scope, at), (cost, entry)) in &self.spent {
            let mut row = Row { entry: *entry, ..Row::default() };
            let Cost { revocations, terminations, privileged_gains, new_grantees, replacements } =
                cost;
            row.set("revocations", revocations);
            row.set("terminations", terminations);
            row.set("privileged_gains", privileged_gains);
            row.set("new_grantees", new_grantees);
            row.set("replacements", replacements);
            match rows.remove(&(scope.as_str(), *at)).as_deref() {
                Some(found) => {
                    list.extend(row.differences(table, &name(scope, *at), &total(found)));
                }
                None if *at < forgotten => {}
                None => list.push(gone_row(table, &name(scope, *at), &row)),
            }
        }
        let unexplained = rows.into_keys().filter(|(_, at)| *at >= since);
        list.extend(unexplained.map(|(scope, at)| added(table, &name(scope, at))));
        list
    }

    /// A session that wrote nothing has raised the epoch and left no entry; nothing lowers it.
    fn compare_instances(&self, found: &[Cells]) -> Vec<Unexplained> {
        let table = "instances";
        let mut list = Vec::new();
        let rows: BTreeMap<&str, &Cells> =
            found.iter().map(|row| (text(row, "instance"), row)).collect();
        for row in found {
            list.extend(not_compared(table, text(row, "instance"), row));
        }
        for (instance, (epoch, entry)) in &self.epochs {
            let mut row = Row { entry: *entry, ..Row::default() };
            row.set("epoch", epoch);
            match rows.get(instance.as_str()) {
                Some(found) if number(found, "epoch") >= *epoch => {}
                Some(found) => list.extend(row.differences(table, instance, found)),
                None => list.push(gone_row(table, instance, &row)),
            }
        }
        list
    }
}

/// After 30 days the store may have forgotten what was spent.
const SPENT_IS_FORGOTTEN_AFTER_MILLIS: i64 = 30 * 24 * 3_600_000;

/// The columns of what was spent.
const SPENT: [&str; 5] =
    ["revocations", "terminations", "privileged_gains", "new_grantees", "replacements"];

/// What was spent in one scope at one instant: one row is as good as two.
fn total(rows: &[&Cells]) -> Cells {
    let mut total = rows.first().map(|row| (*row).clone()).unwrap_or_default();
    for row in rows.iter().skip(1) {
        for (column, value) in *row {
            if let (Some(sum), Some(more)) =
                (total.get(column).and_then(Value::as_i64), value.as_i64())
            {
                total.insert(column.clone(), json!(sum + more));
            }
        }
    }
    total
}

fn under(names: &BTreeMap<i64, String>, id: i64, grantee: &str) -> String {
    match names.get(&id) {
        Some(name) => format!("{name}/{grantee}"),
        None => format!("{id}/{grantee}"),
    }
}

fn short(hash: &str) -> String {
    hash.chars().take(12).collect()
}

fn added(table: &'static str, row: &str) -> Unexplained {
    Unexplained { table, row: row.to_owned(), difference: Difference::Added }
}

fn gone_row(table: &'static str, row: &str, expected: &Row) -> Unexplained {
    let difference = Difference::Gone { entry: expected.entry };
    Unexplained { table, row: row.to_owned(), difference }
}
